//! Replacing the state by a snapshot.
//!
//! The state is too large for one batch, so the replacement is made restartable instead: first a synced record names the
//! snapshot, then everything is copied, and the record goes with the last batch. A start that finds the record copies
//! again. The vote and the log stay as they are.

use openraft::{EmptyNode, SnapshotMeta};
use rocksdb::WriteBatch;
use vauban_protocol::canonical::encode;

use super::database::{Database, Durability, Family, Scan};
use super::replica::Replica;
use super::schema::Key;
use super::snapshot::{SnapshotFolder, SnapshotShelf};
use crate::limit::INSTALL_BATCH_BYTES;
use crate::metadata::error::{Failure, MetadataError};
use crate::metadata::raft::Voter;

/// What a failure is said to have interrupted.
const DURING: &str = "installed a snapshot";

/// Installs a received snapshot.
pub(super) fn install(
    replica: &Replica,
    shelf: &SnapshotShelf,
    meta: &SnapshotMeta<Voter, EmptyNode>,
    received: &SnapshotFolder,
) -> Result<(), Failure> {
    let database = replica.database();
    let folder = shelf.adopt(database, received, meta)?;
    let mut position = replica.position();
    let _replacing = replica.replacing();
    let name = folder.path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let mut batch = WriteBatch::default();
    database.put(&mut batch, Family::Voter, &Key::installing(), &encode(&name))?;
    database.write(batch, Durability::Synced, DURING)?;
    copy(database, &folder)?;
    replica.reload(&mut position)?;
    shelf.prune().map_err(|error| database.fail(DURING, &error))
}

/// Ends what a crash interrupted, before anything else is read.
pub(in crate::metadata) fn resume(database: &Database, shelf: &SnapshotShelf) -> Result<(), MetadataError> {
    let name: Option<String> = database.read_as(Family::Voter, &Key::installing())?;
    if let Some(name) = name {
        tracing::warn!(snapshot = name, "a snapshot was being installed: starting over");
        copy(database, &shelf.find(&name))?;
    }
    Ok(())
}

fn copy(database: &Database, folder: &SnapshotFolder) -> Result<(), Failure> {
    let source = Database::open_checkpoint(&folder.path).map_err(|error| database.fail(DURING, &error))?;
    let mut batch = WriteBatch::default();
    database.delete_range(&mut batch, Family::State, &Key::least(), &Key::greatest())?;
    source.scan(Family::State, &Key::least(), &Key::greatest(), |key, value| {
        database.put_raw(&mut batch, Family::State, key, &value)?;
        if batch.size_in_bytes() >= INSTALL_BATCH_BYTES {
            let full = std::mem::take(&mut batch);
            database.write(full, Durability::Ordered, DURING)?;
        }
        Ok(Scan::More)
    })?;
    database.delete(&mut batch, Family::Voter, &Key::installing())?;
    database.write(batch, Durability::Synced, DURING)
}
