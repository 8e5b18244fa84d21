//! The base: what a synced folder and the log last agreed on, entry by entry.

use rusqlite::{OptionalExtension, Row, params};
use vauban_protocol::id::Digest;

use super::remote::{entry_name, kind_code, kind_of};
use super::{Cache, CacheError};
use crate::log::{EntryId, EntryName, Kind};
use crate::tree::Identity;

/// A folder that is synced with this space, by the cache's own count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RootId(i64);

/// One entry as it last stood on both sides.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BaseRow {
    /// Which.
    pub entry: EntryId,
    /// The folder it was in.
    pub parent: EntryId,
    /// Its name there.
    pub name: EntryName,
    /// What it was.
    pub kind: Kind,
    /// BLAKE3 of its content; `None` for a folder.
    pub content: Option<Digest>,
    /// Whether its owner might execute it.
    pub executable: bool,
    /// What the disk showed then: while it shows the same, the content is the same.
    pub identity: Identity,
}

impl Cache {
    /// The folder whose marker this is; a new one begins with an empty base.
    ///
    /// # Errors
    /// [`CacheError`].
    pub fn root(&self, marker: [u8; 16]) -> Result<RootId, CacheError> {
        self.db.execute("INSERT OR IGNORE INTO roots(marker) VALUES(?1)", [marker])?;
        Ok(self.db.query_row("SELECT root FROM roots WHERE marker = ?1", [marker], |row| row.get(0).map(RootId))?)
    }

    /// The base of everything that was in folder `parent`.
    ///
    /// # Errors
    /// [`CacheError`].
    pub fn base_children(&self, root: RootId, parent: EntryId) -> Result<Vec<BaseRow>, CacheError> {
        let mut statement = self.db.prepare_cached(
            "SELECT entry, parent, name, kind, content, executable, device, inode, bytes, mtime_ns, ctime_ns
             FROM base WHERE root = ?1 AND parent = ?2 ORDER BY name",
        )?;
        let mut rows = statement.query(params![root.0, parent.0])?;
        let mut children = Vec::new();
        while let Some(row) = rows.next()? {
            children.push(base_row(row)?);
        }
        Ok(children)
    }

    /// The base of one entry.
    ///
    /// # Errors
    /// [`CacheError`].
    pub fn base(&self, root: RootId, entry: EntryId) -> Result<Option<BaseRow>, CacheError> {
        let mut statement = self.db.prepare_cached(
            "SELECT entry, parent, name, kind, content, executable, device, inode, bytes, mtime_ns, ctime_ns
             FROM base WHERE root = ?1 AND entry = ?2",
        )?;
        let mut rows = statement.query(params![root.0, entry.0])?;
        rows.next()?.map(base_row).transpose()
    }

    /// Whether anything was ever agreed on in this folder.
    ///
    /// # Errors
    /// [`CacheError`].
    pub fn has_base(&self, root: RootId) -> Result<bool, CacheError> {
        Ok(self.db.prepare_cached("SELECT 1 FROM base WHERE root = ?1 LIMIT 1")?.exists([root.0])?)
    }

    /// Records what both sides now agree on, all or nothing.
    ///
    /// # Errors
    /// [`CacheError`].
    pub fn agree(&mut self, root: RootId, rows: &[BaseRow]) -> Result<(), CacheError> {
        let tx = self.db.transaction()?;
        {
            let mut statement = tx.prepare_cached(
                "INSERT OR REPLACE INTO base(root, entry, parent, name, kind, content, executable,
                 device, inode, bytes, mtime_ns, ctime_ns) VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)",
            )?;
            for row in rows {
                statement.execute(params![
                    root.0,
                    row.entry.0,
                    row.parent.0,
                    row.name.as_str(),
                    kind_code(row.kind),
                    row.content.map(|content| content.0),
                    row.executable,
                    row.identity.device.cast_signed(),
                    row.identity.inode.cast_signed(),
                    row.identity.bytes.cast_signed(),
                    row.identity.mtime_ns,
                    row.identity.ctime_ns,
                ])?;
            }
        }
        Ok(tx.commit()?)
    }

    /// Forgets an entry that neither side has any more.
    ///
    /// # Errors
    /// [`CacheError`].
    pub fn forget(&self, root: RootId, entry: EntryId) -> Result<(), CacheError> {
        self.db
            .prepare_cached("DELETE FROM base WHERE root = ?1 AND entry = ?2")?
            .execute(params![root.0, entry.0])
            .optional()?;
        Ok(())
    }
}

fn base_row(row: &Row<'_>) -> Result<BaseRow, CacheError> {
    Ok(BaseRow {
        entry: EntryId(row.get(0)?),
        parent: EntryId(row.get(1)?),
        name: entry_name(&row.get::<_, String>(2)?)?,
        kind: kind_of(row.get(3)?)?,
        content: row.get::<_, Option<[u8; 32]>>(4)?.map(Digest),
        executable: row.get(5)?,
        identity: Identity {
            device: row.get::<_, i64>(6)?.cast_unsigned(),
            inode: row.get::<_, i64>(7)?.cast_unsigned(),
            bytes: row.get::<_, i64>(8)?.cast_unsigned(),
            mtime_ns: row.get(9)?,
            ctime_ns: row.get(10)?,
        },
    })
}
