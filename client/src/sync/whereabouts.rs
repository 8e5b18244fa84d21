//! Where entries stand on the disk at this moment of a run: as they were agreed on, but for what was seen or moved since.

use std::collections::BTreeMap;

use crate::limit::DEPTH_MAX;
use crate::log::{EntryId, EntryName};
use crate::state::cache::{Cache, CacheError, RootId};
use crate::sync::standing::Spot;
use crate::tree::TreePath;

/// What stands elsewhere than it was agreed on.
#[derive(Debug, Default)]
pub(super) struct Whereabouts(BTreeMap<EntryId, At>);

/// Where an entry stands.
#[derive(Debug, Clone)]
enum At {
    Spot(Spot),
    /// It stepped aside, into Vauban's own folder; what is in it is reached there.
    Aside(TreePath),
}

impl Whereabouts {
    pub(super) fn new(seen: Vec<(EntryId, Spot)>) -> Self {
        Self(seen.into_iter().map(|(entry, spot)| (entry, At::Spot(spot))).collect())
    }

    /// The entry now stands here.
    pub(super) fn set(&mut self, entry: EntryId, spot: Spot) {
        self.0.insert(entry, At::Spot(spot));
    }

    /// What stands at `spot` was renamed, in the same folder.
    pub(super) fn rename(&mut self, spot: &Spot, name: &EntryName) {
        for at in self.0.values_mut() {
            if let At::Spot(known) = at
                && known == spot
            {
                known.name = name.clone();
            }
        }
    }

    /// The entry has stepped aside, to `path` in Vauban's own folder.
    pub(super) fn set_aside(&mut self, entry: EntryId, path: TreePath) {
        self.0.insert(entry, At::Aside(path));
    }

    /// Where an entry stands; `None` if that is nowhere, or aside.
    pub(super) fn spot(&self, cache: &Cache, root: RootId, entry: EntryId) -> Result<Option<Spot>, CacheError> {
        match self.0.get(&entry) {
            Some(At::Spot(spot)) => Ok(Some(spot.clone())),
            Some(At::Aside(_)) => Ok(None),
            None => Ok(cache.base(root, entry)?.map(|base| Spot { parent: base.parent, name: base.name })),
        }
    }

    /// The path of a folder; `None` if it is not on the disk.
    pub(super) fn path(&self, cache: &Cache, root: RootId, folder: EntryId) -> Result<Option<TreePath>, CacheError> {
        let mut names = Vec::new();
        let (mut at, mut start) = (folder, TreePath::root());
        while at != EntryId::ROOT {
            if let Some(At::Aside(path)) = self.0.get(&at) {
                start = path.clone();
                break;
            }
            match self.spot(cache, root, at)? {
                Some(spot) if names.len() <= DEPTH_MAX => {
                    names.push(spot.name);
                    at = spot.parent;
                }
                _ => return Ok(None),
            }
        }
        Ok(Some(names.iter().rev().fold(start, |path, name| path.join(name))))
    }
}
