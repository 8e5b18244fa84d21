//! Where entries stand on the disk at this moment of a run: as they were agreed on, but for what was seen or moved since.

use std::collections::BTreeMap;

use crate::limit::DEPTH_MAX;
use crate::log::{EntryId, EntryName};
use crate::state::cache::{Cache, CacheError, RootId};
use crate::sync::SyncError;
use crate::sync::standing::Spot;
use crate::tree::{Folder, SyncRoot, TreePath};

/// What stands elsewhere than it was agreed on.
#[derive(Debug, Default)]
pub(super) struct Whereabouts(BTreeMap<EntryId, At>);

/// A path, and the names and numbers of folders below it.
type Way = (TreePath, Vec<(EntryName, u64)>);

/// Where an entry stands: a place, and its own number on the disk.
#[derive(Debug, Clone)]
enum At {
    Spot(Spot, u64),
    /// It stepped aside, into Vauban's own folder; what is in it is reached there.
    Aside(TreePath),
}

impl Whereabouts {
    pub(super) fn new(seen: Vec<(EntryId, Spot, u64)>) -> Self {
        Self(seen.into_iter().map(|(entry, spot, inode)| (entry, At::Spot(spot, inode))).collect())
    }

    /// The entry, which has this number on the disk, now stands here.
    pub(super) fn set(&mut self, entry: EntryId, spot: Spot, inode: u64) {
        self.0.insert(entry, At::Spot(spot, inode));
    }

    /// What stands at `spot` was renamed, in the same folder.
    pub(super) fn rename(&mut self, spot: &Spot, name: &EntryName) {
        for at in self.0.values_mut() {
            if let At::Spot(known, _) = at
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
        Ok(self.stands(cache, root, entry)?.map(|(spot, _)| spot))
    }

    /// The same, and its number on the disk.
    fn stands(&self, cache: &Cache, root: RootId, entry: EntryId) -> Result<Option<(Spot, u64)>, CacheError> {
        match self.0.get(&entry) {
            Some(At::Spot(spot, inode)) => Ok(Some((spot.clone(), *inode))),
            Some(At::Aside(_)) => Ok(None),
            None => {
                let base = cache.base(root, entry)?;
                Ok(base.map(|base| (Spot { parent: base.parent, name: base.name }, base.identity.inode)))
            }
        }
    }

    /// The path of a folder; `None` if it is not on the disk.
    pub(super) fn path(&self, cache: &Cache, root: RootId, folder: EntryId) -> Result<Option<TreePath>, CacheError> {
        let way = self.way(cache, root, folder)?;
        Ok(way.map(|(start, names)| names.iter().fold(start, |path, (name, _)| path.join(name))))
    }

    /// A folder, itself: where people have moved it meanwhile, what stands at its path now is another one. `None` if it is not on
    /// the disk.
    ///
    /// # Errors
    /// [`SyncError`]; that the way is lost, if any folder on it is no longer the one that was seen.
    pub(super) fn open(
        &self,
        root: &SyncRoot,
        (cache, id): (&Cache, RootId),
        folder: EntryId,
    ) -> Result<Option<Folder>, SyncError> {
        let Some((start, names)) = self.way(cache, id, folder)? else { return Ok(None) };
        let mut at = root.open(&start)?;
        for (name, inode) in names {
            at = at.open_same(&name, inode)?;
        }
        Ok(Some(at))
    }

    /// Where the way to a folder begins, and the names and numbers of the folders on it; `None` if it is not on the disk.
    fn way(&self, cache: &Cache, root: RootId, folder: EntryId) -> Result<Option<Way>, CacheError> {
        let mut names = Vec::new();
        let (mut at, mut start) = (folder, TreePath::root());
        while at != EntryId::ROOT {
            if let Some(At::Aside(path)) = self.0.get(&at) {
                start = path.clone();
                break;
            }
            match self.stands(cache, root, at)? {
                Some((spot, inode)) if names.len() <= DEPTH_MAX => {
                    names.push((spot.name, inode));
                    at = spot.parent;
                }
                _ => return Ok(None),
            }
        }
        names.reverse();
        Ok(Some((start, names)))
    }
}
