//! The compare-and-swap, and what a cluster asks beyond it.

use vauban_protocol::id::{ChunkId, SpaceId};
use vauban_protocol::organisation::Statement;
use vauban_protocol::space::{Commit, Control};
use vauban_protocol::time::{DAY_SECONDS, Timestamp};
use vauban_protocol::wire::Refusal;

use super::Memory;
use crate::limit::TICK_STEP_SECONDS_MAX;
use crate::metadata::command::{Applied, Blob, Command};
use crate::metadata::state::Row;
use crate::metadata::tests::{Folder, Signer, Town, user};

const NOON: Timestamp = Timestamp(1_790_000_000);

fn begun() -> (Town, Memory, Folder) {
    let town = Town::new();
    let mut memory = Memory::founded(&town);
    let folder = memory.begun(&town, 5);
    (town, memory, folder)
}

#[test]
fn commits_follow_each_other_in_one_entry() {
    let (town, mut memory, mut folder) = begun();
    let mut commands = Vec::new();
    for byte in 1..4 {
        let mut draft = town.draft(&folder.space);
        draft.adds = vec![ChunkId([byte; 32])];
        draft.stored_at = memory.index;
        let commit = town.admin.seal(draft);
        folder.take(&commit);
        commands.push(Command::Commit(Blob(commit.bytes().clone())));
    }
    let outcomes = memory.run_together(commands);
    let head = folder.space.head();
    assert_eq!(outcomes.last(), Some(&Ok(Applied::Committed { head })));
    assert_eq!(*memory.spaces[&folder.id], folder.space);
    let added_at = memory.index;
    let row = Row { added_at, released_by: None, weight: None };
    assert_eq!(memory.row(folder.id, ChunkId([2; 32])), Some(row));
    let log = memory.logged(folder.id).len();
    assert_eq!(log, 5, "genesis, epoch, three commits");
}

#[test]
fn a_commit_beside_the_head_is_refused_and_changes_nothing() {
    let (town, mut memory, mut folder) = begun();
    let stale = folder.space.head();
    let first = town.admin.seal(town.draft(&folder.space));
    folder.take(&first);
    memory.commit(first.bytes()).unwrap();
    let before = memory.logged(folder.id).len();
    let mut draft = town.draft(&folder.space);
    draft.prev = stale;
    let refused = memory.commit(town.admin.seal(draft).bytes());
    let head = folder.space.head();
    assert_eq!(refused, Err(Refusal::NotHead { head }));
    assert_eq!(memory.logged(folder.id).len(), before);
    assert_eq!(*memory.spaces[&folder.id], folder.space);
}

/// Fails if a repeated commit is judged by the head before it is recognised.
#[test]
fn lost_commit_answer_is_idempotent() {
    let (town, mut memory, mut folder) = begun();
    let commit = town.admin.seal(town.draft(&folder.space));
    let head = folder.take(&commit);
    for _ in 0..3 {
        assert_eq!(memory.commit(commit.bytes()), Ok(Applied::Committed { head }));
    }
    assert_eq!(memory.spaces[&folder.id].head(), head, "once");
    assert_eq!(memory.logged(folder.id).len(), 3);
}

/// The node's part: a counter that was used for other bytes is said to be, whatever else is wrong or right.
#[test]
fn cloned_device_is_stopped() {
    let (town, mut memory, mut folder) = begun();
    let mut twin = town.draft(&folder.space);
    twin.sealed_ops = vec![9];
    let commit = town.admin.seal(town.draft(&folder.space));
    folder.take(&commit);
    memory.commit(commit.bytes()).unwrap();
    let refused = memory.commit(town.admin.seal(twin).bytes());
    assert_eq!(refused, Err(Refusal::CounterUsed));
    let mut twin = town.draft(&folder.space);
    twin.counter -= 1;
    let refused = memory.commit(town.admin.seal(twin).bytes());
    assert_eq!(refused, Err(Refusal::CounterUsed), "also at the new head");
}

#[test]
fn a_counter_leaves_no_gap() {
    let (town, mut memory, folder) = begun();
    let mut draft = town.draft(&folder.space);
    let expected = draft.counter;
    draft.counter += 1;
    let refused = memory.commit(town.admin.seal(draft).bytes());
    assert_eq!(refused, Err(Refusal::CounterGap { expected }));
}

/// Fails if apply forgets the floor: sweep may then have taken what the commit adds.
#[test]
fn stale_receipts_are_refused_only_where_something_rests_on_them() {
    let (town, mut memory, mut folder) = begun();
    let stored_at = memory.index;
    let mut time = NOON;
    memory.tick(time);
    while memory.core.clock.floor() <= stored_at {
        time = time.plus(TICK_STEP_SECONDS_MAX);
        memory.tick(time);
    }
    assert!(time.0 >= NOON.0 + DAY_SECONDS);
    let floor = memory.core.clock.floor();
    let mut draft = town.draft(&folder.space);
    draft.adds = vec![ChunkId([3; 32])];
    draft.stored_at = stored_at;
    let refused = memory.commit(town.admin.seal(draft.clone()).bytes());
    assert_eq!(refused, Err(Refusal::ReceiptsTooOld { floor }));
    assert_eq!(memory.row(folder.id, ChunkId([3; 32])), None);

    let mut empty = town.draft(&folder.space);
    empty.stored_at = 0;
    let empty = town.admin.seal(empty);
    folder.take(&empty);
    memory.commit(empty.bytes()).unwrap();

    let mut fresh = town.draft(&folder.space);
    fresh.adds = draft.adds;
    fresh.stored_at = floor;
    memory.commit(town.admin.seal(fresh).bytes()).unwrap();
}

/// A receipt cannot be younger than the entry of the commit that rests on it. Fails if a made-up index passes: it would
/// lie above every floor.
#[test]
fn receipts_of_the_future_are_refused() {
    let (town, mut memory, folder) = begun();
    for own_entry_and in [0, 1, 1 << 32] {
        let mut draft = town.draft(&folder.space);
        draft.adds = vec![ChunkId([3; 32])];
        draft.stored_at = memory.index + 1 + own_entry_and;
        let refused = memory.commit(town.admin.seal(draft).bytes());
        assert_eq!(refused, Err(Refusal::Commit), "{own_entry_and}");
    }
    let mut draft = town.draft(&folder.space);
    draft.adds = vec![ChunkId([3; 32])];
    draft.stored_at = memory.index;
    memory.commit(town.admin.seal(draft).bytes()).unwrap();
}

#[test]
fn a_device_revoked_at_the_clusters_head_is_refused_at_any_position() {
    let (mut town, mut memory, mut folder) = begun();
    let commit = town.admin.seal(town.draft(&folder.space));
    let lost = folder.space.clone();
    let head = folder.take(&commit);
    memory.commit(commit.bytes()).unwrap();
    let old = town.draft(&folder.space);
    let revoke = town.by_root(Statement::RevokeDevice { device: town.admin.device() });
    memory.certify(std::slice::from_ref(&revoke)).unwrap();
    assert!(town.organisation.passed(old.org), "valid where it stands");
    let refused = memory.commit(town.admin.seal(old).bytes());
    assert_eq!(refused, Err(Refusal::Revoked));
    town.take(revoke);
    let refused = memory.commit(town.admin.seal(town.draft(&folder.space)).bytes());
    assert_eq!(refused, Err(Refusal::Commit), "not valid there");
    assert_ne!(lost.head(), head);
    assert_eq!(memory.commit(commit.bytes()), Ok(Applied::Committed { head }), "what it had committed before stays so");
}

#[test]
fn a_stranger_learns_nothing_of_a_space() {
    let (mut town, mut memory, folder) = begun();
    let eve = Signer::new(66);
    for statement in [Town::person(6, None), Town::machine(6, &eve, None)] {
        let certificate = town.by_root(statement);
        memory.certify(std::slice::from_ref(&certificate)).unwrap();
        town.take(certificate);
    }
    let mut here = town.draft(&folder.space);
    (here.device, here.counter) = (eve.device(), 1);
    let mut nowhere = here.clone();
    nowhere.space = SpaceId([1; 16]);
    for draft in [here, nowhere] {
        let refused = memory.commit(eve.seal(draft).bytes());
        assert_eq!(refused, Err(Refusal::UnknownSpace));
    }
    let mut unknown = town.draft(&folder.space);
    unknown.device = Signer::new(67).device();
    let refused = memory.commit(eve.seal(unknown).bytes());
    assert_eq!(refused, Err(Refusal::UnknownDevice));
}

#[test]
fn a_commit_that_its_device_did_not_sign_is_refused() {
    let (town, mut memory, folder) = begun();
    let forged = Signer::new(66).seal(town.draft(&folder.space));
    assert_eq!(memory.commit(forged.bytes()), Err(Refusal::Commit));
    let mut cut = forged.bytes().to_vec();
    cut.truncate(20);
    assert_eq!(memory.commit(&cut.into()), Err(Refusal::Malformed));
}

/// The tree may no longer refer to a chunk that still has its row: to add it again is no error, and takes back its release.
#[test]
fn adding_a_chunk_again_renews_its_row() {
    let (town, mut memory, mut folder) = begun();
    let chunk = ChunkId([3; 32]);
    for _ in 0..2 {
        let mut draft = town.draft(&folder.space);
        draft.adds = vec![chunk];
        draft.stored_at = memory.index;
        let commit = town.admin.seal(draft);
        folder.take(&commit);
        memory.commit(commit.bytes()).unwrap();
        let row = memory.row(folder.id, chunk).unwrap();
        assert_eq!((row.added_at, row.released_by), (memory.index, None));
        let release = Commit { control: Some(Control::Release(vec![chunk])), ..town.draft(&folder.space) };
        let release = town.admin.seal(release);
        let head = folder.take(&release);
        memory.commit(release.bytes()).unwrap();
        assert_eq!(memory.row(folder.id, chunk).unwrap().released_by, Some(head.seq));
    }
}

#[test]
fn a_space_is_begun_once_by_its_owners_device() {
    let (town, mut memory, folder) = begun();
    let again = memory.run(Command::CreateSpace(Blob(folder.genesis.clone())));
    let space = folder.id;
    assert_eq!(again, Ok(Applied::SpaceCreated { space }));
    assert_eq!(memory.spaces[&space].head(), folder.space.head(), "as it was");
    assert_eq!(memory.members, [(user(1), space)]);
    let mut foreign = town.genesis(6).payload().clone();
    foreign.owner = user(2);
    let foreign = town.admin.seal_hybrid(foreign).bytes().clone();
    let refused = memory.run(Command::CreateSpace(Blob(foreign)));
    assert_eq!(refused, Err(Refusal::Forbidden));
    let forged = Signer::new(66).seal_hybrid(town.genesis(7).payload().clone());
    let refused = memory.run(Command::CreateSpace(Blob(forged.bytes().clone())));
    assert_eq!(refused, Err(Refusal::Commit));
}
