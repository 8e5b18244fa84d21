//! A chunk's metadata: the reason why its copies are kept.

use serde::{Deserialize, Serialize};

/// Exists for each chunk that a commit added and that has not been purged; sweep deletes no copy that has one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Row {
    /// The Raft index of the last commit that added the chunk.
    pub added_at: u64,
    /// The Raft index of its release, if it was released since; adding it again takes the release back.
    pub released_at: Option<u64>,
}
