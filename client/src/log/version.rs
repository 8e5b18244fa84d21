//! A version of a file: what its content is, and which chunks hold it (`formats#16`).

use serde::{Deserialize, Serialize};
use vauban_crypto::chunk::{ChunkSecret, ChunkTag};
use vauban_protocol::id::{ChunkId, Digest};

use crate::limit::{CHUNKS_INLINE_MAX, PAGE_LEVELS_MAX};

/// One content of one file, as its author recorded it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Version {
    /// BLAKE3 of the whole content: equal contents are recognised by it, however they were cut.
    pub content: Digest,
    /// Bytes of the content.
    pub bytes: u64,
    /// When the content was last changed, in nanoseconds since 1970-01-01 UTC, by its author's disk.
    pub mtime_ns: i64,
    /// Whether its owner may execute it.
    pub executable: bool,
    /// The epoch whose cutter cut it: the next version is cut with the same one (`formats#10`).
    pub cutter_epoch: u32,
    /// Where the content is.
    pub chunks: ChunkList,
}

/// The chunks of a content, in order. New variants are added at the end only.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum ChunkList {
    /// All of them; none for an empty content.
    Inline(Vec<ChunkRef>),
    /// The pages that list them, themselves ordinary chunks.
    Paged {
        /// 1: each page lists chunks. 2: each page lists pages that list chunks.
        levels: u8,
        /// The outermost pages, in order.
        pages: Vec<ChunkRef>,
    },
}

/// One chunk, as sealed ops and pages record it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChunkRef {
    /// Its address.
    pub id: ChunkId,
    /// What opens it (`M` of `formats#5`).
    pub secret: ChunkSecret,
    /// What equal content is found by.
    pub tag: ChunkTag,
    /// Bytes of its content.
    pub plain_bytes: u32,
}

impl Version {
    /// Whether both hold the same for a user: content and executable bit. When it was changed, and how it is cut, are not
    /// part of that.
    #[must_use]
    pub fn is_same_content(&self, other: &Self) -> bool {
        self.content == other.content && self.executable == other.executable
    }

    /// Whether lengths and levels keep their bounds; one that does not is void.
    #[must_use]
    pub fn is_bounded(&self) -> bool {
        match &self.chunks {
            ChunkList::Inline(chunks) => {
                let bytes: u64 = chunks.iter().map(|chunk| u64::from(chunk.plain_bytes)).sum();
                chunks.len() <= CHUNKS_INLINE_MAX && bytes == self.bytes
            }
            ChunkList::Paged { levels, pages } => {
                (1..=PAGE_LEVELS_MAX).contains(levels) && !pages.is_empty() && pages.len() <= CHUNKS_INLINE_MAX
            }
        }
    }

    /// The chunks that the op itself names: content, or the outermost pages.
    #[must_use]
    pub fn named_chunks(&self) -> &[ChunkRef] {
        match &self.chunks {
            ChunkList::Inline(chunks) => chunks,
            ChunkList::Paged { pages, .. } => pages,
        }
    }
}
