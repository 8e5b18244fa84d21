//! Opening: what the index says and what the segments hold are brought together.
//!
//! Before the ledger's tail every byte was durable before its row was, so a byte missing there was lost by the disk: an
//! error that names the file. After the tail lies at most what one group was writing when the node stopped: whole records
//! are adopted, because a client may still be told of them and an unneeded copy is only garbage; a torn one, and what
//! follows it, is cut off.
//!
//! The index is not believed blindly either: RocksDB accepts a manifest that was cut short, and then shows tables of one
//! moment under a write-ahead log of a later one. So totals and segments must balance, every sealed segment must be
//! known, and the rows of the segment at the tail must be those that its records ask for. Nothing is removed before that.

use std::path::Path;

use super::error::StoreError;
use super::group::Group;
use super::index::Index;
use super::ledger::{Ledger, SegmentUse, Tail};
use super::row::{Row, SegmentNumber};
use super::segment::{Next, OpenSegment, SegmentWalk, Segments};
use crate::limit::RECOVERY_ROWS_MAX;

/// The ledger, true to the disk, and the segment to go on with.
pub(super) fn recover(
    index: &Index,
    segments: &Segments,
    index_path: &Path,
) -> Result<(Ledger, OpenSegment), StoreError> {
    let found = segments.list()?;
    let Some(mut ledger) = index.ledger()? else {
        if found.iter().any(|(_, bytes)| *bytes > 0) {
            return Err(StoreError::IndexMissing { path: index_path.to_owned() });
        }
        return begin(index, segments);
    };
    require_acknowledged(&ledger, segments, &found)?;
    let tail = ledger.head.tail.segment;
    let fault = |detail: &str| StoreError::Index { path: index_path.to_owned(), detail: detail.to_owned() };
    if !ledger.is_balanced() {
        return Err(fault("totals and segments are of different moments"));
    }
    let is_unknown =
        |number: SegmentNumber, bytes: u64| number < tail && bytes > 0 && !ledger.segments.contains_key(&number);
    if found.iter().any(|(number, bytes)| is_unknown(*number, *bytes)) {
        return Err(fault("a sealed segment is not in it"));
    }
    if !is_true_at_tail(index, segments, &ledger, &found)? {
        return Err(fault("rows of the last segment are missing"));
    }
    remove_emptied(index, segments, &mut ledger, &found)?;
    for (number, _) in &found {
        if *number >= tail {
            adopt_after_tail(index, segments, &mut ledger, *number)?;
        }
    }
    let open = segments.append_to(ledger.head.tail.segment)?;
    Ok((ledger, open))
}

/// A new store: its first segment, and an index that knows it.
fn begin(index: &Index, segments: &Segments) -> Result<(Ledger, OpenSegment), StoreError> {
    let ledger = Ledger::empty();
    let open = segments.append_to(ledger.head.tail.segment)?;
    let staged = Group::new(index, &ledger, open.number()).finish();
    index.commit(&staged.changes())?;
    Ok((ledger, open))
}

fn require_acknowledged(
    ledger: &Ledger,
    segments: &Segments,
    found: &[(SegmentNumber, u64)],
) -> Result<(), StoreError> {
    for (number, used) in &ledger.segments {
        let place = found.binary_search_by_key(number, |(number, _)| *number);
        let found_bytes = place.ok().and_then(|place| found.get(place)).map_or(0, |(_, bytes)| *bytes);
        if found_bytes < used.written_bytes {
            let (path, expected_bytes) = (segments.path(*number), used.written_bytes);
            return Err(StoreError::SegmentTruncated { path, expected_bytes, found_bytes });
        }
    }
    Ok(())
}

/// Whether the rows that point into the segment at the tail are as many bytes as the ledger counts live in it.
///
/// A record whose header is damaged, or cannot be read, hides those after it; what can then not be told is left to scrub.
fn is_true_at_tail(
    index: &Index,
    segments: &Segments,
    ledger: &Ledger,
    found: &[(SegmentNumber, u64)],
) -> Result<bool, StoreError> {
    let Tail { segment, offset: end } = ledger.head.tail;
    if end == 0 || !found.iter().any(|(number, _)| *number == segment) {
        return Ok(true);
    }
    let walk = segments.walk(segment)?;
    let (mut offset, mut live_bytes) = (0, 0u64);
    loop {
        let (at, header) = match walk.next(offset, end) {
            Ok(Next::Record(at, header)) => (at, header),
            Ok(Next::End) => break,
            Ok(Next::Unreadable) => return Ok(true),
            Err(error) if error.is_loss() => return Ok(true),
            Err(error) => return Err(error),
        };
        let lies_here = |row: &Row| row.location.segment == segment && u64::from(row.location.offset) == at;
        if index.row(&header.key)?.filter(lies_here).is_some() {
            live_bytes = live_bytes.saturating_add(header.record_bytes());
        }
        offset = at.saturating_add(header.record_bytes());
    }
    let counted = ledger.segments.get(&segment).map_or(0, |used| used.live_bytes);
    Ok(live_bytes == counted)
}

/// Finishes the removal of segments that had been emptied when the node stopped.
fn remove_emptied(
    index: &Index,
    segments: &Segments,
    ledger: &mut Ledger,
    found: &[(SegmentNumber, u64)],
) -> Result<(), StoreError> {
    let mut group = Group::new(index, ledger, ledger.head.tail.segment);
    for (number, used) in &ledger.segments {
        if *used == SegmentUse::EMPTIED {
            if found.iter().any(|(there, _)| there == number) {
                segments.remove(*number)?;
            }
            group.forget_segment(*number);
        }
    }
    let staged = group.finish();
    if !staged.is_empty() {
        index.commit(&staged.changes())?;
        staged.enter(ledger);
    }
    Ok(())
}

/// Adopts the whole records of a segment that lie after the tail, makes them durable, and cuts off the rest.
fn adopt_after_tail(
    index: &Index,
    segments: &Segments,
    ledger: &mut Ledger,
    number: SegmentNumber,
) -> Result<(), StoreError> {
    let walk = segments.walk(number)?;
    let open = segments.append_to(number)?;
    let mut adopted = 0;
    loop {
        let (mut group, rows) = adopt_some(index, ledger, &walk, number)?;
        if rows < RECOVERY_ROWS_MAX {
            let end = group.tail_offset();
            group.end_block();
            open.truncate(end).map_err(StoreError::io("cut off the torn end of", open.path()))?;
        }
        open.sync().map_err(StoreError::io("sync", open.path()))?;
        let staged = group.finish();
        index.commit(&staged.changes())?;
        staged.enter(ledger);
        adopted += rows;
        if rows < RECOVERY_ROWS_MAX {
            break;
        }
    }
    if adopted > 0 {
        tracing::info!(
            segment = number.0,
            copies = adopted,
            "adopted copies that were written but not yet acknowledged"
        );
    }
    Ok(())
}

fn adopt_some<'a>(
    index: &'a Index,
    ledger: &'a Ledger,
    walk: &SegmentWalk,
    number: SegmentNumber,
) -> Result<(Group<'a>, usize), StoreError> {
    let mut group = Group::new(index, ledger, number);
    let mut rows = 0;
    while rows < RECOVERY_ROWS_MAX {
        let Next::Record(offset, header) = walk.next(group.tail_offset(), u64::MAX)? else {
            break;
        };
        if !walk.has_object(&header, offset)? {
            break;
        }
        group.pass_over(offset.saturating_sub(group.tail_offset()));
        if group.row(&header.key)?.is_some() {
            group.pass_over(header.record_bytes());
        } else {
            group.adopt(&header);
        }
        rows += 1;
    }
    Ok((group, rows))
}
