//! What is counted, for whom, and what is refused for it.

use vauban_protocol::canonical::decode;
use vauban_protocol::id::ChunkId;
use vauban_protocol::organisation::{Quota, QuotaOf, Statement};
use vauban_protocol::space::{Control, KeysChange, MembersChange, Role, Seen};
use vauban_protocol::time::{DAY_SECONDS, Timestamp};
use vauban_protocol::wire::Refusal;

use super::Memory;
use crate::limit::TICK_STEP_SECONDS_MAX;
use crate::metadata::command::{Applied, Blob, Command, Outcome};
use crate::metadata::store::Key;
use crate::metadata::tests::{Folder, Signer, Town, user};

const NOON: Timestamp = Timestamp(1_790_000_000);

struct Case {
    town: Town,
    memory: Memory,
    folder: Folder,
}

impl Case {
    fn new() -> Self {
        let town = Town::new();
        let mut memory = Memory::founded(&town);
        let folder = memory.begun(&town, 5);
        Self { town, memory, folder }
    }

    fn of_space(&self) -> QuotaOf {
        QuotaOf::Space(self.folder.id)
    }

    fn of_user(&self) -> QuotaOf {
        QuotaOf::User(self.town.organisation.device(self.town.admin.device()).unwrap().user)
    }

    fn used(&self, of: QuotaOf) -> u64 {
        self.memory.table.get(&Key::usage(of)).map_or(0, |bytes| decode(bytes).unwrap())
    }

    fn set(&mut self, of: QuotaOf, bytes_max: Option<u64>) {
        let certificate = self.town.by_admin(Statement::Quota(Quota { of, bytes_max }));
        self.memory.certify(std::slice::from_ref(&certificate)).unwrap();
        self.town.take(certificate);
    }

    /// A commit of chunks with these sizes, drafted at the head.
    fn weighed(&self, chunks: &[(u8, Option<u32>)], control: Option<Control>) -> (Command, bytes::Bytes) {
        let mut draft = self.town.draft(&self.folder.space);
        draft.adds = chunks.iter().map(|(byte, _)| ChunkId([*byte; 32])).collect();
        draft.stored_at = self.memory.index;
        if matches!(control, Some(Control::Members(_))) {
            draft.sealed_ops.clear();
        }
        draft.control = control;
        let commit = self.town.admin.seal(draft).bytes().clone();
        let sizes = chunks.iter().map(|(_, size)| *size).collect();
        (Command::Weighed { commit: Blob(commit.clone()), sizes }, commit)
    }

    fn add(&mut self, chunks: &[(u8, Option<u32>)]) -> Outcome {
        self.run(chunks, None)
    }

    fn run(&mut self, chunks: &[(u8, Option<u32>)], control: Option<Control>) -> Outcome {
        let (command, commit) = self.weighed(chunks, control);
        let outcome = self.memory.run(command);
        if outcome.is_ok() {
            self.folder.take(&vauban_protocol::signed::Signed::parse(commit).unwrap());
        }
        outcome
    }
}

#[test]
fn each_chunk_counts_once_for_its_space_and_for_whoever_added_it_first() {
    let mut case = Case::new();
    case.add(&[(1, Some(10)), (2, Some(20))]).unwrap();
    case.add(&[(2, Some(20)), (3, Some(5))]).unwrap();
    assert_eq!((case.used(case.of_space()), case.used(case.of_user())), (35, 35));
    // Nobody found its size: it is stored all the same, and counts once somebody does.
    case.add(&[(4, None)]).unwrap();
    assert_eq!(case.used(case.of_space()), 35);
    case.add(&[(4, Some(7))]).unwrap();
    assert_eq!((case.used(case.of_space()), case.used(case.of_user())), (42, 42));
    let weight = case.memory.row(case.folder.id, ChunkId([4; 32])).unwrap().weight.unwrap();
    let since = case.town.organisation.device(case.town.admin.device()).unwrap().since;
    assert_eq!((weight.object_bytes, weight.enrolled_at), (7, since));
}

#[test]
fn what_would_pass_a_quota_is_refused_whole_and_goes_once_it_is_raised() {
    for is_of_user in [false, true] {
        let mut case = Case::new();
        case.add(&[(1, Some(60))]).unwrap();
        let of = if is_of_user { case.of_user() } else { case.of_space() };
        case.set(of, Some(100));
        let before = case.memory.table.clone();
        let refused = case.add(&[(2, Some(30)), (3, Some(11))]);
        assert_eq!(refused, Err(Refusal::Quota { of, used_bytes: 60, bytes_max: 100 }));
        assert_eq!(case.memory.table, before, "nothing of it was done");
        case.add(&[(2, Some(40))]).unwrap();
        // What is stored already needs no room, and what adds nothing is never refused: also where a quota was lowered.
        case.set(of, Some(1));
        case.add(&[(1, Some(60)), (2, Some(40))]).unwrap();
        case.run(&[], Some(Control::Release(vec![ChunkId([1; 32])]))).unwrap();
        assert!(matches!(case.add(&[(3, Some(1))]), Err(Refusal::Quota { used_bytes: 100, bytes_max: 1, .. })));
        case.set(of, Some(101));
        case.add(&[(3, Some(1))]).unwrap();
        case.set(of, None);
        case.add(&[(9, Some(1_000))]).unwrap();
    }
}

/// Two commits that would each fit, in one entry of the log: the second is judged by what the first has counted.
#[test]
fn commits_of_one_entry_share_what_is_left() {
    let mut case = Case::new();
    let of = case.of_space();
    case.set(of, Some(100));
    let other = case.memory.begun(&case.town, 6);
    let user = case.of_user();
    case.set(user, Some(100));
    let (first, _) = case.weighed(&[(1, Some(60))], None);
    let here = std::mem::replace(&mut case.folder, other);
    let (second, _) = case.weighed(&[(1, Some(60))], None);
    case.folder = here;
    let outcomes = case.memory.run_together(vec![first, second]);
    assert!(outcomes[0].is_ok(), "{outcomes:?}");
    assert_eq!(outcomes[1], Err(Refusal::Quota { of: user, used_bytes: 60, bytes_max: 100 }));
    assert_eq!((case.used(of), case.used(user)), (60, 60));
}

#[test]
fn sizes_that_no_object_has_are_refused() {
    let mut case = Case::new();
    let (command, _) = case.weighed(&[(1, Some(u32::MAX))], None);
    assert_eq!(case.memory.run(command), Err(Refusal::Malformed));
    let (Command::Weighed { commit, .. }, _) = case.weighed(&[(1, Some(1))], None) else { panic!("another command") };
    assert_eq!(case.memory.run(Command::Weighed { commit, sizes: vec![] }), Err(Refusal::Malformed));
    assert_eq!(case.used(case.of_space()), 0);
}

/// Whoever was removed must be locked out at once: the bundle of the next epoch is counted, and never refused.
#[test]
fn an_epoch_is_never_refused_for_a_quota() {
    let mut case = Case::new();
    let mut begun = Folder::new(&case.town, 7);
    case.memory.run(Command::CreateSpace(Blob(begun.genesis.clone()))).unwrap();
    let of = QuotaOf::Space(begun.id);
    case.set(of, Some(0));
    let epoch = case.town.first_epoch(&begun.space, case.memory.index);
    let head = begun.take(&epoch);
    let sizes = vec![Some(300)];
    let outcome = case.memory.run(Command::Weighed { commit: Blob(epoch.bytes().clone()), sizes });
    assert_eq!(outcome, Ok(Applied::Committed { head }));
    assert_eq!(case.used(of), 300);
}

/// What is purged counts no more, for those whom it counted for.
#[test]
fn what_is_purged_makes_room() {
    let mut case = Case::new();
    let other = Signer::new(3);
    let certificate = case.town.by_root(Town::machine(1, &other, None));
    case.memory.certify(std::slice::from_ref(&certificate)).unwrap();
    case.town.take(certificate);
    case.memory.tick(NOON);
    case.add(&[(1, Some(60)), (2, Some(30))]).unwrap();
    case.run(&[], Some(Control::Release(vec![ChunkId([1; 32])]))).unwrap();
    assert_eq!(case.used(case.of_space()), 90, "until it is purged");
    let (space, head, org) = (case.folder.id, case.folder.space.head(), case.town.organisation.head());
    let word = other.seal(Seen { space, device: other.device(), head, org, time: NOON });
    case.memory.run(Command::Seen(Blob(word.bytes().clone()))).unwrap();
    let mut time = NOON;
    let end = NOON.plus(31 * DAY_SECONDS);
    while time < end {
        time = time.plus(TICK_STEP_SECONDS_MAX);
        case.memory.tick(time);
    }
    assert_eq!(case.memory.row(case.folder.id, ChunkId([1; 32])), None);
    assert_eq!((case.used(case.of_space()), case.used(case.of_user())), (30, 30));
}

/// Keys that nobody can have would shut all members out: the chunk that gives them must be somewhere.
#[test]
fn keys_are_given_by_a_chunk_that_some_node_has() {
    let mut case = Case::new();
    let certificate = case.town.by_root(Town::person(6, None));
    case.memory.certify(std::slice::from_ref(&certificate)).unwrap();
    case.town.take(certificate);
    let roles = vec![(user(6), Some(Role::Writer))];
    let change = MembersChange { at: NOON, roles, keys: KeysChange::Shared(ChunkId([1; 32])) };
    let control = || Some(Control::Members(change.clone()));
    assert_eq!(case.run(&[(1, None)], control()), Err(Refusal::NoCopy));
    case.run(&[(1, Some(60))], control()).unwrap();
}
