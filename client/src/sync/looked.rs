//! What a look at a folder leaves for the next one.

use std::collections::{BTreeMap, BTreeSet};

use super::selection::Selected;
use crate::log::EntryId;
use crate::state::cache::RootId;
use crate::tree::{Scope, TreePath};

/// How far a look at both sides of a folder came: whatever it does not leave is as it was agreed on, as of then.
#[derive(Debug)]
pub(super) struct Looked {
    /// The folder.
    pub(super) root: RootId,
    /// The position in the log up to which it was looked at.
    pub(super) seq: u64,
    /// What was selected then.
    pub(super) selected: Selected,
    /// What is to be looked at again.
    pub(super) unsettled: Unsettled,
    /// Folders of the disk that it did not come to, with all below them; by entry, too, since they may be moved meanwhile.
    pub(super) below: BTreeMap<TreePath, EntryId>,
}

/// Folders in which something is not the same on all sides: by path, and by entry, since they may be moved before they are looked
/// at again.
#[derive(Debug, Default)]
pub(crate) struct Unsettled {
    pub(super) here: Scope,
    pub(super) there: BTreeSet<EntryId>,
}

impl Unsettled {
    /// Adds a folder that was looked at.
    pub(super) fn add(&mut self, path: &TreePath, entry: EntryId) {
        self.here.add(path);
        self.stir(entry);
    }

    /// Adds a folder in which something has come to stand.
    pub(super) fn stir(&mut self, entry: EntryId) {
        // Where everything is looked at, none need be named.
        if self.here != Scope::Everything {
            self.there.insert(entry);
        }
    }
}
