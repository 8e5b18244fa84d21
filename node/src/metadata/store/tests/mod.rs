//! The engine's own conformance suite, on this log and this state machine.

use std::path::Path;
use std::sync::Arc;

use openraft::StorageError;
use openraft::testing::{StoreBuilder, Suite};
use tempfile::TempDir;
use vauban_protocol::id::NodeId;

use super::snapshot::SnapshotShelf;
use super::{Database, LogStore, Machine, Replica, resume};
use crate::metadata::raft::{Group, Voter};

pub(super) const NODE: NodeId = NodeId([7; 16]);

pub(super) fn open(path: &Path) -> (LogStore, Machine, Arc<Replica>) {
    let database = Arc::new(Database::open(&path.join("db"), NODE).unwrap());
    let shelf = SnapshotShelf::open(&path.join("snapshots")).unwrap();
    resume(&database, &shelf).unwrap();
    let replica = Arc::new(Replica::load(Arc::clone(&database)).unwrap());
    let machine = Machine::new(Arc::clone(&replica), Arc::new(shelf));
    (LogStore::new(database), machine, replica)
}

struct OnDisk;

impl StoreBuilder<Group, LogStore, Machine, TempDir> for OnDisk {
    async fn build(&self) -> Result<(TempDir, LogStore, Machine), StorageError<Voter>> {
        let dir = tempfile::tempdir().unwrap();
        let (log, machine, _) = open(dir.path());
        Ok((dir, log, machine))
    }
}

#[test]
fn the_engines_suite_passes() {
    Suite::test_all(OnDisk).unwrap();
}

mod snapshot;
