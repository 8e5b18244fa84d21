//! One folder of the disk, by its own descriptor.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use rustix::io::Errno;

use super::disk::{Disk, DiskFile, Listed, Look, Place};
use super::disk_name::is_own;
use super::{Identity, TreeError, TreePath, is_ignore_file};
use crate::limit::SETTLING_LOOKS_MAX;
use crate::log::{EntryName, NameError};

/// An open folder below the root.
#[derive(Debug, Clone)]
pub struct Folder {
    place: Arc<dyn Place>,
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

/// What a folder was searched for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Searched {
    /// Those of the numbers that something in it has.
    pub numbers: Vec<u64>,
    /// The folders in it, as far as their names are names in the log.
    pub folders: Vec<EntryName>,
    /// The files of rules in it.
    pub ignore_files: Vec<EntryName>,
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

impl Listing {
    /// The files of rules in it.
    #[must_use]
    pub fn ignore_files(&self) -> Vec<EntryName> {
        let files = self.children.iter().filter(|child| child.kind == LocalKind::File && is_ignore_file(&child.name));
        files.map(|child| child.name.clone()).collect()
    }
}

impl Folder {
    /// The folder at `path`, which the user named: links on the way there may be followed.
    pub(super) fn open_root(disk: &dyn Disk, path: &Path) -> Result<Self, TreeError> {
        let place = disk.open(path).map_err(TreeError::disk("open", path))?;
        Ok(Self { place, path: TreePath::root() })
    }

    /// As the disk has it.
    pub(super) fn place(&self) -> &dyn Place {
        self.place.as_ref()
    }

    /// Where it is, below the root.
    #[must_use]
    pub fn path(&self) -> &TreePath {
        &self.path
    }

    /// Everything in it but what is Vauban's own, by name. All or an error: an incomplete listing would look like removals.
    ///
    /// # Errors
    /// [`TreeError::Disk`].
    pub fn list(&self) -> Result<Listing, TreeError> {
        let mut listing = Listing::default();
        for Listed { name, .. } in self.place.names().map_err(TreeError::disk("read", self.path.to_path()))? {
            match EntryName::parse(&name) {
                Ok(name) if is_own(&name) => {}
                Ok(name) => self.list_one(name, &mut listing)?,
                Err(error) => listing.unfit.push((String::from_utf8_lossy(&name).into_owned(), error.into())),
            }
        }
        listing.children.sort_unstable_by(|a, b| a.name.cmp(&b.name));
        Ok(listing)
    }

    fn list_one(&self, name: EntryName, listing: &mut Listing) -> Result<(), TreeError> {
        let look = match self.settled(&name) {
            Ok(look) => look,
            Err(Errno::NOENT) => return Ok(()),
            Err(errno) => return Err(TreeError::disk("look at", self.path.join(&name).to_path())(errno)),
        };
        match child(name, look) {
            Ok(child) => listing.children.push(child),
            Err(name) => listing.unfit.push((name.as_str().to_owned(), Unfit::Special)),
        }
        Ok(())
    }

    /// What stands at `name`, looked at so that whatever changes it later makes it look otherwise.
    fn settled(&self, name: &EntryName) -> Result<Look, Errno> {
        let mut look = self.place.look_at(name.as_str())?;
        for _ in 0..SETTLING_LOOKS_MAX {
            if look.kind != Some(LocalKind::File) || !self.place.outlast(look.identity.ctime_ns) {
                break;
            }
            look = self.place.look_at(name.as_str())?;
        }
        Ok(look)
    }

    /// The names of the folders and files of rules in it, without looking at anything else; those that are none in the log are
    /// left out.
    ///
    /// # Errors
    /// [`TreeError::Disk`].
    pub fn outline(&self) -> Result<Searched, TreeError> {
        self.search(&BTreeSet::new())
    }

    /// The same, and which of these numbers of its disk are in it.
    ///
    /// # Errors
    /// [`TreeError::Disk`].
    pub fn search(&self, numbers: &BTreeSet<u64>) -> Result<Searched, TreeError> {
        let mut searched = Searched::default();
        for Listed { name, is_folder, number } in
            self.place.names().map_err(TreeError::disk("read", self.path.to_path()))?
        {
            let has_number = numbers.contains(&number);
            let Ok(name) = EntryName::parse(&name) else { continue };
            if is_own(&name) {
                continue;
            }
            if has_number {
                searched.numbers.push(number);
            }
            let kind = match is_folder {
                Some(true) => Some(LocalKind::Folder),
                Some(false) if !is_ignore_file(&name) => None,
                _ => self.child(&name)?.map(|child| child.kind),
            };
            match kind {
                Some(LocalKind::Folder) => searched.folders.push(name),
                Some(LocalKind::File) if is_ignore_file(&name) => searched.ignore_files.push(name),
                _ => {}
            }
        }
        searched.ignore_files.sort_unstable();
        Ok(searched)
    }

    /// The folders in it, with their numbers on its disk, without looking at anything else.
    ///
    /// # Errors
    /// [`TreeError::Disk`].
    pub fn folders(&self) -> Result<Vec<(EntryName, u64)>, TreeError> {
        let mut folders = Vec::new();
        for Listed { name, is_folder, number } in
            self.place.names().map_err(TreeError::disk("read", self.path.to_path()))?
        {
            let Ok(name) = EntryName::parse(&name) else { continue };
            let is_one = || Ok(self.child(&name)?.is_some_and(|child| child.kind == LocalKind::Folder));
            if !is_own(&name) && is_folder.map_or_else(is_one, Ok)? {
                folders.push((name, number));
            }
        }
        Ok(folders)
    }

    /// One child, if it is there and can be synced.
    ///
    /// # Errors
    /// [`TreeError::Disk`].
    pub fn child(&self, name: &EntryName) -> Result<Option<LocalChild>, TreeError> {
        match self.place.look_at(name.as_str()) {
            Ok(look) => Ok(child(name.clone(), look).ok()),
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
        let place = self.place.open_folder(name.as_str()).map_err(TreeError::disk("open", path.to_path()))?;
        Ok(Self { place, path })
    }

    /// The same, if it still is the folder with this number on the disk.
    ///
    /// # Errors
    /// [`TreeError::Disk`]; as of one that is not there, if another folder stands there.
    pub fn open_same(&self, name: &EntryName, inode: u64) -> Result<Self, TreeError> {
        let folder = self.open_folder(name)?;
        if folder.identity()?.inode == inode {
            return Ok(folder);
        }
        Err(TreeError::disk("open", folder.path.to_path())(Errno::NOENT))
    }

    /// A folder below this one, walked to name by name; this one for the empty path.
    ///
    /// # Errors
    /// [`TreeError::Disk`]; also if anything on the way is a link.
    pub(super) fn open_below(&self, path: &TreePath) -> Result<Self, TreeError> {
        path.names().iter().try_fold(self.clone(), |folder, name| folder.open_folder(name))
    }

    /// A file in this folder, for reading.
    ///
    /// # Errors
    /// [`TreeError::Disk`]; also if it is a link now.
    pub fn open_file(&self, name: &EntryName) -> Result<Box<dyn DiskFile>, TreeError> {
        self.place.open_file(name.as_str()).map_err(TreeError::disk("open", self.path.join(name).to_path()))
    }

    /// Where a link in this folder points to.
    ///
    /// # Errors
    /// [`TreeError::Disk`].
    pub fn read_link(&self, name: &EntryName) -> Result<Vec<u8>, TreeError> {
        self.place.read_link(name.as_str()).map_err(TreeError::disk("read", self.path.join(name).to_path()))
    }

    /// Makes a folder in this one; one that is there already is as good.
    ///
    /// # Errors
    /// [`TreeError::Disk`].
    pub fn make_folder(&self, name: &EntryName) -> Result<(), TreeError> {
        match self.place.create_folder(name.as_str()) {
            Ok(()) | Err(Errno::EXIST) => Ok(()),
            Err(errno) => Err(TreeError::disk("make", self.path.join(name).to_path())(errno)),
        }
    }

    /// What the disk says of the folder itself.
    ///
    /// # Errors
    /// [`TreeError::Disk`].
    pub fn identity(&self) -> Result<Identity, TreeError> {
        let look = self.place.look_at_itself().map_err(TreeError::disk("look at", self.path.to_path()))?;
        Ok(look.identity)
    }

    /// Makes what was renamed in this folder survive a power cut.
    ///
    /// # Errors
    /// [`TreeError::Disk`].
    pub fn sync(&self) -> Result<(), TreeError> {
        self.place.flush().map_err(TreeError::disk("flush", self.path.to_path()))
    }

    pub(super) fn identity_of(&self, name: &EntryName) -> Result<Identity, Errno> {
        Ok(self.place.look_at(name.as_str())?.identity)
    }

    pub(super) fn full_path(&self, name: impl AsRef<Path>) -> std::path::PathBuf {
        self.path.to_path().join(name)
    }
}

fn child(name: EntryName, look: Look) -> Result<LocalChild, EntryName> {
    match look.kind {
        Some(kind) => Ok(LocalChild { name, kind, executable: look.executable, identity: look.identity }),
        None => Err(name),
    }
}
