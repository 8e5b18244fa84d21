//! Whatever a member signs, a client decodes or refuses, and folds to a sound tree. Seconds in `cargo test`; longer by
//! `cargo bolero test`.
//!
//! Inputs are of two kinds: bytes as they come, and lists of ops over few entries and names, which reach the fold's rules.

#![allow(clippy::expect_used, clippy::indexing_slicing, reason = "a test may panic")]

use std::collections::BTreeSet;
use std::time::Duration;

use bolero::check;
use vauban_client::log::{
    Changes, Checkpoint, ChunkList, Effect, EntryId, EntryName, Kind, MapTree, Op, Roster, Said, Tree, Version, apply,
    decode_ops, decode_page, decode_rows, encode_checkpoint, encode_ops, encode_page, encode_rows, push_row, read_ops,
};
use vauban_client::shared_link::{Head, Label, LinkAddress, Manifest};
use vauban_client::tree::{ConflictStamp, TreePath, conflict_name, may_link};
use vauban_protocol::id::Digest;
use vauban_protocol::signed::Signed;
use vauban_protocol::time::Timestamp;

/// How long each target runs.
const TIME: Duration = Duration::from_secs(2);

/// One byte a choice: which op, on which entry, in which folder, under which name.
fn op(choices: [u8; 4]) -> Op {
    let [which, entry, parent, name] = choices;
    let (entry, parent) = (EntryId([entry % 8; 16]), EntryId([parent % 8; 16]));
    let name = vec![b'a' + name % 4; usize::from(name % 3)];
    match which % 8 {
        0 | 1 => Op::Create { entry, parent, name, kind: Kind::Folder },
        2 => Op::Create { entry, parent, name, kind: Kind::File },
        3 => Op::Create { entry, parent, name, kind: Kind::Symlink },
        4 | 5 => Op::Move { entry, parent, name },
        6 => Op::Remove { entry },
        _ => Op::Write {
            entry,
            version: Version {
                content: Digest([which; 32]),
                bytes: u64::from(which / 128),
                mtime_ns: 0,
                executable: false,
                cutter_epoch: 1,
                chunks: ChunkList::Inline(Vec::new()),
            },
        },
    }
}

fn fold(ops: &[Op]) -> (MapTree, Vec<Effect>) {
    let mut tree = MapTree::default();
    let effects = ops.iter().map(|op| apply(&mut tree, op).expect("maps do not fail")).collect();
    (tree, effects)
}

/// Every entry hangs from the root, in folders, under a name of its own.
fn assert_sound(tree: &MapTree) {
    let count = tree.entries().count();
    let mut names = BTreeSet::new();
    for (entry, place) in tree.entries() {
        assert!(names.insert((place.parent, place.name.clone())), "two of one name");
        let mut at = entry;
        let mut steps = 0;
        while at != EntryId::ROOT {
            let place = tree.place(at).expect("maps do not fail").expect("a parent that is live");
            assert!(at == entry || place.kind == Kind::Folder, "an entry in something that is no folder");
            at = place.parent;
            steps += 1;
            assert!(steps <= count, "a cycle");
        }
    }
}

#[test]
fn any_ops_fold_to_a_sound_tree() {
    check!().with_type::<Vec<[u8; 4]>>().with_test_time(TIME).for_each(|choices| {
        let ops: Vec<_> = choices.iter().copied().map(op).collect();
        let (tree, effects) = fold(&ops);
        assert_sound(&tree);
        assert_eq!(fold(&ops), (tree, effects), "not deterministic");
    });
}

#[test]
fn any_bytes_decode_to_canonical_ops_or_are_refused() {
    check!().with_type::<Vec<u8>>().with_test_time(TIME).for_each(|bytes| {
        for bytes in [bytes.clone(), [&[1], bytes.as_slice()].concat()] {
            if let Ok(Changes { made_at, ops }) = decode_ops(&bytes) {
                assert_eq!(encode_ops(made_at, &ops), bytes);
                assert_sound(&fold(&ops).0);
            }
        }
    });
}

#[test]
fn changed_ops_decode_to_canonical_ops_or_are_refused() {
    let ops: Vec<_> = (0..20u8).map(|n| op([n, n, n / 3, n])).collect();
    let whole = encode_ops(Timestamp(1), &ops);
    check!().with_type::<Vec<(u16, u8)>>().with_test_time(TIME).for_each(|changes| {
        let mut bytes = whole.clone();
        for (at, by) in changes {
            let at = usize::from(*at) % bytes.len();
            bytes[at] ^= by;
        }
        if let Ok(Changes { made_at, ops }) = decode_ops(&bytes) {
            assert_eq!(encode_ops(made_at, &ops), bytes);
            assert_sound(&fold(&ops).0);
        }
    });
}

#[test]
fn any_bytes_are_a_canonical_page_or_refused() {
    check!().with_type::<Vec<u8>>().with_test_time(TIME).for_each(|bytes| {
        for bytes in [bytes.clone(), [&[1], bytes.as_slice()].concat()] {
            if let Ok(chunks) = decode_page(&bytes) {
                assert_eq!(encode_page(&chunks), bytes);
            }
        }
    });
}

/// Rows of a checkpoint, as bytes come and as a page is changed: what is accepted encodes to the same bytes, and goes up.
#[test]
fn any_bytes_are_a_canonical_page_of_rows_or_refused() {
    let mut rows = Vec::new();
    for n in 1..20u8 {
        let kind = if n % 2 == 0 { Kind::File } else { Kind::Folder };
        push_row(&mut rows, EntryId([n; 16]), EntryId([n / 2; 16]), "name", kind, None);
    }
    let whole = encode_rows(19, &rows);
    let judge = |bytes: &[u8]| {
        if let Ok((rows, counted)) = decode_rows(bytes) {
            assert_eq!(encode_rows(rows.len() as u64, counted), bytes);
            assert!(rows.is_sorted_by(|a, b| a.entry < b.entry));
        }
    };
    judge(&whole);
    check!().with_type::<(Vec<u8>, Vec<(u16, u8)>)>().with_test_time(TIME).for_each(|(bytes, changes)| {
        judge(bytes);
        judge(&[&[1], bytes.as_slice()].concat());
        let mut changed = whole.clone();
        for (at, by) in changes {
            let at = usize::from(*at) % changed.len();
            changed[at] ^= by;
        }
        judge(&changed);
    });
}

#[test]
fn any_bytes_are_a_checkpoint_or_a_roster_or_refused() {
    check!().with_type::<Vec<u8>>().with_test_time(TIME).for_each(|bytes| {
        for bytes in [bytes.clone(), [&[1], bytes.as_slice()].concat()] {
            if let Ok(roster) = Roster::parse(&bytes) {
                assert_eq!(roster.to_bytes(), bytes);
            }
        }
        let length = u32::try_from(bytes.len()).expect("short").to_le_bytes();
        let signed = [b"VBT\x01".as_slice(), &length, bytes].concat();
        if let Ok(signed) = Signed::<Checkpoint>::parse(signed.into()) {
            assert!(
                matches!(read_ops(&encode_checkpoint(&signed)), Said::Checkpoint(inner) if inner == *signed.bytes())
            );
        }
    });
}

#[test]
fn any_name_is_judged_and_any_copy_of_it_is_a_name() {
    check!().with_type::<(Vec<u8>, String, u32)>().with_test_time(TIME).for_each(|(name, device, copy)| {
        let Ok(name) = EntryName::parse(name) else { return };
        let stamp = ConflictStamp { device: device.clone(), date: "2026-11-23".to_owned() };
        let copy = conflict_name(&name, &stamp, *copy).expect("there is always room for a mark");
        assert_ne!(copy, name);
        assert!(copy.as_str().contains("(conflit "));
    });
}

/// A link that is let pass never climbs above the root, however it is written.
#[test]
fn no_link_climbs_above_the_root() {
    check!().with_type::<(u8, Vec<u8>)>().with_test_time(TIME).for_each(|(depth, choices)| {
        let folder = TreePath::parse(&"d/".repeat(usize::from(depth % 5))).expect("names");
        let parts: Vec<&str> =
            choices.iter().map(|choice| ["..", "a", ".", "", "b"][usize::from(choice % 5)]).collect();
        let target = parts.join("/");
        if may_link(&folder, target.as_bytes()).is_err() {
            return;
        }
        let mut at = i64::try_from(folder.depth()).expect("few");
        for part in target.split('/') {
            at += match part {
                ".." => -1,
                "" | "." => 0,
                _ => 1,
            };
            assert!(at >= 0, "{target:?} from {folder}");
        }
        assert!(!target.starts_with('/'));
    });
}

/// Whoever makes a link may be hostile to whoever opens it: what is read writes back to the same bytes, and leads nowhere else.
#[test]
fn whatever_a_link_holds_is_sound_or_refused() {
    check!().with_test_time(TIME).for_each(|input: &[u8]| {
        let input = [&[1], input].concat();
        if let Ok(manifest) = Manifest::parse(&input) {
            assert_eq!(manifest.to_bytes(), input);
            let is_inside = |path: &[String]| path.iter().all(|name| EntryName::parse(name.as_bytes()).is_ok());
            assert!(manifest.entries.iter().all(|entry| is_inside(&entry.path) && entry.path[0] == manifest.name));
        }
        if let Ok(head) = Head::parse(&input) {
            assert_eq!(head.to_bytes(), input);
        }
        if let Ok(label) = Label::parse(&input) {
            assert_eq!(label.to_bytes(), input);
        }
        let _ = LinkAddress::parse(&format!("#{}", String::from_utf8_lossy(&input)));
    });
}
