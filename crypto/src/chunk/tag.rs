//! A chunk's dedup tag: equal for equal content. It stands in sealed ops only, where members may know what is equal.

use std::fmt;

use serde::{Deserialize, Serialize};
use vauban_protocol::label;

use super::Frame;
use crate::error::SealError;
use crate::secret::HIDDEN;

/// The first half of a derived hash of the frame (`formats#5`). A hint: [`super::ChunkSecret::reseal`] is the proof.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ChunkTag([u8; 16]);

impl ChunkTag {
    /// The tag of `plain`. Where the chunk is sealed next, [`Frame::tag`] hashes once instead of twice.
    ///
    /// # Errors
    /// As [`Frame::of`].
    pub fn of(plain: &[u8]) -> Result<Self, SealError> {
        Frame::of(plain).map(|frame| frame.tag())
    }

    /// The bytes, as they stand in sealed ops and in the client's own index.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }

    /// A tag that was read from sealed ops or from the client's own index.
    #[must_use]
    pub const fn new(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    pub(super) fn of_hash(hash: &blake3::Hash) -> Self {
        let [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, ..] =
            blake3::derive_key(label::CHUNK_TAG, hash.as_bytes());
        Self([a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p])
    }
}

impl fmt::Debug for ChunkTag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(HIDDEN)
    }
}
