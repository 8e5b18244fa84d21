//! A sync root: a folder of the user's, marked as one space's (sync.md, rule 2).
//!
//! The mark is a file in it. A disk that is not mounted shows an empty folder without a mark: the engine then stops, instead
//! of taking a thousand files for removed.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use data_encoding::HEXLOWER;
use vauban_protocol::id::SpaceId;

use super::disk_name::{OWN, own_name};
use super::folder::open_root;
use super::{Folder, TreeError, TreePath};

/// The file that marks a root, in Vauban's own folder.
const MARKER: &str = "root";
/// The folder of files that are not whole yet.
const TEMPORARY: &str = "tmp";
/// The folder of what was removed here.
const TRASH: &str = "trash";
/// What a mark begins with.
const MARKER_HEAD: &str = "vauban sync root 1";
/// Bytes of a mark, at most.
const MARKER_BYTES_MAX: u64 = 256;

/// A marked folder.
#[derive(Debug)]
pub struct SyncRoot {
    folder: Folder,
    /// None where the root is only looked at.
    temporary: Option<Folder>,
    path: PathBuf,
    marker: [u8; 16],
}

impl SyncRoot {
    /// Opens a folder that is marked as `space`'s, or marks it with `fresh` if it is not.
    ///
    /// # Errors
    /// [`TreeError`]: among them that it is another space's.
    pub fn claim(path: &Path, space: SpaceId, fresh: [u8; 16]) -> Result<Self, TreeError> {
        let io = |what, path: &Path| {
            let path = path.to_owned();
            move |source| TreeError::Disk { what, path, source }
        };
        let path = fs::canonicalize(path).map_err(io("open", path))?;
        let own = path.join(OWN);
        let mark = own.join(MARKER);
        let marker = match read_marker(&mark)? {
            Some((marked, marker)) if marked == space => marker,
            Some(_) => return Err(TreeError::OtherSpace(path)),
            None => {
                fs::create_dir_all(own.join(TEMPORARY)).map_err(io("make", &own))?;
                write_marker(&own, &mark, space, fresh).map_err(io("write", &mark))?;
                fresh
            }
        };
        fs::create_dir_all(own.join(TEMPORARY)).map_err(io("make", &own))?;
        let folder = Folder::new(open_root(&path)?, TreePath::root());
        let temporary = folder.open_folder(&own_name(OWN)?)?.open_folder(&own_name(TEMPORARY)?)?;
        Ok(Self { folder, temporary: Some(temporary), path, marker })
    }

    /// Opens a folder to look at it, and changes nothing: one without a mark stays without.
    ///
    /// # Errors
    /// [`TreeError`]: among them that it is another space's.
    pub fn look(path: &Path, space: SpaceId) -> Result<Self, TreeError> {
        let source = |source| TreeError::Disk { what: "open", path: path.to_owned(), source };
        let path = fs::canonicalize(path).map_err(source)?;
        let marker = match read_marker(&path.join(OWN).join(MARKER))? {
            Some((marked, _)) if marked != space => return Err(TreeError::OtherSpace(path)),
            Some((_, marker)) => marker,
            None => [0; 16],
        };
        let folder = Folder::new(open_root(&path)?, TreePath::root());
        Ok(Self { folder, temporary: None, path, marker })
    }

    /// Whether the folder at `path` is marked at all.
    ///
    /// # Errors
    /// [`TreeError::MarkerDamaged`], or that the disk cannot be read.
    pub fn is_marked(path: &Path) -> Result<bool, TreeError> {
        Ok(read_marker(&path.join(OWN).join(MARKER))?.is_some())
    }

    /// The random number that its base is kept under.
    #[must_use]
    pub fn marker(&self) -> [u8; 16] {
        self.marker
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
        let (first, rest) = match path.names().split_first() {
            Some(split) => split,
            None => return Ok(Folder::new(open_root(&self.path)?, TreePath::root())),
        };
        let mut folder = self.folder.open_folder(first)?;
        for name in rest {
            folder = folder.open_folder(name)?;
        }
        Ok(folder)
    }
}

fn read_marker(path: &Path) -> Result<Option<(SpaceId, [u8; 16])>, TreeError> {
    let damaged = || TreeError::MarkerDamaged(path.to_owned());
    let text = match fs::metadata(path) {
        Ok(metadata) if metadata.len() > MARKER_BYTES_MAX => return Err(damaged()),
        Ok(_) => fs::read_to_string(path),
        Err(error) => Err(error),
    };
    let text = match text {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(source) => return Err(TreeError::Disk { what: "read", path: path.to_owned(), source }),
    };
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

fn write_marker(own: &Path, path: &Path, space: SpaceId, marker: [u8; 16]) -> std::io::Result<()> {
    let text = format!("{MARKER_HEAD}\nspace {}\nmarker {}\n", space.to_hex(), HEXLOWER.encode(&marker));
    let whole = own.join(TEMPORARY).join(MARKER);
    let mut file = fs::File::create(&whole)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    fs::rename(&whole, path)?;
    fs::File::open(own)?.sync_all()
}
