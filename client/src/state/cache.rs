//! The cache: what a space's log and the last sync said, in one SQLite file a space. All of it can be rebuilt.
//!
//! ```text
//! state     the space in clear, folded up to its head          ┐
//! epochs    certificates, and bundles as nodes hold them       │
//! admissions   of members to an epoch, likewise                │ remote: one transaction a batch of commits,
//! entries   the remote tree            versions  every content │ the head with it
//! places    where each entry was, commit by commit   commits   │
//! chunks    every chunk of the space; those found by tag       │
//! hearsay   chunks as a checkpoint names them, until the log behind it was replayed
//! ended     versions that were replaced or removed   paged     │ chunks that pages lead to
//! releases  commits that released chunks, to be judged         ┘
//! contests  those that released what was needed
//! roots     folders that are synced, and their entries, counted   base   what each last agreed on with the log, entry by entry
//! promised  what the base becomes once the commit under way, named by promised_by, is in the log   promised_ends   what it loses then
//! intended  what it becomes once what is being put on the disk stands there
//! toll      what was removed or damaged in the last hour, folder by folder
//! ```
//! Invariants: head and tree are of the same commits; a cache of another space, another format, or that SQLite calls damaged
//! is deleted and begun anew, which costs time and never a file (sync.md, rule 7). Base rows are written only after what
//! they say is durable on disk, and in the log.

mod base;
mod checkpoint;
mod folding;
mod glance;
mod history;
mod intent;
mod keys;
mod promise;
mod release;
mod remote;
mod replay;
mod rows_of_state;
mod set_back;
mod tags;
mod toll;

use std::path::{Path, PathBuf};

use rusqlite::{Connection, ErrorCode, OpenFlags, OptionalExtension, Transaction, TransactionBehavior};
use vauban_protocol::canonical::DecodeError;
use vauban_protocol::id::SpaceId;
use vauban_protocol::space::Space;

use self::checkpoint::INDICES;

pub use base::{BaseRow, RootId};
pub use checkpoint::{LoadError, Loading, Since, Start, TreePage, due_weight};
pub use folding::{Folding, VoidOp};
pub use glance::{FileAt, Size};
pub use history::{Change, Event, Moment};
pub use keys::LearnedKeys;
pub use release::{Contest, Expired, Mark, Released, Unread, Uses};
pub use remote::RemoteChild;
pub use replay::Verdict;
pub use tags::TagReader;
pub use toll::{Direction, Toll};

/// Bumped with the schema: an older cache is rebuilt.
const CACHE_FORMAT: i32 = 13;
/// Milliseconds that one connection waits for another's transaction, at most.
const BUSY_MS_MAX: u32 = 10_000;
/// Prepared statements kept: all there are.
const STATEMENTS_MAX: usize = 96;

const SCHEMA: &str = "
CREATE TABLE state(key TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE epochs(epoch INTEGER PRIMARY KEY, certificate BLOB NOT NULL, mine INTEGER NOT NULL, bundle BLOB);
CREATE TABLE admissions(prev BLOB PRIMARY KEY, admission BLOB NOT NULL, mine INTEGER NOT NULL, bundle BLOB) WITHOUT ROWID;
CREATE TABLE entries(
    entry BLOB PRIMARY KEY, parent BLOB NOT NULL, name TEXT NOT NULL, kind INTEGER NOT NULL,
    content BLOB, executable INTEGER, bytes INTEGER) WITHOUT ROWID;
CREATE TABLE versions(
    entry BLOB NOT NULL, seq INTEGER NOT NULL, is_learned INTEGER NOT NULL, version BLOB,
    PRIMARY KEY(entry, seq));
CREATE INDEX versions_seq ON versions(seq, entry);
CREATE TABLE commits(
    seq INTEGER PRIMARY KEY, device BLOB NOT NULL, made_at INTEGER NOT NULL, at INTEGER NOT NULL,
    seen INTEGER NOT NULL, digest BLOB NOT NULL);
CREATE TABLE ended(
    entry BLOB NOT NULL, seq INTEGER NOT NULL, end_seq INTEGER NOT NULL, is_done INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY(entry, seq)) WITHOUT ROWID;
CREATE INDEX ended_open ON ended(end_seq) WHERE is_done = 0;
CREATE TABLE paged(entry BLOB NOT NULL, seq INTEGER NOT NULL, ids BLOB NOT NULL, PRIMARY KEY(entry, seq)) WITHOUT ROWID;
CREATE TABLE releases(
    seq INTEGER PRIMARY KEY, device BLOB NOT NULL, at INTEGER NOT NULL, retention BLOB NOT NULL, ids BLOB NOT NULL);
CREATE TABLE contests(seq INTEGER PRIMARY KEY, device BLOB NOT NULL, at INTEGER NOT NULL, chunks INTEGER NOT NULL);
CREATE TABLE places(
    entry BLOB NOT NULL, seq INTEGER NOT NULL, parent BLOB, name TEXT, kind INTEGER,
    PRIMARY KEY(entry, seq)) WITHOUT ROWID;
CREATE INDEX places_seq ON places(seq);
CREATE TABLE chunks(
    id BLOB PRIMARY KEY, tag BLOB, secret BLOB, plain_bytes INTEGER, released INTEGER) WITHOUT ROWID;
CREATE INDEX chunks_tag ON chunks(tag) WHERE tag IS NOT NULL;
CREATE TABLE hearsay(tag BLOB NOT NULL, id BLOB NOT NULL, secret BLOB NOT NULL, plain_bytes INTEGER NOT NULL);
CREATE TABLE roots(root INTEGER PRIMARY KEY, key BLOB NOT NULL UNIQUE, entries INTEGER NOT NULL DEFAULT 0);
CREATE TABLE base(
    root INTEGER NOT NULL, entry BLOB NOT NULL, parent BLOB NOT NULL, name TEXT NOT NULL, kind INTEGER NOT NULL,
    content BLOB, executable INTEGER, device INTEGER, inode INTEGER, bytes INTEGER, mtime_ns INTEGER, ctime_ns INTEGER,
    file_type INTEGER, PRIMARY KEY(root, entry)) WITHOUT ROWID;
CREATE TABLE promised(
    root INTEGER NOT NULL, entry BLOB NOT NULL, parent BLOB NOT NULL, name TEXT NOT NULL, kind INTEGER NOT NULL,
    content BLOB, executable INTEGER, device INTEGER, inode INTEGER, bytes INTEGER, mtime_ns INTEGER, ctime_ns INTEGER,
    file_type INTEGER, PRIMARY KEY(root, entry)) WITHOUT ROWID;
CREATE TABLE promised_ends(root INTEGER NOT NULL, entry BLOB NOT NULL);
CREATE TABLE promised_by(seq INTEGER NOT NULL, digest BLOB NOT NULL);
CREATE TABLE intended(
    turn INTEGER PRIMARY KEY, root INTEGER NOT NULL, entry BLOB NOT NULL, parent BLOB NOT NULL, name TEXT NOT NULL,
    kind INTEGER NOT NULL, content BLOB, executable INTEGER, device INTEGER, inode INTEGER, bytes INTEGER, mtime_ns INTEGER,
    ctime_ns INTEGER, file_type INTEGER);
CREATE INDEX base_place ON base(root, parent, name);
CREATE INDEX base_inode ON base(root, inode);
CREATE TRIGGER base_more AFTER INSERT ON base BEGIN UPDATE roots SET entries = entries + 1 WHERE root = new.root; END;
CREATE TRIGGER base_less AFTER DELETE ON base BEGIN UPDATE roots SET entries = entries - 1 WHERE root = old.root; END;
CREATE TABLE toll(
    root INTEGER NOT NULL, direction INTEGER NOT NULL, at INTEGER NOT NULL, removed INTEGER NOT NULL,
    damaged INTEGER NOT NULL, tree INTEGER NOT NULL);
CREATE INDEX toll_hour ON toll(root, direction, at);
";

/// Why the cache cannot be used. The local disk is at fault, or this program.
#[derive(Debug, thiserror::Error)]
pub enum CacheError {
    /// SQLite says no.
    #[error("the cache's database: {0}")]
    Database(#[from] rusqlite::Error),
    /// A row is not what this program writes.
    #[error("the cache holds a row that does not decode: {0}")]
    Row(#[from] DecodeError),
    /// The file cannot be replaced.
    #[error("the cache's file {path} cannot be replaced: {source}")]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
}

impl CacheError {
    /// Whether another process is writing for longer than one waits here: a first checkpoint, or a long log.
    #[must_use]
    pub fn is_busy(&self) -> bool {
        matches!(self, Self::Database(error) if error.sqlite_error_code() == Some(ErrorCode::DatabaseBusy))
    }
}

/// The cache of one space.
#[derive(Debug)]
pub struct Cache {
    db: Connection,
    path: PathBuf,
}

impl Cache {
    /// Opens the cache of `space` at `path`; begins a new one if there is none, or none that can be used.
    ///
    /// # Errors
    /// [`CacheError`].
    pub fn open(path: &Path, space: SpaceId) -> Result<Self, CacheError> {
        match Self::try_open(path, space) {
            Ok(Some(cache)) => return Ok(cache),
            Ok(None) => {}
            Err(CacheError::Database(error)) if is_damage(&error) => {
                tracing::warn!(path = %path.display(), %error, "the cache is damaged, and is built anew");
            }
            Err(error) => return Err(error),
        }
        remove(path)?;
        let db = connect(path, OpenFlags::default())?;
        db.pragma_update(None, "journal_mode", "WAL")?;
        db.execute_batch(&format!("BEGIN; {SCHEMA} {INDICES} PRAGMA user_version = {CACHE_FORMAT}; COMMIT;"))?;
        db.execute("INSERT INTO state(key, value) VALUES('id', ?1)", [space.0])?;
        Ok(Self { db, path: path.to_owned() })
    }

    fn try_open(path: &Path, space: SpaceId) -> Result<Option<Self>, CacheError> {
        if !path.exists() {
            return Ok(None);
        }
        let db = connect(path, OpenFlags::default())?;
        let format: i32 = db.query_row("PRAGMA user_version", [], |row| row.get(0))?;
        if format != CACHE_FORMAT {
            return Ok(None);
        }
        let id: Option<[u8; 16]> =
            db.query_row("SELECT value FROM state WHERE key = 'id'", [], |row| row.get(0)).optional()?;
        Ok((id == Some(space.0)).then(|| Self { db, path: path.to_owned() }))
    }

    /// A second, read-only connection, for a thread that looks up tags.
    ///
    /// # Errors
    /// [`CacheError`].
    pub fn tag_reader(&self) -> Result<TagReader, CacheError> {
        Ok(TagReader::new(connect(&self.path, OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX)?))
    }

    /// The space in clear, as far as it was folded; `None` before its genesis.
    ///
    /// # Errors
    /// [`CacheError`].
    pub fn space(&self) -> Result<Option<Space>, CacheError> {
        folded_space(&self.db)
    }

    /// Reads from one and the same state until this is dropped, and each time without asking for it anew. Nothing is written
    /// meanwhile.
    ///
    /// # Errors
    /// [`CacheError`].
    pub fn reading(&self) -> Result<Reading<'_>, CacheError> {
        Ok(Reading { _tx: self.db.unchecked_transaction()? })
    }

    /// Begins to fold commits: all of what follows, or nothing, until [`Folding::commit`].
    ///
    /// # Errors
    /// [`CacheError`].
    pub fn begin(&mut self) -> Result<Folding<'_>, CacheError> {
        let is_whole = self.is_whole()?;
        // Immediate: nobody else writes between what is read here and what is written.
        Ok(Folding::new(self.db.transaction_with_behavior(TransactionBehavior::Immediate)?, is_whole))
    }
}

/// A state of the cache that is read from.
#[derive(Debug)]
pub struct Reading<'a> {
    _tx: Transaction<'a>,
}

fn folded_space(db: &Connection) -> Result<Option<Space>, CacheError> {
    rows_of_state::read_state(db, "space")
}

fn connect(path: &Path, flags: OpenFlags) -> Result<Connection, CacheError> {
    let db = Connection::open_with_flags(path, flags)?;
    db.pragma_update(None, "busy_timeout", BUSY_MS_MAX)?;
    // A power cut may undo the last transactions, never tear one: the log is then folded again from there.
    db.pragma_update(None, "synchronous", "NORMAL")?;
    // A row that is replaced is one less, and one more.
    db.pragma_update(None, "recursive_triggers", true)?;
    db.set_prepared_statement_cache_capacity(STATEMENTS_MAX);
    Ok(db)
}

fn is_damage(error: &rusqlite::Error) -> bool {
    matches!(error.sqlite_error_code(), Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase))
}

fn remove(path: &Path) -> Result<(), CacheError> {
    for suffix in ["", "-wal", "-shm"] {
        let mut name = path.as_os_str().to_owned();
        name.push(suffix);
        let path = PathBuf::from(name);
        match std::fs::remove_file(&path) {
            Ok(()) => {}
            Err(source) if source.kind() == std::io::ErrorKind::NotFound => {}
            Err(source) => return Err(CacheError::File { path, source }),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
