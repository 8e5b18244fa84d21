//! Ops: the changes of the tree that a commit carries, sealed (`formats#15`).
//!
//! ```text
//! plain ops = format(1) ‖ made_at ‖ canonical list of ops
//! ```
//! Another format holds a [checkpoint](super::checkpoint), alone in its commit.
//! Decoding refuses every encoding but the canonical one, and allocates no more than the commit's own bound allows.
//! Whether an op has any effect is the fold's to say: names are raw bytes here, so that one bad name voids one op.

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use vauban_crypto::ops::OPS_OVERHEAD_BYTES;
use vauban_protocol::canonical::{DecodeError, decode, encode};
use vauban_protocol::limit::COMMIT_OPS_BYTES_MAX;
use vauban_protocol::time::Timestamp;

use super::checkpoint::CHECKPOINT_FORMAT;
use super::entry::{EntryId, Kind};
use super::version::Version;

/// The first byte of a commit's ops.
const OPS_FORMAT: u8 = 1;
/// Bytes before the ops themselves, at most: the format, the time, and the list's length.
const OPS_PREFIX_BYTES: usize = 1 + 10 + 5;
/// Bytes of one commit's encoded ops before they are sealed, at most.
pub const OPS_PLAIN_BYTES_MAX: usize = COMMIT_OPS_BYTES_MAX - OPS_OVERHEAD_BYTES;

/// What one commit says to members.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Changes {
    /// When, by the author's clock: what history shows. No rule rests on it.
    pub made_at: Timestamp,
    /// The changes, in order.
    pub ops: Vec<Op>,
}

/// What stands in a commit's sealed ops.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Said {
    /// Nothing: the commit adds chunks, or carries control alone.
    Nothing,
    /// These changes.
    Changes(Changes),
    /// A signed checkpoint, not judged yet.
    Checkpoint(Bytes),
    /// Something else: it does not open or decode, so that the author is at fault and the commit is void as a whole.
    Junk,
}

/// One change of the tree. New variants are added at the end only.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Op {
    /// Begins an entry.
    Create {
        /// Fresh and random.
        entry: EntryId,
        /// The folder it is in.
        parent: EntryId,
        /// Its name there.
        name: Vec<u8>,
        /// What it is.
        kind: Kind,
    },
    /// Gives a file or symlink a content.
    Write {
        /// Which.
        entry: EntryId,
        /// The content.
        version: Version,
    },
    /// Gives an entry another folder, another name, or both.
    Move {
        /// Which.
        entry: EntryId,
        /// The folder it is in from now on.
        parent: EntryId,
        /// Its name there.
        name: Vec<u8>,
    },
    /// Ends an entry: the tombstone.
    Remove {
        /// Which.
        entry: EntryId,
    },
}

impl Op {
    /// The entry that it changes.
    #[must_use]
    pub fn entry(&self) -> EntryId {
        match self {
            Self::Create { entry, .. }
            | Self::Write { entry, .. }
            | Self::Move { entry, .. }
            | Self::Remove { entry } => *entry,
        }
    }

    /// Bytes that this op takes in a commit.
    #[must_use]
    pub fn encoded_bytes(&self) -> usize {
        encode(self).len()
    }
}

/// Gathers ops up to what one commit holds.
#[derive(Debug, Default)]
pub struct OpsBatch {
    ops: Vec<Op>,
    bytes: usize,
}

impl OpsBatch {
    /// Adds all of `ops`, or none, and says which: what belongs together stands in one commit.
    pub fn push_all(&mut self, ops: &[Op]) -> bool {
        let bytes = self.bytes.saturating_add(ops.iter().map(Op::encoded_bytes).sum());
        let fits = bytes <= OPS_PLAIN_BYTES_MAX - OPS_PREFIX_BYTES;
        if fits {
            self.bytes = bytes;
            self.ops.extend_from_slice(ops);
        }
        fits
    }

    /// Whether it holds nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.ops.is_empty()
    }

    /// The ops, in order.
    #[must_use]
    pub fn into_ops(self) -> Vec<Op> {
        self.ops
    }
}

/// The bytes that are sealed into a commit.
#[must_use]
pub fn encode_ops(made_at: Timestamp, ops: &[Op]) -> Vec<u8> {
    encode(&(OPS_FORMAT, made_at, ops))
}

/// What opened ops say.
#[must_use]
pub fn read_ops(plain: &[u8]) -> Said {
    match plain.split_first() {
        Some((&CHECKPOINT_FORMAT, signed)) => Said::Checkpoint(Bytes::copy_from_slice(signed)),
        _ => decode_ops(plain).map_or(Said::Junk, Said::Changes),
    }
}

/// The changes that a commit carries.
///
/// # Errors
/// [`DecodeError`], named by the defect. The author is at fault; the whole commit is then void.
pub fn decode_ops(bytes: &[u8]) -> Result<Changes, DecodeError> {
    if bytes.len() > OPS_PLAIN_BYTES_MAX {
        return Err(DecodeError::TooLong);
    }
    if bytes.first() != Some(&OPS_FORMAT) {
        return Err(DecodeError::Suite);
    }
    decode::<(u8, Timestamp, Vec<Op>)>(bytes).map(|(_, made_at, ops)| Changes { made_at, ops })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn remove(n: u8) -> Op {
        Op::Remove { entry: EntryId([n; 16]) }
    }

    #[test]
    fn ops_round_trip_and_other_bytes_are_refused() {
        let ops = vec![remove(1), Op::Move { entry: EntryId([2; 16]), parent: EntryId::ROOT, name: b"b".to_vec() }];
        let made_at = Timestamp(1_800_000_000);
        let bytes = encode_ops(made_at, &ops);
        assert_eq!(decode_ops(&bytes), Ok(Changes { made_at, ops }));
        assert_eq!(decode_ops(&[]), Err(DecodeError::Suite));
        assert_eq!(decode_ops(&[2, 0, 0]), Err(DecodeError::Suite));
        assert_eq!(decode_ops(&bytes[..bytes.len() - 1]), Err(DecodeError::Malformed));
        assert_eq!(decode_ops(&[1, 0, 0x80, 0x00]), Err(DecodeError::NotCanonical));
        assert_eq!(decode_ops(&[1, 0x80, 0x00, 0]), Err(DecodeError::NotCanonical));
        assert_eq!(decode_ops(&[1, 0, 1, 9]), Err(DecodeError::Malformed));
        assert_eq!(decode_ops(&vec![1; OPS_PLAIN_BYTES_MAX + 1]), Err(DecodeError::TooLong));
    }

    #[test]
    fn a_batch_fits_one_commit() {
        let mut batch = OpsBatch::default();
        while batch.push_all(&[remove(1), remove(2)]) {}
        let encoded = encode_ops(Timestamp(u64::MAX), &batch.into_ops());
        assert!(encoded.len() <= OPS_PLAIN_BYTES_MAX && encoded.len() > OPS_PLAIN_BYTES_MAX - 64);
    }
}
