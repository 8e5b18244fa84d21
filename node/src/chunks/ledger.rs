//! What is on disk in total: where the next record goes, and how much of each segment is live.
//!
//! The ledger is kept row by row in the index, in the same batch as the rows it counts, so the two never disagree.

use std::collections::BTreeMap;

use super::record::RecordHeader;
use super::row::SegmentNumber;

/// Where the next record goes; every byte before it is durable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Tail {
    pub(super) segment: SegmentNumber,
    /// Bytes from the start of the segment; the next group goes to the first block that begins from here on.
    pub(super) offset: u64,
}

/// The totals, and the tail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Head {
    pub(super) tail: Tail,
    /// Copies held.
    pub(super) chunks: u64,
    /// Bytes of their objects.
    pub(super) object_bytes: u64,
}

/// How much of one segment is in use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct SegmentUse {
    /// Bytes of all its records, and of what fills their last blocks up.
    pub(super) written_bytes: u64,
    /// Bytes of the records that a row points to.
    pub(super) live_bytes: u64,
}

impl SegmentUse {
    /// A segment that no row points to and whose file is to go. The row stays until the file is gone: a file without a
    /// row is then never garbage, but a sign that the index lost rows.
    pub(super) const EMPTIED: Self = Self { written_bytes: 0, live_bytes: 0 };
}

/// Head and segments, as the writer thread keeps them in memory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Ledger {
    pub(super) head: Head,
    pub(super) segments: BTreeMap<SegmentNumber, SegmentUse>,
    /// Bytes of all segments, live or not.
    pub(super) written_bytes: u64,
}

impl Ledger {
    /// Of a store that never held anything.
    pub(super) fn empty() -> Self {
        let tail = Tail { segment: SegmentNumber(1), offset: 0 };
        Self { head: Head { tail, chunks: 0, object_bytes: 0 }, segments: BTreeMap::new(), written_bytes: 0 }
    }

    /// Whether segments and totals count the same live records, as they do if both are of one moment.
    pub(super) fn is_balanced(&self) -> bool {
        let live = self.segments.values().map(|used| u128::from(used.live_bytes)).sum::<u128>();
        let headers = u128::from(self.head.chunks) * RecordHeader::BYTES as u128;
        live == headers + u128::from(self.head.object_bytes)
    }

    /// Enters what a segment now holds, or that it is no more.
    pub(super) fn enter(&mut self, number: SegmentNumber, used: Option<SegmentUse>) {
        let before = match used {
            Some(used) => self.segments.insert(number, used),
            None => self.segments.remove(&number),
        };
        let bytes = |used: Option<SegmentUse>| used.map_or(0, |used| used.written_bytes);
        self.written_bytes = self.written_bytes.saturating_add(bytes(used)).saturating_sub(bytes(before));
    }
}

/// The format of index and segments together.
pub(super) const FORMAT: u8 = 2;

impl Head {
    const BYTES: usize = 1 + 4 + 8 + 8 + 8;

    pub(super) fn encode(&self) -> [u8; Self::BYTES] {
        let mut bytes = [0; Self::BYTES];
        let (format, rest) = bytes.split_at_mut(1);
        let (segment, rest) = rest.split_at_mut(4);
        let (offset, rest) = rest.split_at_mut(8);
        let (chunks, object_bytes) = rest.split_at_mut(8);
        format.copy_from_slice(&[FORMAT]);
        segment.copy_from_slice(&self.tail.segment.0.to_be_bytes());
        offset.copy_from_slice(&self.tail.offset.to_be_bytes());
        chunks.copy_from_slice(&self.chunks.to_be_bytes());
        object_bytes.copy_from_slice(&self.object_bytes.to_be_bytes());
        bytes
    }

    /// The head in these bytes, after their format byte has been judged.
    pub(super) fn decode(bytes: &[u8]) -> Option<Self> {
        let (_format, rest) = bytes.split_first()?;
        let (segment, rest) = rest.split_first_chunk::<4>()?;
        let (offset, rest) = rest.split_first_chunk::<8>()?;
        let (chunks, object_bytes) = rest.split_first_chunk::<8>()?;
        Some(Self {
            tail: Tail { segment: SegmentNumber(u32::from_be_bytes(*segment)), offset: u64::from_be_bytes(*offset) },
            chunks: u64::from_be_bytes(*chunks),
            object_bytes: u64::from_be_bytes(object_bytes.try_into().ok()?),
        })
    }
}

impl SegmentUse {
    const BYTES: usize = 8 + 8;

    pub(super) fn encode(&self) -> [u8; Self::BYTES] {
        let mut bytes = [0; Self::BYTES];
        let (written, live) = bytes.split_at_mut(8);
        written.copy_from_slice(&self.written_bytes.to_be_bytes());
        live.copy_from_slice(&self.live_bytes.to_be_bytes());
        bytes
    }

    pub(super) fn decode(bytes: &[u8]) -> Option<Self> {
        let (written, live) = bytes.split_first_chunk::<8>()?;
        Some(Self {
            written_bytes: u64::from_be_bytes(*written),
            live_bytes: u64::from_be_bytes(live.try_into().ok()?),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_of_the_ledger_decode_to_themselves() {
        let tail = Tail { segment: SegmentNumber(7), offset: 8 };
        let head = Head { tail, chunks: 9, object_bytes: 10 };
        assert_eq!(Head::decode(&head.encode()), Some(head));
        assert_eq!(Head::decode(&head.encode()[..5]), None);
        let used = SegmentUse { written_bytes: 11, live_bytes: 12 };
        assert_eq!(SegmentUse::decode(&used.encode()), Some(used));
        assert_eq!(SegmentUse::decode(&[]), None);
    }
}
