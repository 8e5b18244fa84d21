//! The group's log and state on disk: one RocksDB instance, apart from the chunks', so that their traffic never delays
//! an fsync of the log.
//!
//! What is acknowledged is in the log, which is synced before Raft counts it. State changes are not synced of their own:
//! they share the write-ahead log with the entries they follow from, so a crash can only undo them from the end, and
//! the next start applies them again.

mod backup;
mod cache;
mod database;
mod install;
mod log;
mod machine;
mod news;
mod replica;
mod restore;
mod schema;
mod snapshot;

pub use backup::{About, back_up};
pub(super) use backup::{all_scheduled, remove_unfinished, scheduled, write as write_backup};
pub(super) use database::{Database, Family, Scan};
pub(super) use install::resume;
pub(super) use log::LogStore;
pub(super) use machine::Machine;
pub(super) use replica::Replica;
pub use restore::{Built, Restored, restore};
pub(super) use schema::Key;
pub(super) use snapshot::{SnapshotFolder, SnapshotShelf};

/// The database's folder.
pub(super) const DATABASE: &str = "db";
/// What is beside the folder of metadata from their first entry or vote on: whoever finds this, and none, has lost them.
pub(super) const BEGUN: &str = "begun";

#[cfg(test)]
mod tests;
