//! What each request means: its changes to a group, and the answer that is true once the group is durable.

use std::path::Path;

use tokio::sync::{OwnedSemaphorePermit, oneshot};
use vauban_protocol::id::{ChunkId, SpaceId};

use super::disk::{DiskLimits, DiskUse, Fill, Purpose};
use super::error::{Corrupt, StoreError};
use super::group::Group;
use super::key::ChunkKey;
use super::quarantine::Quarantine;
use super::reclaim::{Reclaim, Reclaimed, Room};
use super::record::record_bytes;
use super::row::Location;
use super::rule::{Need, may_delete};
use super::segment::Segments;
use super::stamp::Stamp;
use super::verified::VerifiedChunk;

/// Where the answer goes; a requester that has gone away is no error.
pub(super) type Reply<T> = oneshot::Sender<Result<T, StoreError>>;

/// A change of the store.
pub(super) enum Request {
    /// Store chunks, or raise the stamps of those held.
    Put {
        space: SpaceId,
        chunks: Vec<VerifiedChunk>,
        stamp: Stamp,
        purpose: Purpose,
        /// This request's share of the bytes in flight, given back with the answer.
        permit: OwnedSemaphorePermit,
        reply: Reply<()>,
    },
    /// Raise the stamps of those held, and say which are.
    Have { space: SpaceId, ids: Vec<ChunkId>, stamp: Stamp, reply: Reply<Vec<bool>> },
    /// Drop a copy if the rule allows it.
    DeleteIf { key: ChunkKey, need: Need, reply: Reply<Deletion> },
    /// Stop counting a copy that is damaged or cannot be read, if it still lies where that was seen.
    Quarantine { key: ChunkKey, location: Location, cause: Corrupt, reply: Reply<()> },
    /// Do one step of giving space back.
    Reclaim { reply: Reply<Reclaimed> },
}

/// What became of a copy that sweep looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Deletion {
    /// The rule allowed it, and the copy is gone, durably.
    Deleted,
    /// A row, a receipt or a layout may still need it.
    Needed,
    /// There was none.
    Absent,
}

/// A staged answer: sent once it is known whether the group was committed.
pub(super) type Answer = Box<dyn FnOnce(&Result<(), StoreError>)>;

/// What staging needs beside the group.
pub(super) struct Stage<'a> {
    pub(super) root: &'a Path,
    pub(super) limits: DiskLimits,
    pub(super) segments: &'a Segments,
    pub(super) quarantine: &'a Quarantine,
    pub(super) reclaim: &'a mut Reclaim,
    /// How full the disk was when this group first asked: it is asked once a group, however many chunks that has.
    pub(super) disk: Option<DiskUse>,
}

impl Request {
    /// Bytes this request may append.
    pub(super) fn bytes(&self) -> usize {
        match self {
            Self::Put { chunks, .. } => chunks.iter().map(|chunk| chunk.object().len()).sum(),
            Self::Have { .. } | Self::DeleteIf { .. } | Self::Quarantine { .. } => 0,
            // A step moves up to its own bound, so it fills a group.
            Self::Reclaim { .. } => crate::limit::GROUP_BYTES_MAX,
        }
    }

    /// The answer of a request that is not carried out.
    pub(super) fn refuse(self) -> Answer {
        match self {
            Self::Put { permit, reply, .. } => hold(permit, when_committed(reply, Ok(()))),
            Self::Have { reply, .. } => when_committed(reply, Ok(Vec::new())),
            Self::DeleteIf { reply, .. } => when_committed(reply, Ok(Deletion::Absent)),
            Self::Quarantine { reply, .. } => when_committed(reply, Ok(())),
            Self::Reclaim { reply } => when_committed(reply, Ok(Reclaimed::default())),
        }
    }
}

impl Stage<'_> {
    /// Stages one request. A request that fails may leave part of itself in the group: copies that nobody was promised.
    pub(super) fn answer(&mut self, group: &mut Group<'_>, request: Request) -> Answer {
        match request {
            Request::Put { space, chunks, stamp, purpose, permit, reply } => {
                hold(permit, when_committed(reply, self.put(group, space, chunks, stamp, purpose)))
            }
            Request::Have { space, ids, stamp, reply } => when_committed(reply, have(group, space, ids, stamp)),
            Request::DeleteIf { key, need, reply } => when_committed(reply, delete_if(group, key, &need)),
            Request::Quarantine { key, location, cause, reply } => {
                when_committed(reply, self.quarantine(group, key, location, &cause))
            }
            Request::Reclaim { reply } => when_committed(reply, self.reclaim(group)),
        }
    }

    fn put(
        &mut self,
        group: &mut Group<'_>,
        space: SpaceId,
        chunks: Vec<VerifiedChunk>,
        stamp: Stamp,
        purpose: Purpose,
    ) -> Result<(), StoreError> {
        let mut fresh = Vec::new();
        let mut fresh_bytes = 0u64;
        for chunk in chunks {
            let key = ChunkKey { id: chunk.id(), space };
            match group.row(&key)? {
                Some(row) => group.raise(key, row, stamp),
                None => {
                    let object_bytes = u32::try_from(chunk.object().len()).unwrap_or(u32::MAX);
                    fresh_bytes = fresh_bytes.saturating_add(record_bytes(object_bytes));
                    fresh.push((key, chunk));
                }
            }
        }
        if fresh.is_empty() {
            return Ok(());
        }
        self.disk()?
            .admit(self.limits, purpose, group.record_bytes().saturating_add(fresh_bytes))
            .map_err(|cause| StoreError::DiskFull { path: self.root.to_owned(), cause: cause.into() })?;
        for (key, chunk) in fresh {
            // One request may name a chunk twice.
            if group.row(&key)?.is_none() {
                group.append(key, chunk.object().clone(), stamp);
            }
        }
        Ok(())
    }

    fn reclaim(&mut self, group: &mut Group<'_>) -> Result<Reclaimed, StoreError> {
        let disk = self.disk()?;
        let room =
            Room { bytes: disk.room_to_reclaim(group.record_bytes()), is_short: self.limits.fill(disk) != Fill::Roomy };
        self.reclaim.step(group, self.segments, self.quarantine, room)
    }

    fn disk(&mut self) -> Result<DiskUse, StoreError> {
        match self.disk {
            Some(disk) => Ok(disk),
            None => Ok(*self.disk.insert(DiskUse::of(self.root)?)),
        }
    }

    fn quarantine(
        &mut self,
        group: &mut Group<'_>,
        key: ChunkKey,
        location: Location,
        cause: &Corrupt,
    ) -> Result<(), StoreError> {
        if let Some(row) = group.row(&key)?.filter(|row| row.location == location) {
            self.quarantine.keep(self.segments, &key, &location, cause);
            group.remove(key, row);
            self.reclaim.try_again(location.segment);
        }
        Ok(())
    }
}

fn have(group: &mut Group<'_>, space: SpaceId, ids: Vec<ChunkId>, stamp: Stamp) -> Result<Vec<bool>, StoreError> {
    let mut held = Vec::with_capacity(ids.len());
    for id in ids {
        let key = ChunkKey { id, space };
        let row = group.row(&key)?;
        held.push(row.is_some());
        if let Some(row) = row {
            group.raise(key, row, stamp);
        }
    }
    Ok(held)
}

/// The only place where a copy goes because nobody needs it. The row is the one that this group's own requests see, so
/// no receipt of an earlier request is passed over.
fn delete_if(group: &mut Group<'_>, key: ChunkKey, need: &Need) -> Result<Deletion, StoreError> {
    match group.row(&key)? {
        None => Ok(Deletion::Absent),
        Some(row) if !may_delete(need, row.stamp) => Ok(Deletion::Needed),
        Some(row) => {
            group.remove(key, row);
            Ok(Deletion::Deleted)
        }
    }
}

fn when_committed<T: 'static>(reply: Reply<T>, outcome: Result<T, StoreError>) -> Answer {
    Box::new(move |committed| {
        let answer = outcome.and_then(|outcome| committed.clone().map(|()| outcome));
        // The requester may have gone away; what was done stays done.
        let _gone = reply.send(answer);
    })
}

fn hold(permit: OwnedSemaphorePermit, answer: Answer) -> Answer {
    Box::new(move |committed| {
        answer(committed);
        drop(permit);
    })
}
