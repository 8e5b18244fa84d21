//! The node killed fifty times during uploads: every chunk that it had given a receipt for, and every commit that it had
//! acknowledged, is there afterwards (invariant 2).
//!
//! Two devices work meanwhile. One puts chunks and keeps the ids of those it has a valid receipt for. The other
//! synchronises a folder to which files are added. Each kill comes a short while, different each time, after something
//! was acknowledged since the last start: so it falls into work, and the test cannot pass by acknowledging nothing.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use anyhow::Context;
use vauban_protocol::id::{ChunkId, SpaceId};
use vauban_tests::agency::{Agency, utf8};
use vauban_tests::folder::{self, noise};
use vauban_tests::home::{COMMAND_LIMIT, Home};
use vauban_tests::node::Node;
use vauban_tests::wait;

use super::device::{Device, ensure_held, object, only_space};
use super::slice::sync;

/// How often the node is killed.
const KILLS: u64 = 50;
/// Longest moment between an acknowledgement and the kill, in milliseconds.
const MOMENT_MS: u64 = 120;
/// What is put at once, without a pause.
const REQUEST: Request = Request { chunks: 8, bytes: 70_000, pause: Duration::ZERO };
/// A sync that found the node dead ends with this code.
const UNREACHABLE: i32 = 6;

/// One request of chunks after another.
#[derive(Clone, Copy)]
pub(crate) struct Request {
    /// Chunks in each.
    pub(crate) chunks: u64,
    /// Bytes of each chunk.
    pub(crate) bytes: usize,
    /// Between an answer and the next one.
    pub(crate) pause: Duration,
}

/// What has been acknowledged so far.
#[derive(Default)]
pub(crate) struct Acknowledged {
    pub(crate) chunks: Mutex<Vec<ChunkId>>,
    pub(crate) requests: AtomicU64,
    syncs: AtomicU64,
    pub(crate) over: AtomicBool,
}

#[test]
fn kill9_of_the_node_loses_nothing_acknowledged() -> anyhow::Result<()> {
    let (agency, node) = Agency::found()?;
    let laptop = agency.enrol("alice")?;
    let desktop = agency.add_device(&laptop, "desktop")?;
    let (here, there) = (agency.folder().join("here"), agency.folder().join("there"));
    fs::create_dir_all(&there)?;
    laptop.run(&["space", "create", "Projets"])?;
    folder::write(&here, "first", b"first")?;
    sync(&laptop, &here)?;
    let device = Device::open(&laptop)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    let space = runtime.block_on(async { only_space(device.link().await?.as_ref()).await })?;

    let acknowledged = Acknowledged::default();
    let node = thread::scope(|threads| {
        let chunks = threads.spawn(|| runtime.block_on(put_chunks(&device, space, (REQUEST, 1), &acknowledged)));
        let commits = threads.spawn(|| add_files(&laptop, &here, &acknowledged));
        let node = kill_repeatedly(node, &acknowledged);
        acknowledged.over.store(true, Ordering::Relaxed);
        chunks.join().map_err(|_| anyhow::anyhow!("the chunks' thread panicked"))??;
        commits.join().map_err(|_| anyhow::anyhow!("the commits' thread panicked"))??;
        node
    })?;

    let chunks = acknowledged.chunks.into_inner().unwrap_or_else(PoisonError::into_inner);
    assert!(chunks.len() as u64 >= KILLS, "only {} chunks were acknowledged", chunks.len());
    runtime.block_on(async { ensure_held(device.link().await?.as_ref(), space, &chunks).await })?;
    assert!(acknowledged.syncs.into_inner() > 0, "no sync came to its end");
    sync(&laptop, &here)?;
    sync(&desktop, &there)?;
    folder::ensure_same(&here, &there)?;
    node.stop()?;
    Ok(())
}

fn kill_repeatedly(mut node: Node, acknowledged: &Acknowledged) -> anyhow::Result<Node> {
    for kill in 0..KILLS {
        let before = acknowledged.requests.load(Ordering::Relaxed);
        wait::until("an acknowledged chunk", COMMAND_LIMIT, || {
            Ok((acknowledged.requests.load(Ordering::Relaxed) > before).then_some(()))
        })
        .with_context(|| format!("before kill {kill}"))?;
        thread::sleep(Duration::from_millis(kill * 37 % MOMENT_MS));
        node = node.kill()?.run().with_context(|| format!("after kill {kill}"))?;
    }
    Ok(node)
}

/// Puts chunks until all is over, and notes those that valid receipts of so many nodes name.
pub(crate) async fn put_chunks(
    device: &Device,
    space: SpaceId,
    (request, holders): (Request, usize),
    acknowledged: &Acknowledged,
) -> anyhow::Result<()> {
    let Request { chunks, bytes, pause } = request;
    let mut seed = 0;
    let mut link = None;
    while !acknowledged.over.load(Ordering::Relaxed) {
        let current = match link.take() {
            Some(link) => link,
            // The node may be dead at this moment: that is what the test is about.
            None => match device.link().await {
                Ok(link) => link,
                Err(_) => continue,
            },
        };
        let objects: Vec<_> = (seed..seed + chunks).map(|seed| object(seed, bytes)).collect();
        seed += chunks;
        if let Ok(receipts) = current.put_chunks(space, &objects).await {
            let ids: Vec<_> = objects.iter().map(|(id, _)| *id).collect();
            let held = device.holders(&receipts, space, &ids);
            anyhow::ensure!(held >= holders, "acknowledged by valid receipts of {held} nodes");
            acknowledged.chunks.lock().unwrap_or_else(PoisonError::into_inner).extend(ids);
            acknowledged.requests.fetch_add(1, Ordering::Relaxed);
            link = Some(current);
            tokio::time::sleep(pause).await;
        }
    }
    Ok(())
}

/// Adds files to a folder and synchronises it until all is over; a dead node is no failure, anything else is.
fn add_files(laptop: &Home, here: &Path, acknowledged: &Acknowledged) -> anyhow::Result<()> {
    let arguments = ["sync", "Projets", &utf8(here)?, "--once"];
    let mut added: Vec<PathBuf> = Vec::new();
    while !acknowledged.over.load(Ordering::Relaxed) {
        let seed = added.len() as u64;
        added.push(folder::write(here, &format!("added/{seed}"), &noise(seed, 300_000))?);
        let outcome = laptop.attempt(&arguments)?;
        if outcome.code() == Some(UNREACHABLE) {
            continue;
        }
        outcome.success()?;
        acknowledged.syncs.fetch_add(1, Ordering::Relaxed);
    }
    Ok(())
}
