//! Commits: how long one takes, and how many pass. Each adds a chunk, and is weighed against the quotas.

use std::time::{Duration, Instant};

use tokio::runtime::{Builder, Runtime};
use tokio::task::JoinSet;
use vauban_benches::disk::{flush, percentile};
use vauban_benches::table::milliseconds;
use vauban_client::session::Session;
use vauban_protocol::id::SpaceId;

use crate::Bench;
use crate::writer::{Writer, open};

const SAMPLES: usize = 300;
const MEDIAN_MAX: Duration = Duration::from_millis(10);
/// Writers, each with a space and a connection of its own.
const WRITERS: usize = 32;
/// Commits of each.
const COMMITS_EACH: usize = 150;
/// Commits a second.
const RATE_MIN: f64 = 1000.0;
const FLUSHES: usize = 200;

pub(crate) fn runtime() -> anyhow::Result<Runtime> {
    Ok(Builder::new_multi_thread().worker_threads(2).enable_all().build()?)
}

/// New spaces of the device's person, and the device.
pub(crate) fn spaces(bench: &Bench, runtime: &Runtime, names: &[String]) -> anyhow::Result<(Session, Vec<SpaceId>)> {
    let session = open(&bench.home)?;
    let link = runtime.block_on(session.connect())?;
    let known = |runtime: &Runtime| -> anyhow::Result<Vec<SpaceId>> {
        Ok(runtime.block_on(link.spaces())?.iter().map(|space| space.space).collect())
    };
    let before = known(runtime)?;
    for name in names {
        bench.home.run(&["space", "create", name])?;
    }
    let new = known(runtime)?.into_iter().filter(|space| !before.contains(space)).collect();
    Ok((session, new))
}

/// One writer, one commit after the other, by each of the nodes in turn: two of three do not lead.
pub(crate) fn latency(bench: &mut Bench) -> anyhow::Result<()> {
    let runtime = runtime()?;
    let names: Vec<String> = (0..bench.nodes.len()).map(|number| format!("latency-{number}")).collect();
    let (session, spaces) = spaces(bench, &runtime, &names)?;
    let mut times = Vec::new();
    for (node, space) in bench.nodes.iter().zip(spaces) {
        let servers = vec![node.home().listen()?];
        runtime.block_on(async {
            let mut writer = Writer::prepare(&session, servers, space, SAMPLES).await?;
            loop {
                let began = Instant::now();
                if !writer.commit().await? {
                    return anyhow::Ok(());
                }
                times.push(began.elapsed());
            }
        })?;
    }
    let (median, p99) = (percentile(&times, 50), percentile(&times, 99));
    bench.table.must(
        "a commit acknowledged, by any of the three",
        "median < 10 ms",
        format!("median {}, p99 {} ({} commits)", milliseconds(median), milliseconds(p99), times.len()),
        format!("one fsync: {}", milliseconds(flush(bench.agency.folder(), FLUSHES)?)),
        median < MEDIAN_MAX,
    );
    Ok(())
}

/// Many writers at once, spread over the nodes.
pub(crate) fn rate(bench: &mut Bench) -> anyhow::Result<()> {
    let runtime = runtime()?;
    let names: Vec<String> = (0..WRITERS).map(|number| format!("rate-{number}")).collect();
    let (session, spaces) = spaces(bench, &runtime, &names)?;
    let nodes = bench.nodes.iter().map(|node| node.home().listen()).collect::<anyhow::Result<Vec<_>>>()?;
    let (took, times) = runtime.block_on(async {
        let mut writers = Vec::new();
        for (space, node) in spaces.into_iter().zip(nodes.iter().cycle()) {
            writers.push(Writer::prepare(&session, vec![node.clone()], space, COMMITS_EACH).await?);
        }
        let began = Instant::now();
        let mut running = JoinSet::new();
        for mut writer in writers {
            running.spawn(async move {
                let mut times = Vec::with_capacity(COMMITS_EACH);
                let mut begun = Instant::now();
                while writer.commit().await? {
                    times.push(begun.elapsed());
                    begun = Instant::now();
                }
                anyhow::Ok(times)
            });
        }
        let mut times = Vec::new();
        while let Some(ended) = running.join_next().await {
            times.extend(ended??);
        }
        anyhow::Ok((began.elapsed(), times))
    })?;
    let a_second = count(times.len()) / took.as_secs_f64();
    bench.table.must(
        "commits a second, 32 writers over 32 spaces",
        "≥ 1,000",
        format!("{a_second:.0}"),
        format!("each: median {}, p99 {}", milliseconds(percentile(&times, 50)), milliseconds(percentile(&times, 99))),
        a_second >= RATE_MIN,
    );
    Ok(())
}

#[expect(clippy::cast_precision_loss, reason = "a figure for people")]
fn count(number: usize) -> f64 {
    number as f64
}
