//! The journal of unfinished uploads: chunks that nodes hold, and that no commit refers to yet (`formats#6`).
//!
//! Sealing is random, so the same content sealed again would be another chunk: without its recorded secret an interrupted
//! upload would begin anew. The journal belongs to the anchor: it cannot be rebuilt, though losing it costs transfers only,
//! never content. A row is written when a node has acknowledged the chunk, and removed when a commit refers to it.

use std::path::Path;

use rusqlite::{Connection, OpenFlags, OptionalExtension, params};
use vauban_crypto::chunk::{ChunkSecret, ChunkTag};
use vauban_protocol::id::{ChunkId, SpaceId};
use vauban_protocol::time::{DAY_SECONDS, Timestamp};

use crate::limit::JOURNAL_DAYS_MAX;
use crate::log::ChunkRef;

/// Bumped with the schema. Journals live for days: an older one is dropped.
const JOURNAL_FORMAT: i32 = 1;
/// Milliseconds that one connection waits for another's transaction, at most.
const BUSY_MS_MAX: u32 = 10_000;

const SCHEMA: &str = "
CREATE TABLE uploads(
    space BLOB NOT NULL, id BLOB NOT NULL, tag BLOB NOT NULL, secret BLOB NOT NULL, plain_bytes INTEGER NOT NULL,
    stored_at INTEGER NOT NULL, session INTEGER NOT NULL, since INTEGER NOT NULL, PRIMARY KEY(space, id)) WITHOUT ROWID;
CREATE INDEX uploads_tag ON uploads(space, tag);
";

/// Why the journal cannot be used. The local disk is at fault.
#[derive(Debug, thiserror::Error)]
#[error("the journal of unfinished uploads: {0}")]
pub struct JournalError(#[from] rusqlite::Error);

/// The journal of one space.
#[derive(Debug)]
pub struct Journal {
    db: Connection,
    space: SpaceId,
    session: i64,
}

/// A chunk that the journal knows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Journaled {
    /// How it was sealed.
    pub chunk: ChunkRef,
    /// Whether this run has receipts for it; else nodes must be asked whether they still hold it.
    pub confirmed: bool,
}

/// A chunk and the least Raft index that receipts of this run name for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredChunk {
    /// The chunk.
    pub chunk: ChunkRef,
    /// See `stored_at` of a commit.
    pub at: u64,
}

impl Journal {
    /// Opens the journal at `path`, for a run of `session` (a random number) that begins `now`; drops what is too old.
    ///
    /// # Errors
    /// [`JournalError`].
    pub fn open(path: &Path, space: SpaceId, session: u64, now: Timestamp) -> Result<Self, JournalError> {
        let db = Connection::open_with_flags(path, OpenFlags::default())?;
        db.pragma_update(None, "busy_timeout", BUSY_MS_MAX)?;
        db.pragma_update(None, "journal_mode", "WAL")?;
        db.pragma_update(None, "synchronous", "NORMAL")?;
        let format: i32 = db.query_row("PRAGMA user_version", [], |row| row.get(0))?;
        if format != JOURNAL_FORMAT {
            db.execute_batch(&format!(
                "BEGIN; DROP TABLE IF EXISTS uploads; {SCHEMA} PRAGMA user_version = {JOURNAL_FORMAT}; COMMIT;"
            ))?;
        }
        let oldest = now.0.saturating_sub(JOURNAL_DAYS_MAX * DAY_SECONDS);
        db.execute("DELETE FROM uploads WHERE since < ?1", [oldest.cast_signed()])?;
        Ok(Self { db, space, session: session.cast_signed() })
    }

    /// The chunk that was uploaded with this content.
    ///
    /// # Errors
    /// [`JournalError`].
    pub fn find(&self, tag: ChunkTag) -> Result<Option<Journaled>, JournalError> {
        // Left to choose, SQLite walks all uploads of the space.
        let row = self
            .db
            .prepare_cached(
                "SELECT id, secret, plain_bytes, session FROM uploads INDEXED BY uploads_tag
                 WHERE space = ?1 AND tag = ?2 LIMIT 1",
            )?
            .query_row(params![self.space.0, tag.as_bytes()], |row| {
                Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get::<_, i64>(3)?))
            })
            .optional()?;
        Ok(row.map(|(id, secret, plain_bytes, session)| Journaled {
            chunk: ChunkRef { id: ChunkId(id), secret: ChunkSecret::from_bytes(secret), tag, plain_bytes },
            confirmed: session == self.session,
        }))
    }

    /// Records chunks that this run has receipts for.
    ///
    /// # Errors
    /// [`JournalError`].
    pub fn record(&mut self, stored: &[StoredChunk], now: Timestamp) -> Result<(), JournalError> {
        let tx = self.db.transaction()?;
        {
            let mut statement = tx.prepare_cached(
                "INSERT OR REPLACE INTO uploads(space, id, tag, secret, plain_bytes, stored_at, session, since)
                 VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
            )?;
            for StoredChunk { chunk, at } in stored {
                statement.execute(params![
                    self.space.0,
                    chunk.id.0,
                    chunk.tag.as_bytes(),
                    chunk.secret.expose(),
                    chunk.plain_bytes,
                    at.cast_signed(),
                    self.session,
                    now.0.cast_signed(),
                ])?;
            }
        }
        Ok(tx.commit()?)
    }

    /// The index that this run's receipts name for a chunk; `None` if it has none.
    ///
    /// # Errors
    /// [`JournalError`].
    pub fn stored_at(&self, chunk: ChunkId) -> Result<Option<u64>, JournalError> {
        let at: Option<i64> = self
            .db
            .prepare_cached("SELECT stored_at FROM uploads WHERE space = ?1 AND id = ?2 AND session = ?3")?
            .query_row(params![self.space.0, chunk.0, self.session], |row| row.get(0))
            .optional()?;
        Ok(at.map(i64::cast_unsigned))
    }

    /// Takes newer receipts for chunks that the journal knows.
    ///
    /// # Errors
    /// [`JournalError`].
    pub fn restamp(&mut self, chunks: &[ChunkId], at: u64) -> Result<(), JournalError> {
        let tx = self.db.transaction()?;
        {
            let mut statement =
                tx.prepare_cached("UPDATE uploads SET stored_at = ?3, session = ?4 WHERE space = ?1 AND id = ?2")?;
            for chunk in chunks {
                statement.execute(params![self.space.0, chunk.0, at.cast_signed(), self.session])?;
            }
        }
        Ok(tx.commit()?)
    }

    /// Forgets chunks: a commit refers to them now, or nodes no longer hold them.
    ///
    /// # Errors
    /// [`JournalError`].
    pub fn forget(&mut self, chunks: impl IntoIterator<Item = ChunkId>) -> Result<(), JournalError> {
        let tx = self.db.transaction()?;
        {
            let mut statement = tx.prepare_cached("DELETE FROM uploads WHERE space = ?1 AND id = ?2")?;
            for chunk in chunks {
                statement.execute(params![self.space.0, chunk.0])?;
            }
        }
        Ok(tx.commit()?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chunk(n: u8) -> ChunkRef {
        ChunkRef {
            id: ChunkId([n; 32]),
            secret: ChunkSecret::from_bytes([n; 32]),
            tag: ChunkTag::new([n; 16]),
            plain_bytes: u32::from(n),
        }
    }

    #[test]
    fn an_interrupted_upload_is_found_again_and_must_be_confirmed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("journal");
        let (space, now) = (SpaceId([1; 16]), Timestamp(100 * DAY_SECONDS));
        let mut journal = Journal::open(&path, space, 1, now).unwrap();
        journal.record(&[StoredChunk { chunk: chunk(1), at: 7 }], now).unwrap();
        assert!(journal.find(chunk(1).tag).unwrap().unwrap().confirmed);
        assert_eq!(journal.stored_at(chunk(1).id).unwrap(), Some(7));
        drop(journal);

        let mut journal = Journal::open(&path, space, 2, now).unwrap();
        let found = journal.find(chunk(1).tag).unwrap().unwrap();
        assert_eq!(found, Journaled { chunk: chunk(1), confirmed: false });
        assert_eq!(journal.stored_at(chunk(1).id).unwrap(), None, "receipts of another run do not count");
        journal.restamp(&[chunk(1).id], 9).unwrap();
        assert_eq!(journal.stored_at(chunk(1).id).unwrap(), Some(9));
        journal.forget([chunk(1).id]).unwrap();
        assert_eq!(journal.find(chunk(1).tag).unwrap(), None);
    }

    #[test]
    fn old_rows_and_other_spaces_are_not_found() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("journal");
        let now = Timestamp(100 * DAY_SECONDS);
        let mut journal = Journal::open(&path, SpaceId([1; 16]), 1, now).unwrap();
        journal.record(&[StoredChunk { chunk: chunk(1), at: 7 }], now).unwrap();
        let other = Journal::open(&path, SpaceId([2; 16]), 1, now).unwrap();
        assert_eq!(other.find(chunk(1).tag).unwrap(), None);
        let later = now.plus((JOURNAL_DAYS_MAX + 1) * DAY_SECONDS);
        let journal = Journal::open(&path, SpaceId([1; 16]), 1, later).unwrap();
        assert_eq!(journal.find(chunk(1).tag).unwrap(), None);
    }
}
