//! An opened chunk, still in the buffer that its object came in.

use vauban_protocol::limit::FRAME_PREFIX_BYTES;

use super::PREFIX_BYTES;

/// Where the content begins in an opened object.
const CONTENT_AT: usize = PREFIX_BYTES + FRAME_PREFIX_BYTES;

/// Verified content, read through `AsRef`. Only [`super::ChunkSecret::open_owned`] makes one.
pub struct OpenedChunk {
    object: Vec<u8>,
    length: usize,
}

impl OpenedChunk {
    pub(super) fn new(object: Vec<u8>, length: usize) -> Self {
        Self { object, length }
    }

    /// The buffer, for the next chunk.
    #[must_use]
    pub fn into_buffer(self) -> Vec<u8> {
        self.object
    }
}

impl AsRef<[u8]> for OpenedChunk {
    fn as_ref(&self) -> &[u8] {
        self.object.get(CONTENT_AT..).and_then(|rest| rest.get(..self.length)).unwrap_or_default()
    }
}
