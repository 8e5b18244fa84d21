//! What can go wrong with the files of this machine.

use std::io;
use std::path::{Path, PathBuf};

/// A file of this machine that cannot be used. Nobody outside is at fault.
#[derive(Debug, thiserror::Error)]
pub enum StateError {
    /// The operating system refuses.
    #[error("{path}: {source}")]
    Io {
        /// Which file or folder.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The file is damaged: its checksum or its form is wrong.
    #[error("{0} is damaged")]
    Damaged(PathBuf),
    /// The file was written by a later version.
    #[error("{0} was written by a later version")]
    Later(PathBuf),
    /// The file is longer than a file of its kind can be.
    #[error("{0} is too long")]
    TooLong(PathBuf),
    /// There is such a file already, and it is not overwritten.
    #[error("{0} exists already")]
    Exists(PathBuf),
    /// No device has been enrolled here.
    #[error("{0} holds no enrolled device")]
    NoHome(PathBuf),
    /// Another process is writing with this home's keys.
    #[error("{0} is in use by another process")]
    InUse(PathBuf),
    /// Another process keeps this home's folders in step.
    #[error("{0} is served by another process")]
    Served(PathBuf),
    /// A file that a person may write says what it cannot.
    #[error("{path}: {reason}")]
    Unfit {
        /// Which file.
        path: PathBuf,
        /// Why.
        reason: String,
    },
}

impl StateError {
    /// The operating system's refusal about `path`.
    pub fn io(path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Io { path: path.to_owned(), source }
    }
}
