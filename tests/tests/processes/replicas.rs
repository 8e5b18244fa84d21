//! Chunks on three real nodes at three sites: a node killed in mid-upload, a disk replaced, bytes rotten, a node drained. What was
//! acknowledged comes back, byte for byte, and every copy is there again in the end.

use std::fs;
use std::thread;
use std::time::Duration;

use vauban_tests::agency::{Agency, utf8};
use vauban_tests::folder::{self, noise};
use vauban_tests::home::{COMMAND_LIMIT, Home};
use vauban_tests::http;
use vauban_tests::node::{Node, NodeHome};
use vauban_tests::wait;

use super::slice::{RECEIVED, sync};

/// Longest until every copy is where it belongs: repair begins within 30 s, and a machine under test is slow.
const HEALED: Duration = Duration::from_secs(120);
/// Copies that a node holds.
const CHUNKS: &str = "vauban_chunks";
/// Files of an upload, and bytes of each.
const FILES: (u64, usize) = (48, 1 << 20);

/// An agency whose device has a space, and a folder with files.
fn with_files(nodes: usize) -> anyhow::Result<(Agency, Vec<Node>, Home)> {
    let (agency, nodes) = Agency::with_nodes(nodes)?;
    settled(&nodes)?;
    let laptop = agency.enrol("alice")?;
    laptop.run(&["space", "create", "Projets"])?;
    let here = agency.folder().join("here");
    for number in 0..FILES.0 {
        folder::write(&here, &format!("{number}"), &noise(number, FILES.1))?;
    }
    Ok((agency, nodes, laptop))
}

/// Waits until every node has fetched what the newest layout gives it.
fn settled(nodes: &[Node]) -> anyhow::Result<()> {
    for node in nodes {
        wait::until("the layout to settle", HEALED, || {
            Ok((http::metric(node.web(), "vauban_layout_waiting_nodes")? == 0.0).then_some(()))
        })?;
    }
    Ok(())
}

/// Waits until every one of these nodes holds as many copies as the fullest.
fn complete(nodes: &[Node]) -> anyhow::Result<f64> {
    wait::until("every copy", HEALED, || {
        let held: Vec<f64> = nodes.iter().map(|node| http::metric(node.web(), CHUNKS)).collect::<Result<_, _>>()?;
        let most = held.iter().copied().fold(0.0, f64::max);
        thread::sleep(Duration::from_millis(100));
        Ok((held.iter().all(|held| *held == most) && most > 0.0).then_some(most))
    })
}

/// Everything comes back on another device.
fn ensure_back(agency: &Agency, laptop: &Home, name: &str) -> anyhow::Result<()> {
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
    let (agency, mut nodes, laptop) = with_files(3)?;
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
    let (agency, mut nodes, laptop) = with_files(3)?;
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

/// One byte in each of a hundred places of a node's segments is flipped: scrub finds what it can, and repair brings it back.
#[test]
fn flipped_bytes_are_healed() -> anyhow::Result<()> {
    let (agency, mut nodes, laptop) = with_files(3)?;
    sync(&laptop, &agency.folder().join("here"))?;
    let all = complete(&nodes)?;
    let home = nodes.remove(2).stop()?;
    let flipped = flip_one_percent(&home)?;
    anyhow::ensure!(flipped >= 10, "only {flipped} bytes");
    home.configure("scrub_every = \"14days\"", "scrub_every = \"2s\"")?;
    home.configure("scrub_rate = \"16 MiB\"", "scrub_rate = \"0 B\"")?;
    nodes.push(home.run()?);
    let healed = &nodes[2];
    wait::until("damage to be found", HEALED, || {
        Ok((http::metric(healed.web(), "vauban_chunks_quarantined")? >= 1.0).then_some(()))
    })?;
    wait::until("a whole scrub without damage, with every copy", HEALED, || {
        let held = http::metric(healed.web(), CHUNKS)?;
        // A job that has not looked yet says nothing.
        let wanting = |job: &str| http::metric(healed.web(), &format!("vauban_job_wanting{{job=\"{job}\"}}"));
        let (Ok(damaged), Ok(lacking)) = (wanting("scrub"), wanting("repair")) else { return Ok(None) };
        Ok((held == all && damaged == 0.0 && lacking == 0.0).then_some(()))
    })?;
    ensure_back(&agency, &laptop, "desktop")
}

/// Flips a byte in each hundredth of a node's segments; how many.
fn flip_one_percent(home: &NodeHome) -> anyhow::Result<usize> {
    const PLACES: usize = 100;
    let mut flipped = 0;
    for entry in fs::read_dir(home.data().join("chunks").join("segments"))? {
        let path = entry?.path();
        let mut bytes = fs::read(&path)?;
        let step = (bytes.len() / PLACES).max(1);
        for byte in bytes.iter_mut().skip(step / 2).step_by(step) {
            *byte ^= 0x10;
            flipped += 1;
        }
        fs::write(&path, bytes)?;
    }
    Ok(flipped)
}

/// A drained node ends empty, and its data is on the others.
#[test]
fn a_drained_node_ends_empty() -> anyhow::Result<()> {
    let (agency, mut nodes, laptop) = with_files(3)?;
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
