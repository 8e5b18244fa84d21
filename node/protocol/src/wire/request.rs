//! What a client may ask. New variants are added at the end only; unknown ones are refused by decoding.

use serde::{Deserialize, Serialize};

use crate::id::{ChunkId, DropId, InviteId, LinkId, NodeId, SpaceId, UserId};
use crate::limit::{
    CERTIFICATE_BYTES_MAX, CERTIFICATES_MAX, CHUNKS_BYTES_MAX, COMMIT_BYTES_MAX, DROPS_TAKEN_BYTES_MAX, IDS_MAX,
    INVITE_BYTES_MAX, JOIN_POST_BYTES_MAX, LINK_BYTES_MAX, LINK_END_BYTES_MAX, LINK_PART_IDS_MAX, OBJECT_BYTES_MAX,
    REQUEST_BYTES_MAX, SEEN_BYTES_MAX,
};
use crate::organisation::QuotaOf;
use crate::space::LINK_TOKEN_BYTES;
use crate::wire::DropPlace;

/// A request of an admitted device.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Request {
    /// How the node is. → `Status`
    Status,
    /// The organisation's chain from this position on, 0 being the genesis. → `Organisation`, body: list of certificates
    Organisation {
        /// The first position wanted.
        from: u64,
    },
    /// Appends certificates, all or none. Body: list of signed certificates. → `Certified`
    Certify,
    /// Begins a space. Body: signed genesis. → `SpaceCreated`
    CreateSpace,
    /// The spaces that this device's user is a member of. → `Spaces`
    Spaces,
    /// A space's chain from this position on, 0 being the genesis. → `Log`, body: list of signed objects
    Log {
        /// The space.
        space: SpaceId,
        /// The first position wanted.
        from: u64,
    },
    /// Appends a commit. Body: signed commit. → `Committed`
    Commit {
        /// The space.
        space: SpaceId,
    },
    /// Stores sealed chunks. Body: the objects, one after the other. → `Stored`
    PutChunks {
        /// The space that they are held for.
        space: SpaceId,
        /// Each object's id and length, in the body's order.
        chunks: Vec<ChunkHead>,
    },
    /// Asks which chunks are held, with fresh receipts. → `Held`
    HaveChunks {
        /// The space.
        space: SpaceId,
        /// The ids.
        ids: Vec<ChunkId>,
    },
    /// Fetches chunks. → `Chunks`, body: the present objects, one after the other
    GetChunks {
        /// The space.
        space: SpaceId,
        /// The ids; their objects together must fit [`CHUNKS_BYTES_MAX`].
        ids: Vec<ChunkId>,
    },
    /// Opens an invite. Body: signed invite. → `InviteOpened`
    OpenInvite,
    /// The open invites that this user may finish. → `Invites`, body: list of signed invites
    Invites,
    /// The posts on an invite. → `JoinPosts`, body: list of posts
    JoinPosts {
        /// The invite.
        invite: InviteId,
    },
    /// A space's commits after a position, then each later one as soon as it is applied. → `Following`, then items until
    /// the stream ends (`formats#22`)
    Follow {
        /// The space.
        space: SpaceId,
        /// The last position that the follower has, 0 being the genesis.
        from: u64,
    },
    /// Says up to where this device has verified a space. Body: signed [`crate::space::Seen`]. → `SeenKept`
    Seen {
        /// The space.
        space: SpaceId,
    },
    /// What each device has last said it has seen of a space. → `Seens`, body: list of signed [`crate::space::Seen`]
    Seens {
        /// The space.
        space: SpaceId,
    },
    /// The outline of a space's chain up to its last checkpoint (`formats#19`): from a position on, 0 being the genesis,
    /// the commits that change the space in clear; then the checkpoint's own. → `Outline`, body: list of signed objects,
    /// as many as fit; none if there is no checkpoint
    Outline {
        /// The space.
        space: SpaceId,
        /// The checkpoint must lie before this position.
        before: u64,
        /// The first position wanted.
        from: u64,
    },
    /// How much is stored for a space or a person, and may be: a member asks of the space, a person of themselves, an admin of any.
    /// → `Usage`
    Usage {
        /// Whose.
        of: QuotaOf,
    },
    /// Asks every replica what it has of these chunks, where `HaveChunks` did not find them held by enough. → `Checked`
    CheckChunks {
        /// The space.
        space: SpaceId,
        /// The ids.
        ids: Vec<ChunkId>,
    },
    /// Makes a link. Body: signed [`crate::space::SharedLink`]. → `LinkCreated`
    CreateLink,
    /// Names one part of a link's chunks: nodes keep them for as long as the link lasts. → `LinkHeld`
    HoldLink {
        /// The link.
        link: LinkId,
        /// Which part, from 0 on.
        part: u8,
        /// Its ids, in ascending order.
        ids: Vec<ChunkId>,
    },
    /// Ends a link. Body: signed [`crate::space::LinkEnd`]. → `LinkEnded`
    EndLink,
    /// The links of a space, with those that ended lately. → `Links`, body: list of signed [`crate::space::SharedLink`]
    Links {
        /// The space.
        space: SpaceId,
    },
    /// The commits from a position on that change the space in clear: what a member needs to find the keys of what came before. → `Outline`,
    /// body: list of signed commits, as many as fit; none if there is none
    Turns {
        /// The space.
        space: SpaceId,
        /// The first position wanted.
        from: u64,
    },
    /// Makes a file request. Body: signed [`crate::space::FileRequest`]. → `LinkCreated`; it ends as a link does, by `EndLink`
    CreateFileRequest,
    /// The file requests of a space, with those that ended lately. → `FileRequests`, body: list of signed [`crate::space::FileRequest`]
    FileRequests {
        /// The space.
        space: SpaceId,
    },
    /// What was dropped into a space, whole, and is not taken yet. → `Drops`
    Drops {
        /// The space.
        space: SpaceId,
        /// Those that stand after this one; all of them if none is given.
        after: Option<DropPlace>,
    },
    /// The chunks of a drop, from a record on; `GetChunks` then gives them. → `DropChunks`
    DropChunks {
        /// The space.
        space: SpaceId,
        /// The file request.
        request: LinkId,
        /// The drop.
        drop: DropId,
        /// The first record wanted.
        from: u32,
    },
    /// Frees drops that are in the space, or not wanted. Body: signed [`crate::space::DropsTaken`]. → `DropsTaken`
    TakeDrops,
    /// What nodes know of a person's spaces: an admin asks of anybody, a person of themselves. → `SpacesOf`
    SpacesOf {
        /// Who.
        user: UserId,
        /// Those after this space, by identifier; all of them if none is given.
        after: Option<SpaceId>,
    },
    /// Whether the cluster can do without a node: admins ask. → `NodeStanding`
    NodeStanding {
        /// Which one.
        node: NodeId,
    },
}

/// The id and length of an object in a body.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChunkHead {
    /// Its address.
    pub id: ChunkId,
    /// Its bytes.
    pub object_bytes: u32,
}

/// A request of someone who is not enrolled, on [`crate::wire::ALPN_GUEST`]. Each names an invite or a link that exists.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum GuestRequest {
    /// As [`Request::Organisation`].
    Organisation {
        /// An open or used invite.
        invite: InviteId,
        /// The first position wanted.
        from: u64,
    },
    /// The invite itself. → `Invites`, body: list of one signed invite
    Invite {
        /// Which one.
        invite: InviteId,
    },
    /// Answers an invite. Body: a join post. → `Joined`
    Join {
        /// Which one.
        invite: InviteId,
    },
    /// As [`Request::Organisation`], for whoever knows a link. Nothing that opens it is shown yet: the node is not trusted.
    LinkOrganisation {
        /// A link that exists.
        link: LinkId,
        /// The first position wanted.
        from: u64,
    },
    /// Opens a link. → `LinkOpened`, body: list of one signed [`crate::space::SharedLink`]
    OpenLink {
        /// Which one.
        link: LinkId,
        /// Its access token.
        token: [u8; LINK_TOKEN_BYTES],
    },
    /// Fetches chunks of a link. → `Chunks`, body: the present objects, one after the other
    LinkChunks {
        /// Which one.
        link: LinkId,
        /// Its access token.
        token: [u8; LINK_TOKEN_BYTES],
        /// The ids; their objects together must fit [`CHUNKS_BYTES_MAX`].
        ids: Vec<ChunkId>,
    },
}

impl Request {
    /// Bytes of body that may follow this request; `None` if a list in the header itself breaks its bound.
    #[must_use]
    pub fn body_bytes_max(&self) -> Option<usize> {
        match self {
            Self::Status
            | Self::Organisation { .. }
            | Self::Spaces
            | Self::Log { .. }
            | Self::Invites
            | Self::JoinPosts { .. }
            | Self::Follow { .. }
            | Self::Seens { .. }
            | Self::Outline { .. }
            | Self::Turns { .. }
            | Self::Usage { .. }
            | Self::SpacesOf { .. }
            | Self::NodeStanding { .. }
            | Self::Links { .. }
            | Self::FileRequests { .. }
            | Self::Drops { .. }
            | Self::DropChunks { .. } => Some(0),
            Self::CreateFileRequest => Some(REQUEST_BYTES_MAX),
            Self::TakeDrops => Some(DROPS_TAKEN_BYTES_MAX),
            Self::CreateLink => Some(LINK_BYTES_MAX),
            Self::EndLink => Some(LINK_END_BYTES_MAX),
            Self::HoldLink { ids, .. } => (ids.len() <= LINK_PART_IDS_MAX).then_some(0),
            Self::Seen { .. } => Some(SEEN_BYTES_MAX),
            Self::Certify => Some(CERTIFICATES_MAX * (CERTIFICATE_BYTES_MAX + 4)),
            Self::CreateSpace => Some(CERTIFICATE_BYTES_MAX),
            Self::Commit { .. } => Some(COMMIT_BYTES_MAX),
            Self::OpenInvite => Some(INVITE_BYTES_MAX),
            Self::PutChunks { chunks, .. } => put_bytes(chunks),
            Self::HaveChunks { ids, .. } | Self::GetChunks { ids, .. } | Self::CheckChunks { ids, .. } => {
                (ids.len() <= IDS_MAX).then_some(0)
            }
        }
    }
}

/// Bytes that a `PutChunks` body must have.
fn put_bytes(chunks: &[ChunkHead]) -> Option<usize> {
    if chunks.len() > IDS_MAX {
        return None;
    }
    let mut total = 0usize;
    for chunk in chunks {
        let bytes = usize::try_from(chunk.object_bytes).ok().filter(|bytes| *bytes <= OBJECT_BYTES_MAX)?;
        total = total.checked_add(bytes)?;
    }
    (total <= CHUNKS_BYTES_MAX).then_some(total)
}

impl GuestRequest {
    /// Bytes of body that may follow this request; `None` if a list in the header itself breaks its bound.
    #[must_use]
    pub fn body_bytes_max(&self) -> Option<usize> {
        match self {
            Self::Organisation { .. } | Self::Invite { .. } | Self::LinkOrganisation { .. } | Self::OpenLink { .. } => {
                Some(0)
            }
            Self::Join { .. } => Some(JOIN_POST_BYTES_MAX),
            Self::LinkChunks { ids, .. } => (ids.len() <= IDS_MAX).then_some(0),
        }
    }
}
