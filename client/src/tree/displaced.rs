//! What another version displaced, kept for a while.
//!
//! It is the version that the log has, so nobody misses it; but a program that had it open before may write to it still. So it
//! waits in a folder of Vauban's own, under a name that says how it was, and what has changed meanwhile is somebody's work.

use super::disk_name::own_name;
use super::{Folder, Identity, Shifted, SyncRoot, TreeError};
use crate::limit::DISPLACED_BYTES_MAX;
use crate::log::{EntryId, EntryName};

/// Something that was displaced.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Displaced {
    /// The entry that it was a version of.
    pub entry: EntryId,
    /// Its name in the folder of what was displaced.
    pub name: EntryName,
    /// Whether somebody has written to it since.
    pub is_changed: bool,
    /// As the disk shows it now.
    pub identity: Identity,
}

/// Everything that was displaced, and is kept.
#[derive(Debug)]
pub struct AllDisplaced {
    /// The folder that it lies in.
    pub folder: Folder,
    /// What there is, the oldest first.
    pub found: Vec<Displaced>,
}

/// Moves `name` out of the folder of temporary files, as it was when it was displaced. `false` if something has its name.
pub(super) fn keep(root: &SyncRoot, name: &EntryName, entry: EntryId, was: &Identity) -> Result<bool, TreeError> {
    let entry = data_encoding::HEXLOWER.encode(&entry.0);
    let kept = own_name(&format!("{entry}.{}.{}.{}.{}", was.inode, was.bytes, was.mtime_ns, was.ctime_ns))?;
    Ok(matches!(root.temporary()?.shift(name, &root.displaced()?, &kept)?, Shifted::Done(_)))
}

impl AllDisplaced {
    /// What is kept in `root`; `None` if nothing ever was.
    ///
    /// # Errors
    /// [`TreeError::Disk`].
    pub fn find(root: &SyncRoot) -> Result<Option<Self>, TreeError> {
        let Some(folder) = root.displaced_if_any()? else { return Ok(None) };
        let children = folder.list()?.children.into_iter();
        let mut found: Vec<_> = children
            .filter_map(|child| {
                let (entry, inode, bytes, mtime_ns) = parse(child.name.as_str())?;
                let was = Identity { inode, bytes, mtime_ns, ..child.identity };
                let is_changed = !child.identity.is_unchanged_but_moved(&was);
                Some(Displaced { entry, name: child.name, is_changed, identity: child.identity })
            })
            .collect();
        found.sort_unstable_by_key(|displaced| displaced.identity.ctime_ns);
        Ok(Some(Self { folder, found }))
    }

    /// Deletes what nobody has written to and was displaced before `since_ns`, or is more than may be kept.
    ///
    /// # Errors
    /// [`TreeError::Disk`].
    pub fn expire(&self, since_ns: i64) -> Result<(), TreeError> {
        let mut bytes: u64 = self.found.iter().map(|displaced| displaced.identity.bytes).sum();
        for displaced in self.found.iter().filter(|displaced| !displaced.is_changed) {
            if displaced.identity.ctime_ns >= since_ns && bytes <= DISPLACED_BYTES_MAX {
                continue;
            }
            let removed = self.folder.place().remove_file(displaced.name.as_str());
            removed.map_err(TreeError::disk("remove", self.folder.full_path(displaced.name.as_str())))?;
            bytes = bytes.saturating_sub(displaced.identity.bytes);
        }
        Ok(())
    }
}

fn parse(name: &str) -> Option<(EntryId, u64, u64, i64)> {
    let mut parts = name.split('.');
    let entry = data_encoding::HEXLOWER.decode(parts.next()?.as_bytes()).ok()?.try_into().ok()?;
    Some((EntryId(entry), parts.next()?.parse().ok()?, parts.next()?.parse().ok()?, parts.next()?.parse().ok()?))
}
