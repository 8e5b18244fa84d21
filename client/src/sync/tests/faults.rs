//! Lines that break, devices that are copied, nodes that lose or invent history.

use std::sync::Arc;

use vauban_protocol::canonical::encode;
use vauban_protocol::space::Cutting;
use vauban_protocol::time::{DAY_SECONDS, Timestamp};

use super::node::Fault;
use super::world::{World, head_of, noise};
use crate::clock;
use crate::limit::FRESHNESS_DAYS_MAX;
use crate::log::{EntryId, EntryName, Kind, LogError, Seen, verify_next};
use crate::state::Anchor;
use crate::state::cache::BaseRow;
use crate::sync::author::{Draft, Sent};
use crate::sync::plan::{LogChange, Plan};
use crate::sync::send::Send;
use crate::sync::{Approval, Quiet, Run, Summary, SyncError, Watcher, fsck, sync_once};
use crate::tree::{Identity, TreeError, TreePath};

const MIB: usize = 1024 * 1024;

/// The line breaks at every request in turn, before or after the node has done its part; the next run finishes, sends nothing
/// again that the node has acknowledged, and uses no counter twice (the model node refuses that).
#[test]
fn every_interruption_is_finished_by_the_next_run() {
    for fault in [Fault::Request, Fault::Answer] {
        for at in 0.. {
            let world = World::new(&["poste", "portable"], Cutting::Keyed);
            world.a().write("folder/one", "one");
            world.a().write("two", noise(1, 2 * MIB));
            world.node.with(|state| state.fault = Some((at, fault)));
            let first = world.a().try_sync();
            let acknowledged = world.node.with(|state| {
                state.fault = None;
                state.put_bytes
            });
            // More is written meanwhile, and one file again: the next run signs further commits, and takes nothing of its
            // own for somebody else's.
            world.a().write("three", "three");
            world.a().write("folder/one", "one, edited");
            let summary = world.a().sync();
            assert!(summary.is_complete(), "{fault:?} at {at}: {summary:?}");
            if fault == Fault::Request {
                let (all, twice) = world.node.with(|state| (state.put_bytes, state.put_twice));
                assert_eq!(twice, 0, "{fault:?} at {at}: sent again");
                assert!(all >= acknowledged);
            }
            world.b().sync();
            assert_eq!(world.a().tree(), world.b().tree(), "{fault:?} at {at}");
            assert_eq!(summary.conflicts.len(), 0, "{fault:?} at {at}");
            if first.is_ok() {
                assert!(at > 3, "no request was interrupted");
                break;
            }
        }
    }
}

#[test]
fn lost_commit_answer_is_idempotent() {
    let world = World::new(&["poste"], Cutting::Keyed);
    world.a().sync();
    let commits = |world: &World| world.node.with(|state| state.spaces[&world.space].items.len());
    let before = commits(&world);
    world.a().write("f", "content");
    // Log, Drops, PutChunks, Commit: the fourth answer is lost.
    world.node.with(|state| state.fault = Some((3, Fault::Answer)));
    assert!(world.a().try_sync().is_err());
    assert_eq!(commits(&world), before + 1, "the commit was taken");
    world.node.with(|state| state.fault = None);
    let summary = world.a().sync();
    assert_eq!((summary.commits, summary.sent_bytes), (0, 0));
    assert_eq!(commits(&world), before + 1);
}

/// A run is killed after its commit was folded, and before the anchor says so: the next one does not use its counter again.
#[test]
fn a_commit_that_the_anchor_has_not_noted_is_found_in_the_cache() {
    let world = World::new(&["poste"], Cutting::Keyed);
    world.a().sync();
    let mut killed = world.a().open().unwrap();
    killed.settle().unwrap();
    assert_eq!(killed.send(&Draft::default()).unwrap(), Sent::Committed);
    drop(killed);
    world.a().write("f", "content");
    assert!(world.a().sync().is_complete());
}

#[test]
fn an_upload_goes_on_where_it_stopped() {
    let world = World::new(&["poste"], Cutting::Keyed);
    world.a().write("big", noise(5, 20 * MIB));
    // Log and the first PutChunks pass.
    world.node.with(|state| state.fault = Some((3, Fault::Request)));
    assert!(world.a().try_sync().is_err());
    world.node.with(|state| state.fault = None);
    let before = world.node.with(|state| state.put_bytes);
    assert!(before > 0);
    let summary = world.a().sync();
    assert!(summary.is_complete());
    assert!(summary.sent_bytes <= 23 * MIB as u64 - before, "{} after {before}", summary.sent_bytes);
    assert_eq!(world.node.with(|state| state.put_twice), 0);
}

#[test]
fn commits_of_others_in_between_are_folded_and_nothing_is_sealed_again() {
    let world = Arc::new(World::new(&["poste", "portable"], Cutting::Keyed));
    world.a().sync();
    world.b().sync();
    world.a().write("of a", noise(1, MIB));
    world.b().write("of b", "b");
    let other = Arc::clone(&world);
    world.node.with(|state| {
        state.before_commit = Some(Box::new(move || {
            other.b().sync();
        }));
    });
    let summary = world.a().sync();
    assert!(summary.is_complete() && summary.void_ops == 0, "{summary:?}");
    assert!(summary.sent_bytes < 3 * MIB as u64 / 2, "{}", summary.sent_bytes);
    world.b().sync();
    assert_eq!(world.a().tree(), world.b().tree());
}

#[test]
fn two_who_create_one_name_at_once_keep_both() {
    let world = Arc::new(World::new(&["poste", "portable"], Cutting::Keyed));
    world.a().sync();
    world.b().sync();
    world.a().write("new/f", "of a");
    world.b().write("new/f", "of b, and longer");
    let other = Arc::clone(&world);
    world.node.with(|state| {
        state.before_commit = Some(Box::new(move || {
            other.b().sync();
        }));
    });
    let summary = world.a().sync();
    assert_eq!((summary.conflicts.len(), summary.void_ops), (1, 0), "{summary:?}");
    assert_eq!(world.a().read("new/f"), b"of b, and longer");
    world.b().sync();
    assert_eq!(world.a().tree(), world.b().tree());
}

#[test]
fn receipts_that_are_too_old_are_renewed_without_sending() {
    let world = World::new(&["poste"], Cutting::Keyed);
    world.a().write("f", noise(1, MIB));
    let node = world.node.clone();
    world.node.with(|state| {
        state.before_commit = Some(Box::new(move || node.with(|state| state.floor = state.applied + 1)));
    });
    let summary = world.a().sync();
    assert!(summary.is_complete());
    assert_eq!(world.node.with(|state| state.put_twice), 0);
}

#[test]
fn cloned_device_is_stopped() {
    let world = World::new(&["poste", "portable"], Cutting::Keyed);
    world.a().write("f", "1");
    world.a().sync();
    let clone = world.clone_of(world.a());
    clone.write("of the clone", "x");
    clone.sync();
    world.a().write("f", "2");
    let stopped = world.a().try_sync();
    assert!(matches!(stopped, Err(SyncError::Log(LogError::Cloned { .. }))), "{stopped:?}");
    assert!(stopped.unwrap_err().is_alarm());
}

/// A device that does not remember how far it has counted takes what its clone has said for its own.
#[test]
fn control_of_cloned_device_is_stopped() {
    let world = World::new(&["poste", "portable"], Cutting::Keyed);
    world.a().write("f", "1");
    world.a().sync();
    let (log, org) = world.node.with(|state| (state.spaces[&world.space].clone(), state.org.clone()));
    let clone = world.clone_of(world.a());
    clone.write("of the clone", "x");
    clone.sync();
    let said = world.node.with(|state| state.spaces[&world.space].items[log.items.len()].clone());
    let device = world.a().identity().device();
    let seen = |acknowledged| Seen { device, head: Some(log.space.head()), acknowledged, outstanding: None };
    let remembered = log.space.last_commit(device).unwrap().counter;
    let judged = |acknowledged| verify_next(&log.space, said.clone(), &org, &seen(acknowledged)).map(drop);
    assert!(matches!(judged(remembered), Err(LogError::Cloned { .. })));
    assert!(judged(u64::MAX).is_ok());
}

#[test]
fn rollback_after_restart_detected() {
    let world = World::new(&["poste", "portable"], Cutting::Keyed);
    world.a().write("f", "1");
    world.a().sync();
    let old = world.node.with(|state| state.spaces[&world.space].clone());
    world.a().write("f", "2");
    world.a().sync();
    let whole = world.node.with(|state| state.spaces.insert(world.space, old.clone())).unwrap();
    assert!(matches!(world.a().try_sync(), Err(SyncError::Behind { .. })));
    world.a().lose_cache();
    assert!(matches!(world.a().try_sync(), Err(SyncError::Behind { .. })), "the anchor remembers without the cache");

    // A lag is no alarm until it has lasted for days; what was missing then comes to light.
    let since = |since| {
        let anchor = world.a().anchor();
        anchor.update(|anchor| anchor.spaces.get_mut(&world.space).unwrap().behind_since = Some(since)).unwrap();
    };
    let days = (FRESHNESS_DAYS_MAX + 1) * DAY_SECONDS;
    since(Timestamp(clock::now().0 - days));
    let alarm = world.a().try_sync();
    assert!(matches!(alarm, Err(SyncError::Log(LogError::Rollback { .. }))), "{alarm:?}");
    world.node.with(|state| state.spaces.insert(world.space, whole));
    world.a().sync();
    assert_eq!(world.a().anchor().record().spaces[&world.space].behind_since, None);
}

/// Without what the anchor remembers, the same log of before is followed, and nothing is said.
#[test]
fn control_of_rollback_after_restart_detected() {
    let world = World::new(&["poste", "portable"], Cutting::Keyed);
    world.a().write("f", "1");
    world.a().sync();
    let old = world.node.with(|state| state.spaces[&world.space].clone());
    world.a().write("f", "2");
    world.a().sync();
    world.b().sync();
    world.node.with(|state| state.spaces.insert(world.space, old));
    // Whoever has written there would find more commits of their own than they remember.
    world.b().lose_cache();
    world.b().anchor().update(|anchor| anchor.spaces.remove(&world.space)).unwrap();
    let summary = world.b().try_sync().unwrap();
    assert!(summary.agreed && world.b().proofs() == 0, "{summary:?}");
}

#[test]
fn split_view_is_a_fork() {
    let world = World::new(&["poste", "portable"], Cutting::Keyed);
    world.a().sync();
    let common = world.node.with(|state| state.spaces[&world.space].clone());
    world.a().write("f", "1");
    world.a().sync();
    let view_of_a = world.node.with(|state| state.spaces.insert(world.space, common.clone()).unwrap());
    world.b().write("g", "2");
    world.b().sync();
    let view_of_b = world.node.with(|state| state.spaces[&world.space].clone());
    assert_eq!(view_of_a.items.len(), view_of_b.items.len());
    assert_ne!(head_of(&view_of_a.items), head_of(&view_of_b.items));
    // What proves it is kept, however it was found: by a head, or commit by commit.
    let forks = [&view_of_a, &view_of_b].map(|view| encode(&head_of(&view.items)));
    for has_cache in [true, false] {
        let forked = world.a().try_sync();
        assert!(matches!(forked, Err(SyncError::Log(LogError::Fork { .. }))), "cache {has_cache}: {forked:?}");
        let [proof] = &world.a().take_proofs()[..] else { panic!("one proof is kept: cache {has_cache}") };
        assert_eq!(proof[..2], forks, "cache {has_cache}");
        assert_eq!(proof.get(2), view_of_b.items.last(), "cache {has_cache}");
        world.a().lose_cache();
    }
}

/// Fails if a commit is signed while the answer to another is missing: both would bear one counter, and what was noted for the
/// one would be taken as settled by the other.
#[test]
fn one_commit_is_outstanding_at_a_time() {
    for at in 0.. {
        let world = World::new(&["poste"], Cutting::Keyed);
        world.a().sync();
        world.a().write("one", "one");
        let mut space = world.a().open().unwrap();
        world.node.with(|state| state.fault = Some((at, Fault::Answer)));
        let is_done = world.a().sync_in(&mut space).is_ok();
        world.node.with(|state| state.fault = None);
        assert!(!is_done, "no answer to a commit was lost");
        if !space.has_outstanding() {
            continue;
        }
        let draft = Draft::default();
        assert!(matches!(space.send(&draft), Err(SyncError::Bug(_))));
        assert!(space.has_outstanding(), "the first is still to be sent");

        let before = world.node.with(|state| state.spaces[&world.space].items.len());
        let watcher: Arc<dyn Watcher> = Arc::new(Quiet);
        let mut summary = Summary::default();
        let row = BaseRow {
            entry: EntryId([7; 16]),
            parent: EntryId::ROOT,
            name: EntryName::parse(b"folder").unwrap(),
            kind: Kind::Folder,
            content: None,
            executable: false,
            identity: Identity::default(),
            file_type: None,
        };
        let change = LogChange::create(row, None, TreePath::parse("folder").unwrap());
        let mut plan = Plan { log_changes: vec![change], ..Plan::default() };
        Send::new(&mut space, None, &watcher, &mut summary).run(&mut plan).unwrap();
        assert!(!space.has_outstanding());
        let after = world.node.with(|state| state.spaces[&world.space].items.len());
        assert_eq!((summary.commits, after), (1, before + 1), "the first stood in the log, the second follows it");
        return;
    }
}

/// Fails if a client that was stopped after its cache knew of a commit, and before its anchor did, uses the counter again: the node
/// would refuse it for good, and the person would be told that the device was cloned.
#[test]
fn a_commit_that_only_the_cache_knows_of_is_settled() {
    let world = World::new(&["poste", "portable"], Cutting::Keyed);
    world.a().sync();
    world.a().write("f", "1");
    let home = world.a().home();
    let (tell, told) = std::sync::mpsc::channel();
    world.node.with(|state| {
        let look = move || tell.send(Anchor::open(&home).unwrap().record()).unwrap();
        state.before_commit = Some(Box::new(look));
    });
    world.a().sync();
    let stowed = told.recv().unwrap();
    assert!(stowed.spaces[&world.space].outbox.is_some());
    world.a().anchor().update(|record| *record = stowed).unwrap();
    world.a().write("g", "2");
    let summary = world.a().sync();
    assert_eq!((summary.commits, summary.uploaded), (1, 1), "{summary:?}");
    assert_eq!(world.a().anchor().record().spaces[&world.space].outbox, None);
    world.b().sync();
    assert_eq!(world.a().tree(), world.b().tree());
}

#[test]
fn a_folder_without_its_mark_stops_the_engine() {
    let world = World::new(&["poste"], Cutting::Keyed);
    world.a().write("f", "1");
    world.a().sync();
    std::fs::remove_dir_all(world.a().path(".vauban")).unwrap();
    std::fs::remove_file(world.a().path("f")).unwrap();
    let stopped = world.a().try_sync();
    assert!(matches!(stopped, Err(SyncError::Tree(TreeError::MarkerLost(_)))), "{stopped:?}");
}

/// Equal files join the space again, and what is missing comes back: a base that is empty removes nothing.
#[test]
fn a_folder_without_its_mark_begins_anew_when_told() {
    let world = World::new(&["poste"], Cutting::Keyed);
    world.a().write("f", "1");
    world.a().write("g", "2");
    world.a().sync();
    std::fs::remove_dir_all(world.a().path(".vauban")).unwrap();
    std::fs::remove_file(world.a().path("f")).unwrap();
    let mut space = world.a().open().unwrap();
    space.forget_folder().unwrap();
    let summary = world.a().sync_in(&mut space).unwrap();
    assert_eq!((summary.removed_there, summary.uploaded, summary.downloaded), (0, 0, 1));
    assert_eq!(world.a().read("f"), b"1");
}

/// An interrupted copy to a new disk, or what a backup brought back: it has the mark, and not all that it was made of.
#[test]
fn a_copy_of_a_folder_removes_nothing() {
    let world = World::new(&["poste"], Cutting::Keyed);
    for name in ["f", "g", "h"] {
        world.a().write(name, name);
    }
    world.a().sync();
    let copy = tempfile::tempdir().unwrap();
    std::fs::create_dir(copy.path().join(".vauban")).unwrap();
    std::fs::copy(world.a().path(".vauban/root"), copy.path().join(".vauban/root")).unwrap();
    std::fs::copy(world.a().path("f"), copy.path().join("f")).unwrap();
    let mut space = world.a().open().unwrap();
    let watcher: Arc<dyn Watcher> = Arc::new(Quiet);
    let run = Run { device_name: "poste", approval: Approval::Ask, watcher: &watcher };
    let summary = sync_once(&mut space, copy.path(), &run).unwrap();
    assert_eq!((summary.removed_there, summary.uploaded, summary.downloaded), (0, 0, 2));
    assert_eq!(std::fs::read(copy.path().join("h")).unwrap(), b"h");
}

#[test]
fn folders_in_synced_folders_are_refused() {
    let world = World::new(&["poste"], Cutting::Keyed);
    world.a().write("inner/f", "1");
    world.a().sync();
    let watcher: Arc<dyn Watcher> = Arc::new(Quiet);
    let run = Run { device_name: "poste", approval: Approval::Ask, watcher: &watcher };
    let mut space = world.a().open().unwrap();
    let refused = sync_once(&mut space, &world.a().path("inner"), &run);
    assert!(matches!(refused, Err(SyncError::Tree(TreeError::Nested { .. }))), "{refused:?}");
}

/// Disks rot: who has the content at hand sends it again, under the same identifier, with the next version that contains it.
#[test]
fn what_a_node_has_lost_is_sent_again() {
    let world = World::new(&["poste", "portable"], Cutting::Keyed);
    let content = noise(3, 3 * MIB);
    world.a().write("f", &content);
    world.a().sync();
    world.node.with(|state| state.chunks.retain(|_, object| object.len() < MIB / 8));
    world.a().write("f", [content.as_slice(), b"more"].concat());
    world.a().write("copy", &content);
    let summary = world.a().sync();
    assert!(summary.is_complete() && summary.sent_bytes as usize > content.len(), "{summary:?}");
    world.b().sync();
    assert_eq!(world.a().tree(), world.b().tree());
    // What is held is not sent again.
    let twice = world.node.with(|state| state.put_twice);
    world.a().write("again", &content);
    world.a().sync();
    assert_eq!(world.node.with(|state| state.put_twice), twice);
}

/// A space is checked, file by file, and what one device still has is sent again; what it has edited since is left to a sync.
#[test]
fn fsck_finds_and_heals_what_nodes_have_lost() {
    let world = World::new(&["poste", "portable"], Cutting::Keyed);
    for n in 0..3 {
        world.a().write(&format!("folder/f{n}"), noise(n, 300_000));
    }
    world.a().write("small", "small");
    world.a().sync();
    let watcher: Arc<dyn Watcher> = Arc::new(Quiet);
    let whole = fsck(&mut world.a().open().unwrap(), false, &watcher).unwrap();
    assert_eq!((whole.files, whole.damaged.len()), (4, 0));
    world.node.with(|state| state.chunks.retain(|_, object| object.len() < MIB / 8));
    world.a().write("folder/f2", "edited");
    let found = fsck(&mut world.a().open().unwrap(), false, &watcher).unwrap();
    assert_eq!(found.damaged.len(), 3);
    assert!(found.damaged.iter().all(|damaged| damaged.missing > 0 && !damaged.is_healed));
    let healed = fsck(&mut world.a().open().unwrap(), true, &watcher).unwrap();
    let left: Vec<_> =
        healed.damaged.iter().filter(|damaged| !damaged.is_healed).map(|damaged| &*damaged.path).collect();
    assert_eq!(left, ["folder/f2"]);
    world.a().sync();
    assert!(fsck(&mut world.b().open().unwrap(), true, &watcher).unwrap().is_whole());
    world.b().sync();
    assert_eq!(world.a().tree(), world.b().tree());
}

/// Fails if nodes that do not answer are taken for a loss, or if that is taken for all being well.
#[test]
fn what_nobody_can_be_asked_about_is_not_lost() {
    let world = World::new(&["poste"], Cutting::Keyed);
    world.a().write("large", noise(1, 300_000));
    world.a().write("small", "small");
    world.a().sync();
    let watcher: Arc<dyn Watcher> = Arc::new(Quiet);
    let large = |object: &bytes::Bytes| object.len() > MIB / 8;
    let kept = world.node.with(|state| {
        state.is_partly_deaf = true;
        let (away, kept) = std::mem::take(&mut state.chunks).into_iter().partition(|(_, object)| large(object));
        state.chunks = kept;
        away
    });
    let put = world.node.with(|state| state.put_bytes);
    let report = fsck(&mut world.a().open().unwrap(), true, &watcher).unwrap();
    assert_eq!((report.files, report.unchecked, report.damaged.len()), (2, 1, 0));
    assert!(report.is_whole());
    assert_eq!(world.node.with(|state| state.put_bytes), put, "nothing is sent again for it");
    world.node.with(|state| {
        state.is_partly_deaf = false;
        state.chunks.extend::<std::collections::HashMap<_, _>>(kept);
    });
    let report = fsck(&mut world.a().open().unwrap(), false, &watcher).unwrap();
    assert_eq!((report.unchecked, report.damaged.len()), (0, 0));
}

#[test]
fn a_damaged_chunk_is_one_files_problem() {
    let world = World::new(&["poste", "portable"], Cutting::Keyed);
    for n in 0..20 {
        world.a().write(&format!("f{n}"), noise(n, 10_000));
    }
    world.a().sync();
    world.node.with(|state| {
        let bundle = state.chunks.values().map(bytes::Bytes::len).min().unwrap();
        let object = state.chunks.values_mut().find(|object| object.len() > bundle).unwrap();
        let mut damaged = object.to_vec();
        damaged[100] ^= 1;
        *object = damaged.into();
    });
    let summary = world.b().sync();
    assert_eq!((summary.downloaded, summary.issues.len()), (19, 1), "{summary:?}");
}
