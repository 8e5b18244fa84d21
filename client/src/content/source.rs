//! Where the bytes of a file come from.

use std::fs::File;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use crate::limit::SETTLING_LOOKS_MAX;
use crate::log::EntryName;
use crate::tree::{DiskFile, Folder, Identity, SyncRoot, TreeError, TreePath};

/// Something to read once, or again.
#[derive(Debug, Clone)]
pub enum Source {
    /// A file below a sync root.
    InRoot {
        /// The root.
        root: Arc<SyncRoot>,
        /// The folder it is in.
        folder: TreePath,
        /// The number of that folder on the disk when it was looked into: no other one is read.
        folder_inode: u64,
        /// Its name there.
        name: EntryName,
    },
    /// A symbolic link below a sync root: its content is where it points to.
    Link {
        /// The root.
        root: Arc<SyncRoot>,
        /// The folder it is in.
        folder: TreePath,
        /// The number of that folder on the disk when it was looked into: no other one is read.
        folder_inode: u64,
        /// Its name there.
        name: EntryName,
    },
    /// A file that the user named.
    Path(PathBuf),
}

/// An opened source.
#[derive(Debug)]
pub(super) enum Open {
    /// A file, and what the disk says of it.
    File(Box<dyn DiskFile>),
    /// Bytes that are there already.
    Bytes(Vec<u8>, Identity),
}

impl Source {
    pub(super) fn open(&self) -> Result<Open, TreeError> {
        match self {
            Self::InRoot { root, folder, folder_inode, name } => {
                Ok(Open::File(root.open_same(folder, *folder_inode)?.open_file(name)?))
            }
            Self::Link { root, folder, folder_inode, name } => {
                let folder: Folder = root.open_same(folder, *folder_inode)?;
                let identity = folder.child(name)?.map(|child| child.identity);
                let target = folder.read_link(name)?;
                match identity {
                    Some(identity) => Ok(Open::Bytes(target, identity)),
                    None => Err(absent(&self.path())),
                }
            }
            Self::Path(path) => File::open(path)
                .map(|file| Open::File(Box::new(file)))
                .map_err(|source| TreeError::Disk { what: "open", path: path.clone(), source }),
        }
    }

    /// What the disk says of an open file, and whether its owner may execute it.
    pub(super) fn look(&self, file: &dyn DiskFile) -> Result<(Identity, bool), TreeError> {
        let look = file.look().map_err(|errno| TreeError::Disk {
            what: "look at",
            path: self.path(),
            source: errno.into(),
        })?;
        Ok((look.identity, look.executable))
    }

    /// The same before it is read, so that whatever changes it from then on makes it look otherwise.
    pub(super) fn look_settled(&self, file: &dyn DiskFile) -> Result<(Identity, bool), TreeError> {
        let mut look = self.look(file)?;
        for _ in 0..SETTLING_LOOKS_MAX {
            if !file.outlast(look.0.ctime_ns) {
                break;
            }
            look = self.look(file)?;
        }
        Ok(look)
    }

    /// Where it stands below its root, if it stands in one.
    #[must_use]
    pub fn spot(&self) -> Option<TreePath> {
        match self {
            Self::InRoot { folder, name, .. } | Self::Link { folder, name, .. } => Some(folder.join(name)),
            Self::Path(_) => None,
        }
    }

    /// Its path, for messages.
    #[must_use]
    pub fn path(&self) -> PathBuf {
        match self {
            Self::InRoot { folder, name, .. } | Self::Link { folder, name, .. } => folder.to_path().join(name.as_str()),
            Self::Path(path) => path.clone(),
        }
    }
}

fn absent(path: &std::path::Path) -> TreeError {
    TreeError::Disk { what: "open", path: path.to_owned(), source: io::ErrorKind::NotFound.into() }
}
