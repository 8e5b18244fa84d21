//! Reading the remote tree out of the cache.

use rusqlite::{OptionalExtension, params};
use vauban_protocol::canonical::{DecodeError, decode};
use vauban_protocol::id::Digest;

use super::{Cache, CacheError};
use crate::log::{EntryId, EntryName, Kind, Place, Version};

/// An entry of the remote tree, as the planner and lists need it; its version is read on demand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RemoteChild {
    /// Its identifier.
    pub entry: EntryId,
    /// Its name.
    pub name: EntryName,
    /// What it is.
    pub kind: Kind,
    /// BLAKE3 of its content; `None` for a folder, and for an entry that nothing was written to yet.
    pub content: Option<Digest>,
    /// Whether its owner may execute it.
    pub executable: bool,
    /// Bytes of its content.
    pub bytes: u64,
}

impl Cache {
    /// The live entries in `parent`, by name.
    ///
    /// # Errors
    /// [`CacheError`].
    pub fn children(&self, parent: EntryId) -> Result<Vec<RemoteChild>, CacheError> {
        let mut statement = self.db.prepare_cached(
            "SELECT entry, name, kind, content, executable, bytes FROM entries WHERE parent = ?1 ORDER BY name",
        )?;
        let mut rows = statement.query([parent.0])?;
        let mut children = Vec::new();
        while let Some(row) = rows.next()? {
            children.push(RemoteChild {
                entry: EntryId(row.get(0)?),
                name: entry_name(&row.get::<_, String>(1)?)?,
                kind: kind_of(row.get(2)?)?,
                content: row.get::<_, Option<[u8; 32]>>(3)?.map(Digest),
                executable: row.get::<_, Option<bool>>(4)?.unwrap_or_default(),
                bytes: row.get::<_, Option<i64>>(5)?.unwrap_or_default().cast_unsigned(),
            });
        }
        Ok(children)
    }

    /// The live entry with this name in `parent`.
    ///
    /// # Errors
    /// [`CacheError`].
    pub fn child(&self, parent: EntryId, name: &EntryName) -> Result<Option<RemoteChild>, CacheError> {
        let mut statement = self.db.prepare_cached(
            "SELECT entry, kind, content, executable, bytes FROM entries WHERE parent = ?1 AND name = ?2",
        )?;
        let mut rows = statement.query(params![parent.0, name.as_str()])?;
        let Some(row) = rows.next()? else {
            return Ok(None);
        };
        Ok(Some(RemoteChild {
            entry: EntryId(row.get(0)?),
            name: name.clone(),
            kind: kind_of(row.get(1)?)?,
            content: row.get::<_, Option<[u8; 32]>>(2)?.map(Digest),
            executable: row.get::<_, Option<bool>>(3)?.unwrap_or_default(),
            bytes: row.get::<_, Option<i64>>(4)?.unwrap_or_default().cast_unsigned(),
        }))
    }

    /// Where a live entry is.
    ///
    /// # Errors
    /// [`CacheError`].
    pub fn place(&self, entry: EntryId) -> Result<Option<Place>, CacheError> {
        let row = self
            .db
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

    /// The content of an entry, chunks and all.
    ///
    /// # Errors
    /// [`CacheError`].
    pub fn version(&self, entry: EntryId) -> Result<Option<Version>, CacheError> {
        let bytes: Option<Vec<u8>> = self
            .db
            .prepare_cached(
                "SELECT version FROM versions JOIN entries USING(entry)
                 WHERE entry = ?1 AND content IS NOT NULL ORDER BY seq DESC LIMIT 1",
            )?
            .query_row([entry.0], |row| row.get(0))
            .optional()?;
        Ok(bytes.map(|bytes| decode(&bytes)).transpose()?)
    }
}

pub(super) fn entry_name(name: &str) -> Result<EntryName, CacheError> {
    EntryName::parse(name.as_bytes()).map_err(|_| CacheError::Row(DecodeError::Malformed))
}

pub(super) fn kind_code(kind: Kind) -> u8 {
    match kind {
        Kind::File => 0,
        Kind::Folder => 1,
        Kind::Symlink => 2,
    }
}

pub(super) fn kind_of(code: u8) -> Result<Kind, CacheError> {
    match code {
        0 => Ok(Kind::File),
        1 => Ok(Kind::Folder),
        2 => Ok(Kind::Symlink),
        _ => Err(CacheError::Row(DecodeError::Malformed)),
    }
}
