//! A sync root: a folder of the user's, marked as one space's (sync.md, rule 2).
//!
//! The mark is a file in it. A disk that is not mounted shows an empty folder without a mark: the engine then stops, instead
//! of taking a thousand files for removed.

use std::io::{Read, Write};
use std::path::{Path, PathBuf};

use data_encoding::HEXLOWER;
use rustix::io::Errno;
use vauban_protocol::id::SpaceId;

use super::disk::{Access, Disk, Onto};
use super::disk_name::{OWN, own_name};
use super::{Folder, TreeError, TreePath};

/// The file that marks a root, in Vauban's own folder.
const MARKER: &str = "root";
/// The folder of files that are not whole yet.
const TEMPORARY: &str = "tmp";
/// The folder of what another version displaced.
const DISPLACED: &str = "displaced";
/// The folder of what was removed here.
const TRASH: &str = "trash";
/// What a mark begins with.
const MARKER_HEAD: &str = "vauban sync root 1";
/// Bytes of a mark, at most.
const MARKER_BYTES_MAX: u64 = 256;

/// What a root's base is kept under: its mark, and the numbers that its disk gives the root and the mark. A copy of the folder
/// has the same mark and other numbers: what it lacks was never removed there, so it begins with an empty base.
pub type RootKey = [u8; 32];

/// A marked folder.
#[derive(Debug)]
pub struct SyncRoot {
    folder: Folder,
    /// None where the root is only looked at.
    temporary: Option<Folder>,
    path: PathBuf,
    key: RootKey,
}

impl SyncRoot {
    /// Opens a folder that is marked as `space`'s, or marks it with `fresh` if it is not.
    ///
    /// # Errors
    /// [`TreeError`]: among them that it is another space's.
    pub fn claim(disk: &dyn Disk, path: &Path, space: SpaceId, fresh: [u8; 16]) -> Result<Self, TreeError> {
        let (folder, path) = open_named(disk, path)?;
        let marker = match read_marker(&folder, &path)? {
            Some((marked, marker)) if marked == space => marker,
            Some(_) => return Err(TreeError::OtherSpace(path)),
            None => {
                write_marker(&folder, space, fresh)?;
                fresh
            }
        };
        let own = folder.open_folder(&own_name(OWN)?)?;
        own.make_folder(&own_name(TEMPORARY)?)?;
        let temporary = own.open_folder(&own_name(TEMPORARY)?)?;
        let key = key(&folder, marker)?;
        Ok(Self { folder, temporary: Some(temporary), path, key })
    }

    /// Makes the mark survive a power cut: whoever made it may have been killed before it did.
    ///
    /// # Errors
    /// [`TreeError::Disk`].
    pub fn keep_mark(&self) -> Result<(), TreeError> {
        self.folder.open_folder(&own_name(OWN)?)?.sync()?;
        self.folder.sync()
    }

    /// Opens a folder to look at it, and changes nothing: one without a mark stays without.
    ///
    /// # Errors
    /// [`TreeError`]: among them that it is another space's.
    pub fn look(disk: &dyn Disk, path: &Path, space: SpaceId) -> Result<Self, TreeError> {
        let (folder, path) = open_named(disk, path)?;
        let key = match read_marker(&folder, &path)? {
            Some((marked, _)) if marked != space => return Err(TreeError::OtherSpace(path)),
            Some((_, marker)) => key(&folder, marker)?,
            None => RootKey::default(),
        };
        Ok(Self { folder, temporary: None, path, key })
    }

    /// Whether the folder at `path` is marked at all.
    ///
    /// # Errors
    /// [`TreeError::MarkerDamaged`], or that the disk cannot be read.
    pub fn is_marked(disk: &dyn Disk, path: &Path) -> Result<bool, TreeError> {
        let (folder, path) = open_named(disk, path)?;
        Ok(read_marker(&folder, &path)?.is_some())
    }

    /// What its base is kept under.
    #[must_use]
    pub fn key(&self) -> RootKey {
        self.key
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The root as a folder.
    #[must_use]
    pub fn folder(&self) -> &Folder {
        &self.folder
    }

    /// The folder of files that are not whole yet.
    ///
    /// # Errors
    /// [`TreeError::Disk`] where the root is only looked at.
    pub fn temporary(&self) -> Result<&Folder, TreeError> {
        self.temporary.as_ref().ok_or_else(|| TreeError::Disk {
            what: "open",
            path: self.path.join(OWN),
            source: std::io::ErrorKind::NotFound.into(),
        })
    }

    /// The folder of what was displaced here; it is made if there is none.
    ///
    /// # Errors
    /// [`TreeError::Disk`].
    pub(super) fn displaced(&self) -> Result<Folder, TreeError> {
        let (own, displaced) = (self.folder.open_folder(&own_name(OWN)?)?, own_name(DISPLACED)?);
        own.make_folder(&displaced)?;
        own.open_folder(&displaced)
    }

    /// The same, if there is one.
    ///
    /// # Errors
    /// [`TreeError::Disk`].
    pub(super) fn displaced_if_any(&self) -> Result<Option<Folder>, TreeError> {
        match self.folder.open_folder(&own_name(OWN)?)?.open_folder(&own_name(DISPLACED)?) {
            Err(error) if error.is_absent() => Ok(None),
            other => other.map(Some),
        }
    }

    /// The folder of what was removed here; it is made if there is none.
    ///
    /// # Errors
    /// [`TreeError::Disk`].
    pub(super) fn trash(&self) -> Result<Folder, TreeError> {
        let (own, trash) = (self.folder.open_folder(&own_name(OWN)?)?, own_name(TRASH)?);
        own.make_folder(&trash)?;
        own.open_folder(&trash)
    }

    /// A folder below, walked to name by name.
    ///
    /// # Errors
    /// [`TreeError::Disk`]; also if anything on the way is a link.
    pub fn open(&self, path: &TreePath) -> Result<Folder, TreeError> {
        self.folder.open_below(path)
    }

    /// The same, if it still is the folder with this number on the disk.
    ///
    /// # Errors
    /// [`TreeError::Disk`]; as of one that is not there, if another folder stands there.
    pub fn open_same(&self, path: &TreePath, inode: u64) -> Result<Folder, TreeError> {
        let folder = self.open(path)?;
        if folder.identity()?.inode == inode {
            return Ok(folder);
        }
        Err(TreeError::disk("open", path.to_path())(Errno::NOENT))
    }
}

fn open_named(disk: &dyn Disk, path: &Path) -> Result<(Folder, PathBuf), TreeError> {
    let resolved =
        disk.resolve(path).map_err(|source| TreeError::Disk { what: "open", path: path.to_owned(), source })?;
    Ok((Folder::open_root(disk, &resolved)?, resolved))
}

/// The key of a root with this mark, where both lie now.
fn key(root: &Folder, marker: [u8; 16]) -> Result<RootKey, TreeError> {
    let mark = root.open_folder(&own_name(OWN)?)?.child(&own_name(MARKER)?)?;
    let numbers = [root.identity()?.inode, mark.map(|mark| mark.identity.inode).unwrap_or_default()];
    let mut key = RootKey::default();
    let parts = marker.into_iter().chain(numbers.into_iter().flat_map(u64::to_be_bytes));
    key.iter_mut().zip(parts).for_each(|(slot, byte)| *slot = byte);
    Ok(key)
}

/// What a root is marked with; `None` if it is not.
fn read_marker(root: &Folder, path: &Path) -> Result<Option<(SpaceId, [u8; 16])>, TreeError> {
    let file = root.open_folder(&own_name(OWN)?).and_then(|own| own.open_file(&own_name(MARKER)?));
    let file = match file {
        Err(error) if error.is_absent() => return Ok(None),
        other => other?,
    };
    let path = path.join(OWN).join(MARKER);
    let mut bytes = Vec::new();
    file.take(MARKER_BYTES_MAX.saturating_add(1)).read_to_end(&mut bytes).map_err(|source| TreeError::Disk {
        what: "read",
        path: path.clone(),
        source,
    })?;
    let damaged = || TreeError::MarkerDamaged(path.clone());
    let text = String::from_utf8(bytes).map_err(|_| damaged())?;
    if text.len() as u64 > MARKER_BYTES_MAX {
        return Err(damaged());
    }
    let mut lines = text.lines();
    if lines.next() != Some(MARKER_HEAD) {
        return Err(damaged());
    }
    let space = lines.next().and_then(|line| line.strip_prefix("space ")?.parse().ok()).ok_or_else(damaged)?;
    let marker = lines
        .next()
        .and_then(|line| HEXLOWER.decode(line.strip_prefix("marker ")?.as_bytes()).ok()?.try_into().ok())
        .ok_or_else(damaged)?;
    Ok(Some((space, marker)))
}

/// Marks a root. The mark survives a power cut when this returns: it would be missed later.
fn write_marker(root: &Folder, space: SpaceId, marker: [u8; 16]) -> Result<(), TreeError> {
    root.make_folder(&own_name(OWN)?)?;
    let own = root.open_folder(&own_name(OWN)?)?;
    own.make_folder(&own_name(TEMPORARY)?)?;
    let temporary = own.open_folder(&own_name(TEMPORARY)?)?;
    let error = |what| TreeError::disk(what, temporary.full_path(MARKER));
    match temporary.place().remove_file(MARKER) {
        // A power cut while it was written.
        Ok(()) | Err(Errno::NOENT) => {}
        Err(errno) => return Err(error("remove")(errno)),
    }
    let text = format!("{MARKER_HEAD}\nspace {}\nmarker {}\n", space.to_hex(), HEXLOWER.encode(&marker));
    let mut file = temporary.place().create_file(MARKER, Access::All).map_err(error("make"))?;
    let path = temporary.full_path(MARKER);
    file.write_all(text.as_bytes()).map_err(|source| TreeError::Disk { what: "write", path, source })?;
    file.flush_content().map_err(error("flush"))?;
    temporary.place().rename(MARKER, own.place(), MARKER, Onto::Nothing).map_err(error("rename"))?;
    own.sync()?;
    root.sync()
}
