//! What stands in the Raft log: commands, and the answers that applying them gives.
//!
//! The log is on disk, so this is a format: variants are added at the end only, and an entry that a voter cannot read
//! stops it. Payloads are carried as the bytes that were signed; apply decodes them again and trusts nothing before it.

use std::fmt;

use bytes::Bytes;
use serde::de::{Deserializer, Error, Visitor};
use serde::ser::Serializer;
use serde::{Deserialize, Serialize};
use vauban_protocol::chain::Head;
use vauban_protocol::id::{ChunkId, DropId, InviteId, LinkId, SpaceId};
use vauban_protocol::organisation::{Certificate, Invite, InviteKind, Statement};
use vauban_protocol::signed::Signed;
use vauban_protocol::space::{Commit, Control};
use vauban_protocol::time::Timestamp;
use vauban_protocol::wire::Refusal;

use super::level;
use crate::placement::Report;

/// One change of the state, as it is logged.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Command {
    /// The organisation's chain from its genesis on: founds the state, or extends it by what it lacks.
    Found(Vec<Blob>),
    /// Signed certificates that extend the organisation's chain, all or none.
    Certify(Vec<Blob>),
    /// A signed genesis.
    CreateSpace(Blob),
    /// A signed commit.
    Commit(Blob),
    /// A signed invite.
    OpenInvite(Blob),
    /// A join post.
    Join {
        /// The invite that it answers.
        invite: InviteId,
        /// Its bytes.
        post: Blob,
    },
    /// The leader's clock.
    Tick(Timestamp),
    /// Every voter supports this feature level.
    Raise(u32),
    /// What a device has seen of a space, signed.
    Seen(Blob),
    /// A node holds what a new layout gives it, signed.
    Report(Report),
    /// A signed commit, and what its gateway has found to be the sizes of what it adds. From feature level 2 on.
    Weighed {
        /// The commit.
        commit: Blob,
        /// Bytes of each added object, in order; none if no copy was found.
        sizes: Vec<Option<u32>>,
    },
    /// A signed link. This and all that follows from feature level 3 on.
    CreateLink(Blob),
    /// One part of a link's chunks, which the signed link names by its digest.
    HoldLink {
        /// The link.
        link: LinkId,
        /// Which part.
        part: u8,
        /// Its ids.
        ids: Vec<ChunkId>,
    },
    /// A link's signed end.
    EndLink(Blob),
    /// A gateway has let a link be opened.
    LinkOpened {
        /// Which.
        link: LinkId,
        /// How often.
        times: u32,
    },
    /// A signed file request.
    CreateFileRequest(Blob),
    /// A record of a drop that somebody without an account makes.
    AddRecord(Record),
    /// A drop is whole.
    FinishDrop {
        /// The file request.
        request: LinkId,
        /// The drop.
        drop: DropId,
        /// How many records it has.
        records: u32,
        /// What members open it by.
        head: Blob,
    },
    /// A signed word that drops were taken.
    TakeDrops(Blob),
    /// Whoever makes a drop has given it up.
    CancelDrop {
        /// The file request.
        request: LinkId,
        /// The drop.
        drop: DropId,
    },
}

/// A record of a drop, as a gateway took it in and stored it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// The file request.
    pub request: LinkId,
    /// The drop.
    pub drop: DropId,
    /// Which record, from 0 on.
    pub number: u32,
    /// Where it lies.
    pub chunk: ChunkId,
    /// Bytes of its object.
    pub object_bytes: u32,
    /// What its receipts rest on.
    pub stored_at: u64,
}

/// What applying a command did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Applied {
    /// The certificates are in the organisation's chain.
    Certified {
        /// Where the chain stood after them.
        head: Head,
    },
    /// The space exists.
    SpaceCreated {
        /// Its identifier.
        space: SpaceId,
    },
    /// The commit is in its space's chain.
    Committed {
        /// The head that it made.
        head: Head,
    },
    /// The invite is open.
    InviteOpened,
    /// The post is kept.
    Joined,
    /// Cluster time went on.
    Ticked,
    /// The feature level is at least the one asked for.
    Raised,
    /// What the device has seen is kept.
    SeenKept,
    /// The node's report is taken; one that nobody waits for changes nothing.
    Reported,
    /// The link exists.
    LinkCreated,
    /// The part's chunks are held.
    LinkHeld,
    /// The link is over.
    LinkEnded,
    /// That it was opened is counted.
    LinkCounted,
    /// The record, or the whole drop, is kept.
    DropKept,
    /// The drops are let go of.
    DropsTaken,
}

/// A command's answer, the same on every voter.
pub(super) type Outcome = Result<Applied, Refusal>;

/// The commands of one log entry: concurrent proposals share an fsync.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Batch(pub(super) Vec<Command>);

/// The answers to the commands of one entry, in their order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Outcomes(pub(super) Vec<Outcome>);

impl Command {
    /// Whether a gateway may propose it: what is in it was signed by whom it speaks of, or is what a person without an account
    /// gave a gateway, or a count that nothing rests on.
    pub(super) fn is_of_gateways(&self) -> bool {
        !matches!(self, Self::Found(_) | Self::Tick(_) | Self::Raise(_))
    }

    /// Whether it says what people do, as against what their organisation, its clock and its nodes are.
    pub(super) fn is_of_people(&self) -> bool {
        matches!(
            self,
            Self::CreateSpace(_)
                | Self::Commit(_)
                | Self::Weighed { .. }
                | Self::OpenInvite(_)
                | Self::Join { .. }
                | Self::Seen(_)
                | Self::CreateLink(_)
                | Self::HoldLink { .. }
                | Self::EndLink(_)
                | Self::LinkOpened { .. }
                | Self::CreateFileRequest(_)
                | Self::AddRecord(_)
                | Self::FinishDrop { .. }
                | Self::TakeDrops(_)
                | Self::CancelDrop { .. }
        )
    }

    /// The feature level from which on it may be proposed: an older voter could not read it.
    pub(super) fn level(&self) -> u32 {
        let of_certificate = |blob: &Blob| {
            let signed = Signed::<Certificate>::parse(blob.0.clone());
            signed.map_or(0, |signed| match signed.payload().statement {
                Statement::Quota(_) | Statement::Reanchor(_) => level::WEIGHED,
                Statement::Renew(_)
                | Statement::Guardians(_)
                | Statement::Recover(_)
                | Statement::Approve(_)
                | Statement::Propose(_)
                | Statement::Cosign { .. }
                | Statement::Withdraw { .. }
                | Statement::Links(_) => level::SHARED,
                _ => 0,
            })
        };
        let changes_members = |blob: &Blob| {
            let signed = Signed::<Commit>::parse(blob.0.clone());
            signed.is_ok_and(|signed| matches!(signed.payload().control, Some(Control::Members(_))))
        };
        let recovers = |blob: &Blob| {
            let signed = Signed::<Invite>::parse(blob.0.clone());
            signed.is_ok_and(|signed| matches!(signed.payload().kind, InviteKind::Recovery(_)))
        };
        match self {
            Self::CreateLink(_)
            | Self::HoldLink { .. }
            | Self::EndLink(_)
            | Self::LinkOpened { .. }
            | Self::CreateFileRequest(_)
            | Self::AddRecord(_)
            | Self::FinishDrop { .. }
            | Self::TakeDrops(_)
            | Self::CancelDrop { .. } => level::SHARED,
            Self::Weighed { commit, .. } | Self::Commit(commit) if changes_members(commit) => level::SHARED,
            Self::OpenInvite(blob) if recovers(blob) => level::SHARED,
            Self::Weighed { .. } => level::WEIGHED,
            Self::Certify(certificates) => certificates.iter().map(of_certificate).max().unwrap_or_default(),
            _ => 0,
        }
    }

    /// Bytes that this command adds to the log, nearly.
    pub(super) fn bytes(&self) -> usize {
        match self {
            Self::Found(blobs) | Self::Certify(blobs) => blobs.iter().map(|blob| blob.0.len()).sum(),
            Self::CreateSpace(blob)
            | Self::Commit(blob)
            | Self::OpenInvite(blob)
            | Self::Seen(blob)
            | Self::CreateLink(blob)
            | Self::EndLink(blob)
            | Self::CreateFileRequest(blob)
            | Self::TakeDrops(blob)
            | Self::FinishDrop { head: blob, .. }
            | Self::Join { post: blob, .. } => blob.0.len(),
            Self::Weighed { commit, sizes } => {
                commit.0.len().saturating_add(sizes.len().saturating_mul(SIZE_BYTES_MAX))
            }
            Self::HoldLink { ids, .. } => ids.len().saturating_mul(ChunkId::BYTES),
            Self::AddRecord(_) => size_of::<Record>(),
            Self::CancelDrop { .. } => size_of::<(LinkId, DropId)>(),
            Self::LinkOpened { .. } | Self::Tick(_) | Self::Raise(_) => size_of::<u64>(),
            Self::Report(report) => size_of::<Report>().saturating_add(report.signature.len()),
        }
    }
}

/// Bytes of a size, as it is logged, at most.
const SIZE_BYTES_MAX: usize = 6;

/// Bytes that pass through serde in one piece.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Blob(pub(super) Bytes);

impl fmt::Debug for Blob {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Blob({} bytes)", self.0.len())
    }
}

impl Serialize for Blob {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(&self.0)
    }
}

impl<'de> Deserialize<'de> for Blob {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_byte_buf(BlobVisitor)
    }
}

struct BlobVisitor;

impl Visitor<'_> for BlobVisitor {
    type Value = Blob;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("bytes")
    }

    fn visit_bytes<E: Error>(self, bytes: &[u8]) -> Result<Blob, E> {
        Ok(Blob(Bytes::copy_from_slice(bytes)))
    }

    fn visit_byte_buf<E: Error>(self, bytes: Vec<u8>) -> Result<Blob, E> {
        Ok(Blob(bytes.into()))
    }
}
