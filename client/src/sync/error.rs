//! Why a run stops. What concerns one file only is an [`Issue`](super::Issue) instead, and the rest goes on.

use vauban_crypto::error::SealError;
use vauban_protocol::id::SpaceId;
use vauban_protocol::wire::Refusal;

use super::MembersError;
use crate::content::{DedupError, FetchError, NodesError, UploadError};
use crate::failure::Failure;
use crate::log::{EpochError, LogError};
use crate::shared_link::SharedLinkError;
use crate::state::StateError;
use crate::state::cache::CacheError;
use crate::state::journal::JournalError;
use crate::tree::TreeError;

/// Why a run stops.
#[derive(Debug, thiserror::Error)]
pub enum SyncError {
    /// A node does not answer, refuses, or misbehaves.
    #[error(transparent)]
    Nodes(#[from] NodesError),
    /// Chunks could not be stored as the policy wants them.
    #[error(transparent)]
    Upload(#[from] UploadError),
    /// Content could not be fetched.
    #[error(transparent)]
    Fetch(#[from] FetchError),
    /// The log is not followed any further. Most of these are alarms.
    #[error(transparent)]
    Log(#[from] LogError),
    /// An epoch's keys cannot be had. Most of these are alarms.
    #[error(transparent)]
    Epoch(#[from] EpochError),
    /// The device's own part: the organisation's chain, its files.
    #[error(transparent)]
    Device(Box<Failure>),
    /// The node shows less of the space than this device has seen. Another node may have it.
    #[error("the node is at {theirs}, this device has seen {ours}")]
    Behind {
        /// The number that this device has verified.
        ours: u64,
        /// The number that the node shows.
        theirs: u64,
    },
    /// The cluster was restored from a backup, and the root has reanchored it: whoever syncs goes back with it, and commits anew.
    #[error("the cluster was restored from a backup")]
    SetBack,
    /// This device started from a checkpoint, and has not read the history behind it yet.
    #[error("the history behind the checkpoint was not read yet")]
    HistoryBehind,
    /// The answer to a commit is not what the commit makes: the node misbehaves.
    #[error("the node answered a commit with another head than it makes")]
    OtherHead,
    /// What stood there was released, and its retention has passed.
    #[error("this content is no longer kept")]
    NotKept,
    /// Others came first, every time.
    #[error("others changed the space at each try")]
    Overtaken,
    /// The space has no keys yet, and this device may not start them.
    #[error("space {0} has no keys yet")]
    NoEpoch(SpaceId),
    /// The space's members are not changed.
    #[error(transparent)]
    Members(#[from] MembersError),
    /// The local disk, beyond one file.
    #[error(transparent)]
    Tree(#[from] TreeError),
    /// The cache.
    #[error(transparent)]
    Cache(#[from] CacheError),
    /// The journal.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// The anchor.
    #[error(transparent)]
    State(#[from] StateError),
    /// Something was to be sealed that cannot be: a defect, or a name that is too long.
    #[error("sealing: {0}")]
    Seal(#[from] SealError),
    /// This device's keys do not sign: a defect of the machine.
    #[error("signing: {0}")]
    Sign(#[from] vauban_crypto::signing::SigningError),
    /// It was told to halt, and did so between two steps.
    #[error("halted")]
    Halted,
    /// A defect of the client's own.
    #[error("defect: {0}")]
    Bug(&'static str),
}

impl From<Failure> for SyncError {
    fn from(failure: Failure) -> Self {
        Self::Device(Box::new(failure))
    }
}

impl From<SharedLinkError> for SyncError {
    fn from(error: SharedLinkError) -> Self {
        Failure::from(error).into()
    }
}

impl From<DedupError> for SyncError {
    fn from(error: DedupError) -> Self {
        match error {
            DedupError::Cache(error) => error.into(),
            DedupError::Journal(error) => error.into(),
            DedupError::Frame(error) => error.into(),
        }
    }
}

impl SyncError {
    /// Whether a commit was refused in a way that sending the same bytes again does not change: for a quota, or for what its author may do.
    pub(super) fn is_final(&self) -> bool {
        let Self::Nodes(error) = self else { return false };
        matches!(
            error.refusal(),
            Some(Refusal::Quota { .. } | Refusal::Forbidden | Refusal::Commit | Refusal::Limit | Refusal::Malformed)
        )
    }

    /// Whether nodes only lack room for content: what needs none still goes.
    #[must_use]
    pub fn is_for_room(&self) -> bool {
        let (Self::Nodes(error) | Self::Upload(UploadError::Nodes(error))) = self else { return false };
        error.refusal().is_some_and(|refusal| refusal.is_for_room())
    }

    /// Whether this is proof or suspicion of an attack, a clone or a restored server, that a person must look at.
    #[must_use]
    pub fn is_alarm(&self) -> bool {
        match self {
            Self::Log(error) => {
                matches!(
                    error,
                    LogError::Fork { .. }
                        | LogError::Rollback { .. }
                        | LogError::SplitView { .. }
                        | LogError::Withheld { .. }
                        | LogError::Cloned { .. }
                        | LogError::Invalid { .. }
                        | LogError::FalseCheckpoint { .. }
                )
            }
            Self::Epoch(error) => matches!(error, EpochError::Withheld { .. }),
            Self::OtherHead => true,
            _ => false,
        }
    }
}
