//! What was released, by whom, and what still refers to it (architecture, "Release").
//!
//! A version that was replaced or removed stays part of the kept history for the space's retention; then its chunks are no longer
//! referred to, unless another version names them too. Dates decide that, and authors can lie about theirs: each commit is dated no
//! earlier than the one before it, no earlier than this device's last look at the log that did not show it, and no later than
//! when it was folded. So whoever was there cannot be told that a file was replaced long ago.

use std::collections::BTreeSet;

use rusqlite::{OptionalExtension, params};
use vauban_protocol::canonical::{DecodeError, decode, encode};
use vauban_protocol::id::{ChunkId, DeviceId, Digest};
use vauban_protocol::space::{Commit, Control, Retention};
use vauban_protocol::time::Timestamp;

use super::checkpoint::Start;
use super::rows_of_state::read_state;
use super::{Cache, CacheError, Folding};
use crate::log::{ChunkList, EntryId, Version};

/// A commit that released chunks, and has not been judged here yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Released {
    /// The commit.
    pub seq: u64,
    /// Its author.
    pub device: DeviceId,
    /// When, as this device dates it.
    pub at: Timestamp,
    /// The space's retention at that moment.
    pub retention: Retention,
    /// The chunks.
    pub ids: BTreeSet<ChunkId>,
}

/// A release of chunks that were still needed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Contest {
    /// The commit that released them.
    pub seq: u64,
    /// Its author.
    pub device: DeviceId,
    /// When, as this device dates it.
    pub at: Timestamp,
    /// How many of them were needed.
    pub chunks: u64,
}

/// A version whose chunk list is in pages that were not read yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unread {
    /// The entry.
    pub entry: EntryId,
    /// The commit that wrote it.
    pub seq: u64,
    /// The version.
    pub version: Version,
}

/// Which of some chunks are referred to.
#[derive(Debug, Default)]
pub struct Uses {
    /// These are, at least.
    pub used: BTreeSet<ChunkId>,
    /// What has to be read to know of the others.
    pub unread: Vec<Unread>,
}

/// Versions whose time in history has passed.
#[derive(Debug, Default)]
pub struct Expired {
    /// Which: the entry, and the commit that wrote it.
    pub versions: Vec<(EntryId, u64)>,
    /// Their chunks, those released already left out.
    pub ids: BTreeSet<ChunkId>,
    /// What has to be read first.
    pub unread: Vec<Unread>,
}

/// When something was last done here, kept with the cache: to forget it costs doing it once more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mark {
    /// The log was read to the end that the node showed.
    Looked,
    /// Words were exchanged with other devices, and what is no longer needed was released.
    Tended,
    /// The time of the latest word of another device that agrees with what was folded here.
    Confirmed,
}

impl Mark {
    fn key(self) -> &'static str {
        match self {
            Self::Looked => "looked_at",
            Self::Tended => "tended_at",
            Self::Confirmed => "confirmed_at",
        }
    }
}

impl Folding<'_> {
    /// Dates and files a commit, given the digest of its bytes, and what its control does to chunks.
    pub(super) fn file(
        &mut self,
        commit: &Commit,
        digest: Digest,
        made_at: Option<Timestamp>,
    ) -> Result<(), CacheError> {
        let before: Option<i64> = self
            .tx
            .prepare_cached("SELECT at FROM commits WHERE seq = ?1")?
            .query_row([commit.prev.seq.cast_signed()], |row| row.get(0))
            .optional()?;
        let before = match before {
            Some(before) => Timestamp(before.cast_unsigned()),
            None => read_state::<Start>(&self.tx, "start")?.map(|start| start.made_at).unwrap_or_default(),
        };
        let looked = mark(&self.tx, Mark::Looked)?.unwrap_or_default();
        let said = made_at.unwrap_or_default();
        let at = self.now.map_or(said, |now| said.min(now)).max(before).max(looked);
        self.file_commit(commit.prev.after(digest), commit.device, made_at.unwrap_or(at), at)?;
        match &commit.control {
            Some(Control::Release(ids)) => self.file_release(commit.device, at, ids)?,
            Some(Control::Keep(ids)) => {
                let mut statement = self.tx.prepare_cached(
                    "INSERT INTO chunks(id) VALUES(?1) ON CONFLICT(id) DO UPDATE SET released = NULL",
                )?;
                ids.iter().try_for_each(|id| statement.execute([id.0]).map(drop))?;
            }
            Some(Control::Retention(retention)) => self.retention = Some(*retention),
            _ => {}
        }
        Ok(())
    }

    fn file_release(&self, device: DeviceId, at: Timestamp, ids: &[ChunkId]) -> Result<(), CacheError> {
        let retention = match self.retention {
            Some(retention) => retention,
            None => super::folded_space(&self.tx)?.map(|space| space.retention()).unwrap_or_default(),
        };
        let mut statement = self.tx.prepare_cached(
            "INSERT INTO chunks(id, released) VALUES(?1, ?2)
             ON CONFLICT(id) DO UPDATE SET released = coalesce(released, excluded.released)",
        )?;
        ids.iter().try_for_each(|id| statement.execute(params![id.0, self.seq.cast_signed()]).map(drop))?;
        self.tx
            .prepare_cached(
                "INSERT OR REPLACE INTO releases(seq, device, at, retention, ids) VALUES(?1, ?2, ?3, ?4, ?5)",
            )?
            .execute(params![
                self.seq.cast_signed(),
                device.0,
                at.0.cast_signed(),
                encode(&retention),
                id_bytes(ids.iter())
            ])?;
        Ok(())
    }

    /// The version that an entry has is replaced, or removed, by the commit that is being folded.
    pub(super) fn end_version(&self, entry: EntryId) -> Result<(), CacheError> {
        self.tx
            .prepare_cached(
                "INSERT OR IGNORE INTO ended(entry, seq, end_seq)
                 SELECT entry, seq, ?2 FROM versions WHERE entry = ?1 ORDER BY seq DESC LIMIT 1",
            )?
            .execute(params![entry.0, self.seq.cast_signed()])?;
        Ok(())
    }
}

impl Cache {
    /// When something was last done.
    ///
    /// # Errors
    /// [`CacheError`].
    pub fn mark(&self, mark: Mark) -> Result<Option<Timestamp>, CacheError> {
        self::mark(&self.db, mark)
    }

    /// Notes that something was done.
    ///
    /// # Errors
    /// [`CacheError`].
    pub fn set_mark(&self, mark: Mark, at: Timestamp) -> Result<(), CacheError> {
        self.db
            .prepare_cached("INSERT OR REPLACE INTO state(key, value) VALUES(?1, ?2)")?
            .execute(params![mark.key(), encode(&at)])?;
        Ok(())
    }

    /// The chain hash at a number, if that was folded here.
    ///
    /// # Errors
    /// [`CacheError`].
    pub fn hash_at(&self, seq: u64) -> Result<Option<Digest>, CacheError> {
        let found: Option<[u8; 32]> = self
            .db
            .prepare_cached("SELECT digest FROM commits WHERE seq = ?1")?
            .query_row([seq.cast_signed()], |row| row.get(0))
            .optional()?;
        Ok(found.map(Digest))
    }

    /// Whether every commit up to the folded head was folded here, so that everything which refers to a chunk is known.
    ///
    /// # Errors
    /// [`CacheError`].
    pub fn knows_all(&self) -> Result<bool, CacheError> {
        let Some(space) = self.space()? else { return Ok(false) };
        let folded: i64 = self.db.prepare_cached("SELECT count(*) FROM commits")?.query_row([], |row| row.get(0))?;
        Ok(folded.cast_unsigned() == space.head().seq)
    }

    /// Releases that were folded and not judged, the first one first.
    ///
    /// # Errors
    /// [`CacheError`].
    pub fn releases(&self) -> Result<Vec<Released>, CacheError> {
        let mut statement =
            self.db.prepare_cached("SELECT seq, device, at, retention, ids FROM releases ORDER BY seq")?;
        let mut rows = statement.query([])?;
        let mut releases = Vec::new();
        while let Some(row) = rows.next()? {
            releases.push(Released {
                seq: row.get::<_, i64>(0)?.cast_unsigned(),
                device: DeviceId(row.get(1)?),
                at: Timestamp(row.get::<_, i64>(2)?.cast_unsigned()),
                retention: decode(&row.get::<_, Vec<u8>>(3)?)?,
                ids: ids_of(&row.get::<_, Vec<u8>>(4)?)?,
            });
        }
        Ok(releases)
    }

    /// A release was judged; `needed` of its chunks were.
    ///
    /// # Errors
    /// [`CacheError`].
    pub fn settle_release(&mut self, release: &Released, needed: u64) -> Result<(), CacheError> {
        let tx = self.db.transaction()?;
        tx.prepare_cached("DELETE FROM releases WHERE seq = ?1")?.execute([release.seq.cast_signed()])?;
        if needed > 0 {
            tx.prepare_cached("INSERT OR REPLACE INTO contests(seq, device, at, chunks) VALUES(?1, ?2, ?3, ?4)")?
                .execute(params![
                    release.seq.cast_signed(),
                    release.device.0,
                    release.at.0.cast_signed(),
                    needed.cast_signed()
                ])?;
        }
        Ok(tx.commit()?)
    }

    /// Releases of chunks that were still needed, the latest first.
    ///
    /// # Errors
    /// [`CacheError`].
    pub fn contests(&self) -> Result<Vec<Contest>, CacheError> {
        let mut statement = self.db.prepare_cached("SELECT seq, device, at, chunks FROM contests ORDER BY seq DESC")?;
        let mut rows = statement.query([])?;
        let mut contests = Vec::new();
        while let Some(row) = rows.next()? {
            contests.push(Contest {
                seq: row.get::<_, i64>(0)?.cast_unsigned(),
                device: DeviceId(row.get(1)?),
                at: Timestamp(row.get::<_, i64>(2)?.cast_unsigned()),
                chunks: row.get::<_, i64>(3)?.cast_unsigned(),
            });
        }
        Ok(contests)
    }

    /// Which chunks of a release were referred to when it was made: by what was live, or by the history that is kept.
    ///
    /// # Errors
    /// [`CacheError`].
    pub fn uses_at(&self, release: &Released) -> Result<Uses, CacheError> {
        let since = release.retention.seconds().map(|seconds| release.at.0.saturating_sub(seconds));
        self.uses(&release.ids, |seq, end| {
            let is_kept = |(end, at): (u64, Timestamp)| end > release.seq || since.is_none_or(|since| at.0 > since);
            seq < release.seq && end.is_none_or(is_kept)
        })
    }

    /// Which of `ids` are referred to by what is live, or ended after `since`.
    ///
    /// # Errors
    /// [`CacheError`].
    pub fn uses_since(&self, ids: &BTreeSet<ChunkId>, since: Timestamp) -> Result<Uses, CacheError> {
        self.uses(ids, |_, end| end.is_none_or(|(_, at)| at > since))
    }

    /// Which of `ids` are named by versions that count, by the commit that wrote them and the one that ended them. The keys of
    /// epochs are always needed, and so are the last checkpoints.
    fn uses(
        &self,
        ids: &BTreeSet<ChunkId>,
        counts: impl Fn(u64, Option<(u64, Timestamp)>) -> bool,
    ) -> Result<Uses, CacheError> {
        let mut uses = Uses::default();
        let bundles = self.keys()?.into_iter().map(|learned| learned.said.bundle());
        uses.used.extend(bundles.filter(|bundle| ids.contains(bundle)));
        let pages = self.checkpoints()?.into_iter().flat_map(|(_, chunks)| chunks);
        uses.used.extend(pages.filter(|chunk| ids.contains(chunk)));
        let mut statement = self.db.prepare_cached(
            "SELECT entry, versions.seq, version, end_seq, at, paged.ids FROM versions
             LEFT JOIN ended USING(entry, seq) LEFT JOIN commits ON commits.seq = end_seq LEFT JOIN paged USING(entry, seq)
             WHERE version IS NOT NULL",
        )?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            let seq = row.get::<_, i64>(1)?.cast_unsigned();
            let end = row.get::<_, Option<i64>>(3)?.map(i64::cast_unsigned);
            let at = Timestamp(row.get::<_, Option<i64>>(4)?.map(i64::cast_unsigned).unwrap_or(u64::MAX));
            if !counts(seq, end.map(|end| (end, at))) {
                continue;
            }
            let version: Version = decode(&row.get::<_, Vec<u8>>(2)?)?;
            let named = version.named_chunks().iter().map(|chunk| chunk.id);
            uses.used.extend(named.filter(|id| ids.contains(id)));
            if matches!(version.chunks, ChunkList::Paged { .. }) {
                match row.get::<_, Option<Vec<u8>>>(5)? {
                    Some(inner) => uses.used.extend(ids_of(&inner)?.intersection(ids)),
                    None => uses.unread.push(Unread { entry: EntryId(row.get(0)?), seq, version }),
                }
            }
        }
        Ok(uses)
    }

    /// Records which chunks, pages among them, the pages of a version lead to.
    ///
    /// # Errors
    /// [`CacheError`].
    pub fn read_pages(&self, unread: &Unread, ids: &BTreeSet<ChunkId>) -> Result<(), CacheError> {
        self.db
            .prepare_cached("INSERT OR REPLACE INTO paged(entry, seq, ids) VALUES(?1, ?2, ?3)")?
            .execute(params![unread.entry.0, unread.seq.cast_signed(), id_bytes(ids.iter())])?;
        Ok(())
    }

    /// The versions that ended at or before `since`, and were not looked at before, with their chunks; as many as have
    /// `ids_max` of them together, and at least one.
    ///
    /// # Errors
    /// [`CacheError`].
    pub fn expired(&self, since: Timestamp, ids_max: usize) -> Result<Expired, CacheError> {
        let mut expired = Expired::default();
        let mut statement = self.db.prepare_cached(
            "SELECT entry, ended.seq, version, paged.ids FROM ended JOIN commits ON commits.seq = end_seq
             JOIN versions USING(entry, seq) LEFT JOIN paged USING(entry, seq)
             WHERE is_done = 0 AND at <= ?1 AND version IS NOT NULL ORDER BY end_seq",
        )?;
        let mut rows = statement.query([since.0.cast_signed()])?;
        while let Some(row) = rows.next()? {
            let (entry, seq) = (EntryId(row.get(0)?), row.get::<_, i64>(1)?.cast_unsigned());
            let version: Version = decode(&row.get::<_, Vec<u8>>(2)?)?;
            let mut ids: BTreeSet<ChunkId> = version.named_chunks().iter().map(|chunk| chunk.id).collect();
            if matches!(version.chunks, ChunkList::Paged { .. }) {
                match row.get::<_, Option<Vec<u8>>>(3)? {
                    Some(inner) => ids.extend(ids_of(&inner)?),
                    None => {
                        expired.unread.push(Unread { entry, seq, version });
                        continue;
                    }
                }
            }
            if !expired.versions.is_empty() && expired.ids.len().saturating_add(ids.len()) > ids_max {
                break;
            }
            expired.versions.push((entry, seq));
            for id in ids {
                if self.is_released(id)? == Some(false) {
                    expired.ids.insert(id);
                }
            }
        }
        Ok(expired)
    }

    /// What expired versions named is released, or named by others: they are not looked at again.
    ///
    /// # Errors
    /// [`CacheError`].
    pub fn settle_expired(&mut self, expired: &Expired) -> Result<(), CacheError> {
        let tx = self.db.transaction()?;
        {
            let mut statement = tx.prepare_cached("UPDATE ended SET is_done = 1 WHERE entry = ?1 AND seq = ?2")?;
            for (entry, seq) in &expired.versions {
                statement.execute(params![entry.0, seq.cast_signed()])?;
            }
        }
        Ok(tx.commit()?)
    }

    /// Whether a chunk is released; `None` if no commit that was folded has added it.
    ///
    /// # Errors
    /// [`CacheError`].
    pub fn is_released(&self, chunk: ChunkId) -> Result<Option<bool>, CacheError> {
        Ok(self
            .db
            .prepare_cached("SELECT released IS NOT NULL FROM chunks WHERE id = ?1")?
            .query_row([chunk.0], |row| row.get(0))
            .optional()?)
    }

    /// The chunks, pages among them, that a version is known to need: all of them unless its pages were not read.
    ///
    /// # Errors
    /// [`CacheError`].
    pub fn known_ids(&self, entry: EntryId, version: &Version) -> Result<BTreeSet<ChunkId>, CacheError> {
        let mut ids: BTreeSet<ChunkId> = version.named_chunks().iter().map(|chunk| chunk.id).collect();
        if matches!(version.chunks, ChunkList::Paged { .. }) {
            let mut statement = self.db.prepare_cached(
                "SELECT ids FROM paged JOIN versions USING(entry, seq) WHERE entry = ?1 AND version = ?2",
            )?;
            let inner: Option<Vec<u8>> =
                statement.query_row(params![entry.0, encode(version)], |row| row.get(0)).optional()?;
            ids.extend(inner.map(|inner| ids_of(&inner)).transpose()?.unwrap_or_default());
        }
        Ok(ids)
    }
}

fn mark(db: &rusqlite::Connection, mark: Mark) -> Result<Option<Timestamp>, CacheError> {
    let bytes: Option<Vec<u8>> = db
        .prepare_cached("SELECT value FROM state WHERE key = ?1")?
        .query_row([mark.key()], |row| row.get(0))
        .optional()?;
    Ok(bytes.map(|bytes| decode(&bytes)).transpose()?)
}

fn id_bytes<'a>(ids: impl Iterator<Item = &'a ChunkId>) -> Vec<u8> {
    ids.flat_map(|id| id.0).collect()
}

fn ids_of(bytes: &[u8]) -> Result<BTreeSet<ChunkId>, CacheError> {
    let (ids, rest) = bytes.as_chunks::<{ ChunkId::BYTES }>();
    if rest.is_empty() { Ok(ids.iter().map(|id| ChunkId(*id)).collect()) } else { Err(DecodeError::Malformed.into()) }
}
