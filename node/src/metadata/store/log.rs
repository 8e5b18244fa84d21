//! The Raft log and this voter's vote on disk.
//!
//! An append is acknowledged only after its fsync. The consensus engine issues one at a time; concurrent proposals share
//! it because they share an entry (see `proposer`).

use std::fmt::Debug;
use std::ops::{Bound, RangeBounds};
use std::sync::Arc;

use openraft::storage::{LogFlushed, RaftLogStorage};
use openraft::{AnyError, Entry, LogId, LogState, RaftLogReader, StorageError, StorageIOError};
use rocksdb::WriteBatch;
use tokio::task::spawn_blocking;
use vauban_protocol::canonical::encode;

use super::database::{Database, Durability, Family, Scan};
use super::schema::Key;
use crate::limit::APPEND_BYTES_MAX;
use crate::metadata::error::Failure;
use crate::metadata::raft::{Group, Voter};

type Result<T> = std::result::Result<T, StorageError<Voter>>;

/// Cheap to clone; every clone is the same log.
#[derive(Debug, Clone)]
pub(in crate::metadata) struct LogStore {
    database: Arc<Database>,
}

impl LogStore {
    pub(in crate::metadata) fn new(database: Arc<Database>) -> Self {
        Self { database }
    }

    /// Runs a disk operation away from the tasks that must stay responsive.
    async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Database) -> std::result::Result<T, Failure> + Send + 'static,
    ) -> std::result::Result<T, AnyError> {
        let database = Arc::clone(&self.database);
        match spawn_blocking(move || work(&database)).await {
            Ok(result) => result.map_err(|failure| AnyError::new(&failure)),
            Err(error) => Err(AnyError::new(&error)),
        }
    }

    /// Entries from `start` on and before `end`, until `bytes_max` are passed; one at least, if there is one.
    async fn entries(&self, start: u64, end: u64, bytes_max: usize) -> Result<Vec<Entry<Group>>> {
        self.run(move |database| {
            let mut entries = Vec::new();
            let mut bytes = 0usize;
            database.scan(Family::Log, &Key::entry(start), &Key::entry(end), |_, value| {
                bytes = bytes.saturating_add(value.len());
                if bytes > bytes_max && !entries.is_empty() {
                    return Ok(Scan::Enough);
                }
                entries.push(decode_entry(database, &value)?);
                Ok(Scan::More)
            })?;
            Ok(entries)
        })
        .await
        .map_err(|error| StorageIOError::read_logs(error).into())
    }
}

fn decode_entry(database: &Database, bytes: &[u8]) -> std::result::Result<Entry<Group>, Failure> {
    postcard::from_bytes(bytes).map_err(|error| database.fail("decoded a log entry", &error))
}

impl RaftLogReader<Group> for LogStore {
    async fn try_get_log_entries<RB>(&mut self, range: RB) -> Result<Vec<Entry<Group>>>
    where
        RB: RangeBounds<u64> + Clone + Debug + Send,
    {
        let start = match range.start_bound() {
            Bound::Included(start) => *start,
            Bound::Excluded(start) => start.saturating_add(1),
            Bound::Unbounded => 0,
        };
        let end = match range.end_bound() {
            Bound::Included(end) => end.saturating_add(1),
            Bound::Excluded(end) => *end,
            Bound::Unbounded => u64::MAX,
        };
        self.entries(start, end, usize::MAX).await
    }

    async fn limited_get_log_entries(&mut self, start: u64, end: u64) -> Result<Vec<Entry<Group>>> {
        self.entries(start, end, APPEND_BYTES_MAX).await
    }
}

impl RaftLogStorage<Group> for LogStore {
    type LogReader = Self;

    async fn get_log_state(&mut self) -> Result<LogState<Group>> {
        self.run(|database| {
            let purged: Option<LogId<Voter>> = database.read_as(Family::Voter, &Key::purged())?;
            let last = database.last(Family::Log)?.map(|bytes| decode_entry(database, &bytes)).transpose()?;
            Ok(LogState { last_purged_log_id: purged, last_log_id: last.map(|entry| entry.log_id).or(purged) })
        })
        .await
        .map_err(|error| StorageIOError::read_logs(error).into())
    }

    async fn get_log_reader(&mut self) -> Self {
        self.clone()
    }

    async fn save_vote(&mut self, vote: &openraft::Vote<Voter>) -> Result<()> {
        let bytes = encode(vote);
        self.run(move |database| {
            let mut batch = WriteBatch::default();
            database.put(&mut batch, Family::Voter, &Key::vote(), &bytes)?;
            database.write(batch, Durability::Synced, "saved its vote")
        })
        .await
        .map_err(|error| StorageIOError::write_vote(error).into())
    }

    async fn read_vote(&mut self) -> Result<Option<openraft::Vote<Voter>>> {
        self.run(|database| database.read_as(Family::Voter, &Key::vote()))
            .await
            .map_err(|error| StorageIOError::read_vote(error).into())
    }

    async fn save_committed(&mut self, committed: Option<LogId<Voter>>) -> Result<()> {
        let Some(committed) = committed else {
            return Ok(());
        };
        self.run(move |database| {
            let mut batch = WriteBatch::default();
            let bytes = encode(&committed);
            database.put(&mut batch, Family::Voter, &Key::committed(), &bytes)?;
            database.write(batch, Durability::Ordered, "noted what is committed")
        })
        .await
        .map_err(|error| StorageIOError::write_logs(error).into())
    }

    async fn read_committed(&mut self) -> Result<Option<LogId<Voter>>> {
        self.run(|database| database.read_as(Family::Voter, &Key::committed()))
            .await
            .map_err(|error| StorageIOError::read_logs(error).into())
    }

    async fn append<I>(&mut self, entries: I, callback: LogFlushed<Group>) -> Result<()>
    where
        I: IntoIterator<Item = Entry<Group>> + Send,
        I::IntoIter: Send,
    {
        let entries: Vec<Entry<Group>> = entries.into_iter().collect();
        let written = self
            .run(move |database| {
                let mut batch = WriteBatch::default();
                for entry in &entries {
                    let key = Key::entry(entry.log_id.index);
                    database.put(&mut batch, Family::Log, &key, &encode(entry))?;
                }
                database.write(batch, Durability::Synced, "appended to the log")
            })
            .await;
        match written {
            Ok(()) => {
                callback.log_io_completed(Ok(()));
                Ok(())
            }
            Err(error) => {
                callback.log_io_completed(Err(std::io::Error::other(error.to_string())));
                Err(StorageIOError::write_logs(error).into())
            }
        }
    }

    async fn truncate(&mut self, log_id: LogId<Voter>) -> Result<()> {
        self.run(move |database| {
            let mut batch = WriteBatch::default();
            let from = Key::entry(log_id.index);
            database.delete_range(&mut batch, Family::Log, &from, &Key::greatest())?;
            database.write(batch, Durability::Synced, "cut the log")
        })
        .await
        .map_err(|error| StorageIOError::write_logs(error).into())
    }

    async fn purge(&mut self, log_id: LogId<Voter>) -> Result<()> {
        self.run(move |database| {
            let mut batch = WriteBatch::default();
            let end = Key::entry(log_id.index.saturating_add(1));
            database.delete_range(&mut batch, Family::Log, &Key::least(), &end)?;
            database.put(&mut batch, Family::Voter, &Key::purged(), &encode(&log_id))?;
            database.write(batch, Durability::Ordered, "purged the log")
        })
        .await
        .map_err(|error| StorageIOError::write_logs(error).into())
    }
}
