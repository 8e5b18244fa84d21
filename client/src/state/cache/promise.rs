//! What a commit that is under way will make both sides agree on.
//!
//! Written before the commit is sent, and taken into the base once it stands in the log: by whoever sent it, or, if that run was
//! killed in between, by the next one. Without it, a file that is edited after such a kill would look as if it had been edited
//! on both sides, and get a conflict copy against its own last version.

use rusqlite::{Transaction, TransactionBehavior, params};

use vauban_protocol::chain::Head;

use super::base::{BaseRow, RootId, insert_row, put_row, row_columns};
use super::{Cache, CacheError};
use crate::log::EntryId;

impl Cache {
    /// Notes what this device's commit will settle that makes `head` the log's, in place of what was noted before.
    ///
    /// # Errors
    /// [`CacheError`].
    pub fn promise(
        &mut self,
        root: RootId,
        head: Head,
        rows: &[BaseRow],
        forgotten: &[EntryId],
    ) -> Result<(), CacheError> {
        let tx = self.db.transaction()?;
        break_promise(&tx)?;
        tx.prepare_cached("INSERT INTO promised_by(seq, digest) VALUES(?1, ?2)")?
            .execute(params![head.seq.cast_signed(), head.digest.0])?;
        {
            let mut statement = tx.prepare_cached("INSERT INTO promised_ends(root, entry) VALUES(?1, ?2)")?;
            for entry in forgotten {
                statement.execute(params![root.0, entry.0])?;
            }
            let mut statement = tx.prepare_cached(insert_row!("INSERT OR REPLACE INTO promised"))?;
            rows.iter().try_for_each(|row| put_row(root, row, &mut statement))?;
        }
        Ok(tx.commit()?)
    }

    /// Takes into the base what was promised, if the commit that promised it stands in the log; else it is dropped, since it never
    /// came to be. The commit is known by its place and digest: after a power cut the cache may hold an older promise than that of the
    /// commit which was sent last, under the same counter.
    ///
    /// # Errors
    /// [`CacheError`].
    pub fn keep_promise(&mut self) -> Result<(), CacheError> {
        // Immediate: whoever reads first, and then writes, would not wait for another process's transaction.
        let tx = self.db.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let is_kept = tx.prepare_cached("SELECT 1 FROM promised_by JOIN commits USING(seq, digest)")?.exists([])?;
        if is_kept {
            // One by one: given all of them, SQLite walks the whole base.
            let mut ends = tx.prepare_cached("SELECT root, entry FROM promised_ends")?;
            let mut end = tx.prepare_cached("DELETE FROM base WHERE root = ?1 AND entry = ?2")?;
            let mut rows = ends.query([])?;
            while let Some(row) = rows.next()? {
                end.execute(params![row.get::<_, i64>(0)?, row.get::<_, [u8; 16]>(1)?])?;
            }
            tx.prepare_cached(concat!(
                "INSERT OR REPLACE INTO base(",
                row_columns!(),
                ") SELECT ",
                row_columns!(),
                " FROM promised"
            ))?
            .execute([])?;
        }
        break_promise(&tx)?;
        Ok(tx.commit()?)
    }
}

/// Nothing is promised any more.
fn break_promise(tx: &Transaction<'_>) -> Result<(), CacheError> {
    for all in ["DELETE FROM promised", "DELETE FROM promised_ends", "DELETE FROM promised_by"] {
        tx.prepare_cached(all)?.execute([])?;
    }
    Ok(())
}
