//! The seam to the disk: all that the engine ever asks of one.
//!
//! Everything in `tree` is built on these calls, one of the kernel's each. [`kernel::ThisDisk`](super::ThisDisk) makes them; a
//! simulation brings a disk of its own, which loses at a power cut whatever was not flushed, and fails or stops at any call.
//! Names are single components, and nothing below the root is ever followed.

use std::any::Any;
use std::fmt::Debug;
use std::io::{self, Read, Write};
use std::os::fd::BorrowedFd;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustix::io::Errno;

use super::{Identity, LocalKind};

/// A disk that sync roots lie on.
pub trait Disk: Debug + Send + Sync {
    /// The folder's own path, without any link in it.
    ///
    /// # Errors
    /// As the disk says.
    fn resolve(&self, path: &Path) -> io::Result<PathBuf>;

    /// Opens a folder by its path: the user's own word, so that links on it may be followed.
    ///
    /// # Errors
    /// As the disk says.
    fn open(&self, path: &Path) -> Result<Arc<dyn Place>, Errno>;
}

/// An open folder. It stays the same one, wherever it is renamed to.
pub trait Place: Any + Debug + Send + Sync {
    /// The names in it, in any order. All or an error.
    ///
    /// # Errors
    /// As the disk says.
    fn names(&self) -> Result<Vec<Listed>, Errno>;

    /// What stands at `name`.
    ///
    /// # Errors
    /// As the disk says; [`Errno::NOENT`] if nothing does.
    fn look_at(&self, name: &str) -> Result<Look, Errno>;

    /// Waits until no change can be stamped with `ctime_ns` any more; says whether that took any time. Disks stamp with a clock of
    /// ticks, and two changes within one look like one.
    fn outlast(&self, ctime_ns: i64) -> bool {
        let _ = ctime_ns;
        false
    }

    /// What the disk says of the folder itself.
    ///
    /// # Errors
    /// As the disk says.
    fn look_at_itself(&self) -> Result<Look, Errno>;

    /// Opens a folder in this one.
    ///
    /// # Errors
    /// As the disk says; also if it is a link.
    fn open_folder(&self, name: &str) -> Result<Arc<dyn Place>, Errno>;

    /// Opens a file for reading, without waiting if it turns out to be a pipe.
    ///
    /// # Errors
    /// As the disk says; also if it is a link.
    fn open_file(&self, name: &str) -> Result<Box<dyn DiskFile>, Errno>;

    /// Where a link points to.
    ///
    /// # Errors
    /// As the disk says.
    fn read_link(&self, name: &str) -> Result<Vec<u8>, Errno>;

    /// Creates a file for writing.
    ///
    /// # Errors
    /// As the disk says; [`Errno::EXIST`] if anything stands there.
    fn create_file(&self, name: &str, access: Access) -> Result<Box<dyn DiskFile>, Errno>;

    /// Creates a symbolic link.
    ///
    /// # Errors
    /// As the disk says; [`Errno::EXIST`] if anything stands there.
    fn create_link(&self, name: &str, target: &[u8]) -> Result<(), Errno>;

    /// Creates a folder.
    ///
    /// # Errors
    /// As the disk says; [`Errno::EXIST`] if anything stands there.
    fn create_folder(&self, name: &str) -> Result<(), Errno>;

    /// Renames `name` to `to` in `target`, in one step.
    ///
    /// # Errors
    /// As the disk says; what stands in the way of [`Onto::Nothing`] is [`Errno::EXIST`], what is missing [`Errno::NOENT`].
    fn rename(&self, name: &str, target: &dyn Place, to: &str, onto: Onto) -> Result<(), Errno>;

    /// Removes a file or link.
    ///
    /// # Errors
    /// As the disk says.
    fn remove_file(&self, name: &str) -> Result<(), Errno>;

    /// Removes a folder in which nothing is.
    ///
    /// # Errors
    /// As the disk says; [`Errno::NOTEMPTY`] or [`Errno::EXIST`] if something is.
    fn remove_folder(&self, name: &str) -> Result<(), Errno>;

    /// Makes what was created, renamed and removed in it survive a power cut.
    ///
    /// # Errors
    /// As the disk says.
    fn flush(&self) -> Result<(), Errno>;

    /// Makes everything on its disk survive a power cut.
    ///
    /// # Errors
    /// As the disk says.
    fn flush_disk(&self) -> Result<(), Errno>;

    /// The kernel's descriptor of it, for watching; none where the kernel does not know it.
    fn descriptor(&self) -> Option<BorrowedFd<'_>>;
}

/// An open file.
pub trait DiskFile: Read + Write + Debug + Send {
    /// Says about how many bytes are going to be written to a new file, which may choose the way they take.
    fn expect(&mut self, bytes: u64) {
        let _ = bytes;
    }

    /// What the disk says of it.
    ///
    /// # Errors
    /// As the disk says.
    fn look(&self) -> Result<Look, Errno>;

    /// As [`Place::outlast`].
    fn outlast(&self, ctime_ns: i64) -> bool {
        let _ = ctime_ns;
        false
    }

    /// Says when its content was changed.
    ///
    /// # Errors
    /// As the disk says.
    fn set_mtime(&self, mtime_ns: i64) -> Result<(), Errno>;

    /// Makes its content, as far as the writer was flushed, survive a power cut; its name is its folder's.
    ///
    /// # Errors
    /// As the disk says.
    fn flush_content(&self) -> Result<(), Errno>;
}

/// A name in a folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// Its bytes, as the disk has them.
    pub name: Vec<u8>,
    /// Whether it is a folder's; some disks tell only when asked.
    pub is_folder: Option<bool>,
    /// The number of what bears it.
    pub number: u64,
}

/// What a disk says of something, without reading or following it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Look {
    /// What it is; none for a pipe, socket or device.
    pub kind: Option<LocalKind>,
    /// Whether its owner may execute it.
    pub executable: bool,
    /// By what it is recognised.
    pub identity: Identity,
}

/// Who may do what with a file that is created, as far as the user's mask allows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Its owner reads and writes it, nobody else does anything.
    Owner,
    /// All read and write it.
    All,
    /// All read, write and execute it.
    AllAndExecute,
}

/// What a rename may find at the new name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Onto {
    /// Nothing.
    Nothing,
    /// Something, which takes the old name.
    Exchange,
}
