//! Chunks on three real nodes at three sites: a node killed in mid-upload, a disk replaced, full or rotten, a node drained, another
//! layout while all this goes on. What was acknowledged comes back, byte for byte, and every copy is there again in the end.

use std::fs;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use anyhow::Context;
use vauban_tests::agency::{Agency, utf8};
use vauban_tests::folder::{self, noise};
use vauban_tests::home::{COMMAND_LIMIT, Home};
use vauban_tests::http;
use vauban_tests::node::{Node, NodeHome};
use vauban_tests::random::Random;
use vauban_tests::wait;

use super::device::{Device, ensure_held, object, only_space};
use super::disk_limits::on_small_disk;
use super::slice::{RECEIVED, sync};
use super::soak::seed;

/// Longest until every copy is where it belongs: repair begins within 30 s, and a machine under test is slow.
const HEALED: Duration = Duration::from_secs(120);
/// Kibibytes of a disk that does not hold all, and of one that does.
const SMALL_KIB: u64 = 40 * 1024;
const LARGE_KIB: u64 = 512 * 1024;
/// Bytes a second of an upload that lasts while layouts change.
const UPLOAD_RATE: &str = "4MiB/s";
/// Chunks put at once.
const CHUNKS_PUT: usize = 8;
/// Exit code of a command for which too few nodes answer.
const UNREACHABLE: i32 = 6;
/// Copies that a node holds.
const CHUNKS: &str = "vauban_chunks";
/// Files of an upload, and bytes of each.
const FILES: (u64, usize) = (48, 1 << 20);

/// An agency whose device has a space, and a folder with so many files of so many bytes.
pub(crate) fn with_files(nodes: usize, files: (u64, usize)) -> anyhow::Result<(Agency, Vec<Node>, Home)> {
    let (agency, nodes) = Agency::with_nodes(nodes)?;
    settled(&nodes)?;
    let laptop = agency.enrol("alice")?;
    laptop.run(&["space", "create", "Projets"])?;
    let here = agency.folder().join("here");
    for number in 0..files.0 {
        folder::write(&here, &format!("{number}"), &noise(number, files.1))?;
    }
    Ok((agency, nodes, laptop))
}

/// Waits until every node has fetched what the newest layout gives it.
pub(crate) fn settled(nodes: &[Node]) -> anyhow::Result<()> {
    for node in nodes {
        wait::until("the layout to settle", HEALED, || {
            Ok((http::metric(node.web(), "vauban_layout_waiting_nodes")? == 0.0).then_some(()))
        })?;
    }
    Ok(())
}

/// Waits until every one of these nodes holds as many copies as the fullest.
pub(crate) fn complete(nodes: &[Node]) -> anyhow::Result<f64> {
    wait::until("every copy", HEALED, || {
        let held: Vec<f64> = nodes.iter().map(|node| http::metric(node.web(), CHUNKS)).collect::<Result<_, _>>()?;
        let most = held.iter().copied().fold(0.0, f64::max);
        thread::sleep(Duration::from_millis(100));
        Ok((held.iter().all(|held| *held == most) && most > 0.0).then_some(most))
    })
}

/// Everything comes back on another device.
pub(crate) fn ensure_back(agency: &Agency, laptop: &Home, name: &str) -> anyhow::Result<()> {
    let desktop = agency.add_device(laptop, name)?;
    let there = agency.folder().join(format!("there-{name}"));
    fs::create_dir_all(&there)?;
    sync(&desktop, &there)?;
    folder::ensure_same(&agency.folder().join("here"), &there)
}

/// Fails if an upload needs all replicas, if what was acknowledged without one of them is lost with another, or if the one that comes
/// back is not brought what it missed.
#[test]
fn a_replica_killed_in_mid_upload_stops_nothing() -> anyhow::Result<()> {
    let (agency, mut nodes, laptop) = with_files(3, FILES)?;
    let here = agency.folder().join("here");
    let uploading = laptop.start(&["sync", "Projets", &utf8(&here)?, "--once"])?;
    wait::until("the upload to be under way", COMMAND_LIMIT, || {
        let received: f64 = nodes.iter().map(|node| http::metric(node.web(), RECEIVED)).sum::<Result<f64, _>>()?;
        Ok((received > 4.0 * FILES.1 as f64).then_some(()))
    })?;
    let gateway = gateway(&nodes)?;
    let lost = (gateway + 1) % 3;
    let home = nodes.remove(lost).kill()?;
    uploading.wait(COMMAND_LIMIT)?.success()?;
    ensure_back(&agency, &laptop, "desktop")?;

    nodes.push(home.run()?);
    complete(&nodes)?;
    // Now it does without another one.
    nodes.remove(0).kill()?;
    ensure_back(&agency, &laptop, "other")
}

/// The node that a device uploads through.
fn gateway(nodes: &[Node]) -> anyhow::Result<usize> {
    let received: Vec<f64> = nodes.iter().map(|node| http::metric(node.web(), RECEIVED)).collect::<Result<_, _>>()?;
    let most = received.iter().copied().fold(0.0, f64::max);
    Ok(received.iter().position(|received| *received == most).unwrap_or_default())
}

/// A disk is replaced by an empty one: the node is filled again from the others.
#[test]
fn an_emptied_disk_is_filled_again() -> anyhow::Result<()> {
    let (agency, mut nodes, laptop) = with_files(3, FILES)?;
    sync(&laptop, &agency.folder().join("here"))?;
    let all = complete(&nodes)?;
    let home = nodes.remove(1).stop()?;
    fs::remove_dir_all(home.data().join("chunks"))?;
    nodes.push(home.run()?);
    anyhow::ensure!(complete(&nodes)? == all);
    // Its copies are real: it serves alone with the one that is needed for the metadata's majority.
    nodes.remove(0).kill()?;
    ensure_back(&agency, &laptop, "desktop")
}

/// One byte in a hundred of all that two of three nodes store is flipped, wherever chance has it: no copy of a file's is whole there, one
/// is on the third. Scrub finds them, and repair brings them back. The seed is printed, and `VAUBAN_SEED` repeats it.
#[test]
fn scrub_heals_random_corruption() -> anyhow::Result<()> {
    let seed = seed()?;
    println!("seed {seed}");
    let mut random = Random::of(seed);
    let (agency, mut nodes, laptop) = with_files(3, FILES)?;
    sync(&laptop, &agency.folder().join("here"))?;
    let all = complete(&nodes)?;
    let homes = [nodes.remove(2).stop()?, nodes.remove(1).stop()?];
    for home in &homes {
        flip_one_percent(home, &mut random)?;
        home.configure("scrub_every = \"14days\"", "scrub_every = \"2s\"")?;
        home.configure("scrub_rate = \"16 MiB\"", "scrub_rate = \"0 B\"")?;
    }
    for home in homes {
        nodes.push(home.run()?);
    }
    for healed in &nodes[1..] {
        wait::until("a whole scrub without damage, with every copy", HEALED, || {
            let held = http::metric(healed.web(), CHUNKS)?;
            // A job that has not looked yet says nothing.
            let wanting = |job: &str| http::metric(healed.web(), &format!("vauban_job_wanting{{job=\"{job}\"}}"));
            let (Ok(damaged), Ok(lacking)) = (wanting("scrub"), wanting("repair")) else { return Ok(None) };
            Ok((held == all && damaged == 0.0 && lacking == 0.0).then_some(()))
        })?;
        let damaged = http::metric(healed.web(), "vauban_chunks_quarantined")?;
        anyhow::ensure!(damaged >= FILES.0 as f64, "{damaged} copies were damaged, of {} files", FILES.0);
    }
    // What is left has been damaged, all of it.
    nodes.remove(0).kill()?;
    ensure_back(&agency, &laptop, "desktop")
}

/// Flips a bit in every hundredth byte of a node's segments, on average: the way from one to the next is any from 1 to 199 bytes.
fn flip_one_percent(home: &NodeHome, random: &mut Random) -> anyhow::Result<()> {
    const BYTES_APART: usize = 100;
    let (mut bytes, mut flipped) = (0, 0);
    for entry in fs::read_dir(home.data().join("chunks").join("segments"))? {
        let path = entry?.path();
        let mut content = fs::read(&path)?;
        let mut place = 0;
        loop {
            place += 1 + usize::try_from(random.below(2 * BYTES_APART as u64 - 1))?;
            let Some(byte) = content.get_mut(place) else { break };
            *byte ^= 1u8 << random.below(8);
            flipped += 1;
        }
        bytes += content.len();
        fs::write(&path, content)?;
    }
    println!("{flipped} of {bytes} bytes flipped");
    let percent = 100.0 * f64::from(u32::try_from(flipped)?) / f64::from(u32::try_from(bytes)?);
    anyhow::ensure!((0.95..1.05).contains(&percent), "{percent} % of the bytes");
    Ok(())
}

/// A drained node ends empty, and its data is on the others.
#[test]
fn a_drained_node_ends_empty() -> anyhow::Result<()> {
    let (agency, mut nodes, laptop) = with_files(3, FILES)?;
    sync(&laptop, &agency.folder().join("here"))?;
    complete(&nodes)?;
    let drained = nodes.remove(2);
    agency.admin().run(&["admin", "node", "drain", drained.name()])?;
    wait::until("the drained node to be empty", HEALED, || {
        Ok((http::metric(drained.web(), CHUNKS)? == 0.0).then_some(()))
    })?;
    complete(&nodes)?;
    ensure_back(&agency, &laptop, "desktop")?;
    drained.stop()?;
    Ok(())
}

/// One replica's disk is full: uploads go on without it, what it has it serves, and once there is room it is brought what it missed.
#[test]
fn a_full_disk_on_one_replica_stops_nothing() -> anyhow::Result<()> {
    let (agency, mut nodes, laptop) = with_files(3, FILES)?;
    let home = nodes.remove(2).stop()?;
    let Some(disk) = on_small_disk(&home, "chunks", SMALL_KIB)? else { return Ok(()) };
    nodes.push(home.run()?);
    let full = &nodes[2];
    sync(&laptop, &agency.folder().join("here"))?;
    let held = http::metric(full.web(), CHUNKS)?;
    let all = http::metric(nodes[0].web(), CHUNKS)?.max(http::metric(nodes[1].web(), CHUNKS)?);
    anyhow::ensure!(held < all, "it holds {held} of {all}: the disk was not full");
    ensure_back(&agency, &laptop, "desktop")?;

    disk.resize(LARGE_KIB)?;
    complete(&nodes)?;
    nodes.remove(0).kill()?;
    ensure_back(&agency, &laptop, "other")?;
    nodes.into_iter().try_for_each(|node| node.stop().map(drop))
}

/// Fails if nodes that are down are taken for a loss, or for all being well.
#[test]
fn fsck_calls_nothing_lost_that_it_could_not_ask_about() -> anyhow::Result<()> {
    let (agency, mut nodes, laptop) = with_files(3, FILES)?;
    sync(&laptop, &agency.folder().join("here"))?;
    complete(&nodes)?;
    laptop.run(&["fsck", "Projets"])?;
    let homes = [nodes.remove(2).stop()?, nodes.remove(1).stop()?];
    let told = laptop.attempt(&["fsck", "Projets"])?.ended_with(UNREACHABLE)?;
    let unchecked = format!("{} file(s) could not be checked", FILES.0);
    anyhow::ensure!(told.stdout.contains(&unchecked) && !told.stdout.contains("lost"), "{}", told.stdout);
    for home in homes {
        nodes.push(home.run()?);
    }
    laptop.run(&["fsck", "Projets"])?;
    nodes.into_iter().try_for_each(|node| node.stop().map(drop))
}

/// A node joins and another is drained while chunks are put: each that was acknowledged is there at once, whichever node is asked, and
/// an upload that began under one layout ends under another.
#[test]
fn read_after_write_across_layout_change() -> anyhow::Result<()> {
    let (agency, mut nodes, laptop) = with_files(3, FILES)?;
    let here = agency.folder().join("here");
    let uploading = laptop.start(&["sync", "Projets", &utf8(&here)?, "--once", "--limit-up", UPLOAD_RATE])?;
    let device = Device::open(&laptop)?;
    let addresses: Vec<String> = nodes.iter().map(|node| node.home().listen()).collect::<Result<_, _>>()?;
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    let over = AtomicBool::new(false);
    let layout = |node: &Node| http::metric(node.web(), "vauban_layout");
    let before = layout(&nodes[0])?;
    let read = thread::scope(|threads| {
        let reading = threads.spawn(|| runtime.block_on(put_and_read(&device, &addresses, &over)));
        let changed = (|| {
            nodes.push(agency.join(agency.charter_at("node-4", "Site-4")?, &[])?);
            settled(&nodes)?;
            agency.admin().run(&["admin", "node", "drain", nodes[1].name()])?;
            settled(&nodes)
        })();
        over.store(true, Ordering::Relaxed);
        let read = reading.join().map_err(|_| anyhow::anyhow!("the reader panicked"))??;
        changed.map(|()| read)
    })?;
    anyhow::ensure!(read > 0 && layout(&nodes[0])? > before);
    uploading.wait(COMMAND_LIMIT)?.success()?;
    nodes.remove(1).stop()?;
    ensure_back(&agency, &laptop, "desktop")
}

/// Puts chunks by one node, and reads them by another as soon as they are acknowledged, until all is over; how many.
async fn put_and_read(device: &Device, addresses: &[String], over: &AtomicBool) -> anyhow::Result<usize> {
    let mut links = Vec::with_capacity(addresses.len());
    for address in addresses {
        links.push(device.link_at(address).await?);
    }
    let space = only_space(links.first().context("no node")?).await?;
    let mut put = 0;
    for (round, (writer, reader)) in links.iter().cycle().zip(links.iter().cycle().skip(1)).enumerate() {
        if over.load(Ordering::Relaxed) {
            break;
        }
        let seed = 1_000_000 + u64::try_from(round * CHUNKS_PUT)?;
        let objects: Vec<_> = (seed..).take(CHUNKS_PUT).map(|seed| object(seed, 20_000)).collect();
        let ids: Vec<_> = objects.iter().map(|(id, _)| *id).collect();
        writer.put_chunks(space, &objects).await?;
        ensure_held(reader, space, &ids).await?;
        put += ids.len();
    }
    Ok(put)
}
