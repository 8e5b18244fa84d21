//! Renaming below the root: never onto something else, and never out of it.
//!
//! Where two things want each other's places, one of them waits in Vauban's own folder, under the number of its entry, so that
//! the next run finds it there if this one does not come to the end.

use rustix::io::Errno;

use super::disk::{Look, Onto};
use super::disk_name::own_name;
use super::{ConflictStamp, Folder, TreeError, conflict_name};
use crate::limit::CONFLICT_COPIES_MAX;
use crate::log::{EntryId, EntryName};

/// What the name of something that waits begins with.
const WAITING: &str = "move.";

/// What came of a rename.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shifted {
    /// It stands at its new place; this is how the disk now shows it.
    Done(Look),
    /// Something stands there.
    Taken,
    /// The new place is within the folder that was to be moved.
    Within,
    /// There is nothing to rename.
    Gone,
}

/// What came of the removal of a folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Emptied {
    /// It is gone.
    Gone,
    /// Something is in it.
    Full,
}

impl Folder {
    /// Renames `name` to `to` in folder `target`, if nothing stands there.
    ///
    /// # Errors
    /// [`TreeError::Disk`].
    pub fn shift(&self, name: &EntryName, target: &Self, to: &EntryName) -> Result<Shifted, TreeError> {
        match self.place().rename(name.as_str(), target.place(), to.as_str(), Onto::Nothing) {
            Ok(()) => {}
            Err(Errno::EXIST) => return Ok(Shifted::Taken),
            Err(Errno::INVAL) => return Ok(Shifted::Within),
            Err(Errno::NOENT) => return Ok(Shifted::Gone),
            Err(errno) => return Err(TreeError::disk("rename", self.full_path(name.as_str()))(errno)),
        }
        match target.place().look_at(to.as_str()) {
            Ok(shown) => Ok(Shifted::Done(shown)),
            Err(Errno::NOENT) => Ok(Shifted::Gone),
            Err(errno) => Err(TreeError::disk("look at", target.full_path(to.as_str()))(errno)),
        }
    }

    /// Gives `name` a conflict copy's name beside `beside` in folder `target`.
    ///
    /// # Errors
    /// [`TreeError`].
    pub fn set_aside(
        &self,
        name: &EntryName,
        target: &Self,
        beside: &EntryName,
        stamp: &ConflictStamp,
    ) -> Result<EntryName, TreeError> {
        for copy in 1..=CONFLICT_COPIES_MAX {
            let Some(free) = conflict_name(beside, stamp, copy) else { break };
            match self.shift(name, target, &free)? {
                Shifted::Done(_) => return Ok(free),
                Shifted::Taken => {}
                Shifted::Within | Shifted::Gone => {
                    return Err(TreeError::disk("set aside", self.full_path(name.as_str()))(Errno::NOENT));
                }
            }
        }
        Err(TreeError::TooManyCopies(target.full_path(beside.as_str())))
    }

    /// Removes the folder `name` in this one, if nothing at all is in it. One that is not there is as good as removed.
    ///
    /// # Errors
    /// [`TreeError::Disk`].
    pub fn remove_empty(&self, name: &EntryName) -> Result<Emptied, TreeError> {
        match self.place().remove_folder(name.as_str()) {
            Ok(()) | Err(Errno::NOENT) => Ok(Emptied::Gone),
            Err(Errno::NOTEMPTY | Errno::EXIST) => Ok(Emptied::Full),
            Err(errno) => Err(TreeError::disk("remove", self.full_path(name.as_str()))(errno)),
        }
    }
}

/// The name under which `entry` waits in the folder of temporary files.
///
/// # Errors
/// None that can happen: a number is a name.
pub fn waiting_name(entry: EntryId) -> Result<EntryName, TreeError> {
    own_name(&format!("{WAITING}{}", data_encoding::HEXLOWER.encode(&entry.0)))
}

/// The entry that waits under this name, if one does.
pub(super) fn parse_waiting(name: &str) -> Option<EntryId> {
    let entry = name.strip_prefix(WAITING)?;
    data_encoding::HEXLOWER.decode(entry.as_bytes()).ok()?.try_into().ok().map(EntryId)
}
