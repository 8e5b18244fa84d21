//! The toll: what was removed or damaged in a synced folder within the last hour, so that the brake sees it across runs
//! (sync.md, rule 3).

use rusqlite::params;
use vauban_protocol::time::Timestamp;

use super::{Cache, CacheError, RootId};
use crate::limit::BRAKE_SECONDS;

/// Which side a change is carried to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// From the disk to the log.
    ToLog,
    /// From the log to the disk.
    ToDisk,
}

/// What was carried to one side.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Toll {
    /// Entries removed.
    pub removed: u64,
    /// Files whose new content has lost its type.
    pub damaged: u64,
    /// Entries of the folder before that.
    pub tree: u64,
}

impl Cache {
    /// The toll of the hour that ends at `now`, against the tree at its start; `None` if nothing was taken.
    ///
    /// # Errors
    /// [`CacheError`].
    pub fn toll(&self, root: RootId, direction: Direction, now: Timestamp) -> Result<Option<Toll>, CacheError> {
        let mut statement = self.db.prepare_cached(
            "SELECT removed, damaged, tree FROM toll WHERE root = ?1 AND direction = ?2 AND at > ?3 ORDER BY at, rowid",
        )?;
        let mut rows = statement.query(params![root.0, code(direction), start(now)])?;
        let mut hour: Option<Toll> = None;
        while let Some(row) = rows.next()? {
            let count = |column| row.get::<_, i64>(column).map(i64::cast_unsigned);
            let (removed, damaged, tree) = (count(0)?, count(1)?, count(2)?);
            let hour = hour.get_or_insert(Toll { tree, ..Toll::default() });
            hour.removed = hour.removed.saturating_add(removed);
            hour.damaged = hour.damaged.saturating_add(damaged);
        }
        Ok(hour)
    }

    /// Adds what was carried to one side at `now`; what is older than an hour is forgotten.
    ///
    /// # Errors
    /// [`CacheError`].
    pub fn add_toll(&self, root: RootId, direction: Direction, now: Timestamp, toll: Toll) -> Result<(), CacheError> {
        self.db.prepare_cached("DELETE FROM toll WHERE at <= ?1")?.execute([start(now)])?;
        self.db
            .prepare_cached(
                "INSERT INTO toll(root, direction, at, removed, damaged, tree) VALUES(?1, ?2, ?3, ?4, ?5, ?6)",
            )?
            .execute(params![
                root.0,
                code(direction),
                now.0.cast_signed(),
                toll.removed.cast_signed(),
                toll.damaged.cast_signed(),
                toll.tree.cast_signed(),
            ])?;
        Ok(())
    }

    /// Begins to count anew: a person has approved what there was.
    ///
    /// # Errors
    /// [`CacheError`].
    pub fn clear_toll(&self, root: RootId) -> Result<(), CacheError> {
        self.db.prepare_cached("DELETE FROM toll WHERE root = ?1")?.execute([root.0])?;
        Ok(())
    }
}

fn start(now: Timestamp) -> i64 {
    now.0.cast_signed().saturating_sub(BRAKE_SECONDS.cast_signed())
}

fn code(direction: Direction) -> u8 {
    match direction {
        Direction::ToLog => 0,
        Direction::ToDisk => 1,
    }
}
