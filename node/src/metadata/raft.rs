//! The types that the consensus engine is instantiated with, and its settings. They go no further than this folder.

use std::fmt;
use std::sync::Arc;

use openraft::{Config, EmptyNode, Entry, SnapshotPolicy, TokioRuntime};
use serde::{Deserialize, Serialize};
use vauban_protocol::id::NodeId;

use super::command::{Batch, Outcomes};
use super::error::MetadataError;
use super::store::SnapshotFolder;
use crate::limit::{
    APPEND_ENTRIES_MAX, ELECTION_MILLISECONDS_MAX, ELECTION_MILLISECONDS_MIN, HEARTBEAT_MILLISECONDS,
    LOG_ENTRIES_PER_SNAPSHOT,
};

openraft::declare_raft_types!(
    /// One organisation's group. Where its voters are reached is the layout's business, so they carry no address here.
    pub(super) Group:
        D = Batch,
        R = Outcomes,
        NodeId = Voter,
        Node = EmptyNode,
        Entry = Entry<Group>,
        SnapshotData = SnapshotFolder,
        AsyncRuntime = TokioRuntime,
);

/// A node, as the consensus engine names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
pub(super) struct Voter([u8; NodeId::BYTES]);

impl From<NodeId> for Voter {
    fn from(node: NodeId) -> Self {
        Self(node.0)
    }
}

impl From<Voter> for NodeId {
    fn from(voter: Voter) -> Self {
        Self(voter.0)
    }
}

impl fmt::Display for Voter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        NodeId(self.0).fmt(f)
    }
}

/// How the group behaves in time and size.
pub(super) fn settings() -> Result<Arc<Config>, MetadataError> {
    let settings = Config {
        cluster_name: "vauban".to_owned(),
        heartbeat_interval: HEARTBEAT_MILLISECONDS,
        election_timeout_min: ELECTION_MILLISECONDS_MIN,
        election_timeout_max: ELECTION_MILLISECONDS_MAX,
        max_payload_entries: APPEND_ENTRIES_MAX,
        snapshot_policy: SnapshotPolicy::LogsSinceLast(LOG_ENTRIES_PER_SNAPSHOT),
        // What the log forgets, `trim` says.
        max_in_snapshot_log_to_keep: u64::MAX,
        ..Config::default()
    };
    let settings = settings.validate().map_err(|error| MetadataError::Engine(error.to_string()))?;
    Ok(Arc::new(settings))
}

#[cfg(test)]
impl From<u64> for Voter {
    /// The engine's own conformance suite counts its voters.
    fn from(number: u64) -> Self {
        let mut id = [0; NodeId::BYTES];
        id[NodeId::BYTES - 8..].copy_from_slice(&number.to_be_bytes());
        Self(id)
    }
}
