//! Folding into the cache: commits, their chunks and the head that they make, in one transaction.

use rusqlite::{Connection, OptionalExtension, Transaction, params};
use vauban_protocol::canonical::encode;
use vauban_protocol::chain::Head;
use vauban_protocol::id::{ChunkId, DeviceId, Digest};
use vauban_protocol::signed::Signed;
use vauban_protocol::space::{Retention, Space};
use vauban_protocol::time::Timestamp;

use super::CacheError;
use super::checkpoint::Since;
use super::remote::{entry_name, kind_code, kind_of};
use super::rows_of_state::{read_state, write_state};
use crate::log::{
    Checkpoint, ChunkList, ChunkRef, Effect, EntryId, EntryName, Op, Place, Said, Tree, VerifiedCommit, Version, Void,
    apply,
};

/// An op without effect, and who wrote it: shown to people, since honest clients write none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct VoidOp {
    /// The author.
    pub device: DeviceId,
    /// Its commit.
    pub counter: u64,
    /// The entry it names; `None` if the whole commit's ops do not open or decode.
    pub entry: Option<EntryId>,
    /// Why.
    pub reason: Option<Void>,
}

/// A transaction. Dropped without [`Folding::commit`], it never was.
#[derive(Debug)]
pub struct Folding<'a> {
    pub(super) tx: Transaction<'a>,
    /// The position of the commit that is being folded, which history files its changes under.
    pub(super) seq: u64,
    /// When this is folded, where that is known: no commit is dated later.
    pub(super) now: Option<Timestamp>,
    /// The space's retention, where a commit that is being folded has changed it.
    pub(super) retention: Option<Retention>,
    /// Whether every live chunk is known here: otherwise what is said of others is hearsay.
    is_whole: bool,
    /// What was folded, and whether a checkpoint lies before it.
    folded: Since,
    is_checkpointed: bool,
}

impl<'a> Folding<'a> {
    pub(super) fn new(tx: Transaction<'a>, is_whole: bool) -> Self {
        let folded = Since::default();
        Self { tx, seq: 0, now: None, retention: None, is_whole, folded, is_checkpointed: false }
    }

    /// Says when it is: whatever authors claim, nothing that is folded from here on is of a later time.
    pub fn observe(&mut self, now: Timestamp) {
        self.now = Some(now);
    }

    pub(super) fn connection(&self) -> &Connection {
        &self.tx
    }

    /// A checkpoint has just been folded: what counts towards the next one begins here.
    pub(super) fn forget_since(&mut self) {
        (self.folded, self.is_checkpointed) = (Since::default(), true);
    }

    /// Folds one commit: its chunks become live, and what it says changes the tree.
    ///
    /// # Errors
    /// [`CacheError`]; the transaction must then be dropped.
    pub fn fold(&mut self, commit: &VerifiedCommit, said: &Said) -> Result<Vec<VoidOp>, CacheError> {
        let payload = commit.payload();
        payload.adds.iter().try_for_each(|id| self.add_chunk(*id))?;
        self.folded.commits = self.folded.commits.saturating_add(1);
        let void = |entry, reason| VoidOp { device: payload.device, counter: payload.counter, entry, reason };
        let made_at = match said {
            Said::Changes(changes) => Some(changes.made_at),
            Said::Checkpoint(signed) => {
                Signed::<Checkpoint>::parse(signed.clone()).ok().map(|signed| signed.payload().made_at)
            }
            _ => None,
        };
        self.file(payload, commit.signed().digest(), made_at)?;
        let changes = match said {
            Said::Changes(changes) => changes,
            Said::Nothing | Said::Checkpoint(_) => return Ok(Vec::new()),
            Said::Junk => return Ok(vec![void(None, None)]),
        };
        self.folded.ops = self.folded.ops.saturating_add(changes.ops.len() as u64);
        let mut voids = Vec::new();
        for op in &changes.ops {
            match apply(self, op)? {
                Effect::Applied => {}
                Effect::Void(reason) => voids.push(void(Some(op.entry()), Some(reason))),
            }
        }
        Ok(voids)
    }

    /// The head that the cache stands at.
    ///
    /// # Errors
    /// [`CacheError`].
    pub fn head(&self) -> Result<Option<Head>, CacheError> {
        Ok(super::folded_space(&self.tx)?.map(|space| space.head()))
    }

    /// Records the head that everything folded here leads to.
    ///
    /// # Errors
    /// [`CacheError`].
    pub fn set_space(&mut self, space: &Space) -> Result<(), CacheError> {
        write_space(&self.tx, space)
    }

    /// Applies all of `ops`, or none if one of them would be void; says which.
    ///
    /// # Errors
    /// [`CacheError`]; the transaction must then be dropped.
    pub fn apply_all(&mut self, ops: &[&Op]) -> Result<bool, CacheError> {
        if let [op] = ops {
            return Ok(apply(self, op)? == Effect::Applied);
        }
        self.tx.execute_batch("SAVEPOINT all_or_none")?;
        for op in ops {
            if apply(self, op)? != Effect::Applied {
                self.tx.execute_batch("ROLLBACK TO all_or_none; RELEASE all_or_none")?;
                return Ok(false);
            }
        }
        self.tx.execute_batch("RELEASE all_or_none")?;
        Ok(true)
    }

    /// Makes it so.
    ///
    /// # Errors
    /// [`CacheError`].
    pub fn commit(self) -> Result<(), CacheError> {
        if self.is_checkpointed || self.folded != Since::default() {
            let before = if self.is_checkpointed { None } else { read_state::<Since>(&self.tx, "since")? };
            let before = before.unwrap_or_default();
            let since = Since {
                commits: before.commits.saturating_add(self.folded.commits),
                ops: before.ops.saturating_add(self.folded.ops),
            };
            write_state(&self.tx, "since", &since)?;
        }
        Ok(self.tx.commit()?)
    }

    /// Files the commit that leads to `head`; history files the changes that follow under it. `made_at` is its author's word,
    /// `at` what is believed of it where things are deleted for being old: no earlier than it can have been.
    pub(super) fn file_commit(
        &mut self,
        head: Head,
        device: DeviceId,
        made_at: Timestamp,
        at: Timestamp,
    ) -> Result<(), CacheError> {
        self.seq = head.seq;
        let times = (made_at.0.cast_signed(), at.0.cast_signed());
        // By then it had happened, whatever its author says.
        let seen = self.now.map_or(times.1, |now| now.0.cast_signed());
        self.tx
            .prepare_cached(
                "INSERT OR REPLACE INTO commits(seq, device, made_at, at, seen, digest) VALUES(?1, ?2, ?3, ?4, ?5, ?6)",
            )?
            .execute(params![head.seq.cast_signed(), device.0, times.0, times.1, seen, head.digest.0])?;
        Ok(())
    }

    /// Files where an entry is from this commit on; `None` if it is no more.
    fn file_place(&self, entry: EntryId, place: Option<&Place>) -> Result<(), CacheError> {
        let (parent, name) = (place.map(|place| place.parent.0), place.map(|place| place.name.as_str()));
        let kind = place.map(|place| kind_code(place.kind));
        self.tx
            .prepare_cached("INSERT OR REPLACE INTO places(entry, seq, parent, name, kind) VALUES(?1, ?2, ?3, ?4, ?5)")?
            .execute(params![entry.0, self.seq.cast_signed(), parent, name, kind])?;
        Ok(())
    }

    /// Makes a chunk live.
    pub(super) fn add_chunk(&self, chunk: ChunkId) -> Result<(), CacheError> {
        self.tx
            .prepare_cached("INSERT INTO chunks(id) VALUES(?1) ON CONFLICT(id) DO UPDATE SET released = NULL")?
            .execute([chunk.0])?;
        Ok(())
    }

    /// The content that an entry has here.
    ///
    /// # Errors
    /// [`CacheError`].
    pub fn content(&self, entry: EntryId) -> Result<Option<Digest>, CacheError> {
        let content: Option<Option<[u8; 32]>> = self
            .tx
            .prepare_cached("SELECT content FROM entries WHERE entry = ?1")?
            .query_row([entry.0], |row| row.get(0))
            .optional()?;
        Ok(content.flatten().map(Digest))
    }

    /// Whether a commit that was folded added this chunk, and none has released it since.
    ///
    /// # Errors
    /// [`CacheError`].
    pub fn is_live(&self, chunk: ChunkId) -> Result<bool, CacheError> {
        Ok(self.tx.prepare_cached("SELECT 1 FROM chunks WHERE id = ?1 AND released IS NULL")?.exists([chunk.0])?)
    }

    fn is_learned(&self, entry: EntryId) -> Result<bool, CacheError> {
        is_learned(&self.tx, entry)
    }

    /// Records what a chunk is found by and opened with. The first who says so stands: a later op can't bend it.
    fn learn_chunk(&self, chunk: &ChunkRef) -> Result<(), CacheError> {
        let is_news = learn_chunk(&self.tx, chunk)?;
        if is_news || self.is_whole || self.is_live(chunk.id)? { Ok(()) } else { learn_hearsay(&self.tx, chunk) }
    }
}

impl Tree for Folding<'_> {
    type Error = CacheError;

    fn place(&self, entry: EntryId) -> Result<Option<Place>, CacheError> {
        let row = self
            .tx
            .prepare_cached("SELECT parent, name, kind FROM entries WHERE entry = ?1")?
            .query_row([entry.0], |row| {
                Ok((row.get::<_, [u8; 16]>(0)?, row.get::<_, String>(1)?, row.get::<_, u8>(2)?))
            })
            .optional()?;
        row.map(|(parent, name, kind)| {
            Ok(Place { parent: EntryId(parent), name: entry_name(&name)?, kind: kind_of(kind)? })
        })
        .transpose()
    }

    fn child(&self, parent: EntryId, name: &EntryName) -> Result<Option<EntryId>, CacheError> {
        Ok(self
            .tx
            .prepare_cached("SELECT entry FROM entries WHERE parent = ?1 AND name = ?2")?
            .query_row(params![parent.0, name.as_str()], |row| row.get(0).map(EntryId))
            .optional()?)
    }

    fn has_child(&self, parent: EntryId) -> Result<bool, CacheError> {
        Ok(self.tx.prepare_cached("SELECT 1 FROM entries WHERE parent = ?1 LIMIT 1")?.exists([parent.0])?)
    }

    fn put(&mut self, entry: EntryId, place: &Place) -> Result<(), CacheError> {
        self.tx
            .prepare_cached(
                "INSERT INTO entries(entry, parent, name, kind) VALUES(?1, ?2, ?3, ?4)
                 ON CONFLICT(entry) DO UPDATE SET parent = excluded.parent, name = excluded.name",
            )?
            .execute(params![entry.0, place.parent.0, place.name.as_str(), kind_code(place.kind)])?;
        self.file_place(entry, Some(place))
    }

    fn write(&mut self, entry: EntryId, version: &Version) -> Result<(), CacheError> {
        self.end_version(entry)?;
        self.tx
            .prepare_cached("UPDATE entries SET content = ?2, executable = ?3, bytes = ?4 WHERE entry = ?1")?
            .execute(params![entry.0, version.content.0, version.executable, version.bytes.cast_signed()])?;
        self.tx
            .prepare_cached("INSERT OR REPLACE INTO versions(entry, seq, is_learned, version) VALUES(?1, ?2, ?3, ?4)")?
            .execute(params![
                entry.0,
                self.seq.cast_signed(),
                matches!(version.chunks, ChunkList::Inline(_)),
                encode(version)
            ])?;
        version.named_chunks().iter().try_for_each(|chunk| self.learn_chunk(chunk))
    }

    fn remove(&mut self, entry: EntryId) -> Result<(), CacheError> {
        self.end_version(entry)?;
        self.tx.prepare_cached("DELETE FROM entries WHERE entry = ?1")?.execute([entry.0])?;
        // Whoever takes the identifier again, which honest clients do not, begins without a content.
        self.tx
            .prepare_cached(
                "INSERT OR REPLACE INTO versions(entry, seq, is_learned, version)
                 SELECT ?1, ?2, 1, NULL WHERE EXISTS(SELECT 1 FROM versions WHERE entry = ?1)",
            )?
            .execute(params![entry.0, self.seq.cast_signed()])?;
        self.file_place(entry, None)
    }
}

impl super::Cache {
    /// Records the chunks of a version whose pages were read, so that they are found by tag.
    ///
    /// # Errors
    /// [`CacheError`].
    pub fn learn_version(&mut self, entry: EntryId, chunks: &[ChunkRef]) -> Result<(), CacheError> {
        let folding = self.begin()?;
        if !folding.is_learned(entry)? {
            chunks.iter().try_for_each(|chunk| folding.learn_chunk(chunk))?;
            folding
                .tx
                .prepare_cached(
                    "UPDATE versions SET is_learned = 1
                     WHERE entry = ?1 AND seq = (SELECT max(seq) FROM versions WHERE entry = ?1)",
                )?
                .execute([entry.0])?;
        }
        folding.commit()
    }

    /// Whether all chunks of an entry's version are found by tag.
    ///
    /// # Errors
    /// [`CacheError`].
    pub fn is_learned(&self, entry: EntryId) -> Result<bool, CacheError> {
        is_learned(&self.db, entry)
    }
}

/// Whether all chunks of the last version of an entry are found by tag.
fn is_learned(db: &Connection, entry: EntryId) -> Result<bool, CacheError> {
    let learned: Option<bool> = db
        .prepare_cached("SELECT is_learned FROM versions WHERE entry = ?1 ORDER BY seq DESC LIMIT 1")?
        .query_row([entry.0], |row| row.get(0))
        .optional()?;
    Ok(learned.unwrap_or_default())
}

pub(super) fn write_space(db: &Connection, space: &Space) -> Result<(), CacheError> {
    write_state(db, "space", space)
}

/// Records what a live chunk is found by, unless that is known; answers whether it was news.
pub(super) fn learn_chunk(db: &Connection, chunk: &ChunkRef) -> Result<bool, CacheError> {
    let changed = db
        .prepare_cached("UPDATE chunks SET tag = ?2, secret = ?3, plain_bytes = ?4 WHERE id = ?1 AND tag IS NULL")?
        .execute(params![chunk.id.0, chunk.tag.as_bytes(), chunk.secret.expose(), chunk.plain_bytes])?;
    Ok(changed > 0)
}

/// Records what a chunk is said to be found by, that may not be live.
pub(super) fn learn_hearsay(db: &Connection, chunk: &ChunkRef) -> Result<(), CacheError> {
    db.prepare_cached("INSERT INTO hearsay(tag, id, secret, plain_bytes) VALUES(?1, ?2, ?3, ?4)")?.execute(params![
        chunk.tag.as_bytes(),
        chunk.id.0,
        chunk.secret.expose(),
        chunk.plain_bytes
    ])?;
    Ok(())
}
