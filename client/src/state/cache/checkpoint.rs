//! The remote tree as checkpoints speak of it: row by row as it stood at a position, hashed, and loaded (`formats#19`).
//!
//! What stood at a position is read from history, so a checkpoint may be written, and one of others compared, although the
//! log has gone on since. Rows come in the order of their entries: one ordered pass, page by page, in flat memory.
//!
//! A loaded tree is filed under the checkpoint's own position, as if everything had come at once. What is found by its tag is
//! kept apart as hearsay until the log behind was replayed: that a chunk is live is nothing that a checkpoint can say.

use std::collections::{HashMap, HashSet};

use rusqlite::{Connection, ErrorCode, OptionalExtension, Transaction, TransactionBehavior, params};
use serde::{Deserialize, Serialize};
use vauban_protocol::canonical::{decode, encode};
use vauban_protocol::chain::Head;
use vauban_protocol::id::{ChunkId, DeviceId, Digest, SpaceId};
use vauban_protocol::space::Space;
use vauban_protocol::time::Timestamp;

use super::folding::{Folding, learn_hearsay, write_space};
use super::keys::{LearnedKeys, write_keys};
use super::remote::{kind_code, kind_of};
use super::replay::behind;
use super::rows_of_state::{read_state, write_state};
use super::{Cache, CacheError, remove};
use crate::limit::{
    BULK_CACHE_BYTES, CHECKPOINT_COMMIT_OPS, CHECKPOINT_FOLDERS_MAX, CHECKPOINT_OPS, CHECKPOINT_PAGE_BYTES,
    CHECKPOINT_TREE_PERCENT, CHECKPOINT_TRIES_MAX,
};
use crate::log::{ChunkList, EntryId, Falsehood, Kind, Row, TreeHasher, VouchedCheckpoint, push_row};

/// Indices that are made once everything is loaded, which takes less than keeping them at each row.
const DROP_INDICES: &str = "DROP INDEX entries_place; DROP INDEX places_name; DROP INDEX hearsay_tag;";
/// What SQLite holds of a database in memory by itself.
const USUAL_CACHE_KIBIBYTES: i64 = -2000;
/// The indices again.
pub(super) const INDICES: &str = "
CREATE UNIQUE INDEX entries_place ON entries(parent, name);
CREATE INDEX places_name ON places(parent, name);
CREATE INDEX hearsay_tag ON hearsay(tag);
";

/// Rows of a tree, as a page of a checkpoint holds them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TreePage {
    /// How many.
    pub count: u64,
    /// Their bytes.
    pub rows: Vec<u8>,
    /// The entry after which the next page begins.
    pub last: EntryId,
}

/// Checkpoints, each by its commit's position, with the chunks that it rests on.
type Known = Vec<(u64, Vec<ChunkId>)>;

/// Where an entry stood: folder, name and kind; nothing if it had gone.
type Stood = (EntryId, Option<(EntryId, String, Kind)>);

/// What was folded since the last checkpoint.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Since {
    /// Commits.
    pub commits: u64,
    /// Ops of those.
    pub ops: u64,
}

impl Since {
    /// What folding all of it costs a new device, in ops.
    #[must_use]
    pub fn weight(self) -> u64 {
        self.ops.saturating_add(self.commits.saturating_mul(CHECKPOINT_COMMIT_OPS))
    }
}

/// The weight from which a checkpoint of a tree of so many entries is due.
#[must_use]
pub fn due_weight(entries: u64) -> u64 {
    CHECKPOINT_OPS.max(entries.saturating_mul(CHECKPOINT_TREE_PERCENT) / 100)
}

/// What a cache started from, until the log behind it was replayed and compared.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Start {
    /// The space in clear, as the checkpoint has it.
    pub space: Space,
    /// The hash of its tree.
    pub tree: Digest,
    /// The position of the commit that carries it.
    pub seq: u64,
    /// Its author.
    pub device: DeviceId,
    /// When it was made, by its author's clock: what is folded next counts as no earlier.
    pub made_at: Timestamp,
    /// That commit: the proof, if the log turns out to say otherwise.
    pub commit: Vec<u8>,
}

/// Why a tree is not loaded.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// The cache.
    #[error(transparent)]
    Cache(#[from] CacheError),
    /// It is no tree that a log can lead to, or not the one that was signed: its author is at fault.
    #[error("{0}")]
    False(&'static str),
    /// It has more folders than [`CHECKPOINT_FOLDERS_MAX`].
    #[error("it has too many folders")]
    TooLarge,
}

impl From<rusqlite::Error> for LoadError {
    fn from(error: rusqlite::Error) -> Self {
        CacheError::from(error).into()
    }
}

impl Cache {
    /// The next rows of the tree as it stood at position `seq`, after an entry; `None` at the end.
    ///
    /// # Errors
    /// [`CacheError`].
    pub fn tree_page(&self, seq: u64, after: Option<EntryId>) -> Result<Option<TreePage>, CacheError> {
        tree_page(&self.db, seq, after)
    }

    /// The hash of the tree as it stood at position `seq`.
    ///
    /// # Errors
    /// [`CacheError`].
    pub fn tree_hash(&self, space: SpaceId, seq: u64) -> Result<Digest, CacheError> {
        tree_hash(&self.db, space, seq)
    }

    /// What was folded since the last checkpoint.
    ///
    /// # Errors
    /// [`CacheError`].
    pub fn since(&self) -> Result<Since, CacheError> {
        Ok(read_state(&self.db, "since")?.unwrap_or_default())
    }

    /// Live entries.
    ///
    /// # Errors
    /// [`CacheError`].
    pub fn entry_count(&self) -> Result<u64, CacheError> {
        let count: i64 = self.db.query_row("SELECT count(*) FROM entries", [], |row| row.get(0))?;
        Ok(count.cast_unsigned())
    }

    /// The last checkpoints, each by its commit's position, the latest last, with the chunks that it rests on: a device may start
    /// from them, so these are in use, though no entry names them.
    ///
    /// # Errors
    /// [`CacheError`].
    pub fn checkpoints(&self) -> Result<Vec<(u64, Vec<ChunkId>)>, CacheError> {
        let mut known: Known = read_state(&self.db, "checkpoint")?.unwrap_or_default();
        Ok(known.split_off(known.len().saturating_sub(CHECKPOINT_TRIES_MAX)))
    }

    /// The position of the last checkpoint's commit.
    ///
    /// # Errors
    /// [`CacheError`].
    pub fn last_checkpoint(&self) -> Result<Option<u64>, CacheError> {
        Ok(self.checkpoints()?.last().map(|(seq, _)| *seq))
    }

    /// Earlier checkpoints, whose chunks were not released yet.
    ///
    /// # Errors
    /// [`CacheError`].
    pub fn stale_checkpoints(&self) -> Result<Vec<(u64, Vec<ChunkId>)>, CacheError> {
        let mut known: Known = read_state(&self.db, "checkpoint")?.unwrap_or_default();
        known.truncate(known.len().saturating_sub(CHECKPOINT_TRIES_MAX));
        Ok(known)
    }

    /// Forgets checkpoints up to that of the commit at `seq`: what they rest on is released, or named by something else.
    ///
    /// # Errors
    /// [`CacheError`].
    pub fn forget_checkpoints(&self, seq: u64) -> Result<(), CacheError> {
        let mut known: Known = read_state(&self.db, "checkpoint")?.unwrap_or_default();
        known.retain(|(at, _)| *at > seq);
        write_state(&self.db, "checkpoint", &known)
    }

    /// What this cache started from, if the log behind it was not replayed yet.
    ///
    /// # Errors
    /// [`CacheError`].
    pub fn start(&self) -> Result<Option<Start>, CacheError> {
        read_state(&self.db, "start")
    }

    /// Whether all of the log was folded, up to its head.
    ///
    /// # Errors
    /// [`CacheError`].
    pub fn is_whole(&self) -> Result<bool, CacheError> {
        is_whole(&self.db)
    }

    /// Notes a false word until it was told.
    ///
    /// # Errors
    /// [`CacheError`].
    pub fn add_falsehood(&self, found: Falsehood) -> Result<(), CacheError> {
        let mut all: Vec<Falsehood> = read_state(&self.db, "false")?.unwrap_or_default();
        if all.contains(&found) {
            return Ok(());
        }
        all.push(found);
        write_state(&self.db, "false", &all)
    }

    /// The false words that were not told yet; they are told once.
    ///
    /// # Errors
    /// [`CacheError`].
    pub fn take_falsehoods(&self) -> Result<Vec<Falsehood>, CacheError> {
        let all: Vec<Falsehood> = read_state(&self.db, "false")?.unwrap_or_default();
        if !all.is_empty() {
            self.db.execute("DELETE FROM state WHERE key = 'false'", [])?;
        }
        Ok(all)
    }

    /// Much is about to be written: what is touched again and again stays in memory.
    pub(super) fn begin_bulk(&self) -> Result<(), CacheError> {
        // Negative: kibibytes, not pages.
        let kibibytes = -i64::try_from(BULK_CACHE_BYTES / 1024).unwrap_or(i64::MAX);
        Ok(self.db.pragma_update(None, "cache_size", kibibytes)?)
    }

    /// It was written: an idle client needs little memory.
    ///
    /// # Errors
    /// [`CacheError`].
    pub fn end_bulk(&self) -> Result<(), CacheError> {
        self.db.pragma_update(None, "cache_size", USUAL_CACHE_KIBIBYTES)?;
        Ok(self.db.execute_batch("PRAGMA shrink_memory")?)
    }

    /// Begins to load a tree into a cache that holds none: all of it, or nothing.
    ///
    /// # Errors
    /// [`CacheError`].
    pub fn begin_loading(&mut self, start: Start) -> Result<Loading<'_>, CacheError> {
        // What was replayed behind an earlier start has nothing to do with this one.
        remove(&behind(&self.path))?;
        self.begin_bulk()?;
        let tx = self.db.transaction_with_behavior(TransactionBehavior::Immediate)?;
        tx.execute_batch(DROP_INDICES)?;
        let hasher = TreeHasher::new(start.space.id());
        Ok(Loading { tx, start, hasher, last: None, folders: HashMap::new() })
    }
}

/// A transaction that loads a tree. Dropped without [`Loading::finish`], it never was.
#[derive(Debug)]
pub struct Loading<'a> {
    tx: Transaction<'a>,
    start: Start,
    hasher: TreeHasher,
    last: Option<EntryId>,
    /// The folders, each with the one that it is in.
    folders: HashMap<EntryId, EntryId>,
}

impl Loading<'_> {
    /// Whether nothing was folded or loaded yet, by a process beside this one.
    ///
    /// # Errors
    /// [`CacheError`].
    pub fn is_first(&self) -> Result<bool, CacheError> {
        Ok(super::folded_space(&self.tx)?.is_none())
    }

    /// Takes the rows of the next page, and their bytes.
    ///
    /// # Errors
    /// [`LoadError`]; the transaction must then be dropped.
    pub fn take(&mut self, rows: &[Row], bytes: &[u8]) -> Result<(), LoadError> {
        if rows.first().is_some_and(|first| Some(first.entry) <= self.last) {
            return Err(LoadError::False("its pages are not in order"));
        }
        self.last = rows.last().map(|row| row.entry).or(self.last);
        self.hasher.update(rows.len() as u64, bytes);
        let seq = self.start.space.head().seq.cast_signed();
        let mut entry = self.tx.prepare_cached(
            "INSERT INTO entries(entry, parent, name, kind, content, executable, bytes) VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        )?;
        let mut place =
            self.tx.prepare_cached("INSERT INTO places(entry, seq, parent, name, kind) VALUES(?1, ?2, ?3, ?4, ?5)")?;
        let mut version =
            self.tx.prepare_cached("INSERT INTO versions(entry, seq, is_learned, version) VALUES(?1, ?2, ?3, ?4)")?;
        for Row { entry: id, place: at, version: held } in rows {
            let (parent, name, kind) = (at.parent.0, at.name.as_str(), kind_code(at.kind));
            entry.execute(params![
                id.0,
                parent,
                name,
                kind,
                held.as_ref().map(|held| held.content.0),
                held.as_ref().map(|held| held.executable),
                held.as_ref().map(|held| held.bytes.cast_signed()),
            ])?;
            place.execute(params![id.0, seq, parent, name, kind])?;
            if at.kind == Kind::Folder {
                if self.folders.len() >= CHECKPOINT_FOLDERS_MAX {
                    return Err(LoadError::TooLarge);
                }
                self.folders.insert(*id, at.parent);
            }
            let Some(held) = held else { continue };
            let is_learned = matches!(held.chunks, ChunkList::Inline(_));
            version.execute(params![id.0, seq, is_learned, encode(held)])?;
            held.named_chunks().iter().try_for_each(|chunk| learn_hearsay(&self.tx, chunk))?;
        }
        Ok(())
    }

    /// Judges the whole, and makes it so: `keys` is all that was learned of the space's.
    ///
    /// # Errors
    /// [`LoadError`]; nothing was loaded then.
    pub fn finish(self, vouched: &VouchedCheckpoint, keys: &[LearnedKeys]) -> Result<(), LoadError> {
        if self.hasher.finish() != self.start.tree {
            return Err(LoadError::False("its pages are not the tree that was signed"));
        }
        match self.tx.execute_batch(INDICES) {
            Err(error) if error.sqlite_error_code() == Some(ErrorCode::ConstraintViolation) => {
                return Err(LoadError::False("two entries have one name"));
            }
            other => other?,
        }
        self.judge_parents()?;
        write_space(&self.tx, &self.start.space)?;
        keys.iter().try_for_each(|learned| write_keys(&self.tx, learned))?;
        write_state(&self.tx, "start", &self.start)?;
        write_checkpoint(&self.tx, vouched)?;
        Ok(self.tx.commit()?)
    }

    /// Every entry hangs from the root, in folders.
    fn judge_parents(&self) -> Result<(), LoadError> {
        let mut parents = self.tx.prepare("SELECT DISTINCT parent FROM entries")?;
        let mut rows = parents.query([])?;
        while let Some(row) = rows.next()? {
            let parent = EntryId(row.get(0)?);
            if parent != EntryId::ROOT && !self.folders.contains_key(&parent) {
                return Err(LoadError::False("an entry is in no folder"));
            }
        }
        let mut rooted = HashSet::from([EntryId::ROOT]);
        for folder in self.folders.keys() {
            let (mut at, mut way) = (*folder, Vec::new());
            while !rooted.contains(&at) {
                // Longer than there are folders: it goes round.
                if way.len() > self.folders.len() {
                    return Err(LoadError::False("folders lie within each other"));
                }
                way.push(at);
                at = self.folders.get(&at).copied().unwrap_or(EntryId::ROOT);
            }
            rooted.extend(way);
        }
        Ok(())
    }
}

impl Folding<'_> {
    /// Passes a checkpoint, whose commit was folded: answers whether its tree is the one that this cache holds. Of what lies
    /// before this cache's own start, replaying judges; of one that this device has `written`, it knows.
    ///
    /// # Errors
    /// [`CacheError`].
    pub fn pass_checkpoint(
        &mut self,
        vouched: &VouchedCheckpoint,
        written: Option<(Head, Digest)>,
    ) -> Result<bool, CacheError> {
        self.forget_since();
        let db = self.connection();
        write_checkpoint(db, vouched)?;
        let (at, space) = (vouched.checkpoint.at, vouched.checkpoint.space);
        let filed: Option<[u8; 32]> = db
            .prepare_cached("SELECT digest FROM commits WHERE seq = ?1")?
            .query_row([at.seq.cast_signed()], |row| row.get(0))
            .optional()?;
        if filed.is_some_and(|filed| filed != at.digest.0) {
            return Ok(false);
        }
        let ours = match read_state::<Start>(db, "start")? {
            _ if written.is_some_and(|(head, _)| head == at) => {
                return Ok(written == Some((at, vouched.checkpoint.tree)));
            }
            Some(start) if at.seq < start.space.head().seq => return Ok(true),
            Some(start) if at.seq == start.space.head().seq => start.tree,
            _ => tree_hash(db, space, at.seq)?,
        };
        Ok(ours == vouched.checkpoint.tree)
    }
}

#[cfg(test)]
impl Cache {
    /// The rows of a query, as text.
    pub fn dump(&self, select: &str) -> Vec<String> {
        let mut statement = self.db.prepare(select).unwrap();
        let columns = statement.column_count();
        let mut rows = statement.query([]).unwrap();
        let mut found = Vec::new();
        while let Some(row) = rows.next().unwrap() {
            let values: Vec<rusqlite::types::Value> = (0..columns).map(|column| row.get(column).unwrap()).collect();
            found.push(format!("{values:?}"));
        }
        found
    }
}

fn write_checkpoint(db: &Connection, vouched: &VouchedCheckpoint) -> Result<(), CacheError> {
    let mut known: Known = read_state(db, "checkpoint")?.unwrap_or_default();
    known.retain(|(seq, _)| *seq != vouched.seq);
    known.push((vouched.seq, vouched.chunk_ids().collect()));
    write_state(db, "checkpoint", &known)
}

/// Puts the checkpoints that the log behind holds before those that were folded since.
pub(super) fn join_checkpoints(db: &Connection) -> Result<(), CacheError> {
    let behind: Option<Vec<u8>> = db
        .prepare("SELECT value FROM behind.state WHERE key = 'checkpoint'")?
        .query_row([], |row| row.get(0))
        .optional()?;
    let mut known: Known = behind.map(|bytes| decode(&bytes)).transpose()?.unwrap_or_default();
    known.extend(read_state::<Known>(db, "checkpoint")?.unwrap_or_default());
    if known.is_empty() { Ok(()) } else { write_state(db, "checkpoint", &known) }
}

pub(super) fn is_whole(db: &Connection) -> Result<bool, CacheError> {
    Ok(!db.prepare_cached("SELECT 1 FROM state WHERE key = 'start'")?.exists([])?)
}

pub(super) fn tree_hash(db: &Connection, space: SpaceId, seq: u64) -> Result<Digest, CacheError> {
    let mut hasher = TreeHasher::new(space);
    let mut after = None;
    while let Some(page) = tree_page(db, seq, after)? {
        hasher.update(page.count, &page.rows);
        after = Some(page.last);
    }
    Ok(hasher.finish())
}

fn tree_page(db: &Connection, seq: u64, after: Option<EntryId>) -> Result<Option<TreePage>, CacheError> {
    let after: &[u8] = after.as_ref().map_or(&[], |after| &after.0);
    let mut statement = db.prepare_cached(
        "SELECT entry, parent, name, kind FROM places WHERE entry > ?1 AND seq <= ?2 ORDER BY entry, seq",
    )?;
    let mut places = statement.query(params![after, seq.cast_signed()])?;
    let mut page = TreePage { count: 0, rows: Vec::with_capacity(CHECKPOINT_PAGE_BYTES), last: EntryId::ROOT };
    // The last that was said of an entry is what stood.
    let mut last: Option<Stood> = None;
    while page.rows.len() < CHECKPOINT_PAGE_BYTES {
        let Some(row) = places.next()? else {
            push_place(db, seq, last.take(), &mut page)?;
            break;
        };
        let entry = EntryId(row.get(0)?);
        if last.as_ref().is_some_and(|(last, _)| *last != entry) {
            push_place(db, seq, last.take(), &mut page)?;
        }
        let parent: Option<[u8; 16]> = row.get(1)?;
        let place = parent.map(|parent| Ok::<_, CacheError>((EntryId(parent), row.get(2)?, kind_of(row.get(3)?)?)));
        last = Some((entry, place.transpose()?));
    }
    Ok((page.count > 0).then_some(page))
}

fn push_place(db: &Connection, seq: u64, last: Option<Stood>, page: &mut TreePage) -> Result<(), CacheError> {
    let Some((entry, Some((parent, name, kind)))) = last else { return Ok(()) };
    let mut statement =
        db.prepare_cached("SELECT version FROM versions WHERE entry = ?1 AND seq <= ?2 ORDER BY seq DESC LIMIT 1")?;
    let mut versions = statement.query(params![entry.0, seq.cast_signed()])?;
    let version = match kind {
        Kind::Folder => None,
        Kind::File | Kind::Symlink => versions.next()?.map(|row| row.get_ref(0)).transpose()?,
    };
    let version = version.map(|version| version.as_blob_or_null()).transpose().map_err(rusqlite::Error::from)?;
    push_row(&mut page.rows, entry, parent, &name, kind, version.flatten());
    page.count = page.count.saturating_add(1);
    page.last = entry;
    Ok(())
}
