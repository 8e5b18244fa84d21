//! Every node of a cluster killed at once, again and again, under load: whatever a client was told is stored is there afterwards.
//!
//! One device puts chunks, and notes those that receipts of a majority name; another commits, now and then to chunks of its own, and notes what was
//! acknowledged. Each round kills all three nodes a moment after both have got on, in any order, and starts them again in another. At the end each
//! node in turn is down, and the other two have all of it: so every chunk has two copies at least. Ten rounds with the other tests, and as many as
//! one likes by `make soak ROUNDS=200`.
//!
//! A kill leaves what the system has of a node's writes: that nothing is acknowledged before it is flushed is for the stores' own tests.

use std::sync::PoisonError;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use anyhow::Context;
use bytes::Bytes;
use vauban_client::link::LinkError;
use vauban_protocol::id::ChunkId;
use vauban_tests::home::COMMAND_LIMIT;
use vauban_tests::node::{Node, NodeHome};
use vauban_tests::random::Random;
use vauban_tests::wait;

use super::with_author;
use crate::cluster::author::Author;
use crate::cluster::look::{ensure_kept, leader, settled};
use crate::device::{Device, ensure_held, object, only_space};
use crate::kill_node::{Acknowledged, Request, put_chunks};
use crate::soak::{number, seed};

/// Rounds, unless the environment says otherwise.
const ROUNDS: u64 = 10;
/// What is put at once: so little of it, and so seldom, that hundreds of rounds find room on any disk.
const REQUEST: Request = Request { chunks: 4, bytes: 20_000, pause: Duration::from_millis(25) };
/// How many commits there are for one that adds chunks; how many chunks that adds, and bytes of each.
const ADDS_EVERY: u64 = 8;
const ADDED: (u64, usize) = (2, 5_000);
/// Nodes whose receipts make a majority of three.
const MAJORITY: usize = 2;
/// Longest until the first is killed once both have got on, and between one and the next, in milliseconds.
const MOMENT_MS: u64 = 400;
const BETWEEN_MS: u64 = 150;

#[test]
fn kill9_all_nodes_loses_nothing_acked() -> anyhow::Result<()> {
    let (rounds, seed) = (number("VAUBAN_ROUNDS", ROUNDS)?, seed()?);
    println!("{rounds} rounds, seed {seed}");
    let (agency, nodes, mut author) = with_author(3)?;
    let laptop = agency.enrol("alice")?;
    laptop.run(&["space", "create", "Photos"])?;
    let device = Device::open(&laptop)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    let space = runtime.block_on(async { only_space(device.link().await?.as_ref()).await })?;

    let (acknowledged, commits) = (Acknowledged::default(), AtomicU64::new(0));
    let (mut nodes, added) = thread::scope(|threads| {
        let chunks = threads.spawn(|| runtime.block_on(put_chunks(&device, space, (REQUEST, MAJORITY), &acknowledged)));
        let written = threads.spawn(|| commit(&mut author, &acknowledged, &commits));
        let nodes = kill_all(nodes, &mut Random::of(seed), rounds, &acknowledged, &commits);
        acknowledged.over.store(true, Ordering::Relaxed);
        chunks.join().map_err(|_| anyhow::anyhow!("the chunks' thread panicked"))??;
        let added = written.join().map_err(|_| anyhow::anyhow!("the commits' thread panicked"))??;
        anyhow::Ok((nodes?, added))
    })?;

    settled(&nodes, 3)?;
    for node in &nodes {
        ensure_kept(&mut author, node)?;
    }
    let chunks = acknowledged.chunks.into_inner().unwrap_or_else(PoisonError::into_inner);
    anyhow::ensure!(chunks.len() as u64 >= rounds, "only {} chunks were acknowledged", chunks.len());
    anyhow::ensure!(!added.is_empty(), "no commit has added chunks");
    for _ in 0..nodes.len() {
        let down = nodes.remove(0).kill()?;
        leader(&nodes)?;
        for node in &nodes {
            author.ensure_read_at(&node.home().listen()?, &added)?;
        }
        runtime.block_on(async { ensure_held(device.link().await?.as_ref(), space, &chunks).await })?;
        nodes.push(down.run()?);
        settled(&nodes, 3)?;
    }
    let all = chunks.len() + added.len();
    println!("{rounds} rounds, acknowledged: {all} chunks, {} commits; lost: 0", commits.into_inner());
    Ok(())
}

/// Commits until all is over; the chunks that were added.
fn commit(author: &mut Author, acknowledged: &Acknowledged, commits: &AtomicU64) -> anyhow::Result<Vec<ChunkId>> {
    let mut added = Vec::new();
    while !acknowledged.over.load(Ordering::Relaxed) {
        let number = commits.load(Ordering::Relaxed);
        let count = if number.is_multiple_of(ADDS_EVERY) { ADDED.0 } else { 0 };
        let objects: Vec<_> = (0..count).map(|which| object(number * ADDED.0 + which, ADDED.1)).collect();
        match put(author, &objects)? {
            Some(stored_at) => {
                let ids: Vec<ChunkId> = objects.iter().map(|(id, _)| *id).collect();
                if !author.add(&ids, stored_at)? {
                    continue;
                }
                added.extend(ids);
            }
            None => author.commit()?,
        }
        commits.fetch_add(1, Ordering::Relaxed);
    }
    Ok(added)
}

/// The index that a commit to these objects may rest on; none if there are none, or if the nodes went down meanwhile.
fn put(author: &Author, objects: &[(ChunkId, Bytes)]) -> anyhow::Result<Option<u64>> {
    if objects.is_empty() {
        return Ok(None);
    }
    match author.put(objects) {
        Err(error) if error.downcast_ref().is_some_and(LinkError::may_pass) => Ok(None),
        stored_at => stored_at.map(Some),
    }
}

fn kill_all(
    mut nodes: Vec<Node>,
    random: &mut Random,
    rounds: u64,
    acknowledged: &Acknowledged,
    commits: &AtomicU64,
) -> anyhow::Result<Vec<Node>> {
    for round in 0..rounds {
        let progress = || (acknowledged.requests.load(Ordering::Relaxed), commits.load(Ordering::Relaxed));
        let before = progress();
        wait::until("an acknowledged chunk, and a commit", COMMAND_LIMIT, || {
            let now = progress();
            Ok((now.0 > before.0 && now.1 > before.1).then_some(()))
        })
        .with_context(|| format!("before round {round}"))?;
        thread::sleep(Duration::from_millis(random.below(MOMENT_MS)));
        let mut homes: Vec<NodeHome> = Vec::with_capacity(nodes.len());
        while !nodes.is_empty() {
            let next = usize::try_from(random.below(nodes.len() as u64))?;
            homes.push(nodes.swap_remove(next).kill()?);
            thread::sleep(Duration::from_millis(random.below(BETWEEN_MS)));
        }
        while !homes.is_empty() {
            let next = usize::try_from(random.below(homes.len() as u64))?;
            nodes.push(homes.swap_remove(next).run().with_context(|| format!("after round {round}"))?);
        }
    }
    Ok(nodes)
}
