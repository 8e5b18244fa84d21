//! The key of a copy: id first, so that a placement partition is one range of the index.

use std::ops::RangeInclusive;

use vauban_protocol::id::{ChunkId, SpaceId};

/// Bits of an id that choose its partition (architecture, "Placement").
const PARTITION_BITS: u32 = 10;

/// One chunk in one space: the same bytes stored in two spaces are two copies, so that none reveals the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct ChunkKey {
    pub(super) id: ChunkId,
    pub(super) space: SpaceId,
}

impl ChunkKey {
    pub(super) const BYTES: usize = ChunkId::BYTES + SpaceId::BYTES;

    pub(super) fn encode(&self) -> [u8; Self::BYTES] {
        let mut bytes = [0; Self::BYTES];
        let (id, space) = bytes.split_at_mut(ChunkId::BYTES);
        id.copy_from_slice(self.id.as_bytes());
        space.copy_from_slice(self.space.as_bytes());
        bytes
    }

    pub(super) fn decode(bytes: &[u8]) -> Option<Self> {
        let (id, space) = bytes.split_first_chunk::<{ ChunkId::BYTES }>()?;
        Some(Self { id: ChunkId(*id), space: SpaceId(space.try_into().ok()?) })
    }
}

/// One of the ranges of ids that placement assigns as a whole: the first ten bits of an id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Partition(u16);

impl Partition {
    /// Partitions there are.
    pub const COUNT: u16 = 1 << PARTITION_BITS;

    /// The partition of this number, if there is one.
    #[must_use]
    pub fn new(number: u16) -> Option<Self> {
        (number < Self::COUNT).then_some(Self(number))
    }

    /// Its number, below [`Partition::COUNT`].
    #[must_use]
    pub fn number(self) -> u16 {
        self.0
    }

    /// The partition of a chunk.
    #[must_use]
    pub fn of(id: &ChunkId) -> Self {
        let [first, second, ..] = id.0;
        Self(u16::from_be_bytes([first, second]) >> (u16::BITS - PARTITION_BITS))
    }

    /// Every partition, in the order of ids.
    pub fn all() -> impl Iterator<Item = Self> {
        (0..Self::COUNT).map(Self)
    }

    /// The first and the last key that an id of this partition can have.
    pub(super) fn keys(self) -> RangeInclusive<ChunkKey> {
        let shift = u16::BITS - PARTITION_BITS;
        let [low_first, low_second] = (self.0 << shift).to_be_bytes();
        let [high_first, high_second] = (self.0 << shift | ((1 << shift) - 1)).to_be_bytes();
        let (mut low, mut high) = ([0x00; 32], [0xff; 32]);
        let [first, second, ..] = &mut low;
        (*first, *second) = (low_first, low_second);
        let [first, second, ..] = &mut high;
        (*first, *second) = (high_first, high_second);
        ChunkKey { id: ChunkId(low), space: SpaceId([0x00; 16]) }..=ChunkKey {
            id: ChunkId(high),
            space: SpaceId([0xff; 16]),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn partitions_cut_the_ids_without_gap_or_overlap() {
        let mut previous: Option<ChunkKey> = None;
        for partition in Partition::all() {
            let keys = partition.keys();
            assert_eq!(Partition::of(&keys.start().id), partition);
            assert_eq!(Partition::of(&keys.end().id), partition);
            assert!(previous.is_none_or(|end| end < *keys.start()));
            previous = Some(*keys.end());
        }
        assert_eq!(Partition::new(Partition::COUNT), None);
    }

    #[test]
    fn a_key_decodes_to_itself_and_sorts_by_id() {
        let key = |id, space| ChunkKey { id: ChunkId([id; 32]), space: SpaceId([space; 16]) };
        assert_eq!(ChunkKey::decode(&key(7, 9).encode()), Some(key(7, 9)));
        assert_eq!(ChunkKey::decode(&[0; ChunkKey::BYTES - 1]), None);
        assert!(key(1, 9).encode() < key(2, 0).encode());
    }
}
