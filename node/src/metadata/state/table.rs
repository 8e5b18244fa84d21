//! Records that apply both reads and writes: those of the base, under what the draft has changed so far.

use std::collections::{BTreeMap, BTreeSet};
use std::mem;

use bytes::Bytes;
use serde::Serialize;
use serde::de::DeserializeOwned;
use vauban_protocol::canonical::{decode, encode};
use vauban_protocol::id::{ChunkId, SpaceId};

use super::base::Base;
use super::row::Row;
use crate::metadata::store::Key;

/// Records by key: what they become, or that they go.
pub(in crate::metadata) type Written = BTreeMap<Key, Option<Bytes>>;

/// See the module.
#[derive(Debug)]
pub(super) struct Table<'a, B> {
    base: &'a B,
    written: Written,
}

impl<'a, B: Base> Table<'a, B> {
    pub(super) fn new(base: &'a B) -> Self {
        Self { base, written: Written::new() }
    }

    /// What there is to write.
    pub(super) fn finish(&mut self) -> Written {
        mem::take(&mut self.written)
    }

    /// A record's bytes.
    pub(super) fn bytes(&self, key: &Key) -> Result<Option<Bytes>, B::Error> {
        match self.written.get(key) {
            Some(written) => Ok(written.clone()),
            None => self.base.record(key),
        }
    }

    /// A record.
    pub(super) fn find<T: Serialize + DeserializeOwned>(&self, key: &Key) -> Result<Option<T>, B::Error> {
        self.bytes(key)?.map(|bytes| self.decoded(&bytes)).transpose()
    }

    /// A chunk's row.
    pub(super) fn row(&self, space: SpaceId, chunk: ChunkId) -> Result<Option<Row>, B::Error> {
        let bytes = self.bytes(&Key::row(space, chunk))?;
        bytes.map(|bytes| Row::parse(&bytes).map_err(|error| self.base.damaged(error))).transpose()
    }

    /// Writes a chunk's row.
    pub(super) fn put_row(&mut self, space: SpaceId, chunk: ChunkId, row: Row) {
        self.put_bytes(Key::row(space, chunk), row.to_bytes().into());
    }

    /// The first records from `from` on and before `end`, `at_most` of them.
    pub(super) fn range<T: Serialize + DeserializeOwned>(
        &self,
        from: &Key,
        end: &Key,
        at_most: usize,
    ) -> Result<Vec<(Key, T)>, B::Error> {
        let over: Vec<_> = self.written.range(from.clone()..end.clone()).collect();
        // As many more as may have gone.
        let wanted = at_most.saturating_add(over.len());
        let mut found: BTreeMap<Key, Bytes> = self.base.records(from, end, wanted)?.into_iter().collect();
        for (key, written) in over {
            match written {
                Some(bytes) => found.insert(key.clone(), bytes.clone()),
                None => found.remove(key),
            };
        }
        found.into_iter().take(at_most).map(|(key, bytes)| Ok((key, self.decoded(&bytes)?))).collect()
    }

    /// The first keys from `from` on and before `end`, `at_most` of them.
    pub(super) fn keys(&self, from: &Key, end: &Key, at_most: usize) -> Result<Vec<Key>, B::Error> {
        let over: Vec<_> = self.written.range(from.clone()..end.clone()).collect();
        let wanted = at_most.saturating_add(over.len());
        let mut found: BTreeSet<Key> = self.base.records(from, end, wanted)?.into_iter().map(|(key, _)| key).collect();
        for (key, written) in over {
            match written {
                Some(_) => found.insert(key.clone()),
                None => found.remove(key),
            };
        }
        Ok(found.into_iter().take(at_most).collect())
    }

    /// Writes a record.
    pub(super) fn put<T: Serialize>(&mut self, key: Key, value: &T) {
        self.put_bytes(key, encode(value).into());
    }

    /// Writes a record's bytes.
    pub(super) fn put_bytes(&mut self, key: Key, bytes: Bytes) {
        self.written.insert(key, Some(bytes));
    }

    /// Takes a record away.
    pub(super) fn delete(&mut self, key: Key) {
        self.written.insert(key, None);
    }

    fn decoded<T: Serialize + DeserializeOwned>(&self, bytes: &[u8]) -> Result<T, B::Error> {
        decode(bytes).map_err(|error| self.base.damaged(error))
    }
}
