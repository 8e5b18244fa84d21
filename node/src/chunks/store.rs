//! The chunk store as the rest of the node sees it.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread::JoinHandle;

use bytes::Bytes;
use tokio::sync::{Semaphore, mpsc, oneshot};
use vauban_protocol::id::{ChunkId, SpaceId};
use vauban_protocol::limit::CHUNKS_BYTES_MAX;

use super::block::DiskAccess;
use super::disk::{DiskLimits, DiskUse, Fill, Purpose};
use super::error::{Corrupt, ReadError, StoreError};
use super::gauges::Gauges;
use super::index::Index;
use super::key::{ChunkKey, Partition};
use super::poison::Poison;
use super::probe;
use super::quarantine::Quarantine;
use super::reclaim::{Reclaim, Reclaimed};
use super::recovery::recover;
use super::row::Location;
use super::rule::Need;
use super::segment::{SegmentFault, Segments, sync_folder};
use super::stage::{Deletion, Reply, Request};
use super::stamp::Stamp;
use super::verified::VerifiedChunk;
use super::writer::Writer;
use crate::limit::{PAGE_ROWS_MAX, PUT_BYTES_IN_FLIGHT_MAX, READS_IN_FLIGHT_MAX, SEGMENT_BYTES, WRITER_REQUESTS_MAX};

/// How a store is opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StoreOptions {
    /// How full the disk may get.
    pub disk_limits: DiskLimits,
    /// Bytes after which a segment is sealed.
    pub segment_bytes: u64,
    /// How bodies go to and from the disk.
    pub disk_access: DiskAccess,
}

impl Default for StoreOptions {
    fn default() -> Self {
        Self { disk_limits: DiskLimits::default(), segment_bytes: SEGMENT_BYTES, disk_access: DiskAccess::Direct }
    }
}

/// A handle to an open store; clones share it. The last one to go waits until the writer has ended.
#[derive(Clone)]
pub struct ChunkStore(Arc<Open>);

/// A copy, as scrub, sweep and repair see it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Held {
    /// The chunk.
    pub id: ChunkId,
    /// The space it is held for.
    pub space: SpaceId,
    /// Bytes of the object.
    pub object_bytes: u32,
    /// The Raft index of the latest receipt for it.
    pub stamp: Stamp,
}

/// What the store holds, and how its disk is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StoreStats {
    /// Copies held.
    pub chunks: u64,
    /// Bytes of their objects.
    pub object_bytes: u64,
    /// Bytes of the segments: objects, headers, what fills blocks up, and garbage not yet reclaimed.
    pub segment_bytes: u64,
    /// Copies set aside since the store was opened: damaged, or not to be read.
    pub quarantined: u64,
    /// Groups committed since the store was opened: each cost two fsyncs at most.
    pub groups: u64,
    /// The disk that the store lies on.
    pub disk: DiskUse,
    /// What it still takes.
    pub fill: Fill,
}

struct Open {
    root: PathBuf,
    limits: DiskLimits,
    index: Arc<Index>,
    segments: Arc<Segments>,
    poison: Arc<Poison>,
    gauges: Arc<Gauges>,
    /// `None` only while the store is being dropped.
    requests: Option<mpsc::Sender<Request>>,
    put_bytes: Arc<Semaphore>,
    reads: Semaphore,
    writer: Option<JoinHandle<()>>,
}

/// What reading one copy came to.
enum Read {
    Absent,
    Whole(Bytes),
    Damaged(Location, Corrupt),
}

impl ChunkStore {
    /// Opens or creates the store in the folder `root`; blocks for disk reads, the longer the more segments there are.
    ///
    /// # Errors
    /// [`StoreError`] that names the file and the next step: another process has the store open, the index is damaged or
    /// missing, or a segment lost acknowledged bytes. A torn end after a crash is repaired, and no error.
    pub fn open(root: &Path, options: StoreOptions) -> Result<Self, StoreError> {
        let index_path = root.join("index");
        let segments_path = root.join("segments");
        std::fs::create_dir_all(root).map_err(StoreError::io("create", root))?;
        let index = Arc::new(Index::open(&index_path)?);
        let segments = Arc::new(Segments::open(segments_path, options.disk_access)?);
        let gauges = Arc::new(Gauges::default());
        let quarantine = Quarantine::open(root.join("quarantine"), Arc::clone(&gauges))?;
        sync_folder(root)?;
        let (ledger, open) = recover(&index, &segments, &index_path)?;
        let poison = Arc::new(Poison::new());
        gauges.publish(&ledger);
        let writer = Writer {
            root: root.to_owned(),
            index: Arc::clone(&index),
            segments: Arc::clone(&segments),
            quarantine,
            ledger,
            open,
            reclaim: Reclaim::default(),
            removed: Vec::new(),
            limits: options.disk_limits,
            segment_bytes: options.segment_bytes.min(SEGMENT_BYTES),
            poison: Arc::clone(&poison),
            gauges: Arc::clone(&gauges),
        };
        let (requests, waiting) = mpsc::channel(WRITER_REQUESTS_MAX);
        let thread = std::thread::Builder::new()
            .name("chunk-writer".to_owned())
            .spawn(move || writer.run(waiting))
            .map_err(StoreError::io("start the writer of", root))?;
        Ok(Self(Arc::new(Open {
            root: root.to_owned(),
            limits: options.disk_limits,
            index,
            segments,
            poison,
            gauges,
            requests: Some(requests),
            put_bytes: Arc::new(Semaphore::new(PUT_BYTES_IN_FLIGHT_MAX)),
            reads: Semaphore::new(READS_IN_FLIGHT_MAX),
            writer: Some(thread),
        })))
    }

    /// Stores chunks, and returns when they are durable. `stamp` is the Raft index this node had applied **before** the
    /// call, which the receipt will name. A chunk that is held already moves no bytes; its stamp is raised.
    ///
    /// # Errors
    /// [`StoreError::DiskFull`] before anything is written, or in the middle of it: then none of these chunks counts as
    /// stored, and all that was acknowledged before does. [`StoreError::Oversized`] over the contract's bound.
    pub async fn put(
        &self,
        space: SpaceId,
        chunks: Vec<VerifiedChunk>,
        stamp: Stamp,
        purpose: Purpose,
    ) -> Result<(), StoreError> {
        let bytes = chunks.iter().map(|chunk| chunk.object().len()).sum::<usize>();
        if bytes > CHUNKS_BYTES_MAX {
            return Err(StoreError::Oversized { bytes });
        }
        let share = u32::try_from(bytes).unwrap_or(u32::MAX);
        let permit = Arc::clone(&self.0.put_bytes).acquire_many_owned(share).await.map_err(|_| StoreError::Closed)?;
        self.request(|reply| Request::Put { space, chunks, stamp, purpose, permit, reply }).await
    }

    /// Which of these chunks this node holds; the stamps of those are durably raised to `stamp` first, so that a receipt
    /// may name it. Answers in the order of `ids`, which the caller bounds.
    ///
    /// # Errors
    /// [`StoreError`] if the index cannot be read or written.
    pub async fn have(&self, space: SpaceId, ids: Vec<ChunkId>, stamp: Stamp) -> Result<Vec<bool>, StoreError> {
        // Most questions are about new chunks, and those need not wait for the writer.
        let open = Arc::clone(&self.0);
        let keys: Vec<_> = ids.iter().map(|id| ChunkKey { id: *id, space }).collect();
        let rows = self.blocking(move || open.index.rows(&keys)).await?;
        let likely: Vec<_> = ids.iter().zip(&rows).filter(|(_, row)| row.is_some()).map(|(id, _)| *id).collect();
        if likely.is_empty() {
            self.0.poison.test()?;
            return Ok(vec![false; ids.len()]);
        }
        let held = self.request(|reply| Request::Have { space, ids: likely, stamp, reply }).await?;
        let mut held = held.into_iter();
        Ok(rows.iter().map(|row| row.is_some() && held.next().unwrap_or(false)).collect())
    }

    /// Bytes of each of these chunks' objects, in the order of `ids`, which the caller bounds; `None` for what is not
    /// held. So a reader knows what memory an answer takes before it reads any of it.
    ///
    /// # Errors
    /// [`StoreError`] if the index cannot be read.
    pub async fn object_bytes(&self, space: SpaceId, ids: &[ChunkId]) -> Result<Vec<Option<u32>>, StoreError> {
        self.0.poison.test()?;
        let keys: Vec<_> = ids.iter().map(|id| ChunkKey { id: *id, space }).collect();
        let open = Arc::clone(&self.0);
        let rows = self.blocking(move || open.index.rows(&keys)).await?;
        Ok(rows.iter().map(|row| row.as_ref().map(|row| row.location.object_bytes)).collect())
    }

    /// Reads one chunk and hashes it; `None` if it is not held.
    ///
    /// # Errors
    /// [`ReadError::Corrupt`] if the bytes are damaged, or cannot be read while others can: the copy no longer counts as held.
    pub async fn get(&self, space: SpaceId, id: ChunkId) -> Result<Option<Bytes>, ReadError> {
        self.0.poison.test()?;
        let _permit = self.0.reads.acquire().await.map_err(|_| StoreError::Closed)?;
        let key = ChunkKey { id, space };
        let open = Arc::clone(&self.0);
        match self.blocking(move || open.read(&key)).await? {
            Read::Absent => Ok(None),
            Read::Whole(object) => Ok(Some(object)),
            Read::Damaged(location, cause) => {
                let seen = cause.clone();
                self.request(|reply| Request::Quarantine { key, location, cause: seen, reply }).await?;
                Err(ReadError::Corrupt { space, id, cause })
            }
        }
    }

    /// Drops a copy if the rule allows it, given what one applied state says; the only way a copy goes unneeded.
    ///
    /// # Errors
    /// [`StoreError`] if the index cannot be read or written.
    pub async fn delete_if(&self, space: SpaceId, id: ChunkId, need: Need) -> Result<Deletion, StoreError> {
        self.request(|reply| Request::DeleteIf { key: ChunkKey { id, space }, need, reply }).await
    }

    /// At most [`PAGE_ROWS_MAX`] of the copies in a partition, from after the given one, in the order of (id, space).
    ///
    /// # Errors
    /// [`StoreError`] if the index cannot be read.
    pub async fn ids_in(
        &self,
        partition: Partition,
        after: Option<(ChunkId, SpaceId)>,
    ) -> Result<Vec<Held>, StoreError> {
        self.0.poison.test()?;
        let after = after.map(|(id, space)| ChunkKey { id, space });
        let open = Arc::clone(&self.0);
        let page = self.blocking(move || open.index.page(partition, after, PAGE_ROWS_MAX)).await?;
        let held = page.into_iter().map(|(key, row)| Held {
            id: key.id,
            space: key.space,
            object_bytes: row.location.object_bytes,
            stamp: row.stamp,
        });
        Ok(held.collect())
    }

    /// Does one bounded step of giving the space of dropped copies back to the file system.
    ///
    /// # Errors
    /// [`StoreError`] if a segment cannot be read, or what is live in it not be written anew.
    pub async fn reclaim(&self) -> Result<Reclaimed, StoreError> {
        self.request(|reply| Request::Reclaim { reply }).await
    }

    /// What the disk still takes; asks the system, so may wait.
    ///
    /// # Errors
    /// [`StoreError::Io`] if it does not say.
    pub fn fill(&self) -> Result<Fill, StoreError> {
        Ok(self.0.limits.fill(DiskUse::of(&self.0.root)?))
    }

    /// The totals.
    ///
    /// # Errors
    /// [`StoreError::Io`] if the system does not say how full the disk is.
    pub fn stats(&self) -> Result<StoreStats, StoreError> {
        let gauges = &self.0.gauges;
        let disk = DiskUse::of(&self.0.root)?;
        Ok(StoreStats {
            chunks: gauges.chunks.load(Ordering::Relaxed),
            object_bytes: gauges.object_bytes.load(Ordering::Relaxed),
            segment_bytes: gauges.segment_bytes.load(Ordering::Relaxed),
            quarantined: gauges.quarantined.load(Ordering::Relaxed),
            groups: gauges.groups.load(Ordering::Relaxed),
            fill: self.0.limits.fill(disk),
            disk,
        })
    }

    /// Waits until the store is poisoned, which it is never meant to be, and says why. The node then stops.
    pub async fn poisoned(&self) -> Arc<str> {
        self.0.poison.wait().await
    }

    async fn request<T>(&self, make: impl FnOnce(Reply<T>) -> Request) -> Result<T, StoreError> {
        self.0.poison.test()?;
        let (reply, answer) = oneshot::channel();
        let requests = self.0.requests.as_ref().ok_or(StoreError::Closed)?;
        requests.send(make(reply)).await.map_err(|_| StoreError::Closed)?;
        match answer.await {
            Ok(answer) => answer,
            Err(_) => self.0.poison.test().and(Err(StoreError::Closed)),
        }
    }

    async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        // A join fails only when the runtime is ending.
        tokio::task::spawn_blocking(work).await.map_err(|_| StoreError::Closed)?
    }
}

impl Open {
    /// Reads a copy. One that seems damaged is looked at again once the disk has shown that it can be read: what ailed the way to it
    /// for a moment costs no copy its row.
    fn read(&self, key: &ChunkKey) -> Result<Read, StoreError> {
        match self.look(key)? {
            Read::Damaged(..) => {
                self.require_readable(key)?;
                self.look(key)
            }
            found => Ok(found),
        }
    }

    /// Poisons the store if nothing can be read from its disk: no copy is to blame then.
    fn require_readable(&self, key: &ChunkKey) -> Result<(), StoreError> {
        let seed = key.id.0.first_chunk().map_or(0, |bytes| u64::from_be_bytes(*bytes));
        if !probe::is_readable(&self.segments, seed)? {
            let reason = format!("nothing can be read from the disk of {}", self.root.display());
            tracing::error!(reason, "the chunk store is poisoned");
            self.poison.set(&reason);
        }
        self.poison.test()
    }

    fn look(&self, key: &ChunkKey) -> Result<Read, StoreError> {
        let mut gone_from = None;
        loop {
            let Some(row) = self.index.row(key)? else {
                return Ok(Read::Absent);
            };
            match self.segments.read(key, &row.location) {
                Ok(object) => return Ok(Read::Whole(object)),
                Err(SegmentFault::Store(error)) => return Err(error),
                Err(SegmentFault::Damaged(cause)) => return Ok(Read::Damaged(row.location, cause)),
                // Moved while we looked; the index knows where to, unless somebody removed the file by hand.
                Err(SegmentFault::Gone) if gone_from == Some(row.location) => {
                    return Ok(Read::Damaged(row.location, Corrupt::Truncated { id: key.id }));
                }
                Err(SegmentFault::Gone) => gone_from = Some(row.location),
            }
        }
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.requests = None;
        if let Some(writer) = self.writer.take() {
            // A panic of the writer has poisoned the store already.
            let _ended = writer.join();
        }
    }
}
