//! Disks of nodes that pass their limits: what is still written, what is said, and how all goes on once there is room.

use std::fs;
use std::path::Path;

use vauban_tests::agency::{Agency, utf8};
use vauban_tests::folder::{self, noise};
use vauban_tests::mount::Mount;
use vauban_tests::node::{NODE_LIMIT, Node, NodeHome};
use vauban_tests::{http, wait};

use super::device::{Device, ensure_held, object, only_space};
use super::replicas::{complete, ensure_back, with_files};
use super::slice::sync;
use super::watch::{ended, event, start};

/// Exit code of a refusal.
const REFUSED: i32 = 5;
/// Kibibytes of a disk that does not hold all, and of one that does.
const SMALL_KIB: u64 = 24 * 1024;
const LARGE_KIB: u64 = 512 * 1024;
/// Kibibytes of a disk for metadata: two hundredths of it are set aside.
const METADATA_KIB: u64 = 256 * 1024;
/// Files of an upload, and bytes of each.
const FILES: (u64, usize) = (32, 1 << 20);

/// A node past its first limit takes nothing from clients, says so, is as good a gateway as any, and is brought its copies by repair.
#[test]
fn past_the_first_limit_only_repair_writes() -> anyhow::Result<()> {
    let (agency, mut nodes, laptop) = with_files(3, FILES)?;
    let home = nodes.remove(1).stop()?;
    home.configure("upload_percent_max = 90", "upload_percent_max = 1")?;
    nodes.push(home.run()?);
    let full = &nodes[2];
    wait::until("the node to say that its disk is full", NODE_LIMIT, || {
        Ok(http::page(full.web(), "/healthz")?.1.contains("\"disk_full\"").then_some(()))
    })?;
    anyhow::ensure!(http::metric(full.web(), "vauban_disk_fill")? == 1.0);
    let (_, page) = http::page(full.web(), "/?lang=en")?;
    anyhow::ensure!(page.contains("missing copies are still written"), "{page}");

    sync(&laptop, &agency.folder().join("here"))?;
    complete(&nodes)?;
    anyhow::ensure!(http::metric(nodes[2].web(), "vauban_job_changes_total{job=\"repair\"}")? >= FILES.0 as f64);
    anyhow::ensure!(nodes[2].said()?.contains("uploads are refused, repair still writes"), "{}", nodes[2].said()?);
    let status = nodes[0].home().attempt(&["cluster", "status"])?.success()?.stdout;
    anyhow::ensure!(
        status.contains("FULL: writes missing copies only") && status.contains("1024 partitions"),
        "{status}"
    );
    anyhow::ensure!(status.contains("has settled"), "{status}");
    // By the full node itself, too, which has no say in where chunks go.
    let (device, through) = (Device::open(&laptop)?, nodes[2].home().listen()?);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let link = device.link_at(&through).await?;
        let space = only_space(&link).await?;
        let objects: Vec<_> = (0..8).map(|number| object(number, 20_000)).collect();
        let ids: Vec<_> = objects.iter().map(|(id, _)| *id).collect();
        link.put_chunks(space, &objects).await?;
        ensure_held(&link, space, &ids).await
    })?;
    nodes.remove(0).kill()?;
    ensure_back(&agency, &laptop, "desktop")
}

/// Two replicas of three have no room: whoever watches is told so once, waits, and has sent everything once there is some.
#[test]
fn who_watches_waits_for_room_and_goes_on() -> anyhow::Result<()> {
    let (agency, mut nodes, laptop) = with_files(3, FILES)?;
    let mut disks = Vec::new();
    for _ in 0..2 {
        let home = nodes.remove(0).stop()?;
        let Some(disk) = on_small_disk(&home, "chunks", SMALL_KIB)? else { return Ok(()) };
        disks.push(disk);
        nodes.push(home.run()?);
    }
    let here = agency.folder().join("here");
    let mut running = start(&laptop, &here)?;
    let waits = event(&mut running, "waiting")?;
    let said = format!("{} {}", waits["error"], waits["now"]);
    anyhow::ensure!(said.contains("full") && said.contains("operator"), "{said}");

    for disk in &disks {
        disk.resize(LARGE_KIB)?;
    }
    event(&mut running, "online")?;
    let events = ended(running)?;
    let count = |name: &str| events.iter().filter(|event| event["event"] == name).count();
    assert_eq!((count("waiting"), count("online"), count("failed")), (1, 1, 0), "{events:?}");
    sync(&laptop, &here)?;
    ensure_back(&agency, &laptop, "desktop")?;
    nodes.into_iter().try_for_each(|node| node.stop().map(drop))
}

/// The disk of the metadata fills: the reserve is given up, deletions go on, nothing that grows is taken, a start succeeds, and
/// with room the reserve is there again.
#[test]
fn a_full_metadata_disk_gives_its_reserve_and_takes_it_back() -> anyhow::Result<()> {
    let (agency, node) = Agency::found()?;
    let laptop = agency.enrol("alice")?;
    let here = agency.folder().join("here");
    laptop.run(&["space", "create", "Projets"])?;
    folder::write(&here, "before", &noise(1, 100_000))?;
    folder::write(&here, "removed", &noise(2, 100_000))?;
    sync(&laptop, &here)?;

    let home = node.stop()?;
    home.configure("reserve = \"1 MiB\"", "reserve = \"1 GiB\"")?;
    let Some(_disk) = on_small_disk(&home, "meta", METADATA_KIB)? else { return Ok(()) };
    let node = home.run()?;
    reserve_is(&node, |bytes| bytes > 0.0)?;
    let filler = node.home().data().join("meta").join("what else lies there");
    fill(&filler, METADATA_KIB * 1024 / 200)?;
    reserve_is(&node, |bytes| bytes == 0.0)?;
    let (_, health) = http::page(node.web(), "/healthz")?;
    anyhow::ensure!(health.contains("\"metadata_disk_full\""), "{health}");
    anyhow::ensure!(http::page(node.web(), "/?lang=en")?.1.contains("reserve is given up"));

    folder::write(&here, "after", &noise(3, 100_000))?;
    let arguments = ["sync", "Projets", &utf8(&here)?, "--once"];
    laptop.attempt(&arguments)?.ended_with(REFUSED)?.says(&["full"])?;
    fs::rename(here.join("after"), agency.folder().join("after"))?;
    fs::remove_file(here.join("removed"))?;
    sync(&laptop, &here)?;
    let node = node.stop()?.run()?;
    laptop.run(&["cat", "Projets:before"])?;
    anyhow::ensure!(http::metric(node.web(), "vauban_reserve_bytes")? == 0.0, "there is no room for it yet");

    fs::remove_file(&filler)?;
    reserve_is(&node, |bytes| bytes > 0.0)?;
    fs::rename(agency.folder().join("after"), here.join("after"))?;
    sync(&laptop, &here)?;
    laptop.run(&["cat", "Projets:after"])?;
    node.stop()?;
    Ok(())
}

fn reserve_is(node: &Node, wanted: impl Fn(f64) -> bool) -> anyhow::Result<()> {
    wait::until("the reserve", NODE_LIMIT, || {
        Ok(wanted(http::metric(node.web(), "vauban_reserve_bytes")?).then_some(()))
    })
}

/// Moves a folder of a stopped node to a disk of its own; `None` where this machine lets a test mount nothing.
pub(crate) fn on_small_disk(home: &NodeHome, part: &str, kibibytes: u64) -> anyhow::Result<Option<Mount>> {
    let (place, aside) = (home.data().join(part), home.data().join("aside"));
    fs::rename(&place, &aside)?;
    let disk = Mount::small(&place, kibibytes)?;
    if disk.is_some() {
        for file in folder::files(&aside)? {
            let to = place.join(file.strip_prefix(&aside)?);
            fs::create_dir_all(to.parent().unwrap_or(&place))?;
            fs::copy(&file, to)?;
        }
    }
    Ok(disk)
}

/// Fills a disk until only `left` bytes are free.
fn fill(filler: &Path, left: u64) -> anyhow::Result<()> {
    let disk = rustix::fs::statvfs(filler.parent().unwrap_or(filler))?;
    let free = disk.f_bavail * disk.f_frsize;
    fs::write(filler, vec![0; usize::try_from(free.saturating_sub(left))?])?;
    Ok(())
}
