//! Files that are whole or absent, whatever moment the power fails at.
//!
//! A new content goes to a temporary file, is flushed, takes the name by one rename, and the folder is flushed: a reader sees
//! the old content or the new one. Such files are readable by their owner alone.
//!
//! The node has its own (`node/src/durable_file.rs`), on purpose: what both depend on, `node/protocol`, does no I/O, and a crate for
//! four calls would be one more that is audited with both programs. They differ where it counts, too: here several processes may
//! write in one folder, and errors say which file.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use crate::state::StateError;

/// Owner reads and writes; nobody else anything.
const PRIVATE_MODE: u32 = 0o600;

/// Replaces the content of `path`, or creates it.
///
/// # Errors
/// [`StateError::Io`]; the old content is then still there.
pub fn replace(path: &Path, content: &[u8]) -> Result<(), StateError> {
    let temporary = temporary(path);
    write_flushed(&temporary, content).map_err(StateError::io(&temporary))?;
    fs::rename(&temporary, path).map_err(StateError::io(path))?;
    flush_folder(path)
}

/// Creates `path`, which must not exist yet.
///
/// # Errors
/// [`StateError::Exists`], or [`StateError::Io`].
pub fn create_new(path: &Path, content: &[u8]) -> Result<(), StateError> {
    let temporary = temporary(path);
    write_flushed(&temporary, content).map_err(StateError::io(&temporary))?;
    let linked = fs::hard_link(&temporary, path);
    let _ = fs::remove_file(&temporary);
    match linked {
        Ok(()) => flush_folder(path),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Err(StateError::Exists(path.to_owned())),
        Err(error) => Err(StateError::io(path)(error)),
    }
}

/// The content of a file of at most `bytes_max`; `None` if there is none.
///
/// # Errors
/// [`StateError::TooLong`], or [`StateError::Io`].
pub fn read_bounded(path: &Path, bytes_max: u64) -> Result<Option<Vec<u8>>, StateError> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(StateError::io(path)(error)),
    };
    // Its length may change meanwhile: it only says how much room to make, and one byte more in which its end is found.
    let expected_bytes = file.metadata().map_or(0, |metadata| metadata.len()).min(bytes_max);
    let mut content = Vec::with_capacity(usize::try_from(expected_bytes).unwrap_or(0).saturating_add(1));
    file.take(bytes_max.saturating_add(1)).read_to_end(&mut content).map_err(StateError::io(path))?;
    if u64::try_from(content.len()).is_ok_and(|bytes| bytes <= bytes_max) {
        Ok(Some(content))
    } else {
        Err(StateError::TooLong(path.to_owned()))
    }
}

fn write_flushed(path: &Path, content: &[u8]) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(PRIVATE_MODE).open(path)?;
    file.write_all(content)?;
    file.sync_all()
}

fn flush_folder(path: &Path) -> Result<(), StateError> {
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    File::open(folder).and_then(|folder| folder.sync_all()).map_err(StateError::io(folder))
}

/// A name beside `path` that no other process uses.
fn temporary(path: &Path) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{}.tmp", std::process::id()));
    path.with_file_name(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn replaced_whole_and_private() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        replace(&path, b"one").unwrap();
        replace(&path, b"two").unwrap();
        assert_eq!(read_bounded(&path, 3).unwrap().unwrap(), b"two");
        assert!(matches!(read_bounded(&path, 2), Err(StateError::TooLong(_))));
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, PRIVATE_MODE);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "no temporary file is left");
    }

    #[test]
    fn created_once() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        create_new(&path, b"one").unwrap();
        assert!(matches!(create_new(&path, b"two"), Err(StateError::Exists(_))));
        assert_eq!(read_bounded(&path, 9).unwrap().unwrap(), b"one");
    }

    /// A crash leaves the temporary file at any length; the next reader and writer must not mind.
    #[test]
    fn torn_temporary_file_is_harmless() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        replace(&path, b"one").unwrap();
        fs::write(temporary(&path), b"tw").unwrap();
        assert_eq!(read_bounded(&path, 9).unwrap().unwrap(), b"one");
        replace(&path, b"three").unwrap();
        assert_eq!(read_bounded(&path, 9).unwrap().unwrap(), b"three");
    }
}
