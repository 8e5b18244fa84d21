//! Why chunks are not where they should be.

use crate::chunks::StoreError;

/// Why a gateway cannot answer.
#[derive(Debug, thiserror::Error)]
pub enum ReplicationError {
    /// Too few of the assigned replicas have the chunks, durably: the client tries again, here or at another node.
    #[error("too few of the assigned nodes could store the chunks: {failed} failed, the first because {cause}")]
    TooFew {
        /// How many failed.
        failed: usize,
        /// Why the first of them did.
        cause: String,
        /// Whether enough would have them if no disk were full.
        is_full: bool,
    },
    /// The layout changed again and again while it was tried.
    #[error("the layout keeps changing")]
    Unsettled,
    /// This node's own store.
    #[error(transparent)]
    Store(#[from] StoreError),
}
