//! What other devices have seen: confirmed views, split views, and nodes that lag, freeze or drop.

use vauban_crypto::ops::OpsPlace;
use vauban_protocol::chain::Head;
use vauban_protocol::id::Digest;
use vauban_protocol::signed::Signed;
use vauban_protocol::space::{Commit, CommitError, Cutting, Seen};
use vauban_protocol::time::{DAY_SECONDS, Timestamp};

use super::world::{Device, World, settle};
use crate::clock;
use crate::limit::FRESHNESS_DAYS_MAX;
use crate::log::LogError;
use crate::state::cache::Mark;
use crate::sync::{SyncError, View};

fn head(world: &World) -> Head {
    world.node.with(|state| state.spaces[&world.space].space.head())
}

fn view(device: &Device) -> View {
    device.open().unwrap().view().unwrap()
}

/// A device says that it has seen `head`, `days` ago.
fn say(world: &World, device: &Device, head: Head, days: u64) {
    let identity = device.identity();
    let time = Timestamp(clock::now().0 - days * DAY_SECONDS);
    let org = world.node.with(|state| state.org.head());
    let seen = Seen { space: world.space, device: identity.device(), head, org, time };
    let word = identity.signing().seal(seen).unwrap();
    world.node.with(|state| state.words.insert((world.space, identity.device()), word.bytes().clone()));
}

#[test]
fn a_view_is_confirmed_by_another_device() {
    let world = World::new(&["poste", "portable"], Cutting::Keyed);
    world.a().write("f", "1");
    world.a().sync();
    assert_eq!(view(world.a()), View::Unconfirmed, "its own word confirms nothing");
    world.b().sync();
    assert!(matches!(view(world.b()), View::Confirmed(_)), "the other's does");
    world.a().age(0);
    world.a().sync();
    assert!(matches!(view(world.a()), View::Confirmed(_)));
}

/// How the clock of a device goes.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Clock {
    Goes,
    StandsStill,
}

/// A node shows B an old state for ever, the words of the others with it, while A lives on. Whether B's view is confirmed on the first day, on
/// the last one before the words of that state are too old, and when they are.
fn frozen(clock: Clock) -> (World, [bool; 3]) {
    let world = World::new(&["poste", "portable"], Cutting::Keyed);
    world.a().write("f", "1");
    world.a().sync();
    world.b().sync();
    let mut hidden = world.node.with(|state| (state.spaces[&world.space].clone(), state.words.clone()));
    world.a().write("f", "2");
    world.a().sync();
    let swap = |hidden: &mut (_, _)| {
        world.node.with(|state| {
            std::mem::swap(state.spaces.get_mut(&world.space).unwrap(), &mut hidden.0);
            std::mem::swap(&mut state.words, &mut hidden.1);
        });
    };
    let seen = [0, FRESHNESS_DAYS_MAX - 1, FRESHNESS_DAYS_MAX + 1].map(|day| {
        world.a().machine.set_ahead(day * DAY_SECONDS);
        world.a().age_and_sync();
        if clock == Clock::Goes {
            world.b().machine.set_ahead(day * DAY_SECONDS);
        }
        swap(&mut hidden);
        world.b().age_and_sync();
        let is_confirmed = matches!(view(world.b()), View::Confirmed(_));
        swap(&mut hidden);
        is_confirmed
    });
    (world, seen)
}

/// Fails if an old word confirms: a device that is shown an old state for ever would never know.
#[test]
fn frozen_log_turns_stale_after_max_age() {
    let (_world, seen) = frozen(Clock::Goes);
    assert_eq!(seen, [true, true, false]);
}

/// By a clock that stands still, which takes that check out, the words of the first day are as fresh on the last.
#[test]
fn control_of_frozen_log_turns_stale_after_max_age() {
    let (world, seen) = frozen(Clock::StandsStill);
    assert_eq!(seen, [true; 3]);
    assert_eq!((world.a().read("f"), world.b().read("f")), (b"2".to_vec(), b"1".to_vec()));
}

/// Fails if a view that is not confirmed reads or writes nothing, or is not confirmed again by a fresh word.
#[test]
fn an_unconfirmed_view_reads_and_writes_until_a_fresh_word() {
    let world = World::new(&["poste", "portable"], Cutting::Keyed);
    world.a().write("f", "1");
    world.a().sync();
    let then = head(&world);
    for (days, expected) in [(0, true), (FRESHNESS_DAYS_MAX - 1, true), (FRESHNESS_DAYS_MAX + 1, false)] {
        say(&world, world.a(), then, days);
        if days == 0 {
            world.b().sync()
        } else {
            world.b().age_and_sync()
        };
        let is_confirmed = matches!(view(world.b()), View::Confirmed(_));
        assert_eq!(is_confirmed, expected, "after {days} days");
    }
    let summary = world.b().age_and_sync();
    assert!(summary.is_complete(), "an unconfirmed view still reads and writes");
    say(&world, world.a(), then, 0);
    world.b().age_and_sync();
    assert!(matches!(view(world.b()), View::Confirmed(_)), "a fresh word ends it");
    let cache = world.b().open().unwrap();
    let later = clock::now().plus((FRESHNESS_DAYS_MAX + 1) * DAY_SECONDS);
    assert_eq!(View::of(cache.cache(), later).unwrap(), View::Unconfirmed);
}

/// Whoever is left alone in a space changes the keys that a revoked device holds, however long ago that device said its last word. Fails if
/// nobody's word is waited for.
#[test]
fn whoever_is_left_alone_changes_the_keys() {
    let world = World::new(&["poste", "portable"], Cutting::Keyed);
    world.a().write("f", "1");
    settle(world.a(), world.b());
    world.b().write("g", "2");
    settle(world.a(), world.b());
    world.revoke(world.b(), world.a());
    let mut space = world.a().open().unwrap();
    space.settle().unwrap();
    space.cache().set_mark(Mark::Confirmed, Timestamp(0)).unwrap();
    assert_eq!((space.view().unwrap(), space.folded().unwrap().epoch()), (View::Unconfirmed, 1));
    assert!(space.rotate().unwrap());
    assert_eq!(space.folded().unwrap().epoch(), 2);
}

/// Whoever has just revoked a device waits for nobody's word, though a round would. Fails if a view that nobody confirms keeps a space under the
/// keys that the device holds.
#[test]
fn whoever_revokes_changes_the_keys_on_a_view_that_nobody_confirms() {
    let world = World::new(&["poste", "portable", "perdu"], Cutting::Keyed);
    world.a().write("f", "1");
    settle(world.a(), world.b());
    world.b().write("g", "2");
    settle(world.a(), world.b());
    world.revoke(&world.devices[2], world.a());
    world.node.with(|state| state.words.clear());
    let mut space = world.a().open().unwrap();
    space.settle().unwrap();
    space.cache().set_mark(Mark::Confirmed, Timestamp(0)).unwrap();
    assert!(!space.rotate().unwrap(), "unasked");
    assert_eq!((space.view().unwrap(), space.folded().unwrap().epoch()), (View::Unconfirmed, 1));
    assert!(space.rotate_at_once().unwrap());
    assert_eq!(space.folded().unwrap().epoch(), 2);
}

#[test]
fn another_history_in_a_word_is_an_alarm_and_kept() {
    let world = World::new(&["poste", "portable"], Cutting::Keyed);
    world.a().write("f", "1");
    world.a().sync();
    world.b().sync();
    let seq = head(&world).seq;
    say(&world, world.a(), Head { seq, digest: Digest([9; 32]) }, 0);
    world.b().age(0);
    let alarm = world.b().try_sync().unwrap_err();
    assert!(alarm.is_alarm());
    assert!(matches!(alarm, SyncError::Log(LogError::SplitView { .. })), "{alarm:?}");
    assert_eq!(world.b().proofs(), 1);
}

#[test]
fn more_than_is_shown_in_a_word_is_an_alarm_and_kept() {
    let world = World::new(&["poste", "portable"], Cutting::Keyed);
    world.a().write("f", "1");
    world.a().sync();
    let common = world.node.with(|state| state.spaces[&world.space].clone());
    world.a().write("f", "2");
    world.a().sync();
    world.a().age(0);
    world.a().sync();
    // B is shown the past, and the word of A as it is.
    let whole = world.node.with(|state| state.spaces.insert(world.space, common)).unwrap();
    let alarm = world.b().try_sync().unwrap_err();
    assert!(matches!(alarm, SyncError::Log(LogError::Withheld { .. })) && alarm.is_alarm(), "{alarm:?}");
    assert_eq!(world.b().proofs(), 1);
    world.node.with(|state| state.spaces.insert(world.space, whole));
    world.b().sync();
}

/// A node that lags, its words with it, is no alarm, changes nothing here, and is forgotten when it has caught up.
#[test]
fn lagging_follower_is_not_a_rollback() {
    let world = World::new(&["poste", "portable"], Cutting::Keyed);
    world.a().write("f", "1");
    world.a().sync();
    world.b().sync();
    let (lagging, words) = world.node.with(|state| (state.spaces[&world.space].clone(), state.words.clone()));
    world.a().write("f", "2");
    world.a().age_and_sync();
    world.b().age_and_sync();
    assert_eq!(world.b().read("f"), b"2");
    let (whole, all_words) = world
        .node
        .with(|state| (state.spaces.insert(world.space, lagging).unwrap(), std::mem::replace(&mut state.words, words)));
    world.b().write("g", "mine");
    world.b().age(0);
    for _ in 0..2 {
        let behind = world.b().try_sync().unwrap_err();
        assert!(matches!(behind, SyncError::Behind { .. }) && !behind.is_alarm(), "{behind:?}");
    }
    assert_eq!((world.b().read("f"), world.b().read("g")), (b"2".to_vec(), b"mine".to_vec()));
    assert!(world.b().anchor().record().spaces[&world.space].behind_since.is_some());
    world.node.with(|state| {
        state.spaces.insert(world.space, whole);
        state.words = all_words;
    });
    assert!(world.b().sync().is_complete());
    assert_eq!(world.b().anchor().record().spaces[&world.space].behind_since, None);
    assert_eq!(world.b().proofs(), 0);
}

/// What a node does besides, that drops one commit of a device and shows the next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Cover {
    Nothing,
    /// With the author's own key it signs what comes next anew, to follow what is shown.
    Signs,
    /// With the space's keys, too, it gives that the number which is missing.
    Numbers,
}

/// Two files were sent, and the first one's commit is not shown.
fn without_one(cover: Cover) -> World {
    let world = World::new(&["auteur", "poste", "portable"], Cutting::Keyed);
    world.devices.iter().for_each(|device| drop(device.sync()));
    let mut log = world.node.with(|state| state.spaces[&world.space].clone());
    for (name, content) in [("one", "1"), ("two", "2")] {
        world.a().write(name, content);
        world.a().sync();
    }
    let items = world.node.with(|state| state.spaces[&world.space].items.clone());
    assert_eq!(items.len(), log.items.len() + 2);
    let mut shown: Signed<Commit> = Signed::parse(items.last().unwrap().clone()).unwrap();
    if cover != Cover::Nothing {
        let mut commit = shown.payload().clone();
        commit.prev = log.space.head();
        if cover == Cover::Numbers {
            renumber(&world, &mut commit);
        }
        shown = world.a().identity().signing().seal(commit).unwrap();
    }
    log.items.push(shown.bytes().clone());
    log.space.append(&shown);
    world.node.with(|state| state.spaces.insert(world.space, log));
    world
}

/// Gives a commit of A's the number before its own, to which its ops are bound.
fn renumber(world: &World, commit: &mut Commit) {
    let mut space = world.a().open().unwrap();
    space.follow().unwrap();
    let secrets = space.current().unwrap();
    let before = OpsPlace { space: commit.space, epoch: commit.epoch, device: commit.device, counter: commit.counter };
    let plain = secrets.keys.log.open_ops(before, &commit.sealed_ops).unwrap();
    commit.counter -= 1;
    commit.sealed_ops = secrets.keys.log.seal_ops(OpsPlace { counter: commit.counter, ..before }, &plain);
}

/// A node drops one device's commit and shows the later ones: every reader sees the gap in its counters, even if the node has the author's key
/// and mends what else gives it away.
#[test]
fn dropped_commit_counter_gap_alarm() {
    for cover in [Cover::Nothing, Cover::Signs] {
        let world = without_one(cover);
        for reader in &world.devices[1..] {
            let alarm = reader.try_sync().unwrap_err();
            let is_gap = matches!(
                alarm,
                SyncError::Log(LogError::Invalid { error: CommitError::CounterGap { expected: _ }, .. })
            );
            assert!(is_gap && alarm.is_alarm(), "{cover:?}: {alarm:?}");
            assert_eq!(reader.proofs(), 1);
            assert!(!reader.has("two"), "nothing of it is taken");
        }
    }
}

/// The counter is all that then stands in the way: without a gap in it, the same readers take the second file, and miss nothing.
#[test]
fn control_of_dropped_commit_counter_gap_alarm() {
    let world = without_one(Cover::Numbers);
    for reader in &world.devices[1..] {
        assert!(reader.sync().agreed && reader.has("two") && !reader.has("one"));
        assert_eq!(reader.proofs(), 0);
    }
}
