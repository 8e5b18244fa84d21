//! Looking at a part alone: the folders that are named, because something changed in them or because more would be too much at
//! once, and whatever they touch.
//!
//! ```text
//! folders named ─► looked at ─► what differs ─► its other places: where it was agreed on, where the log has it ─┐
//!                      ▲                    └─► what is missing: wherever the disk has its number ──────────────┤
//!                      └────────────────────────────────────────────────────────────────────────────────────────┘
//! ```
//! It ends when nothing new is named. Invariants: nothing counts as gone before the whole disk was searched for its number
//! (situation U); every place of whatever differs was looked at, so that the planner has all of its neighbourhood; a folder that is
//! not where, or not what, was agreed on is looked at with all below it. What is then left out is as it was on all three
//! sides, or will be told: the result is what a look at everything would find, of what changed.

use std::collections::{BTreeMap, BTreeSet};

use super::folder::is_same;
use super::{Surveyor, Visit};
use crate::content::Nodes;
use crate::limit::DEPTH_MAX;
use crate::log::{EntryId, EntryName};
use crate::state::cache::BaseRow;
use crate::sync::SyncError;
use crate::sync::matching::may_be_moved;
use crate::sync::selection::Part;
use crate::sync::standing::Here;
use crate::tree::{Folder, Identity, LocalKind, TreePath};

/// How far it has come.
#[derive(Debug, Default)]
pub(super) struct Reach {
    /// Folders of the disk that were looked at.
    looked: BTreeSet<TreePath>,
    /// Where they were then, by their disk and number.
    looked_at: BTreeMap<(u64, u64), TreePath>,
    /// Folders that were named by their entry.
    named: BTreeSet<EntryId>,
    /// Folders on the way whose rules are known.
    ruled: BTreeSet<TreePath>,
    /// What differs, and has had its other places named.
    placed: BTreeSet<EntryId>,
    /// What is missing, and was searched for.
    sought: BTreeSet<EntryId>,
    /// Numbers of what is missing, with the folders of the disk that hold them.
    found: Vec<(u64, TreePath)>,
}

/// How much of a folder is named.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Depth {
    /// What is in it.
    Alone,
    /// All below it, too.
    Below,
}

impl<N: Nodes> Surveyor<'_, N> {
    /// Looks at folders of the disk, alone and with all `below` them, at folders of either tree, and at what they touch.
    pub(super) fn look_at_changed(
        &mut self,
        here: &BTreeSet<TreePath>,
        below: &BTreeMap<TreePath, EntryId>,
        there: &BTreeSet<EntryId>,
    ) -> Result<(), SyncError> {
        there.iter().try_for_each(|folder| self.name_folder(*folder))?;
        here.iter().try_for_each(|path| self.name_path(path, Depth::Alone))?;
        // What is named last is looked at first: a folder that was looked at alone would not be looked at again.
        for (path, entry) in below.iter().rev() {
            self.name_path(path, Depth::Below)?;
            if let Some(path) = self.base_path(*entry)? {
                self.name_path(&path, Depth::Below)?;
            }
        }
        self.reach_around()
    }

    /// Looks at what is named, and at what that touches, until nothing new is.
    pub(super) fn reach_around(&mut self) -> Result<(), SyncError> {
        loop {
            self.visit_all()?;
            self.miss_all_within()?;
            self.name_other_places()?;
            if self.visits.is_empty() {
                self.seek_what_is_missing()?;
            }
            if self.visits.is_empty() {
                self.learn_all_within()?;
                self.name_other_places()?;
            }
            if self.visits.is_empty() && self.missed.is_empty() {
                return Ok(());
            }
        }
    }

    /// Whether a folder is yet to be looked at. One that is looked at twice would have everything new in it twice.
    pub(super) fn is_first_look(&mut self, path: &TreePath) -> bool {
        self.reach.looked.insert(path.clone())
    }

    /// Whether the folder that is now at `path` was looked at where it stood before, and has been moved since. What is mounted twice
    /// stands at both places.
    pub(super) fn has_moved_since(&mut self, path: &TreePath, itself: &Identity) -> bool {
        let is_it = |identity: Identity| (identity.device, identity.inode) == (itself.device, itself.inode);
        match self.reach.looked_at.insert((itself.device, itself.inode), path.clone()) {
            Some(before) => !self.root.open(&before).and_then(|folder| folder.identity()).is_ok_and(is_it),
            None => false,
        }
    }

    /// Names the folder at `path`; or the one around it in which the way there is not what was agreed on.
    fn name_path(&mut self, path: &TreePath, depth: Depth) -> Result<(), SyncError> {
        let (mut folder, mut entry, mut inode) = (self.root.open(&TreePath::root())?, EntryId::ROOT, None);
        let mut part = self.selected.root();
        for name in path.names() {
            // What leads through what takes no part is for whoever looks at the folder that it is in.
            if !self.knows_rules(&folder) || self.ignores.within(folder.path()).rule(name, true).is_some() {
                break;
            }
            let Some((next, base)) = self.unchanged_folder(&folder, entry, name)? else { break };
            let part_there = self.selected.below(part, Some(base.entry));
            if part_there == Part::Apart {
                break;
            }
            (folder, entry, inode, part) = (next, base.entry, Some(base.identity.inode), part_there);
        }
        let is_deep = depth == Depth::Below && folder.path() == path;
        self.visits.push(Visit { path: folder.path().clone(), inode, entry, is_there: true, is_deep, part });
        Ok(())
    }

    /// Takes in the rules of a folder on the way, once; whether they can be had.
    fn knows_rules(&mut self, folder: &Folder) -> bool {
        if self.reach.ruled.contains(folder.path()) {
            return true;
        }
        let entered = folder.outline().and_then(|outline| self.ignores.enter(folder, &outline.ignore_files));
        entered.is_ok() && self.reach.ruled.insert(folder.path().clone())
    }

    /// The folder of this name in `folder`, if it is as it was agreed on.
    fn unchanged_folder(
        &self,
        folder: &Folder,
        entry: EntryId,
        name: &EntryName,
    ) -> Result<Option<(Folder, BaseRow)>, SyncError> {
        let cache = self.space.cache();
        let (bases, there) = (cache.base_at(self.id, entry, name)?, cache.child(entry, name)?);
        let ([base], Some(there)) = (bases.as_slice(), there) else { return Ok(None) };
        // What cannot be looked at is said by whoever looks at the folder that it is in.
        let looked = folder.child(name).and_then(|here| Ok((here, folder.identity()?.device)));
        let Ok((Some(here), device)) = looked else { return Ok(None) };
        let is_mounted = here.identity.device != device;
        let is_it =
            here.kind == LocalKind::Folder && is_mounted == (base.identity.device != 0) && is_same(base, &here, &there);
        Ok(if is_it { folder.open_same(name, base.identity.inode).ok().map(|next| (next, base.clone())) } else { None })
    }

    /// Names a folder where it was agreed on; one that never was, by what it lies in.
    fn name_folder(&mut self, folder: EntryId) -> Result<(), SyncError> {
        let mut at = folder;
        for _ in 0..=DEPTH_MAX {
            if !self.reach.named.insert(at) {
                return Ok(());
            }
            if let Some(path) = self.base_path(at)? {
                return self.name_path(&path, Depth::Alone);
            }
            let Some(place) = self.space.cache().place(at)? else { return Ok(()) };
            at = place.parent;
        }
        Ok(())
    }

    /// Names the other places of whatever differs: where it was agreed on, and where the log has it.
    fn name_other_places(&mut self) -> Result<(), SyncError> {
        let cache = self.space.cache();
        let mut folders: BTreeSet<EntryId> = self
            .strays
            .iter()
            .flat_map(|stray| stray.candidates.iter().filter(|row| may_be_moved(&stray.sighting.child, row)))
            .map(|row| row.parent)
            .collect();
        for (entry, standing) in self.found.standings.iter_mut() {
            if !self.reach.placed.insert(entry) {
                continue;
            }
            if standing.base.is_none() && standing.there.is_some() && self.has_base {
                standing.base = cache.base(self.id, entry)?;
            }
            folders.extend(standing.base.as_ref().map(|base| base.parent));
            if standing.there.is_none() {
                folders.extend(cache.place(entry)?.map(|place| place.parent));
            }
        }
        folders.into_iter().try_for_each(|folder| self.name_folder(folder))
    }

    /// Names the folders of the disk that hold something with the number of what is missing: it may have been moved there.
    fn seek_what_is_missing(&mut self) -> Result<(), SyncError> {
        // What something that was found may be need not be sought: its number is there.
        let found: BTreeSet<EntryId> = self
            .strays
            .iter()
            .flat_map(|stray| stray.candidates.iter().filter(|row| may_be_moved(&stray.sighting.child, row)))
            .map(|row| row.entry)
            .collect();
        let mut numbers = BTreeSet::new();
        for (entry, standing) in self.found.standings.iter() {
            if let (Here::Gone, Some(base)) = (&standing.here, &standing.base)
                && !found.contains(&entry)
                && self.reach.sought.insert(entry)
            {
                numbers.insert(base.identity.inode);
            }
        }
        if numbers.is_empty() {
            return Ok(());
        }
        self.seek(&self.root.open(&TreePath::root())?, &numbers)
    }

    /// What is missing and lies in a folder that was not looked at, because more would be too much at once, is not gone.
    pub(super) fn hide_what_was_found(&mut self) {
        let Reach { looked, found, .. } = &self.reach;
        let numbers: BTreeSet<u64> =
            found.iter().filter(|(_, folder)| !looked.contains(folder)).map(|(number, _)| *number).collect();
        for (_, standing) in self.found.standings.iter_mut() {
            let number = standing.base.as_ref().map(|base| base.identity.inode);
            standing.is_hidden |= standing.here == Here::Gone && number.is_some_and(|number| numbers.contains(&number));
        }
    }

    fn seek(&mut self, folder: &Folder, numbers: &BTreeSet<u64>) -> Result<(), SyncError> {
        // What cannot be searched is left out by a look at everything, too.
        let Ok(searched) = folder.search(numbers) else { return Ok(()) };
        if !searched.numbers.is_empty() {
            self.name_path(folder.path(), Depth::Alone)?;
            self.reach.found.extend(searched.numbers.iter().map(|number| (*number, folder.path().clone())));
        }
        if folder.path().depth() >= DEPTH_MAX || !self.knows_rules(folder) {
            return Ok(());
        }
        let ignores = self.ignores.within(folder.path());
        // What was moved to where it is ignored has left.
        for name in searched.folders.into_iter().filter(|name| ignores.rule(name, true).is_none()) {
            if let Ok(below) = folder.open_folder(&name) {
                self.seek(&below, numbers)?;
            }
        }
        Ok(())
    }
}
