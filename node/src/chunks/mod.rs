//! Verified chunks in, bytes out, durably.
//!
//! A store is a folder: bodies lie in append-only **segment** files, and a RocksDB instance holds the **index**, one row
//! for each (id, space) that says where the body lies and up to which Raft index receipts were given for it. One thread
//! writes: it gathers whatever requests wait, appends all their bodies with one fsync, then commits all their rows with
//! another, and only then answers. So writers share the cost of being durable, and what a row promises is on disk.
//!
//! Invariants:
//! - a row is committed only after its body is durable, and a request is answered only after its row is;
//! - bytes are hashed where they enter ([`VerifiedChunk`]) and again where they leave;
//! - a stamp never goes down; stamps are raised and copies dropped by the one writer thread, which is thereby the lock
//!   between `have` and sweep (`rule`);
//! - a copy that is damaged or cannot be read no longer counts as held, but only while the disk can be read elsewhere (`probe`);
//! - after a failed write whose extent is unknown, or once nothing can be read, the store is poisoned and answers nothing any more.
//!
//! Deliberately absent: files, users, peers, placement. Who may read or write is decided before, in `edge`; which
//! copies must exist is decided in `placement`. SPEC.md gives the bytes on disk.

mod error;
mod stamp;
mod verified;

mod block;
mod disk;
mod key;
mod poison;
mod record;
mod row;

mod index;
mod probe;
mod quarantine;
mod segment;

mod gauges;
mod group;
mod ledger;
mod reclaim;
mod recovery;
mod rule;
mod stage;
mod writer;

mod store;

#[cfg(test)]
pub(crate) mod tests;

pub use block::DiskAccess;
pub use disk::{DiskLimits, DiskUse, Fill, Purpose};
pub use error::{Corrupt, ReadError, StoreError};
pub use key::Partition;
pub use reclaim::Reclaimed;
pub use rule::{Duty, Need, RowState, may_delete};
pub use stage::Deletion;
pub use stamp::Stamp;
pub use store::{ChunkStore, Held, StoreOptions, StoreStats};
pub use verified::VerifiedChunk;
