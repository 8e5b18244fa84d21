//! One group of writes, staged in memory: nothing it says is true until the whole of it is committed.
//!
//! A group sees its own changes before the index does, so that two requests of one group on the same chunk meet.

use std::collections::{BTreeMap, HashMap};

use bytes::Bytes;

use super::block::block_end;
use super::error::StoreError;
use super::index::{Changes, Index};
use super::key::ChunkKey;
use super::ledger::{Head, Ledger, SegmentUse, Tail};
use super::record::RecordHeader;
use super::row::{Location, Row, SegmentNumber};
use super::segment::Record;
use super::stamp::Stamp;

/// What a group changes, over the index and ledger that it starts from.
pub(super) struct Group<'a> {
    index: &'a Index,
    ledger: &'a Ledger,
    staged: Staged,
}

/// The changes alone.
pub(super) struct Staged {
    pub(super) head: Head,
    /// Where the records begin.
    pub(super) start: Tail,
    pub(super) records: Vec<Record>,
    pub(super) record_bytes: u64,
    rows: HashMap<ChunkKey, Option<Row>>,
    segments: BTreeMap<SegmentNumber, Option<SegmentUse>>,
}

impl<'a> Group<'a> {
    /// An empty group that appends to `segment`: the ledger's own, or one that has just been begun.
    pub(super) fn new(index: &'a Index, ledger: &'a Ledger, segment: SegmentNumber) -> Self {
        let mut head = ledger.head;
        if head.tail.segment != segment {
            head.tail = Tail { segment, offset: 0 };
        }
        let staged = Staged {
            head,
            start: head.tail,
            records: Vec::new(),
            record_bytes: 0,
            rows: HashMap::new(),
            segments: BTreeMap::new(),
        };
        Self { index, ledger, staged }
    }

    /// The row of a copy, as it will be after this group.
    pub(super) fn row(&self, key: &ChunkKey) -> Result<Option<Row>, StoreError> {
        match self.staged.rows.get(key) {
            Some(row) => Ok(*row),
            None => self.index.row(key),
        }
    }

    /// How much of a segment is in use after this group; `None` if there is no such segment.
    pub(super) fn segment(&self, number: SegmentNumber) -> Option<SegmentUse> {
        match self.staged.segments.get(&number) {
            Some(used) => *used,
            None => self.ledger.segments.get(&number).copied(),
        }
    }

    /// The segments there were before this group.
    pub(super) fn segments_before(&self) -> &BTreeMap<SegmentNumber, SegmentUse> {
        &self.ledger.segments
    }

    /// The segment this group appends to.
    pub(super) fn segment_open(&self) -> SegmentNumber {
        self.staged.head.tail.segment
    }

    /// Where the next record goes in it.
    pub(super) fn tail_offset(&self) -> u64 {
        self.staged.head.tail.offset
    }

    /// Bytes of records this group writes so far.
    pub(super) fn record_bytes(&self) -> u64 {
        self.staged.record_bytes
    }

    /// Adds a copy that is not held.
    pub(super) fn append(&mut self, key: ChunkKey, object: Bytes, stamp: Stamp) {
        let object_bytes = u32::try_from(object.len()).unwrap_or(u32::MAX);
        let header = RecordHeader { key, object_bytes, stamp };
        self.staged.records.push(Record { header: header.encode(), object });
        self.staged.record_bytes = self.staged.record_bytes.saturating_add(header.record_bytes());
        self.adopt(&header);
    }

    /// Counts the record at the tail, which is on disk or will be, as a copy.
    pub(super) fn adopt(&mut self, header: &RecordHeader) {
        let location = Location {
            segment: self.staged.head.tail.segment,
            offset: u32::try_from(self.staged.head.tail.offset).unwrap_or(u32::MAX),
            object_bytes: header.object_bytes,
        };
        self.pass_over(header.record_bytes());
        self.change_segment(location.segment, |used| {
            used.live_bytes = used.live_bytes.saturating_add(header.record_bytes());
        });
        let head = &mut self.staged.head;
        head.chunks = head.chunks.saturating_add(1);
        head.object_bytes = head.object_bytes.saturating_add(header.object_bytes.into());
        self.staged.rows.insert(header.key, Some(Row { stamp: header.stamp, location }));
    }

    /// Counts bytes at the tail as written, but not live.
    pub(super) fn pass_over(&mut self, bytes: u64) {
        let tail = &mut self.staged.head.tail;
        tail.offset = tail.offset.saturating_add(bytes);
        let Tail { segment, offset } = *tail;
        self.change_segment(segment, |used| used.written_bytes = offset);
    }

    /// Counts what is left of the block at the tail as written: the next group begins a block.
    pub(super) fn end_block(&mut self) {
        let offset = self.staged.head.tail.offset;
        let rest = block_end(offset).saturating_sub(offset);
        if rest > 0 {
            self.pass_over(rest);
        }
    }

    /// Raises the stamp of a held copy, if `stamp` is higher.
    pub(super) fn raise(&mut self, key: ChunkKey, row: Row, stamp: Stamp) {
        if stamp > row.stamp {
            self.staged.rows.insert(key, Some(Row { stamp, ..row }));
        }
    }

    /// Takes a copy away; its bytes are garbage from now on.
    pub(super) fn remove(&mut self, key: ChunkKey, row: Row) {
        self.change_segment(row.location.segment, |used| {
            used.live_bytes = used.live_bytes.saturating_sub(row.location.record_bytes());
        });
        let head = &mut self.staged.head;
        head.chunks = head.chunks.saturating_sub(1);
        head.object_bytes = head.object_bytes.saturating_sub(row.location.object_bytes.into());
        self.staged.rows.insert(key, None);
    }

    /// Marks a segment without live records for removal.
    pub(super) fn empty_segment(&mut self, number: SegmentNumber) {
        self.staged.segments.insert(number, Some(SegmentUse::EMPTIED));
    }

    /// Forgets a segment whose file is gone.
    pub(super) fn forget_segment(&mut self, number: SegmentNumber) {
        self.staged.segments.insert(number, None);
    }

    /// The changes, for the writer to commit.
    pub(super) fn finish(self) -> Staged {
        self.staged
    }

    fn change_segment(&mut self, number: SegmentNumber, change: impl FnOnce(&mut SegmentUse)) {
        let mut used = self.segment(number).unwrap_or_default();
        change(&mut used);
        self.staged.segments.insert(number, Some(used));
    }
}

impl Staged {
    /// Whether there is anything to commit.
    pub(super) fn is_empty(&self) -> bool {
        self.rows.is_empty() && self.segments.is_empty()
    }

    /// What the index is to write.
    pub(super) fn changes(&self) -> Changes<'_> {
        Changes { rows: &self.rows, segments: &self.segments, head: self.head }
    }

    /// Brings the ledger in memory to what the index now says; returns the segments whose files are to go.
    pub(super) fn enter(self, ledger: &mut Ledger) -> Vec<SegmentNumber> {
        ledger.head = self.head;
        let mut emptied = Vec::new();
        for (number, used) in self.segments {
            ledger.enter(number, used);
            if used == Some(SegmentUse::EMPTIED) {
                emptied.push(number);
            }
        }
        emptied
    }
}
