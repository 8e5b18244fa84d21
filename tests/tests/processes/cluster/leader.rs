//! The leader killed in each phase of a commit, while chunks are read without a pause.
//!
//! The phases are held by cutting lines: the leader alone has the entry; the others have it, and the leader does not know; it is
//! committed, and perhaps nobody was told; it was acknowledged. That each was reached is looked at; and nothing that was acknowledged, or that
//! the others had, is handed in again: it must be there by itself.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use serde_json::Value;
use vauban_client::link::{CommitAnswer, Fetched};
use vauban_protocol::id::{ChunkId, SpaceId};
use vauban_tests::home::COMMAND_LIMIT;
use vauban_tests::network::Network;
use vauban_tests::node::{NODE_LIMIT, Node};
use vauban_tests::wait;

use super::author::Author;
use super::cut_off::{apart, ensure_kept_everywhere, homes, with_network};
use super::look::{leader, look, settled};
use crate::device::{Device, object, only_space};

/// How long a leader is given to acknowledge what it must not.
const UNDER_WAY: Duration = Duration::from_millis(700);
/// Chunks that are read, and bytes of each.
const CHUNKS: (u64, usize) = (16, 50_000);

/// When the leader dies.
#[derive(Debug, Clone, Copy)]
enum Phase {
    /// It alone has the entry: the next one overwrites it.
    Written,
    /// The others have it: the next one commits it.
    Sent,
    /// At a moment after the commit was handed in.
    Underway(Duration),
    /// Its author was told.
    Acknowledged,
}

/// Fails if a commit is lost or counts twice, if writes do not go on, or if a read fails that has a live replica.
#[test]
fn a_leader_killed_in_any_phase_of_a_commit_loses_nothing() -> anyhow::Result<()> {
    let (agency, mut nodes, network, mut author) = with_network()?;
    let laptop = agency.enrol("alice")?;
    laptop.run(&["space", "create", "Photos"])?;
    let device = Device::open(&laptop)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    let objects: Vec<_> = (0..CHUNKS.0).map(|seed| object(seed, CHUNKS.1)).collect();
    let ids: Vec<ChunkId> = objects.iter().map(|(id, _)| *id).collect();
    let space = runtime.block_on(async {
        let link = device.link().await?;
        let space = only_space(link.as_ref()).await?;
        link.put_chunks(space, &objects).await?;
        anyhow::Ok(space)
    })?;
    let phases = [
        Phase::Written,
        Phase::Sent,
        Phase::Underway(Duration::ZERO),
        Phase::Underway(Duration::from_millis(2)),
        Phase::Underway(Duration::from_millis(6)),
        Phase::Acknowledged,
    ];
    let (over, reads) = (AtomicBool::new(false), AtomicU64::new(0));
    thread::scope(|threads| {
        let reading = threads.spawn(|| runtime.block_on(read(&device, space, &ids, &over, &reads)));
        let killed = phases.into_iter().try_for_each(|phase| {
            nodes = kill_in(phase, std::mem::take(&mut nodes), &network, &mut author)?;
            let before = reads.load(Ordering::Relaxed);
            wait::until("a read", COMMAND_LIMIT, || Ok((reads.load(Ordering::Relaxed) > before).then_some(())))
        });
        over.store(true, Ordering::Relaxed);
        reading.join().map_err(|_| anyhow::anyhow!("the reader panicked"))??;
        killed
    })
}

/// Reads all chunks, again and again; none may fail.
async fn read(
    device: &Device,
    space: SpaceId,
    ids: &[ChunkId],
    over: &AtomicBool,
    reads: &AtomicU64,
) -> anyhow::Result<()> {
    let link = device.link().await?;
    while !over.load(Ordering::Relaxed) {
        let fetched = link.get_chunks(space, ids.to_vec()).await?;
        let came = fetched.iter().filter(|fetched| matches!(fetched, Fetched::Object(_))).count();
        anyhow::ensure!(came == ids.len(), "only {came} chunks came");
        reads.fetch_add(1, Ordering::Relaxed);
    }
    Ok(())
}

/// Hands a commit to the leader, kills it in that phase, and goes on with the others; then it comes back.
fn kill_in(phase: Phase, mut nodes: Vec<Node>, network: &Network, author: &mut Author) -> anyhow::Result<Vec<Node>> {
    let leads = leader(&nodes)?;
    let (leading, others) = apart(&nodes, leads)?;
    let link = author.alone(&leading.home().listen()?)?;
    let commit = author.draft()?;
    match phase {
        Phase::Written => network.part(leading.home(), homes(&others))?,
        Phase::Sent => others.iter().try_for_each(|from| network.cut(from.home(), leading.home()))?,
        Phase::Underway(_) | Phase::Acknowledged => {}
    }
    let expected = author.head().after(commit.digest());
    let limit = match phase {
        Phase::Written | Phase::Sent => UNDER_WAY,
        Phase::Underway(moment) => moment,
        Phase::Acknowledged => COMMAND_LIMIT,
    };
    let answer = author.offer(&link, commit.bytes(), limit);
    let is_acknowledged = matches!(&answer, Some(Ok(CommitAnswer::Committed(head))) if *head == expected);
    let is_reached = match phase {
        Phase::Written => answer.is_none() && has_entered(leading)?,
        Phase::Sent => {
            answer.is_none() && others.iter().try_fold(true, |all, node| anyhow::Ok(all && has_entered(node)?))?
        }
        Phase::Underway(_) => is_acknowledged || !matches!(answer, Some(Ok(_))),
        Phase::Acknowledged => is_acknowledged,
    };
    anyhow::ensure!(is_reached, "{phase:?}: {answer:?}");
    let home = nodes.remove(leads).kill()?;
    network.heal();
    if is_acknowledged {
        author.take(std::slice::from_ref(commit.bytes()))?;
    } else if let Phase::Sent = phase {
        wait::until("what the others had", COMMAND_LIMIT, || Ok((author.read()? == Some(expected)).then_some(())))?;
    }
    // On top of it; or, where nobody may rely on it, the same bytes again, which have their effect once. Then others.
    author.commit()?;
    author.commit()?;
    nodes.push(home.run()?);
    settled(&nodes, 3)?;
    ensure_kept_everywhere(author, &nodes, network)?;
    Ok(nodes)
}

/// Waits until a node's log holds an entry that is not committed.
fn has_entered(node: &Node) -> anyhow::Result<bool> {
    let entered = wait::until("an entry that is not committed", NODE_LIMIT, || {
        let page = look(node)?;
        let mut members = page.get("nodes").and_then(Value::as_array).into_iter().flatten();
        let own = members.find(|member| member.get("node").and_then(Value::as_str) == Some(node.name()));
        Ok(own.and_then(|own| own.get("lag")?.as_u64()).is_some_and(|lag| lag > 0).then_some(()))
    });
    Ok(entered.is_ok())
}
