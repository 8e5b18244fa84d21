//! A chunk's metadata: the reason why its copies are kept.

use serde::{Deserialize, Serialize};
use vauban_protocol::canonical::{DecodeError, decode, encode};

/// Exists for each chunk that a commit added and that has not been purged; sweep deletes no copy that has one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Row {
    /// The Raft index of the last commit that added the chunk.
    pub added_at: u64,
    /// The number, in its space's chain, of the commit that released it, if it was released since; adding it again, or keeping
    /// it, takes the release back.
    pub released_by: Option<u64>,
    /// What it counts for, and in whose name; none if it was added below feature level 2, or nobody found its size.
    pub weight: Option<Weight>,
}

/// What a chunk counts for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Weight {
    /// Bytes of its object.
    pub object_bytes: u32,
    /// The position in the organisation's chain that enrolled the device which added it first: it says whose it is in few bytes.
    pub enrolled_at: u64,
}

/// The two shapes on disk: without and with a weight.
type Bare = (u64, Option<u64>);
type Weighed = (u64, Option<u64>, Weight);

impl Row {
    /// The bytes of the record.
    pub(in crate::metadata) fn to_bytes(self) -> Vec<u8> {
        let Self { added_at, released_by, weight } = self;
        match weight {
            None => encode(&(added_at, released_by)),
            Some(weight) => encode(&(added_at, released_by, weight)),
        }
    }

    /// The row in these bytes.
    ///
    /// # Errors
    /// [`DecodeError`] if they are neither shape.
    pub(in crate::metadata) fn parse(bytes: &[u8]) -> Result<Self, DecodeError> {
        if let Ok((added_at, released_by)) = decode::<Bare>(bytes) {
            return Ok(Self { added_at, released_by, weight: None });
        }
        let (added_at, released_by, weight) = decode::<Weighed>(bytes)?;
        Ok(Self { added_at, released_by, weight: Some(weight) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_shapes_are_read_back_and_nothing_else() {
        let weight = Weight { object_bytes: 4_148, enrolled_at: 3 };
        for released_by in [None, Some(0), Some(u64::MAX)] {
            for weight in [None, Some(weight), Some(Weight { object_bytes: 0, enrolled_at: 0 })] {
                let row = Row { added_at: 300, released_by, weight };
                assert_eq!(Row::parse(&row.to_bytes()).unwrap(), row);
                let mut longer = row.to_bytes();
                longer.push(0xff);
                assert!(Row::parse(&longer).is_err() || weight.is_none());
            }
        }
        assert!(Row::parse(&[]).is_err());
    }
}
