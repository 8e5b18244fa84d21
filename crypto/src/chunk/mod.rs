//! Chunks: pieces of file content, sealed one by one (`formats#5` to `formats#8`).
//!
//! Intuition: the cipher's key depends on fresh randomness *and* on the content. Fresh randomness makes ids of equal
//! chunks unrelated, so nobody can confirm a guess; the content hash in the key keeps two contents apart even when a cloned
//! machine draws the same randomness twice. Whoever holds a chunk's secret `M` can seal the same content to the same
//! bytes again, and so check that a recorded chunk is what its author said: that is deduplication.
//!
//! ```text
//! plain ─► Frame (padded, hashed) ─► ContentKey::seal_frame  ─► SealedChunk (new id)
//!                                 └► ChunkSecret::reseal     ─► (the recorded id, or another: then it is no duplicate)
//! ```

mod frame;
mod opened;
mod sealed;
mod secret;
mod tag;

pub use frame::{Frame, Layout};
pub use opened::OpenedChunk;
pub use sealed::{ContentKey, SealedChunk};
pub use secret::ChunkSecret;
pub use tag::ChunkTag;

/// The three bytes that every sealed chunk begins with.
pub(crate) const MAGIC: [u8; 3] = *b"VBC";
/// Bytes of the key commitment.
pub(crate) const COMMITMENT_BYTES: usize = 32;
/// Bytes before the ciphertext: magic, suite, commitment.
pub(crate) const PREFIX_BYTES: usize = MAGIC.len() + 1 + COMMITMENT_BYTES;
