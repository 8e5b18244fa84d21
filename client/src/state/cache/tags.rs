//! The tag index: chunks of the space, found by what they contain (`formats#6`).

use rusqlite::{Connection, OptionalExtension, params};
use vauban_crypto::chunk::{ChunkSecret, ChunkTag};
use vauban_protocol::id::ChunkId;

use super::{Cache, CacheError};
use crate::log::ChunkRef;

/// Looks up tags from a thread of its own.
#[derive(Debug)]
pub struct TagReader {
    db: Connection,
}

impl TagReader {
    pub(super) fn new(db: Connection) -> Self {
        Self { db }
    }

    /// A live chunk that some member recorded under this tag. It is a hint: only sealing again proves it.
    ///
    /// # Errors
    /// [`CacheError`].
    pub fn find(&self, tag: ChunkTag) -> Result<Option<ChunkRef>, CacheError> {
        self.first("SELECT id, secret, plain_bytes FROM chunks WHERE tag = ?1 AND released IS NULL LIMIT 1", tag)
    }

    /// A chunk that a checkpoint names under this tag. Whether it is live, nodes must be asked.
    ///
    /// # Errors
    /// [`CacheError`].
    pub fn find_hearsay(&self, tag: ChunkTag) -> Result<Option<ChunkRef>, CacheError> {
        self.first("SELECT id, secret, plain_bytes FROM hearsay WHERE tag = ?1 LIMIT 1", tag)
    }

    fn first(&self, select: &str, tag: ChunkTag) -> Result<Option<ChunkRef>, CacheError> {
        let row = self
            .db
            .prepare_cached(select)?
            .query_row([tag.as_bytes()], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))
            .optional()?;
        Ok(row.map(|(id, secret, plain_bytes)| ChunkRef {
            id: ChunkId(id),
            secret: ChunkSecret::from_bytes(secret),
            tag,
            plain_bytes,
        }))
    }
}

impl Cache {
    /// Forgets what a chunk was found by: sealing again has shown that its author lied. It stays live, and costs nobody
    /// another sealing.
    ///
    /// # Errors
    /// [`CacheError`].
    pub fn forget_tag(&self, chunk: ChunkId, tag: ChunkTag) -> Result<(), CacheError> {
        self.db
            .prepare_cached("UPDATE chunks SET tag = NULL, secret = NULL WHERE id = ?1 AND tag = ?2")?
            .execute(params![chunk.0, tag.as_bytes()])?;
        Ok(())
    }
}
