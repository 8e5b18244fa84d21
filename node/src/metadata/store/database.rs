//! The RocksDB instance: opening, reading, writing, and what a failure means.
//!
//! Every error of a running database marks it as failed, once and for all; whoever watches the mark stops the node.

use std::fmt::Display;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rocksdb::{
    BlockBasedOptions, Cache, ColumnFamily, ColumnFamilyDescriptor, DB, DBRecoveryMode, Direction, ErrorKind,
    FlushOptions, IteratorMode, LogLevel, Options, WriteBatch, WriteOptions,
};
use tokio::sync::watch;
use vauban_protocol::canonical::{decode, encode};
use vauban_protocol::id::NodeId;

use super::schema::Key;
use crate::limit::{META_BUFFER_BYTES, META_BUFFERS_BYTES, META_CACHE_BYTES, META_FILES_OPEN_MAX, META_WAL_BYTES_MAX};
use crate::metadata::error::{Failure, MetadataError};

/// The format that this build writes.
const FORMAT: u32 = 3;
/// The file that names all others.
const CURRENT: &str = "CURRENT";
/// Bits of a Bloom filter a key: one in a hundred absent keys costs a read.
const BLOOM_BITS_PER_KEY: f64 = 10.0;

/// The three kinds of records, kept apart because they live and die differently.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::metadata) enum Family {
    /// This voter's own: identity, vote, what it has committed and purged.
    Voter,
    /// The Raft log: grows at one end, is purged at the other.
    Log,
    /// The replicated state.
    State,
}

impl Family {
    const ALL: [Self; 3] = [Self::Voter, Self::Log, Self::State];

    fn name(self) -> &'static str {
        match self {
            // RocksDB always has this one.
            Self::Voter => "default",
            Self::Log => "log",
            Self::State => "state",
        }
    }
}

/// Whether a write returns before or after it is on the disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::metadata) enum Durability {
    /// It may be lost with the power, together with everything written after it.
    Ordered,
    /// It, and everything before it, survives.
    Synced,
}

/// See the module.
pub(in crate::metadata) struct Database {
    rocks: DB,
    path: PathBuf,
    failed: watch::Sender<Option<Failure>>,
}

impl std::fmt::Debug for Database {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Database({})", self.path.display())
    }
}

impl Database {
    /// Whether there is a database, or what is left of one, at `path`.
    pub(in crate::metadata) fn exists(path: &Path) -> bool {
        path.join(CURRENT).exists() || refuse_headless(path).is_err()
    }

    /// Opens or creates the database of `node` at `path`.
    pub(in crate::metadata) fn open(path: &Path, node: NodeId) -> Result<Self, MetadataError> {
        refuse_headless(path)?;
        let rocks =
            DB::open_cf_descriptors(&database_options(), path, families()).map_err(|error| open_error(path, &error))?;
        let database = Self { rocks, path: path.to_owned(), failed: watch::Sender::new(None) };
        database.claim(node)?;
        Ok(database)
    }

    /// Opens a checkpoint, which nobody writes any more.
    pub(super) fn open_checkpoint(path: &Path) -> Result<Self, MetadataError> {
        refuse_headless(path)?;
        let mut options = database_options();
        options.create_if_missing(false);
        options.create_missing_column_families(false);
        let rocks = DB::open_cf_descriptors_read_only(&options, path, families(), false)
            .map_err(|error| open_error(path, &error))?;
        Ok(Self { rocks, path: path.to_owned(), failed: watch::Sender::new(None) })
    }

    /// Opens a database beside the node that runs on it, to read what it has written so far. `scratch` takes the engine's own log.
    pub(super) fn open_beside(path: &Path, scratch: &Path) -> Result<Self, MetadataError> {
        if !Self::exists(path) {
            return Err(MetadataError::Lost { path: path.to_owned() });
        }
        let mut options = database_options();
        options.create_if_missing(false);
        options.create_missing_column_families(false);
        // Whoever does not hold every table open loses those that the other merges away meanwhile.
        options.set_max_open_files(-1);
        let rocks = DB::open_cf_descriptors_as_secondary(&options, path, scratch, families())
            .map_err(|error| open_error(path, &error))?;
        Ok(Self { rocks, path: path.to_owned(), failed: watch::Sender::new(None) })
    }

    /// Makes a new database this node's, and refuses another node's or a newer one.
    fn claim(&self, node: NodeId) -> Result<(), MetadataError> {
        let path = || self.path.clone();
        match self.read_as::<u32>(Family::Voter, &Key::format())? {
            Some(found) if found > FORMAT => {
                return Err(MetadataError::NewerFormat { path: path(), found, supported: FORMAT });
            }
            Some(FORMAT) => {}
            Some(found) => return Err(MetadataError::OlderFormat { path: path(), found }),
            None => {
                let mut batch = WriteBatch::default();
                self.put(&mut batch, Family::Voter, &Key::format(), &encode(&FORMAT))?;
                self.put(&mut batch, Family::Voter, &Key::node(), &encode(&node))?;
                self.write(batch, Durability::Synced, "was created")?;
                return Ok(());
            }
        }
        match self.read_as::<NodeId>(Family::Voter, &Key::node())? {
            Some(found) if found == node => Ok(()),
            Some(found) => Err(MetadataError::OtherNode { path: path(), found, expected: node }),
            None => Err(MetadataError::Damaged { path: path(), cause: "it does not say whose it is".to_owned() }),
        }
    }

    /// Writes everything into tables, whose length and checksums the next start verifies. The end of a write-ahead log
    /// says nothing of what was cut off it; so a database that was closed in order has none that matters.
    pub(in crate::metadata) fn settle(&self) -> Result<(), Failure> {
        let families = [self.family(Family::Voter)?, self.family(Family::Log)?, self.family(Family::State)?];
        self.rocks
            .flush_cfs_opt(&families, &FlushOptions::default())
            .map_err(|error| self.fail("wrote its tables", &error))
    }

    /// The engine itself, for a checkpoint.
    pub(super) fn rocks(&self) -> &DB {
        &self.rocks
    }

    /// Told once the database has failed.
    pub(in crate::metadata) fn failed(&self) -> watch::Receiver<Option<Failure>> {
        self.failed.subscribe()
    }

    /// Marks the database as failed, and gives the first reason back.
    pub(in crate::metadata) fn fail(&self, during: &'static str, cause: &dyn Display) -> Failure {
        let failure = Failure { path: self.path.clone(), during, cause: cause.to_string().into() };
        self.failed.send_if_modified(|mark| {
            let first = mark.is_none();
            mark.get_or_insert_with(|| failure.clone());
            first
        });
        failure
    }

    fn family(&self, family: Family) -> Result<&ColumnFamily, Failure> {
        self.rocks.cf_handle(family.name()).ok_or_else(|| self.fail("looked for a column family", &family.name()))
    }

    /// A record.
    pub(in crate::metadata) fn read(&self, family: Family, key: &Key) -> Result<Option<Vec<u8>>, Failure> {
        self.rocks.get_cf(self.family(family)?, key).map_err(|error| self.fail("read a record", &error))
    }

    /// A record, decoded.
    pub(in crate::metadata) fn read_as<T>(&self, family: Family, key: &Key) -> Result<Option<T>, Failure>
    where
        T: serde::Serialize + serde::de::DeserializeOwned,
    {
        self.read(family, key)?
            .map(|bytes| decode(&bytes))
            .transpose()
            .map_err(|error| self.fail("decoded a record", &error))
    }

    /// Records in key order, from `from` on and before `end`, for as long as `take` wants more.
    pub(in crate::metadata) fn scan(
        &self,
        family: Family,
        from: &Key,
        end: &Key,
        mut take: impl FnMut(&[u8], Box<[u8]>) -> Result<Scan, Failure>,
    ) -> Result<(), Failure> {
        let mode = IteratorMode::From(from.as_ref(), Direction::Forward);
        for record in self.rocks.iterator_cf(self.family(family)?, mode) {
            let (key, value) = record.map_err(|error| self.fail("read records", &error))?;
            if key.as_ref() >= end.as_ref() || take(&key, value)? == Scan::Enough {
                break;
            }
        }
        Ok(())
    }

    /// The last record of a family.
    pub(super) fn last(&self, family: Family) -> Result<Option<Box<[u8]>>, Failure> {
        self.rocks
            .iterator_cf(self.family(family)?, IteratorMode::End)
            .next()
            .transpose()
            .map(|record| record.map(|(_, value)| value))
            .map_err(|error| self.fail("read the last record", &error))
    }

    /// Adds a record to a batch.
    pub(in crate::metadata) fn put(
        &self,
        batch: &mut WriteBatch,
        family: Family,
        key: &Key,
        value: &[u8],
    ) -> Result<(), Failure> {
        batch.put_cf(self.family(family)?, key, value);
        Ok(())
    }

    /// Adds a record that another database holds, as it is.
    pub(super) fn put_raw(
        &self,
        batch: &mut WriteBatch,
        family: Family,
        key: &[u8],
        value: &[u8],
    ) -> Result<(), Failure> {
        batch.put_cf(self.family(family)?, key, value);
        Ok(())
    }

    /// Adds a deletion to a batch.
    pub(super) fn delete(&self, batch: &mut WriteBatch, family: Family, key: &Key) -> Result<(), Failure> {
        batch.delete_cf(self.family(family)?, key);
        Ok(())
    }

    /// Adds the deletion of all records from `from` on and before `end`.
    pub(super) fn delete_range(
        &self,
        batch: &mut WriteBatch,
        family: Family,
        from: &Key,
        end: &Key,
    ) -> Result<(), Failure> {
        batch.delete_range_cf(self.family(family)?, from.as_ref(), end.as_ref());
        Ok(())
    }

    /// Writes a batch: all of it, or the node stops.
    pub(in crate::metadata) fn write(
        &self,
        batch: WriteBatch,
        durability: Durability,
        during: &'static str,
    ) -> Result<(), Failure> {
        if let Some(failure) = &*self.failed.borrow() {
            return Err(failure.clone());
        }
        let mut options = WriteOptions::default();
        options.set_sync(durability == Durability::Synced);
        self.rocks.write_opt(batch, &options).map_err(|error| self.fail(during, &error))
    }
}

/// Whether a scan goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::metadata) enum Scan {
    /// The next record, too.
    More,
    /// No other.
    Enough,
}

/// Refuses a folder that holds a database's files but not the one that names them: RocksDB would begin a new database
/// there and delete the rest.
fn refuse_headless(path: &Path) -> Result<(), MetadataError> {
    if path.join(CURRENT).exists() {
        return Ok(());
    }
    let Ok(mut entries) = fs::read_dir(path) else {
        return Ok(());
    };
    let is_data = |name: &str| name.starts_with("MANIFEST") || name.ends_with(".sst") || name.ends_with(".log");
    let data = entries.find_map(|entry| {
        let name = entry.ok()?.file_name().into_string().ok()?;
        is_data(&name).then_some(name)
    });
    match data {
        None => Ok(()),
        Some(name) => Err(MetadataError::Damaged {
            path: path.to_owned(),
            cause: format!("{name} is there, but the file {CURRENT} is missing"),
        }),
    }
}

fn open_error(path: &Path, error: &rocksdb::Error) -> MetadataError {
    let path = path.to_owned();
    let cause = error.to_string();
    match error.kind() {
        ErrorKind::IOError if cause.contains("lock") || cause.contains("LOCK") => MetadataError::InUse { path },
        ErrorKind::IOError if !cause.contains("No such file") => {
            MetadataError::Failed(Failure { path, during: "was opened", cause: Arc::from(cause) })
        }
        _ => MetadataError::Damaged { path, cause },
    }
}

fn database_options() -> Options {
    let mut options = Options::default();
    options.create_if_missing(true);
    options.create_missing_column_families(true);
    options.set_db_write_buffer_size(META_BUFFERS_BYTES);
    options.set_max_total_wal_size(META_WAL_BYTES_MAX);
    options.set_max_open_files(META_FILES_OPEN_MAX);
    options.set_max_background_jobs(2);
    // A record cut short at the very end is a crash in mid-write, never acknowledged. Anything else is damage, and
    // must not pass for an older state.
    options.set_wal_recovery_mode(DBRecoveryMode::TolerateCorruptedTailRecords);
    options.set_track_and_verify_wals_in_manifest(true);
    options.set_paranoid_checks(true);
    options.set_log_level(LogLevel::Warn);
    options.set_keep_log_file_num(2);
    options.set_stats_dump_period_sec(0);
    options
}

/// The column families, with one cache for all of them.
fn families() -> [ColumnFamilyDescriptor; 3] {
    let cache = Cache::new_lru_cache(META_CACHE_BYTES);
    Family::ALL.map(|family| ColumnFamilyDescriptor::new(family.name(), family_options(&cache)))
}

fn family_options(cache: &Cache) -> Options {
    let mut tables = BlockBasedOptions::default();
    tables.set_block_cache(cache);
    tables.set_cache_index_and_filter_blocks(true);
    tables.set_bloom_filter(BLOOM_BITS_PER_KEY, false);
    let mut options = Options::default();
    options.set_block_based_table_factory(&tables);
    options.set_write_buffer_size(META_BUFFER_BYTES);
    options
}
