//! Why a node does not do what it was asked; each variant tells the client what to do next.

use serde::{Deserialize, Serialize};

use crate::chain::Head;
use crate::organisation::QuotaOf;

/// A refusal. New variants are added at the end only.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
pub enum Refusal {
    /// The request does not decode, or breaks a bound. A bug of the client, or an attack.
    #[error("the node could not read the request")]
    Malformed,
    /// No such device in the organisation's chain, as far as this node has applied it.
    #[error("the node does not know this device")]
    UnknownDevice,
    /// The device or its user was revoked.
    #[error("this device has been revoked")]
    Revoked,
    /// The proof of possession does not verify.
    #[error("the device's proof does not verify")]
    Proof,
    /// The user may not do this.
    #[error("this user may not do that")]
    Forbidden,
    /// No such space, or not one of this user's: the two are not told apart.
    #[error("no such space")]
    UnknownSpace,
    /// No such invite, or used.
    #[error("this invite does not exist or has been used")]
    UnknownInvite,
    /// The invite's time has passed.
    #[error("this invite has expired")]
    InviteExpired,
    /// The invite holds as many posts as it may.
    #[error("this invite has received too many answers")]
    InviteFull,
    /// A certificate does not extend the organisation's chain; the head is this.
    #[error("the organisation's chain has moved on, or refuses the certificate")]
    Certificate {
        /// Where the chain stands.
        head: Head,
    },
    /// The space has moved on; the commits after `prev` follow as the body, bounded.
    #[error("the space has moved on")]
    NotHead {
        /// Where the space stands.
        head: Head,
    },
    /// The device has used this counter for another commit.
    #[error("this device's counter was used for another commit")]
    CounterUsed,
    /// A counter is missing.
    #[error("the commit's counter is not the next one")]
    CounterGap {
        /// The counter that is due.
        expected: u64,
    },
    /// The commit rests on receipts older than the floor: ask `HaveChunks` again, no bytes move.
    #[error("the receipts are too old")]
    ReceiptsTooOld {
        /// The floor.
        floor: u64,
    },
    /// The commit names an organisation head that this node cannot accept.
    #[error("the commit's organisation head is not acceptable")]
    OrganisationHead {
        /// The head that this node has applied.
        head: Head,
    },
    /// The commit is not valid in its space (role, epoch, signature).
    #[error("the commit is not valid in its space")]
    Commit,
    /// A chunk's bytes do not hash to its id.
    #[error("a chunk does not match its id")]
    ChunkMismatch,
    /// A limit of the organisation's (spaces, invites) or of the connection's (follows) is reached.
    #[error("a limit is reached")]
    Limit,
    /// Too many of the disks that the chunks belong on have passed their limit: nodes take no more of them.
    #[error("too many disks are full")]
    DiskFull,
    /// No quorum, stopping, or overloaded: try again, or another node.
    #[error("the node is not available now")]
    Unavailable,
    /// This node lags behind what the client has seen; no alarm, ask another.
    #[error("the node lags behind")]
    Behind,
    /// The request needs a feature level that the cluster has not reached.
    #[error("the cluster does not support this yet")]
    FeatureLevel,
    /// The commit keeps a chunk that has been purged: if its copies are still there, it can be added again.
    #[error("a chunk is no longer kept")]
    NotKept,
    /// The disk of this node's metadata is nearly full: it takes no chunks as a gateway. Another node may, or this one later.
    #[error("the disk of the node's metadata is nearly full")]
    MetadataFull,
    /// What is to be stored would pass a quota. Nothing of it was done; what adds no chunks is not refused for it.
    #[error("a quota would be passed: {used_bytes} of {bytes_max} bytes are used")]
    Quota {
        /// Which one.
        of: QuotaOf,
        /// Bytes stored.
        used_bytes: u64,
        /// Bytes that may be.
        bytes_max: u64,
    },
    /// The cluster was restored from a backup, and waits for the root to put it into force; or it is one that was replaced so.
    #[error("the cluster was restored from a backup, and is not in force")]
    NotInForce,
    /// No such link, or none that is served yet.
    #[error("this link does not exist")]
    UnknownLink,
    /// The link's time has passed.
    #[error("this link has expired")]
    LinkExpired,
    /// The link was ended, or whoever made it may not share any more.
    #[error("this link was ended")]
    LinkEnded,
    /// The access token is another link's, or made with another password.
    #[error("this is not the link's secret or password")]
    LinkToken,
    /// The link was opened, or guessed at, too often lately.
    #[error("this link was opened too often; wait a minute")]
    LinkBusy,
    /// The commit gives keys by a chunk of which no node that was asked has a copy. Store it again.
    #[error("no node has the chunk that the commit gives keys by")]
    NoCopy,
    /// A file request has received as much as it may, or as many drops.
    #[error("this file request has received as much as it may")]
    RequestFull,
}

impl Refusal {
    /// Whether the same request may succeed later without any change.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        matches!(self, Self::Unavailable | Self::Behind | Self::MetadataFull | Self::NotInForce)
    }

    /// Whether only room is lacking for what is to be stored: whatever needs none still goes.
    #[must_use]
    pub fn is_for_room(&self) -> bool {
        matches!(self, Self::DiskFull | Self::MetadataFull | Self::Quota { .. })
    }
}
