//! How a whole file comes to stand at its name without any moment in which something is lost (sync.md, rule 6).
//!
//! ```text
//! Temporary (part.*)  ─ written, flushed ─►  Ready (ENTRY.INODE.BYTES.MTIME)  ─ exchanged with what stands there ─►  Landed
//!                                                                   what was displaced: the base version → kept for a while
//!                                                                                       anything else → conflict copy
//! ```
//! After the exchange, the temporary name holds what was displaced, perhaps someone's edit of a moment ago. That name tells after
//! a crash what lies under it: it says how the file looked that was to land. Anything else is to be rescued: what was displaced; and
//! the file itself, if somebody wrote to it where it had landed, and the power failed before its name there was durable. For that
//! its name here must be durable before it lands.

use std::collections::BTreeSet;
use std::path::PathBuf;

use rustix::io::Errno;

use super::disk::{Access, DiskFile, Look, Onto};
use super::disk_name::{OWN, own_name};
use super::shift::parse_waiting;
use super::{ConflictStamp, Folder, Identity, SyncRoot, TreeError, TreePath, displaced};
use crate::limit::{CONFLICT_COPIES_MAX, FLUSHES_MAX};
use crate::log::{EntryId, EntryName};

/// What the name of an unfinished file begins with; such a file never stood anywhere, and can be removed.
const PART: &str = "part.";

/// A file that is being written. Dropped before it is ready, it is removed.
#[derive(Debug)]
pub struct Temporary<'a> {
    root: &'a SyncRoot,
    name: EntryName,
    body: Body,
    is_live: bool,
}

/// What a temporary name stands for.
#[derive(Debug)]
enum Body {
    /// A file that is open.
    Open(Box<dyn DiskFile>),
    /// A file that is not open any more.
    Closed,
    /// A link.
    Link,
}

/// A whole file that may be exchanged into place once it is durable.
#[derive(Debug)]
pub struct Ready<'a> {
    root: &'a SyncRoot,
    name: EntryName,
    entry: EntryId,
    /// What was written, as the disk shows it.
    written: Look,
    /// Whether it still lies under that name.
    is_live: bool,
}

/// What came of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Landed {
    /// The file as the disk now shows it.
    pub identity: Identity,
    /// The name of the conflict copy that what stood there before became.
    pub conflict: Option<EntryName>,
    /// Whether what stood there before, the base version, was put away.
    pub replaced: bool,
}

/// Something that an earlier run left, which is not its own unfinished work.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Leftover {
    /// The entry that it stood at, or that it is.
    pub entry: EntryId,
    /// How it came there.
    pub origin: Origin,
    /// Its name in the folder of temporary files.
    pub name: EntryName,
}

/// How something came to lie in Vauban's own folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// Another version landed at its name.
    Displaced,
    /// It was on its way to another place.
    Waiting,
}

impl<'a> Temporary<'a> {
    /// An empty file for about `bytes` bytes, named by a random number.
    ///
    /// # Errors
    /// [`TreeError::Disk`].
    pub fn file(root: &'a SyncRoot, random: u64, executable: bool, bytes: u64) -> Result<Self, TreeError> {
        let name = part_name(random)?;
        let access = if executable { Access::AllAndExecute } else { Access::All };
        let created = root.temporary()?.place().create_file(name.as_str(), access);
        let mut file = created.map_err(TreeError::disk("make", temporary_path(root, &name)))?;
        file.expect(bytes);
        Ok(Self { root, name, body: Body::Open(file), is_live: true })
    }

    /// A symbolic link.
    ///
    /// # Errors
    /// [`TreeError::Disk`].
    pub fn link(root: &'a SyncRoot, random: u64, target: &[u8]) -> Result<Self, TreeError> {
        let name = part_name(random)?;
        let created = root.temporary()?.place().create_link(name.as_str(), target);
        created.map_err(TreeError::disk("make", temporary_path(root, &name)))?;
        Ok(Self { root, name, body: Body::Link, is_live: true })
    }

    /// The file to write to; a link has none.
    pub fn writer(&mut self) -> Option<&mut dyn DiskFile> {
        match &mut self.body {
            Body::Open(file) => Some(file.as_mut()),
            Body::Closed | Body::Link => None,
        }
    }

    /// Gives its descriptor back: it is written whole, and [`flush_all`] will make it durable.
    pub fn close(&mut self) {
        if matches!(self.body, Body::Open(_)) {
            self.body = Body::Closed;
        }
    }

    /// Ends the content, and says when it was changed.
    ///
    /// # Errors
    /// [`TreeError::Disk`].
    pub fn finish(&mut self, mtime_ns: i64) -> Result<(), TreeError> {
        let path = || temporary_path(self.root, &self.name);
        let Body::Open(file) = &mut self.body else {
            return Ok(());
        };
        file.flush().map_err(|source| TreeError::Disk { what: "write", path: path(), source })?;
        file.set_mtime(mtime_ns).map_err(TreeError::disk("date", path()))
    }

    /// Flushes this one file to disk; [`flush_all`] does it for many.
    ///
    /// # Errors
    /// [`TreeError::Disk`].
    pub fn flush(&self) -> Result<(), TreeError> {
        match &self.body {
            Body::Open(file) => {
                file.flush_content().map_err(TreeError::disk("flush", temporary_path(self.root, &self.name)))
            }
            Body::Closed => flush_all(self.root),
            Body::Link => Ok(()),
        }
    }

    /// Names the file after the entry that it is for, and what it is. Its descriptor is closed. Before it lands, the caller flushes
    /// [the folder](SyncRoot::temporary) that it lies in.
    ///
    /// # Errors
    /// [`TreeError::Disk`].
    pub fn ready(mut self, entry: EntryId) -> Result<Ready<'a>, TreeError> {
        let temporary = self.root.temporary()?;
        let error = || TreeError::disk("name", temporary_path(self.root, &self.name));
        let written = temporary.place().look_at(self.name.as_str()).map_err(error())?;
        let name = ready_name(entry, &written.identity)?;
        let place = temporary.place();
        place.rename(self.name.as_str(), place, name.as_str(), Onto::Nothing).map_err(error())?;
        self.is_live = false;
        Ok(Ready { root: self.root, name, entry, written, is_live: true })
    }
}

impl Drop for Ready<'_> {
    fn drop(&mut self) {
        if self.is_live {
            let _ = remove(self.root, &self.name);
        }
    }
}

impl Drop for Temporary<'_> {
    fn drop(&mut self) {
        if self.is_live {
            // What can't be removed now is removed when the next run begins.
            let _ = remove(self.root, &self.name);
        }
    }
}

/// Flushes everything that was written below `root`, in one call.
///
/// # Errors
/// [`TreeError::Disk`].
pub fn flush_all(root: &SyncRoot) -> Result<(), TreeError> {
    root.temporary()?.place().flush_disk().map_err(TreeError::disk("flush", root.path()))
}

/// Makes what people did at `paths` survive a power cut, before anybody agrees on it: contents, and names. One by one if they are
/// few, else all at once. What has gone meanwhile is seen by the next look.
///
/// # Errors
/// [`TreeError::Disk`].
pub fn flush_paths(root: &SyncRoot, paths: &BTreeSet<TreePath>) -> Result<(), TreeError> {
    if paths.len() > FLUSHES_MAX {
        return flush_all(root);
    }
    for path in paths {
        let Some((folder, name)) = path.split_last() else { continue };
        let folder = match root.open(&folder) {
            Ok(folder) => folder,
            Err(error) if error.is_way_lost() => continue,
            Err(_) => return flush_all(root),
        };
        match folder.place().open_file(name.as_str()) {
            Ok(file) => file.flush_content().map_err(TreeError::disk("flush", path.to_path()))?,
            // A link or a folder is its name.
            Err(Errno::NOENT | Errno::LOOP | Errno::ISDIR) => {}
            // What cannot be opened can still be flushed with all others.
            Err(_) => return flush_all(root),
        }
        folder.sync()?;
    }
    Ok(())
}

impl Ready<'_> {
    /// How the disk shows it.
    #[must_use]
    pub fn written(&self) -> Identity {
        self.written.identity
    }

    /// Exchanges the file with what stands at `name` in `folder`. What was there and is not `replaces` becomes a conflict
    /// copy beside it. The caller flushes `folder` before it records anything.
    ///
    /// # Errors
    /// [`TreeError`]; that something is [stranded](TreeError::Stranded), if what was displaced is still in Vauban's own folder.
    pub fn land(
        mut self,
        folder: &Folder,
        name: &EntryName,
        replaces: Option<&Identity>,
        stamp: &ConflictStamp,
    ) -> Result<Landed, TreeError> {
        let before = match folder.identity_of(name) {
            Ok(before) => Some(before),
            Err(Errno::NOENT) => None,
            Err(errno) => return Err(self.error(folder, name)(errno)),
        };
        let is_base = match (&before, replaces) {
            (Some(before), Some(replaces)) => before.is_unchanged(replaces),
            _ => false,
        };
        self.is_live = false;
        let is_displacing = self.exchange(folder, name)?;
        let before = before.filter(|_| is_base);
        let put =
            if is_displacing { self.put_displaced(folder, name, before.as_ref(), stamp).map(Some) } else { Ok(None) };
        let put = put.map_err(|error| error.stranding(folder.full_path(name.as_str())))?;
        let looked = folder.place().look_at(name.as_str());
        let shown = looked.map_err(TreeError::disk("look at", folder.full_path(name.as_str())))?;
        // Someone may have changed it since the exchange: that must be seen as an edit of what was written.
        let is_as_written = shown.executable == self.written.executable
            && shown.identity.is_unchanged_but_moved(&self.written.identity);
        let identity = if is_as_written { shown.identity } else { self.written.identity };
        Ok(Landed { identity, replaced: put == Some(None), conflict: put.flatten() })
    }

    /// Puts away what was displaced: if it was not the base version that was seen `before`, as a conflict copy, whose name is
    /// answered.
    fn put_displaced(
        &self,
        folder: &Folder,
        name: &EntryName,
        before: Option<&Identity>,
        stamp: &ConflictStamp,
    ) -> Result<Option<EntryName>, TreeError> {
        let temporary = self.root.temporary()?;
        let displaced = temporary.identity_of(&self.name).map_err(self.error(folder, name))?;
        // Between the look and the exchange the file may have changed again: the displaced one decides.
        if before.is_some_and(|before| displaced.is_unchanged_but_moved(before)) {
            return discard(self.root, &self.name, self.entry, &displaced).map(|()| None);
        }
        temporary.set_aside(&self.name, folder, name, stamp).map(Some)
    }

    /// Puts the file at its name. Whether anything stood there, which then bears the temporary name.
    fn exchange(&self, folder: &Folder, name: &EntryName) -> Result<bool, TreeError> {
        let temporary = self.root.temporary()?;
        let rename = |onto| temporary.place().rename(self.name.as_str(), folder.place(), name.as_str(), onto);
        // Someone may take or free the name at any moment: each refusal of one call is what the other one needs.
        for _ in 0..CONFLICT_COPIES_MAX {
            match rename(Onto::Nothing) {
                Ok(()) => return Ok(false),
                Err(Errno::EXIST) => {}
                Err(errno) => return Err(self.error(folder, name)(errno)),
            }
            match rename(Onto::Exchange) {
                Ok(()) => return Ok(true),
                Err(Errno::NOENT) => {}
                Err(errno) => return Err(self.error(folder, name)(errno)),
            }
        }
        Err(self.error(folder, name)(Errno::BUSY))
    }

    fn error(&self, folder: &Folder, name: &EntryName) -> impl FnOnce(Errno) -> TreeError + use<> {
        TreeError::disk("replace", folder.full_path(name.as_str()))
    }
}

impl Leftover {
    /// Removes it: it turned out to be a version that the log has.
    ///
    /// # Errors
    /// [`TreeError::Disk`].
    pub fn discard(self, root: &SyncRoot) -> Result<(), TreeError> {
        let temporary = root.temporary()?;
        let was =
            temporary.identity_of(&self.name).map_err(TreeError::disk("look at", temporary_path(root, &self.name)))?;
        discard(root, &self.name, self.entry, &was)
    }

    /// What earlier runs left in Vauban's own folder. Their unfinished files are removed at once.
    ///
    /// # Errors
    /// [`TreeError::Disk`].
    pub fn find(root: &SyncRoot) -> Result<Vec<Self>, TreeError> {
        let mut found = Vec::new();
        for child in root.temporary()?.list()?.children {
            let name = child.name;
            if let Some(entry) = parse_waiting(name.as_str()) {
                found.push(Self { entry, origin: Origin::Waiting, name });
                continue;
            }
            match parse_ready(name.as_str()) {
                Some((_, written)) if child.identity.is_unchanged_but_moved(&written) => remove(root, &name)?,
                Some((entry, _)) => found.push(Self { entry, origin: Origin::Displaced, name }),
                None if name.as_str().starts_with(PART) => remove(root, &name)?,
                None => {}
            }
        }
        Ok(found)
    }
}

/// Puts away a version that the log has: not to nothing, since somebody may have it open.
fn discard(root: &SyncRoot, name: &EntryName, entry: EntryId, was: &Identity) -> Result<(), TreeError> {
    if displaced::keep(root, name, entry, was)? { Ok(()) } else { remove(root, name) }
}

fn remove(root: &SyncRoot, name: &EntryName) -> Result<(), TreeError> {
    let removed = root.temporary()?.place().remove_file(name.as_str());
    removed.map_err(TreeError::disk("remove", temporary_path(root, name)))
}

fn part_name(random: u64) -> Result<EntryName, TreeError> {
    own_name(&format!("{PART}{random:016x}"))
}

fn ready_name(entry: EntryId, written: &Identity) -> Result<EntryName, TreeError> {
    let Identity { inode, bytes, mtime_ns, .. } = written;
    own_name(&format!("{}.{inode}.{bytes}.{mtime_ns}", data_encoding::HEXLOWER.encode(&entry.0)))
}

fn parse_ready(name: &str) -> Option<(EntryId, Identity)> {
    let mut parts = name.split('.');
    let entry = data_encoding::HEXLOWER.decode(parts.next()?.as_bytes()).ok()?.try_into().ok()?;
    let (inode, bytes, mtime_ns) =
        (parts.next()?.parse().ok()?, parts.next()?.parse().ok()?, parts.next()?.parse().ok()?);
    Some((EntryId(entry), Identity { inode, bytes, mtime_ns, ..Identity::default() }))
}

fn temporary_path(root: &SyncRoot, name: &EntryName) -> PathBuf {
    root.path().join(OWN).join(name.as_str())
}

#[cfg(test)]
mod tests;
