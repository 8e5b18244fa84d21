//! Writing checkpoints, starting from them, and replaying behind them.

use std::collections::BTreeMap;

use vauban_protocol::id::Digest;
use vauban_protocol::space::Cutting;

use super::node::{Fault, ModelNode};
use super::world::{Device, World, noise};
use crate::limit::{CHECKPOINT_OPS, CHECKPOINT_TRIES_MAX};
use crate::log::{Checkpoint, ChunkRef, EntryId, Kind, Op, VouchedCheckpoint};
use crate::state::cache::{Cache, Moment};
use crate::sync::author::{Draft, Sent};
use crate::sync::{OpenSpace, SyncError};

pub(super) const MIB: usize = 1024 * 1024;

/// A space with a past: things were written, moved, removed; then a checkpoint, and more.
pub(super) fn lived(names: &[&str]) -> World {
    let world = World::new(names, Cutting::Keyed);
    past(world.a());
    world.a().checkpoint();
    world.a().write("after/new", "came after");
    world.a().write("folder/edited", "and again");
    world.a().remove("old");
    world.a().sync();
    world
}

fn past(device: &Device) {
    for (n, name) in ["folder/one", "folder/deep/two", "old", "gone", "twin"].iter().enumerate() {
        device.write(name, noise(u8::try_from(n).unwrap(), 1000 * n));
    }
    device.write("large", noise(9, 3 * MIB));
    device.sync();
    device.write("folder/edited", "once");
    device.remove("gone");
    device.rename("folder/one", "elsewhere/one");
    device.sync();
}

/// All that a cache holds of the log, in comparable form; what was merely looked up since is left out.
fn said(cache: &Cache) -> BTreeMap<&'static str, Vec<String>> {
    [
        ("entries", "SELECT * FROM entries ORDER BY entry"),
        ("places", "SELECT * FROM places ORDER BY entry, seq"),
        ("versions", "SELECT entry, seq, version FROM versions ORDER BY entry, seq"),
        ("commits", "SELECT seq, device, digest FROM commits ORDER BY seq"),
        ("chunks", "SELECT * FROM chunks ORDER BY id"),
        ("epochs", "SELECT * FROM epochs ORDER BY epoch"),
        ("ended", "SELECT entry, seq, end_seq FROM ended ORDER BY entry, seq"),
        ("state", "SELECT * FROM state WHERE key IN ('id', 'space', 'since', 'checkpoint', 'start') ORDER BY key"),
        ("hearsay", "SELECT * FROM hearsay"),
    ]
    .into_iter()
    .map(|(table, select)| (table, cache.dump(select)))
    .collect()
}

pub(super) fn replay(space: &mut OpenSpace<ModelNode>) -> Result<(), SyncError> {
    while !space.replay()? {}
    Ok(())
}

/// A device that starts from the checkpoint holds the same tree as one that has folded everything; once it has replayed what
/// lies behind, it holds the same of everything.
fn assert_same_as_whole(world: &World, fresh: &Device) {
    let mut started = fresh.open().unwrap();
    started.follow().unwrap();
    assert!(!started.cache().is_whole().unwrap(), "nothing was started from");
    let whole = world.a().open().unwrap();
    assert!(whole.cache().is_whole().unwrap());
    assert_eq!(said(started.cache())["entries"], said(whole.cache())["entries"]);
    assert_eq!(started.folded().unwrap(), whole.folded().unwrap());
    replay(&mut started).unwrap();
    assert!(started.cache().is_whole().unwrap());
    assert_eq!(said(started.cache()), said(whole.cache()));
}

#[test]
fn a_new_device_starts_from_a_checkpoint_and_ends_up_with_everything() {
    let world = lived(&["poste", "portable"]);
    assert_same_as_whole(&world, world.b());
    world.b().sync();
    assert_eq!(world.a().tree(), world.b().tree());
}

#[test]
fn a_new_device_syncs_before_it_has_replayed_anything() {
    let world = lived(&["poste", "portable"]);
    let summary = world.b().sync();
    assert!(summary.is_complete() && summary.void_ops == 0, "{summary:?}");
    assert_eq!(world.a().tree(), world.b().tree());
    world.b().write("of b", "written while the log behind is unread");
    world.b().remove("twin");
    world.b().rename("elsewhere/one", "folder/one");
    world.b().sync();
    world.a().sync();
    assert_eq!(world.a().tree(), world.b().tree());
    replay(&mut world.b().open().unwrap()).unwrap();
    let (a, b) = (world.a().open().unwrap(), world.b().open().unwrap());
    assert_eq!(said(a.cache()), said(b.cache()));
    super::world::settle(world.a(), world.b());
}

/// What nodes hold already is not sent again, although the checkpoint cannot say that it is live.
#[test]
fn chunks_of_a_checkpoint_are_found_and_asked_for() {
    let world = lived(&["poste", "portable"]);
    world.b().sync();
    let before = world.node.with(|state| state.put_bytes);
    world.b().write("copy of large", noise(9, 3 * MIB));
    let summary = world.b().sync();
    assert!(summary.is_complete());
    assert_eq!(world.node.with(|state| state.put_bytes), before, "sent again");
    world.a().sync();
    assert_eq!(world.a().read("copy of large"), noise(9, 3 * MIB));
}

#[test]
fn a_lost_cache_is_rebuilt_from_a_checkpoint_and_removes_nothing() {
    let world = lived(&["poste", "portable"]);
    world.b().sync();
    world.b().lose_cache();
    world.b().write("of b", "new");
    let before = world.b().tree();
    let summary = world.b().sync();
    assert!(summary.is_complete() && summary.conflicts.is_empty(), "{summary:?}");
    assert_eq!((summary.removed_here, summary.removed_there, summary.downloaded), (0, 0, 0));
    assert_eq!(world.b().tree(), before);
    let mut space = world.b().open().unwrap();
    assert!(!space.cache().is_whole().unwrap());
    replay(&mut space).unwrap();
}

/// History before the checkpoint is there once it was replayed, and is not made up before.
#[test]
fn history_fills_in_by_replaying() {
    let world = lived(&["poste", "portable"]);
    let mut space = world.b().open().unwrap();
    space.follow().unwrap();
    let started = space.cache().start().unwrap().unwrap().space.head().seq;
    let root = |space: &OpenSpace<ModelNode>, seq| space.cache().children_at(EntryId::ROOT, Moment(seq)).unwrap();
    assert!(root(&space, started - 1).is_empty());
    let at_start = root(&space, started);
    replay(&mut space).unwrap();
    assert_eq!(root(&space, started), at_start);
    let whole = world.a().open().unwrap();
    for seq in 0..=whole.folded().unwrap().head().seq {
        assert_eq!(root(&space, seq), root(&whole, seq), "at {seq}");
    }
}

/// The line breaks at each request in turn while a device starts, syncs and replays: the next run goes on.
#[test]
fn every_interruption_of_a_start_is_gone_on_from() {
    for fault in [Fault::Request, Fault::Answer] {
        for at in 0.. {
            let world = lived(&["poste", "portable"]);
            world.node.with(|state| state.fault = Some((at, fault)));
            let whole_at_once = world.b().try_sync().and_then(|_| replay(&mut world.b().open()?));
            world.node.with(|state| state.fault = None);
            let summary = world.b().sync();
            assert!(summary.is_complete() && summary.conflicts.is_empty(), "{fault:?} at {at}: {summary:?}");
            replay(&mut world.b().open().unwrap()).unwrap();
            assert_eq!(world.a().tree(), world.b().tree(), "{fault:?} at {at}");
            let (a, b) = (world.a().open().unwrap(), world.b().open().unwrap());
            assert_eq!(said(a.cache()), said(b.cache()), "{fault:?} at {at}");
            if whole_at_once.is_ok() {
                assert!(at > 8, "nothing was interrupted");
                break;
            }
        }
    }
}

/// The line breaks at each request in turn while a checkpoint is written: nothing is half in the log, and the next one is whole.
#[test]
fn every_interruption_of_a_checkpoint_is_harmless() {
    for fault in [Fault::Request, Fault::Answer] {
        for at in 0.. {
            let world = World::new(&["poste", "portable"], Cutting::Keyed);
            past(world.a());
            world.node.with(|state| state.fault = Some((at, fault)));
            let written = world.a().open().and_then(|mut space| {
                space.settle()?;
                space.checkpoint()
            });
            world.node.with(|state| state.fault = None);
            world.a().write("next", "next");
            let summary = world.a().sync();
            assert!(summary.is_complete() && summary.void_ops == 0, "{fault:?} at {at}: {summary:?}");
            world.a().checkpoint();
            assert_same_as_whole(&world, world.b());
            if written.is_ok() {
                break;
            }
        }
    }
}

/// Others commit while pages are stored: the checkpoint still names its own position, and is taken.
#[test]
fn a_checkpoint_of_a_busy_space_is_written() {
    let world = std::sync::Arc::new(lived(&["poste", "portable", "tour"]));
    world.b().sync();
    let busy = std::sync::Arc::clone(&world);
    world.node.with(|state| {
        state.before_commit = Some(Box::new(move || {
            busy.b().write("meanwhile", "others go on");
            busy.b().sync();
        }));
    });
    world.a().checkpoint();
    world.a().sync();
    let fresh = &world.devices[2];
    let mut space = fresh.open().unwrap();
    space.follow().unwrap();
    let start = space.cache().start().unwrap().unwrap();
    assert!(start.space.head().seq + 1 < start.seq, "the commit comes later than its tree");
    assert_same_as_whole(&world, fresh);
}

/// Much has happened: whoever made it so writes a checkpoint after the run, and folding clients agree with it.
#[test]
fn a_run_writes_a_checkpoint_when_one_is_due() {
    let world = World::new(&["poste", "portable"], Cutting::Keyed);
    world.a().sync();
    let mut space = world.a().open().unwrap();
    space.follow().unwrap();
    let mut left = CHECKPOINT_OPS - 1;
    let mut number = 0u128;
    while left > 10 {
        let count = left.min(4000) - 10;
        let ops = (0..count).map(|_| {
            number += 1;
            let name = format!("{number}").into_bytes();
            Op::Create {
                entry: EntryId((number << 64 | 7).to_be_bytes()),
                parent: EntryId::ROOT,
                name,
                kind: Kind::Folder,
            }
        });
        let draft = Draft { ops: ops.collect(), ..Draft::default() };
        assert_eq!(space.send(&draft).unwrap(), Sent::Committed);
        left = (CHECKPOINT_OPS - 1).saturating_sub(space.checkpoint_weight().unwrap());
        assert!(!space.is_checkpoint_due(0, true).unwrap());
    }
    let before = space.checkpoint_weight().unwrap();
    for _ in 0..2 {
        assert_eq!(
            space.send(&Draft { ops: vec![Op::Remove { entry: EntryId([1; 16]) }], ..Draft::default() }).unwrap(),
            Sent::Committed
        );
    }
    assert!(space.is_checkpoint_due(before, true).unwrap());
    assert!(!space.is_checkpoint_due(before, false).unwrap());
    space.is_checkpoint_wanted = true;
    while space.has_chores().unwrap() {
        space.do_chore().unwrap();
    }
    assert!(space.cache().last_checkpoint().unwrap().is_some());
    assert_eq!(space.cache().since().unwrap().weight(), 0);
    let mut fresh = world.b().open().unwrap();
    fresh.follow().unwrap();
    let started = fresh.cache().start().unwrap().map(|start| start.space.head().seq + 1);
    assert_eq!(started, space.cache().last_checkpoint().unwrap());
    assert!(!fresh.is_checkpoint_due(0, true).unwrap(), "never before the log behind was replayed");
    replay(&mut fresh).unwrap();
}

/// What the last checkpoints rest on is never released, and that of earlier ones is; a content that one of them names among its
/// pages is not, whoever meant it to be.
#[test]
fn pages_of_early_checkpoints_are_released_and_nothing_else() {
    let world = lived(&["poste", "portable"]);
    let first = world.a().open().unwrap().cache().checkpoints().unwrap()[0].1.clone();
    let content = name_contents(world.a());
    for _ in 1..CHECKPOINT_TRIES_MAX {
        let mut space = world.a().open().unwrap();
        space.settle().unwrap();
        space.release_stale_checkpoints().unwrap();
        assert!(first.iter().all(|id| space.cache().is_released(*id).unwrap() == Some(false)), "still among the last");
        drop(space);
        world.a().checkpoint();
    }
    world.a().checkpoint();
    let mut space = world.a().open().unwrap();
    space.settle().unwrap();
    space.release_stale_checkpoints().unwrap();
    space.write_record().unwrap();
    assert!(content.iter().all(|chunk| space.cache().is_released(chunk.id).unwrap() == Some(false)), "of a file");
    assert!(first.iter().all(|id| space.cache().is_released(*id).unwrap() == Some(true)));
    assert!(space.cache().stale_checkpoints().unwrap().is_empty());
    let kept = space.cache().checkpoints().unwrap();
    assert_eq!(kept.len(), CHECKPOINT_TRIES_MAX);
    for id in kept.iter().flat_map(|(_, chunks)| chunks) {
        assert_eq!(space.cache().is_released(*id).unwrap(), Some(false));
    }
    drop(space);
    let summary = world.b().sync();
    assert!(summary.is_complete() && summary.contested.is_empty(), "{summary:?}");
    replay(&mut world.b().open().unwrap()).unwrap();
    assert!(world.b().sync().contested.is_empty(), "nobody needed them");
}

/// Has a device hold a checkpoint whose pages are the chunks of a file; answers which.
fn name_contents(device: &Device) -> Vec<ChunkRef> {
    let mut space = device.open().unwrap();
    let children = space.cache().children(EntryId::ROOT).unwrap();
    let large = children.iter().find(|child| child.name.as_str() == "large").unwrap();
    let content = space.cache().version(large.entry).unwrap().unwrap().named_chunks().to_vec();
    let (at, tree) = (space.folded().unwrap().head(), Digest([0; 32]));
    let checkpoint = Checkpoint {
        space: space.id(),
        at,
        device: space.identity().device(),
        made_at: space.now(),
        tree,
        clear: tree,
        roster: content[0].clone(),
        pages: content[1..].to_vec(),
    };
    let mut folding = space.cache.begin().unwrap();
    folding.pass_checkpoint(&VouchedCheckpoint { checkpoint, seq: at.seq }, Some((at, tree))).unwrap();
    folding.commit().unwrap();
    content
}
