//! The frame: the exact bytes that are sealed for one chunk, laid out where they will be encrypted.
//!
//! ```text
//! frame = plain_len(u32 LE) ‖ body ‖ zeros up to the padded size
//! ```
//! The content is copied once, into the buffer that becomes the object ([`Layout`]); everything later happens there, on
//! whichever core. Its hash is taken once ([`Frame`]): the dedup tag and the sealing key both come from it.

use vauban_protocol::limit::{CHUNK_PLAIN_BYTES_MAX, FRAME_PREFIX_BYTES, OBJECT_OVERHEAD_BYTES};
use vauban_protocol::size::padded_bytes;

use super::{ChunkTag, PREFIX_BYTES};
use crate::error::SealError;

/// A chunk's content where it will be sealed. Laying it out costs a copy; all that costs more is left to others.
pub struct Layout {
    /// Room for the object's prefix, then the frame. Spare capacity for the authentication tag.
    buffer: Vec<u8>,
    plain_bytes: u32,
}

/// A chunk's content, framed and hashed, ready to be sealed.
#[derive(Clone)]
pub struct Frame {
    layout: Layout,
    hash: blake3::Hash,
}

impl Layout {
    /// Lays `plain` out in a new buffer.
    ///
    /// # Errors
    /// [`SealError::Empty`], or [`SealError::TooLong`] over [`CHUNK_PLAIN_BYTES_MAX`].
    pub fn of(plain: &[u8]) -> Result<Self, SealError> {
        Self::in_buffer(plain, Vec::new())
    }

    fn in_buffer(plain: &[u8], mut buffer: Vec<u8>) -> Result<Self, SealError> {
        if plain.is_empty() {
            return Err(SealError::Empty);
        }
        if plain.len() > CHUNK_PLAIN_BYTES_MAX {
            return Err(SealError::TooLong);
        }
        let plain_bytes = u32::try_from(plain.len()).map_err(|_| SealError::TooLong)?;
        let padded = padded_bytes(plain.len());
        buffer.clear();
        buffer.reserve_exact(padded.saturating_add(OBJECT_OVERHEAD_BYTES));
        buffer.resize(PREFIX_BYTES, 0);
        buffer.extend_from_slice(&plain_bytes.to_le_bytes());
        buffer.extend_from_slice(plain);
        buffer.resize(PREFIX_BYTES.saturating_add(padded), 0);
        Ok(Self { buffer, plain_bytes })
    }

    /// Bytes of the content.
    #[must_use]
    pub fn plain_bytes(&self) -> u32 {
        self.plain_bytes
    }

    /// Hashes the frame.
    #[must_use]
    pub fn frame(self) -> Frame {
        let hash = blake3::hash(self.buffer.get(PREFIX_BYTES..).unwrap_or_default());
        Frame { layout: self, hash }
    }
}

impl Clone for Layout {
    /// With the spare capacity that sealing wants.
    fn clone(&self) -> Self {
        let mut buffer = Vec::with_capacity(self.buffer.capacity());
        buffer.extend_from_slice(&self.buffer);
        Self { buffer, plain_bytes: self.plain_bytes }
    }
}

impl Frame {
    /// Frames `plain` in a new buffer.
    ///
    /// # Errors
    /// As [`Layout::of`].
    pub fn of(plain: &[u8]) -> Result<Self, SealError> {
        Layout::of(plain).map(Layout::frame)
    }

    /// Frames `plain` in `buffer`, whose content is lost and whose capacity is reused.
    ///
    /// # Errors
    /// As [`Layout::of`].
    pub fn in_buffer(plain: &[u8], buffer: Vec<u8>) -> Result<Self, SealError> {
        Layout::in_buffer(plain, buffer).map(Layout::frame)
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
        self.layout.buffer
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
    fn a_copy_seals_alike_and_in_place() {
        let frame = Frame::of(&[7; 5000]).expect("within bounds");
        let copy = frame.clone();
        assert_eq!((copy.tag(), frame.layout.plain_bytes()), (frame.tag(), 5000));
        let (frame, copy) = (frame.into_buffer(), copy.into_buffer());
        assert_eq!(frame, copy);
        assert!(copy.capacity() - copy.len() >= 16, "the tag needs no new buffer");
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
