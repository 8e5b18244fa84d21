//! What one node asks of another, and how that answers. Framed as what devices ask (`formats#20`): a canonical, bounded header,
//! then a body that never passes through postcard.
//!
//! Variants are added at the end only: nodes of two versions speak with each other while a cluster is being updated.

use serde::{Deserialize, Serialize};
use vauban_protocol::chain::Head;
use vauban_protocol::id::{Incarnation, NodeId};
use vauban_protocol::limit::{CERTIFICATE_BYTES_MAX, CERTIFICATES_BYTES_MAX, HEADER_BYTES_MAX};

use crate::chunks::{ChunkStore, Fill, StoreError};
use crate::jobs::Upkeep;
use crate::limit::{CONSENSUS_BYTES_MAX, PROPOSED_BYTES_MAX, SNAPSHOT_BYTES_MAX, SNAPSHOT_MANIFEST_BYTES_MAX};
use crate::replication::{ChunkReply, ChunkRequest};
use crate::reserve::Reserve;

/// A request of another node.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum PeerRequest {
    /// The first on each connection, and again whenever the caller wants to compare. → `Greeted`, body: list of the certificates
    /// after the caller's head, as many as fit
    Greet(Greeting),
    /// Certificates that the answering node lacks. Body: their list. → `Taught`
    Teach,
    /// The leader's entries, or its sign of life. Body: the engine's. → `Consensus`, body: the engine's
    Append,
    /// A candidate asks for a vote. Body: the engine's. → `Consensus`, body: the engine's
    Vote,
    /// The leader's snapshot. Body: the files that the manifest names, one after the other. → `Consensus`, body: the engine's
    Snapshot {
        /// What it is, in the engine's terms, and its files.
        manifest: Vec<u8>,
    },
    /// A gateway's proposals, for the leader. Body: the commands. → `Proposed`, body: the outcomes
    Propose,
    /// About chunks. → `Chunks`
    Chunks(ChunkRequest),
    /// How the node is. → `Status`
    Status,
    /// Up to where the log is committed, as the leader knows once a majority has confirmed that it leads. → `Position`
    Position,
    /// Which feature level the node supports. → `Level`
    Level,
    /// What the node holds, and how full its disks are. → `Condition`
    Condition,
    /// What the node's jobs have found of its copies. → `Upkeep`
    Upkeep,
}

/// How a node is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PeerStatus {
    /// The index that it has applied.
    pub applied: u64,
    /// Its software's version.
    pub version: String,
}

/// What a node holds, and how full its disks are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct PeerCondition {
    /// The newest layout that it has applied.
    pub layout: u64,
    /// Copies held.
    pub chunks: u64,
    /// Bytes of their objects.
    pub object_bytes: u64,
    /// Bytes free on their disk.
    pub disk_free_bytes: u64,
    /// Bytes of that disk.
    pub disk_total_bytes: u64,
    /// What it still takes.
    pub fill: Fill,
    /// Whether the metadata's reserve is given up.
    pub is_metadata_short: bool,
}

impl PeerCondition {
    /// How this node is.
    ///
    /// # Errors
    /// [`StoreError`] if its store does not say.
    pub fn of(chunks: &ChunkStore, reserve: &Reserve, layout: u64) -> Result<Self, StoreError> {
        let stats = chunks.stats()?;
        Ok(Self {
            layout,
            chunks: stats.chunks,
            object_bytes: stats.object_bytes,
            disk_free_bytes: stats.disk.free_bytes(),
            disk_total_bytes: stats.disk.total_bytes,
            fill: stats.fill,
            is_metadata_short: reserve.standing().is_short,
        })
    }
}

/// Who greets, and what it knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Greeting {
    /// The node; its certificate must name it.
    pub node: NodeId,
    /// How far it knows the organisation's chain.
    pub head: Head,
    /// Whether its metadata are empty: it has never voted, and holds no entry.
    pub blank: bool,
    /// Which incarnation of the cluster its state is of; none before it has applied anything.
    pub incarnation: Option<Incarnation>,
}

impl Greeting {
    /// Whether the two may make up one cluster. What a node knows of one incarnation is wrong in another: only one that knows nothing
    /// suits both.
    #[must_use]
    pub fn suits(&self, other: &Self) -> bool {
        self.incarnation.is_none() || other.incarnation.is_none() || self.incarnation == other.incarnation
    }
}

/// The header of an answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum PeerResponse {
    /// It was not done.
    Refused(PeerRefusal),
    /// The answering node's own greeting; certificates follow as a list.
    Greeted(Greeting),
    /// The certificates are known now.
    Taught {
        /// How far the chain is known.
        head: Head,
    },
    /// The consensus engine's answer follows.
    Consensus,
    /// The outcomes of the commands follow: they are committed.
    Proposed {
        /// The index of their entry.
        index: u64,
    },
    /// About chunks.
    Chunks(ChunkReply),
    /// How the node is.
    Status(PeerStatus),
    /// Whatever was acknowledged before the question stands at this index or below.
    Position {
        /// The index.
        index: u64,
    },
    /// What the node's software can read.
    Level {
        /// The highest feature level.
        supported: u32,
    },
    /// What the node holds.
    Condition(PeerCondition),
    /// What its jobs have found.
    Upkeep(Upkeep),
}

/// Why a node does not do what another asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
pub enum PeerRefusal {
    /// The request does not decode, or breaks a bound.
    #[error("it could not read the request")]
    Malformed,
    /// No charter that satisfies the policy names the caller's key, or it has not greeted.
    #[error("it does not trust this node")]
    NotAdmitted,
    /// The two know different chains.
    #[error("it knows another chain of the organisation")]
    OtherChain,
    /// It does not lead.
    #[error("it does not lead the group")]
    NotLeader,
    /// Stopping, without quorum, or at one of its bounds.
    #[error("it is not available now")]
    Unavailable,
    /// Its disk has passed a limit: it takes no more chunks.
    #[error("its disk is full")]
    DiskFull,
    /// One of the two was restored from a backup, and the other was not.
    #[error("it is of another incarnation of the cluster")]
    OtherIncarnation,
}

impl PeerRequest {
    /// The request's name, as metrics and logs say it.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Greet(_) => "peer_greet",
            Self::Teach => "peer_teach",
            Self::Append => "peer_append",
            Self::Vote => "peer_vote",
            Self::Snapshot { .. } => "peer_snapshot",
            Self::Propose => "peer_propose",
            Self::Chunks(request) => request.name(),
            Self::Status => "peer_status",
            Self::Position => "peer_position",
            Self::Level => "peer_level",
            Self::Condition => "peer_condition",
            Self::Upkeep => "peer_upkeep",
        }
    }

    /// Bytes of body that may follow this request; `None` if a list in the header itself breaks its bound.
    #[must_use]
    pub fn body_bytes_max(&self) -> Option<usize> {
        match self {
            Self::Greet(_) | Self::Status | Self::Position | Self::Level | Self::Condition | Self::Upkeep => Some(0),
            Self::Teach => Some(CERTIFICATES_BYTES_MAX),
            Self::Append | Self::Vote => Some(CONSENSUS_BYTES_MAX),
            Self::Snapshot { manifest } => {
                (manifest.len() <= SNAPSHOT_MANIFEST_BYTES_MAX).then_some(SNAPSHOT_BYTES_MAX)
            }
            Self::Propose => Some(PROPOSED_BYTES_MAX),
            Self::Chunks(request) => request.body_bytes_max(),
        }
    }
}

impl PeerResponse {
    /// Bytes of body that may follow this answer.
    #[must_use]
    pub fn body_bytes_max(&self) -> usize {
        match self {
            Self::Refused(_)
            | Self::Taught { .. }
            | Self::Status(_)
            | Self::Position { .. }
            | Self::Level { .. }
            | Self::Condition(_)
            | Self::Upkeep(_) => 0,
            Self::Greeted(_) => CERTIFICATES_BYTES_MAX,
            Self::Consensus => CONSENSUS_BYTES_MAX,
            Self::Proposed { .. } => PROPOSED_BYTES_MAX,
            Self::Chunks(reply) => reply.body_bytes_max(),
        }
    }
}

const _: () = assert!(SNAPSHOT_MANIFEST_BYTES_MAX + 16 < HEADER_BYTES_MAX);
const _: () = assert!(CERTIFICATE_BYTES_MAX < CERTIFICATES_BYTES_MAX);

#[cfg(test)]
mod tests {
    use vauban_protocol::canonical::encode;
    use vauban_protocol::id::{Digest, SpaceId};

    use super::*;

    /// Numbers of variants are the wire between nodes of two versions.
    #[test]
    fn what_was_added_stands_at_the_end() {
        let head = Head { seq: 0, digest: Digest([0; 32]) };
        let condition = PeerCondition {
            layout: 0,
            chunks: 0,
            object_bytes: 0,
            disk_free_bytes: 0,
            disk_total_bytes: 0,
            fill: Fill::Roomy,
            is_metadata_short: false,
        };
        let greeting = Greeting { node: NodeId([0; 16]), head, blank: false, incarnation: Some(Incarnation::FIRST) };
        let requests = [
            PeerRequest::Greet(greeting),
            PeerRequest::Teach,
            PeerRequest::Append,
            PeerRequest::Vote,
            PeerRequest::Snapshot { manifest: vec![] },
            PeerRequest::Propose,
            PeerRequest::Chunks(ChunkRequest::Have { space: SpaceId([0; 16]), layout: 0, ids: vec![] }),
            PeerRequest::Status,
            PeerRequest::Position,
            PeerRequest::Level,
            PeerRequest::Condition,
            PeerRequest::Upkeep,
        ];
        let answers = [
            PeerResponse::Refused(PeerRefusal::Malformed),
            PeerResponse::Greeted(greeting),
            PeerResponse::Taught { head },
            PeerResponse::Consensus,
            PeerResponse::Proposed { index: 0 },
            PeerResponse::Chunks(ChunkReply::Chunks { chunks: vec![] }),
            PeerResponse::Status(PeerStatus { applied: 0, version: String::new() }),
            PeerResponse::Position { index: 0 },
            PeerResponse::Level { supported: 0 },
            PeerResponse::Condition(condition),
            PeerResponse::Upkeep(Upkeep::default()),
        ];
        let refusals = [
            PeerRefusal::Malformed,
            PeerRefusal::NotAdmitted,
            PeerRefusal::OtherChain,
            PeerRefusal::NotLeader,
            PeerRefusal::Unavailable,
            PeerRefusal::DiskFull,
        ];
        assert!(refusals.iter().zip(0..).all(|(refusal, number)| encode(refusal).first() == Some(&number)));
        assert!(requests.iter().zip(0..).all(|(request, number)| encode(request).first() == Some(&number)));
        assert!(answers.iter().zip(0..).all(|(answer, number)| encode(answer).first() == Some(&number)));
    }

    #[test]
    fn a_manifest_is_held_to_its_bound() {
        let of = |bytes| PeerRequest::Snapshot { manifest: vec![0; bytes] }.body_bytes_max();
        assert!(of(SNAPSHOT_MANIFEST_BYTES_MAX).is_some() && of(SNAPSHOT_MANIFEST_BYTES_MAX + 1).is_none());
    }
}
