//! File requests, and what was dropped, as they are applied here.

use std::collections::BTreeMap;

use bytes::Bytes;
use vauban_protocol::canonical::decode;
use vauban_protocol::id::{ChunkId, DeviceId, Digest, DropId, LinkId, SpaceId};
use vauban_protocol::limit::{DROPS_LISTED_MAX, IDS_MAX, REQUEST_DROPS_MAX, REQUESTS_MAX};
use vauban_protocol::wire::{DropPlace, DropSummary, FileRequestStanding, LinkPhase, Refusal};

use super::{Failure, View};
use crate::metadata::state::{Base as _, DropEntry, DropPhase, DropRecord, RequestEntry};
use crate::metadata::store::{Family, Key};

/// What a gateway needs to know of a file request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KnownRequest {
    /// Its space.
    pub space: SpaceId,
    /// Whose it is.
    pub device: DeviceId,
    /// Hash of its access token.
    pub token: Digest,
    /// Bytes that may still come.
    pub bytes_left: u64,
    /// Drops that may still come.
    pub drops_left: u32,
    /// How it is.
    pub standing: FileRequestStanding,
}

/// What is on its way to disks beside a record, by the same request: it may have come already.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Beside {
    /// Bytes of it.
    pub bytes: u64,
    /// Other drops that it is of, each once.
    pub drops: Vec<DropId>,
}

/// What would become of a record, as far as is applied here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RecordNow {
    /// It may come.
    Welcome,
    /// Its number has come: this chunk.
    Kept(ChunkId),
    /// It is no record, the drop is whole or gone, or the request has received as much as it may.
    Refused(Refusal),
}

impl View {
    /// A file request as it is now.
    ///
    /// # Errors
    /// The disk failed: the node must stop.
    pub fn file_request(&self, request: LinkId) -> Result<Option<KnownRequest>, Failure> {
        let _reading = self.replica.reading();
        self.known_request(request)
    }

    /// A file request, as it was signed.
    ///
    /// # Errors
    /// The disk failed: the node must stop.
    pub fn file_request_record(&self, space: SpaceId, request: LinkId) -> Result<Option<Bytes>, Failure> {
        let found = self.database().read(Family::State, &Key::request_record(space, request))?;
        Ok(found.map(Bytes::from))
    }

    /// The file requests of a space, signed, with how each is.
    ///
    /// # Errors
    /// The disk failed: the node must stop.
    pub fn file_requests(&self, space: SpaceId) -> Result<Vec<(Bytes, FileRequestStanding)>, Failure> {
        let _reading = self.replica.reading();
        let range = Key::request_records(space);
        let mut requests = Vec::new();
        for (key, bytes) in self.replica.records(&range, &range.end(), REQUESTS_MAX)? {
            let Some(request) = key.link_looked_at() else { continue };
            if let Some(known) = self.known_request(request)? {
                requests.push((bytes, known.standing));
            }
        }
        Ok(requests)
    }

    /// What was dropped into a space, whole and not taken, the earliest first: of what stands after `after`, as much as one answer may list.
    ///
    /// # Errors
    /// The disk failed: the node must stop.
    pub fn drops(&self, space: SpaceId, after: Option<DropPlace>) -> Result<Vec<DropSummary>, Failure> {
        let _reading = self.replica.reading();
        let range = Key::request_records(space);
        let mut earliest = BTreeMap::new();
        for (key, _) in self.replica.records(&range, &range.end(), REQUESTS_MAX)? {
            let Some(request) = key.link_looked_at() else { continue };
            let range = Key::request_drops(request);
            for (key, bytes) in self.replica.records(&range, &range.end(), REQUEST_DROPS_MAX as usize)? {
                let entry: DropEntry = decode(&bytes).map_err(|error| self.replica.damaged(error))?;
                let (records, bytes) = (entry.records, entry.bytes);
                let (Some(drop), DropPhase::Whole(finished_at, head)) = (key.drop_named(), entry.phase) else {
                    continue;
                };
                let summary = DropSummary { request, drop, records, bytes, finished_at, head };
                if after.is_none_or(|after| after < summary.place()) {
                    earliest.insert(summary.place(), summary);
                }
                if earliest.len() > DROPS_LISTED_MAX {
                    earliest.pop_last();
                }
            }
        }
        Ok(earliest.into_values().collect())
    }

    /// The chunks of a whole drop, from a record on, as many as one answer may list; `None` if there is no such drop in the space.
    ///
    /// # Errors
    /// The disk failed: the node must stop.
    pub fn drop_chunks(
        &self,
        space: SpaceId,
        (request, drop): (LinkId, DropId),
        from: u32,
    ) -> Result<Option<Vec<ChunkId>>, Failure> {
        let _reading = self.replica.reading();
        let entry: Option<RequestEntry> = self.database().read_as(Family::State, &Key::request(request))?;
        let found: Option<DropEntry> = self.database().read_as(Family::State, &Key::request_drop(request, drop))?;
        let is_there = entry.is_some_and(|entry| entry.space == space)
            && found.is_some_and(|found| matches!(found.phase, DropPhase::Whole(..)));
        if !is_there {
            return Ok(None);
        }
        let (first, end) = (Key::drop_record(request, drop, from), Key::drop_records(request, drop).end());
        let records = self.replica.records(&first, &end, IDS_MAX)?;
        let chunk = |bytes: &[u8]| decode::<DropRecord>(bytes).map(|record| record.chunk);
        let chunks: Result<Vec<_>, _> = records.iter().map(|(_, bytes)| chunk(bytes)).collect();
        chunks.map(Some).map_err(|error| self.replica.damaged(error))
    }

    /// What would become of a record of so many bytes. Apply decides; this keeps out what it would refuse before any disk is written to.
    ///
    /// # Errors
    /// The disk failed: the node must stop.
    pub fn record_now(
        &self,
        (request, drop): (LinkId, DropId),
        number: u32,
        object_bytes: u32,
        beside: &Beside,
    ) -> Result<RecordNow, Failure> {
        let _reading = self.replica.reading();
        let entry: Option<RequestEntry> = self.database().read_as(Family::State, &Key::request(request))?;
        let Some(entry) = entry else { return Ok(RecordNow::Refused(Refusal::UnknownLink)) };
        let now = self.replica.core().clock.time();
        let found: Option<DropEntry> = self.database().read_as(Family::State, &Key::request_drop(request, drop))?;
        if found.as_ref().is_some_and(|found| found.is_going(now)) {
            return Ok(RecordNow::Refused(Refusal::Malformed));
        }
        let record: Option<DropRecord> =
            self.database().read_as(Family::State, &Key::drop_record(request, drop, number))?;
        if let Some(record) = record {
            return Ok(RecordNow::Kept(record.chunk));
        }
        if let Err(refusal) = entry.admit(found.as_ref(), number, object_bytes, now) {
            return Ok(RecordNow::Refused(refusal));
        }
        // Many at once would each fit, and all but one be stored for nothing: it is asked again once those have come.
        let bytes = beside.bytes.saturating_add(object_bytes.into());
        let drops = if found.is_none() { self.unbegun(request, beside)?.saturating_add(1) } else { 0 };
        let fits = entry.has_room(bytes, drops);
        Ok(if fits { RecordNow::Welcome } else { RecordNow::Refused(Refusal::Unavailable) })
    }

    /// How many of the drops that are on their way have not begun here: those that have count already.
    fn unbegun(&self, request: LinkId, beside: &Beside) -> Result<u32, Failure> {
        let mut unbegun = 0u32;
        for drop in &beside.drops {
            let found: Option<DropEntry> =
                self.database().read_as(Family::State, &Key::request_drop(request, *drop))?;
            unbegun = unbegun.saturating_add(found.is_none().into());
        }
        Ok(unbegun)
    }

    fn known_request(&self, request: LinkId) -> Result<Option<KnownRequest>, Failure> {
        let found: Option<RequestEntry> = self.database().read_as(Family::State, &Key::request(request))?;
        let Some(entry) = found else { return Ok(None) };
        let core = self.replica.core();
        let (Some(organisation), Some(space)) = (core.organisation, self.replica.space(entry.space)?) else {
            return Ok(None);
        };
        let phase: LinkPhase = entry.phase(&organisation, &space, core.clock.time());
        Ok(Some(KnownRequest {
            space: entry.space,
            device: entry.device,
            token: entry.token,
            bytes_left: entry.bytes_max.saturating_sub(entry.bytes),
            drops_left: entry.drops_max.saturating_sub(entry.drops),
            standing: FileRequestStanding { phase, bytes: entry.bytes, drops: entry.drops, taken: entry.taken },
        }))
    }
}
