//! The order in which changes enter the log, so that none is void (`formats#15`). Pure but for the trial that it is given.
//!
//! Each change is tried on the log as it will then be; one that another one is in the way of waits for exactly that one. What is
//! left when nobody can move is a knot: entries that want each other's places. One of them steps aside under a name of its own,
//! which is one more `Move`; all changes of a knot stand in one commit, so that nobody ever sees that name.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use vauban_protocol::id::Digest;

use super::decide::Plan;
use crate::log::{EntryId, EntryName, Kind, Op, Tree};
use crate::state::cache::BaseRow;
use crate::sync::standing::{Spot, There};
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
    /// Folders among them that would come to lie within themselves, since others moved what they were moved into.
    pub(crate) cyclic: Vec<EntryId>,
}

impl LogChange {
    /// The creation of a folder, which stands for the one that it `was`.
    #[must_use]
    pub(crate) fn create(row: BaseRow, was: Option<EntryId>, path: TreePath) -> Self {
        let name = row.name.as_str().as_bytes().to_vec();
        let op = Op::Create { entry: row.entry, parent: row.parent, name, kind: Kind::Folder };
        Self { op, knew: None, after: RowAfter::Agreed(Box::new(row), was), path }
    }

    /// A move of what is `there` to `to`, where the disk has it, as `identity` says if it holds what was agreed on.
    #[must_use]
    pub(crate) fn shift(there: &There, to: Spot, identity: Option<Identity>, path: TreePath) -> Self {
        let (entry, parent, name) = (there.child.entry, to.parent, to.name.as_str().as_bytes().to_vec());
        Self {
            op: Op::Move { entry, parent, name },
            knew: Some(Knew { spot: there.spot(), content: None }),
            after: RowAfter::Moved(entry, to, identity),
            path,
        }
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
        // Folders that were not empty may be by now, inner ones first; and what was in a way may have left with another.
        let full = std::mem::take(&mut ordering.full);
        let before = ordering.pending.len();
        let is_full: BTreeSet<_> = full.iter().copied().collect();
        let others: Vec<_> = ordering.pending.keys().copied().filter(|entry| !is_full.contains(entry)).collect();
        for entry in full.into_iter().chain(others) {
            ordering.advance(trial, entry)?;
        }
        if ordering.pending.len() == before && !ordering.untie(trial)? {
            break;
        }
    }
    let Ordering { pending, mut ordered, .. } = ordering;
    ordered.blocked = pending.len() as u64;
    for change in pending.values() {
        if let Op::Move { entry, parent, .. } = change.op
            && is_within(trial, parent, entry)?
        {
            ordered.cyclic.push(entry);
        }
    }
    Ok(ordered)
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
        let moves = self.those(|op| matches!(op, Op::Move { .. }));
        for start in &moves {
            // The one that stepped aside frees the last one's way, that one the way of the one before, and so on.
            let Some(knot) = self.knot(trial, *start)? else { continue };
            let steps: Vec<_> = knot.into_iter().rev().chain([*start]).collect();
            if self.untie_by(trial, &[*start], &steps)? {
                return Ok(true);
            }
        }
        // Where one is not enough, all that wait for each other step aside; or for a folder to go that they are in. A new folder may
        // wait for them, too, and they for it.
        let mut tied = Vec::new();
        for entry in self.those(|op| matches!(op, Op::Move { .. } | Op::Create { .. })) {
            if self.is_tied(trial, entry)? {
                tied.push(entry);
            }
        }
        let aside: Vec<_> = tied.iter().copied().filter(|entry| moves.contains(entry)).collect();
        let arrivals = self.outer_first(&tied);
        let steps: Vec<_> = self.removals().into_iter().chain(arrivals.iter().copied()).collect();
        Ok(!arrivals.is_empty() && self.untie_by(trial, &aside, &steps)?)
    }

    /// The entries whose change is of a kind.
    fn those(&self, is_kind: impl Fn(&Op) -> bool) -> Vec<EntryId> {
        self.pending.values().filter(|change| is_kind(&change.op)).map(|change| change.op.entry()).collect()
    }

    /// Folders to remove that something is still in, inner ones first.
    fn removals(&self) -> Vec<EntryId> {
        let mut left: Vec<_> = self.pending.values().filter(|change| matches!(change.op, Op::Remove { .. })).collect();
        left.sort_by_key(|change| change.rank());
        left.into_iter().map(|change| change.op.entry()).collect()
    }

    /// Lets some step aside, then makes all `steps`; all of that, or nothing.
    fn untie_by<T: Trial>(&mut self, trial: &mut T, aside: &[EntryId], steps: &[EntryId]) -> Result<bool, T::Error> {
        let mut group = Vec::new();
        for entry in aside {
            group.extend(self.step_aside(trial, *entry)?);
        }
        group.extend(steps.iter().filter_map(|entry| self.pending.get(entry)).cloned());
        if !trial.attempt(&group.iter().map(|change| &change.op).collect::<Vec<_>>())? {
            return Ok(false);
        }
        for entry in steps {
            self.pending.remove(entry);
            self.queue.extend(self.waiting.remove(entry).unwrap_or_default());
        }
        self.ordered.groups.push(group);
        Ok(true)
    }

    /// Whether an entry waits only for others that wait, too, or that are to be removed.
    fn is_tied<T: Trial>(&self, trial: &T, entry: EntryId) -> Result<bool, T::Error> {
        let mut chain = Vec::new();
        let mut at = entry;
        while let Some(change) = self.pending.get(&at) {
            if chain.contains(&at) {
                return Ok(true);
            }
            chain.push(at);
            match obstacle(trial, &change.op, &self.pending)? {
                Obstacle::Entry(next) => at = next,
                Obstacle::Content => return Ok(true),
                Obstacle::Lasting => return Ok(false),
            }
        }
        Ok(false)
    }

    /// What moves or is created, in an order in which each goes into a folder that is where it will be; none if there is no such order.
    fn outer_first(&self, arrivals: &[EntryId]) -> Vec<EntryId> {
        let target = |entry: &EntryId| match self.pending.get(entry).map(|change| &change.op) {
            Some(Op::Move { parent, .. } | Op::Create { parent, .. }) => Some(*parent),
            _ => None,
        };
        let mut left = arrivals.to_vec();
        let mut ordered = Vec::new();
        while !left.is_empty() {
            let (later, now): (Vec<_>, Vec<_>) =
                left.iter().partition(|entry| target(entry).is_some_and(|parent| left.contains(&parent)));
            if now.is_empty() {
                return Vec::new();
            }
            ordered.extend(now);
            left = later;
        }
        ordered
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
        // A folder goes to the root, since what it makes way for may want to come to lie within it; and so does whatever lies in
        // one that is to go.
        let is_in_removed = self.pending.get(&place.parent).is_some_and(|c| matches!(c.op, Op::Remove { .. }));
        let parent = if place.kind == Kind::Folder || is_in_removed { EntryId::ROOT } else { place.parent };
        Ok(Some(LogChange { op: Op::Move { entry, parent, name }, knew, after: RowAfter::Nothing, path }))
    }
}

fn is_within<T: Trial>(trial: &T, inner: EntryId, outer: EntryId) -> Result<bool, T::Error> {
    let mut at = Some(inner);
    while at.is_some_and(|at| at != outer) {
        at = at.map_or(Ok(None), |at| trial.place(at))?.map(|place| place.parent);
    }
    Ok(at.is_some())
}

/// What keeps `op` from being applied.
fn obstacle<T: Trial>(trial: &T, op: &Op, pending: &BTreeMap<EntryId, LogChange>) -> Result<Obstacle, T::Error> {
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
mod tests;
