//! Ordering, reading, starting again.

use std::path::Path;
use std::time::Instant;

use vauban_protocol::id::{ChunkId, NodeId};
use vauban_protocol::limit::COMMITS_BYTES_MAX;
use vauban_protocol::space::{Commit, Control};
use vauban_protocol::wire::Refusal;

use super::town::{Folder, Town, user};
use crate::metadata::{Applied, Metadata, MetadataError, Proposal, ProposeError};

pub(super) const NODE: NodeId = NodeId([7; 16]);

pub(super) async fn founded(dir: &Path, town: &Town) -> Metadata {
    let metadata = Metadata::open(dir, NODE, None).await.unwrap();
    metadata.found(town.chain.clone()).await.unwrap();
    metadata
}

/// A space with its first epoch, so that anything can be committed to it.
pub(super) async fn begun(metadata: &Metadata, town: &Town, nonce: u8) -> Folder {
    let mut folder = Folder::new(town, nonce);
    let created = metadata.propose(Proposal::CreateSpace(folder.genesis.clone())).await;
    let space = folder.id;
    assert_eq!(created.unwrap(), Applied::SpaceCreated { space });
    let epoch = town.first_epoch(&folder.space, metadata.view().applied());
    let head = folder.take(&epoch);
    let committed = metadata.propose(Proposal::Commit(epoch.bytes().clone())).await;
    assert_eq!(committed.unwrap(), Applied::Committed { head });
    folder
}

#[tokio::test(flavor = "multi_thread")]
async fn a_group_of_one_orders_commits_and_keeps_them_over_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let town = Town::new();
    let metadata = founded(dir.path(), &town).await;
    let mut folder = begun(&metadata, &town, 5).await;
    let mut draft = town.draft(&folder.space);
    draft.adds = vec![ChunkId([3; 32])];
    draft.stored_at = metadata.view().applied();
    let commit = town.admin.seal(draft);
    let head = folder.take(&commit);
    let answer = metadata.propose(Proposal::Commit(commit.bytes().clone())).await;
    assert_eq!(answer.unwrap(), Applied::Committed { head });
    let (applied, time) = (metadata.view().applied(), metadata.view().cluster_time());
    assert!(time.0 > 1_700_000_000, "the first tick is the leader's clock");
    metadata.stop().await;

    let metadata = Metadata::open(dir.path(), NODE, None).await.unwrap();
    let view = metadata.view();
    assert!(view.applied() >= applied && view.cluster_time() >= time);
    assert_eq!(view.feature_level(), 3);
    assert_eq!(view.organisation().unwrap().head(), town.organisation.head());
    let certificates = view.certificates(0, usize::MAX).unwrap();
    assert_eq!(certificates, town.chain);
    assert_eq!(view.certificates(3, usize::MAX).unwrap().len(), 1);
    let space = view.space(folder.id).unwrap().unwrap();
    assert_eq!(*space, folder.space);
    let [summary] = view.spaces_of(user(1)).unwrap()[..] else {
        panic!("one space");
    };
    assert_eq!((summary.space, summary.head), (folder.id, head));
    assert!(view.spaces_of(user(2)).unwrap().is_empty());
    let log = view.log(folder.id, 0, COMMITS_BYTES_MAX).unwrap();
    assert_eq!(log.len(), 3);
    assert_eq!((&log[0], &log[2]), (&folder.genesis, commit.bytes()));
    assert_eq!(view.log(folder.id, 2, usize::MAX).unwrap(), log[2..]);
    assert!(view.log(folder.id, 0, 100).unwrap().is_empty());
    let row = view.row(folder.id, ChunkId([3; 32])).unwrap().unwrap();
    assert_eq!((row.added_at, row.released_by), (applied, None));
    assert_eq!(view.row(folder.id, ChunkId([4; 32])).unwrap(), None);
    metadata.found(town.chain.clone()).await.unwrap();
    metadata.stop().await;
}

/// The outline is the genesis, what changes the space in clear, and the last checkpoint before a position; nothing else.
#[tokio::test(flavor = "multi_thread")]
async fn an_outline_ends_with_the_last_checkpoint_asked_for() {
    let dir = tempfile::tempdir().unwrap();
    let town = Town::new();
    let metadata = founded(dir.path(), &town).await;
    let mut folder = begun(&metadata, &town, 5).await;
    let view = metadata.view();
    let space = folder.id;
    let outline = |before, from| view.outline(space, before, from, COMMITS_BYTES_MAX).unwrap();
    assert!(outline(u64::MAX, 0).is_empty(), "no checkpoint yet");
    for control in [None, Some(Control::Checkpoint), None, Some(Control::Checkpoint), None] {
        let commit = town.admin.seal(Commit { control, ..town.draft(&folder.space) });
        folder.take(&commit);
        metadata.propose(Proposal::Commit(commit.bytes().clone())).await.unwrap();
    }
    let log = view.log(folder.id, 0, COMMITS_BYTES_MAX).unwrap();
    let of = |positions: &[usize]| positions.iter().map(|at| log[*at].clone()).collect::<Vec<_>>();
    assert_eq!(outline(u64::MAX, 0), of(&[0, 1, 5]), "genesis, epoch, the later checkpoint");
    assert_eq!(outline(6, 0), of(&[0, 1, 5]));
    assert_eq!(outline(5, 0), of(&[0, 1, 3]));
    assert_eq!(outline(5, 2), of(&[3]));
    assert_eq!(outline(5, 3), of(&[3]));
    assert!(outline(5, 4).is_empty() && outline(3, 0).is_empty() && outline(0, 0).is_empty());
    let small = view.outline(folder.id, u64::MAX, 0, log[0].len() + log[1].len() + 8).unwrap();
    assert_eq!(small, of(&[0, 1]), "as many as fit");
    metadata.stop().await;
}

/// Two devices write at once: the second one is told where the space stands, and finds what it missed in the log.
#[tokio::test(flavor = "multi_thread")]
async fn a_refused_commit_finds_the_missing_ones() {
    let dir = tempfile::tempdir().unwrap();
    let town = Town::new();
    let metadata = founded(dir.path(), &town).await;
    let mut folder = begun(&metadata, &town, 5).await;
    let before = Folder { space: folder.space.clone(), ..Folder::new(&town, 5) };
    let mut taken = Vec::new();
    for _ in 0..3 {
        let commit = town.admin.seal(town.draft(&folder.space));
        folder.take(&commit);
        let bytes = commit.bytes().clone();
        metadata.propose(Proposal::Commit(bytes.clone())).await.unwrap();
        taken.push(bytes);
    }
    let mut late = town.draft(&before.space);
    late.counter = town.draft(&folder.space).counter;
    let late = town.admin.seal(late).bytes().clone();
    match metadata.propose(Proposal::Commit(late)).await {
        Err(ProposeError::Refused(refusal)) => assert_eq!(refusal, Refusal::NotHead { head: folder.space.head() }),
        other => panic!("{other:?}"),
    }
    let missing = metadata.view().log(folder.id, before.space.head().seq + 1, COMMITS_BYTES_MAX).unwrap();
    assert_eq!(missing, taken);
    metadata.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn another_organisation_or_node_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let town = Town::new();
    let metadata = founded(dir.path(), &town).await;
    let other = Town::of_root(77);
    assert!(matches!(metadata.found(other.chain).await, Err(MetadataError::Chain(Refusal::Certificate { .. }))));
    let second = Metadata::open(dir.path(), NODE, None).await;
    assert!(matches!(second, Err(MetadataError::InUse { .. })), "{second:?}");
    metadata.stop().await;
    let stranger = Metadata::open(dir.path(), NodeId([8; 16]), None).await;
    assert!(matches!(stranger, Err(MetadataError::OtherNode { .. })), "{stranger:?}");
}

/// A chain longer than one command, and a later admission file that is longer still.
#[tokio::test(flavor = "multi_thread")]
async fn a_long_chain_is_founded_in_steps_and_extended_later() {
    let dir = tempfile::tempdir().unwrap();
    let mut town = Town::new();
    for byte in 10..40 {
        let certificate = town.by_admin(Town::person(byte, None));
        town.take(certificate);
    }
    let metadata = founded(dir.path(), &town).await;
    assert_eq!(metadata.view().organisation().unwrap().head(), town.organisation.head());
    let certificate = town.by_admin(Town::person(40, None));
    town.take(certificate);
    metadata.found(town.chain.clone()).await.unwrap();
    assert_eq!(metadata.view().organisation().unwrap().head(), town.organisation.head());
    metadata.stop().await;
}

/// Concurrent proposals share entries: far more commits than fsyncs. Prints what it measures.
#[tokio::test(flavor = "multi_thread")]
async fn many_spaces_commit_at_once() {
    const SPACES: u8 = 64;
    const COMMITS: usize = 20;
    let dir = tempfile::tempdir().unwrap();
    let town = std::sync::Arc::new(Town::new());
    let metadata = founded(dir.path(), &town).await;
    let mut folders = Vec::new();
    for nonce in 0..SPACES {
        folders.push(begun(&metadata, &town, nonce).await);
    }
    let alone = Instant::now();
    for _ in 0..COMMITS {
        let commit = town.admin.seal(town.draft(&folders[0].space));
        folders[0].take(&commit);
        let bytes = commit.bytes().clone();
        metadata.propose(Proposal::Commit(bytes)).await.unwrap();
    }
    let alone = alone.elapsed() / u32::try_from(COMMITS).unwrap();
    let index = metadata.view().applied();
    let started = Instant::now();
    let mut tasks = tokio::task::JoinSet::new();
    for mut folder in folders {
        let (town, metadata) = (std::sync::Arc::clone(&town), metadata.clone());
        tasks.spawn(async move {
            for _ in 0..COMMITS {
                let commit = town.admin.seal(town.draft(&folder.space));
                folder.take(&commit);
                let bytes = commit.bytes().clone();
                metadata.propose(Proposal::Commit(bytes)).await.unwrap();
            }
        });
    }
    while let Some(joined) = tasks.join_next().await {
        joined.unwrap();
    }
    let commits = usize::from(SPACES) * COMMITS;
    let entries = usize::try_from(metadata.view().applied() - index).unwrap();
    let rate = commits as f64 / started.elapsed().as_secs_f64();
    println!("one commit alone: {alone:?}; {commits} commits in {entries} entries: {rate:.0}/s");
    assert!(entries * 4 < commits, "{entries} entries");
    metadata.stop().await;
}
