use proptest::prelude::{Just, Strategy, any, prop, prop_oneof, proptest};
use vauban_protocol::id::Digest;
use vauban_protocol::time::Timestamp;

use super::*;
use crate::log::map_tree::MapTree;
use crate::log::op::{Changes, decode_ops, encode_ops};
use crate::log::version::ChunkList;

fn id(n: u8) -> EntryId {
    EntryId([n; 16])
}

fn version(bytes: u64) -> Version {
    Version {
        content: Digest([7; 32]),
        bytes,
        mtime_ns: 0,
        executable: false,
        cutter_epoch: 1,
        chunks: ChunkList::Inline(Vec::new()),
    }
}

fn create(n: u8, parent: u8, name: &str, kind: Kind) -> Op {
    Op::Create { entry: id(n), parent: id(parent), name: name.as_bytes().to_vec(), kind }
}

fn rename(n: u8, parent: u8, name: &str) -> Op {
    Op::Move { entry: id(n), parent: id(parent), name: name.as_bytes().to_vec() }
}

fn fold(ops: &[Op]) -> (MapTree, Vec<Effect>) {
    let mut tree = MapTree::default();
    let effects = ops.iter().map(|op| apply(&mut tree, op).unwrap()).collect();
    (tree, effects)
}

/// The effect of the last op, all others having applied.
fn last(ops: &[Op]) -> Effect {
    let (_, effects) = fold(ops);
    let (last, before) = effects.split_last().unwrap();
    assert!(before.iter().all(|effect| *effect == Effect::Applied), "{before:?}");
    *last
}

#[test]
fn an_honest_story_applies() {
    let (tree, effects) = fold(&[
        create(1, 0, "folder", Kind::Folder),
        create(2, 1, "file", Kind::File),
        Op::Write { entry: id(2), version: version(0) },
        rename(2, 0, "moved"),
        Op::Remove { entry: id(1) },
    ]);
    assert!(effects.iter().all(|effect| *effect == Effect::Applied));
    assert_eq!(tree.entries().count(), 1);
    assert_eq!(tree.version(id(2)), Some(&version(0)), "a move keeps the content");
}

#[test]
fn each_void_by_its_name() {
    let folder = || create(1, 0, "d", Kind::Folder);
    let file = || create(2, 0, "f", Kind::File);
    let cases = [
        (vec![Op::Write { entry: id(9), version: version(0) }], Void::Entry),
        (vec![rename(9, 0, "x")], Void::Entry),
        (vec![Op::Remove { entry: EntryId::ROOT }], Void::Entry),
        (vec![rename(0, 0, "x")], Void::Entry),
        (vec![create(0, 0, "x", Kind::File)], Void::Exists),
        (vec![file(), create(2, 0, "g", Kind::File)], Void::Exists),
        (vec![create(2, 9, "f", Kind::File)], Void::Parent),
        (vec![create(2, 0, "..", Kind::File)], Void::Name),
        (vec![create(2, 0, "a/b", Kind::File)], Void::Name),
        (vec![file(), create(3, 0, "f", Kind::Folder)], Void::Taken),
        (vec![file(), folder(), rename(2, 0, "d")], Void::Taken),
        (vec![folder(), rename(1, 1, "d")], Void::Cycle),
        (vec![folder(), create(3, 1, "e", Kind::Folder), rename(1, 3, "d")], Void::Cycle),
        (vec![folder(), Op::Write { entry: id(1), version: version(0) }], Void::Kind),
        (vec![file(), create(3, 2, "x", Kind::File)], Void::Kind),
        (vec![folder(), create(3, 1, "x", Kind::File), Op::Remove { entry: id(1) }], Void::NotEmpty),
        (vec![file(), Op::Write { entry: id(2), version: version(1) }], Void::Version),
    ];
    for (ops, void) in cases {
        assert_eq!(last(&ops), Effect::Void(void), "{ops:?}");
    }
}

#[test]
fn a_name_may_be_taken_again_once_free() {
    assert_eq!(last(&[create(1, 0, "f", Kind::File), rename(1, 0, "f")]), Effect::Applied);
    let remove = Op::Remove { entry: id(1) };
    assert_eq!(last(&[create(1, 0, "f", Kind::File), remove, create(2, 0, "f", Kind::File)]), Effect::Applied);
}

fn any_op() -> impl Strategy<Value = Op> {
    let entry = || (0u8..6).prop_map(id);
    let name = || prop_oneof![Just(b"a".to_vec()), Just(b"b".to_vec()), Just(b"..".to_vec())];
    let kind = prop_oneof![Just(Kind::File), Just(Kind::Folder), Just(Kind::Symlink)];
    prop_oneof![
        4 => (entry(), entry(), name(), kind)
            .prop_map(|(entry, parent, name, kind)| Op::Create { entry, parent, name, kind }),
        2 => (entry(), 0u64..2).prop_map(|(entry, bytes)| Op::Write { entry, version: version(bytes) }),
        3 => (entry(), entry(), name()).prop_map(|(entry, parent, name)| Op::Move { entry, parent, name }),
        1 => entry().prop_map(|entry| Op::Remove { entry }),
    ]
}

/// Every entry reaches the root, within a folder each, and no two siblings share a name.
fn is_sound(tree: &MapTree) -> bool {
    let mut names = std::collections::BTreeSet::new();
    tree.entries().all(|(entry, place)| {
        let parent_is_folder = place.parent == EntryId::ROOT
            || tree.place(place.parent).unwrap().is_some_and(|parent| parent.kind == Kind::Folder);
        names.insert((place.parent, place.name.clone()))
            && parent_is_folder
            && is_within(tree, entry, EntryId::ROOT).unwrap()
            && tree.child(place.parent, &place.name).unwrap() == Some(entry)
    })
}

/// A version of [`is_within`] that would not end on a cycle must not be used to look for one.
fn depth_is_bounded(tree: &MapTree) -> bool {
    tree.entries().all(|(entry, _)| {
        let mut at = entry;
        (0..=tree.entries().count()).any(|_| match tree.place(at).unwrap() {
            Some(place) => {
                at = place.parent;
                false
            }
            None => at == EntryId::ROOT,
        })
    })
}

proptest! {
    #[test]
    fn the_fold_is_total_and_sound(ops in prop::collection::vec(any_op(), 0..60)) {
        let (tree, _) = fold(&ops);
        assert!(depth_is_bounded(&tree), "a cycle");
        assert!(is_sound(&tree));
    }

    #[test]
    fn the_fold_is_deterministic_and_void_ops_do_nothing(ops in prop::collection::vec(any_op(), 0..60)) {
        let (tree, effects) = fold(&ops);
        assert_eq!(fold(&ops), (tree.clone(), effects.clone()));
        let applied: Vec<_> = ops
            .iter()
            .zip(&effects)
            .filter(|(_, effect)| **effect == Effect::Applied)
            .map(|(op, _)| op.clone())
            .collect();
        assert_eq!(fold(&applied).0, tree);
    }

    #[test]
    fn ops_round_trip(ops in prop::collection::vec(any_op(), 0..20)) {
        assert_eq!(decode_ops(&encode_ops(Timestamp(1), &ops)).unwrap().ops, ops);
    }

    #[test]
    fn any_bytes_decode_or_are_refused(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        if let Ok(Changes { made_at, ops }) = decode_ops(&bytes) {
            assert_eq!(encode_ops(made_at, &ops), bytes);
            fold(&ops);
        }
    }
}
