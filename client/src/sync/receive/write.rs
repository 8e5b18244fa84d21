//! Writing files beside where they are to stand: large ones as their chunks come, small ones by threads of their own.
//!
//! Making a file costs more than filling a small one, and the disk takes several at once. Nothing here is seen by anybody: a
//! file stands at its name once it has [landed](super::Receive), and what an interrupted run leaves is removed by the next.

use std::thread::Scope;

use crossbeam_channel::{Receiver, Sender, bounded};
use vauban_protocol::id::Digest;
use vauban_protocol::limit::CHUNK_PLAIN_BYTES_MAX;

use super::Expected;
use crate::content::{ChunkFault, Opened};
use crate::limit::{WRITE_QUEUE_FILES, WRITE_THREADS_MAX};
use crate::log::{Kind, Version};
use crate::state::cache::BaseRow;
use crate::sync::plan::Download;
use crate::sync::report::Problem;
use crate::tree::{FileType, SyncRoot, Temporary, TreeError, TreePath, may_link};

/// A file that is written beside, and not flushed yet.
pub(super) struct Written<'a> {
    pub(super) download: Download,
    pub(super) base: Option<BaseRow>,
    pub(super) temporary: Temporary<'a>,
    pub(super) file_type: Option<FileType>,
}

/// Why one file was not written.
pub(super) enum Fault {
    Problem(Problem),
    Disk(TreeError),
}

/// What became of one file.
pub(super) struct Done<'a> {
    pub(super) path: TreePath,
    pub(super) bytes: u64,
    pub(super) result: Result<Written<'a>, Fault>,
}

/// A small file to write, with all of its chunks.
pub(super) struct Job {
    pub(super) file: Expected,
    /// What its unfinished file is named by.
    pub(super) random: u64,
    pub(super) chunks: Vec<Result<Opened, ChunkFault>>,
}

/// A file that is being written.
pub(super) struct Writing<'a> {
    root: &'a SyncRoot,
    file: Expected,
    random: u64,
    hasher: blake3::Hasher,
    file_type: Option<FileType>,
    body: Result<Body<'a>, Fault>,
}

/// What a file's bytes go to.
enum Body<'a> {
    File(Temporary<'a>),
    /// Where a link points to.
    Link(Vec<u8>),
}

/// Threads that write small files; none, where files are to come in one order.
pub(super) struct Writers<'a> {
    jobs: Option<Sender<Job>>,
    queue: Receiver<Job>,
    done: Receiver<Done<'a>>,
}

/// How many threads write, where `sealing` threads seal: one thread there stands for one order of all files.
pub(super) fn write_threads(sealing: usize) -> usize {
    if sealing > 1 { sealing.min(WRITE_THREADS_MAX) } else { 0 }
}

impl<'a> Writers<'a> {
    pub(super) fn start<'scope>(scope: &'scope Scope<'scope, '_>, root: &'a SyncRoot, threads: usize) -> Self
    where
        'a: 'scope,
    {
        let (jobs, queue) = bounded::<Job>(WRITE_QUEUE_FILES);
        // All that can be under way while nobody takes what is done: those that wait, those in hand, and one just given.
        let (out, done) = bounded(WRITE_QUEUE_FILES + WRITE_THREADS_MAX + 1);
        for _ in 0..threads {
            let (queue, out) = (queue.clone(), out.clone());
            scope.spawn(move || {
                for Job { file, random, chunks } in queue {
                    let (path, bytes) = (file.download.path.clone(), file.version.bytes);
                    let mut writing = Writing::begin(root, file, random);
                    chunks.into_iter().for_each(|chunk| writing.push(chunk));
                    // Whoever waited for it may have given up.
                    if out.send(Done { path, bytes, result: writing.finish() }).is_err() {
                        return;
                    }
                }
            });
        }
        Self { jobs: (threads > 0).then_some(jobs), queue, done }
    }

    /// Whether they are to write this file: it is small enough to be held whole.
    pub(super) fn is_for(&self, file: &Expected) -> bool {
        self.jobs.is_some() && file.version.bytes <= CHUNK_PLAIN_BYTES_MAX as u64
    }

    /// Gives them a file, once they have room for it.
    pub(super) fn give(&self, job: Job) {
        if let Some(jobs) = &self.jobs {
            // This end of the queue is held here: it cannot have ended.
            let _ = jobs.send(job);
        }
    }

    /// A file that they have written by now.
    pub(super) fn done(&self) -> Option<Done<'a>> {
        self.done.try_recv().ok()
    }

    /// No more is given to them.
    pub(super) fn close(&mut self) {
        self.jobs = None;
    }

    /// The next file that they have written, once they have; `None` if they were given no more.
    pub(super) fn next(&self) -> Option<Done<'a>> {
        self.done.recv().ok()
    }

    /// Takes back what they have not begun, and waits for the rest.
    pub(super) fn stop(mut self) -> Vec<Done<'a>> {
        self.close();
        while self.queue.try_recv().is_ok() {}
        self.done.iter().collect()
    }
}

impl<'a> Writing<'a> {
    /// Makes an empty file, named by a random number.
    pub(super) fn begin(root: &'a SyncRoot, file: Expected, random: u64) -> Self {
        let body = if file.download.child.kind == Kind::Symlink {
            Ok(Body::Link(Vec::new()))
        } else {
            let Version { executable, bytes, .. } = file.version;
            Temporary::file(root, random, executable, bytes).map(Body::File).map_err(Fault::Disk)
        };
        Self { root, file, random, hasher: blake3::Hasher::new(), file_type: None, body }
    }

    /// Of how many chunks it is made.
    pub(super) fn chunks(&self) -> usize {
        self.file.chunks
    }

    /// Adds the next chunk; what cannot be had or written ends it.
    pub(super) fn push(&mut self, chunk: Result<Opened, ChunkFault>) {
        let Ok(body) = &mut self.body else { return };
        let opened = match chunk {
            Ok(opened) => opened,
            Err(fault) => {
                self.body = Err(Fault::Problem(fault.into()));
                return;
            }
        };
        let bytes = opened.as_ref();
        self.hasher.update(bytes);
        self.file_type.get_or_insert_with(|| FileType::of(bytes));
        match body {
            Body::Link(target) => target.extend_from_slice(bytes),
            Body::File(temporary) => {
                if let Some(Err(source)) = temporary.writer().map(|writer| writer.write_all(bytes)) {
                    let path = self.file.download.child.name.as_str().into();
                    self.body = Err(Fault::Disk(TreeError::Disk { what: "write", path, source }));
                }
            }
        }
    }

    /// Ends it, if it is what was recorded.
    pub(super) fn finish(self) -> Result<Written<'a>, Fault> {
        let Self { root, file: Expected { download, folder, version, base, .. }, random, hasher, file_type, body } =
            self;
        let body = body?;
        // The chunks are genuine, each by itself; this says that they are the content that was recorded.
        if Digest(*hasher.finalize().as_bytes()) != version.content {
            return Err(Fault::Problem(Problem::Forged));
        }
        let (mut temporary, file_type) = match body {
            Body::File(temporary) => (temporary, Some(file_type.unwrap_or(FileType::Plain))),
            Body::Link(target) => {
                may_link(&folder, &target).map_err(|refused| Fault::Problem(refused.into()))?;
                (Temporary::link(root, random, &target).map_err(Fault::Disk)?, None)
            }
        };
        temporary.finish(version.mtime_ns).map_err(Fault::Disk)?;
        Ok(Written { download, base, temporary, file_type })
    }
}

impl Written<'_> {
    /// Whether it no longer begins as its file's type does.
    pub(super) fn is_damage(&self) -> bool {
        let was = self.base.as_ref().and_then(|base| base.file_type);
        matches!((was, self.file_type), (Some(was), Some(is)) if was.is_lost_in(is))
    }
}
