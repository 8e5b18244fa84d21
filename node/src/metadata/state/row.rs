//! A chunk's metadata: the reason why its copies are kept.

use serde::{Deserialize, Serialize};

/// Exists for each chunk that a commit added and that has not been purged; sweep deletes no copy that has one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Row {
    /// The Raft index of the last commit that added the chunk.
    pub added_at: u64,
    /// The number, in its space's chain, of the commit that released it, if it was released since; adding it again, or keeping
    /// it, takes the release back.
    pub released_by: Option<u64>,
}
