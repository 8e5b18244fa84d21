//! Releasing, keeping, purging: by whom, when, and never early.

use bytes::Bytes;
use vauban_protocol::chain::Head;
use vauban_protocol::id::{ChunkId, Digest};
use vauban_protocol::limit::{RETENTION_DAYS, RETENTION_DAYS_MIN};
use vauban_protocol::organisation::Statement;
use vauban_protocol::space::{Commit, Control, Retention, Seen};
use vauban_protocol::time::{DAY_SECONDS, Timestamp};
use vauban_protocol::wire::Refusal;

use super::Memory;
use crate::limit::TICK_STEP_SECONDS_MAX;
use crate::metadata::command::{Applied, Blob, Command, Outcome};
use crate::metadata::tests::{Folder, Signer, Town};

const NOON: Timestamp = Timestamp(1_790_000_000);
pub(super) const ONE: ChunkId = ChunkId([1; 32]);
pub(super) const TWO: ChunkId = ChunkId([2; 32]);

/// A space of a person with two devices, which holds two chunks.
pub(super) struct Scene {
    pub(super) town: Town,
    pub(super) memory: Memory,
    pub(super) folder: Folder,
    pub(super) other: Signer,
    pub(super) time: Timestamp,
}

impl Scene {
    pub(super) fn new() -> Self {
        let mut town = Town::new();
        let other = Signer::new(3);
        let certificate = town.by_root(Town::machine(1, &other, None));
        town.take(certificate);
        let mut memory = Memory::founded(&town);
        memory.tick(NOON);
        let folder = memory.begun(&town, 5);
        let mut scene = Self { town, memory, folder, other, time: NOON };
        let stored_at = scene.memory.index;
        let adds = Commit { adds: vec![ONE, TWO], stored_at, ..scene.draft() };
        scene.commit(adds).unwrap();
        scene
    }

    pub(super) fn draft(&self) -> Commit {
        self.town.draft(&self.folder.space)
    }

    pub(super) fn commit(&mut self, commit: Commit) -> Result<Head, Refusal> {
        let signed = self.town.admin.seal(commit);
        match self.memory.commit(signed.bytes())? {
            Applied::Committed { head } => {
                assert_eq!(self.folder.take(&signed), head);
                Ok(head)
            }
            other => panic!("{other:?}"),
        }
    }

    pub(super) fn control(&mut self, control: Control) -> Result<Head, Refusal> {
        self.commit(Commit { control: Some(control), ..self.draft() })
    }

    fn word(&self, device: &Signer, head: Head, time: u64) -> Bytes {
        let (space, org) = (self.folder.id, self.town.organisation.head());
        let seen = Seen { space, device: device.device(), head, org, time: Timestamp(time) };
        device.seal(seen).bytes().clone()
    }

    /// The other device says that it has seen all there is.
    pub(super) fn seen(&mut self) {
        let word = self.word(&self.other, self.folder.space.head(), self.time.0);
        assert_eq!(self.memory.run(Command::Seen(Blob(word))), Ok(Applied::SeenKept));
    }

    /// Cluster time goes on by so much, as fast as it can.
    pub(super) fn pass(&mut self, seconds: u64) {
        let until = self.time.plus(seconds);
        while self.time < until {
            self.time = until.min(self.time.plus(TICK_STEP_SECONDS_MAX));
            self.memory.tick(self.time);
        }
    }

    pub(super) fn has_row(&self, chunk: ChunkId) -> bool {
        self.memory.row(self.folder.id, chunk).is_some()
    }
}

const fn days(days: u16) -> u64 {
    days as u64 * DAY_SECONDS
}

/// Fails if retention begins with the release: a device alone could then destroy, while nobody looks.
#[test]
fn retention_begins_when_another_device_has_seen_the_release() {
    let mut scene = Scene::new();
    scene.control(Control::Release(vec![ONE])).unwrap();
    scene.pass(2 * days(RETENTION_DAYS));
    let own = scene.word(&scene.town.admin, scene.folder.space.head(), scene.time.0);
    assert_eq!(scene.memory.run(Command::Seen(Blob(own))), Ok(Applied::SeenKept));
    scene.pass(2 * days(RETENTION_DAYS));
    assert!(scene.has_row(ONE), "the releasing device's own word starts nothing");
    assert_eq!((scene.memory.core.tally.released, scene.memory.core.tally.purged), (1, 0));

    scene.seen();
    scene.pass(days(RETENTION_DAYS) - 1);
    assert!(scene.has_row(ONE), "not a second early");
    scene.pass(TICK_STEP_SECONDS_MAX);
    assert!(!scene.has_row(ONE));
    assert!(scene.has_row(TWO), "what was not released stays");
    assert_eq!((scene.memory.core.tally.released, scene.memory.core.tally.purged), (0, 1));
}

/// A word from before the release starts nothing.
#[test]
fn a_word_from_before_the_release_does_not_count() {
    let mut scene = Scene::new();
    let before = scene.word(&scene.other, scene.folder.space.head(), scene.time.0);
    scene.control(Control::Release(vec![ONE])).unwrap();
    assert_eq!(scene.memory.run(Command::Seen(Blob(before))), Ok(Applied::SeenKept));
    scene.pass(2 * days(RETENTION_DAYS));
    assert!(scene.has_row(ONE));
}

/// The leader's clock says it is a century later, minute after minute. Fails if purge trusts a proposed time.
#[test]
fn leader_clock_jump_purges_nothing() {
    let mut scene = Scene::new();
    scene.control(Control::Release(vec![ONE, TWO])).unwrap();
    scene.seen();
    for _ in 0..24 * 60 {
        scene.memory.tick(scene.time.plus(100 * 365 * DAY_SECONDS));
    }
    assert!(scene.has_row(ONE) && scene.has_row(TWO));
    assert!(scene.memory.core.clock.time() <= scene.time.plus(24 * 60 * TICK_STEP_SECONDS_MAX));
}

#[test]
fn what_is_kept_or_added_again_is_not_purged() {
    let mut scene = Scene::new();
    scene.control(Control::Release(vec![ONE, TWO])).unwrap();
    scene.seen();
    scene.pass(days(RETENTION_DAYS) - 3600);
    scene.control(Control::Keep(vec![ONE])).unwrap();
    let stored_at = scene.memory.index;
    scene.commit(Commit { adds: vec![TWO], stored_at, ..scene.draft() }).unwrap();
    scene.pass(2 * days(RETENTION_DAYS));
    assert!(scene.has_row(ONE) && scene.has_row(TWO));
    assert_eq!(scene.memory.core.tally.purged, 0);
}

/// Released, kept, and released again: the second retention counts. Fails if a row only says *that* it is released.
#[test]
fn a_second_release_has_a_retention_of_its_own() {
    let mut scene = Scene::new();
    scene.control(Control::Release(vec![ONE])).unwrap();
    scene.seen();
    scene.pass(days(20));
    scene.control(Control::Keep(vec![ONE])).unwrap();
    scene.control(Control::Release(vec![ONE])).unwrap();
    scene.seen();
    scene.pass(days(20));
    assert!(scene.has_row(ONE), "the first retention has ended, not the second");
    scene.pass(days(11));
    assert!(!scene.has_row(ONE));
}

/// Fails if a chunk without a row may be kept: its author would go on building on what sweep may take.
#[test]
fn a_purged_chunk_cannot_be_kept_but_added_again() {
    let mut scene = Scene::new();
    scene.control(Control::Release(vec![ONE])).unwrap();
    scene.seen();
    scene.pass(days(RETENTION_DAYS) + TICK_STEP_SECONDS_MAX);
    assert_eq!(scene.control(Control::Keep(vec![ONE, TWO])), Err(Refusal::NotKept));
    let stored_at = scene.memory.index;
    scene.commit(Commit { adds: vec![ONE], stored_at, ..scene.draft() }).unwrap();
    assert!(scene.has_row(ONE));
}

/// A stolen device releases everything in an archive, unseen; years later everything is there. Fails if an archive's releases
/// run out.
#[test]
fn archive_space_survives_silent_release() {
    let mut scene = Scene::new();
    scene.control(Control::Retention(Retention::Archive)).unwrap();
    scene.control(Control::Release(vec![ONE, TWO])).unwrap();
    scene.pass(days(365));
    scene.seen();
    scene.pass(days(365));
    assert!(scene.has_row(ONE) && scene.has_row(TWO));

    // Even its owner's stolen device cannot end the archive and the chunks in one week.
    scene.control(Control::Retention(Retention::Days(RETENTION_DAYS_MIN))).unwrap();
    scene.pass(days(RETENTION_DAYS) - 3600);
    assert!(scene.has_row(ONE) && scene.has_row(TWO), "an archive ends no sooner than by default");
    scene.pass(days(RETENTION_DAYS) + 3600);
    assert!(!scene.has_row(ONE), "but it ends");
}

/// The same in a space that is no archive.
#[test]
fn control_of_archive_space_survives_silent_release() {
    let mut scene = Scene::new();
    scene.control(Control::Release(vec![ONE, TWO])).unwrap();
    scene.pass(days(365));
    scene.seen();
    scene.pass(days(365));
    assert!(!scene.has_row(ONE) && !scene.has_row(TWO));
}

/// A shorter retention, and a release right after: the longer one still holds. Fails if an owner's stolen device can shorten what
/// its victims count on.
#[test]
fn a_shorter_retention_holds_only_after_the_longer_one() {
    let mut scene = Scene::new();
    scene.control(Control::Retention(Retention::Days(RETENTION_DAYS_MIN))).unwrap();
    scene.control(Control::Release(vec![ONE])).unwrap();
    scene.seen();
    scene.pass(days(RETENTION_DAYS) - 3600);
    assert!(scene.has_row(ONE));
    scene.pass(7200);
    assert!(!scene.has_row(ONE));
    scene.control(Control::Release(vec![TWO])).unwrap();
    scene.seen();
    scene.pass(days(RETENTION_DAYS_MIN) + TICK_STEP_SECONDS_MAX);
    assert!(!scene.has_row(TWO), "by now the shorter one holds");
}

#[test]
fn a_longer_retention_holds_at_once() {
    let mut scene = Scene::new();
    scene.control(Control::Release(vec![ONE])).unwrap();
    scene.seen();
    scene.pass(days(29));
    scene.control(Control::Retention(Retention::Days(60))).unwrap();
    scene.pass(days(30));
    assert!(scene.has_row(ONE));
    scene.pass(days(2));
    assert!(!scene.has_row(ONE));
}

/// All of it in one log entry, as a learner that catches up may apply it. Fails if a draft reads past its own changes.
#[test]
fn one_draft_sees_its_own_changes() {
    let mut scene = Scene::new();
    let mut commands = Vec::new();
    for control in [Control::Release(vec![ONE, TWO]), Control::Keep(vec![TWO])] {
        let signed = scene.town.admin.seal(Commit { control: Some(control), ..scene.draft() });
        scene.folder.take(&signed);
        commands.push(Command::Commit(Blob(signed.bytes().clone())));
    }
    commands.push(Command::Seen(Blob(scene.word(&scene.other, scene.folder.space.head(), NOON.0))));
    let steps = (days(RETENTION_DAYS) + DAY_SECONDS) / TICK_STEP_SECONDS_MAX;
    commands.extend((1..=steps).map(|step| Command::Tick(NOON.plus(step * TICK_STEP_SECONDS_MAX))));
    let outcomes = scene.memory.run_together(commands);
    assert!(outcomes.iter().all(Result::is_ok));
    assert!(!scene.has_row(ONE) && scene.has_row(TWO));
    let keys = scene.memory.table.keys().filter(|key| matches!(key.as_ref().first(), Some(b'u' | b'q'))).count();
    assert_eq!(keys, 0, "nothing is left of the release");
}

#[test]
fn a_word_is_kept_only_if_it_is_a_members_and_of_this_chain() {
    let mut scene = Scene::new();
    let head = scene.folder.space.head();
    let run = |scene: &mut Scene, word: Bytes| -> Outcome { scene.memory.run(Command::Seen(Blob(word))) };
    let forged = {
        let mut bytes = scene.word(&scene.other, head, 1).to_vec();
        *bytes.last_mut().unwrap() ^= 1;
        Bytes::from(bytes)
    };
    assert_eq!(run(&mut scene, forged), Err(Refusal::Proof));
    let ahead = scene.word(&scene.other, head.after(Digest([1; 32])), 1);
    assert_eq!(run(&mut scene, ahead), Err(Refusal::Behind));
    // Fails if only the newest position is compared: another history would pass for this one.
    for seq in 0..=head.seq {
        let other = scene.word(&scene.other, Head { seq, digest: Digest([9; 32]) }, 1);
        assert_eq!(run(&mut scene, other), Err(Refusal::Commit), "at {seq}");
    }
    let eve = Signer::new(66);
    let unknown = scene.word(&eve, head, 1);
    assert_eq!(run(&mut scene, unknown), Err(Refusal::UnknownDevice));
    for statement in [Town::person(6, None), Town::machine(6, &eve, None)] {
        let certificate = scene.town.by_root(statement);
        scene.memory.certify(std::slice::from_ref(&certificate)).unwrap();
        scene.town.take(certificate);
    }
    let stranger = scene.word(&eve, head, 1);
    assert_eq!(run(&mut scene, stranger), Err(Refusal::UnknownSpace));
    let revoke = scene.town.by_root(Statement::RevokeDevice { device: scene.other.device() });
    scene.memory.certify(std::slice::from_ref(&revoke)).unwrap();
    let late = scene.word(&scene.other, head, 1);
    assert_eq!(run(&mut scene, late), Err(Refusal::Revoked));
    let kept = crate::metadata::store::Key::seens(scene.folder.id);
    assert_eq!(scene.memory.table.range(kept.clone()..kept.end()).count(), 0);
}

#[test]
fn the_latest_word_of_a_device_is_kept_whatever_comes_late() {
    let mut scene = Scene::new();
    let old = scene.word(&scene.other, scene.folder.space.head(), 5);
    let again = scene.word(&scene.other, scene.folder.space.head(), 9);
    scene.commit(scene.draft()).unwrap();
    let new = scene.word(&scene.other, scene.folder.space.head(), 7);
    for word in [&old, &new, &again, &old, &new] {
        assert_eq!(scene.memory.run(Command::Seen(Blob(word.clone()))), Ok(Applied::SeenKept));
    }
    let key = crate::metadata::store::Key::seen(scene.folder.id, scene.other.device());
    assert_eq!(scene.memory.table.get(&key), Some(&new));
}
