//! One row of the index: where a copy lies, and up to when it is promised.

use super::record::record_bytes;
use super::stamp::Stamp;

/// A segment's number; higher is younger.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct SegmentNumber(pub(super) u32);

/// Where a record begins, and how long its object is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Location {
    pub(super) segment: SegmentNumber,
    /// Bytes from the start of the segment to the record's header.
    pub(super) offset: u32,
    pub(super) object_bytes: u32,
}

impl Location {
    /// Bytes of the whole record.
    pub(super) fn record_bytes(&self) -> u64 {
        record_bytes(self.object_bytes)
    }
}

/// What the index knows of a copy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Row {
    pub(super) stamp: Stamp,
    pub(super) location: Location,
}

impl Row {
    const BYTES: usize = 8 + 4 + 4 + 4;

    /// Big-endian fields in a row: fixed size, so that metadata stays within what architecture.md plans a chunk.
    pub(super) fn encode(&self) -> [u8; Self::BYTES] {
        let mut bytes = [0; Self::BYTES];
        let (stamp, rest) = bytes.split_at_mut(8);
        let (segment, rest) = rest.split_at_mut(4);
        let (offset, object_bytes) = rest.split_at_mut(4);
        stamp.copy_from_slice(&self.stamp.0.to_be_bytes());
        segment.copy_from_slice(&self.location.segment.0.to_be_bytes());
        offset.copy_from_slice(&self.location.offset.to_be_bytes());
        object_bytes.copy_from_slice(&self.location.object_bytes.to_be_bytes());
        bytes
    }

    pub(super) fn decode(bytes: &[u8]) -> Option<Self> {
        let (stamp, rest) = bytes.split_first_chunk::<8>()?;
        let (segment, rest) = rest.split_first_chunk::<4>()?;
        let (offset, object_bytes) = rest.split_first_chunk::<4>()?;
        Some(Self {
            stamp: Stamp(u64::from_be_bytes(*stamp)),
            location: Location {
                segment: SegmentNumber(u32::from_be_bytes(*segment)),
                offset: u32::from_be_bytes(*offset),
                object_bytes: u32::from_be_bytes(object_bytes.try_into().ok()?),
            },
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_decodes_to_itself_and_no_other_length_does() {
        let location = Location { segment: SegmentNumber(3), offset: 4, object_bytes: 5 };
        let row = Row { stamp: Stamp(u64::MAX - 1), location };
        assert_eq!(Row::decode(&row.encode()), Some(row));
        assert_eq!(Row::decode(&row.encode()[1..]), None);
        assert_eq!(Row::decode(&[row.encode().as_slice(), &[0]].concat()), None);
    }
}
