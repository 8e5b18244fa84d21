//! Checkpoints that lie: what a member's device may sign and a node may show, and what comes of it.

use vauban_protocol::chain::Head;
use vauban_protocol::id::{ChunkId, Digest, SpaceId};
use vauban_protocol::space::Control;

use super::checkpoints::{MIB, lived, replay};
use super::world::{Device, World, noise};
use crate::log::{
    Checkpoint, EntryId, Falsehood, FalsehoodOf, Kind, LogError, Roster, TreeHasher, encode_checkpoint, encode_rows,
    push_row,
};
use crate::sync::SyncError;
use crate::sync::author::{Draft, Sent};

/// A row: entry, parent, name, kind.
type Listed = (u8, u8, &'static str, Kind);

/// How a hostile member's checkpoint differs from a true one.
#[derive(Default)]
struct Lie {
    /// Rows in place of the tree's: entry, parent, name, kind.
    rows: Option<Vec<Listed>>,
    /// Whether the signed hash is that of the tree, rather than that of its pages.
    is_hash_true: bool,
    /// The page's bytes, changed.
    page: Option<fn(Vec<u8>) -> Vec<u8>>,
    signed: Option<fn(&mut Checkpoint)>,
    roster: Option<fn(&mut Roster)>,
    control: Option<Option<Control>>,
    adds: Option<Vec<ChunkId>>,
}

/// Commits a hostile checkpoint by `device`'s keys; answers where it stands.
fn commit_lie(device: &Device, lie: Lie) -> u64 {
    let mut space = device.open().unwrap();
    space.settle().unwrap();
    let folded = space.folded().unwrap();
    let true_page = space.cache().tree_page(folded.head().seq, None).unwrap().unwrap();
    let (count, rows) = match &lie.rows {
        None => (true_page.count, true_page.rows.clone()),
        Some(rows) => {
            let mut bytes = Vec::new();
            for (entry, parent, name, kind) in rows {
                push_row(&mut bytes, EntryId([*entry; 16]), EntryId([*parent; 16]), name, *kind, None);
            }
            (rows.len() as u64, bytes)
        }
    };
    let mut hasher = TreeHasher::new(world_space(device));
    if lie.is_hash_true {
        hasher.update(true_page.count, &true_page.rows);
    } else {
        hasher.update(count, &rows);
    }
    let mut page = encode_rows(count, &rows);
    if let Some(change) = lie.page {
        page = change(page);
    }
    let mut roster = Roster { org: folded.org(), devices: folded.devices().collect() };
    if let Some(change) = lie.roster {
        change(&mut roster);
    }
    let mut stored_at = u64::MAX;
    let page = space.store_page(&page, &mut stored_at).unwrap();
    let roster = space.store_page(&roster.to_bytes(), &mut stored_at).unwrap();
    let mut checkpoint = Checkpoint {
        space: world_space(device),
        at: folded.head(),
        device: space.identity().device(),
        made_at: space.now(),
        tree: hasher.finish(),
        clear: folded.digest(),
        roster,
        pages: vec![page],
    };
    let mut adds: Vec<_> = checkpoint.chunks().map(|chunk| chunk.id).collect();
    adds.sort_unstable();
    if let Some(change) = lie.signed {
        change(&mut checkpoint);
    }
    let signed = space.identity().signing().seal_hybrid(checkpoint).unwrap();
    let draft = Draft {
        adds: lie.adds.unwrap_or(adds),
        stored_at,
        control: lie.control.unwrap_or(Some(Control::Checkpoint)),
        checkpoint: Some(encode_checkpoint(&signed)),
        ..Draft::default()
    };
    assert_eq!(space.send(&draft).unwrap(), Sent::Committed);
    space.cache().take_falsehoods().unwrap();
    folded.head().seq + 1
}

fn world_space(device: &Device) -> SpaceId {
    device.open().unwrap().id()
}

/// The state of a new device after it met a hostile checkpoint: it has the true tree, from the log or an earlier checkpoint.
fn meet(lie: Lie, what: &str) -> (World, u64, Vec<Falsehood>) {
    let world = lived(&["poste", "portable", "tour"]);
    let seq = commit_lie(world.a(), lie);
    let summary = world.b().sync();
    assert!(summary.is_complete() && summary.conflicts.is_empty(), "{what}: {summary:?}");
    assert_eq!(world.a().tree(), world.b().tree(), "{what}");
    let start = world.b().open().unwrap().cache().start().unwrap();
    assert!(start.is_none_or(|start| start.seq < seq), "{what}: started from a lie");
    (world, seq, summary.falsehoods)
}

#[test]
fn a_tree_that_no_log_leads_to_is_not_started_from() {
    use Kind::{File, Folder};
    let lies: [(&str, Vec<Listed>); 6] = [
        ("two of one name", vec![(1, 0, "a", File), (2, 0, "a", File)]),
        ("a cycle", vec![(1, 2, "a", Folder), (2, 1, "b", Folder), (3, 0, "c", Folder)]),
        ("in nothing", vec![(1, 9, "a", File)]),
        ("in a file", vec![(1, 0, "a", File), (2, 1, "b", File)]),
        ("out of order", vec![(2, 0, "a", File), (1, 0, "b", File)]),
        ("a path for a name", vec![(1, 0, "../../etc/passwd", File)]),
    ];
    for (what, rows) in lies {
        let (world, seq, told) = meet(Lie { rows: Some(rows), ..Lie::default() }, what);
        let author = world.a().open().unwrap().identity().device();
        assert_eq!(
            told,
            [Falsehood { seq, device: author, of: FalsehoodOf::Checkpoint }],
            "{what}: its author is named"
        );
        assert!(world.b().has_proof(seq), "{what}: the proof is kept");
    }
}

#[test]
fn pages_that_are_not_what_was_signed_are_not_started_from() {
    let rows = || Some(vec![(1, 0, "invented", Kind::Folder)]);
    for (what, lie) in [
        ("another tree than was signed", Lie { rows: rows(), is_hash_true: true, ..Lie::default() }),
        (
            "a torn page",
            Lie {
                page: Some(|mut page| {
                    page.truncate(page.len() - 3);
                    page
                }),
                ..Lie::default()
            },
        ),
        (
            "a page with more behind it",
            Lie {
                page: Some(|mut page| {
                    page.push(0);
                    page
                }),
                ..Lie::default()
            },
        ),
        ("no page at all", Lie { signed: Some(|checkpoint| checkpoint.pages.clear()), ..Lie::default() }),
    ] {
        let (world, seq, told) = meet(lie, what);
        assert_eq!(told.len(), 1, "{what}");
        assert!(world.b().has_proof(seq), "{what}");
    }
}

/// What is no checkpoint at all is void, reported with its author, and nobody starts from it.
#[test]
fn what_is_no_checkpoint_is_void() {
    for (what, lie) in [
        ("of another space", Lie { signed: Some(|checkpoint| checkpoint.space = SpaceId([9; 16])), ..Lie::default() }),
        ("of another device", Lie { signed: Some(|checkpoint| checkpoint.device.0[0] ^= 1), ..Lie::default() }),
        ("of what is to come", Lie { signed: Some(|checkpoint| checkpoint.at.seq += 1), ..Lie::default() }),
        ("of another log", Lie { signed: Some(|checkpoint| checkpoint.at.digest.0[0] ^= 1), ..Lie::default() }),
        ("of pages that are not added", Lie { adds: Some(Vec::new()), ..Lie::default() }),
        ("without its mark", Lie { control: Some(None), ..Lie::default() }),
        (
            "of a page twice",
            Lie { signed: Some(|checkpoint| checkpoint.pages.push(checkpoint.pages[0].clone())), ..Lie::default() },
        ),
    ] {
        let (world, ..) = meet(lie, what);
        let fresh = &world.devices[2];
        let summary = fresh.sync();
        assert_eq!(summary.void_ops, 1, "{what}");
        assert_eq!(fresh.tree(), world.a().tree(), "{what}");
    }
}

/// A space in clear that is not the log's: counters, the organisation's head, this device's own commits.
#[test]
fn a_roster_that_contradicts_is_not_started_from() {
    for (what, roster) in [
        ("a counter", (|roster| roster.devices.values_mut().for_each(|last| last.counter += 1)) as fn(&mut Roster)),
        ("nobody", |roster| roster.devices.clear()),
        ("the organisation", |roster| roster.org = Head { seq: 0, digest: Digest([1; 32]) }),
    ] {
        meet(Lie { roster: Some(roster), ..Lie::default() }, what);
    }
}

/// Everyone who folds past a false tree says whose it is, keeps the proof, and goes on: a lie stops nobody.
#[test]
fn a_false_checkpoint_is_an_alarm_of_whoever_folds_past_it() {
    let world = lived(&["poste", "portable"]);
    world.b().sync();
    replay(&mut world.b().open().unwrap()).unwrap();
    let rows = Some(vec![(1, 0, "invented", Kind::Folder)]);
    let seq = commit_lie(world.a(), Lie { rows, ..Lie::default() });
    world.a().write("goes on", "goes on");
    world.a().sync();
    let summary = world.b().sync();
    let device = world.a().open().unwrap().identity().device();
    assert_eq!(summary.falsehoods, [Falsehood { seq, device, of: FalsehoodOf::Checkpoint }]);
    assert!(world.b().has_proof(seq));
    assert_eq!(world.a().tree(), world.b().tree());
    assert!(world.b().sync().falsehoods.is_empty(), "told once");
}

/// The one lie that a starting device believes: a consistent tree that is not the log's. It is found by replaying; what the
/// log says then holds, and no file is removed for it, on either side.
#[test]
fn a_believed_lie_is_found_by_replaying_and_removes_nothing() {
    let world = lived(&["poste", "portable"]);
    let rows = Some(vec![(1, 0, "invented", Kind::Folder), (2, 1, "within", Kind::Folder)]);
    let seq = commit_lie(world.a(), Lie { rows, ..Lie::default() });
    let truth = world.a().tree();
    world.b().write("large", noise(9, 3 * MIB));
    world.b().write("of b", "mine");
    world.b().sync();
    assert!(world.b().has("invented/within"), "believed");
    let found = replay(&mut world.b().open().unwrap());
    assert!(matches!(found, Err(SyncError::Log(LogError::FalseCheckpoint { seq: at, .. })) if at == seq), "{found:?}");
    assert!(found.unwrap_err().is_alarm() && world.b().has_proof(seq));
    let space = world.b().open().unwrap();
    assert!(space.cache().is_whole().unwrap());
    drop(space);
    let summary = world.b().sync();
    assert_eq!((summary.removed_here, summary.removed_there), (0, 0), "{summary:?}");
    assert_eq!((world.b().read("of b"), world.b().read("large")), (b"mine".to_vec(), noise(9, 3 * MIB)));
    world.a().sync();
    for (path, what) in truth {
        if what != "folder" && path != "large" {
            assert_eq!(world.b().tree().get(&path), Some(&what), "{path}");
        }
    }
}

/// A node that hides part of the outline, or shows another log behind it, gets nowhere.
#[test]
fn a_node_cannot_bend_an_outline() {
    let world = lived(&["poste", "portable"]);
    let items = world.node.with(|state| state.spaces[&world.space].items.clone());
    // Without the epoch, nobody could have written: the whole log is folded.
    world.node.with(|state| state.hidden = Some(1));
    let mut space = world.b().open().unwrap();
    assert!(!space.start().unwrap());
    world.node.with(|state| state.hidden = None);
    // What was seen before must lie on the way of what is shown now.
    let seen = Head { seq: 2, digest: Digest([9; 32]) };
    let anchor = world.b().anchor();
    anchor.update(|anchor| anchor.spaces.entry(world.space).or_default().head = Some(seen)).unwrap();
    let mut space = world.b().open().unwrap();
    space.follow().unwrap();
    assert!(!space.cache().is_whole().unwrap());
    let forked = replay(&mut space);
    assert!(matches!(forked, Err(SyncError::Log(LogError::Fork { seq: 2, .. }))), "{forked:?}");
    drop(space);
    let mut again = world.b().open().unwrap();
    again.follow().unwrap();
    let forked = replay(&mut again);
    assert!(matches!(forked, Err(SyncError::Log(LogError::Fork { seq: 2, .. }))), "remembered: {forked:?}");
    assert_eq!(world.node.with(|state| state.spaces[&world.space].items.len()), items.len());
}

/// A device that was revoked vouches for nothing: neither for what it signs afterwards, dated back, nor for what it signed before.
#[test]
fn a_revoked_device_vouches_for_no_tree() {
    let world = lived(&["poste", "portable"]);
    world.revoke(world.a(), world.b());
    let mut space = world.b().open().unwrap();
    space.follow().unwrap();
    assert!(space.cache().is_whole().unwrap(), "the whole log was folded");
    drop(space);
    assert!(world.b().sync().is_complete());
    assert_eq!(world.a().tree(), world.b().tree());
}

/// A cache that was lost while the log behind it was replayed: what was replayed then is not taken for what is behind the next.
#[test]
fn what_was_replayed_behind_an_earlier_start_is_not_taken_over() {
    let world = lived(&["poste", "portable"]);
    let mut space = world.b().open().unwrap();
    space.follow().unwrap();
    while space.replayed().unwrap().is_some_and(|(done, all)| done < all) {
        space.replay().unwrap();
    }
    drop(space);
    // The log is shorter than it was: what lies behind an earlier checkpoint is less than what was replayed.
    let earlier = World::space_cache(world.b());
    std::fs::remove_file(&earlier).unwrap();
    let seq = commit_lie(world.a(), Lie { signed: Some(|checkpoint| checkpoint.tree.0[0] ^= 1), ..Lie::default() });
    let mut space = world.b().open().unwrap();
    space.follow().unwrap();
    assert!(space.cache().start().unwrap().is_some_and(|start| start.seq < seq));
    assert_eq!(space.replayed().unwrap().map(|(done, _)| done), Some(0), "replaying begins anew");
    replay(&mut space).unwrap();
    let whole = world.a().open().unwrap();
    assert_eq!(space.folded().unwrap(), whole.folded().unwrap());
}
