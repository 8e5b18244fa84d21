//! The cluster was restored from a backup: devices go back with it where the root says so, and lose nothing.

use vauban_protocol::chain::Head;
use vauban_protocol::id::{Digest, Incarnation};
use vauban_protocol::organisation::{Reanchor, Statement};
use vauban_protocol::signed::Signed;
use vauban_protocol::space::{Commit, Cutting};
use vauban_protocol::time::Timestamp;

use super::node::Log;
use super::world::{Device, World};
use crate::log::LogError;
use crate::sync::SyncError;

const SECOND: Incarnation = Incarnation([5; 16]);

impl World {
    /// The space's log, to be restored later.
    fn log(&self) -> Log {
        self.node.with(|state| state.spaces[&self.space].clone())
    }

    /// The node is as it was when `log` was kept; what it stored since is there still.
    fn restore(&self, log: Log) {
        self.node.with(|state| {
            state.spaces.insert(self.space, log);
            state.applied += 1_000_000;
            state.floor = state.applied;
            state.words.clear();
        });
    }

    /// The root reanchors the space where the node has it.
    fn reanchor(&self, incarnation: Incarnation) {
        self.reanchor_at(incarnation, self.log().space.head());
    }

    /// The root reanchors the space at `head`.
    fn reanchor_at(&self, incarnation: Incarnation, head: Head) {
        let spaces = vec![(self.space, head)];
        self.certify(Statement::Reanchor(Reanchor { incarnation, time: Timestamp(3), spaces, is_last: true }));
        // As a device does when it connects.
        self.devices.iter().for_each(|device| device.open().unwrap().refresh_organisation().unwrap());
    }

    /// The counters of a device's commits, in the order of the log.
    fn commits_of(&self, device: &Device) -> Vec<u64> {
        let device = device.session.identity().device();
        let commits = self.log().items.into_iter().skip(1).map(|item| Signed::<Commit>::parse(item).unwrap());
        commits.filter(|commit| commit.payload().device == device).map(|commit| commit.payload().counter).collect()
    }
}

/// Two devices that have the same folder, and the log as it was backed up then.
fn backed_up() -> (World, Log) {
    let world = World::new(&["poste", "portable"], Cutting::Keyed);
    world.a().write("lettre.txt", "version 1");
    world.a().write("plan.txt", "inchangé");
    world.a().write("vieux/note.txt", "à déplacer");
    world.a().write("inutile.txt", "à supprimer");
    world.a().sync();
    world.b().sync();
    let log = world.log();
    (world, log)
}

/// What people did after the backup, on both devices.
fn work(world: &World) {
    world.a().write("lettre.txt", "version 2, plus longue");
    world.a().write("nouveau/rapport.txt", "écrit depuis");
    world.a().rename("vieux/note.txt", "nouveau/note.txt");
    world.a().remove("inutile.txt");
    world.a().sync();
    world.b().sync();
    world.b().write("nouveau/suite.txt", "de l'autre");
    world.b().sync();
    world.a().sync();
}

/// What both hold, and the log says, in the end.
fn assert_agreed(world: &World) {
    for device in [world.a(), world.b(), world.a(), world.b()] {
        let summary = device.sync();
        assert!(summary.conflicts.is_empty(), "{:?}", summary.conflicts);
        assert_eq!(summary.void_ops, 0);
    }
    for device in [world.a(), world.b()] {
        assert_eq!(device.read("lettre.txt"), b"version 2, plus longue");
        assert_eq!(device.read("plan.txt"), "inchangé".as_bytes());
        assert_eq!(device.read("nouveau/rapport.txt"), "écrit depuis".as_bytes());
        assert_eq!(device.read("nouveau/note.txt"), "à déplacer".as_bytes());
        assert_eq!(device.read("nouveau/suite.txt"), "de l'autre".as_bytes());
        assert!(!device.has("vieux/note.txt"));
        // Nobody knows any more that it was removed.
        assert!(device.has("inutile.txt"));
    }
}

#[test]
fn what_came_after_the_backup_is_committed_again() {
    let (world, log) = backed_up();
    work(&world);
    let before = world.a().anchor().record().spaces[&world.space].clone();
    world.restore(log);
    // To devices, a node that has less is one that lags; nothing is touched.
    assert!(matches!(world.a().try_sync(), Err(SyncError::Behind { .. })));
    world.reanchor(SECOND);
    assert_agreed(&world);
    let after = world.a().anchor().record().spaces[&world.space].clone();
    assert!(after.head != before.head && after.set_back_to.is_none() && after.reanchored_by > 0);
    let commits = world.commits_of(world.a());
    assert_eq!(after.counter, commits.len() as u64);
    assert_eq!(commits, (1..=after.counter).collect::<Vec<_>>(), "no counter is missing, and none was used twice");
}

/// Fails if a base that speaks of the lost log lets an older version take a newer file's place.
#[test]
fn a_run_that_is_killed_while_it_goes_back_goes_on() {
    for steps in 0..40 {
        let (world, log) = backed_up();
        work(&world);
        world.restore(log);
        world.reanchor(SECOND);
        world.a().machine.stop_after(steps);
        let _stopped = world.a().try_sync();
        world.a().machine.stop_never();
        assert_agreed(&world);
    }
}

/// The line breaks between the log's pages, or after a commit was taken.
#[test]
fn a_line_that_breaks_while_it_goes_back_changes_nothing() {
    for requests in 0..30 {
        for fault in [super::node::Fault::Request, super::node::Fault::Answer] {
            let (world, log) = backed_up();
            work(&world);
            world.restore(log);
            world.reanchor(SECOND);
            world.node.with(|state| state.fault = Some((requests, fault)));
            let _broken = world.a().try_sync();
            world.node.with(|state| state.fault = None);
            assert_agreed(&world);
        }
    }
}

/// What somebody else committed to the restored space first is nobody's older version.
#[test]
fn who_comes_later_meets_what_others_have_committed_since() {
    let (world, log) = backed_up();
    work(&world);
    world.restore(log);
    world.reanchor(SECOND);
    world.a().sync();
    world.a().write("plan.txt", "changé après la restauration");
    world.a().sync();
    let summary = world.b().sync();
    assert!(summary.conflicts.is_empty(), "{:?}", summary.conflicts);
    assert_eq!(world.b().read("plan.txt"), "changé après la restauration".as_bytes());
    assert_eq!(world.b().read("lettre.txt"), b"version 2, plus longue");
}

/// A device whose work never reached the nodes has it still.
#[test]
fn what_was_never_sent_is_sent_then() {
    let (world, log) = backed_up();
    work(&world);
    world.b().write("hors-ligne.txt", "écrit pendant la panne");
    world.restore(log);
    world.reanchor(SECOND);
    world.b().sync();
    world.a().sync();
    assert_eq!(world.a().read("hors-ligne.txt"), "écrit pendant la panne".as_bytes());
}

/// The root's word sets nobody back to a history that this device knows to be another one.
#[test]
fn another_history_is_a_fork_even_if_the_root_names_it() {
    let (world, _) = backed_up();
    let seen = world.a().anchor().record().spaces[&world.space].head.unwrap();
    world.reanchor_at(SECOND, Head { seq: seen.seq, digest: Digest([9; 32]) });
    assert!(matches!(world.a().try_sync(), Err(SyncError::Log(LogError::Fork { .. }))));
}

/// A restore that lost nothing of a space asks nothing of its devices.
#[test]
fn a_space_that_lost_nothing_goes_on() {
    let (world, _) = backed_up();
    world.reanchor(SECOND);
    let requests = world.node.with(|state| state.requests);
    world.a().write("plan.txt", "encore");
    world.a().sync();
    world.b().sync();
    assert_eq!(world.b().read("plan.txt"), b"encore");
    assert!(world.node.with(|state| state.requests) - requests < 30, "nothing was read anew");
}
