//! Rules first: what a plan does before it does anything else.
//!
//! Whoever changed a `.vaubanignore` meant it for what came after. So a plan that brings or takes rules here does that alone,
//! outer folders first, and everything is looked at again.

use std::collections::BTreeSet;

use super::Plan;
use crate::tree::{TreePath, is_ignore_file};

impl Plan {
    /// The part of this plan that must be carried out, and looked at, before any other; `None` if all of it may be.
    #[must_use]
    pub(crate) fn rules_first(&self) -> Option<Self> {
        let changed = self.ruled_anew();
        let is_outermost = |path: &TreePath| {
            let folder = folder_of(path);
            let mut outer = changed.iter().filter(|outer| **outer != folder);
            is_rules(path) && !outer.any(|outer| folder.below(outer).is_some())
        };
        let mut first = Self { held: self.held, unchanged: self.unchanged, left: self.left, ..Self::default() };
        first.downloads = self.downloads.iter().filter(|download| is_outermost(&download.path)).cloned().collect();
        first.trashings = self.trashings.iter().filter(|trashing| is_outermost(&trashing.path)).cloned().collect();
        first.shifts = self
            .shifts
            .iter()
            .filter(|shift| is_outermost(&shift.from_path) || is_outermost(&shift.to_path))
            .cloned()
            .collect();
        let wanted: BTreeSet<TreePath> = first.ruled_anew();
        let is_way = |path: &TreePath| wanted.iter().any(|folder| folder.below(path).is_some());
        first.folders_there = self.folders_there.iter().filter(|folder| is_way(&folder.path)).cloned().collect();
        first.sightings.clone_from(&self.sightings);
        (!changed.is_empty()).then_some(first)
    }

    /// Folders whose rules it changes here.
    pub(crate) fn ruled_anew(&self) -> BTreeSet<TreePath> {
        let landed = self.downloads.iter().map(|download| &download.path);
        let gone = self.trashings.iter().map(|trashing| &trashing.path);
        let moved = self.shifts.iter().flat_map(|shift| [&shift.from_path, &shift.to_path]);
        landed.chain(gone).chain(moved).filter(|path| is_rules(path)).map(folder_of).collect()
    }
}

fn is_rules(path: &TreePath) -> bool {
    path.split_last().is_some_and(|(_, name)| is_ignore_file(name))
}

fn folder_of(path: &TreePath) -> TreePath {
    path.split_last().map_or_else(TreePath::root, |(folder, _)| folder)
}
