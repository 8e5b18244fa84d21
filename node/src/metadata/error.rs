//! What can go wrong with the metadata, and who is to act.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use vauban_protocol::id::{Fingerprint, NodeId};
use vauban_protocol::wire::Refusal;

/// The disk failed this node while it ran: a write or fsync of unknown effect, or bytes that no longer decode.
///
/// There is no retry: after a failed fsync the system may report success next time for pages it has dropped. The node
/// stops, and its next start reads what is really on the disk.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the metadata database at {} failed while it {during}: {cause}", path.display())]
pub struct Failure {
    /// The database.
    pub path: PathBuf,
    /// What the node was doing.
    pub during: &'static str,
    /// What the storage engine says.
    pub cause: Arc<str>,
}

/// Why the metadata cannot be opened or founded. What to do about each is said by its explanation.
#[derive(Debug, thiserror::Error)]
pub enum MetadataError {
    /// The disk: the files are not what was written.
    #[error("the metadata database at {} is damaged: {cause}", path.display())]
    Damaged {
        /// The folder.
        path: PathBuf,
        /// What is wrong with it.
        cause: String,
    },
    /// The disk: there is nothing, where there had been something.
    #[error("the metadata at {} are gone, but this node holds chunks", path.display())]
    Lost {
        /// The folder.
        path: PathBuf,
    },
    /// The disk: the mark that there are metadata cannot be made.
    #[error("the mark at {} cannot be made", path.display())]
    NotMarked {
        /// The mark.
        path: PathBuf,
    },
    /// The operator: two processes, one folder.
    #[error("the metadata database at {} is in use by another process", path.display())]
    InUse {
        /// The folder.
        path: PathBuf,
    },
    /// The operator: the folder belongs to another node.
    #[error("the metadata at {} belong to node {found}, not to {expected}", path.display())]
    OtherNode {
        /// The folder.
        path: PathBuf,
        /// Whose it is.
        found: NodeId,
        /// Who opens it.
        expected: NodeId,
    },
    /// The operator: the folder is of a build from before the first release.
    #[error("the metadata at {} have format {found}, of a build from before the first release, which is read no more", path.display())]
    OlderFormat {
        /// The folder.
        path: PathBuf,
        /// Its format.
        found: u32,
    },
    /// The operator: the software is older than the folder.
    #[error("the metadata at {} have format {found}; this build reads up to {supported}", path.display())]
    NewerFormat {
        /// The folder.
        path: PathBuf,
        /// Its format.
        found: u32,
        /// What this build reads.
        supported: u32,
    },
    /// The admin: the chain is not one of this organisation, or does not verify.
    #[error("the organisation's chain is refused: {0}")]
    Chain(Refusal),
    /// The group did not get ready in time.
    #[error("the metadata group has no leader after {seconds} s")]
    NotReady {
        /// How long it was waited for.
        seconds: u64,
    },
    /// The disk: see [`Failure`].
    #[error(transparent)]
    Failed(#[from] Failure),
    /// A bug: the consensus engine refuses what it was given.
    #[error("the consensus engine: {0}")]
    Engine(String),
}

/// Why there is no backup, or nothing was restored from one. The operator acts.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// A file or folder cannot be read or written.
    #[error("{}: {source}", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The file is no backup.
    #[error("{} is not a backup of metadata", path.display())]
    None {
        /// The file.
        path: PathBuf,
    },
    /// The file was written by a later version.
    #[error("{} was written by a later version", path.display())]
    Later {
        /// The file.
        path: PathBuf,
    },
    /// The file was cut short, or changed.
    #[error("{} is damaged", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
    },
    /// The node has applied nothing yet.
    #[error("the node has nothing to back up yet")]
    Nothing,
    /// The backup is another organisation's than the node.
    #[error("the backup is of organisation {found}, the node of {expected}")]
    OtherOrganisation {
        /// Whose the backup is.
        found: Fingerprint,
        /// Whose the node is.
        expected: Fingerprint,
    },
    /// The system gives no randomness.
    #[error("the system gives no randomness: {0}")]
    Randomness(getrandom::Error),
    /// The database.
    #[error(transparent)]
    Metadata(#[from] MetadataError),
}

impl From<Failure> for BackupError {
    fn from(failure: Failure) -> Self {
        Self::Metadata(failure.into())
    }
}
