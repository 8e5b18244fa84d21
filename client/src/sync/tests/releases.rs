//! Releasing what nothing needs, contesting what others release, and what a thief of one device can destroy.

use std::collections::BTreeSet;

use vauban_protocol::id::ChunkId;
use vauban_protocol::limit::RETENTION_DAYS;
use vauban_protocol::space::{Control, Cutting, Retention};
use vauban_protocol::time::DAY_SECONDS;

use super::world::{Device, World, noise};
use crate::limit::RELEASE_SLACK_DAYS;
use crate::state::cache::Change;
use crate::sync::author::{Draft, Sent};
use crate::sync::{Approval, Problem, Restored, SyncError, history, is_kept, now, read_at, restore};
use crate::tree::{ConflictStamp, TreePath};

/// Days after which what was replaced is released.
const OLD: u64 = RETENTION_DAYS as u64 + RELEASE_SLACK_DAYS + 1;

/// All chunks that the node holds.
fn every_chunk(world: &World) -> Vec<ChunkId> {
    let ids: BTreeSet<ChunkId> = world.node.with(|state| state.chunks.keys().map(|(_, id)| *id).collect());
    ids.into_iter().collect()
}

fn released(world: &World) -> usize {
    world.node.with(|state| state.released.len())
}

/// Says `control` with a device's keys, as whoever stole it may.
fn say(device: &Device, control: Control) {
    let mut space = device.open().unwrap();
    space.settle().unwrap();
    let draft = Draft { control: Some(control), ..Draft::default() };
    assert_eq!(space.send(&draft).unwrap(), Sent::Committed);
    space.write_record().unwrap();
}

fn restore_all(device: &Device, seq: crate::state::cache::Moment) -> Restored {
    let stamp = ConflictStamp { device: "poste".to_owned(), date: "2026-11-25".to_owned() };
    restore(&mut device.open().unwrap(), &TreePath::root(), seq, &stamp).unwrap().unwrap()
}

fn moment(device: &Device) -> crate::state::cache::Moment {
    let mut space = device.open().unwrap();
    space.settle().unwrap();
    now(&space).unwrap()
}

/// A stolen device releases everything that is live. Fails if nobody checks what others release: the next purge takes it all.
#[test]
fn release_of_live_chunks_is_contested() {
    let world = World::new(&["vole", "poste", "portable"], Cutting::Keyed);
    world.a().write("report", noise(1, 300_000));
    world.a().write("note", "a note");
    world.a().sync();
    world.b().sync();
    let chunks = every_chunk(&world);
    say(world.a(), Control::Release(chunks.clone()));
    assert_eq!(released(&world), chunks.len());

    let summary = world.b().sync();
    let [contested] = &summary.contested[..] else { panic!("{summary:?}") };
    assert_eq!((contested.device.as_str(), contested.chunks), ("vole", chunks.len() as u64));
    assert_eq!(released(&world), 0, "all of it is kept");
    assert_eq!(world.b().sync().contested, [], "it is told once");
    let cache = world.b().open().unwrap();
    assert_eq!(cache.cache().contests().unwrap().len(), 1, "and stays in status");

    // Another one that reads both at once is told, too.
    let third = &world.devices[2];
    assert_eq!(third.sync().contested.len(), 1);
    world.node.with(super::node::State::purge);
    third.lose_cache();
    third.sync();
    assert_eq!(third.tree(), world.b().tree());
}

/// Where nobody checks what others release, the end of the retention takes it all.
#[test]
fn control_of_release_of_live_chunks_is_contested() {
    let world = World::new(&["vole", "poste", "portable"], Cutting::Keyed);
    world.a().write("report", noise(1, 300_000));
    world.a().write("note", "a note");
    world.a().sync();
    world.b().sync();
    say(world.a(), Control::Release(every_chunk(&world)));
    world.node.with(super::node::State::purge);
    let third = &world.devices[2];
    drop(third.try_sync());
    assert!(!third.has("report") && !third.has("note"));
}

/// A stolen device overwrites everything and releases everything. A second one brings the whole space back, byte for byte, from what
/// nodes keep for the retention; and what it brought back outlives that. Fails if restoring does not add the chunks again.
#[test]
fn ransomware_device_full_restore_within_window() {
    let world = World::new(&["vole", "poste", "temoin"], Cutting::Keyed);
    for number in 0..12 {
        world.a().write(&format!("folder/{number}"), noise(number, 40_000 + usize::from(number)));
    }
    world.a().write("large", noise(99, 3_000_000));
    world.a().sync();
    world.b().sync();
    let before = world.b().tree();
    let seq = moment(world.b());

    for number in 0..12 {
        world.a().write(&format!("folder/{number}"), noise(100 + number, 40_000));
    }
    world.a().remove("large");
    world.a().sync_with(Approval::Given).unwrap();
    say(world.a(), Control::Release(every_chunk(&world)));

    let restored = restore_all(world.b(), seq);
    assert_eq!((restored.rewritten, restored.created, restored.lost.len()), (12, 1, 0), "{restored:?}");
    world.b().sync_with(Approval::Given).unwrap();
    world.node.with(super::node::State::purge);
    let witness = &world.devices[2];
    witness.sync_with(Approval::Given).unwrap();
    let bytes = |tree: &std::collections::BTreeMap<String, String>| -> Vec<(String, String)> {
        let digest = |(name, what): (&String, &String)| (name.clone(), what.split(' ').next().unwrap().to_owned());
        tree.iter().map(digest).collect()
    };
    assert_eq!(bytes(&witness.tree()), bytes(&before));
}

/// Where nodes keep nothing of what is released, the same attack leaves nothing to bring back.
#[test]
fn control_of_ransomware_device_full_restore_within_window() {
    let world = World::new(&["vole", "poste"], Cutting::Keyed);
    world.a().write("large", noise(99, 3_000_000));
    world.a().sync();
    world.b().sync();
    let seq = moment(world.b());
    world.a().write("large", noise(100, 3_000_000));
    world.a().sync_with(Approval::Given).unwrap();
    say(world.a(), Control::Release(every_chunk(&world)));
    world.node.with(super::node::State::purge);
    let restored = restore_all(world.b(), seq);
    assert_eq!((restored.rewritten, restored.created, restored.lost.len()), (0, 0, 1), "{restored:?}");
}

/// The same, with a person who only syncs: the first sync after the attack keeps everything, and restoring works after the purge.
#[test]
fn a_sync_alone_saves_what_a_thief_released() {
    let world = World::new(&["vole", "poste"], Cutting::Keyed);
    world.a().write("f", noise(1, 100_000));
    world.a().sync();
    world.b().sync();
    let (seq, before) = (moment(world.b()), world.b().read("f"));
    world.a().write("f", noise(2, 100_000));
    world.a().sync();
    say(world.a(), Control::Release(every_chunk(&world)));
    assert_eq!(world.b().sync().contested.len(), 1);
    world.node.with(super::node::State::purge);
    assert_eq!(restore_all(world.b(), seq).lost, Vec::<String>::new());
    world.b().sync();
    assert_eq!(world.b().read("f"), before);
}

/// What was replaced long ago is released, and nothing else: not what is live, not what another file still names.
#[test]
fn what_left_history_is_released_and_then_no_longer_kept() {
    let world = World::new(&["poste", "portable"], Cutting::Keyed);
    world.a().write("f", noise(1, 50_000));
    world.a().write("g", noise(2, 50_000));
    world.a().write("copy of g", noise(2, 50_000));
    world.a().sync();
    let first = moment(world.a());
    world.a().write("f", noise(3, 50_000));
    world.a().remove("g");
    world.a().sync();
    world.b().sync();
    assert_eq!(released(&world), 0, "history is kept");
    world.a().age(OLD);
    world.b().age(OLD);
    world.a().sync();
    assert_eq!(released(&world), 1, "the first content of f, and nothing of g");
    assert_eq!(world.b().sync().contested, [], "others agree");
    world.a().age(1);
    world.a().sync();
    assert_eq!(released(&world), 1);

    world.node.with(super::node::State::purge);
    let mut space = world.a().open().unwrap();
    space.follow().unwrap();
    let events = history(&space, &TreePath::parse("f").unwrap()).unwrap().unwrap();
    let kept = is_kept(&space, &events).unwrap();
    let written: Vec<bool> = events
        .iter()
        .zip(kept)
        .filter(|((_, event), _)| matches!(event.change, Change::Written(_)))
        .map(|(_, k)| k)
        .collect();
    assert_eq!(written, [true, false], "the latest first");
    let entry = events.first().unwrap().0;
    assert!(matches!(read_at(&space, entry, first), Err(SyncError::NotKept)));
    assert!(read_at(&space, entry, now(&space).unwrap()).unwrap().is_some());
    drop(space);
    let restored = restore_all(world.a(), first);
    assert_eq!((restored.lost, restored.created), (vec!["f".to_owned()], 1));
    world.a().sync();
    assert_eq!(world.a().read("f"), noise(3, 50_000), "what is there stays");
    assert_eq!(world.a().read("g"), noise(2, 50_000));
}

/// Two devices of which one dates history later: it keeps what the other releases. Fails if a release is believed by its author's
/// date alone: a thief would date the overwriting years back.
#[test]
fn what_this_device_saw_replaced_yesterday_is_not_old() {
    let world = World::new(&["vole", "poste"], Cutting::Keyed);
    world.a().write("f", noise(1, 50_000));
    world.a().sync();
    world.b().sync();
    world.a().write("f", noise(2, 50_000));
    world.a().sync();
    // The thief's own cache believes anything.
    world.a().age(OLD);
    world.a().sync();
    assert_eq!(released(&world), 1);
    assert_eq!(world.b().sync().contested.len(), 1);
    assert_eq!(released(&world), 0);
}

/// A thief dates its release a century ahead, so that everything seems to have left history long ago. Fails if an author's date may
/// lie after the moment when it is folded.
#[test]
fn a_release_dated_ahead_is_contested() {
    let world = World::new(&["vole", "poste"], Cutting::Keyed);
    world.a().write("f", noise(1, 50_000));
    world.a().sync();
    world.b().sync();
    world.a().write("f", noise(2, 50_000));
    world.a().sync();
    world.b().sync();
    world.a().machine.set_ahead(100 * 365 * DAY_SECONDS);
    say(world.a(), Control::Release(every_chunk(&world)));
    let [contested] = &world.b().sync().contested[..] else { panic!("not contested") };
    assert!(contested.chunks >= 2, "the content that is live, and the one of yesterday: {contested:?}");
    assert_eq!(released(&world), 0);
}

/// The clock of a device is far ahead, as one of an empty battery may be: what is old by it alone is neither released nor deleted.
#[test]
fn a_clock_far_ahead_deletes_nothing() {
    let world = World::new(&["poste", "portable"], Cutting::Keyed);
    world.a().write("f", noise(1, 50_000));
    world.a().write("g", noise(2, 50_000));
    world.a().sync();
    world.b().sync();
    world.a().write("f", noise(3, 50_000));
    world.a().remove("g");
    world.a().sync();
    world.b().sync();
    world.b().machine.set_ahead(100 * DAY_SECONDS);
    let summary = world.b().sync();
    assert_eq!((released(&world), world.b().trash()["g"].clone()), (0, noise(2, 50_000)));
    assert!(summary.issues.iter().any(|issue| issue.problem == Problem::Clock), "{:?}", summary.issues);
}

/// Fails if a chunk that is released is found by its tag: the new file would rest on what is about to go.
#[test]
fn released_content_that_is_written_again_is_stored_again() {
    let world = World::new(&["poste", "portable"], Cutting::Keyed);
    world.a().write("f", noise(1, 50_000));
    world.a().sync();
    world.a().write("f", noise(2, 50_000));
    world.a().sync();
    world.a().age(OLD);
    world.a().sync();
    assert_eq!(released(&world), 1);
    world.a().write("again", noise(1, 50_000));
    world.a().sync();
    world.node.with(super::node::State::purge);
    world.b().sync();
    assert_eq!(world.b().read("again"), noise(1, 50_000));
}

#[test]
fn an_archive_releases_nothing() {
    let world = World::new(&["poste"], Cutting::Keyed);
    world.a().open().unwrap().set_retention(Retention::Archive).unwrap();
    world.a().write("f", noise(1, 50_000));
    world.a().sync();
    world.a().write("f", noise(2, 50_000));
    world.a().sync();
    world.a().age(10 * OLD);
    world.a().sync();
    assert_eq!(released(&world), 0);
    world.a().open().unwrap().set_retention(Retention::Days(RETENTION_DAYS)).unwrap();
    world.a().age(0);
    world.a().sync();
    assert_eq!(released(&world), 1);
}
