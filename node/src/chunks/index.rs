//! The index on RocksDB: one row a copy, and the ledger. Small rows only; bodies never enter it.
//!
//! Every commit is one batch with an fsync of the write-ahead log, so rows and ledger change together or not at all. They
//! also share one column family, so that they are flushed together: a manifest cut short then shows an older moment of
//! both, which recovery can bring forward, and never rows and ledger of different moments.
//!
//! RocksDB's memory is bounded by the node's limits; nothing is compressed, because ids are random bytes.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};

use rocksdb::{
    BlockBasedOptions, Cache, DB, DBRecoveryMode, Direction, IteratorMode, Options, WriteBatch, WriteOptions,
};

use super::error::StoreError;
use super::key::{ChunkKey, Partition};
use super::ledger::{FORMAT, Head, Ledger, SegmentUse};
use super::row::{Row, SegmentNumber};
use crate::limit::{INDEX_BUFFERS_BYTES, INDEX_CACHE_BYTES, INDEX_FILES_OPEN_MAX};

/// The first byte of a key says what the row is about.
const HEAD: [u8; 1] = [0];
const SEGMENT: u8 = 1;
const COPY: u8 = 2;
/// Bits a key in the bloom filters: one lookup in a hundred for an absent chunk touches the disk.
const FILTER_BITS: f64 = 10.0;
/// RocksDB's own log files: two of this size tell enough about a failure.
const LOG_BYTES_MAX: usize = 1024 * 1024;

/// The open index.
pub(super) struct Index {
    db: DB,
    path: PathBuf,
}

/// What one group changes; `None` takes a row away.
pub(super) struct Changes<'a> {
    pub(super) rows: &'a HashMap<ChunkKey, Option<Row>>,
    pub(super) segments: &'a BTreeMap<SegmentNumber, Option<SegmentUse>>,
    pub(super) head: Head,
}

impl Index {
    /// Opens or creates the index in the folder `path`.
    pub(super) fn open(path: &Path) -> Result<Self, StoreError> {
        let db = DB::open(&database_options(), path).map_err(|error| {
            let text = error.into_string();
            // RocksDB has no error kind of its own for this; its text names the file.
            if text.contains("lock") && text.contains("LOCK") {
                return StoreError::Locked { path: path.to_owned() };
            }
            StoreError::Index { path: path.to_owned(), detail: text }
        })?;
        Ok(Self { db, path: path.to_owned() })
    }

    /// The ledger, or `None` in a new index.
    pub(super) fn ledger(&self) -> Result<Option<Ledger>, StoreError> {
        let Some(bytes) = self.db.get_pinned(HEAD).map_err(|e| self.fault(e))? else {
            return Ok(None);
        };
        match bytes.first() {
            Some(&FORMAT) => {}
            Some(&found) => {
                return Err(StoreError::Format { path: self.path.clone(), found, known: FORMAT });
            }
            None => return Err(self.damaged("the head is empty")),
        }
        let head = Head::decode(&bytes).ok_or_else(|| self.damaged("the head does not decode"))?;
        let mut ledger = Ledger { head, ..Ledger::empty() };
        let segments = IteratorMode::From(&[SEGMENT], Direction::Forward);
        for item in self.db.iterator(segments) {
            let (key, value) = item.map_err(|e| self.fault(e))?;
            let Some(number) = key.strip_prefix(&[SEGMENT]) else {
                break;
            };
            let number = number.try_into().map(u32::from_be_bytes).ok();
            let (Some(number), Some(used)) = (number, SegmentUse::decode(&value)) else {
                return Err(self.damaged("a segment's row does not decode"));
            };
            ledger.enter(SegmentNumber(number), Some(used));
        }
        Ok(Some(ledger))
    }

    /// The row of one copy.
    pub(super) fn row(&self, key: &ChunkKey) -> Result<Option<Row>, StoreError> {
        let value = self.db.get_pinned(copy_key(key)).map_err(|e| self.fault(e))?;
        value.map(|bytes| self.decode_row(&bytes)).transpose()
    }

    /// The rows of many copies, in their order.
    pub(super) fn rows(&self, keys: &[ChunkKey]) -> Result<Vec<Option<Row>>, StoreError> {
        let values = self.db.multi_get(keys.iter().map(copy_key));
        let decode = |value: Option<Vec<u8>>| value.map(|bytes| self.decode_row(&bytes)).transpose();
        values.into_iter().map(|value| value.map_err(|e| self.fault(e)).and_then(decode)).collect()
    }

    /// At most `rows_max` rows of a partition, in the order of keys, from after a key.
    pub(super) fn page(
        &self,
        partition: Partition,
        after: Option<ChunkKey>,
        rows_max: usize,
    ) -> Result<Vec<(ChunkKey, Row)>, StoreError> {
        let (first, last) = partition.keys().into_inner();
        let from = copy_key(&after.unwrap_or(first));
        let mut page = Vec::new();
        for item in self.db.iterator(IteratorMode::From(&from, Direction::Forward)) {
            let (key, value) = item.map_err(|e| self.fault(e))?;
            let key = key.strip_prefix(&[COPY]).and_then(ChunkKey::decode);
            let key = key.ok_or_else(|| self.damaged("a row's key does not decode"))?;
            if key > last || page.len() == rows_max {
                break;
            }
            if after != Some(key) {
                page.push((key, self.decode_row(&value)?));
            }
        }
        Ok(page)
    }

    /// Writes all changes as one batch, and returns when it is durable.
    pub(super) fn commit(&self, changes: &Changes<'_>) -> Result<(), StoreError> {
        let mut batch = WriteBatch::default();
        for (key, row) in changes.rows {
            match row {
                Some(row) => batch.put(copy_key(key), row.encode()),
                None => batch.delete(copy_key(key)),
            }
        }
        for (number, used) in changes.segments {
            match used {
                Some(used) => batch.put(segment_key(*number), used.encode()),
                None => batch.delete(segment_key(*number)),
            }
        }
        batch.put(HEAD, changes.head.encode());
        let mut durably = WriteOptions::default();
        durably.set_sync(true);
        self.db.write_opt(batch, &durably).map_err(|e| self.fault(e))
    }

    fn decode_row(&self, bytes: &[u8]) -> Result<Row, StoreError> {
        Row::decode(bytes).ok_or_else(|| self.damaged("a row does not decode"))
    }

    fn fault(&self, error: rocksdb::Error) -> StoreError {
        StoreError::Index { path: self.path.clone(), detail: error.into_string() }
    }

    fn damaged(&self, detail: &str) -> StoreError {
        StoreError::Index { path: self.path.clone(), detail: detail.to_owned() }
    }
}

fn copy_key(key: &ChunkKey) -> [u8; 1 + ChunkKey::BYTES] {
    let mut bytes = [COPY; 1 + ChunkKey::BYTES];
    let (_about, copy) = bytes.split_at_mut(1);
    copy.copy_from_slice(&key.encode());
    bytes
}

fn segment_key(number: SegmentNumber) -> [u8; 1 + 4] {
    let [a, b, c, d] = number.0.to_be_bytes();
    [SEGMENT, a, b, c, d]
}

fn database_options() -> Options {
    let mut blocks = BlockBasedOptions::default();
    blocks.set_block_cache(&Cache::new_lru_cache(INDEX_CACHE_BYTES));
    blocks.set_bloom_filter(FILTER_BITS, false);
    blocks.set_cache_index_and_filter_blocks(true);
    blocks.set_pin_l0_filter_and_index_blocks_in_cache(true);
    let mut options = Options::default();
    options.create_if_missing(true);
    options.set_block_based_table_factory(&blocks);
    // One buffer fills while the other is written out.
    options.set_write_buffer_size(INDEX_BUFFERS_BYTES / 2);
    options.set_db_write_buffer_size(INDEX_BUFFERS_BYTES);
    options.set_max_total_wal_size(2 * INDEX_BUFFERS_BYTES as u64);
    options.set_max_open_files(INDEX_FILES_OPEN_MAX);
    // A record cut short at the very end is a crash in mid-write, never acknowledged; what it said of whole records, recovery
    // adopts again. Damage before that would take raised stamps back in silence.
    options.set_wal_recovery_mode(DBRecoveryMode::TolerateCorruptedTailRecords);
    options.set_track_and_verify_wals_in_manifest(true);
    options.set_max_log_file_size(LOG_BYTES_MAX);
    options.set_keep_log_file_num(2);
    options
}
