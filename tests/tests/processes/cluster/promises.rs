//! Promises that commits rest on: a change of layout ends them all, and what was promised before goes as soon as sweep comes by; what is
//! promised after it stays, however sweep races it.

use std::thread;

use anyhow::Context;
use bytes::Bytes;
use vauban_protocol::id::ChunkId;
use vauban_tests::agency::Agency;
use vauban_tests::home::COMMAND_LIMIT;
use vauban_tests::http::metric;
use vauban_tests::node::Node;
use vauban_tests::wait;

use super::author::Author;
use super::look::settled;
use super::with_author;
use crate::device::object;
use crate::replicas;
use crate::slice::RECEIVED;

/// Copies that a node holds.
const CHUNKS: &str = "vauban_chunks";
/// Copies that its sweep has looked at.
const SWEPT: &str = "vauban_job_chunks_total{job=\"sweep\"}";
/// Bytes of each chunk.
const BYTES: usize = 2_000;
/// Groups of chunks that are promised and committed to together, and how many are in each.
const GROUPS: (usize, usize) = (60, 8);
/// Chunks that nobody asks for again.
const STRAYS: usize = 40;
/// How often a group may be swept under its author's hands.
const TRIES: usize = 20;

type Objects = Vec<(ChunkId, Bytes)>;

fn objects(from: usize, count: usize) -> Objects {
    (from as u64..).take(count).map(|seed| object(seed, BYTES)).collect()
}

fn ids(objects: &[(ChunkId, Bytes)]) -> Vec<ChunkId> {
    objects.iter().map(|(id, _)| *id).collect()
}

/// A cluster whose nodes sweep all the time.
fn with_sweeping() -> anyhow::Result<(Agency, Vec<Node>, Author)> {
    let (agency, nodes, author) = with_author(3)?;
    replicas::settled(&nodes)?;
    let sweeping = |node: Node| {
        let home = node.stop()?;
        home.configure("sweep_every = \"1h\"", "sweep_every = \"100ms\"")?;
        home.run()
    };
    let nodes = nodes.into_iter().map(sweeping).collect::<anyhow::Result<Vec<Node>>>()?;
    settled(&nodes, nodes.len())?;
    Ok((agency, nodes, author))
}

/// Another layout that gives the same nodes the same: receipts from before it count no more, and nothing moves.
fn raise_floor(agency: &Agency, node: &Node, capacity: &str) -> anyhow::Result<()> {
    let address = node.home().listen()?;
    agency.admin().run(&["admin", "node", "add", node.name(), "--address", &address, "--capacity", capacity])?;
    Ok(())
}

fn held(node: &Node) -> anyhow::Result<usize> {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a count")]
    Ok(metric(node.web(), CHUNKS)? as usize)
}

/// Waits until every node holds exactly so many copies.
fn all_hold(nodes: &[Node], count: usize) -> anyhow::Result<()> {
    wait::until("what was promised, and nothing else", COMMAND_LIMIT, || {
        let held: Vec<usize> = nodes.iter().map(held).collect::<Result<_, _>>()?;
        Ok(held.iter().all(|held| *held == count).then_some(()))
    })
    .with_context(|| format!("{count} copies; held: {:?}", nodes.iter().map(held).collect::<Vec<_>>()))
}

/// Waits until each node's sweep has looked at everything once more.
fn all_sweep(nodes: &[Node]) -> anyhow::Result<()> {
    for node in nodes {
        // One pass may be under way.
        let wanted = metric(node.web(), SWEPT)? + 2.0 * metric(node.web(), CHUNKS)?;
        wait::until("two sweeps", COMMAND_LIMIT, || Ok((metric(node.web(), SWEPT)? >= wanted).then_some(())))?;
    }
    Ok(())
}

fn ensure_read(author: &Author, nodes: &[Node], ids: &[ChunkId]) -> anyhow::Result<()> {
    nodes.iter().try_for_each(|node| author.ensure_read_at(&node.home().listen()?, ids))
}

/// Has a group promised, puts again what has gone, and commits to all of it; how many had gone.
fn keep(author: &mut Author, group: &[(ChunkId, Bytes)]) -> anyhow::Result<usize> {
    let ids = ids(group);
    let mut put_again = 0;
    for _ in 0..TRIES {
        let (held, promised) = author.have(&ids)?;
        let gone: Objects =
            group.iter().zip(held).filter(|(_, held)| !held).map(|(object, _)| object.clone()).collect();
        put_again += gone.len();
        let put = if gone.is_empty() { None } else { Some(author.put(&gone)?) };
        let stored_at = promised.into_iter().chain(put).min().context("neither held nor put")?;
        if author.add(&ids, stored_at)? {
            return Ok(put_again);
        }
    }
    anyhow::bail!("no promise lasted until its commit")
}

/// Chunks are put, a change of layout ends their promises, and sweep comes by while some are promised anew and committed to. Fails if
/// one that was promised and committed to is gone, or if what nobody asked for again is still there.
#[test]
fn pending_sweep_races_commit() -> anyhow::Result<()> {
    let (agency, nodes, mut author) = with_sweeping()?;
    let before = held(nodes.first().context("a node")?)?;
    let groups: Vec<Objects> = (0..GROUPS.0).map(|group| objects(group * GROUPS.1, GROUPS.1)).collect();
    for group in &groups {
        author.put(group)?;
    }
    author.put(&objects(GROUPS.0 * GROUPS.1, STRAYS))?;
    let all = before + GROUPS.0 * GROUPS.1 + STRAYS;
    let (first, rest) = groups.split_at(GROUPS.0 / 2);
    thread::scope(|threads| {
        let raising = threads.spawn(|| raise_floor(&agency, &nodes[2], "2TB"));
        first.iter().try_for_each(|group| keep(&mut author, group).map(drop))?;
        raising.join().map_err(|_| anyhow::anyhow!("the admin panicked"))?
    })?;
    wait::until("sweep to take something", COMMAND_LIMIT, || {
        let held: Vec<usize> = nodes.iter().map(held).collect::<Result<_, _>>()?;
        Ok(held.iter().any(|held| *held < all).then_some(()))
    })?;
    // It is still at work on the others, or comes by again.
    let mut put_again = 0;
    for group in rest {
        put_again += keep(&mut author, group)?;
    }
    println!("{put_again} chunks had been swept, and were put again");
    let kept = ids(&groups.concat());
    ensure_read(&author, &nodes, &kept)?;
    all_hold(&nodes, before + kept.len())?;
    all_sweep(&nodes)?;
    all_hold(&nodes, before + kept.len())?;
    ensure_read(&author, &nodes, &kept)
}

/// What is put again once its first promise has ended is promised anew: sweep takes what was put beside it, and leaves it.
#[test]
fn sweep_after_reupload() -> anyhow::Result<()> {
    let (agency, nodes, mut author) = with_sweeping()?;
    let before = held(nodes.first().context("a node")?)?;
    let again = objects(0, GROUPS.1 * 4);
    let ids = ids(&again);
    let old = author.put(&again)?;
    author.put(&objects(1_000, STRAYS))?;
    raise_floor(&agency, &nodes[2], "2TB")?;
    let new = author.put(&again)?;
    wait::until("sweep to take what nobody put again", COMMAND_LIMIT, || {
        let held: Vec<usize> = nodes.iter().map(held).collect::<Result<_, _>>()?;
        Ok(held.iter().all(|held| *held <= before + again.len()).then_some(()))
    })?;
    all_sweep(&nodes)?;
    anyhow::ensure!(!author.add(&ids, old)?, "a promise from before the change counts");
    anyhow::ensure!(author.add(&ids, new)?, "a promise from after the change does not count");
    ensure_read(&author, &nodes, &ids)?;
    all_hold(&nodes, before + again.len())?;
    all_sweep(&nodes)?;
    all_hold(&nodes, before + again.len())?;
    ensure_read(&author, &nodes, &ids)
}

/// Half of an upload is stored under one layout, half under the next: what was promised before counts no more, no byte is sent again
/// but of what a sweep has taken in between, and all of it is on those whom the new layout gives it to.
#[test]
fn upload_spans_layout_change() -> anyhow::Result<()> {
    let (agency, mut nodes, mut author) = with_author(3)?;
    replicas::settled(&nodes)?;
    let chunks = objects(0, 64);
    let (ids, (first, second)) = (ids(&chunks), chunks.split_at(32));
    let before = author.put(first)?;
    let drained = nodes[2].name().to_owned();
    agency.admin().run(&["admin", "node", "drain", &drained])?;
    let after = author.put(second)?;
    let received = || nodes.iter().map(|node| metric(node.web(), RECEIVED)).sum::<anyhow::Result<f64>>();
    let sent = received()?;
    anyhow::ensure!(!author.add(&ids, before.min(after))?, "a promise from before the change counts");
    let put_again = keep(&mut author, &chunks)?;
    #[expect(clippy::cast_precision_loss, reason = "a few chunks")]
    let expected = sent + (put_again * BYTES) as f64;
    anyhow::ensure!(
        received()?.to_bits() == expected.to_bits(),
        "more was sent again than the {put_again} chunks swept"
    );

    replicas::settled(&nodes)?;
    let leaves = nodes.remove(2);
    wait::until("the drained node to be empty", COMMAND_LIMIT, || Ok((held(&leaves)? == 0).then_some(())))?;
    leaves.stop()?;
    ensure_read(&author, &nodes, &ids)
}
