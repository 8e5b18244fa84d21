//! One copy in a segment: a header that says whose bytes follow, and the bytes.
//!
//! The index already says all of this; the header is there for the two moments when the index is not enough: after a
//! crash, to tell a whole record from a torn one, and when a dying segment is read for what is still live. The body
//! needs no checksum of its own, because the id is one. SPEC.md gives the table.

use vauban_protocol::id::{ChunkId, SpaceId};
use vauban_protocol::limit::OBJECT_BYTES_MAX;

use super::key::ChunkKey;
use super::stamp::Stamp;

const MAGIC: [u8; 4] = *b"VCR1";
const CHECK_BYTES: usize = 8;
const CHECKED_BYTES: usize = MAGIC.len() + 4 + 8 + ChunkKey::BYTES;

/// What stands before a body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct RecordHeader {
    pub(super) key: ChunkKey,
    /// Bytes of the body.
    pub(super) object_bytes: u32,
    /// The stamp at the time of writing; the index has later ones.
    pub(super) stamp: Stamp,
}

impl RecordHeader {
    /// Bytes of a header.
    pub(super) const BYTES: usize = CHECKED_BYTES + CHECK_BYTES;

    /// Bytes of header and body.
    pub(super) fn record_bytes(&self) -> u64 {
        record_bytes(self.object_bytes)
    }

    pub(super) fn encode(&self) -> [u8; Self::BYTES] {
        let mut bytes = [0; Self::BYTES];
        let (checked, check) = bytes.split_at_mut(CHECKED_BYTES);
        let (magic, rest) = checked.split_at_mut(MAGIC.len());
        let (length, rest) = rest.split_at_mut(4);
        let (stamp, key) = rest.split_at_mut(8);
        magic.copy_from_slice(&MAGIC);
        length.copy_from_slice(&self.object_bytes.to_le_bytes());
        stamp.copy_from_slice(&self.stamp.0.to_le_bytes());
        key.copy_from_slice(&self.key.encode());
        check.copy_from_slice(&check_of(checked));
        bytes
    }

    /// The header in these bytes, if every one of them is right.
    pub(super) fn decode(bytes: &[u8; Self::BYTES]) -> Option<Self> {
        let (checked, check) = bytes.split_at_checked(CHECKED_BYTES)?;
        if check != check_of(checked) {
            return None;
        }
        let rest = checked.strip_prefix(&MAGIC)?;
        let (length, rest) = rest.split_first_chunk::<4>()?;
        let (stamp, rest) = rest.split_first_chunk::<8>()?;
        let (id, space) = rest.split_first_chunk::<{ ChunkId::BYTES }>()?;
        let object_bytes = u32::from_le_bytes(*length);
        if object_bytes as usize > OBJECT_BYTES_MAX {
            return None;
        }
        Some(Self {
            key: ChunkKey { id: ChunkId(*id), space: SpaceId(space.try_into().ok()?) },
            object_bytes,
            stamp: Stamp(u64::from_le_bytes(*stamp)),
        })
    }
}

/// Bytes of the record of an object of `object_bytes`.
pub(super) fn record_bytes(object_bytes: u32) -> u64 {
    RecordHeader::BYTES as u64 + u64::from(object_bytes)
}

fn check_of(checked: &[u8]) -> [u8; CHECK_BYTES] {
    let mut check = [0; CHECK_BYTES];
    blake3::Hasher::new().update(checked).finalize_xof().fill(&mut check);
    check
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEADER: RecordHeader = RecordHeader {
        key: ChunkKey { id: ChunkId([0xab; 32]), space: SpaceId([0xcd; 16]) },
        object_bytes: 4148,
        stamp: Stamp(77),
    };

    #[test]
    fn a_header_decodes_to_itself() {
        assert_eq!(RecordHeader::decode(&HEADER.encode()), Some(HEADER));
    }

    #[test]
    fn any_changed_bit_is_refused() {
        let whole = HEADER.encode();
        for bit in 0..whole.len() * 8 {
            let mut bytes = whole;
            bytes[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(RecordHeader::decode(&bytes), None, "bit {bit}");
        }
    }

    #[test]
    fn a_length_over_the_bound_is_refused() {
        let header = RecordHeader { object_bytes: OBJECT_BYTES_MAX as u32 + 1, ..HEADER };
        assert_eq!(RecordHeader::decode(&header.encode()), None);
    }

    #[test]
    fn the_header_bytes_are_frozen() {
        assert_eq!(RecordHeader::BYTES, 72);
        let bytes = HEADER.encode();
        assert_eq!(&bytes[..16], b"VCR1\x34\x10\x00\x00\x4d\0\0\0\0\0\0\0");
        assert!(bytes[16..48].iter().all(|b| *b == 0xab) && bytes[48..64].iter().all(|b| *b == 0xcd));
    }
}
