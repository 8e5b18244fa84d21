//! One folder of the disk, by its own descriptor.

use std::fs::File;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::Path;

use rustix::fs::{AtFlags, Dir, FileType, Mode, OFlags, Stat, fstat, fsync, mkdirat, openat, readlinkat, statat};
use rustix::io::Errno;

use super::disk_name::is_own;
use super::step::step;
use super::{Identity, TreeError, TreePath};
use crate::log::{EntryName, NameError};

/// How a folder is opened: to be walked, following nothing.
const FOLDER: OFlags = OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);
/// How a file is opened: without following, and without waiting if it turns out to be a pipe.
const FILE: OFlags = OFlags::RDONLY.union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC).union(OFlags::NONBLOCK);

/// An open folder below the root.
#[derive(Debug)]
pub struct Folder {
    fd: OwnedFd,
    path: TreePath,
}

/// What stands in a folder.
#[derive(Debug, Default)]
pub struct Listing {
    /// What can be synced, by name.
    pub children: Vec<LocalChild>,
    /// What can't, and why: said, and the rest goes on.
    pub unfit: Vec<(String, Unfit)>,
}

/// A file, folder or link of the disk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LocalChild {
    /// Its name.
    pub name: EntryName,
    /// What it is.
    pub kind: LocalKind,
    /// Whether its owner may execute it; of files alone.
    pub executable: bool,
    /// By what it is recognised.
    pub identity: Identity,
}

/// What a thing on the disk is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LocalKind {
    /// An ordinary file.
    File,
    /// A folder.
    Folder,
    /// A symbolic link, which is read and never followed.
    Symlink,
}

/// Why something on the disk is not synced.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unfit {
    /// Its name is none in the log.
    #[error("{0}")]
    Name(#[from] NameError),
    /// A pipe, socket or device.
    #[error("it is neither file, folder nor link")]
    Special,
}

impl Folder {
    pub(super) fn new(fd: OwnedFd, path: TreePath) -> Self {
        Self { fd, path }
    }

    /// Where it is, below the root.
    #[must_use]
    pub fn path(&self) -> &TreePath {
        &self.path
    }

    /// Everything in it but Vauban's own folder, by name. All or an error: an incomplete listing would look like removals.
    ///
    /// # Errors
    /// [`TreeError::Disk`].
    pub fn list(&self) -> Result<Listing, TreeError> {
        let mut listing = Listing::default();
        let error = || TreeError::disk("read", self.path.to_path());
        // A descriptor of its own: a listing must not depend on how far another one has come.
        let fd = openat(&self.fd, c".", FOLDER, Mode::empty()).map_err(error())?;
        for item in Dir::new(fd).map_err(error())? {
            let item = item.map_err(error())?;
            let bytes = item.file_name().to_bytes();
            if bytes == b"." || bytes == b".." {
                continue;
            }
            match EntryName::parse(bytes) {
                Ok(name) if is_own(&self.path, &name) => {}
                Ok(name) => self.list_one(name, &mut listing)?,
                Err(error) => listing.unfit.push((String::from_utf8_lossy(bytes).into_owned(), error.into())),
            }
        }
        listing.children.sort_unstable_by(|a, b| a.name.cmp(&b.name));
        Ok(listing)
    }

    fn list_one(&self, name: EntryName, listing: &mut Listing) -> Result<(), TreeError> {
        let stat = match statat(&self.fd, name.as_str(), AtFlags::SYMLINK_NOFOLLOW) {
            Ok(stat) => stat,
            Err(Errno::NOENT) => return Ok(()),
            Err(errno) => return Err(TreeError::disk("look at", self.path.join(&name).to_path())(errno)),
        };
        match child(name, &stat) {
            Ok(child) => listing.children.push(child),
            Err(name) => listing.unfit.push((name.as_str().to_owned(), Unfit::Special)),
        }
        Ok(())
    }

    /// The names of the folders in it, without looking at anything else; those that are none in the log are left out.
    ///
    /// # Errors
    /// [`TreeError::Disk`].
    pub(super) fn folders(&self) -> Result<Vec<EntryName>, TreeError> {
        let mut names = Vec::new();
        let error = || TreeError::disk("read", self.path.to_path());
        let fd = openat(&self.fd, c".", FOLDER, Mode::empty()).map_err(error())?;
        for item in Dir::new(fd).map_err(error())? {
            let item = item.map_err(error())?;
            let Ok(name) = EntryName::parse(item.file_name().to_bytes()) else { continue };
            let is_folder = match item.file_type() {
                FileType::Directory => true,
                // Some file systems tell only when asked.
                FileType::Unknown => self.child(&name)?.is_some_and(|child| child.kind == LocalKind::Folder),
                _ => false,
            };
            if is_folder && !is_own(&self.path, &name) {
                names.push(name);
            }
        }
        Ok(names)
    }

    /// One child, if it is there and can be synced.
    ///
    /// # Errors
    /// [`TreeError::Disk`].
    pub fn child(&self, name: &EntryName) -> Result<Option<LocalChild>, TreeError> {
        match statat(&self.fd, name.as_str(), AtFlags::SYMLINK_NOFOLLOW) {
            Ok(stat) => Ok(child(name.clone(), &stat).ok()),
            Err(Errno::NOENT) => Ok(None),
            Err(errno) => Err(TreeError::disk("look at", self.path.join(name).to_path())(errno)),
        }
    }

    /// A folder in this one.
    ///
    /// # Errors
    /// [`TreeError::Disk`]; also if it is a link now.
    pub fn open_folder(&self, name: &EntryName) -> Result<Self, TreeError> {
        let path = self.path.join(name);
        let fd =
            openat(&self.fd, name.as_str(), FOLDER, Mode::empty()).map_err(TreeError::disk("open", path.to_path()))?;
        Ok(Self { fd, path })
    }

    /// This folder, by a descriptor of its own.
    ///
    /// # Errors
    /// [`TreeError::Disk`].
    pub fn open_folder_itself(&self) -> Result<Self, TreeError> {
        let fd = openat(&self.fd, c".", FOLDER, Mode::empty()).map_err(TreeError::disk("open", self.path.to_path()))?;
        Ok(Self { fd, path: self.path.clone() })
    }

    /// A file in this folder, for reading.
    ///
    /// # Errors
    /// [`TreeError::Disk`]; also if it is a link now.
    pub fn open_file(&self, name: &EntryName) -> Result<File, TreeError> {
        openat(&self.fd, name.as_str(), FILE, Mode::empty())
            .map(File::from)
            .map_err(TreeError::disk("open", self.path.join(name).to_path()))
    }

    /// Where a link in this folder points to.
    ///
    /// # Errors
    /// [`TreeError::Disk`].
    pub fn read_link(&self, name: &EntryName) -> Result<Vec<u8>, TreeError> {
        readlinkat(&self.fd, name.as_str(), Vec::new())
            .map(|target| target.into_bytes())
            .map_err(TreeError::disk("read", self.path.join(name).to_path()))
    }

    /// Makes a folder in this one; one that is there already is as good.
    ///
    /// # Errors
    /// [`TreeError::Disk`].
    pub fn make_folder(&self, name: &EntryName) -> Result<(), TreeError> {
        step(|| self.full_path(name.as_str()))?;
        match mkdirat(&self.fd, name.as_str(), Mode::RWXU | Mode::RWXG | Mode::RWXO) {
            Ok(()) | Err(Errno::EXIST) => Ok(()),
            Err(errno) => Err(TreeError::disk("make", self.path.join(name).to_path())(errno)),
        }
    }

    /// What the disk says of the folder itself.
    ///
    /// # Errors
    /// [`TreeError::Disk`].
    pub fn identity(&self) -> Result<Identity, TreeError> {
        fstat(&self.fd).map(|stat| Identity::of(&stat)).map_err(TreeError::disk("look at", self.path.to_path()))
    }

    /// Makes what was renamed in this folder survive a power cut.
    ///
    /// # Errors
    /// [`TreeError::Disk`].
    pub fn sync(&self) -> Result<(), TreeError> {
        fsync(&self.fd).map_err(TreeError::disk("flush", self.path.to_path()))
    }

    pub(super) fn stat_name(&self, name: &EntryName) -> Result<Stat, Errno> {
        statat(&self.fd, name.as_str(), AtFlags::SYMLINK_NOFOLLOW)
    }

    pub(super) fn full_path(&self, name: impl AsRef<Path>) -> std::path::PathBuf {
        self.path.to_path().join(name)
    }
}

impl AsFd for Folder {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

pub(super) fn open_root(path: &Path) -> Result<OwnedFd, TreeError> {
    // The root itself is the user's own word: a link to it may be followed.
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    rustix::fs::open(path, flags, Mode::empty()).map_err(TreeError::disk("open", path))
}

fn child(name: EntryName, stat: &Stat) -> Result<LocalChild, EntryName> {
    let kind = match FileType::from_raw_mode(stat.st_mode) {
        FileType::RegularFile => LocalKind::File,
        FileType::Directory => LocalKind::Folder,
        FileType::Symlink => LocalKind::Symlink,
        _ => return Err(name),
    };
    let executable = kind == LocalKind::File && Mode::from_raw_mode(stat.st_mode).contains(Mode::XUSR);
    Ok(LocalChild { name, kind, executable, identity: Identity::of(stat) })
}
