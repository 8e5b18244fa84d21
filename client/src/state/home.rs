//! The folder where a device's keys and state live.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use vauban_protocol::id::SpaceId;

use crate::state::StateError;

/// The anchor's file.
pub const ANCHOR_FILE: &str = "anchor";
/// A device's home folder. Its files' names are all here.
#[derive(Debug, Clone)]
pub struct Home {
    folder: PathBuf,
}

/// The right to write with this home's keys; one process has it at a time. Given back when dropped, or when the process ends.
#[derive(Debug)]
pub struct Claim {
    _lock: File,
}

impl Home {
    /// The home in `folder`, else where the XDG base directory specification puts data.
    #[must_use]
    pub fn at(folder: Option<PathBuf>) -> Self {
        let folder = folder.unwrap_or_else(|| {
            std::env::var_os("XDG_DATA_HOME")
                .map(PathBuf::from)
                .filter(|path| path.is_absolute())
                .or_else(|| std::env::home_dir().map(|home| home.join(".local/share")))
                .unwrap_or_else(|| PathBuf::from("."))
                .join("vauban")
        });
        Self { folder }
    }

    /// The folder itself.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Makes the folder, readable by its owner alone, if there is none.
    ///
    /// # Errors
    /// [`StateError::Io`].
    pub fn create(&self) -> Result<(), StateError> {
        fs::DirBuilder::new().recursive(true).mode(0o700).create(&self.folder).map_err(StateError::io(&self.folder))
    }

    /// The device's keys, locked.
    #[must_use]
    pub fn keystore(&self) -> PathBuf {
        self.folder.join("keystore.vault")
    }

    /// The organisation's root and TLS authority, locked; only where `org create` or `org restore` ran.
    #[must_use]
    pub fn root_vault(&self) -> PathBuf {
        self.folder.join("root.vault")
    }

    /// The anchor.
    #[must_use]
    pub fn anchor(&self) -> PathBuf {
        self.folder.join(ANCHOR_FILE)
    }

    /// The organisation's verified certificates.
    #[must_use]
    pub fn chain(&self) -> PathBuf {
        self.folder.join("organisation.chain")
    }

    /// What can be rebuilt.
    #[must_use]
    pub fn cache(&self) -> PathBuf {
        self.folder.join("cache")
    }

    /// The cache of one space.
    #[must_use]
    pub fn space_cache(&self, space: SpaceId) -> PathBuf {
        self.cache().join(format!("{}.sqlite", space.to_hex()))
    }

    /// Chunks that were uploaded and that no commit refers to yet.
    #[must_use]
    pub fn journal(&self) -> PathBuf {
        self.folder.join("journal.sqlite")
    }

    /// A file that keeps the proof of an alarm.
    #[must_use]
    pub fn proof(&self, name: &str) -> PathBuf {
        self.folder.join(format!("alarm-{name}"))
    }

    /// What a service keeps in step, and how.
    #[must_use]
    pub fn settings(&self) -> PathBuf {
        self.folder.join("service.toml")
    }

    /// Where a service answers.
    #[must_use]
    pub fn socket(&self) -> PathBuf {
        self.folder.join("service.sock")
    }

    /// What happened lately.
    #[must_use]
    pub fn events(&self) -> PathBuf {
        self.folder.join("events.jsonl")
    }

    /// What happened before that.
    #[must_use]
    pub fn older_events(&self) -> PathBuf {
        self.folder.join("events-old.jsonl")
    }

    /// Holds the place of the one process that keeps this home's folders in step, until it is dropped.
    ///
    /// # Errors
    /// [`StateError::Served`] if another process has it.
    pub fn serve(&self) -> Result<File, StateError> {
        let path = self.folder.join("service.lock");
        let lock = lock_file(&path)?;
        match lock.try_lock() {
            Ok(()) => Ok(lock),
            Err(TryLockError::WouldBlock) => Err(StateError::Served(self.folder.clone())),
            Err(TryLockError::Error(error)) => Err(StateError::io(&path)(error)),
        }
    }

    /// Claims the right to write with this home's keys, for commands that commit: two processes must never use one counter.
    ///
    /// # Errors
    /// [`StateError::InUse`] if another process has it.
    pub fn claim(&self) -> Result<Claim, StateError> {
        let path = self.folder.join("claim.lock");
        let lock = lock_file(&path)?;
        match lock.try_lock() {
            Ok(()) => Ok(Claim { _lock: lock }),
            Err(TryLockError::WouldBlock) => Err(StateError::InUse(self.folder.clone())),
            Err(TryLockError::Error(error)) => Err(StateError::io(&path)(error)),
        }
    }

    /// Holds the home's small files for one change, which takes milliseconds; waits for its turn.
    ///
    /// # Errors
    /// [`StateError::Io`].
    pub(crate) fn hold(&self) -> Result<File, StateError> {
        let path = self.folder.join("change.lock");
        let lock = lock_file(&path)?;
        lock.lock().map_err(StateError::io(&path))?;
        Ok(lock)
    }
}

fn lock_file(path: &Path) -> Result<File, StateError> {
    OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(path).map_err(StateError::io(path))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_claim_at_a_time() {
        let folder = tempfile::tempdir().unwrap();
        let home = Home::at(Some(folder.path().join("home")));
        home.create().unwrap();
        let claim = home.claim().unwrap();
        assert!(matches!(home.claim(), Err(StateError::InUse(_))));
        drop(claim);
        home.claim().unwrap();
    }
}
