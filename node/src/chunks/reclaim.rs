//! Giving disk space back: a segment that is mostly garbage is read once, what is live in it is appended anew, and when
//! nothing points into it any more the file is removed.
//!
//! Whether something is live is the index's word alone. A segment leaves only when the ledger counts no live byte in it:
//! if a damaged header hides what follows, or the disk cannot read a place, the segment simply stays, and the others are emptied; it is
//! tried again once a copy in it was set aside, by scrub or whoever reads it, and else after the next start.
//!
//! On a disk that is full it goes on: a segment without live records costs nothing to give back, and another one is taken only
//! while all that is live in it fits, so that what is begun is also ended, and ends with more room than it began with.

use std::collections::BTreeSet;

use super::error::{Corrupt, StoreError};
use super::group::Group;
use super::ledger::SegmentUse;
use super::quarantine::Quarantine;
use super::record::RecordHeader;
use super::row::{Location, SegmentNumber};
use super::segment::{Next, SegmentFault, Segments};
use crate::limit::{RECLAIM_LIVE_PERCENT, RECLAIM_SHORT_LIVE_PERCENT, RECLAIM_STEP_BYTES};

/// What one step did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Reclaimed {
    /// Bytes of live records appended anew.
    pub moved_bytes: u64,
    /// Bytes of segments given back to the file system.
    pub freed_bytes: u64,
    /// Whether another step has something to do.
    pub more: bool,
}

/// What the disk allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Room {
    /// Bytes that may be written before any are given back.
    pub(super) bytes: u64,
    /// Whether the disk has passed a limit: then more is moved for each byte that is given back.
    pub(super) is_short: bool,
}

/// Which segment is being emptied, and how far it has been read.
#[derive(Debug, Default)]
pub(super) struct Reclaim {
    current: Option<(SegmentNumber, u64)>,
    /// Segments that could not be read to their end; left alone until a copy in them is set aside, or the next start.
    stuck: BTreeSet<SegmentNumber>,
}

impl Reclaim {
    /// Does one bounded step inside a group.
    pub(super) fn step(
        &mut self,
        group: &mut Group<'_>,
        segments: &Segments,
        quarantine: &Quarantine,
        room: Room,
    ) -> Result<Reclaimed, StoreError> {
        // What others have written since may leave no room for the rest of a segment: another one may still fit.
        self.current = self.current.filter(|(number, _)| fits(group, *number, room));
        let Some((number, from)) = self.current.or_else(|| Some((self.choose(group, room)?, 0))) else {
            return Ok(Reclaimed::default());
        };
        let mut done = Reclaimed { more: true, ..Reclaimed::default() };
        let written = group.segment(number).map_or(0, |used| used.written_bytes);
        let mut offset = from;
        if is_live(group, number) {
            match move_some(group, segments, quarantine, (number, from, written), &mut done) {
                Ok(reached) => offset = reached,
                Err(Halt::Store(error)) => return Err(error),
                Err(Halt::Segment(why)) => {
                    tracing::warn!(segment = number.0, why, "a segment keeps its space: it cannot be read to its end");
                    self.stuck.insert(number);
                    self.current = None;
                    return Ok(done);
                }
            }
        }
        if !is_live(group, number) {
            group.empty_segment(number);
            done.freed_bytes = written;
            self.current = None;
        } else if offset < written {
            self.current = Some((number, offset));
        } else {
            self.stuck.insert(number);
            self.current = None;
        }
        Ok(done)
    }

    /// Lets a segment be tried again: something in it that may have been in the way is no longer live.
    pub(super) fn try_again(&mut self, number: SegmentNumber) {
        self.stuck.remove(&number);
    }

    /// Forgets how far a segment was read: the group it was read in was not committed.
    pub(super) fn restart(&mut self) {
        self.current = None;
    }

    /// The sealed segment with the least live bytes, if few enough are, and they fit.
    fn choose(&self, group: &Group<'_>, room: Room) -> Option<SegmentNumber> {
        let percent = if room.is_short { RECLAIM_SHORT_LIVE_PERCENT } else { RECLAIM_LIVE_PERCENT };
        let worth =
            |used: &SegmentUse| used.live_bytes.saturating_mul(100) < used.written_bytes.saturating_mul(percent);
        let sealed = group.segments_before().keys().filter(|number| **number < group.segment_open());
        sealed
            .filter(|number| !self.stuck.contains(number) && fits(group, **number, room))
            .filter_map(|number| Some((group.segment(*number).filter(worth)?.live_bytes, *number)))
            .min()
            .map(|(_, number)| number)
    }
}

fn fits(group: &Group<'_>, number: SegmentNumber, room: Room) -> bool {
    group.segment(number).is_none_or(|used| used.live_bytes <= room.bytes)
}

fn is_live(group: &Group<'_>, number: SegmentNumber) -> bool {
    group.segment(number).is_some_and(|used| used.live_bytes > 0)
}

/// Why a step ends before its time.
enum Halt {
    /// The segment is left alone: the others can still be emptied.
    Segment(String),
    /// The index.
    Store(StoreError),
}

/// Appends what is live in a segment anew, from an offset on, until a step's worth of it was read or its end has come; how far it came.
fn move_some(
    group: &mut Group<'_>,
    segments: &Segments,
    quarantine: &Quarantine,
    (number, from, written): (SegmentNumber, u64, u64),
    done: &mut Reclaimed,
) -> Result<u64, Halt> {
    let unreadable = |error: StoreError| Halt::Segment(error.to_string());
    let walk = segments.walk(number).map_err(unreadable)?;
    let until = written.min(from.saturating_add(RECLAIM_STEP_BYTES));
    let mut offset = from;
    while offset < until {
        match walk.next(offset, written).map_err(unreadable)? {
            Next::Record(at, header) => {
                move_one(group, segments, quarantine, (number, at), &header, done)?;
                offset = at.saturating_add(header.record_bytes());
            }
            Next::End => offset = written,
            Next::Unreadable => return Err(Halt::Segment(format!("damaged header at {offset}"))),
        }
    }
    Ok(offset)
}

/// Appends the record at `place` anew if it is live.
fn move_one(
    group: &mut Group<'_>,
    segments: &Segments,
    quarantine: &Quarantine,
    place: (SegmentNumber, u64),
    header: &RecordHeader,
    done: &mut Reclaimed,
) -> Result<(), Halt> {
    let (segment, offset) = place;
    let location =
        Location { segment, offset: u32::try_from(offset).unwrap_or(u32::MAX), object_bytes: header.object_bytes };
    let row = group.row(&header.key).map_err(Halt::Store)?;
    let Some(row) = row.filter(|row| row.location == location) else {
        return Ok(());
    };
    match segments.read(&header.key, &location) {
        Ok(object) => {
            group.remove(header.key, row);
            group.append(header.key, object, row.stamp);
            done.moved_bytes = done.moved_bytes.saturating_add(header.record_bytes());
        }
        Err(SegmentFault::Gone) => return Err(Halt::Segment("it is gone".to_owned())),
        Err(SegmentFault::Store(error)) => return Err(Halt::Segment(error.to_string())),
        // Whether that is this copy's fault or the disk's, whoever reads it judges; and the writer waits for no second failure.
        Err(SegmentFault::Damaged(cause @ Corrupt::Unreadable { .. })) => {
            return Err(Halt::Segment(cause.to_string()));
        }
        Err(SegmentFault::Damaged(cause)) => {
            quarantine.keep(segments, &header.key, &location, &cause);
            group.remove(header.key, row);
        }
    }
    Ok(())
}
