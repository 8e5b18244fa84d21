//! The order in which changes enter the log, so that none is void (`formats#15`). Pure but for the trial that it is given.
//!
//! Each change is tried on the log as it will then be; one that another one is in the way of waits for exactly that one. What is
//! left when nobody can move is a knot: entries that want each other's places. One of them steps aside under a name of its own,
//! which is one more `Move`; all changes of a knot stand in one commit, so that nobody ever sees that name.

use std::collections::{BTreeMap, VecDeque};

use vauban_protocol::id::Digest;

use super::decide::Plan;
use crate::log::{EntryId, EntryName, Kind, Op, Tree};
use crate::state::cache::BaseRow;
use crate::sync::standing::Spot;
use crate::tree::{Identity, TreePath};

/// What the name of an entry that steps aside begins with.
const ASIDE: &str = ".vauban-move-";

/// A change of the log, and what is agreed once it stands there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct LogChange {
    /// The change.
    pub(crate) op: Op,
    /// What it was made knowing; the change is not made where the log has something else.
    pub(crate) knew: Option<Knew>,
    /// What is agreed then.
    pub(crate) after: RowAfter,
    /// Where, for people.
    pub(crate) path: TreePath,
}

/// What a change was made knowing of its entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Knew {
    /// Where it stood.
    pub(crate) spot: Spot,
    /// What it held, where that matters.
    pub(crate) content: Option<Option<Digest>>,
}

/// What is agreed once a change stands in the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum RowAfter {
    /// All of an entry, and the one that it was before, if that is no more.
    Agreed(Box<BaseRow>, Option<EntryId>),
    /// An entry has this place, and is shown so by the disk if that holds what was agreed on.
    Moved(EntryId, Spot, Option<Identity>),
    /// The entry is no more.
    Forgotten(EntryId),
    /// Nothing: the entry only stepped aside.
    Nothing,
}

/// A tree on which changes are tried.
pub(crate) trait Trial: Tree {
    /// Applies all of `ops`, or none if one of them would be void; says which.
    ///
    /// # Errors
    /// The tree's own.
    fn attempt(&mut self, ops: &[&Op]) -> Result<bool, Self::Error>;
}

/// Changes in an order in which none is void.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Ordered {
    /// What belongs into one commit each, in order.
    pub(crate) groups: Vec<Vec<LogChange>>,
    /// Changes that cannot be made now.
    pub(crate) blocked: u64,
}

impl LogChange {
    /// The creation of a folder, which stands for the one that it `was`.
    #[must_use]
    pub(crate) fn create(row: BaseRow, was: Option<EntryId>, path: TreePath) -> Self {
        let name = row.name.as_str().as_bytes().to_vec();
        let op = Op::Create { entry: row.entry, parent: row.parent, name, kind: Kind::Folder };
        Self { op, knew: None, after: RowAfter::Agreed(Box::new(row), was), path }
    }

    /// Sorts creations before moves before removals; outer folders are created first, inner ones removed first.
    #[must_use]
    pub(crate) fn rank(&self) -> (u8, usize) {
        match self.op {
            Op::Create { .. } => (0, self.path.depth()),
            Op::Move { .. } | Op::Write { .. } => (1, self.path.depth()),
            Op::Remove { .. } => (2, usize::MAX.saturating_sub(self.path.depth())),
        }
    }
}

impl Plan {
    /// Whether the changes of the log can be made in the order in which they stand: outer folders, and nothing else.
    #[must_use]
    pub(crate) fn only_creates(&self) -> bool {
        self.log_changes.iter().all(|change| matches!(change.op, Op::Create { .. }))
    }
}

/// Orders `changes`, which stand as [`LogChange::rank`] says.
///
/// # Errors
/// The trial's own.
pub(crate) fn order<T: Trial>(trial: &mut T, changes: Vec<LogChange>) -> Result<Ordered, T::Error> {
    let mut ordering = Ordering {
        queue: changes.iter().map(|change| change.op.entry()).collect(),
        pending: changes.into_iter().map(|change| (change.op.entry(), change)).collect(),
        waiting: BTreeMap::new(),
        full: Vec::new(),
        ordered: Ordered::default(),
    };
    loop {
        while let Some(entry) = ordering.queue.pop_front() {
            ordering.advance(trial, entry)?;
        }
        // Folders that were not empty may be by now, inner ones first.
        let full = std::mem::take(&mut ordering.full);
        let before = ordering.pending.len();
        for entry in full {
            ordering.advance(trial, entry)?;
        }
        if ordering.pending.len() == before && !ordering.untie(trial)? {
            break;
        }
    }
    ordering.ordered.blocked = ordering.pending.len() as u64;
    Ok(ordering.ordered)
}

struct Ordering {
    queue: VecDeque<EntryId>,
    pending: BTreeMap<EntryId, LogChange>,
    /// Who waits for whom to go away.
    waiting: BTreeMap<EntryId, Vec<EntryId>>,
    /// Folders to remove that were not empty when last tried.
    full: Vec<EntryId>,
    ordered: Ordered,
}

/// Who is in the way of a change.
enum Obstacle {
    Entry(EntryId),
    Content,
    /// Nothing that will go away.
    Lasting,
}

impl Ordering {
    fn advance<T: Trial>(&mut self, trial: &mut T, entry: EntryId) -> Result<(), T::Error> {
        let Some(change) = self.pending.get(&entry) else { return Ok(()) };
        if trial.attempt(&[&change.op])? {
            if let Some(change) = self.pending.remove(&entry) {
                self.ordered.groups.push(vec![change]);
            }
            self.queue.extend(self.waiting.remove(&entry).unwrap_or_default());
            return Ok(());
        }
        match obstacle(trial, &change.op, &self.pending)? {
            Obstacle::Entry(other) => self.waiting.entry(other).or_default().push(entry),
            Obstacle::Content => self.full.push(entry),
            Obstacle::Lasting => {}
        }
        Ok(())
    }

    /// Looks for a knot, and unties it; says whether there was one.
    fn untie<T: Trial>(&mut self, trial: &mut T) -> Result<bool, T::Error> {
        let moves: Vec<EntryId> =
            self.pending.values().filter(|change| matches!(change.op, Op::Move { .. })).map(|c| c.op.entry()).collect();
        for start in moves {
            let Some(knot) = self.knot(trial, start)? else { continue };
            let Some(aside) = self.step_aside(trial, start)? else { continue };
            // The one that stepped aside freed the last one's way, that one the way of the one before, and so on.
            let steps: Vec<&LogChange> =
                knot.iter().rev().chain([&start]).filter_map(|entry| self.pending.get(entry)).collect();
            let ops: Vec<&Op> = std::iter::once(&aside.op).chain(steps.iter().map(|change| &change.op)).collect();
            if !trial.attempt(&ops)? {
                continue;
            }
            let mut group = vec![aside];
            for entry in knot.into_iter().rev().chain([start]) {
                group.extend(self.pending.remove(&entry));
                self.queue.extend(self.waiting.remove(&entry).unwrap_or_default());
            }
            self.ordered.groups.push(group);
            return Ok(true);
        }
        Ok(false)
    }

    /// Those that `start` waits for, in order, if the last of them waits for `start`.
    fn knot<T: Trial>(&self, trial: &T, start: EntryId) -> Result<Option<Vec<EntryId>>, T::Error> {
        let mut chain = Vec::new();
        let mut at = start;
        while let Some(change) = self.pending.get(&at) {
            match obstacle(trial, &change.op, &self.pending)? {
                Obstacle::Entry(next) if next == start => return Ok(Some(chain)),
                // A knot further on is found from there.
                Obstacle::Entry(next) if !chain.contains(&next) => {
                    chain.push(next);
                    at = next;
                }
                _ => break,
            }
        }
        Ok(None)
    }

    /// Gives `entry` a name of its own.
    fn step_aside<T: Trial>(&self, trial: &T, entry: EntryId) -> Result<Option<LogChange>, T::Error> {
        let Some(place) = trial.place(entry)? else { return Ok(None) };
        let name = format!("{ASIDE}{}", data_encoding::HEXLOWER.encode(&entry.0)).into_bytes();
        let knew = self.pending.get(&entry).and_then(|change| change.knew.clone());
        let path = self.pending.get(&entry).map(|change| change.path.clone()).unwrap_or_default();
        // A folder goes to the root, since what it makes way for may want to come to lie within it.
        let parent = if place.kind == Kind::Folder { EntryId::ROOT } else { place.parent };
        Ok(Some(LogChange { op: Op::Move { entry, parent, name }, knew, after: RowAfter::Nothing, path }))
    }
}

/// What keeps `op` from being applied.
fn obstacle<T: Trial>(
    trial: &T,
    op: &Op,
    pending: &BTreeMap<EntryId, LogChange>,
) -> Result<Obstacle, T::Error> {
    let (entry, parent, name) = match op {
        Op::Create { entry, parent, name, .. } | Op::Move { entry, parent, name } => (*entry, *parent, name),
        Op::Remove { .. } => return Ok(Obstacle::Content),
        Op::Write { .. } => return Ok(Obstacle::Lasting),
    };
    if pending.get(&parent).is_some_and(|change| matches!(change.op, Op::Create { .. })) {
        return Ok(Obstacle::Entry(parent));
    }
    // A folder cannot move into itself: whatever leads back to it must leave first.
    let mut at = parent;
    let mut leaving = None;
    while let Some(place) = trial.place(at)? {
        if pending.contains_key(&at) {
            leaving = leaving.or(Some(at));
        }
        at = place.parent;
        if at == entry {
            return Ok(leaving.map_or(Obstacle::Lasting, Obstacle::Entry));
        }
    }
    let Ok(name) = EntryName::parse(name) else {
        return Ok(Obstacle::Lasting);
    };
    Ok(match trial.child(parent, &name)? {
        Some(other) if other != entry && pending.contains_key(&other) => Obstacle::Entry(other),
        _ => Obstacle::Lasting,
    })
}

#[cfg(test)]
mod tests {
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

    fn change(op: Op) -> LogChange {
        LogChange { op, knew: None, after: RowAfter::Nothing, path: TreePath::root() }
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
    fn a_folder_goes_after_what_was_in_it() {
        let before = [folder(1, 0, "a"), folder(2, 1, "b"), folder(3, 2, "c")];
        let (places, _) = carried_out(&before, &[remove(1), remove(2), shift(3, 0, "a")]);
        assert_eq!(places, [at(3, 0, "a")]);
    }

    #[test]
    fn what_cannot_be_is_left_and_the_rest_goes_on() {
        let before = [folder(1, 0, "a"), folder(2, 1, "b"), folder(3, 0, "c")];
        let (places, ordered) = carried_out(&before, &[remove(1), shift(3, 0, "a"), folder(4, 3, "d")]);
        assert_eq!(places, [at(1, 0, "a"), at(2, 1, "b"), at(3, 0, "c"), at(4, 3, "d")]);
        assert_eq!(ordered.blocked, 2);
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
        /// Whatever tree is made from the same entries, it is reached, unless two want one name.
        #[test]
        fn any_shape_is_reached_from_any_other(
            (one, other) in (any_shape(), any_shape()),
            dealt in Just((1u8..7).collect::<Vec<_>>()).prop_shuffle(),
        ) {
            let unique = |shape: &[(u8, u8, String)]| {
                let mut names: Vec<_> = shape.iter().map(|(_, parent, name)| (*parent, name.clone())).collect();
                names.sort();
                names.windows(2).all(|pair| pair[0] != pair[1])
            };
            let (from, to) = (shape(&[1, 2, 3, 4, 5, 6], &one), shape(&dealt, &other));
            if unique(&from) && unique(&to) {
                let before: Vec<_> = from.iter().map(|(n, parent, name)| folder(*n, *parent, name)).collect();
                let changes: Vec<_> = to
                    .iter()
                    .filter(|place| !from.contains(place))
                    .map(|(n, parent, name)| shift(*n, *parent, name))
                    .collect();
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
}
