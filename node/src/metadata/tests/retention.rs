//! A whole retention on a real disk, by the group's own clock entries, with restarts in between.

use vauban_protocol::id::ChunkId;
use vauban_protocol::limit::RETENTION_DAYS;
use vauban_protocol::space::{Commit, Control, Seen};
use vauban_protocol::time::{DAY_SECONDS, Timestamp};

use super::group::{NODE, begun, founded};
use super::town::{Folder, Signer, Town};
use crate::limit::TICK_STEP_SECONDS_MAX;
use crate::metadata::command::Command;
use crate::metadata::{Applied, Metadata, Proposal, Tally};

/// Ticks that are ordered at once: they share log entries.
const TICKS_AT_ONCE: u64 = 512;

/// Cluster time goes on by so much, as fast as ticks can take it.
async fn pass(metadata: &Metadata, seconds: u64) {
    let start = metadata.view().cluster_time();
    let steps = seconds.div_ceil(TICK_STEP_SECONDS_MAX);
    for first in (0..steps).step_by(TICKS_AT_ONCE as usize) {
        let mut ticks = tokio::task::JoinSet::new();
        for _ in first..steps.min(first + TICKS_AT_ONCE) {
            let metadata = metadata.clone();
            // The clock's own leash makes each of them a step.
            ticks.spawn(async move { metadata.order(Command::Tick(Timestamp(u64::MAX))).await.unwrap() });
        }
        ticks.join_all().await;
    }
    assert_eq!(metadata.view().cluster_time(), start.plus(steps * TICK_STEP_SECONDS_MAX));
}

async fn commit(metadata: &Metadata, town: &Town, folder: &mut Folder, commit: Commit) {
    let signed = town.admin.seal(commit);
    let head = folder.take(&signed);
    let committed = metadata.propose(Proposal::Commit(signed.bytes().clone())).await.unwrap();
    assert_eq!(committed, Applied::Committed { head });
}

#[tokio::test(flavor = "multi_thread")]
async fn a_released_chunk_outlives_restarts_and_goes_with_its_retention() {
    let dir = tempfile::tempdir().unwrap();
    let mut town = Town::new();
    let other = Signer::new(3);
    let certificate = town.by_root(Town::machine(1, &other, None));
    town.take(certificate);
    let metadata = founded(dir.path(), &town).await;
    let mut folder = begun(&metadata, &town, 5).await;
    let (gone, kept) = (ChunkId([3; 32]), ChunkId([4; 32]));
    let stored_at = metadata.view().applied();
    let adds = Commit { adds: vec![gone, kept], stored_at, ..town.draft(&folder.space) };
    commit(&metadata, &town, &mut folder, adds).await;
    let release = Commit { control: Some(Control::Release(vec![gone, kept])), ..town.draft(&folder.space) };
    commit(&metadata, &town, &mut folder, release).await;
    let keep = Commit { control: Some(Control::Keep(vec![kept])), ..town.draft(&folder.space) };
    commit(&metadata, &town, &mut folder, keep).await;
    let (head, org) = (folder.space.head(), town.organisation.head());
    let seen = Seen { space: folder.id, device: other.device(), head, org, time: Timestamp(1) };
    let word = other.seal(seen).bytes().clone();
    assert_eq!(metadata.propose(Proposal::Seen(word.clone())).await.unwrap(), Applied::SeenKept);
    pass(&metadata, u64::from(RETENTION_DAYS / 2) * DAY_SECONDS).await;
    metadata.stop().await;

    let metadata = Metadata::open(dir.path(), NODE, None).await.unwrap();
    let view = metadata.view();
    assert_eq!(view.seens(folder.id, usize::MAX).unwrap(), [word]);
    assert_eq!(view.row(folder.id, gone).unwrap().unwrap().released_by, Some(3));
    assert_eq!(view.row(folder.id, kept).unwrap().unwrap().released_by, None);
    assert_eq!(view.tally(), Tally { released: 2, purged: 0 });
    let (due, since) = view.next_purge().unwrap().unwrap();
    assert_eq!(due, since.plus(u64::from(RETENTION_DAYS) * DAY_SECONDS));
    let left = due.0 - view.cluster_time().0;
    pass(&metadata, left - TICK_STEP_SECONDS_MAX).await;
    assert!(view.row(folder.id, gone).unwrap().is_some(), "not a tick early");
    pass(&metadata, 2 * TICK_STEP_SECONDS_MAX).await;
    assert_eq!(view.row(folder.id, gone).unwrap(), None, "sweep may take its copies");
    assert!(view.row(folder.id, kept).unwrap().is_some());
    assert_eq!((view.tally(), view.next_purge().unwrap()), (Tally { released: 0, purged: 1 }, None));
    drop(view);
    metadata.stop().await;
}
