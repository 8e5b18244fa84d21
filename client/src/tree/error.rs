//! Why the disk does not do what it was asked.

use std::io;
use std::path::PathBuf;

use rustix::io::Errno;

/// What the local disk refuses. Never the fault of a node or of another member.
#[derive(Debug, thiserror::Error)]
pub enum TreeError {
    /// A call failed.
    #[error("{what} {path}: {source}")]
    Disk {
        /// What was tried, as a verb.
        what: &'static str,
        /// On what, below the root.
        path: PathBuf,
        /// The system's answer.
        source: io::Error,
    },
    /// There is no such folder, and none was synced there.
    #[error("there is no folder {0}")]
    Missing(PathBuf),
    /// The folder is not marked as this space's, though files were synced with it: an unmounted disk looks like that.
    #[error("the folder {0} has lost its mark")]
    MarkerLost(PathBuf),
    /// The folder is synced with another space.
    #[error("the folder {0} belongs to another space")]
    OtherSpace(PathBuf),
    /// The mark cannot be read.
    #[error("the mark {0} is damaged")]
    MarkerDamaged(PathBuf),
    /// The folder holds the keys of this device, or lies among them: they would go to every member, and others' would come here.
    #[error("the folder {folder} and this device's home {home} lie in each other")]
    HoldsHome {
        /// The folder.
        folder: PathBuf,
        /// The home.
        home: PathBuf,
    },
    /// The folder lies in another one that is synced, or holds one: each would take the other's files for its own.
    #[error("the folder {folder} and the synced folder {other} lie in each other")]
    Nested {
        /// The folder.
        folder: PathBuf,
        /// The one that was synced first.
        other: PathBuf,
    },
    /// What another version displaced could be put nowhere: it waits in Vauban's own folder, out of everybody's sight, and the next
    /// run begins with it. Nothing may be concluded from its absence until then.
    #[error("what stood at {path} waits in Vauban's own folder: {why}")]
    Stranded {
        /// Where it stood.
        path: PathBuf,
        /// Why it could not be put back.
        #[source]
        why: Box<TreeError>,
    },
    /// As many conflict copies of one file as there may be.
    #[error("there are too many conflict copies of {0}")]
    TooManyCopies(PathBuf),
}

impl TreeError {
    pub(super) fn disk(what: &'static str, path: impl Into<PathBuf>) -> impl FnOnce(Errno) -> Self {
        let path = path.into();
        move |errno| Self::Disk { what, path, source: errno.into() }
    }

    /// Whether the thing simply is not there.
    #[must_use]
    pub fn is_absent(&self) -> bool {
        matches!(self, Self::Disk { source, .. } if source.kind() == io::ErrorKind::NotFound)
    }

    /// Whether a folder on the way is no longer there, or no longer a folder.
    #[must_use]
    pub fn is_way_lost(&self) -> bool {
        // A link is no folder, wherever it leads.
        let is_link = |source: &io::Error| source.raw_os_error() == Some(Errno::LOOP.raw_os_error());
        matches!(self, Self::Disk { source, .. }
            if matches!(source.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) || is_link(source))
    }

    /// Whether the disk is full, or a quota is used up: nothing else will fit either.
    #[must_use]
    pub fn is_full(&self) -> bool {
        matches!(self, Self::Disk { source, .. }
            if matches!(source.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded))
    }

    /// Whether the run must end with it, since what follows would rest on something wrong, or fail likewise.
    #[must_use]
    pub fn ends_a_run(&self) -> bool {
        matches!(self, Self::Stranded { .. }) || self.is_full()
    }

    /// This, of something that was displaced from `path` and is still where nobody sees it.
    pub(super) fn stranding(self, path: PathBuf) -> Self {
        Self::Stranded { path, why: Box::new(self) }
    }
}
