//! Taking over a replayed log: the history behind a checkpoint, folded in a cache of its own beside this one.
//!
//! ```text
//! cache         ── started from a checkpoint at S ──► follows the log after S
//! cache, behind ── folds the log from its genesis ──► S: the same tree? then its history joins the cache; else it replaces it
//! ```
//! One transaction takes it over, so that the cache is never half of one and half of the other.

use std::path::{Path, PathBuf};

use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{Connection, TransactionBehavior};
use vauban_protocol::canonical::decode;
use vauban_protocol::id::SpaceId;

use super::checkpoint::{INDICES, Start, join_checkpoints, tree_hash};
use super::folding::learn_chunk;
use super::{Cache, CacheError, LearnedKeys, remove};
use crate::log::{KeysSaid, Version};

/// What a checkpoint turned out to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// What the log says.
    True,
    /// Something else.
    False,
}

/// What the log behind says, where the checkpoint was right: its history comes before what was folded since. What has ended since
/// was filed under the checkpoint's own position, and is now under the one that wrote it; a chunk's release since then stands.
const JOIN: &str = "
DROP INDEX places_name;
INSERT INTO versions(entry, seq, is_learned, version)
    SELECT entry, seq, is_learned, version FROM behind.versions ORDER BY entry, seq;
INSERT INTO places(entry, seq, parent, name, kind) SELECT entry, seq, parent, name, kind FROM behind.places;
INSERT INTO commits SELECT * FROM behind.commits;
UPDATE commits SET at = max(at, (SELECT max(at) FROM behind.commits)) WHERE seq > (SELECT max(seq) FROM behind.commits);
INSERT OR IGNORE INTO ended(entry, seq, end_seq)
    SELECT entry, (SELECT max(seq) FROM behind.versions AS said WHERE said.entry = loaded.entry), end_seq
    FROM main.ended AS loaded WHERE seq <= (SELECT max(seq) FROM behind.commits);
DELETE FROM main.ended WHERE seq <= (SELECT max(seq) FROM behind.commits)
    AND NOT EXISTS(SELECT 1 FROM behind.versions AS said WHERE said.entry = ended.entry AND said.seq = ended.seq);
INSERT OR IGNORE INTO ended SELECT * FROM behind.ended;
DELETE FROM main.paged WHERE seq <= (SELECT max(seq) FROM behind.commits);
INSERT OR IGNORE INTO releases SELECT * FROM behind.releases;
INSERT OR IGNORE INTO admissions SELECT * FROM behind.admissions;
INSERT INTO chunks SELECT * FROM behind.chunks WHERE true
    ON CONFLICT(id) DO UPDATE SET tag = coalesce(excluded.tag, tag), secret = coalesce(excluded.secret, secret),
        plain_bytes = coalesce(excluded.plain_bytes, plain_bytes);
CREATE INDEX places_name ON places(parent, name);
DELETE FROM hearsay;
DELETE FROM state WHERE key = 'start';
";

/// Where it was wrong, nothing of it stays, nor what was agreed by it: everything joins or stands beside anew, and nothing is
/// removed for it (sync.md, rule 7).
const REPLACE: &str = "
DROP INDEX entries_place; DROP INDEX places_name; DROP INDEX hearsay_tag;
DELETE FROM entries; DELETE FROM versions; DELETE FROM places; DELETE FROM commits; DELETE FROM chunks; DELETE FROM hearsay;
DELETE FROM ended; DELETE FROM paged; DELETE FROM releases; DELETE FROM contests;
DELETE FROM epochs; DELETE FROM admissions; DELETE FROM base; DELETE FROM promised; DELETE FROM promised_ends; DELETE FROM promised_by; DELETE FROM intended;
DELETE FROM toll;
INSERT INTO entries SELECT * FROM behind.entries;
INSERT INTO versions(entry, seq, is_learned, version)
    SELECT entry, seq, is_learned, version FROM behind.versions ORDER BY entry, seq;
INSERT INTO places SELECT * FROM behind.places;
INSERT INTO commits SELECT * FROM behind.commits;
INSERT INTO chunks SELECT * FROM behind.chunks;
INSERT INTO ended SELECT * FROM behind.ended;
INSERT INTO releases SELECT * FROM behind.releases;
INSERT INTO epochs SELECT * FROM behind.epochs;
INSERT INTO admissions SELECT * FROM behind.admissions;
DELETE FROM state WHERE key NOT IN ('id', 'false');
INSERT INTO state SELECT * FROM behind.state WHERE key NOT IN ('id', 'false');
";

impl Cache {
    /// The cache in which the log behind this one is replayed. Nobody else opens it.
    ///
    /// # Errors
    /// [`CacheError`].
    pub fn open_behind(&self, space: SpaceId) -> Result<Self, CacheError> {
        Self::open(&behind(&self.path), space)
    }

    /// Holds a replayed log, folded up to where this cache started, against that start.
    ///
    /// # Errors
    /// [`CacheError`].
    pub fn compare(&self, start: &Start, replayed: &Self) -> Result<Verdict, CacheError> {
        let space = replayed.space()?;
        let certificates = |cache: &Self| -> Result<Vec<_>, CacheError> {
            let certificate = |learned: LearnedKeys| match learned.said {
                KeysSaid::Epoch(certificate) => Some(certificate),
                KeysSaid::Admission(..) => None,
            };
            let epochs = cache.keys()?.into_iter().filter_map(certificate);
            Ok(epochs.filter(|certificate| certificate.prev.seq < start.space.head().seq).collect())
        };
        let is_true = space.as_ref() == Some(&start.space)
            && certificates(self)? == certificates(replayed)?
            && tree_hash(&replayed.db, start.space.id(), start.space.head().seq)? == start.tree;
        Ok(if is_true { Verdict::True } else { Verdict::False })
    }

    /// Takes over a replayed log, and deletes the cache that it was folded in.
    ///
    /// # Errors
    /// [`CacheError`]; this cache is then as it was.
    pub fn take_over(&mut self, start: &Start, replayed: Self, verdict: Verdict) -> Result<(), CacheError> {
        let path = replayed.path.clone();
        // Closed, it leaves all it holds in one file.
        drop(replayed);
        self.begin_bulk()?;
        let name = ToSqlOutput::Borrowed(ValueRef::Text(path.as_os_str().as_encoded_bytes()));
        self.db.execute("ATTACH DATABASE ?1 AS behind", [name])?;
        let done = self.take(start, verdict);
        self.db.execute_batch("DETACH DATABASE behind")?;
        self.end_bulk()?;
        done?;
        remove(&path)
    }

    fn take(&mut self, start: &Start, verdict: Verdict) -> Result<(), CacheError> {
        let tx = self.db.transaction_with_behavior(TransactionBehavior::Immediate)?;
        match verdict {
            Verdict::True => {
                let seq = start.space.head().seq.cast_signed();
                tx.execute("DELETE FROM versions WHERE seq <= ?1", [seq])?;
                tx.execute("DELETE FROM places WHERE seq <= ?1", [seq])?;
                tx.execute_batch(JOIN)?;
                learn_again(&tx, seq)?;
                join_checkpoints(&tx)?;
            }
            Verdict::False => {
                tx.execute_batch(REPLACE)?;
                tx.execute_batch(INDICES)?;
            }
        }
        Ok(tx.commit()?)
    }
}

/// What was said of chunks after the start counts only now that all that are live are known.
fn learn_again(db: &Connection, start: i64) -> Result<(), CacheError> {
    let mut statement =
        db.prepare("SELECT version FROM versions WHERE seq > ?1 AND version IS NOT NULL ORDER BY seq, rowid")?;
    let mut rows = statement.query([start])?;
    while let Some(row) = rows.next()? {
        let version: Version = decode(&row.get::<_, Vec<u8>>(0)?)?;
        version.named_chunks().iter().try_for_each(|chunk| learn_chunk(db, chunk).map(drop))?;
    }
    Ok(())
}

/// The path of the cache in which the log behind another is replayed.
pub(super) fn behind(path: &Path) -> PathBuf {
    path.with_extension("behind.sqlite")
}
