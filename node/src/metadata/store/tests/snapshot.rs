//! Snapshots: made while others write, sent as files, installed whole or again.

use std::fs;
use std::path::Path;

use openraft::storage::RaftStateMachine;
use openraft::{CommittedLeaderId, Entry, EntryPayload, LogId, RaftSnapshotBuilder, Snapshot};
use rocksdb::WriteBatch;
use vauban_protocol::canonical::encode;
use vauban_protocol::limit::COMMITS_BYTES_MAX;
use vauban_protocol::time::Timestamp;

use super::super::database::{Durability, Family};
use super::super::schema::Key;
use super::{NODE, open};
use crate::metadata::command::{Batch, Blob, Command};
use crate::metadata::raft::{Group, Voter};
use crate::metadata::tests::{Folder, Town, user};
use crate::metadata::view::View;

fn entry(index: u64, commands: Vec<Command>) -> Entry<Group> {
    let leader = CommittedLeaderId::new(1, Voter::from(NODE));
    Entry { log_id: LogId::new(leader, index), payload: EntryPayload::Normal(Batch(commands)) }
}

/// Entries that found a town, begin a space, open an invite, post to it, and tick.
fn story(town: &Town) -> (Vec<Entry<Group>>, Folder) {
    let mut folder = Folder::new(town, 5);
    let epoch = town.first_epoch(&folder.space, 1);
    folder.take(&epoch);
    let chain = town.chain.iter().cloned().map(Blob).collect();
    let invite = town.invite(5, Timestamp(1_790_003_600));
    let id = invite.payload().id;
    let post = Town::post(id, &crate::metadata::tests::Signer::new(50), [0; 32]);
    let entries = vec![
        entry(1, vec![Command::Found(chain)]),
        entry(
            2,
            vec![
                Command::Tick(Timestamp(1_790_000_000)),
                Command::CreateSpace(Blob(folder.genesis.clone())),
                Command::Raise(1),
            ],
        ),
        entry(3, vec![Command::Commit(Blob(epoch.bytes().clone()))]),
        entry(
            4,
            vec![Command::OpenInvite(Blob(invite.bytes().clone())), Command::Join { invite: id, post: Blob(post) }],
        ),
    ];
    (entries, folder)
}

/// Sends a snapshot's files, as a network would.
async fn send(from: &Snapshot<Group>, to: &mut impl RaftStateMachine<Group>) -> Snapshot<Group> {
    let folder = to.begin_receiving_snapshot().await.unwrap();
    for file in fs::read_dir(&from.snapshot.path).unwrap() {
        let file = file.unwrap();
        fs::copy(file.path(), folder.path.join(file.file_name())).unwrap();
    }
    Snapshot { meta: from.meta.clone(), snapshot: folder }
}

fn assert_told(view: &View, town: &Town, folder: &Folder) {
    assert_eq!(view.applied(), 4);
    let organisation = view.organisation().unwrap();
    assert_eq!(organisation.head(), town.organisation.head());
    assert_eq!(*view.space(folder.id).unwrap().unwrap(), folder.space);
    assert_eq!(view.log(folder.id, 0, COMMITS_BYTES_MAX).unwrap().len(), 2);
    assert_eq!(view.spaces_of(user(1)).unwrap().len(), 1);
    assert_eq!(view.cluster_time(), Timestamp(1_790_000_000));
    assert_eq!(view.feature_level(), 1);
    let [invite] = &view.invites_for(user(1), usize::MAX).unwrap()[..] else {
        panic!("one invite");
    };
    let invite = town.invite(5, Timestamp(1_790_003_600)).bytes() == invite;
    assert!(invite);
    let id = vauban_protocol::id::InviteId([5; 16]);
    assert_eq!(view.join_posts(id).unwrap().len(), 1);
}

/// A replica with a space that the snapshot does not know of.
async fn behind(path: &Path) -> (Folder, View, super::Machine) {
    let town = Town::of_root(77);
    let folder = Folder::new(&town, 6);
    let (_, mut machine, replica) = open(path);
    let chain = town.chain.iter().cloned().map(Blob).collect();
    let genesis = Command::CreateSpace(Blob(folder.genesis.clone()));
    let entries = [entry(1, vec![Command::Found(chain), genesis])];
    machine.apply(entries).await.unwrap();
    let view = View::new(replica);
    assert!(view.space(folder.id).unwrap().is_some());
    (folder, view, machine)
}

#[tokio::test]
async fn a_snapshot_round_trip_replaces_everything() {
    let (here, there) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let town = Town::new();
    let (entries, folder) = story(&town);
    let (_, mut machine, replica) = open(here.path());
    machine.apply(entries).await.unwrap();
    assert_told(&View::new(replica), &town, &folder);
    let built = machine.build_snapshot().await.unwrap();
    assert_eq!(built.meta.last_log_id.map(|id| id.index), Some(4));
    // The state goes on; the snapshot does not.
    let later = entry(5, vec![Command::Tick(Timestamp(1_790_000_060))]);
    machine.apply([later]).await.unwrap();

    let (old, view, mut other) = behind(there.path()).await;
    let received = send(&built, &mut other).await;
    other.install_snapshot(&received.meta, received.snapshot).await.unwrap();
    assert_told(&view, &town, &folder);
    assert!(view.space(old.id).unwrap().is_none(), "nothing of before");
    let current = other.get_current_snapshot().await.unwrap().unwrap();
    assert_eq!(current.meta, built.meta);
    drop((view, other));
    let (_, mut other, replica) = open(there.path());
    assert_told(&View::new(replica), &town, &folder);
    let (last, _) = other.applied_state().await.unwrap();
    assert_eq!(last, built.meta.last_log_id);
}

/// Fails if a half-installed snapshot is taken for a state.
#[tokio::test]
async fn an_interrupted_installation_starts_over() {
    let dir = tempfile::tempdir().unwrap();
    let town = Town::new();
    let (entries, folder) = story(&town);
    let (_, mut machine, replica) = open(dir.path());
    machine.apply(entries).await.unwrap();
    let built = machine.build_snapshot().await.unwrap();
    let database = replica.database();
    let mut batch = WriteBatch::default();
    let (least, greatest) = (Key::least(), Key::greatest());
    database.delete_range(&mut batch, Family::State, &least, &greatest).unwrap();
    let name = encode(&built.meta.snapshot_id);
    database.put(&mut batch, Family::Voter, &Key::installing(), &name).unwrap();
    database.write(batch, Durability::Synced, "test").unwrap();
    drop((machine, replica));
    let (_, _, replica) = open(dir.path());
    assert_told(&View::new(replica), &town, &folder);
}

#[tokio::test]
async fn a_snapshot_that_is_not_what_it_says_is_refused() {
    let (here, there) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let town = Town::new();
    let (_, mut machine, _) = open(here.path());
    machine.apply(story(&town).0).await.unwrap();
    let built = machine.build_snapshot().await.unwrap();
    let (old, view, mut other) = behind(there.path()).await;
    let mut received = send(&built, &mut other).await;
    received.meta.last_log_id = Some(LogId::new(CommittedLeaderId::default(), 9));
    let refused = other.install_snapshot(&received.meta, received.snapshot).await;
    assert!(refused.is_err());
    assert!(view.space(old.id).unwrap().is_some(), "as it was");
}

#[tokio::test]
async fn only_the_newest_snapshots_are_kept() {
    let dir = tempfile::tempdir().unwrap();
    let town = Town::new();
    let (_, mut machine, _) = open(dir.path());
    for entry in story(&town).0 {
        machine.apply([entry]).await.unwrap();
        machine.build_snapshot().await.unwrap();
        machine.build_snapshot().await.unwrap();
    }
    let kept = fs::read_dir(dir.path().join("snapshots")).unwrap().count();
    assert_eq!(kept, 2);
    let current = machine.get_current_snapshot().await.unwrap().unwrap();
    assert_eq!(current.meta.last_log_id.map(|id| id.index), Some(4));
}

/// Fails if a snapshot goes while it is on its way to a node, as it would once two more were made: no long transfer would ever end.
#[tokio::test]
async fn a_snapshot_that_is_being_sent_stays() {
    let dir = tempfile::tempdir().unwrap();
    let town = Town::new();
    let (_, mut machine, _) = open(dir.path());
    let mut entries = story(&town).0.into_iter();
    machine.apply([entries.next().unwrap()]).await.unwrap();
    machine.build_snapshot().await.unwrap();
    let sent = machine.get_current_snapshot().await.unwrap().unwrap();
    for entry in entries {
        machine.apply([entry]).await.unwrap();
        machine.build_snapshot().await.unwrap();
    }
    let path = sent.snapshot.path.clone();
    assert!(path.join("CURRENT").exists());
    drop(sent);
    machine.build_snapshot().await.unwrap();
    assert!(!path.exists(), "nobody has it any more");
}
