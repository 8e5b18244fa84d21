//! Partial sync: which entries of a space take part on this device.
//!
//! A folder that was named stays the same folder when it is renamed, by whomever; so the choice is held against entries, not
//! paths. With *only*, the folders on the way to a chosen one take part without what else is in them.

use std::collections::BTreeSet;

use super::{OpenSpace, SyncError};
use crate::content::Nodes;
use crate::limit::DEPTH_MAX;
use crate::log::{EntryId, EntryName};
use crate::state::cache::{Cache, CacheError};
use crate::state::{SelectedFolder, Selection, SelectionMode};
use crate::tree::TreePath;

/// A selection as the log has its folders now.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Selected {
    mode: SelectionMode,
    marked: BTreeSet<EntryId>,
    /// Folders around marked ones.
    ways: BTreeSet<EntryId>,
}

/// Which part in syncing something takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    /// With all that is in it.
    Whole,
    /// It alone, as a way to others in it.
    Way,
    /// None.
    Apart,
}

impl Selected {
    /// Finds the folders of `selection` in the log. `selection` is then what is to be remembered.
    pub(super) fn find(cache: &Cache, selection: &mut Selection) -> Result<Self, CacheError> {
        let mut selected = Self { mode: selection.mode, ..Self::default() };
        for folder in &mut selection.folders {
            let Some(entry) = find(cache, folder)? else { continue };
            selected.marked.insert(entry);
            let (mut names, mut at) = (Vec::new(), entry);
            while let Some(place) = cache.place(at)?.filter(|_| names.len() <= DEPTH_MAX) {
                names.push(place.name);
                at = place.parent;
                selected.ways.insert(at);
            }
            let path = names.iter().rev().fold(TreePath::root(), |path, name| path.join(name));
            *folder = SelectedFolder { entry: Some(entry), path: path.to_text() };
        }
        Ok(selected)
    }

    /// The part of the root.
    pub(super) fn root(&self) -> Part {
        match self.mode {
            SelectionMode::Without => Part::Whole,
            SelectionMode::Only => Part::Way,
        }
    }

    /// The part of something in a folder of part `around`; `entry` is what the log has it as, if it has.
    pub(super) fn below(&self, around: Part, entry: Option<EntryId>) -> Part {
        let is_marked = entry.is_some_and(|entry| self.marked.contains(&entry));
        match (around, self.mode) {
            (Part::Apart, _) => Part::Apart,
            (Part::Whole, SelectionMode::Without) if is_marked => Part::Apart,
            (Part::Whole, _) => Part::Whole,
            (Part::Way, _) if is_marked => Part::Whole,
            (Part::Way, _) if entry.is_some_and(|entry| self.ways.contains(&entry)) => Part::Way,
            (Part::Way, _) => Part::Apart,
        }
    }

    /// The part of an entry that the log has.
    pub(super) fn of(&self, cache: &Cache, entry: EntryId) -> Result<Part, CacheError> {
        let (mut chain, mut at) = (Vec::new(), entry);
        while at != EntryId::ROOT && chain.len() <= DEPTH_MAX {
            chain.push(at);
            match cache.place(at)? {
                Some(place) => at = place.parent,
                None => break,
            }
        }
        Ok(chain.iter().rev().fold(self.root(), |around, entry| self.below(around, Some(*entry))))
    }
}

/// The entry that a folder of a selection is now.
fn find(cache: &Cache, folder: &SelectedFolder) -> Result<Option<EntryId>, CacheError> {
    if let Some(entry) = folder.entry
        && cache.place(entry)?.is_some()
    {
        return Ok(Some(entry));
    }
    match TreePath::parse(&folder.path) {
        Ok(path) if path.depth() > 0 => stands(cache, path.names()),
        _ => Ok(None),
    }
}

fn stands(cache: &Cache, names: &[EntryName]) -> Result<Option<EntryId>, CacheError> {
    let mut at = EntryId::ROOT;
    for name in names {
        match cache.child(at, name)? {
            Some(child) => at = child.entry,
            None => return Ok(None),
        }
    }
    Ok(Some(at))
}

impl<N: Nodes> OpenSpace<N> {
    /// What this device's user has chosen of this space, as the anchor has it now: another process may have chosen anew.
    ///
    /// # Errors
    /// [`SyncError::State`].
    pub fn selection(&self) -> Result<Selection, SyncError> {
        let id = self.id;
        Ok(self.device.anchor().update(|anchor| anchor.selections.get(&id).cloned().unwrap_or_default())?)
    }

    /// Chooses anew; durable when this returns, and in force from the next round on. The log was followed. Answers with the
    /// choice as the log has its folders.
    ///
    /// # Errors
    /// [`SyncError::State`].
    pub fn select(&self, mut selection: Selection) -> Result<Selection, SyncError> {
        Selected::find(&self.cache, &mut selection)?;
        let (id, chosen) = (self.id, selection.clone());
        self.device.anchor().update(|anchor| {
            if chosen.is_everything() {
                anchor.selections.remove(&id);
            } else {
                anchor.selections.insert(id, chosen);
            }
        })?;
        Ok(selection)
    }

    /// The selection in force, with its folders where the log has them now; that is remembered.
    pub(super) fn selected(&self) -> Result<Selected, SyncError> {
        let chosen = self.selection()?;
        let mut found = chosen.clone();
        let selected = Selected::find(&self.cache, &mut found)?;
        if found != chosen {
            let id = self.id;
            self.device.anchor().update(|anchor| {
                // Unless somebody has chosen anew meanwhile.
                if let Some(kept) = anchor.selections.get_mut(&id).filter(|kept| **kept == chosen) {
                    *kept = found;
                }
            })?;
        }
        Ok(selected)
    }
}
