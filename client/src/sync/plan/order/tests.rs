use proptest::prelude::{Just, Strategy, prop, proptest};

use super::*;
use crate::log::{Effect, MapTree, apply};

impl Trial for MapTree {
    fn attempt(&mut self, ops: &[&Op]) -> Result<bool, Self::Error> {
        let mut tried = self.clone();
        for op in ops {
            if apply(&mut tried, op)? != Effect::Applied {
                return Ok(false);
            }
        }
        *self = tried;
        Ok(true)
    }
}

fn id(n: u8) -> EntryId {
    EntryId([n; 16])
}

/// In these trees, what has a larger number lies no less deep.
fn change(op: Op) -> LogChange {
    let path = TreePath::parse(&"d/".repeat(usize::from(op.entry().0[0]))).unwrap();
    LogChange { op, knew: None, after: RowAfter::Nothing, path }
}

fn folder(n: u8, parent: u8, name: &str) -> Op {
    Op::Create { entry: id(n), parent: id(parent), name: name.into(), kind: Kind::Folder }
}

fn shift(n: u8, parent: u8, name: &str) -> Op {
    Op::Move { entry: id(n), parent: id(parent), name: name.into() }
}

fn remove(n: u8) -> Op {
    Op::Remove { entry: id(n) }
}

fn tree(ops: &[Op]) -> MapTree {
    let mut tree = MapTree::default();
    assert!(tree.attempt(&ops.iter().collect::<Vec<_>>()).unwrap());
    tree
}

/// Orders, applies the groups to the tree as it was, and gives where everything ends.
fn carried_out(before: &[Op], changes: &[Op]) -> (Vec<(u8, u8, String)>, Ordered) {
    let mut sorted: Vec<_> = changes.iter().cloned().map(change).collect();
    sorted.sort_by_key(LogChange::rank);
    let ordered = order(&mut tree(before), sorted).unwrap();
    let mut after = tree(before);
    for group in &ordered.groups {
        let ops: Vec<_> = group.iter().map(|change| &change.op).collect();
        assert!(after.attempt(&ops).unwrap(), "void: {ops:?}");
    }
    let places = after.entries().map(|(e, place)| (e.0[0], place.parent.0[0], place.name.to_string())).collect();
    (places, ordered)
}

fn at(n: u8, parent: u8, name: &str) -> (u8, u8, String) {
    (n, parent, name.to_owned())
}

#[test]
fn a_freed_name_is_taken_after_it_is_free() {
    let before = [folder(1, 0, "a"), folder(2, 0, "b"), folder(3, 0, "c")];
    let (places, ordered) = carried_out(&before, &[shift(1, 0, "b"), shift(2, 0, "c"), remove(3)]);
    assert_eq!(places, [at(1, 0, "b"), at(2, 0, "c")]);
    assert_eq!((ordered.groups.len(), ordered.blocked), (3, 0), "nobody had to step aside");
}

#[test]
fn a_swap_is_one_group() {
    let before = [folder(1, 0, "a"), folder(2, 0, "b"), folder(3, 0, "c")];
    let (places, ordered) = carried_out(&before, &[shift(1, 0, "b"), shift(2, 0, "a")]);
    assert_eq!(places, [at(1, 0, "b"), at(2, 0, "a"), at(3, 0, "c")]);
    assert_eq!(ordered.groups.iter().map(Vec::len).collect::<Vec<_>>(), [3]);
    let (places, _) = carried_out(&before, &[shift(1, 0, "b"), shift(2, 0, "c"), shift(3, 0, "a")]);
    assert_eq!(places, [at(1, 0, "b"), at(2, 0, "c"), at(3, 0, "a")]);
}

#[test]
fn outer_and_inner_trade_places() {
    let before = [folder(1, 0, "p"), folder(2, 1, "p")];
    let (places, ordered) = carried_out(&before, &[shift(2, 0, "p"), shift(1, 2, "p")]);
    assert_eq!((places, ordered.blocked), (vec![at(1, 2, "p"), at(2, 0, "p")], 0));
}

#[test]
fn a_folder_goes_for_what_was_in_it() {
    let before = [folder(1, 0, "a"), folder(2, 1, "b"), folder(3, 2, "c")];
    let (places, _) = carried_out(&before, &[remove(1), remove(2), shift(3, 0, "a")]);
    assert_eq!(places, [at(3, 0, "a")]);
}

#[test]
fn a_folder_goes_for_a_file_that_was_in_it() {
    let file = Op::Create { entry: id(2), parent: id(1), name: "b".into(), kind: Kind::File };
    let before = [folder(1, 0, "a"), file];
    let (places, _) = carried_out(&before, &[remove(1), shift(2, 0, "a")]);
    assert_eq!(places, [at(2, 0, "a")]);
}

/// A file and a folder have exchanged names, and the folder is a new one by now, with what was in the old one.
#[test]
fn a_new_folder_takes_the_name_of_what_takes_its_own() {
    let file = Op::Create { entry: id(1), parent: id(0), name: "a".into(), kind: Kind::File };
    let before = [file, folder(2, 0, "c"), folder(3, 2, "b")];
    let (places, ordered) = carried_out(&before, &[folder(4, 0, "a"), shift(1, 0, "c"), shift(3, 4, "b"), remove(2)]);
    assert_eq!((places, ordered.blocked), (vec![at(1, 0, "c"), at(3, 4, "b"), at(4, 0, "a")], 0));
}

#[test]
fn what_cannot_be_is_left_and_the_rest_goes_on() {
    let before = [folder(1, 0, "a"), folder(2, 1, "b"), folder(3, 0, "c")];
    let (places, ordered) = carried_out(&before, &[remove(1), shift(3, 0, "a"), folder(4, 3, "d")]);
    assert_eq!(places, [at(1, 0, "a"), at(2, 1, "b"), at(3, 0, "c"), at(4, 3, "d")]);
    assert_eq!(ordered.blocked, 2);
}

#[test]
fn what_would_lie_within_itself_is_named() {
    let before = [folder(1, 0, "a"), folder(2, 1, "b"), folder(3, 0, "c")];
    let (places, ordered) = carried_out(&before, &[shift(1, 2, "a"), shift(3, 0, "d")]);
    assert_eq!(places, [at(1, 0, "a"), at(2, 1, "b"), at(3, 0, "d")]);
    assert_eq!((ordered.blocked, ordered.cyclic), (1, vec![id(1)]));
}

/// A tree of six folders, by the parents of each; an entry only ever lies in one with a smaller number.
fn any_shape() -> impl Strategy<Value = Vec<u8>> {
    let parents = (1u8..7).map(|n| (0..n).boxed()).collect::<Vec<_>>();
    (parents, Just(())).prop_map(|(parents, ())| parents)
}

fn shape(order: &[u8], parents: &[u8]) -> Vec<(u8, u8, String)> {
    // Numbers are dealt out by `order`; each name is that of the place in the shape, so that names are shared.
    let number = |index: u8| if index == 0 { 0 } else { order[usize::from(index) - 1] };
    (1u8..7).map(|n| at(number(n), number(parents[usize::from(n) - 1]), ["a", "b"][usize::from(n % 2)])).collect()
}

proptest! {
    /// Whatever tree is made from the same entries, or new ones in place of some, it is reached, unless two want one name.
    #[test]
    fn any_shape_is_reached_from_any_other(
        (one, other) in (any_shape(), any_shape()),
        dealt in Just((1u8..7).collect::<Vec<_>>()).prop_shuffle(),
        renewed in prop::collection::vec(prop::bool::weighted(0.2), 6),
    ) {
        // A new one has a number of its own, and the one in whose place it is goes.
        let dealt: Vec<u8> = dealt.iter().zip(&renewed).map(|(n, is_new)| if *is_new { n + 6 } else { *n }).collect();
        let unique = |shape: &[(u8, u8, String)]| {
            let mut names: Vec<_> = shape.iter().map(|(_, parent, name)| (*parent, name.clone())).collect();
            names.sort();
            names.windows(2).all(|pair| pair[0] != pair[1])
        };
        let (from, to) = (shape(&[1, 2, 3, 4, 5, 6], &one), shape(&dealt, &other));
        if unique(&from) && unique(&to) {
            let before: Vec<_> = from.iter().map(|(n, parent, name)| folder(*n, *parent, name)).collect();
            let arrivals = to.iter().filter(|place| !from.contains(place)).map(|(n, parent, name)| {
                if *n > 6 { folder(*n, *parent, name) } else { shift(*n, *parent, name) }
            });
            let removals = (1u8..7).filter(|n| !dealt.contains(n)).map(remove);
            let changes: Vec<_> = arrivals.chain(removals).collect();
            let (mut places, ordered) = carried_out(&before, &changes);
            let mut wanted = to;
            places.sort();
            wanted.sort();
            assert_eq!((places, ordered.blocked), (wanted, 0), "{before:?} {changes:?}");
        }
    }

    #[test]
    fn nothing_is_ever_void(changes in prop::collection::vec((1u8..6, 0u8..6, 0u8..3, 0u8..3), 0..6)) {
        let before = [folder(1, 0, "a"), folder(2, 1, "a"), folder(3, 0, "b"), folder(4, 3, "a"), folder(5, 4, "b")];
        let mut ops = std::collections::BTreeMap::new();
        for (n, parent, name, what) in changes {
            let name = ["a", "b", "c"][usize::from(name)];
            ops.insert(n, if what == 0 { remove(n) } else { shift(n, parent, name) });
        }
        carried_out(&before, &ops.into_values().collect::<Vec<_>>());
    }
}
