//! Losses: the leader killed while others write and read, and a node whose disk was replaced by an empty one.

use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::Context as _;
use serde_json::Value;
use vauban_benches::disk::sequential_write;
use vauban_benches::table::{mib, mib_a_second, milliseconds, rate, seconds};
use vauban_client::link::{Fetched, Link};
use vauban_protocol::id::{ChunkId, SpaceId};
use vauban_tests::home::COMMAND_LIMIT;
use vauban_tests::http::{metric, page};
use vauban_tests::node::Node;
use vauban_tests::wait;

use crate::commits::{runtime, spaces};
use crate::writer::Writer;
use crate::{Bench, CHUNK_BYTES, CHUNKS};

/// How often the leader is killed.
const KILLS: usize = 3;
/// Commits that the writer has at hand: more than it gets to.
const COMMITS: usize = 6000;
/// Chunks that are read, again and again.
const READ: usize = 32;
const WRITES_AGAIN_MAX: Duration = Duration::from_secs(5);
/// How long writes and reads run before each kill.
const RUNNING: Duration = Duration::from_millis(500);
const REPAIR_BEGINS_MAX: Duration = Duration::from_secs(30);
/// Of the disk's own rate.
const REPAIR_RATIO_MIN: f64 = 0.5;
/// The repair counts for a rate from so many bytes on.
const REPAIR_BYTES_MIN: u64 = 64 * 1024 * 1024;

/// What readers saw.
#[derive(Default)]
struct Reads {
    over: AtomicBool,
    done: AtomicU64,
    failed: AtomicU64,
    slowest_us: AtomicU64,
}

/// The leader is killed, until a commit that is handed in after that is acknowledged; each time it comes back.
pub(crate) fn leader(bench: &mut Bench) -> anyhow::Result<()> {
    let runtime = runtime()?;
    let (session, spaces) = spaces(bench, &runtime, &["leader".to_owned()])?;
    let space = *spaces.first().context("no space")?;
    let servers = bench.nodes.iter().map(|node| node.home().listen()).collect::<anyhow::Result<Vec<_>>>()?;
    let mut writer = runtime.block_on(Writer::prepare(&session, servers.clone(), space, COMMITS))?;
    let ids: Vec<ChunkId> = writer.ids.iter().copied().take(READ).collect();
    let reads = Arc::new(Reads::default());
    let link = runtime.block_on(Link::connect(Arc::clone(session.identity()), servers, session.organisation()))?;
    let reading = runtime.spawn(read(link, space, ids, Arc::clone(&reads)));
    let mut gaps = Vec::new();
    for _ in 0..KILLS {
        let until = Instant::now() + RUNNING;
        while Instant::now() < until {
            anyhow::ensure!(runtime.block_on(writer.commit())?, "too few commits at hand");
        }
        let home = bench.nodes.remove(leading(&bench.nodes)?).kill()?;
        let killed = Instant::now();
        wait::until("a commit after the leader's loss", COMMAND_LIMIT, || {
            Ok(runtime.block_on(writer.again())?.then_some(()))
        })?;
        gaps.push(killed.elapsed());
        bench.nodes.push(home.run()?);
        level(&bench.nodes)?;
    }
    reads.over.store(true, Ordering::Relaxed);
    runtime.block_on(reading)?;
    let slowest = gaps.iter().copied().max().unwrap_or_default();
    let each: Vec<String> = gaps.iter().map(|gap| seconds(*gap)).collect();
    bench.table.must(
        "leader killed, until writes go on: the slowest of three",
        "< 5 s",
        seconds(slowest),
        format!("each: {}", each.join(", ")),
        slowest < WRITES_AGAIN_MAX,
    );
    let (done, failed) = (reads.done.load(Ordering::Relaxed), reads.failed.load(Ordering::Relaxed));
    bench.table.must(
        "reads that failed meanwhile",
        "0",
        format!("{failed} of {}", done + failed),
        format!("the slowest took {}", milliseconds(Duration::from_micros(reads.slowest_us.load(Ordering::Relaxed)))),
        failed == 0 && done > 0,
    );
    Ok(())
}

async fn read(link: Link, space: SpaceId, ids: Vec<ChunkId>, reads: Arc<Reads>) {
    while !reads.over.load(Ordering::Relaxed) {
        let began = Instant::now();
        let came = link.get_chunks(space, ids.clone()).await;
        let is_whole = |chunks: &Vec<Fetched>| chunks.iter().all(|chunk| matches!(chunk, Fetched::Object(_)));
        let counted = if came.as_ref().is_ok_and(is_whole) { &reads.done } else { &reads.failed };
        counted.fetch_add(1, Ordering::Relaxed);
        let took = u64::try_from(began.elapsed().as_micros()).unwrap_or(u64::MAX);
        reads.slowest_us.fetch_max(took, Ordering::Relaxed);
    }
}

fn look(node: &Node) -> anyhow::Result<Value> {
    Ok(serde_json::from_str(&page(node.web(), "/cluster.json")?.1)?)
}

/// Which of the nodes says of itself that it leads.
fn leading(nodes: &[Node]) -> anyhow::Result<usize> {
    wait::until("a leader", COMMAND_LIMIT, || {
        for (at, node) in nodes.iter().enumerate() {
            if look(node)?.get("leader").and_then(Value::as_str) == Some(node.name()) {
                return Ok(Some(at));
            }
        }
        Ok(None)
    })
}

/// Waits until no node lags.
fn level(nodes: &[Node]) -> anyhow::Result<()> {
    wait::until("nodes that are level", COMMAND_LIMIT, || {
        let applied =
            nodes.iter().map(|node| metric(node.web(), "vauban_applied_index")).collect::<Result<Vec<_>, _>>()?;
        let most = applied.iter().copied().fold(0.0, f64::max);
        Ok(applied.iter().all(|applied| *applied >= most).then_some(()))
    })
}

/// A node's chunks are removed while it stands still: when repair begins, and how fast it is.
pub(crate) fn repair(bench: &mut Bench) -> anyhow::Result<()> {
    let all = bench.complete()?;
    let emptied = (leading(&bench.nodes)? + 1) % bench.nodes.len();
    let home = bench.nodes.remove(emptied).stop()?;
    fs::remove_dir_all(home.data().join("chunks"))?;
    let others = bench.nodes.first().context("another node")?.web();
    let bytes = whole(metric(others, CHUNK_BYTES)?);
    anyhow::ensure!(bytes >= REPAIR_BYTES_MIN, "only {} to repair: run another part with this one", mib(bytes));
    let limit = sequential_write(bench.agency.folder(), bytes, 3)?;
    let started = Instant::now();
    let node = home.run()?;
    let held = || metric(node.web(), CHUNKS);
    wait::until("repair to begin", COMMAND_LIMIT, || Ok((held()? > 0.0).then_some(())))?;
    let begins = started.elapsed();
    wait::until("every copy", COMMAND_LIMIT, || Ok((held()? >= all).then_some(())))?;
    let took = started.elapsed();
    // From the start on: the moment before the first copies is part of what people wait for.
    let ratio = mib_a_second(bytes, took) / mib_a_second(bytes, limit);
    bench.table.must(
        "repair of an emptied node begins after its start",
        "< 30 s",
        seconds(begins),
        String::new(),
        begins < REPAIR_BEGINS_MAX,
    );
    bench.table.must(
        "repair of an emptied node",
        "≥ 0.5 of raw sequential write with fsync",
        format!("{ratio:.2} ({}, {} of {})", seconds(took), rate(bytes, took), mib(bytes)),
        format!("disk: {}", rate(bytes, limit)),
        ratio >= REPAIR_RATIO_MIN,
    );
    bench.nodes.push(node);
    Ok(())
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a count of bytes")]
fn whole(bytes: f64) -> u64 {
    bytes as u64
}
