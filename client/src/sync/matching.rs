//! Matching: which entry a thing on the disk is. Pure.
//!
//! By place first: what stands where an entry stood is that entry, edited perhaps, for editors save by renaming over; unless the entry
//! stands already where the log has it by now. Else by the disk's own number (inode), which a rename keeps:
//!
//! - a folder has one place only, so a folder with the number of a folder that was agreed on *is* that folder, moved, even
//!   where another one stood (two folders swapped). Decided on the way down, so that all that is in it stays matched. What stands
//!   where a folder stood is that folder only if the disk has its number nowhere else.
//! - a file or link counts as moved only once the whole disk was looked at and its own place turned out to lack it (hard
//!   links: the place that still has it wins), and only if size and time are the same, too. Its content is then read: disks
//!   give the number of a removed file to the next one.
//!
//! Else it is new; or, without a base, what the log has at the same place.

use crate::log::Kind;
use crate::state::cache::{BaseRow, RemoteChild};
use crate::tree::{LocalChild, LocalKind};

/// What a thing on the disk turned out to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Recognised<'a> {
    /// The entry of this base row, at its place or elsewhere.
    Known(&'a BaseRow),
    /// Perhaps one of these entries, if their own places turn out to lack them.
    Perhaps,
    /// An entry of the log that was never here: both sides made it.
    Joined(&'a RemoteChild),
    /// No entry yet.
    New,
}

/// What stands around a thing on the disk.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Surroundings<'a> {
    /// What was agreed on at its place.
    pub(crate) base: Option<&'a BaseRow>,
    /// What the log has at its place, if that was never here.
    pub(crate) newcomer: Option<&'a RemoteChild>,
    /// What was agreed on under its number on the disk.
    pub(crate) same_inode: &'a [BaseRow],
}

/// Says what `here` is.
#[must_use]
pub(crate) fn recognise<'a>(here: &LocalChild, around: &Surroundings<'a>) -> Recognised<'a> {
    let at_place = around.base.filter(|base| is_kind(here.kind, base.kind));
    if here.kind == LocalKind::Folder {
        let moved = around.same_inode.iter().find(|row| row.kind == Kind::Folder);
        if let Some(known) = moved.or(at_place) {
            // Where its own number is right, its own place is, too.
            return Recognised::Known(
                at_place.filter(|base| base.identity.inode == here.identity.inode).unwrap_or(known),
            );
        }
    } else if let Some(known) = at_place {
        return Recognised::Known(known);
    } else if around.same_inode.iter().any(|row| may_be_moved(here, row)) {
        return Recognised::Perhaps;
    }
    joined_or_new(here, around.newcomer)
}

/// What a thing is that is no known entry.
#[must_use]
pub(crate) fn joined_or_new<'a>(here: &LocalChild, newcomer: Option<&'a RemoteChild>) -> Recognised<'a> {
    match newcomer.filter(|there| is_kind(here.kind, there.kind)) {
        Some(there) => Recognised::Joined(there),
        None => Recognised::New,
    }
}

/// Whether a file or link may be the one of `row`, elsewhere.
#[must_use]
pub(crate) fn may_be_moved(here: &LocalChild, row: &BaseRow) -> bool {
    here.kind != LocalKind::Folder
        && is_kind(here.kind, row.kind)
        && here.identity.is_unchanged_but_moved(&row.identity)
}

/// Whether a thing on the disk is of the kind of an entry.
#[must_use]
pub(crate) fn is_kind(local: LocalKind, kind: Kind) -> bool {
    kind_of(local) == kind
}

/// The kind of entry that a thing on the disk makes.
#[must_use]
pub(crate) fn kind_of(local: LocalKind) -> Kind {
    match local {
        LocalKind::File => Kind::File,
        LocalKind::Folder => Kind::Folder,
        LocalKind::Symlink => Kind::Symlink,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::log::{EntryId, EntryName};
    use crate::tree::Identity;

    fn name() -> EntryName {
        EntryName::parse(b"name").unwrap()
    }

    fn here(kind: LocalKind, inode: u64) -> LocalChild {
        let identity = Identity { inode, bytes: 3, mtime_ns: 4, ..Identity::default() };
        LocalChild { name: name(), kind, executable: false, identity }
    }

    fn row(entry: u8, kind: Kind, inode: u64) -> BaseRow {
        BaseRow {
            entry: EntryId([entry; 16]),
            parent: EntryId::ROOT,
            name: name(),
            kind,
            content: None,
            executable: false,
            identity: Identity { inode, bytes: 3, mtime_ns: 4, ctime_ns: 5, device: 0 },
            file_type: None,
        }
    }

    fn there(kind: Kind) -> RemoteChild {
        let entry = EntryId([9; 16]);
        RemoteChild { entry, name: name(), kind, content: None, executable: false, bytes: 3 }
    }

    fn judge<'a>(here: &LocalChild, base: Option<&'a BaseRow>, same_inode: &'a [BaseRow]) -> Recognised<'a> {
        recognise(here, &Surroundings { base, newcomer: None, same_inode })
    }

    #[test]
    fn a_file_at_its_place_is_itself_whatever_its_number() {
        let (base, other) = (row(1, Kind::File, 7), [row(2, Kind::File, 8)]);
        assert_eq!(judge(&here(LocalKind::File, 8), Some(&base), &other), Recognised::Known(&base));
    }

    #[test]
    fn a_folder_is_where_its_number_is() {
        let (one, two) = (row(1, Kind::Folder, 7), [row(2, Kind::Folder, 8)]);
        let seen = here(LocalKind::Folder, 8);
        assert_eq!(judge(&seen, None, &two), Recognised::Known(&two[0]), "moved");
        assert_eq!(judge(&seen, Some(&one), &two), Recognised::Known(&two[0]), "swapped");
        assert_eq!(judge(&seen, Some(&one), &[]), Recognised::Known(&one), "restored from a backup");
        let own = [row(3, Kind::Folder, 7), one.clone()];
        assert_eq!(judge(&here(LocalKind::Folder, 7), Some(&one), &own), Recognised::Known(&one));
    }

    #[test]
    fn a_file_elsewhere_is_perhaps_moved() {
        let known = [row(1, Kind::File, 7)];
        assert_eq!(judge(&here(LocalKind::File, 7), None, &known), Recognised::Perhaps);
        let folder = row(2, Kind::Folder, 9);
        assert_eq!(judge(&here(LocalKind::File, 7), Some(&folder), &known), Recognised::Perhaps, "where a folder was");
        let mut edited = here(LocalKind::File, 7);
        edited.identity.mtime_ns = 9;
        assert_eq!(judge(&edited, None, &known), Recognised::New);
        assert_eq!(judge(&here(LocalKind::Symlink, 7), None, &known), Recognised::New);
    }

    #[test]
    fn what_both_sides_made_is_joined_if_it_is_of_one_kind() {
        let (file, folder) = (there(Kind::File), there(Kind::Folder));
        let with =
            |newcomer| recognise(&here(LocalKind::File, 7), &Surroundings { base: None, newcomer, same_inode: &[] });
        assert_eq!(with(Some(&file)), Recognised::Joined(&file));
        assert_eq!(with(Some(&folder)), Recognised::New);
        assert_eq!(with(None), Recognised::New);
    }
}
