//! When repair begins: within what is promised, after a disk was replaced, and after a line was cut.

use std::time::Duration;
use std::{fs, thread};

use anyhow::Context;
use vauban_tests::http::metric;
use vauban_tests::node::Node;
use vauban_tests::wait;

use super::author::Author;
use super::cut_off::{apart, homes, with_network};
use super::look::{leader, settled};
use crate::device::object;
use crate::replicas::{self, complete};

/// Longest until repair has brought the first copy.
const PROMISED: Duration = Duration::from_secs(30);
/// Copies that a node holds.
const CHUNKS: &str = "vauban_chunks";
/// Chunks of an upload, and bytes of each.
const UPLOAD: (usize, usize) = (40, 50_000);

/// Waits until a node holds more copies than these.
fn begins(node: &Node, above: f64) -> anyhow::Result<()> {
    wait::until("repair to begin", PROMISED, || {
        thread::sleep(Duration::from_millis(50));
        Ok((metric(node.web(), CHUNKS)? > above).then_some(()))
    })
}

/// A disk is replaced by an empty one; then a node is cut off while others store. Fails if either has to wait longer than is promised, or
/// is not brought everything.
#[test]
fn repair_begins_within_thirty_seconds() -> anyhow::Result<()> {
    let (_agency, mut nodes, network, mut author) = with_network()?;
    replicas::settled(&nodes)?;
    upload(&mut author, 0)?;
    complete(&nodes)?;
    let emptied = nodes.remove(2).stop()?;
    fs::remove_dir_all(emptied.data().join("chunks"))?;
    nodes.push(emptied.run()?);
    begins(&nodes[2], 0.0)?;
    let all = complete(&nodes)?;

    settled(&nodes, 3)?;
    let leads = leader(&nodes)?;
    let (alone, others) = apart(&nodes, (leads + 1) % nodes.len())?;
    author.move_to(&network.address(others.first().context("another")?.home())?)?;
    network.part(alone.home(), homes(&others))?;
    upload(&mut author, 1_000)?;
    anyhow::ensure!(metric(alone.web(), CHUNKS)?.to_bits() == all.to_bits(), "it was not cut off");
    network.heal();
    begins(alone, all)?;
    complete(&nodes).map(drop)
}

fn upload(author: &mut Author, from: u64) -> anyhow::Result<()> {
    let objects: Vec<_> = (from..).take(UPLOAD.0).map(|seed| object(seed, UPLOAD.1)).collect();
    let ids: Vec<_> = objects.iter().map(|(id, _)| *id).collect();
    let stored_at = author.put(&objects)?;
    anyhow::ensure!(author.add(&ids, stored_at)?, "promised, and too old");
    Ok(())
}
