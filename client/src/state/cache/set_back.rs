//! Going back with a cluster that was restored from a backup: the log is read anew, and what the disk holds counts as changed since then.
//!
//! What was agreed on after the backup is in no log any more. Left as it is, the base would have older versions of the log replace
//! newer files of the disk. So each entry's base becomes what the restored log says of it, whatever the disk holds; what that log does not
//! know, nobody has agreed on.

use rusqlite::Connection;

use super::history::Moment;
use super::replay::behind;
use super::{BaseRow, Cache, CacheError, RootId, remove};
use crate::log::{EntryId, Version};
use crate::tree::Identity;

/// Everything that was read in the log, and what was under way; not what was agreed on.
const FORGET: &str = "
DELETE FROM entries; DELETE FROM versions; DELETE FROM places; DELETE FROM commits; DELETE FROM chunks; DELETE FROM hearsay;
DELETE FROM ended; DELETE FROM paged; DELETE FROM releases; DELETE FROM contests; DELETE FROM epochs;
DELETE FROM admissions;
DELETE FROM promised; DELETE FROM promised_ends; DELETE FROM promised_by; DELETE FROM intended;
DELETE FROM state WHERE key NOT IN ('id', 'false');
";

impl Cache {
    /// Forgets the log, and keeps what was agreed on. Survives a power cut once it returns.
    ///
    /// # Errors
    /// [`CacheError`]; the cache is then as it was.
    pub fn forget_log(&mut self) -> Result<(), CacheError> {
        self.durably(|db| Ok(db.execute_batch(FORGET)?))?;
        remove(&behind(&self.path))
    }

    /// Has everything that was agreed on be as the log had it at `moment`; where the disk holds something else, it has changed since.
    /// May be done again, as long as nothing was agreed on since. Survives a power cut once it returns.
    ///
    /// # Errors
    /// [`CacheError`]; the base is then as it was.
    pub fn agree_as_of(&mut self, moment: Moment) -> Result<(), CacheError> {
        let mut changes = Vec::new();
        for root in self.roots()? {
            let (mut rows, mut forgotten) = (Vec::new(), Vec::new());
            for row in self.base_rows_of(root)? {
                match self.as_of(row, moment)? {
                    Ok(row) => rows.push(row),
                    Err(entry) => forgotten.push(entry),
                }
            }
            changes.push((root, rows, forgotten));
        }
        self.db.pragma_update(None, "synchronous", "FULL")?;
        let agreed = changes.iter().try_for_each(|(root, rows, forgotten)| self.agree(*root, rows, forgotten));
        self.db.pragma_update(None, "synchronous", "NORMAL")?;
        agreed
    }

    /// The row as the log had its entry then; the entry alone, if there was none.
    fn as_of(&self, row: BaseRow, moment: Moment) -> Result<Result<BaseRow, EntryId>, CacheError> {
        let Some(place) = self.place_at(row.entry, moment)?.filter(|place| place.kind == row.kind) else {
            return Ok(Err(row.entry));
        };
        let version: Option<Version> = self.version_at(row.entry, moment)?;
        let content = version.as_ref().map(|version| version.content);
        let executable = version.as_ref().is_some_and(|version| version.executable);
        let is_same = content == row.content && executable == row.executable;
        // What the disk holds is known to be that, or known to be something else.
        let identity = if is_same { row.identity } else { Identity { mtime_ns: 0, ctime_ns: 0, ..row.identity } };
        Ok(Ok(BaseRow { parent: place.parent, name: place.name, content, executable, identity, ..row }))
    }

    fn roots(&self) -> Result<Vec<RootId>, CacheError> {
        let mut statement = self.db.prepare_cached("SELECT root FROM roots ORDER BY root")?;
        let roots = statement.query_map([], |row| row.get(0).map(RootId))?;
        Ok(roots.collect::<Result<_, _>>()?)
    }

    fn durably(&mut self, change: impl FnOnce(&Connection) -> Result<(), CacheError>) -> Result<(), CacheError> {
        self.db.pragma_update(None, "synchronous", "FULL")?;
        let tx = self.db.transaction()?;
        let changed = change(&tx).and_then(|()| Ok(tx.commit()?));
        self.db.pragma_update(None, "synchronous", "NORMAL")?;
        changed
    }
}
