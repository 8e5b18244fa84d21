//! Snapshots: checkpoints of the database, which RocksDB makes of hard links. Never in memory, whatever their size.
//!
//! A finished snapshot is a folder named by the log id it stands at, and says so itself: its own record of the last
//! applied entry is its description. It appears under that name by a rename, so it is whole or not there. The newest and
//! the one before it are kept, and each that is still on its way to a peer.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use openraft::{Snapshot, SnapshotMeta};
use rocksdb::checkpoint::Checkpoint;

use super::database::Database;
use super::replica::{Position, read_position};
use crate::metadata::error::{Failure, MetadataError};
use crate::metadata::raft::Group;

/// A snapshot that is being made.
const BUILDING: &str = "building";
/// A snapshot that a peer is sending.
const RECEIVING: &str = "receiving";
/// Finished snapshots that are kept.
const KEPT: usize = 2;

/// One snapshot: a folder that holds a checkpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::metadata) struct SnapshotFolder {
    /// Where it is.
    pub(in crate::metadata) path: PathBuf,
    /// While this lives, the snapshot is not removed.
    _lent: Option<Arc<()>>,
}

/// The folder of all snapshots.
#[derive(Debug)]
pub(in crate::metadata) struct SnapshotShelf {
    path: PathBuf,
    /// Serialises what adds and removes snapshots.
    adding: Mutex<()>,
    /// Snapshots that somebody reads, by their names.
    lent: Mutex<BTreeMap<String, Weak<()>>>,
}

impl SnapshotShelf {
    /// Opens or creates the shelf, and removes what was never finished.
    pub(in crate::metadata) fn open(path: &Path) -> io::Result<Self> {
        fs::create_dir_all(path)?;
        remove(&path.join(BUILDING))?;
        remove(&path.join(RECEIVING))?;
        Ok(Self { path: path.to_owned(), adding: Mutex::new(()), lent: Mutex::default() })
    }

    /// Makes a snapshot of the state as it is now. Apply goes on meanwhile.
    pub(super) fn build(&self, database: &Database) -> Result<Snapshot<Group>, Failure> {
        let fail = |error: &dyn std::fmt::Display| database.fail("made a snapshot", error);
        let _adding = self.adding.lock().unwrap_or_else(PoisonError::into_inner);
        let building = self.path.join(BUILDING);
        remove(&building).map_err(|error| fail(&error))?;
        Checkpoint::new(database.rocks())
            .and_then(|checkpoint| checkpoint.create_checkpoint(&building))
            .map_err(|error| fail(&error))?;
        let position = describe(&building).map_err(|error| fail(&error))?;
        let snapshot = self.shelve(&building, &position).map_err(|error| fail(&error))?;
        self.prune().map_err(|error| fail(&error))?;
        Ok(snapshot)
    }

    /// An empty folder, for a snapshot that a peer sends.
    pub(super) fn receive(&self, database: &Database) -> Result<SnapshotFolder, Failure> {
        let path = self.path.join(RECEIVING);
        remove(&path)
            .and_then(|()| fs::create_dir(&path))
            .map_err(|error| database.fail("prepared for a snapshot", &error))?;
        Ok(SnapshotFolder { path, _lent: None })
    }

    /// Takes a received snapshot on, if it stands where its sender says.
    pub(super) fn adopt(
        &self,
        database: &Database,
        received: &SnapshotFolder,
        meta: &SnapshotMeta<super::super::raft::Voter, openraft::EmptyNode>,
    ) -> Result<SnapshotFolder, Failure> {
        let fail = |error: &dyn std::fmt::Display| database.fail("received a snapshot", error);
        let _adding = self.adding.lock().unwrap_or_else(PoisonError::into_inner);
        let position = describe(&received.path).map_err(|error| fail(&error))?;
        if position.log_id != meta.last_log_id {
            return Err(fail(&"it stands at another log id than its sender says"));
        }
        let snapshot = self.shelve(&received.path, &position).map_err(|error| fail(&error))?;
        Ok(*snapshot.snapshot)
    }

    /// The newest finished snapshot; it stays for as long as somebody has it.
    pub(super) fn current(&self, database: &Database) -> Result<Option<Snapshot<Group>>, Failure> {
        let fail = |error: &dyn std::fmt::Display| database.fail("read a snapshot", error);
        let names = self.finished().map_err(|error| fail(&error))?;
        let Some(name) = names.last() else {
            return Ok(None);
        };
        let lent = self.lend(name);
        let path = self.path.join(name);
        let position = describe(&path).map_err(|error| fail(&error))?;
        Ok(Some(snapshot(path, &position, Some(lent))))
    }

    /// The index at which the oldest snapshot stands that somebody has.
    pub(in crate::metadata) fn oldest_lent(&self) -> Option<u64> {
        let lent = self.lent();
        let (name, _) = lent.first_key_value()?;
        name.split('-').next()?.parse().ok()
    }

    fn lend(&self, name: &str) -> Arc<()> {
        let mut lent = self.lent();
        let lease = lent.get(name).and_then(Weak::upgrade).unwrap_or_default();
        lent.insert(name.to_owned(), Arc::downgrade(&lease));
        lease
    }

    /// Those that somebody still has.
    fn lent(&self) -> MutexGuard<'_, BTreeMap<String, Weak<()>>> {
        let mut lent = self.lent.lock().unwrap_or_else(PoisonError::into_inner);
        lent.retain(|_, lease| lease.strong_count() > 0);
        lent
    }

    /// A finished snapshot by its name.
    pub(super) fn find(&self, name: &str) -> SnapshotFolder {
        SnapshotFolder { path: self.path.join(name), _lent: None }
    }

    /// Removes what is older than what is kept, and is not being read.
    pub(super) fn prune(&self) -> io::Result<()> {
        let names = self.finished()?;
        let old = names.len().saturating_sub(KEPT);
        let lent = self.lent();
        for name in names.iter().take(old).filter(|name| !lent.contains_key(*name)) {
            remove(&self.path.join(name))?;
        }
        Ok(())
    }

    /// Names of finished snapshots, the oldest first.
    fn finished(&self) -> io::Result<Vec<String>> {
        let mut names = Vec::new();
        for entry in fs::read_dir(&self.path)? {
            let name = entry?.file_name();
            if let Some(name) = name.to_str()
                && name.starts_with(|first: char| first.is_ascii_digit())
            {
                names.push(name.to_owned());
            }
        }
        names.sort_unstable();
        Ok(names)
    }

    /// Gives a checkpoint its name. Two at the same log id hold the same state: the one that is there stays.
    fn shelve(&self, from: &Path, position: &Position) -> io::Result<Snapshot<Group>> {
        let path = self.path.join(name_of(position));
        if path.exists() {
            remove(from)?;
        } else {
            fs::rename(from, &path)?;
            File::open(&self.path)?.sync_all()?;
        }
        Ok(snapshot(path, position, None))
    }
}

fn name_of(position: &Position) -> String {
    let (index, term) = position.log_id.map_or((0, 0), |log_id| (log_id.index, log_id.leader_id.term));
    format!("{index:020}-{term}")
}

fn snapshot(path: PathBuf, position: &Position, lent: Option<Arc<()>>) -> Snapshot<Group> {
    Snapshot {
        meta: SnapshotMeta {
            last_log_id: position.log_id,
            last_membership: position.membership.clone(),
            snapshot_id: name_of(position),
        },
        snapshot: Box::new(SnapshotFolder { path, _lent: lent }),
    }
}

fn describe(path: &Path) -> Result<Position, MetadataError> {
    let checkpoint = Database::open_checkpoint(path)?;
    Ok(read_position(&checkpoint)?)
}

/// Removes a folder; there may be none.
pub(super) fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_dir_all(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}
