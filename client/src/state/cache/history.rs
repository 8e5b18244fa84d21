//! The remote tree as it once was: every content and every place that the log ever gave an entry, by commit.
//!
//! A moment is a position in the log. What stood at a moment is what was said last up to it; nothing is ever taken out, so
//! the tree of any moment can be walked without folding the log again.

use rusqlite::{OptionalExtension, Row, params};
use vauban_protocol::canonical::decode;
use vauban_protocol::id::DeviceId;
use vauban_protocol::time::Timestamp;

use super::remote::{entry_name, kind_of};
use super::{Cache, CacheError, RemoteChild};
use crate::log::{EntryId, EntryName, Place, Version};

/// A position in the log, as history speaks of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Moment(pub u64);

/// Something that happened to an entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// The commit.
    pub moment: Moment,
    /// When, by its author's clock.
    pub made_at: Timestamp,
    /// Its author.
    pub device: DeviceId,
    /// What it did.
    pub change: Change,
}

/// What a commit did to an entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// It got this content.
    Written(Version),
    /// It was created here, or moved here.
    Placed(Place),
    /// It was removed.
    Removed,
}

impl Cache {
    /// The last moment that the log had reached at `time`, by its authors' clocks; `None` if nothing is that old.
    ///
    /// Who says to have come before those who came first, is dated when this device saw it: a device that was stolen, or whose clock
    /// is wrong, must not reach back behind the moment to which a person returns. The earlier state is meant where neither is known.
    ///
    /// # Errors
    /// [`CacheError`].
    pub fn moment_at(&self, time: Timestamp) -> Result<Option<Moment>, CacheError> {
        let seconds = i64::try_from(time.0).unwrap_or(i64::MAX);
        let seq: Option<i64> = self
            .db
            // The first commits of a space have no date: nothing stood yet.
            .prepare_cached(
                "SELECT max(seq) FROM (
                     SELECT seq, seen, min(made_at, at) AS said,
                            max(min(made_at, at)) OVER (ORDER BY seq ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)
                                AS latest
                     FROM commits WHERE made_at > 0)
                 WHERE CASE WHEN said < latest THEN max(seen, latest) ELSE said END <= ?1",
            )?
            .query_row([seconds], |row| row.get(0))?;
        Ok(seq.map(|seq| Moment(seq.cast_unsigned())))
    }

    /// All that happened to an entry, the latest first.
    ///
    /// # Errors
    /// [`CacheError`].
    pub fn events(&self, entry: EntryId) -> Result<Vec<Event>, CacheError> {
        let mut events = Vec::new();
        let mut statement = self.db.prepare_cached(
            "SELECT seq, made_at, device, version FROM versions JOIN commits USING(seq)
             WHERE entry = ?1 AND version IS NOT NULL",
        )?;
        let mut rows = statement.query([entry.0])?;
        while let Some(row) = rows.next()? {
            events.push(event(row, Change::Written(decode(&row.get::<_, Vec<u8>>(3)?)?))?);
        }
        let mut statement = self.db.prepare_cached(
            "SELECT seq, made_at, device, parent, name, kind FROM places JOIN commits USING(seq) WHERE entry = ?1",
        )?;
        let mut rows = statement.query([entry.0])?;
        while let Some(row) = rows.next()? {
            events.push(event(row, place(row, 3)?.map_or(Change::Removed, Change::Placed))?);
        }
        // Of one commit, the content comes after the place that it was created at.
        events.sort_by_key(|event| (event.moment, matches!(event.change, Change::Written(_))));
        events.reverse();
        Ok(events)
    }

    /// The entry that stood last at this name in `parent`, up to `moment`; it may have gone since.
    ///
    /// # Errors
    /// [`CacheError`].
    pub fn last_at(&self, parent: EntryId, name: &EntryName, moment: Moment) -> Result<Option<EntryId>, CacheError> {
        Ok(self
            .db
            .prepare_cached(
                "SELECT entry FROM places WHERE parent = ?1 AND name = ?2 AND seq <= ?3 ORDER BY seq DESC LIMIT 1",
            )?
            .query_row(params![parent.0, name.as_str(), moment.0.cast_signed()], |row| row.get(0).map(EntryId))
            .optional()?)
    }

    /// Every entry that ever stood at this name in `parent`, with the moment when it last came there.
    ///
    /// # Errors
    /// [`CacheError`].
    pub fn all_at(&self, parent: EntryId, name: &EntryName) -> Result<Vec<(Moment, EntryId)>, CacheError> {
        let mut statement = self
            .db
            .prepare_cached("SELECT MAX(seq), entry FROM places WHERE parent = ?1 AND name = ?2 GROUP BY entry")?;
        let mut rows = statement.query(params![parent.0, name.as_str()])?;
        let mut entries = Vec::new();
        while let Some(row) = rows.next()? {
            entries.push((Moment(row.get::<_, i64>(0)?.cast_unsigned()), EntryId(row.get(1)?)));
        }
        Ok(entries)
    }

    /// Where an entry was at `moment`; `None` if it was not.
    ///
    /// # Errors
    /// [`CacheError`].
    pub fn place_at(&self, entry: EntryId, moment: Moment) -> Result<Option<Place>, CacheError> {
        let mut statement = self.db.prepare_cached(
            "SELECT parent, name, kind FROM places WHERE entry = ?1 AND seq <= ?2 ORDER BY seq DESC LIMIT 1",
        )?;
        let mut rows = statement.query(params![entry.0, moment.0.cast_signed()])?;
        match rows.next()? {
            Some(row) => place(row, 0),
            None => Ok(None),
        }
    }

    /// The content of an entry at `moment`.
    ///
    /// # Errors
    /// [`CacheError`].
    pub fn version_at(&self, entry: EntryId, moment: Moment) -> Result<Option<Version>, CacheError> {
        let bytes: Option<Option<Vec<u8>>> = self
            .db
            .prepare_cached("SELECT version FROM versions WHERE entry = ?1 AND seq <= ?2 ORDER BY seq DESC LIMIT 1")?
            .query_row(params![entry.0, moment.0.cast_signed()], |row| row.get(0))
            .optional()?;
        Ok(bytes.flatten().map(|bytes| decode(&bytes)).transpose()?)
    }

    /// What was in `parent` at `moment`, by name.
    ///
    /// # Errors
    /// [`CacheError`].
    pub fn children_at(&self, parent: EntryId, moment: Moment) -> Result<Vec<RemoteChild>, CacheError> {
        // Who ever was there, and had not been elsewhere since.
        let mut statement = self.db.prepare_cached(
            "SELECT here.entry, here.name, here.kind FROM places AS here
             WHERE here.parent = ?1 AND here.seq <= ?2 AND NOT EXISTS(
                 SELECT 1 FROM places AS later
                 WHERE later.entry = here.entry AND later.seq > here.seq AND later.seq <= ?2)
             ORDER BY here.name",
        )?;
        let mut rows = statement.query(params![parent.0, moment.0.cast_signed()])?;
        let mut children = Vec::new();
        while let Some(row) = rows.next()? {
            let entry = EntryId(row.get(0)?);
            let version = self.version_at(entry, moment)?;
            children.push(RemoteChild {
                entry,
                name: entry_name(&row.get::<_, String>(1)?)?,
                kind: kind_of(row.get(2)?)?,
                content: version.as_ref().map(|version| version.content),
                executable: version.as_ref().is_some_and(|version| version.executable),
                bytes: version.map_or(0, |version| version.bytes),
            });
        }
        Ok(children)
    }
}

fn event(row: &Row<'_>, change: Change) -> Result<Event, CacheError> {
    Ok(Event {
        moment: Moment(row.get::<_, i64>(0)?.cast_unsigned()),
        made_at: Timestamp(row.get::<_, i64>(1)?.cast_unsigned()),
        device: DeviceId(row.get(2)?),
        change,
    })
}

/// A place whose three columns begin at `first`; `None` where the entry was removed.
fn place(row: &Row<'_>, first: usize) -> Result<Option<Place>, CacheError> {
    let Some(parent) = row.get::<_, Option<[u8; 16]>>(first)? else {
        return Ok(None);
    };
    let name = entry_name(&row.get::<_, String>(first.saturating_add(1))?)?;
    Ok(Some(Place { parent: EntryId(parent), name, kind: kind_of(row.get(first.saturating_add(2))?)? }))
}
