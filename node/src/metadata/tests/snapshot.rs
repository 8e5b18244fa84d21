//! A group that has made a snapshot and purged its log starts from what is left.

use std::time::Duration;

use super::group::{NODE, begun, founded};
use super::town::Town;
use crate::metadata::{Metadata, Proposal};

#[tokio::test(flavor = "multi_thread")]
async fn a_purged_log_is_not_missed() {
    let dir = tempfile::tempdir().unwrap();
    let town = Town::new();
    let metadata = founded(dir.path(), &town).await;
    let mut folder = begun(&metadata, &town, 5).await;
    for _ in 0..10 {
        let commit = town.admin.seal(town.draft(&folder.space));
        folder.take(&commit);
        let bytes = commit.bytes().clone();
        metadata.propose(Proposal::Commit(bytes)).await.unwrap();
    }
    let applied = metadata.view().applied();
    let raft = metadata.engine();
    raft.trigger().snapshot().await.unwrap();
    let wait = raft.wait(Some(Duration::from_secs(10)));
    wait.metrics(|metrics| metrics.snapshot.is_some_and(|log_id| log_id.index >= applied), "a snapshot").await.unwrap();
    raft.trigger().purge_log(applied).await.unwrap();
    raft.wait(Some(Duration::from_secs(10)))
        .metrics(|metrics| metrics.purged.is_some_and(|log_id| log_id.index >= applied), "a purge")
        .await
        .unwrap();
    metadata.stop().await;

    let metadata = Metadata::open(dir.path(), NODE, None).await.unwrap();
    let space = metadata.view().space(folder.id).unwrap().unwrap();
    assert_eq!(*space, folder.space);
    let commit = town.admin.seal(town.draft(&folder.space));
    let bytes = commit.bytes().clone();
    metadata.propose(Proposal::Commit(bytes)).await.unwrap();
    metadata.stop().await;
}
