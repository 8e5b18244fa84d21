//! Sealing a chunk for the first time.

use vauban_protocol::id::ChunkId;

use super::{ChunkSecret, ChunkTag, Frame};
use crate::derive;
use crate::error::SealError;
use crate::secret::{Secret, random_salt};

/// The key of an epoch that chunks' secrets come from.
#[derive(Clone, Debug)]
pub struct ContentKey(Secret<32>);

/// A chunk as it is uploaded, with what its author records in sealed ops.
#[derive(Debug)]
pub struct SealedChunk {
    /// BLAKE3 of the object: the chunk's address.
    pub id: ChunkId,
    /// The sealed bytes.
    pub object: Vec<u8>,
    /// What opens it.
    pub secret: ChunkSecret,
    /// What equal content is found by.
    pub tag: ChunkTag,
}

impl ContentKey {
    pub(crate) fn new(secret: Secret<32>) -> Self {
        Self(secret)
    }

    #[cfg(test)]
    pub(crate) fn secret(&self) -> &Secret<32> {
        &self.0
    }

    /// Frames and seals `plain`; each call gives another id.
    ///
    /// # Errors
    /// As [`Frame::of`].
    pub fn seal(&self, plain: &[u8]) -> Result<SealedChunk, SealError> {
        Frame::of(plain).map(|frame| self.seal_frame(frame))
    }

    /// Seals a frame; each call gives another id.
    #[must_use]
    pub fn seal_frame(&self, frame: Frame) -> SealedChunk {
        self.seal_frame_with(frame, &random_salt())
    }

    /// Seals with given randomness: for vectors, and for the test that a repeated draw is harmless.
    #[doc(hidden)]
    #[must_use]
    pub fn seal_frame_with(&self, frame: Frame, randomness: &[u8; 32]) -> SealedChunk {
        let secret = ChunkSecret::new(derive::mac(&self.0, &[randomness, frame.hash().as_bytes()]));
        let tag = frame.tag();
        let (id, object) = secret.reseal(frame);
        SealedChunk { id, object, secret, tag }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn same_file_sealed_twice_shares_no_id() {
        let key = ContentKey::new(Secret::random());
        let one = key.seal(b"the same words").expect("within bounds");
        let other = key.seal(b"the same words").expect("within bounds");
        assert_ne!(one.id, other.id);
        assert!(one.object.iter().zip(&other.object).skip(4).filter(|(a, b)| a == b).count() < 4096 / 32);
        assert_eq!(one.tag, other.tag, "members, who read tags, do find it");
    }

    /// Without randomness of its own in each sealing, as where contents give their keys, the same words have the same id.
    #[test]
    fn control_of_same_file_sealed_twice_shares_no_id() {
        let key = ContentKey::new(Secret::random());
        let seal = || key.seal_frame_with(Frame::of(b"the same words").expect("within bounds"), &[5; 32]);
        assert_eq!(seal().id, seal().id);
    }

    /// A cloned machine draws the same randomness: different contents must still get different keys.
    #[test]
    fn repeated_randomness_repeats_no_key() {
        let key = ContentKey::new(Secret::random());
        let seal = |plain: &[u8]| key.seal_frame_with(Frame::of(plain).expect("within bounds"), &[5; 32]);
        assert_ne!(seal(b"one").secret, seal(b"two").secret);
    }

    #[test]
    fn another_epoch_gives_another_secret() {
        let frame = || Frame::of(b"words").expect("within bounds");
        let one = ContentKey::new(Secret::new([1; 32])).seal_frame_with(frame(), &[5; 32]);
        let other = ContentKey::new(Secret::new([2; 32])).seal_frame_with(frame(), &[5; 32]);
        assert_ne!(one.secret, other.secret);
    }
}
