//! A node, as placement sees it.

use serde::{Deserialize, Serialize};
use vauban_protocol::id::NodeId;

/// A node that may hold chunks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Member {
    /// The node.
    pub node: NodeId,
    /// Its datacentre, by its charter.
    pub site: String,
    /// What it can hold, in any unit that all members share.
    pub capacity: u64,
    /// Whether it is to be emptied.
    pub is_draining: bool,
}
