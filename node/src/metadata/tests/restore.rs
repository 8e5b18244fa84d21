//! A group is lost; what was backed up goes on as another incarnation, once the root has said so.

use std::fs;
use std::path::Path;

use vauban_protocol::chain::Head;
use vauban_protocol::id::{ChunkId, Fingerprint, Incarnation, NodeId};
use vauban_protocol::organisation::{Reanchor, Statement};
use vauban_protocol::time::Timestamp;
use vauban_protocol::wire::Refusal;

use super::group::{NODE, begun, founded};
use super::town::{Folder, Town};
use crate::metadata::{BackupError, Metadata, Proposal, ProposeError, Restored, back_up, restore};

const SECOND: Incarnation = Incarnation([5; 16]);
const OTHER_NODE: NodeId = NodeId([8; 16]);

async fn write(metadata: &Metadata, town: &Town, folder: &mut Folder, chunk: u8) -> Result<Head, ProposeError> {
    let mut draft = town.draft(&folder.space);
    draft.adds = vec![ChunkId([chunk; 32])];
    draft.stored_at = metadata.view().applied();
    let commit = town.admin.seal(draft);
    metadata.propose(Proposal::Commit(commit.bytes().clone())).await?;
    Ok(folder.take(&commit))
}

fn restored(dir: &Path, node: NodeId, file: &Path, organisation: Fingerprint) -> Result<Restored, BackupError> {
    restore(dir, node, file, organisation, SECOND)?.put_in_place()
}

/// What was in the backup is there, what came after it is not, and nothing is written until the root has reanchored the space.
#[tokio::test(flavor = "multi_thread")]
async fn restored_backup_needs_reanchor() {
    let dir = tempfile::tempdir().unwrap();
    let (lost, found, file) = (dir.path().join("lost"), dir.path().join("found"), dir.path().join("backup.vbm"));
    let mut town = Town::new();
    let metadata = founded(&lost, &town).await;
    let mut folder = begun(&metadata, &town, 5).await;
    let kept = write(&metadata, &town, &mut folder, 21).await.unwrap();
    // Beside the node that runs.
    let about = back_up(&lost, NODE, &file).unwrap();
    assert_eq!((about.organisation, about.node), (town.organisation.fingerprint(), NODE));
    assert_eq!(about.applied, metadata.view().applied());
    let mut beyond = Folder { space: folder.space.clone(), ..Folder::new(&town, 5) };
    let gone = write(&metadata, &town, &mut beyond, 22).await.unwrap();
    let (reached, floor) = (metadata.view().applied(), metadata.view().floor());
    metadata.stop().await;

    // On another node, since the first one's disk is gone.
    let restored = restored(&found, OTHER_NODE, &file, town.organisation.fingerprint()).unwrap();
    assert_eq!(restored.spaces, [(folder.id, kept)]);
    let metadata = Metadata::open(&found, OTHER_NODE, None).await.unwrap();
    let view = metadata.view();
    assert_eq!((view.incarnation(), view.is_in_force()), (SECOND, false));
    assert_eq!(view.space(folder.id).unwrap().unwrap().head(), kept);
    assert!(view.row(folder.id, ChunkId([22; 32])).unwrap().is_none());
    // No stamp and no receipt of the incarnation before reaches the floor of this one.
    assert!(view.floor() > reached && floor < reached);
    let refused = write(&metadata, &town, &mut folder, 23).await;
    assert!(matches!(refused, Err(ProposeError::Refused(Refusal::NotInForce))), "{refused:?}");
    assert_ne!(gone.seq, kept.seq);

    let spaces = vec![(folder.id, kept)];
    let part = Reanchor { incarnation: SECOND, time: Timestamp(4_000_000_000), spaces, is_last: true };
    let certificate = town.by_root(Statement::Reanchor(part));
    town.take(certificate.clone());
    metadata.propose(Proposal::Certify(vec![certificate])).await.unwrap();
    assert!(view.is_in_force() && view.cluster_time() >= Timestamp(4_000_000_000));
    let head = write(&metadata, &town, &mut folder, 24).await.unwrap();
    assert_eq!(head.seq, kept.seq + 1);
    drop(view);
    metadata.stop().await;

    // It starts again like any other.
    let metadata = Metadata::open(&found, OTHER_NODE, None).await.unwrap();
    assert_eq!(metadata.view().space(folder.id).unwrap().unwrap().head(), head);
    write(&metadata, &town, &mut folder, 25).await.unwrap();
    metadata.stop().await;
}

/// Whatever is cut off or flipped: nothing is restored, and nothing is left.
#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_backup_restores_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let (lost, found, file) = (dir.path().join("lost"), dir.path().join("found"), dir.path().join("backup.vbm"));
    let town = Town::new();
    let metadata = founded(&lost, &town).await;
    begun(&metadata, &town, 5).await;
    metadata.stop().await;
    back_up(&lost, NODE, &file).unwrap();
    let ours = town.organisation.fingerprint();
    let whole = fs::read(&file).unwrap();
    let step = (whole.len() / 12).max(1);
    for at in (0..whole.len()).step_by(step) {
        fs::write(&file, &whole[..at]).unwrap();
        restored(&found, OTHER_NODE, &file, ours).unwrap_err();
        let mut flipped = whole.clone();
        flipped[at] ^= 1;
        fs::write(&file, &flipped).unwrap();
        restored(&found, OTHER_NODE, &file, ours).unwrap_err();
        assert!(!found.exists() && !found.with_extension("restoring").exists(), "at {at}");
    }
    fs::write(&file, &whole).unwrap();
    let other = Town::of_root(9).organisation.fingerprint();
    let refused = restored(&found, OTHER_NODE, &file, other);
    assert!(matches!(refused, Err(BackupError::OtherOrganisation { .. })), "{refused:?}");
    restored(&found, OTHER_NODE, &file, ours).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_overwrites_nothing_and_old_ones_are_told_apart() {
    let dir = tempfile::tempdir().unwrap();
    let town = Town::new();
    let metadata = founded(&dir.path().join("meta"), &town).await;
    let folder = dir.path().join("backups");
    fs::create_dir(&folder).unwrap();
    let written = [9, 10, 1_800_000_000].map(Timestamp);
    let written = written.map(|at| (at, metadata.back_up_to(&folder, at).unwrap()));
    let begun = written[2].1.with_extension("partial");
    fs::write(&begun, [0; 9]).unwrap();
    assert_eq!(Metadata::backups(&folder, NODE).unwrap(), written);
    assert!(metadata.back_up_to(&folder, Timestamp(9)).is_err());
    assert!(!begun.exists(), "what a killed node has begun does not stay");
    assert!(Metadata::backups(&folder, OTHER_NODE).unwrap().is_empty());
    metadata.stop().await;
}
