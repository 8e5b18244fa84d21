//! Where entries stand on the disk at this moment of a run: as they were agreed on, but for what was seen or moved since.

use std::collections::BTreeMap;

use crate::limit::DEPTH_MAX;
use crate::log::EntryId;
use crate::state::cache::{Cache, CacheError, RootId};
use crate::sync::standing::Spot;
use crate::tree::TreePath;

/// What stands elsewhere than it was agreed on.
#[derive(Debug, Default)]
pub(super) struct Whereabouts(BTreeMap<EntryId, Option<Spot>>);

impl Whereabouts {
    pub(super) fn new(seen: Vec<(EntryId, Spot)>) -> Self {
        Self(seen.into_iter().map(|(entry, spot)| (entry, Some(spot))).collect())
    }

    /// The entry now stands here; `None` while it waits in Vauban's own folder.
    pub(super) fn set(&mut self, entry: EntryId, spot: Option<Spot>) {
        self.0.insert(entry, spot);
    }

    /// Where an entry stands.
    pub(super) fn spot(&self, cache: &Cache, root: RootId, entry: EntryId) -> Result<Option<Spot>, CacheError> {
        match self.0.get(&entry) {
            Some(spot) => Ok(spot.clone()),
            None => Ok(cache.base(root, entry)?.map(|base| Spot { parent: base.parent, name: base.name })),
        }
    }

    /// The path of a folder; `None` if it is not on the disk.
    pub(super) fn path(&self, cache: &Cache, root: RootId, folder: EntryId) -> Result<Option<TreePath>, CacheError> {
        let mut names = Vec::new();
        let mut at = folder;
        while at != EntryId::ROOT {
            match self.spot(cache, root, at)? {
                Some(spot) if names.len() <= DEPTH_MAX => {
                    names.push(spot.name);
                    at = spot.parent;
                }
                _ => return Ok(None),
            }
        }
        Ok(Some(names.iter().rev().fold(TreePath::root(), |path, name| path.join(name))))
    }
}
