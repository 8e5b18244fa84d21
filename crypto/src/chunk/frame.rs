//! The frame: the exact bytes that are sealed for one chunk, laid out where they will be encrypted.
//!
//! ```text
//! frame = plain_len(u32 LE) ‖ body ‖ zeros up to the padded size
//! ```
//! The content is copied once, into the buffer that becomes the object; everything later happens there. Its hash is taken
//! once: the dedup tag and the sealing key both come from it.

use vauban_protocol::limit::{CHUNK_PLAIN_BYTES_MAX, FRAME_PREFIX_BYTES, OBJECT_OVERHEAD_BYTES};
use vauban_protocol::size::padded_bytes;

use super::{ChunkTag, PREFIX_BYTES};
use crate::error::SealError;

/// A chunk's content, framed and hashed, ready to be sealed.
pub struct Frame {
    /// Room for the object's prefix, then the frame. Spare capacity for the authentication tag.
    buffer: Vec<u8>,
    hash: blake3::Hash,
}

impl Frame {
    /// Frames `plain` in a new buffer.
    ///
    /// # Errors
    /// [`SealError::Empty`], or [`SealError::TooLong`] over [`CHUNK_PLAIN_BYTES_MAX`].
    pub fn of(plain: &[u8]) -> Result<Self, SealError> {
        Self::in_buffer(plain, Vec::new())
    }

    /// Frames `plain` in `buffer`, whose content is lost and whose capacity is reused.
    ///
    /// # Errors
    /// As [`Self::of`].
    pub fn in_buffer(plain: &[u8], mut buffer: Vec<u8>) -> Result<Self, SealError> {
        if plain.is_empty() {
            return Err(SealError::Empty);
        }
        if plain.len() > CHUNK_PLAIN_BYTES_MAX {
            return Err(SealError::TooLong);
        }
        let length = u32::try_from(plain.len()).map_err(|_| SealError::TooLong)?;
        let padded = padded_bytes(plain.len());
        buffer.clear();
        buffer.reserve_exact(padded.saturating_add(OBJECT_OVERHEAD_BYTES));
        buffer.resize(PREFIX_BYTES, 0);
        buffer.extend_from_slice(&length.to_le_bytes());
        buffer.extend_from_slice(plain);
        buffer.resize(PREFIX_BYTES.saturating_add(padded), 0);
        let (_, frame) = buffer.split_at(PREFIX_BYTES);
        let hash = blake3::hash(frame);
        Ok(Self { buffer, hash })
    }

    /// What the content is looked up by among chunks that the space has already.
    #[must_use]
    pub fn tag(&self) -> ChunkTag {
        ChunkTag::of_hash(&self.hash)
    }

    pub(super) fn hash(&self) -> &blake3::Hash {
        &self.hash
    }

    pub(super) fn into_buffer(self) -> Vec<u8> {
        self.buffer
    }
}

/// The content of a decrypted frame, if length and padding are what [`Frame::of`] writes.
pub(super) fn content(frame: &[u8]) -> Option<&[u8]> {
    let (length, rest) = frame.split_first_chunk::<FRAME_PREFIX_BYTES>()?;
    let length = usize::try_from(u32::from_le_bytes(*length)).ok()?;
    let (content, padding) = rest.split_at_checked(length)?;
    let canonical = length > 0 && length <= CHUNK_PLAIN_BYTES_MAX && padded_bytes(length) == frame.len();
    (canonical && padding.iter().all(|byte| *byte == 0)).then_some(content)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn framed(plain: &[u8]) -> Vec<u8> {
        Frame::of(plain).expect("within bounds").into_buffer().split_off(PREFIX_BYTES)
    }

    #[test]
    fn content_is_what_was_framed() {
        for length in [1, 4091, 4092, 4093, 100_000] {
            let plain = vec![7; length];
            assert_eq!(content(&framed(&plain)), Some(plain.as_slice()));
        }
    }

    #[test]
    fn lengths_out_of_bounds_are_refused() {
        assert_eq!(Frame::of(&[]).err(), Some(SealError::Empty));
        assert_eq!(Frame::of(&vec![0; CHUNK_PLAIN_BYTES_MAX + 1]).err(), Some(SealError::TooLong));
        assert!(Frame::of(&vec![0; CHUNK_PLAIN_BYTES_MAX]).is_ok());
    }

    #[test]
    fn other_layouts_have_no_content() {
        let frame = framed(b"abc");
        let with = |at: usize, byte: u8| {
            let mut frame = frame.clone();
            frame[at] = byte;
            frame
        };
        assert_eq!(content(&with(0, 2)), None, "a shorter length leaves padding that is not zero");
        assert_eq!(content(&with(0, 0)), None, "no content");
        assert_eq!(content(&with(1, 0x20)), None, "longer than the frame");
        assert_eq!(content(&with(4095, 1)), None, "padding that is not zero");
        assert_eq!(content(&frame[..4095]), None, "not the padded size");
        assert_eq!(content(&[]), None);
    }

    #[test]
    fn a_longer_buffer_leaves_no_trace() {
        let reused = Frame::in_buffer(b"abc", vec![0xff; 10_000]).expect("within bounds").into_buffer();
        assert_eq!(reused, Frame::of(b"abc").expect("within bounds").into_buffer());
    }

    /// A member may seal a frame of any bytes: those that are read are those that an honest client would have written.
    #[test]
    fn frames_of_any_bytes_are_canonical_or_refused() {
        let time = std::time::Duration::from_secs(2);
        bolero::check!().with_test_time(time).with_type::<(u16, Vec<u8>)>().for_each(|(length, body)| {
            let mut frame = u32::from(*length).to_le_bytes().to_vec();
            frame.extend_from_slice(body);
            frame.resize(padded_bytes(usize::from(*length)), 0);
            if let Some(content) = content(&frame) {
                assert_eq!(framed(content), frame);
            }
        });
    }
}
