//! The trash: where what is removed here goes, and stays for a while (sync.md, rule 1).
//!
//! ```text
//! .vauban/trash/2026-11-23-0123456789abcdef/record         what, from where, when: one JSON object a line
//!                                          /files/…        under the paths that it had
//! ```
//! One batch a round. Its record is durable before anything moves, so that nothing lies here unexplained; a line whose file
//! never came is passed over. Whatever is moved is looked at before and after: what is not the version that was to go is put
//! back. Only [`Trash::expire`] and [`Trash::empty`] delete, and only here.

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Read, Write};

use rustix::io::Errno;
use serde::{Deserialize, Serialize};

use super::disk::Access;
use super::disk_name::own_name;
use super::{ConflictStamp, Folder, Identity, LocalKind, Shifted, SyncRoot, TreeError, TreePath};
use crate::limit::{FLUSHES_MAX, TRASH_RECORD_BYTES_MAX};
use crate::log::EntryName;

/// The file that says what a batch holds.
const RECORD: &str = "record";
/// The folder of what a batch holds.
const FILES: &str = "files";
/// Characters of a day, `2026-11-23`, which the name of a batch begins with.
const DAY_CHARS: usize = 10;

/// What was removed, and from where.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TrashRecord {
    /// Its path below the root, then.
    pub path: String,
    /// Its entry, in hex.
    pub entry: String,
    /// When, in seconds since 1970-01-01 UTC.
    pub removed_at: u64,
    /// Why.
    pub why: String,
}

/// Something in the trash.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Trashed {
    /// The batch that it is in.
    pub batch: String,
    /// What it is.
    #[serde(flatten)]
    pub record: TrashRecord,
}

/// The batch that this round fills.
#[derive(Debug)]
pub struct Trash {
    files: Folder,
    /// The folder that was last filled, and how it is reached.
    last: Option<(TreePath, Folder)>,
    /// Folders here that something was moved to, or made in.
    filled: BTreeSet<TreePath>,
}

/// What came of a removal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Binning {
    /// It lies in the trash.
    Binned,
    /// It is not what was to be removed, and stands where it stood.
    Changed,
    /// It changed at the last moment, and stands beside its name as a conflict copy.
    Aside(EntryName),
    /// It was not there.
    Gone,
}

impl Trash {
    /// Begins a batch: its record is durable when this returns. `day` is today's, as `2026-11-23`.
    ///
    /// # Errors
    /// [`TreeError::Disk`].
    pub fn begin(root: &SyncRoot, day: &str, random: u64, records: &[TrashRecord]) -> Result<Self, TreeError> {
        let (trash, name) = (root.trash()?, own_name(&format!("{day}-{random:016x}"))?);
        trash.make_folder(&name)?;
        let batch = trash.open_folder(&name)?;
        batch.make_folder(&own_name(FILES)?)?;
        let files = batch.open_folder(&own_name(FILES)?)?;
        let path = batch.full_path(RECORD);
        let created = batch.place().create_file(RECORD, Access::Owner);
        let mut file = created.map_err(TreeError::disk("make", &path))?;
        let mut text = Vec::new();
        for record in records {
            serde_json::to_writer(&mut text, record).unwrap_or_default();
            text.push(b'\n');
        }
        file.write_all(&text).map_err(|source| TreeError::Disk { what: "write", path: path.clone(), source })?;
        file.flush_content().map_err(TreeError::disk("flush", &path))?;
        batch.sync()?;
        trash.sync()?;
        Ok(Self { files, last: None, filled: BTreeSet::new() })
    }

    /// Moves `name` of `folder` here, if it is `expected`.
    ///
    /// # Errors
    /// [`TreeError`].
    pub fn take(
        &mut self,
        folder: &Folder,
        name: &EntryName,
        expected: &Identity,
        stamp: &ConflictStamp,
    ) -> Result<Binning, TreeError> {
        let Some(before) = folder.child(name)? else {
            return Ok(Binning::Gone);
        };
        if before.kind == LocalKind::Folder || !before.identity.is_unchanged(expected) {
            return Ok(Binning::Changed);
        }
        let target = self.place(folder.path())?;
        let taken = match folder.shift(name, target, name)? {
            Shifted::Done(taken) => taken.identity,
            Shifted::Gone => return Ok(Binning::Gone),
            Shifted::Taken | Shifted::Within => return Ok(Binning::Changed),
        };
        if taken.is_unchanged_but_moved(&before.identity) {
            return Ok(Binning::Binned);
        }
        // Someone saved between the look and the rename: that is not what was removed.
        match target.shift(name, folder, name)? {
            Shifted::Done(_) => Ok(Binning::Changed),
            _ => target.set_aside(name, folder, name, stamp).map(Binning::Aside),
        }
    }

    /// Notes that a folder stood here, so that it comes back with what was in it.
    ///
    /// # Errors
    /// [`TreeError`].
    pub fn keep_folder(&mut self, path: &TreePath) -> Result<(), TreeError> {
        self.place(path).map(|_| ())
    }

    /// Makes what was moved here survive a power cut.
    ///
    /// # Errors
    /// [`TreeError::Disk`].
    pub fn sync(&self) -> Result<(), TreeError> {
        if self.filled.len() > FLUSHES_MAX {
            let flushed = self.files.place().flush_disk();
            return flushed.map_err(TreeError::disk("flush", self.files.path().to_path()));
        }
        self.filled.iter().try_for_each(|path| self.files.open_below(path)?.sync())
    }

    /// The folder here for what was in folder `path`.
    fn place(&mut self, path: &TreePath) -> Result<&Folder, TreeError> {
        if self.last.as_ref().is_none_or(|(last, _)| last != path) {
            let (mut folder, mut at) = (self.files.clone(), TreePath::root());
            for name in path.names() {
                folder = match folder.open_folder(name) {
                    Err(error) if error.is_absent() => {
                        folder.make_folder(name)?;
                        self.filled.insert(at.clone());
                        folder.open_folder(name)?
                    }
                    other => other?,
                };
                at = at.join(name);
            }
            self.filled.insert(at);
            self.last = Some((path.clone(), folder));
        }
        Ok(self.last.as_ref().map_or(&self.files, |(_, folder)| folder))
    }

    /// Everything that lies in the trash of `root`, the oldest first.
    ///
    /// # Errors
    /// [`TreeError`].
    pub fn list(root: &SyncRoot) -> Result<Vec<Trashed>, TreeError> {
        let trash = root.trash()?;
        let mut found = Vec::new();
        for batch in batches(&trash)? {
            let folder = trash.open_folder(&batch)?;
            let files = match folder.open_folder(&own_name(FILES)?) {
                // A power cut at its very beginning.
                Err(error) if error.is_absent() => continue,
                other => other?,
            };
            for record in records(&folder)? {
                let Ok(path) = TreePath::parse(&record.path) else { continue };
                if stands(&files, &path)? {
                    found.push(Trashed { batch: batch.to_string(), record });
                }
            }
        }
        Ok(found)
    }

    /// Puts something back where it was, or beside what stands there now; says where.
    ///
    /// # Errors
    /// [`TreeError`].
    pub fn restore(root: &SyncRoot, trashed: &Trashed, stamp: &ConflictStamp) -> Result<TreePath, TreeError> {
        let damaged = || TreeError::MarkerDamaged(trashed.record.path.clone().into());
        let path = TreePath::parse(&trashed.record.path).map_err(|_| damaged())?;
        let (parent, name) = path.split_last().ok_or_else(damaged)?;
        let mut from = root.trash()?.open_folder(&own_name(&trashed.batch)?)?.open_folder(&own_name(FILES)?)?;
        let mut to = root.open(&TreePath::root())?;
        for folder in parent.names() {
            from = from.open_folder(folder)?;
            to.make_folder(folder)?;
            to = to.open_folder(folder)?;
        }
        if from.child(name)?.is_some_and(|child| child.kind == LocalKind::Folder) {
            // What was in it has lines of its own.
            to.make_folder(name)?;
            from.remove_empty(name)?;
            return Ok(path);
        }
        let landed = match from.shift(name, &to, name)? {
            Shifted::Done(_) => name.clone(),
            _ => from.set_aside(name, &to, name, stamp)?,
        };
        to.sync()?;
        Ok(parent.join(&landed))
    }

    /// Whether anything was removed before `day`, as `2026-11-23`.
    ///
    /// # Errors
    /// [`TreeError`].
    pub fn is_due(root: &SyncRoot, day: &str) -> Result<bool, TreeError> {
        Ok(batches(&root.trash()?)?.iter().any(|batch| is_before(batch, day)))
    }

    /// Deletes for good what was removed before `day`, as `2026-11-23`. Says how many batches that were.
    ///
    /// # Errors
    /// [`TreeError`].
    pub fn expire(root: &SyncRoot, day: &str) -> Result<usize, TreeError> {
        let trash = root.trash()?;
        let old: Vec<_> = batches(&trash)?.into_iter().filter(|batch| is_before(batch, day)).collect();
        old.iter().try_for_each(|batch| delete(&trash, batch))?;
        Ok(old.len())
    }

    /// Deletes for good everything in the trash.
    ///
    /// # Errors
    /// [`TreeError`].
    pub fn empty(root: &SyncRoot) -> Result<(), TreeError> {
        let trash = root.trash()?;
        batches(&trash)?.iter().try_for_each(|batch| delete(&trash, batch))
    }
}

fn is_before(batch: &EntryName, day: &str) -> bool {
    batch.as_str().get(..DAY_CHARS).is_some_and(|removed| removed < day)
}

/// The batches in the trash, by day.
fn batches(trash: &Folder) -> Result<Vec<EntryName>, TreeError> {
    let children = trash.list()?.children.into_iter();
    Ok(children.filter(|child| child.kind == LocalKind::Folder).map(|child| child.name).collect())
}

fn records(batch: &Folder) -> Result<Vec<TrashRecord>, TreeError> {
    let file = match batch.open_file(&own_name(RECORD)?) {
        Err(error) if error.is_absent() => return Ok(Vec::new()),
        other => other?,
    };
    let lines = BufReader::new(file.take(TRASH_RECORD_BYTES_MAX)).lines();
    // A line that was cut off by a power cut is of something that was not moved.
    Ok(lines.map_while(Result::ok).filter_map(|line| serde_json::from_str(&line).ok()).collect())
}

fn stands(files: &Folder, path: &TreePath) -> Result<bool, TreeError> {
    let Some((parent, name)) = path.split_last() else {
        return Ok(false);
    };
    match files.open_below(&parent) {
        Err(error) if error.is_absent() => Ok(false),
        folder => Ok(folder?.child(name)?.is_some()),
    }
}

/// Deletes a folder of the trash and all that is in it, following nothing.
fn delete(folder: &Folder, name: &EntryName) -> Result<(), TreeError> {
    let inner = folder.open_folder(name)?;
    for child in inner.list()?.children {
        if child.kind == LocalKind::Folder {
            delete(&inner, &child.name)?;
        } else {
            let path = || inner.full_path(child.name.as_str());
            match inner.place().remove_file(child.name.as_str()) {
                Ok(()) | Err(Errno::NOENT) => {}
                Err(errno) => return Err(TreeError::disk("remove", path())(errno)),
            }
        }
    }
    folder.remove_empty(name).map(|_| ())
}
