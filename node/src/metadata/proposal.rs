//! What a gateway may ask of the group, and how it is answered.

use bytes::Bytes;
use vauban_protocol::id::{ChunkId, DropId, InviteId, LinkId};
use vauban_protocol::wire::Refusal;

use super::command::{Blob, Command, Record};
use super::error::Failure;
use crate::placement::Report;

/// A change that a person's device has signed, or what a node says of itself, for the group to order. Nothing else can be proposed
/// from outside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Proposal {
    /// Certificates that extend the organisation's chain, all or none.
    Certify(Vec<Bytes>),
    /// A space's genesis.
    CreateSpace(Bytes),
    /// A commit to a space.
    Commit(Bytes),
    /// The same, with the bytes of each object that it adds, in order.
    Weighed {
        /// The commit.
        commit: Bytes,
        /// Of what it adds; none if no copy was found.
        sizes: Vec<Option<u32>>,
    },
    /// An invite.
    OpenInvite(Bytes),
    /// A post on an open invite.
    Join {
        /// Which invite.
        invite: InviteId,
        /// The post.
        post: Bytes,
    },
    /// What a device has seen of a space.
    Seen(Bytes),
    /// What a node says it holds.
    Report(Report),
    /// A link.
    CreateLink(Bytes),
    /// One part of a link's chunks.
    HoldLink {
        /// The link.
        link: LinkId,
        /// Which part.
        part: u8,
        /// Its ids.
        ids: Vec<ChunkId>,
    },
    /// A link's end.
    EndLink(Bytes),
    /// That a link was opened here.
    LinkOpened {
        /// Which.
        link: LinkId,
        /// How often.
        times: u32,
    },
    /// A file request.
    CreateFileRequest(Bytes),
    /// A record of a drop.
    AddRecord(Record),
    /// That a drop is whole.
    FinishDrop {
        /// The file request.
        request: LinkId,
        /// The drop.
        drop: DropId,
        /// How many records it has.
        records: u32,
        /// What members open it by.
        head: Bytes,
    },
    /// The word that drops were taken.
    TakeDrops(Bytes),
    /// That a drop was given up.
    CancelDrop {
        /// The file request.
        request: LinkId,
        /// The drop.
        drop: DropId,
    },
}

/// Why a proposal has no effect, or none that is known.
#[derive(Debug, Clone, thiserror::Error)]
pub enum ProposeError {
    /// The proposer must change something first; the refusal says what.
    #[error(transparent)]
    Refused(Refusal),
    /// No leader, stopping, or too slow: it may have had its effect or not, and may be proposed again as it is.
    #[error("the group cannot order this now")]
    Unavailable,
    /// This node's storage failed: it must stop.
    #[error(transparent)]
    Fatal(#[from] Failure),
}

impl From<Proposal> for Command {
    fn from(proposal: Proposal) -> Self {
        match proposal {
            Proposal::Certify(certificates) => Self::Certify(certificates.into_iter().map(Blob).collect()),
            Proposal::CreateSpace(genesis) => Self::CreateSpace(Blob(genesis)),
            Proposal::Commit(commit) => Self::Commit(Blob(commit)),
            Proposal::Weighed { commit, sizes } => Self::Weighed { commit: Blob(commit), sizes },
            Proposal::OpenInvite(invite) => Self::OpenInvite(Blob(invite)),
            Proposal::Seen(seen) => Self::Seen(Blob(seen)),
            Proposal::CreateLink(link) => Self::CreateLink(Blob(link)),
            Proposal::HoldLink { link, part, ids } => Self::HoldLink { link, part, ids },
            Proposal::EndLink(end) => Self::EndLink(Blob(end)),
            Proposal::LinkOpened { link, times } => Self::LinkOpened { link, times },
            Proposal::CreateFileRequest(request) => Self::CreateFileRequest(Blob(request)),
            Proposal::AddRecord(record) => Self::AddRecord(record),
            Proposal::FinishDrop { request, drop, records, head } => {
                Self::FinishDrop { request, drop, records, head: Blob(head) }
            }
            Proposal::TakeDrops(taken) => Self::TakeDrops(Blob(taken)),
            Proposal::CancelDrop { request, drop } => Self::CancelDrop { request, drop },
            Proposal::Report(report) => Self::Report(report),
            Proposal::Join { invite, post } => Self::Join { invite, post: Blob(post) },
        }
    }
}
