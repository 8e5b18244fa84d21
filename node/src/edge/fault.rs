//! What can go wrong with one request, by who is at fault; and the one place that says how a client is told.

use quinn::WriteError;
use vauban_protocol::canonical::DecodeError;
use vauban_protocol::wire::{FrameError, ListError, Refusal};

use crate::chunks::{Corrupt, ReadError, StoreError};
use crate::edge::memory::Busy;
use crate::metadata::{Failure, ProposeError};
use crate::peers::PeerRefusal;
use crate::replication::ReplicationError;

/// Why a request was not served.
#[derive(Debug, thiserror::Error)]
pub(super) enum RequestFault {
    /// The peer breaks a bound of the frame, or sends no canonical header.
    #[error("malformed request: {0}")]
    Frame(#[from] FrameError),
    /// The peer's list body does not split.
    #[error("malformed request: {0}")]
    List(#[from] ListError),
    /// The peer's signed object does not decode.
    #[error("malformed request: {0}")]
    Decode(#[from] DecodeError),
    /// The peer breaks a bound that the header sets.
    #[error("malformed request: {0}")]
    Bound(&'static str),
    /// The peer's bytes are not the chunk that it named.
    #[error(transparent)]
    Chunk(#[from] Corrupt),
    /// The peer was silent, or slower than any line that Vauban is made for.
    #[error("the peer took too long")]
    Slow,
    /// The peer ended the stream or the connection.
    #[error("the peer is gone: {0}")]
    Gone(String),
    /// What the peer asks for is not done.
    #[error("refused: {0}")]
    Refused(#[from] Refusal),
    /// What another node asks for is not done.
    #[error("refused: {0}")]
    Peer(#[from] PeerRefusal),
    /// The node is at one of its bounds.
    #[error(transparent)]
    Busy(#[from] Busy),
    /// The chunk store.
    #[error("chunk store: {0}")]
    Store(#[from] StoreError),
    /// The replicas of chunks.
    #[error("replicas: {0}")]
    Replication(#[from] ReplicationError),
    /// The applied state.
    #[error("metadata: {0}")]
    Metadata(#[from] Failure),
    /// Apply answered another proposal than the one that was made. A bug of the node.
    #[error("apply answered another proposal")]
    Crossed,
    /// Raft, or what it applied.
    #[error("proposal: {0}")]
    Propose(#[from] ProposeError),
}

impl RequestFault {
    /// What the client is told; `None` if there is nobody to tell.
    pub(super) fn refusal(&self) -> Option<Refusal> {
        match self {
            Self::Gone(_) => None,
            Self::Refused(refusal) => Some(*refusal),
            Self::Frame(_)
            | Self::List(_)
            | Self::Decode(_)
            | Self::Bound(_)
            | Self::Chunk(Corrupt::Oversized { .. }) => Some(Refusal::Malformed),
            Self::Chunk(_) => Some(Refusal::ChunkMismatch),
            Self::Store(StoreError::DiskFull { .. })
            | Self::Replication(
                ReplicationError::TooFew { is_full: true, .. } | ReplicationError::Store(StoreError::DiskFull { .. }),
            ) => Some(Refusal::DiskFull),
            Self::Propose(error) => Some(proposal(error)),
            Self::Slow
            | Self::Peer(_)
            | Self::Busy(_)
            | Self::Store(_)
            | Self::Replication(_)
            | Self::Metadata(_)
            | Self::Crossed => Some(Refusal::Unavailable),
        }
    }

    /// Whether the node itself is at fault: an operator wants to read of it.
    pub(super) fn is_ours(&self) -> bool {
        // Disks that are full are said by who watches them, not once a request.
        self.refusal() != Some(Refusal::DiskFull) && self.is_failure()
    }

    fn is_failure(&self) -> bool {
        matches!(self, Self::Store(_) | Self::Replication(_) | Self::Metadata(_) | Self::Busy(_) | Self::Crossed)
            || matches!(self, Self::Propose(error) if matches!(proposal(error), Refusal::Unavailable))
    }
}

fn proposal(error: &ProposeError) -> Refusal {
    match error {
        ProposeError::Refused(refusal) => *refusal,
        ProposeError::Unavailable | ProposeError::Fatal(_) => Refusal::Unavailable,
    }
}

impl From<ReadError> for RequestFault {
    fn from(error: ReadError) -> Self {
        match error {
            ReadError::Store(error) => Self::Store(error),
            // Answered as such by `get_chunks`; elsewhere no copy is read.
            ReadError::Corrupt { cause, .. } => Self::Chunk(cause),
        }
    }
}

impl From<WriteError> for RequestFault {
    fn from(error: WriteError) -> Self {
        Self::Gone(error.to_string())
    }
}
