//! Small files that are there whole or not at all, even if the power fails in between.
//!
//! Written beside their place, made durable, then moved into it, and the folder made durable last.
//!
//! The client has its own (`client/src/state/durable_file.rs`), on purpose: what both depend on, `node/protocol`, does no I/O, and a
//! crate for four calls would be one more that is audited with both programs. They differ where it counts, too: here one process
//! owns the folder, and keys are refused that others may read.

use std::fs::{File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

/// Who may read a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Readers {
    /// The node's user alone: keys.
    Owner,
    /// Whoever the folder lets in.
    Everyone,
}

impl Readers {
    fn mode(self) -> u32 {
        match self {
            Self::Owner => 0o600,
            Self::Everyone => 0o644,
        }
    }
}

/// Creates `path`.
///
/// # Errors
/// [`io::ErrorKind::AlreadyExists`] if it is there: it is then untouched.
pub fn create(path: &Path, bytes: &[u8], readers: Readers) -> io::Result<()> {
    let beside = write_beside(path, bytes, readers)?;
    let linked = std::fs::hard_link(&beside, path);
    std::fs::remove_file(&beside)?;
    linked?;
    sync_folder(path)
}

/// Creates `path`, or puts these bytes in the place of what it holds.
///
/// # Errors
/// Whatever the system says; the old content is then still there.
pub fn replace(path: &Path, bytes: &[u8], readers: Readers) -> io::Result<()> {
    let beside = write_beside(path, bytes, readers)?;
    std::fs::rename(&beside, path)?;
    sync_folder(path)
}

/// Removes a file, durably; there may be none.
///
/// # Errors
/// Whatever the system says.
pub fn remove(path: &Path) -> io::Result<()> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        removed => removed.and_then(|()| sync_folder(path)),
    }
}

/// Reads a file of at most `bytes_max` bytes.
///
/// # Errors
/// [`io::ErrorKind::FileTooLarge`] over the bound, else whatever the system says.
pub fn read(path: &Path, bytes_max: usize) -> io::Result<Vec<u8>> {
    let limit = u64::try_from(bytes_max).unwrap_or(u64::MAX);
    let mut bytes = Vec::new();
    File::open(path)?.take(limit.saturating_add(1)).read_to_end(&mut bytes)?;
    if bytes.len() > bytes_max {
        return Err(io::ErrorKind::FileTooLarge.into());
    }
    Ok(bytes)
}

/// Reads a key file, and refuses one that others may read.
///
/// # Errors
/// [`io::ErrorKind::PermissionDenied`] if others may, else as [`read`].
pub fn read_secret(path: &Path, bytes_max: usize) -> io::Result<zeroize::Zeroizing<Vec<u8>>> {
    let others = std::fs::metadata(path)?.permissions().mode() & 0o077;
    if others != 0 {
        let reason = "others than its owner may read it (chmod 600)";
        return Err(io::Error::new(io::ErrorKind::PermissionDenied, reason));
    }
    read(path, bytes_max).map(zeroize::Zeroizing::new)
}

fn write_beside(path: &Path, bytes: &[u8], readers: Readers) -> io::Result<PathBuf> {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".new");
    let beside = path.with_file_name(name);
    // Left over from a run that was cut off: never complete, so never of use.
    match std::fs::remove_file(&beside) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut file = OpenOptions::new().write(true).create_new(true).mode(readers.mode()).open(&beside)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    Ok(beside)
}

pub(crate) fn sync_folder(path: &Path) -> io::Result<()> {
    let folder = path.parent().unwrap_or(Path::new("/"));
    File::open(folder)?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_created_once_and_replaced_whole() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        create(&path, b"one", Readers::Everyone).unwrap();
        let again = create(&path, b"two", Readers::Everyone).unwrap_err();
        assert_eq!(again.kind(), io::ErrorKind::AlreadyExists);
        assert_eq!(read(&path, 3).unwrap(), b"one");
        replace(&path, b"three", Readers::Everyone).unwrap();
        assert_eq!(read(&path, 5).unwrap(), b"three");
        let long = read(&path, 4).unwrap_err();
        assert_eq!(long.kind(), io::ErrorKind::FileTooLarge);
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_secret_that_others_may_read_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key");
        create(&path, b"secret", Readers::Owner).unwrap();
        assert_eq!(read_secret(&path, 6).unwrap().as_slice(), b"secret");
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o640)).unwrap();
        let open = read_secret(&path, 6).unwrap_err();
        assert_eq!(open.kind(), io::ErrorKind::PermissionDenied);
    }
}
