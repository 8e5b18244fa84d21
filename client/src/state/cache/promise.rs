//! What a commit that is under way will make both sides agree on.
//!
//! Written before the commit is sent, and taken into the base once it stands in the log: by whoever sent it, or, if that run was
//! killed in between, by the next one. Without it, a file that is edited after such a kill would look as if it had been edited
//! on both sides, and get a conflict copy against its own last version.

use rusqlite::params;

use super::base::{BaseRow, RootId, row_values};
use super::{Cache, CacheError};
use crate::log::EntryId;

impl Cache {
    /// Notes what this device's commit number `counter` will settle, in place of what was noted before.
    ///
    /// # Errors
    /// [`CacheError`].
    pub fn promise(
        &mut self,
        root: RootId,
        counter: u64,
        rows: &[BaseRow],
        forgotten: &[EntryId],
    ) -> Result<(), CacheError> {
        let tx = self.db.transaction()?;
        tx.prepare_cached("DELETE FROM promised")?.execute([])?;
        tx.prepare_cached("DELETE FROM promised_ends")?.execute([])?;
        {
            let mut statement =
                tx.prepare_cached("INSERT INTO promised_ends(counter, root, entry) VALUES(?1, ?2, ?3)")?;
            for entry in forgotten {
                statement.execute(params![counter.cast_signed(), root.0, entry.0])?;
            }
            let mut statement = tx.prepare_cached(
                "INSERT OR REPLACE INTO promised(root, entry, parent, name, kind, content, executable,
                 device, inode, bytes, mtime_ns, ctime_ns, file_type, counter)
                 VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14)",
            )?;
            for row in rows {
                row_values(root, row, &mut statement, Some(counter))?;
            }
        }
        Ok(tx.commit()?)
    }

    /// Takes into the base what commits up to `counter`, which stand in the log, have promised; what others would have
    /// settled is dropped, since they never came to be.
    ///
    /// # Errors
    /// [`CacheError`].
    pub fn keep_promise(&mut self, counter: u64) -> Result<(), CacheError> {
        let counter = counter.cast_signed();
        let tx = self.db.transaction()?;
        tx.prepare_cached(
            "DELETE FROM base WHERE (root, entry) IN (SELECT root, entry FROM promised_ends WHERE counter <= ?1)",
        )?
        .execute([counter])?;
        tx.prepare_cached(
            "INSERT OR REPLACE INTO base(root, entry, parent, name, kind, content, executable,
             device, inode, bytes, mtime_ns, ctime_ns, file_type)
             SELECT root, entry, parent, name, kind, content, executable,
             device, inode, bytes, mtime_ns, ctime_ns, file_type FROM promised WHERE counter <= ?1",
        )?
        .execute([counter])?;
        tx.prepare_cached("DELETE FROM promised")?.execute([])?;
        tx.prepare_cached("DELETE FROM promised_ends")?.execute([])?;
        Ok(tx.commit()?)
    }
}
