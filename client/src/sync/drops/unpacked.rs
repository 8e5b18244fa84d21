//! Where dropped files wait, opened, until they are in the space: for this device's owner alone, and no longer than a run.

use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::PathBuf;
use std::time::{Duration, UNIX_EPOCH};

use rustix::fs::statvfs;
use vauban_protocol::id::Digest;

use crate::file_request::{DropStream, DroppedFile, Unopened};
use crate::limit::{DROP_DISK_LEFT_BYTES, DROP_DISK_LEFT_PERCENT};
use crate::state::{Home, StateError};
use crate::sync::SyncError;

/// Owner reads and writes; nobody else anything.
const PRIVATE_FILE: u32 = 0o600;
const PRIVATE_FOLDER: u32 = 0o700;
/// The folder of this device's home in which dropped files wait until they are in the space.
const UNPACKED: &str = "received";

/// See [`UNPACKED`]. What an earlier run left in it is gone, and what this one leaves goes with it.
pub(super) struct Unpacked(PathBuf);

impl Unpacked {
    /// A device's own.
    pub(super) fn of(home: &Home) -> Self {
        Self(home.folder().join(UNPACKED))
    }

    /// Makes the folder, which nobody else may look into.
    pub(super) fn make(&self) -> Result<(), StateError> {
        let folder = &self.0;
        fs::DirBuilder::new().recursive(true).mode(PRIVATE_FOLDER).create(folder).map_err(StateError::io(folder))
    }

    /// Refuses so many bytes as a full disk does, if with them too little would be left for all else on it: a stranger's files are no reason to
    /// fill it, only to find that they do not fit.
    pub(super) fn make_sure_of_room(&self, bytes: u64) -> Result<(), StateError> {
        let failed = StateError::io(&self.0);
        match statvfs(&self.0) {
            Ok(disk) => {
                let (free, all) =
                    (disk.f_bavail.saturating_mul(disk.f_frsize), disk.f_blocks.saturating_mul(disk.f_frsize));
                if has_room(bytes, free, all) { Ok(()) } else { Err(failed(io::Error::from(ErrorKind::StorageFull))) }
            }
            Err(errno) => Err(failed(errno.into())),
        }
    }

    /// Where a file of a drop lies.
    pub(super) fn file(&self, number: usize) -> PathBuf {
        self.0.join(number.to_string())
    }

    /// Writes the next file of a drop; what its content is.
    pub(super) fn write<F: FnMut(u32) -> Result<Vec<u8>, Unopened<SyncError>>>(
        &self,
        number: usize,
        file: &DroppedFile,
        stream: &mut DropStream<F>,
    ) -> Result<Digest, Unopened<SyncError>> {
        let path = self.file(number);
        let failed = |source| Unopened::Other(SyncError::from(StateError::io(&path)(source)));
        let mut out: File =
            OpenOptions::new().write(true).create_new(true).mode(PRIVATE_FILE).open(&path).map_err(failed)?;
        let mut hasher = blake3::Hasher::new();
        stream.read(file.bytes, &mut |piece| {
            hasher.update(piece);
            out.write_all(piece).map_err(|source| SyncError::from(StateError::io(&path)(source)))
        })?;
        // A time that the disk cannot hold is not worth losing the file for.
        let _ = UNIX_EPOCH.checked_add(Duration::from_millis(file.changed_ms)).map(|changed| out.set_modified(changed));
        Ok(Digest(*hasher.finalize().as_bytes()))
    }

    pub(super) fn clear(&self) {
        let Ok(entries) = fs::read_dir(&self.0) else { return };
        for entry in entries.flatten() {
            match fs::remove_file(entry.path()) {
                Err(error) if error.kind() != ErrorKind::NotFound => {
                    tracing::warn!(path = %entry.path().display(), %error, "a received file is left over");
                }
                _ => {}
            }
        }
    }
}

impl Drop for Unpacked {
    fn drop(&mut self) {
        self.clear();
    }
}

/// Whether a disk of `all` bytes, of which so many are `free`, takes in `bytes`. One that does not say its size is tried.
fn has_room(bytes: u64, free: u64, all: u64) -> bool {
    let left = DROP_DISK_LEFT_BYTES.min((all / 100).saturating_mul(DROP_DISK_LEFT_PERCENT));
    all == 0 || free.checked_sub(left).is_some_and(|room| bytes <= room)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn some_of_a_disk_is_left() {
        const GIB: u64 = 1 << 30;
        assert!(has_room(99 * GIB, 100 * GIB, 1000 * GIB));
        assert!(!has_room(99 * GIB + 1, 100 * GIB, 1000 * GIB));
        assert!(has_room(940, 1000, 1000) && !has_room(960, 1000, 1000), "of a small one less");
        assert!(has_room(1, 0, 0), "one that says nothing");
        assert!(!has_room(u64::MAX, u64::MAX, u64::MAX));
    }
}
