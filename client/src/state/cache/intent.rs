//! What a run is about to make of the disk: what the base becomes once that is durable.
//!
//! Written before anything is put at its place, and taken into the base afterwards; or, if the run was killed in between, by the next
//! one, as far as the disk then shows it. Without it, what had come to stand there would be nobody's: an old version would look
//! like a new file, and a folder that the log has removed since like one that somebody made (sync.md, rule 6).

use rusqlite::params;

use super::base::{BaseRow, RootId, base_rows, insert_row, put_row, row_columns};
use super::{Cache, CacheError};

impl Cache {
    /// Notes what is about to stand in a synced folder, outer folders first, in place of what was noted before.
    /// [`Self::agree`] ends it.
    ///
    /// # Errors
    /// [`CacheError`].
    pub fn intend<'r>(&mut self, root: RootId, rows: impl IntoIterator<Item = &'r BaseRow>) -> Result<(), CacheError> {
        let tx = self.db.transaction()?;
        tx.prepare_cached("DELETE FROM intended WHERE root = ?1")?.execute([root.0])?;
        {
            let mut statement = tx.prepare_cached(insert_row!("INSERT INTO intended"))?;
            for row in rows {
                put_row(root, row, &mut statement)?;
            }
        }
        Ok(tx.commit()?)
    }

    /// What a run was about to put into a synced folder when it ended, in its order.
    ///
    /// # Errors
    /// [`CacheError`].
    pub fn intended(&self, root: RootId) -> Result<Vec<BaseRow>, CacheError> {
        let mut statement = self.db.prepare_cached(
            "SELECT entry, parent, name, kind, content, executable, device, inode, bytes, mtime_ns, ctime_ns, file_type
             FROM intended WHERE root = ?1 ORDER BY turn",
        )?;
        base_rows(statement.query(params![root.0])?)
    }
}
