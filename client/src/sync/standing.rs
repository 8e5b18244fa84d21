//! An entry in its three versions: base, here, there.
//!
//! Only entries that differ somewhere get one: a survey of a million unchanged files keeps none of them. What was not looked
//! at is [`Here::Unseen`], never [`Here::Gone`]: only a folder that was really listed shows that something is not in it.

use std::collections::{BTreeMap, BTreeSet};

use vauban_protocol::id::Digest;

use crate::log::{EntryId, EntryName, Place};
use crate::state::cache::{BaseRow, RemoteChild};
use crate::tree::{FileType, LocalChild, Refused, TreePath};

/// A place: a folder, and a name in it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Spot {
    /// The folder.
    pub(crate) parent: EntryId,
    /// The name.
    pub(crate) name: EntryName,
}

/// An entry in its three versions.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Standing {
    /// What was agreed on.
    pub(crate) base: Option<BaseRow>,
    /// What the disk has.
    pub(crate) here: Here,
    /// What the log has.
    pub(crate) there: Option<There>,
    /// Whether the log has it in a folder that was not looked into: nothing is done about it.
    pub(crate) is_hidden: bool,
}

/// The local version of an entry.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) enum Here {
    /// Nobody looked where it was; or it was never here.
    #[default]
    Unseen,
    /// It is not where it was, and nowhere else.
    Gone,
    /// It is there.
    Seen(Sighting),
}

/// A thing on the disk that was recognised as an entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Sighting {
    /// The folder it is in, on the disk.
    pub(crate) folder: TreePath,
    /// The number of that folder on the disk: another one may come to stand at its path.
    pub(crate) folder_inode: u64,
    /// The same, as an entry.
    pub(crate) parent: EntryId,
    /// What stands there.
    pub(crate) child: LocalChild,
    /// The other entry that the log has at this place, if it has one.
    pub(crate) rival: Option<EntryId>,
    /// What it holds, where it had to be read to tell.
    pub(crate) content: Option<LocalContent>,
    /// Whether it would take no part here if it were new.
    pub(crate) is_apart: bool,
}

/// A content on the disk, read; as far as that was needed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct LocalContent {
    /// BLAKE3 of it.
    pub(crate) digest: Option<Digest>,
    /// What its first bytes say it is.
    pub(crate) file_type: Option<FileType>,
}

/// The version of an entry in the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct There {
    /// The folder it is in, as the log has it.
    pub(crate) folder: TreePath,
    /// The same, as an entry.
    pub(crate) parent: EntryId,
    /// What the log has.
    pub(crate) child: RemoteChild,
    /// Why it cannot stand on a disk, if it cannot.
    pub(crate) refused: Option<Refused>,
    /// Whether it takes no part here: it is ignored, or not selected.
    pub(crate) is_apart: bool,
}

/// Folders of the disk with things in them that no entry stands for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Holding {
    /// With things that should be synced, and cannot be: a folder that holds one stays, on both sides.
    pub(crate) unfit: BTreeSet<EntryId>,
    /// With things that are ignored: a folder that holds one stays here.
    pub(crate) ignored: BTreeSet<EntryId>,
}

/// Every entry that differs somewhere.
#[derive(Debug, Clone, Default)]
pub(crate) struct Standings(BTreeMap<EntryId, Standing>);

impl Spot {
    /// The spot of something in the log.
    #[must_use]
    pub(crate) fn of(place: &Place) -> Self {
        Self { parent: place.parent, name: place.name.clone() }
    }
}

impl Sighting {
    /// Where it stands.
    #[must_use]
    pub(crate) fn spot(&self) -> Spot {
        Spot { parent: self.parent, name: self.child.name.clone() }
    }

    /// Where it stands on the disk.
    #[must_use]
    pub(crate) fn path(&self) -> TreePath {
        self.folder.join(&self.child.name)
    }
}

impl There {
    /// Where it stands.
    #[must_use]
    pub(crate) fn spot(&self) -> Spot {
        Spot { parent: self.parent, name: self.child.name.clone() }
    }

    /// Where it stands, by names.
    #[must_use]
    pub(crate) fn path(&self) -> TreePath {
        self.folder.join(&self.child.name)
    }
}

impl Standing {
    /// What the disk has, if it has it.
    #[must_use]
    pub(crate) fn seen(&self) -> Option<&Sighting> {
        match &self.here {
            Here::Seen(sighting) => Some(sighting),
            Here::Unseen | Here::Gone => None,
        }
    }

    /// Where it was when it was agreed on.
    #[must_use]
    pub(crate) fn base_spot(&self) -> Option<Spot> {
        self.base.as_ref().map(|base| Spot { parent: base.parent, name: base.name.clone() })
    }

    /// Whether it stands elsewhere on the disk than it did.
    #[must_use]
    pub(crate) fn has_moved_here(&self) -> bool {
        self.seen().is_some_and(|here| Some(here.spot()) != self.base_spot()) && self.base.is_some()
    }

    /// Whether it stands elsewhere in the log than it did.
    #[must_use]
    pub(crate) fn has_moved_there(&self) -> bool {
        self.there.as_ref().is_some_and(|there| Some(there.spot()) != self.base_spot()) && self.base.is_some()
    }
}

impl Standings {
    /// The disk has `entry`.
    pub(crate) fn see(&mut self, entry: EntryId, base: Option<&BaseRow>, sighting: Sighting) {
        let standing = self.0.entry(entry).or_default();
        standing.here = Here::Seen(sighting);
        if let Some(base) = base {
            standing.base = Some(base.clone());
        }
    }

    /// The place that was agreed on was really looked at, and does not have the entry.
    pub(crate) fn miss(&mut self, base: BaseRow) {
        let standing = self.0.entry(base.entry).or_default();
        if standing.here == Here::Unseen {
            standing.here = Here::Gone;
        }
        standing.base = Some(base);
    }

    /// The log has the entry here.
    pub(crate) fn learn(&mut self, there: There) {
        let standing = self.0.entry(there.child.entry).or_default();
        standing.there = Some(there);
    }

    /// How many there are.
    #[must_use]
    pub(crate) fn count(&self) -> usize {
        self.0.len()
    }

    /// One of them.
    #[must_use]
    pub(crate) fn find(&self, entry: EntryId) -> Option<&Standing> {
        self.0.get(&entry)
    }

    /// One of them, to complete it.
    pub(crate) fn find_mut(&mut self, entry: EntryId) -> Option<&mut Standing> {
        self.0.get_mut(&entry)
    }

    /// All of them, by entry.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (EntryId, &Standing)> {
        self.0.iter().map(|(entry, standing)| (*entry, standing))
    }

    /// All of them, to complete them.
    pub(crate) fn iter_mut(&mut self) -> impl Iterator<Item = (EntryId, &mut Standing)> {
        self.0.iter_mut().map(|(entry, standing)| (*entry, standing))
    }
}
