//! The base: what a synced folder and the log last agreed on, entry by entry.

use rusqlite::{OptionalExtension, Row, params};
use vauban_protocol::id::Digest;

use super::remote::{entry_name, kind_code, kind_of};
use super::{Cache, CacheError};
use crate::log::{EntryId, EntryName, Kind};
use crate::tree::{FileType, Identity, RootKey};

/// The columns of a row.
macro_rules! row_columns {
    () => {
        "root, entry, parent, name, kind, content, executable, device, inode, bytes, mtime_ns, ctime_ns, file_type"
    };
}
pub(super) use row_columns;

/// What puts a row into a table, for [`put_row`].
macro_rules! insert_row {
    ($into:literal) => {
        concat!($into, "(", row_columns!(), ") VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)")
    };
}
pub(super) use insert_row;

/// The columns of a row but its folder, in the order of [`base_row`].
macro_rules! base_where {
    ($condition:literal) => {
        base_where!("", $condition)
    };
    ($index:literal, $condition:literal) => {
        concat!(
            "SELECT entry, parent, name, kind, content, executable, device, inode, bytes, mtime_ns, ctime_ns, file_type
             FROM base ",
            $index,
            " WHERE root = ?1 AND ",
            $condition
        )
    };
}

/// A folder that is synced with this space, by the cache's own count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RootId(pub(super) i64);

impl RootId {
    /// A folder that was never synced: its base is empty.
    pub const NONE: Self = Self(0);
}

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
    /// What its first bytes said it was; `None` where nobody looked.
    pub file_type: Option<FileType>,
}

impl Cache {
    /// The folder whose key this is; a new one begins with an empty base.
    ///
    /// # Errors
    /// [`CacheError`].
    pub fn root(&self, key: RootKey) -> Result<RootId, CacheError> {
        self.db.execute("INSERT OR IGNORE INTO roots(key) VALUES(?1)", [key])?;
        Ok(self.db.query_row("SELECT root FROM roots WHERE key = ?1", [key], |row| row.get(0).map(RootId))?)
    }

    /// The folder whose key this is, if it was ever synced.
    ///
    /// # Errors
    /// [`CacheError`].
    pub fn known_root(&self, key: RootKey) -> Result<Option<RootId>, CacheError> {
        let mut statement = self.db.prepare_cached("SELECT root FROM roots WHERE key = ?1")?;
        Ok(statement.query_row([key], |row| row.get(0).map(RootId)).optional()?)
    }

    /// The base of everything that was in folder `parent`.
    ///
    /// # Errors
    /// [`CacheError`].
    pub fn base_children(&self, root: RootId, parent: EntryId) -> Result<Vec<BaseRow>, CacheError> {
        let mut statement =
            self.db.prepare_cached(base_where!("INDEXED BY base_place", "parent = ?2 ORDER BY name"))?;
        base_rows(statement.query(params![root.0, parent.0])?)
    }

    /// What was agreed on at this name in `parent`: several, where one has left and has a successor.
    ///
    /// # Errors
    /// [`CacheError`].
    pub fn base_at(&self, root: RootId, parent: EntryId, name: &EntryName) -> Result<Vec<BaseRow>, CacheError> {
        // As below: the primary key, which SQLite prefers since it holds all columns, would be walked whole.
        let mut statement =
            self.db.prepare_cached(base_where!("INDEXED BY base_place", "parent = ?2 AND name = ?3"))?;
        base_rows(statement.query(params![root.0, parent.0, name.as_str()])?)
    }

    /// The folders that hold, or held when it was agreed on, what the log said something of after `seq`; `None` if they are more
    /// than `folders_max`.
    ///
    /// # Errors
    /// [`CacheError`].
    pub fn changed_folders(
        &self,
        root: RootId,
        seq: u64,
        folders_max: usize,
    ) -> Result<Option<Vec<EntryId>>, CacheError> {
        let mut statement = self.db.prepare_cached(
            "WITH changed(entry) AS MATERIALIZED (
                 SELECT entry FROM places WHERE seq > ?2 UNION SELECT entry FROM versions WHERE seq > ?2)
             SELECT base.parent FROM changed CROSS JOIN base ON base.root = ?1 AND base.entry = changed.entry
             UNION SELECT entries.parent FROM changed CROSS JOIN entries ON entries.entry = changed.entry
             LIMIT ?3",
        )?;
        let limit = i64::try_from(folders_max).unwrap_or(i64::MAX).saturating_add(1);
        let mut rows = statement.query(params![root.0, seq.cast_signed(), limit])?;
        let mut folders = Vec::new();
        while let Some(row) = rows.next()? {
            folders.push(EntryId(row.get(0)?));
        }
        Ok((folders.len() <= folders_max).then_some(folders))
    }

    /// Every entry that was the file or folder with this number on its disk: several, for hard links.
    ///
    /// # Errors
    /// [`CacheError`].
    pub fn base_by_inode(&self, root: RootId, inode: u64) -> Result<Vec<BaseRow>, CacheError> {
        // Left to choose, SQLite walks all entries of the folder.
        let mut statement = self.db.prepare_cached(base_where!("INDEXED BY base_inode", "inode = ?2"))?;
        let mut rows = base_rows(statement.query(params![root.0, inode.cast_signed()])?)?;
        rows.sort_unstable_by_key(|row| row.entry);
        Ok(rows)
    }

    /// All that was agreed on.
    ///
    /// # Errors
    /// [`CacheError`].
    pub(super) fn base_rows_of(&self, root: RootId) -> Result<Vec<BaseRow>, CacheError> {
        let mut statement = self.db.prepare_cached(base_where!("TRUE"))?;
        base_rows(statement.query(params![root.0])?)
    }

    /// Entries that were agreed on.
    ///
    /// # Errors
    /// [`CacheError`].
    pub fn base_count(&self, root: RootId) -> Result<u64, CacheError> {
        let mut statement = self.db.prepare_cached("SELECT entries FROM roots WHERE root = ?1")?;
        let count = statement.query_row([root.0], |row| row.get::<_, i64>(0)).optional()?;
        Ok(count.unwrap_or_default().cast_unsigned())
    }

    /// The base of one entry.
    ///
    /// # Errors
    /// [`CacheError`].
    pub fn base(&self, root: RootId, entry: EntryId) -> Result<Option<BaseRow>, CacheError> {
        let mut statement = self.db.prepare_cached(base_where!("entry = ?2"))?;
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

    /// Records what both sides now agree on, and forgets what neither has any more; all or nothing. Nothing is
    /// [intended](Self::intend) any more then.
    ///
    /// # Errors
    /// [`CacheError`].
    pub fn agree(&mut self, root: RootId, rows: &[BaseRow], forgotten: &[EntryId]) -> Result<(), CacheError> {
        if rows.is_empty() && forgotten.is_empty() {
            return Ok(());
        }
        let tx = self.db.transaction()?;
        tx.prepare_cached("DELETE FROM intended WHERE root = ?1")?.execute([root.0])?;
        {
            let mut statement = tx.prepare_cached("DELETE FROM base WHERE root = ?1 AND entry = ?2")?;
            for entry in forgotten {
                statement.execute(params![root.0, entry.0])?;
            }
            let mut statement = tx.prepare_cached(insert_row!("INSERT OR REPLACE INTO base"))?;
            rows.iter().try_for_each(|row| put_row(root, row, &mut statement))?;
        }
        Ok(tx.commit()?)
    }
}

/// Puts a row into the table of a statement that [`insert_row`] wrote.
pub(super) fn put_row(
    root: RootId,
    row: &BaseRow,
    statement: &mut rusqlite::CachedStatement<'_>,
) -> Result<(), CacheError> {
    let identity = &row.identity;
    statement.execute(params![
        root.0,
        row.entry.0,
        row.parent.0,
        row.name.as_str(),
        kind_code(row.kind),
        row.content.map(|content| content.0),
        row.executable,
        identity.device.cast_signed(),
        identity.inode.cast_signed(),
        identity.bytes.cast_signed(),
        identity.mtime_ns,
        identity.ctime_ns,
        row.file_type.map(FileType::code),
    ])?;
    Ok(())
}

pub(super) fn base_rows(mut rows: rusqlite::Rows<'_>) -> Result<Vec<BaseRow>, CacheError> {
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        found.push(base_row(row)?);
    }
    Ok(found)
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
        file_type: row.get::<_, Option<u8>>(11)?.and_then(FileType::from_code),
    })
}
