//! What this node has applied, for everyone who reads it: admission, verbs, sweep, repair.
//!
//! Each answer is of one moment, two answers may be of two; whoever needs to know which moment reads
//! [`View::applied`] first. What is small comes from memory, the log and the rows from disk: a call may block for
//! some milliseconds.

mod file_requests;
mod person;

use std::sync::Arc;

use bytes::Bytes;
use tokio::sync::watch;
use vauban_protocol::canonical::decode;
use vauban_protocol::id::{ChunkId, Digest, Incarnation, InviteId, LinkId, NodeId, SpaceId, UserId};
use vauban_protocol::limit::LINKS_MAX;
use vauban_protocol::organisation::{InviteKind, Organisation, QuotaOf};
use vauban_protocol::space::Space;
use vauban_protocol::time::Timestamp;
use vauban_protocol::wire::{LinkPhase, LinkStanding, SpaceSummary};

use super::error::Failure;
use super::level;
use super::state::{Base, LinkEntry, Release, Row, Tally};
use super::store::{Database, Family, Key, Replica, Scan};
use crate::chunks::{Need, Partition, RowState, Stamp};
use crate::limit::OUTLINE_ITEMS_MAX;
use crate::placement::Layouts;

pub use file_requests::{Beside, KnownRequest, RecordNow};

/// Bytes that an item of a list body adds to its own.
const ITEM_PREFIX_BYTES: usize = 4;

/// What a gateway needs to know of a link.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KnownLink {
    /// Its space.
    pub space: SpaceId,
    /// Hash of its access token.
    pub token: Digest,
    /// Whether it is served.
    pub phase: LinkPhase,
    /// How often it was opened.
    pub opened: u64,
}

/// Cheap to clone. Keeps the database open while it lives.
#[derive(Debug, Clone)]
pub struct View {
    replica: Arc<Replica>,
}

impl View {
    pub(super) fn new(replica: Arc<Replica>) -> Self {
        Self { replica }
    }

    /// The database, to see when it is closed.
    pub(super) fn database(&self) -> &Arc<Database> {
        self.replica.database()
    }

    /// The organisation; `None` until it has been founded.
    #[must_use]
    pub fn organisation(&self) -> Option<Arc<Organisation>> {
        self.replica.core().organisation
    }

    /// Which incarnation of the cluster this is.
    #[must_use]
    pub fn incarnation(&self) -> Incarnation {
        self.replica.core().incarnation
    }

    /// Whether that is the one that the organisation's root wants to go on: if not, nothing is written, and nothing deleted.
    #[must_use]
    pub fn is_in_force(&self) -> bool {
        self.replica.core().is_in_force()
    }

    /// The organisation's certificates from position `from` on, 0 being the genesis: as many as fit into a list body of
    /// `bytes_max`.
    ///
    /// # Errors
    /// The disk failed: the node must stop.
    pub fn certificates(&self, from: u64, bytes_max: usize) -> Result<Vec<Bytes>, Failure> {
        let end = Key::certificates().end();
        self.list(&Key::certificate(from), &end, bytes_max)
    }

    /// A space's clear fold.
    ///
    /// # Errors
    /// The disk failed: the node must stop.
    pub fn space(&self, space: SpaceId) -> Result<Option<Arc<Space>>, Failure> {
        let _reading = self.replica.reading();
        self.replica.space(space)
    }

    /// The spaces that a person is a member of.
    ///
    /// # Errors
    /// The disk failed: the node must stop.
    pub fn spaces_of(&self, user: UserId) -> Result<Vec<SpaceSummary>, Failure> {
        let _reading = self.replica.reading();
        let range = Key::members(user);
        let mut ids = Vec::new();
        self.database().scan(Family::State, &range, &range.end(), |key, _| {
            ids.extend(Key::member_space(key));
            Ok(Scan::More)
        })?;
        let mut summaries = Vec::with_capacity(ids.len());
        for space in ids {
            if let Some(found) = self.replica.space(space)? {
                let head = found.head();
                summaries.push(SpaceSummary { space, head });
            }
        }
        Ok(summaries)
    }

    /// A space's chain from position `from` on, 0 being the genesis: as many objects as fit into a list body of
    /// `bytes_max`. Empty at or beyond the head's successor, and for a space that does not exist.
    ///
    /// # Errors
    /// The disk failed: the node must stop.
    pub fn log(&self, space: SpaceId, from: u64, bytes_max: usize) -> Result<Vec<Bytes>, Failure> {
        let end = Key::commits(space).end();
        self.list(&Key::commit(space, from), &end, bytes_max)
    }

    /// The outline of a space's chain up to its last checkpoint that lies before a position: from position `from` on, 0 being
    /// the genesis, the commits that change the space in clear, then the checkpoint; as many as fit into a list body of
    /// `bytes_max`. Empty where there is no checkpoint.
    ///
    /// # Errors
    /// The disk failed: the node must stop.
    pub fn outline(&self, space: SpaceId, before: u64, from: u64, bytes_max: usize) -> Result<Vec<Bytes>, Failure> {
        let _reading = self.replica.reading();
        let Some(last) = self.last_checkpoint(space, before)? else {
            return Ok(Vec::new());
        };
        // The genesis turns nothing, and begins every outline.
        let mut positions = if from == 0 { vec![0] } else { Vec::new() };
        self.turns_between(space, (from, last), &mut positions)?;
        if positions.len() < OUTLINE_ITEMS_MAX && from <= last {
            positions.push(last);
        }
        self.objects_at(space, positions, bytes_max)
    }

    /// The commits from position `from` on that change the space in clear, as many as fit into a list body of `bytes_max`.
    ///
    /// # Errors
    /// The disk failed: the node must stop.
    pub fn turns(&self, space: SpaceId, from: u64, bytes_max: usize) -> Result<Vec<Bytes>, Failure> {
        let _reading = self.replica.reading();
        let mut positions = Vec::new();
        self.turns_between(space, (from, u64::MAX), &mut positions)?;
        self.objects_at(space, positions, bytes_max)
    }

    /// The positions of the commits that change the space in clear, from the first to before the second position, until there are enough.
    fn turns_between(&self, space: SpaceId, (from, end): (u64, u64), positions: &mut Vec<u64>) -> Result<(), Failure> {
        let (first, end) = (Key::turn(space, from.max(1)), Key::turn(space, end.max(from).max(1)));
        self.database().scan(Family::State, &first, &end, |key, _| {
            positions.extend(Key::turn_seq(key));
            Ok(if positions.len() < OUTLINE_ITEMS_MAX { Scan::More } else { Scan::Enough })
        })
    }

    fn objects_at(&self, space: SpaceId, positions: Vec<u64>, bytes_max: usize) -> Result<Vec<Bytes>, Failure> {
        let mut room = bytes_max;
        let mut objects = Vec::new();
        for position in positions {
            let Some(bytes) = self.database().read(Family::State, &Key::commit(space, position))? else { break };
            let Some(rest) = room.checked_sub(bytes.len().saturating_add(ITEM_PREFIX_BYTES)) else { break };
            room = rest;
            objects.push(Bytes::from(bytes));
        }
        Ok(objects)
    }

    fn last_checkpoint(&self, space: SpaceId, before: u64) -> Result<Option<u64>, Failure> {
        let Some(latest) = before.checked_sub(1) else { return Ok(None) };
        let (first, end) = (Key::checkpoint(space, latest), Key::checkpoints(space).end());
        let mut found = None;
        self.database().scan(Family::State, &first, &end, |key, _| {
            found = Key::checkpoint_seq(key);
            Ok(Scan::Enough)
        })?;
        Ok(found)
    }

    /// A chunk's row: while it has one, no copy of it may be swept.
    ///
    /// # Errors
    /// The disk failed: the node must stop.
    pub fn row(&self, space: SpaceId, chunk: ChunkId) -> Result<Option<Row>, Failure> {
        let _reading = self.replica.reading();
        let bytes = self.database().read(Family::State, &Key::row(space, chunk))?;
        bytes.map(|bytes| Row::parse(&bytes).map_err(|error| self.replica.damaged(error))).transpose()
    }

    /// Bytes stored for a space or a person.
    ///
    /// # Errors
    /// The disk failed: the node must stop.
    pub fn usage(&self, of: QuotaOf) -> Result<u64, Failure> {
        let _reading = self.replica.reading();
        Ok(self.database().read_as(Family::State, &Key::usage(of))?.unwrap_or_default())
    }

    /// What each device has last said it has seen of a space, signed: as many as fit into a list body of `bytes_max`.
    ///
    /// # Errors
    /// The disk failed: the node must stop.
    pub fn seens(&self, space: SpaceId, bytes_max: usize) -> Result<Vec<Bytes>, Failure> {
        let range = Key::seens(space);
        self.list(&range, &range.end(), bytes_max)
    }

    /// How much is released, and was purged.
    #[must_use]
    pub fn tally(&self) -> Tally {
        self.replica.core().tally
    }

    /// When the first retention that runs ends, by cluster time, and since when it runs; `None` if none does.
    ///
    /// # Errors
    /// The disk failed: the node must stop.
    pub fn next_purge(&self) -> Result<Option<(Timestamp, Timestamp)>, Failure> {
        let _reading = self.replica.reading();
        let range = Key::all_due();
        let first = self.replica.records(&range, &range.end(), 1)?.into_iter().next();
        let Some((key, bytes)) = first else { return Ok(None) };
        let release: Release = decode(&bytes).map_err(|error| self.replica.damaged(error))?;
        Ok(key.due_parts().zip(release.seen_at).map(|((due, ..), since)| (due, since)))
    }

    /// An open invite, as it was signed. Its expiry is in it, to be held against [`View::cluster_time`].
    ///
    /// # Errors
    /// The disk failed: the node must stop.
    pub fn invite(&self, invite: InviteId) -> Result<Option<Bytes>, Failure> {
        let found = self.database().read(Family::State, &Key::invite(invite))?;
        Ok(found.map(Bytes::from))
    }

    /// The open invites that this person may finish: an admin those of persons and of those who have lost all machines, each person those of own machines. As
    /// many as fit into a list body of `bytes_max`.
    ///
    /// # Errors
    /// The disk failed: the node must stop.
    pub fn invites_for(&self, user: UserId, bytes_max: usize) -> Result<Vec<Bytes>, Failure> {
        let _reading = self.replica.reading();
        let core = self.replica.core();
        let is_admin = core.organisation.is_some_and(|org| org.is_admin(user));
        let mut invites = Vec::new();
        let mut room = bytes_max;
        for (id, entry) in core.invites.iter() {
            let may = match entry.kind {
                InviteKind::User | InviteKind::Recovery(_) => is_admin,
                InviteKind::Device(whose) => whose == user,
            };
            if may && let Some(bytes) = self.invite(id)? {
                let Some(rest) = room.checked_sub(bytes.len().saturating_add(ITEM_PREFIX_BYTES)) else {
                    break;
                };
                room = rest;
                invites.push(bytes);
            }
        }
        Ok(invites)
    }

    /// The posts on an open invite, in the order in which they came.
    ///
    /// # Errors
    /// The disk failed: the node must stop.
    pub fn join_posts(&self, invite: InviteId) -> Result<Vec<Bytes>, Failure> {
        let range = Key::posts(invite);
        self.list(&range, &range.end(), usize::MAX)
    }

    /// A link as it is now.
    ///
    /// # Errors
    /// The disk failed: the node must stop.
    pub fn link(&self, link: LinkId) -> Result<Option<KnownLink>, Failure> {
        let _reading = self.replica.reading();
        self.known_link(link)
    }

    fn known_link(&self, link: LinkId) -> Result<Option<KnownLink>, Failure> {
        let found: Option<LinkEntry> = self.database().read_as(Family::State, &Key::link(link))?;
        let Some(entry) = found else { return Ok(None) };
        let core = self.replica.core();
        let (Some(organisation), Some(space)) = (core.organisation, self.replica.space(entry.space)?) else {
            return Ok(None);
        };
        let phase = entry.phase(&organisation, &space, core.clock.time());
        Ok(Some(KnownLink { space: entry.space, token: entry.token, phase, opened: entry.opened }))
    }

    /// A link, as it was signed.
    ///
    /// # Errors
    /// The disk failed: the node must stop.
    pub fn link_record(&self, space: SpaceId, link: LinkId) -> Result<Option<Bytes>, Failure> {
        let found = self.database().read(Family::State, &Key::link_record(space, link))?;
        Ok(found.map(Bytes::from))
    }

    /// Whether a link is about all of these chunks.
    ///
    /// # Errors
    /// The disk failed: the node must stop.
    pub fn holds_all(&self, link: LinkId, chunks: &[ChunkId]) -> Result<bool, Failure> {
        let _reading = self.replica.reading();
        for chunk in chunks {
            if self.database().read(Family::State, &Key::hold(link, *chunk))?.is_none() {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// The links of a space, signed, with how each is.
    ///
    /// # Errors
    /// The disk failed: the node must stop.
    pub fn links(&self, space: SpaceId) -> Result<Vec<(Bytes, LinkStanding)>, Failure> {
        let _reading = self.replica.reading();
        let range = Key::link_records(space);
        let mut links = Vec::new();
        for (key, bytes) in self.replica.records(&range, &range.end(), LINKS_MAX)? {
            let Some(link) = key.link_looked_at() else { continue };
            if let Some(known) = self.known_link(link)? {
                links.push((bytes, LinkStanding { phase: known.phase, opened: known.opened }));
            }
        }
        Ok(links)
    }

    /// Cluster time; the epoch until the group's first tick.
    #[must_use]
    pub fn cluster_time(&self) -> Timestamp {
        self.replica.core().clock.time()
    }

    /// The least Raft index that a receipt may name for a commit to build on it.
    #[must_use]
    pub fn floor(&self) -> u64 {
        self.replica.core().clock.floor()
    }

    /// The Raft index of the last entry applied here.
    #[must_use]
    pub fn applied(&self) -> u64 {
        *self.replica.applied().borrow()
    }

    /// [`View::applied`], with news of it: whatever a new index brought can be read once it is announced.
    #[must_use]
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.replica.applied()
    }

    /// News of one space: whatever it has brought can be read once it is told. May be asked for a space that does not exist.
    #[must_use]
    pub fn news(&self, space: SpaceId) -> watch::Receiver<()> {
        self.replica.news(space)
    }

    /// What every voter supports.
    #[must_use]
    pub fn feature_level(&self) -> u32 {
        self.replica.core().feature_level
    }

    /// Whether commits are weighed: every voter reads what that writes.
    #[must_use]
    pub fn weighs(&self) -> bool {
        self.feature_level() >= level::WEIGHED
    }

    /// Who holds which chunks.
    #[must_use]
    pub fn layouts(&self) -> Arc<Layouts> {
        self.replica.core().layouts
    }

    /// What this state says of a chunk that `node` holds a copy of, for sweep. Floor and layouts are of one moment; the row may be
    /// of a later one, in which the floor is no lower: if it is gone then, the rule allows what it allows.
    ///
    /// # Errors
    /// The disk failed: the node must stop.
    pub fn need(&self, space: SpaceId, chunk: ChunkId, node: NodeId) -> Result<Need, Failure> {
        let _reading = self.replica.reading();
        // Before the state: what is stamped since then is from after it.
        let as_of = Stamp(self.applied());
        let core = self.replica.core();
        let duty = core.layouts.duty(node, Partition::of(&chunk));
        let row = self.database().read(Family::State, &Key::row(space, chunk))?;
        let row = if row.is_some() { RowState::Present } else { RowState::Absent };
        Ok(Need { row, floor: Stamp(core.clock.floor()), duty, as_of })
    }

    /// Spaces after the given one, in order, `at_most` of them.
    ///
    /// # Errors
    /// The disk failed: the node must stop.
    pub fn spaces(&self, after: Option<SpaceId>, at_most: usize) -> Result<Vec<SpaceId>, Failure> {
        let _reading = self.replica.reading();
        let from = after.map_or_else(Key::spaces, |space| Key::space(space).end());
        let mut spaces = Vec::new();
        self.database().scan(Family::State, &from, &Key::spaces().end(), |key, _| {
            spaces.extend(Key::space_of(key));
            Ok(if spaces.len() < at_most { Scan::More } else { Scan::Enough })
        })?;
        Ok(spaces)
    }

    /// The chunks of a space that have a row, after the given one, in order, `at_most` of them.
    ///
    /// # Errors
    /// The disk failed: the node must stop.
    pub fn rows(&self, space: SpaceId, after: Option<ChunkId>, at_most: usize) -> Result<Vec<ChunkId>, Failure> {
        let _reading = self.replica.reading();
        let rows = Key::rows(space);
        let from = after.map_or_else(|| rows.clone(), |after| Key::row(space, after).end());
        let mut chunks = Vec::new();
        self.database().scan(Family::State, &from, &rows.end(), |key, _| {
            chunks.extend(Key::row_chunk(key));
            Ok(if chunks.len() < at_most { Scan::More } else { Scan::Enough })
        })?;
        Ok(chunks)
    }

    fn list(&self, from: &Key, end: &Key, bytes_max: usize) -> Result<Vec<Bytes>, Failure> {
        let _reading = self.replica.reading();
        let mut room = bytes_max;
        let mut objects = Vec::new();
        self.database().scan(Family::State, from, end, |_, bytes| {
            match room.checked_sub(bytes.len().saturating_add(ITEM_PREFIX_BYTES)) {
                Some(rest) => room = rest,
                None => return Ok(Scan::Enough),
            }
            objects.push(Bytes::from(bytes));
            Ok(Scan::More)
        })?;
        Ok(objects)
    }
}
