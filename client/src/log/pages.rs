//! Pages: long chunk lists, kept in chunks of their own (`formats#16`).
//!
//! ```text
//! page = format(1) ‖ canonical list of chunk references
//! ```
//! A list that is too long for an op is cut in spans; each span becomes a page, sealed as any content is; the op names the
//! pages. A list of pages that is itself too long is paged once more, and that is the end of it.

use vauban_protocol::canonical::{DecodeError, decode, encode};

use super::version::ChunkRef;
use crate::limit::{CHUNKS_INLINE_MAX, PAGE_CHUNKS_MAX};

/// The first byte of a page.
const PAGE_FORMAT: u8 = 1;

/// A page that is none. Its author is at fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PageError {
    /// Not the canonical encoding of a page.
    #[error("the page does not decode: {0}")]
    Decode(#[from] DecodeError),
    /// Lists nothing, or more than [`PAGE_CHUNKS_MAX`].
    #[error("the page breaks its bound")]
    Bound,
}

/// Whether a list of `chunks` references is too long to stand in an op.
#[must_use]
pub fn is_paged(chunks: usize) -> bool {
    chunks > CHUNKS_INLINE_MAX
}

/// The spans that become pages, in order.
pub fn page_spans(chunks: &[ChunkRef]) -> impl Iterator<Item = &[ChunkRef]> {
    chunks.chunks(PAGE_CHUNKS_MAX)
}

/// The content of a page.
#[must_use]
pub fn encode_page(span: &[ChunkRef]) -> Vec<u8> {
    encode(&(PAGE_FORMAT, span))
}

/// What a page lists.
///
/// # Errors
/// [`PageError`].
pub fn decode_page(content: &[u8]) -> Result<Vec<ChunkRef>, PageError> {
    if content.first() != Some(&PAGE_FORMAT) {
        return Err(DecodeError::Suite.into());
    }
    let (_, chunks): (u8, Vec<ChunkRef>) = decode(content)?;
    if chunks.is_empty() || chunks.len() > PAGE_CHUNKS_MAX {
        return Err(PageError::Bound);
    }
    Ok(chunks)
}

#[cfg(test)]
mod tests {
    use vauban_crypto::chunk::{ChunkSecret, ChunkTag};
    use vauban_protocol::id::ChunkId;
    use vauban_protocol::limit::CHUNK_PLAIN_BYTES_MAX;

    use super::*;

    fn refs(n: usize) -> Vec<ChunkRef> {
        let one = ChunkRef {
            id: ChunkId([1; 32]),
            secret: ChunkSecret::from_bytes([2; 32]),
            tag: ChunkTag::new([3; 16]),
            plain_bytes: u32::MAX,
        };
        vec![one; n]
    }

    #[test]
    fn a_full_page_is_an_ordinary_chunk() {
        let page = encode_page(&refs(PAGE_CHUNKS_MAX));
        assert!(page.len() <= CHUNK_PLAIN_BYTES_MAX);
        assert_eq!(decode_page(&page).unwrap(), refs(PAGE_CHUNKS_MAX));
    }

    #[test]
    fn other_pages_are_refused() {
        assert_eq!(decode_page(&[]), Err(DecodeError::Suite.into()));
        assert_eq!(decode_page(&encode_page(&[])), Err(PageError::Bound));
        assert_eq!(decode_page(&encode_page(&refs(PAGE_CHUNKS_MAX + 1))), Err(PageError::Bound));
        let page = encode_page(&refs(2));
        assert_eq!(decode_page(&page[..page.len() - 1]), Err(DecodeError::Malformed.into()));
    }
}
