//! What a person sees of a space at a glance: how much there is, and what asks for a decision.

use rusqlite::{OptionalExtension, params};
use vauban_protocol::id::{DeviceId, Digest};
use vauban_protocol::time::Timestamp;

use super::remote::{entry_name, kind_code};
use super::{Cache, CacheError, Moment, RemoteChild};
use crate::limit::DEPTH_MAX;
use crate::log::{EntryId, EntryName, Kind};
use crate::tree::{CONFLICT_MARK, TreePath};

/// How much a space holds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Size {
    /// Files.
    pub files: u64,
    /// Bytes of their content.
    pub bytes: u64,
}

/// A live file, and where it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileAt {
    /// Which.
    pub entry: EntryId,
    /// The folder it is in.
    pub parent: EntryId,
    /// Its name there.
    pub name: EntryName,
}

impl Cache {
    /// How much the space holds now.
    ///
    /// # Errors
    /// [`CacheError`].
    pub fn size(&self) -> Result<Size, CacheError> {
        let mut statement =
            self.db.prepare_cached("SELECT count(*), coalesce(sum(bytes), 0) FROM entries WHERE kind = ?1")?;
        Ok(statement.query_row([kind_code(Kind::File)], |row| {
            Ok(Size { files: row.get::<_, i64>(0)?.cast_unsigned(), bytes: row.get::<_, i64>(1)?.cast_unsigned() })
        })?)
    }

    /// The device of the last commit, and when it was made, by its clock; `None` before there is one.
    ///
    /// # Errors
    /// [`CacheError`].
    pub fn latest_commit(&self) -> Result<Option<(DeviceId, Timestamp)>, CacheError> {
        let mut statement = self.db.prepare_cached("SELECT device, made_at FROM commits ORDER BY seq DESC LIMIT 1")?;
        Ok(statement
            .query_row([], |row| Ok((DeviceId(row.get(0)?), Timestamp(row.get::<_, i64>(1)?.cast_unsigned()))))
            .optional()?)
    }

    /// When the last commit up to `moment` was made, by its author's clock; `None` where there is none.
    ///
    /// # Errors
    /// [`CacheError`].
    pub fn made_at(&self, moment: Moment) -> Result<Option<Timestamp>, CacheError> {
        let mut statement =
            self.db.prepare_cached("SELECT made_at FROM commits WHERE seq <= ?1 ORDER BY seq DESC LIMIT 1")?;
        Ok(statement
            .query_row([moment.0.cast_signed()], |row| Ok(Timestamp(row.get::<_, i64>(0)?.cast_unsigned())))
            .optional()?)
    }

    /// Live files whose name may be that of a conflict copy, with the folder that each is in.
    ///
    /// # Errors
    /// [`CacheError`].
    pub fn files_named_as_copies(&self, at_most: usize) -> Result<Vec<(EntryId, RemoteChild)>, CacheError> {
        let mut statement = self.db.prepare_cached(
            "SELECT parent, entry, name, content, executable, bytes FROM entries
             WHERE kind = ?1 AND content IS NOT NULL AND instr(name, ?2) > 0 LIMIT ?3",
        )?;
        let at_most = i64::try_from(at_most).unwrap_or(i64::MAX);
        let mut rows = statement.query(params![kind_code(Kind::File), CONFLICT_MARK, at_most])?;
        let mut found = Vec::new();
        while let Some(row) = rows.next()? {
            found.push((
                EntryId(row.get(0)?),
                RemoteChild {
                    entry: EntryId(row.get(1)?),
                    name: entry_name(&row.get::<_, String>(2)?)?,
                    kind: Kind::File,
                    content: Some(Digest(row.get(3)?)),
                    executable: row.get(4)?,
                    bytes: row.get::<_, i64>(5)?.cast_unsigned(),
                },
            ));
        }
        Ok(found)
    }

    /// Live files, by ascending entry, after this one.
    ///
    /// # Errors
    /// [`CacheError`].
    pub fn files_after(&self, after: EntryId, at_most: usize) -> Result<Vec<FileAt>, CacheError> {
        let mut statement = self.db.prepare_cached(
            "SELECT entry, parent, name FROM entries
             WHERE entry > ?1 AND kind = ?2 AND content IS NOT NULL ORDER BY entry LIMIT ?3",
        )?;
        let at_most = i64::try_from(at_most).unwrap_or(i64::MAX);
        let mut rows = statement.query(params![after.0, kind_code(Kind::File), at_most])?;
        let mut found = Vec::new();
        while let Some(row) = rows.next()? {
            let name = entry_name(&row.get::<_, String>(2)?)?;
            found.push(FileAt { entry: EntryId(row.get(0)?), parent: EntryId(row.get(1)?), name });
        }
        Ok(found)
    }

    /// Where a live folder stands in the space; `None` if it does not.
    ///
    /// # Errors
    /// [`CacheError`].
    pub fn folder_path(&self, folder: EntryId) -> Result<Option<TreePath>, CacheError> {
        let (mut names, mut at) = (Vec::new(), folder);
        while at != EntryId::ROOT {
            let Some(place) = self.place(at)?.filter(|_| names.len() < DEPTH_MAX) else {
                return Ok(None);
            };
            names.push(place.name);
            at = place.parent;
        }
        Ok(Some(names.iter().rev().fold(TreePath::root(), |path, name| path.join(name))))
    }
}
