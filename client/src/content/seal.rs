//! The sealing pool: files in, sealed chunks and versions out, on all cores.
//!
//! ```text
//! jobs ─► feeder ─┬─ small files ──────────────► workers: read, cut, seal
//!                 └─ large files ─► cutters: read, cut ─► chunks ─┘        └─► Sealed, bounded
//! ```
//! A file's [`Sealed::File`] follows all of its [`Sealed::Chunk`]s, whoever sealed them. A file that changes while it is read
//! is read again, so that what is sealed is a version that existed (sync.md, rule 5). The pool ends when its receiver is
//! dropped, or when everything is sealed.

mod pages;
mod worker;

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use bytes::Bytes;
use crossbeam_channel::{Receiver, Sender, bounded};
use vauban_crypto::chunk::{ChunkTag, Layout};
use vauban_protocol::id::{ChunkId, Digest};
use vauban_protocol::limit::CHUNK_PLAIN_BYTES_MAX;

use super::budget::{ByteBudget, BytePermit};
use super::dedup::{Dedup, DedupError};
use super::meter::Meter;
use super::recall::LastCut;
use super::source::Source;
use crate::limit::{
    CUT_QUEUE_CHUNKS, CUTTERS_MAX, FILE_QUEUE_MAX, FILES_TAKEN_MAX, SEAL_THREADS_MAX, SEALED_QUEUE_MAX,
};
use crate::log::{ChunkRef, EpochSecrets, Version};
use crate::tree::{FileType, Identity, TreeError};

/// A file to seal.
#[derive(Debug, Clone)]
pub struct Job {
    /// The caller's number for it.
    pub number: usize,
    /// Its bytes.
    pub source: Source,
    /// Bytes that it had when it was looked at.
    pub bytes: u64,
    /// The epoch whose cutter cut its last version, if it has one (`formats#10`).
    pub cutter_epoch: Option<u32>,
    /// Where its last version was cut; nothing for small files, which are cut fast.
    pub last_cut: LastCut,
}

/// What comes out of the pool.
#[derive(Debug)]
pub enum Sealed {
    /// A chunk to be stored.
    Chunk(Outgoing),
    /// A file, all of whose chunks came before.
    File {
        /// The job's number.
        number: usize,
        /// The version, or why there is none.
        result: Result<SealedFile, Skip>,
    },
    /// A recorded tag that turned out to be a lie.
    FalseTag(ChunkId, ChunkTag),
    /// The pool cannot go on: this machine's disk or this program is at fault.
    Failed(DedupError),
}

/// A sealed chunk on its way.
#[derive(Debug)]
pub struct Outgoing {
    /// What ops will say of it.
    pub chunk: ChunkRef,
    /// Its bytes.
    pub object: Bytes,
    /// Whether it was stored before, as far as this device knows: nodes are asked first.
    pub is_known: bool,
    /// Its share of what may be sealed at once.
    pub permit: BytePermit,
}

/// A file's new version.
#[derive(Debug, Clone)]
pub struct SealedFile {
    /// The version, as the op will say it.
    pub version: Version,
    /// Every chunk that it rests on, pages included.
    pub chunks: Vec<ChunkRef>,
    /// What the disk said of the file, before and after it was read.
    pub identity: Identity,
    /// What its first bytes say it is.
    pub file_type: FileType,
}

/// Why a file was left out. The rest goes on.
#[derive(Debug, thiserror::Error)]
pub enum Skip {
    /// It cannot be read.
    #[error(transparent)]
    Unreadable(#[from] TreeError),
    /// It kept changing while it was read.
    #[error("it changes while it is read")]
    Busy,
    /// It is larger than a version can say.
    #[error("it is larger than the format allows")]
    TooLarge,
}

/// The pool.
#[derive(Debug)]
pub struct Sealer {
    sealed: Option<Receiver<Sealed>>,
    threads: Vec<JoinHandle<()>>,
}

/// What all threads of a pool share.
#[derive(Debug, Clone)]
pub struct Sealing {
    /// Every epoch of the space, for their cutters.
    pub epochs: BTreeMap<u32, Arc<EpochSecrets>>,
    /// The epoch that seals.
    pub current: Arc<EpochSecrets>,
    /// What may be sealed and not yet stored.
    pub budget: ByteBudget,
    /// What is sealed and not yet in the journal.
    pub in_flight: InFlight,
    /// Who counts what was sealed.
    pub meter: Arc<dyn Meter>,
}

/// Chunks that were handed out and are not in the journal yet, so that equal ones are sealed once.
#[derive(Debug, Clone, Default)]
pub struct InFlight(Arc<Mutex<HashMap<ChunkTag, ChunkRef>>>);

impl InFlight {
    /// The chunk in flight under this tag.
    #[must_use]
    pub fn find(&self, tag: ChunkTag) -> Option<ChunkRef> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(&tag).cloned()
    }

    /// Adds a chunk that was handed out.
    pub fn insert(&self, chunk: ChunkRef) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(chunk.tag, chunk);
    }

    /// Removes chunks that the journal knows now.
    pub fn remove<'a>(&self, tags: impl IntoIterator<Item = &'a ChunkTag>) {
        let mut chunks = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for tag in tags {
            chunks.remove(tag);
        }
    }
}

/// A piece of work for a worker.
enum Work {
    Files(Vec<Job>),
    Chunk { index: usize, layout: Layout, reply: Sender<(usize, ChunkRef)> },
}

impl Sealer {
    /// Starts to seal `jobs`. Each thread takes one of `dedups`, of which there are [`Sealer::threads`].
    #[must_use]
    pub fn start(jobs: Vec<Job>, sealing: &Sealing, dedups: Vec<Dedup>) -> Self {
        let (out, sealed) = bounded(SEALED_QUEUE_MAX);
        let (work_in, work_out) = bounded(CUT_QUEUE_CHUNKS);
        let (large_in, large_out) = bounded::<Job>(FILE_QUEUE_MAX);
        let mut threads = Vec::new();
        let has_large = jobs.iter().any(is_large);
        let mut dedups = dedups.into_iter();
        for _ in 0..if has_large { CUTTERS_MAX } else { 0 } {
            let Some(dedup) = dedups.next() else { break };
            let worker = worker::Worker::new(sealing.clone(), dedup, out.clone());
            let (jobs, work) = (large_out.clone(), work_in.clone());
            threads.push(std::thread::spawn(move || worker.cut_all(&jobs, &work)));
        }
        for dedup in dedups {
            let worker = worker::Worker::new(sealing.clone(), dedup, out.clone());
            let work = work_out.clone();
            threads.push(std::thread::spawn(move || worker.work_all(&work)));
        }
        threads.push(std::thread::spawn(move || feed(jobs, &large_in, &work_in)));
        Self { sealed: Some(sealed), threads }
    }

    /// Threads that look for chunks: cutters, and one worker a core.
    #[must_use]
    pub fn threads() -> usize {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        CUTTERS_MAX + cores.min(SEAL_THREADS_MAX)
    }

    /// What comes out. It ends when everything is sealed.
    #[must_use]
    pub fn sealed(&self) -> Receiver<Sealed> {
        self.sealed.clone().unwrap_or_else(crossbeam_channel::never)
    }
}

impl Drop for Sealer {
    fn drop(&mut self) {
        // Without a receiver every thread's next message fails, and the thread ends.
        self.sealed = None;
        for thread in self.threads.drain(..) {
            let _ = thread.join();
        }
    }
}

/// Large files take the cutters, where they do not keep small ones waiting.
fn feed(jobs: Vec<Job>, large: &Sender<Job>, work: &Sender<Work>) {
    let mut small = Vec::new();
    for job in jobs {
        let sent = if is_large(&job) {
            large.send(job).is_ok()
        } else {
            small.push(job);
            small.len() < FILES_TAKEN_MAX || work.send(Work::Files(std::mem::take(&mut small))).is_ok()
        };
        if !sent {
            return;
        }
    }
    // Nobody waits for the last ones if the pool has ended.
    let _ = work.send(Work::Files(small));
}

fn is_large(job: &Job) -> bool {
    is_large_file(job.bytes)
}

/// Whether a file of so many bytes is cut by a thread of its own.
pub(crate) fn is_large_file(bytes: u64) -> bool {
    bytes > CHUNK_PLAIN_BYTES_MAX as u64
}

impl SealedFile {
    /// A version of the same content that was recorded before, if this is one: nothing needs to be written then.
    #[must_use]
    pub fn is_content(&self, content: Option<Digest>, executable: bool) -> bool {
        content == Some(self.version.content) && executable == self.version.executable
    }
}
