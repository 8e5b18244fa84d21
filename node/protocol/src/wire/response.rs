//! What a node answers. New variants are added at the end only.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::chain::Head;
use crate::id::{ChunkId, DropId, LinkId, NodeId, SpaceId, UserId};
use crate::limit::{
    CERTIFICATES_BYTES_MAX, CHUNKS_BYTES_MAX, COMMITS_BYTES_MAX, INVITE_BYTES_MAX, INVITES_MAX, JOIN_POST_BYTES_MAX,
    JOIN_POSTS_MAX, LINK_BYTES_MAX, LINKS_BYTES_MAX, REQUESTS_BYTES_MAX, SEENS_BYTES_MAX,
};
use crate::receipt::Receipt;
use crate::space::{Member, Role};
use crate::time::Timestamp;
use crate::wire::Refusal;

/// The header of an answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Response {
    /// It was not done. After [`Refusal::NotHead`] the missing commits follow as a list.
    Refused(Refusal),
    /// How the node is.
    Status(NodeStatus),
    /// Certificates follow, from the position asked for, as many as fit; `head` is where the chain stands.
    Organisation {
        /// Where the chain stands.
        head: Head,
    },
    /// The certificates are in the chain.
    Certified {
        /// The head that they made.
        head: Head,
    },
    /// The space exists.
    SpaceCreated {
        /// Its identifier.
        space: SpaceId,
    },
    /// The user's spaces.
    Spaces(Vec<SpaceSummary>),
    /// Signed objects follow, from the position asked for, as many as fit; `head` is where the space stands.
    Log {
        /// Where the space stands.
        head: Head,
    },
    /// The commit is in the chain, by Raft's word.
    Committed {
        /// The head that it made.
        head: Head,
    },
    /// The chunks are durable on a majority of the assigned replicas.
    Stored {
        /// One from each node that holds all of them.
        receipts: Vec<Receipt>,
    },
    /// Which of the chunks are held by a majority.
    Held {
        /// For each id asked for, in order, whether it is held.
        held: Vec<bool>,
        /// Receipts for exactly the held ones, in order; empty if none is.
        receipts: Vec<Receipt>,
    },
    /// Chunks follow.
    Chunks {
        /// For each id asked for, in order, what the node has.
        chunks: Vec<ChunkAnswer>,
    },
    /// The invite is open.
    InviteOpened,
    /// Signed invites follow as a list.
    Invites,
    /// Join posts follow as a list.
    JoinPosts,
    /// The post is kept for the inviter.
    Joined,
    /// Commits follow as items after this message, one by one, until the stream ends; `head` is where the space stands.
    Following {
        /// Where the space stands.
        head: Head,
    },
    /// What the device has seen is kept.
    SeenKept,
    /// What devices have seen follows, as a list.
    Seens,
    /// Signed objects of a space's outline follow.
    Outline {
        /// Where the space stands.
        head: Head,
    },
    /// How much is stored.
    Usage {
        /// Bytes of sealed objects.
        used_bytes: u64,
        /// Bytes that may be; none without a quota.
        bytes_max: Option<u64>,
    },
    /// What the replicas have of each chunk, in the order of the request.
    Checked {
        /// See [`ChunkState`].
        chunks: Vec<ChunkState>,
    },
    /// The link exists; it is served once all its parts are named.
    LinkCreated {
        /// Where a browser opens links, if the node serves a page; without a slash at its end.
        origin: Option<String>,
    },
    /// The part's chunks are kept for the link.
    LinkHeld,
    /// The link is served no more.
    LinkEnded,
    /// A space's links follow, as a list.
    Links {
        /// How each of them is, in the list's order.
        standings: Vec<LinkStanding>,
    },
    /// The link itself follows, as a list of one.
    LinkOpened,
    /// A space's file requests follow, as a list.
    FileRequests {
        /// How each of them is, in the list's order.
        standings: Vec<FileRequestStanding>,
    },
    /// What was dropped, the earliest first, at most [`crate::limit::DROPS_LISTED_MAX`] of it.
    Drops(Vec<DropSummary>),
    /// A drop's chunks, from the record asked for, as many as fit; none at its end.
    DropChunks {
        /// Their ids.
        chunks: Vec<ChunkId>,
    },
    /// The drops are let go of.
    DropsTaken,
    /// A person's spaces, by identifier, as many as fit: [`crate::limit::SPACES_OF_MAX`] at most.
    SpacesOf {
        /// Each space.
        spaces: Vec<SpaceOf>,
        /// Whether there are more after the last one.
        has_more: bool,
    },
    /// Whether the cluster can do without a node.
    NodeStanding(NodeStanding),
}

/// What stands in the way of taking a node out, by the word of the node that is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct NodeStanding {
    /// Whether the newest layout of chunks over nodes has settled.
    pub is_settled: bool,
    /// Whether an active layout names the node: it holds what others may not have yet.
    pub is_named: bool,
    /// Chunks that the node says it holds; none if it does not answer.
    pub chunks: Option<u64>,
}

/// How a file request is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileRequestStanding {
    /// Whether anything is taken in; never unfinished.
    pub phase: LinkPhase,
    /// Bytes of sealed records that came, in all.
    pub bytes: u64,
    /// Drops that were begun, in all.
    pub drops: u32,
    /// Drops that members have taken.
    pub taken: u32,
}

/// Something that was dropped, by the nodes' word.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DropSummary {
    /// By which file request.
    pub request: LinkId,
    /// Which drop.
    pub drop: DropId,
    /// How many records it has.
    pub records: u32,
    /// Bytes of their objects.
    pub bytes: u64,
    /// When it was finished, by cluster time.
    pub finished_at: Timestamp,
    /// What whoever dropped it says for members to open it by.
    pub head: Vec<u8>,
}

/// Where a drop stands among those of a space: those that were finished earlier come first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct DropPlace {
    /// When it was finished, by cluster time.
    pub finished_at: Timestamp,
    /// By which file request.
    pub request: LinkId,
    /// Which drop.
    pub drop: DropId,
}

impl DropSummary {
    /// Where it stands.
    #[must_use]
    pub fn place(&self) -> DropPlace {
        DropPlace { finished_at: self.finished_at, request: self.request, drop: self.drop }
    }
}

/// What nodes know of a person in a space. It is told so that people see what they are about to do, and decides nothing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SpaceOf {
    /// The space.
    pub space: SpaceId,
    /// What the person may do in it.
    pub role: Role,
    /// Its owners and managers, this person included.
    pub rulers: BTreeMap<UserId, Member>,
    /// How many others write, of those who are of the organisation.
    pub writers: u32,
    /// How many others only read.
    pub readers: u32,
    /// Links of this person's devices that are served, or will be.
    pub links: u32,
}

/// How a link is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct LinkStanding {
    /// Whether it is served.
    pub phase: LinkPhase,
    /// How often it was opened, by the nodes' word.
    pub opened: u64,
}

/// Whether a link is served. New variants are added at the end only.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum LinkPhase {
    /// It is.
    Open,
    /// Not yet: not all its parts were named.
    Unfinished,
    /// Not any more: its time has passed.
    Expired,
    /// Not any more: somebody ended it, or whoever made it may not share any more.
    Ended,
}

/// What replicas have of a chunk, by their own word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum ChunkState {
    /// All of them answered, and at least one has a copy: repair brings what others lack.
    There,
    /// One that may have a copy did not answer: nothing can be said.
    Unheard,
    /// All of them answered, and none has one.
    Lost,
}

/// What a node has of one chunk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum ChunkAnswer {
    /// This many bytes of the body, verified against the id.
    Present {
        /// Bytes of the object.
        object_bytes: u32,
    },
    /// Nothing.
    Missing,
    /// A copy that no longer matches its id; it has been quarantined.
    Corrupt,
    /// Nothing whole at the nodes that answered, while one that may have it did not.
    Unheard,
}

/// A space as its members' list shows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct SpaceSummary {
    /// The space.
    pub space: SpaceId,
    /// Where it stands.
    pub head: Head,
}

/// How a node is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NodeStatus {
    /// The node.
    pub node: NodeId,
    /// Its software's version.
    pub version: String,
    /// The state's feature level.
    pub feature_level: u32,
    /// The cluster's time.
    pub cluster_time: Timestamp,
    /// The node's own clock.
    pub node_time: Timestamp,
    /// The organisation's head that it has applied.
    pub org: Head,
    /// The Raft index that it has applied.
    pub applied: u64,
    /// The floor under which receipts are too old.
    pub floor: u64,
    /// Bytes free on the disk that holds chunks.
    pub disk_free_bytes: u64,
}

impl Response {
    /// Bytes of body that may follow this answer.
    #[must_use]
    pub fn body_bytes_max(&self) -> usize {
        match self {
            Self::Refused(Refusal::NotHead { .. }) | Self::Log { .. } | Self::Outline { .. } => COMMITS_BYTES_MAX,
            Self::Organisation { .. } => CERTIFICATES_BYTES_MAX,
            Self::Chunks { .. } => CHUNKS_BYTES_MAX,
            Self::Invites => INVITES_MAX * (INVITE_BYTES_MAX + 4),
            Self::Seens => SEENS_BYTES_MAX,
            Self::JoinPosts => JOIN_POSTS_MAX * (JOIN_POST_BYTES_MAX + 4),
            Self::Refused(_)
            | Self::Status(_)
            | Self::Certified { .. }
            | Self::SpaceCreated { .. }
            | Self::Spaces(_)
            | Self::Committed { .. }
            | Self::Stored { .. }
            | Self::Held { .. }
            | Self::InviteOpened
            | Self::Joined
            | Self::SeenKept
            | Self::Following { .. }
            | Self::Usage { .. }
            | Self::Checked { .. }
            | Self::LinkCreated { .. }
            | Self::LinkHeld
            | Self::SpacesOf { .. }
            | Self::NodeStanding(_)
            | Self::LinkEnded
            | Self::Drops(_)
            | Self::DropChunks { .. }
            | Self::DropsTaken => 0,
            Self::FileRequests { .. } => REQUESTS_BYTES_MAX,
            Self::LinkOpened => LINK_BYTES_MAX + 4,
            Self::Links { .. } => LINKS_BYTES_MAX,
        }
    }
}
