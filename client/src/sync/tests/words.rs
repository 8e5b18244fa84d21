//! What other devices have seen: confirmed views, split views, and nodes that lag, freeze or drop.

use vauban_protocol::chain::Head;
use vauban_protocol::id::Digest;
use vauban_protocol::space::{CommitError, Cutting, Seen};
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

/// A node shows one device an old state for ever, the words of the others with it. Fails if an old word confirms: the device would
/// never know.
#[test]
fn frozen_log_turns_stale_after_max_age() {
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

/// By a clock that stands still, the frozen log is confirmed for ever.
#[test]
fn control_of_frozen_log_turns_stale_after_max_age() {
    let world = World::new(&["poste", "portable"], Cutting::Keyed);
    world.a().write("f", "1");
    world.a().sync();
    say(&world, world.a(), head(&world), 0);
    world.b().sync();
    world.a().write("f", "2");
    let frozen = world.node.with(|state| (state.spaces[&world.space].clone(), state.words.clone()));
    world.a().age_and_sync();
    world.node.with(|state| {
        state.spaces.insert(world.space, frozen.0);
        state.words = frozen.1;
    });
    for day in 0..FRESHNESS_DAYS_MAX + 2 {
        world.b().age_and_sync();
        assert!(matches!(view(world.b()), View::Confirmed(_)), "on day {day}");
    }
    assert_eq!(world.b().read("f"), b"1", "b has heard of nothing since");
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

/// A node drops one device's commit and shows the later ones: every reader sees the gap in its counters.
#[test]
fn dropped_commit_counter_gap_alarm() {
    let world = World::new(&["auteur", "poste", "portable"], Cutting::Keyed);
    world.devices.iter().for_each(|device| drop(device.sync()));
    world.a().write("one", "1");
    world.a().sync();
    world.a().write("two", "2");
    world.a().sync();
    world.node.with(|state| {
        let log = state.spaces.get_mut(&world.space).unwrap();
        let dropped = log.items.len() - 2;
        log.items.remove(dropped);
    });
    for reader in &world.devices[1..] {
        let alarm = reader.try_sync().unwrap_err();
        let is_gap =
            matches!(alarm, SyncError::Log(LogError::Invalid { error: CommitError::CounterGap { expected: _ }, .. }));
        assert!(is_gap && alarm.is_alarm(), "{alarm:?}");
        assert_eq!(reader.proofs(), 1);
        assert!(!reader.has("two"), "nothing of it is taken");
    }
}

/// Where none is missing before another, there is nothing to see: the last commit of all can be withheld, until a word tells of it.
#[test]
fn control_of_dropped_commit_counter_gap_alarm() {
    let world = World::new(&["auteur", "poste", "portable"], Cutting::Keyed);
    world.devices.iter().for_each(|device| drop(device.sync()));
    world.a().write("one", "1");
    world.a().sync();
    let without = world.node.with(|state| state.spaces[&world.space].clone());
    world.a().write("two", "2");
    world.a().sync();
    world.node.with(|state| state.spaces.insert(world.space, without));
    for reader in &world.devices[1..] {
        assert!(reader.sync().agreed && reader.has("one") && !reader.has("two"));
        assert_eq!(reader.proofs(), 0);
    }
}
