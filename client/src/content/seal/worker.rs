//! One thread of the pool.

use std::io;
use std::thread;
use std::time::Duration;

use bytes::Bytes;
use crossbeam_channel::{Receiver, Sender, unbounded};
use vauban_crypto::chunk::{Frame, Layout};
use vauban_protocol::limit::CHUNK_PLAIN_BYTES_MAX;

use super::pages::paged;
use super::{Job, Outgoing, Sealed, SealedFile, Sealing, Skip, Work};
use crate::content::cut::{CutSummary, HowToCut, cut_file};
use crate::content::dedup::{Dedup, DedupError, Found};
use crate::content::source::Open;
use crate::limit::{READ_BYTES, REREAD_QUIET_MS, REREAD_QUIET_MS_MAX, REREADS_MAX};
use crate::log::{ChunkRef, Version};
use crate::tree::{FileType, Identity, TreeError};

/// A thread's own part of the pool.
pub(super) struct Worker {
    sealing: Sealing,
    dedup: Dedup,
    out: Sender<Sealed>,
}

/// Why a file or chunk was not sealed.
#[derive(Debug)]
pub(super) enum Halt {
    /// This file is left out.
    Skip(Skip),
    /// Nothing can be sealed any more.
    Failed(DedupError),
    /// Nobody wants it any more.
    Stopped,
}

/// The bytes that a file was read as, and what they were sealed to.
struct Pass {
    summary: CutSummary,
    chunks: Vec<ChunkRef>,
    file_type: FileType,
}

/// How the chunks of a file are sealed: here, or by whoever is free.
enum Hands<'a> {
    Own,
    Shared(&'a Sender<Work>),
}

impl Worker {
    pub(super) fn new(sealing: Sealing, dedup: Dedup, out: Sender<Sealed>) -> Self {
        Self { sealing, dedup, out }
    }

    /// Cuts large files, and leaves the sealing to the workers.
    pub(super) fn cut_all(self, jobs: &Receiver<Job>, work: &Sender<Work>) {
        let mut buffer = Vec::new();
        for job in jobs {
            if self.finish(job.number, self.seal_file(&job, &mut buffer, READ_BYTES, &Hands::Shared(work))).is_err() {
                return;
            }
        }
    }

    /// Seals small files and chunks of large ones.
    pub(super) fn work_all(self, work: &Receiver<Work>) {
        let mut buffer = Vec::new();
        for work in work {
            let done = match work {
                Work::Files(jobs) => jobs.iter().try_for_each(|job| {
                    let sealed = self.seal_file(job, &mut buffer, CHUNK_PLAIN_BYTES_MAX, &Hands::Own);
                    self.finish(job.number, sealed)
                }),
                Work::Chunk { index, layout, reply } => match self.seal_laid_out(layout) {
                    // The cutter may have given its file up.
                    Ok(chunk) => {
                        let _ = reply.send((index, chunk));
                        Ok(())
                    }
                    Err(Halt::Skip(_)) => Ok(()),
                    Err(Halt::Failed(error)) => self.send(Sealed::Failed(error)).and(Err(Halt::Stopped)),
                    Err(Halt::Stopped) => Err(Halt::Stopped),
                },
            };
            if done.is_err() {
                return;
            }
        }
    }

    fn finish(&self, number: usize, sealed: Result<SealedFile, Halt>) -> Result<(), Halt> {
        match sealed {
            Ok(file) => self.send(Sealed::File { number, result: Ok(file) }),
            Err(Halt::Skip(skip)) => self.send(Sealed::File { number, result: Err(skip) }),
            Err(Halt::Failed(error)) => self.send(Sealed::Failed(error)).and(Err(Halt::Stopped)),
            Err(Halt::Stopped) => Err(Halt::Stopped),
        }
    }

    /// Reads and seals a file, again for as long as it changes meanwhile.
    fn seal_file(
        &self,
        job: &Job,
        buffer: &mut Vec<u8>,
        read_bytes: usize,
        hands: &Hands<'_>,
    ) -> Result<SealedFile, Halt> {
        let cutter_epoch = job.cutter_epoch.filter(|epoch| self.sealing.epochs.contains_key(epoch));
        let secrets = cutter_epoch.and_then(|epoch| self.sealing.epochs.get(&epoch)).unwrap_or(&self.sealing.current);
        let how = HowToCut { cutter: &secrets.cutter, last: &job.last_cut };
        let mut quiet_ms = REREAD_QUIET_MS;
        for _ in 0..=REREADS_MAX {
            match job.source.open()? {
                Open::Bytes(bytes, identity) => {
                    let length = bytes.len() as u64;
                    let pass = self.pass(bytes.as_slice(), how, buffer, read_bytes, length, hands)?;
                    return self.version(pass, identity, false, secrets.epoch);
                }
                Open::File(mut file) => {
                    let (before, executable) = job.source.look_settled(file.as_ref())?;
                    let read = self.pass(&mut file, how, buffer, read_bytes, before.bytes, hands);
                    let pass = read.map_err(|halt| halt.at(job))?;
                    let (after, _) = job.source.look(file.as_ref())?;
                    if after.is_unchanged(&before) && pass.summary.bytes == after.bytes {
                        return self.version(pass, after, executable, secrets.epoch);
                    }
                }
            }
            thread::sleep(Duration::from_millis(quiet_ms));
            quiet_ms = quiet_ms.saturating_mul(2).min(REREAD_QUIET_MS_MAX);
        }
        Err(Halt::Skip(Skip::Busy))
    }

    fn pass(
        &self,
        file: impl io::Read,
        how: HowToCut<'_>,
        buffer: &mut Vec<u8>,
        read_bytes: usize,
        expected: u64,
        hands: &Hands<'_>,
    ) -> Result<Pass, Halt> {
        let mut file_type = FileType::Plain;
        match hands {
            Hands::Own => {
                let mut chunks = Vec::new();
                let summary = cut_file(file, how, buffer, read_bytes, expected, |plain| {
                    if chunks.is_empty() {
                        file_type = FileType::of(plain);
                    }
                    chunks.push(self.seal_chunk(plain)?);
                    Ok::<_, Halt>(())
                })?;
                Ok(Pass { summary, chunks, file_type })
            }
            Hands::Shared(work) => {
                // Its messages are the file's chunk list, which is wanted as a whole anyway.
                let (reply, replies) = unbounded();
                let mut count = 0;
                let summary = cut_file(file, how, buffer, read_bytes, expected, |plain| {
                    if count == 0 {
                        file_type = FileType::of(plain);
                    }
                    let chunk = Work::Chunk { index: count, layout: layout(plain)?, reply: reply.clone() };
                    count += 1;
                    work.send(chunk).map_err(|_| Halt::Stopped)
                });
                drop(reply);
                let summary = summary?;
                Ok(Pass { summary, chunks: in_order(count, &replies)?, file_type })
            }
        }
    }

    fn version(&self, pass: Pass, identity: Identity, executable: bool, cutter_epoch: u32) -> Result<SealedFile, Halt> {
        let (list, chunks) = paged(pass.chunks, |page| self.seal_chunk(page))?;
        let version = Version {
            content: pass.summary.content,
            bytes: pass.summary.bytes,
            mtime_ns: identity.mtime_ns,
            executable,
            cutter_epoch,
            chunks: list,
        };
        Ok(SealedFile { version, chunks, identity, file_type: pass.file_type })
    }

    /// Seals a chunk, or finds it; what must be stored is handed out before this returns.
    fn seal_chunk(&self, plain: &[u8]) -> Result<ChunkRef, Halt> {
        self.seal_laid_out(layout(plain)?)
    }

    fn seal_laid_out(&self, layout: Layout) -> Result<ChunkRef, Halt> {
        let plain_bytes = layout.plain_bytes();
        let chunk = self.seal_or_find(layout.frame(), plain_bytes)?;
        self.sealing.meter.sealed(plain_bytes.into());
        Ok(chunk)
    }

    fn seal_or_find(&self, frame: Frame, plain_bytes: u32) -> Result<ChunkRef, Halt> {
        match self.dedup.find(frame, &self.sealing.in_flight).map_err(Halt::Failed)? {
            // That it is the same chunk was proven, that its author recorded the right length was not.
            Found::Stored(chunk) => Ok(ChunkRef { plain_bytes, ..chunk }),
            Found::Perhaps(chunk, object) => self.hand_out(ChunkRef { plain_bytes, ..chunk }, object, true),
            Found::Nothing(frame, lie) => {
                if let Some((id, tag)) = lie {
                    self.send(Sealed::FalseTag(id, tag))?;
                }
                let sealed = self.sealing.current.keys.content.seal_frame(frame);
                let chunk = ChunkRef { id: sealed.id, secret: sealed.secret, tag: sealed.tag, plain_bytes };
                self.hand_out(chunk, sealed.object, false)
            }
        }
    }

    fn hand_out(&self, chunk: ChunkRef, object: Vec<u8>, is_known: bool) -> Result<ChunkRef, Halt> {
        let permit = self.sealing.budget.take(object.len());
        let outgoing = Outgoing { chunk: chunk.clone(), object: Bytes::from(object), is_known, permit };
        self.send(Sealed::Chunk(outgoing))?;
        // Only now: whoever finds it here hands its file out after the chunk.
        self.sealing.in_flight.insert(chunk.clone());
        Ok(chunk)
    }

    fn send(&self, sealed: Sealed) -> Result<(), Halt> {
        self.out.send(sealed).map_err(|_| Halt::Stopped)
    }
}

/// Chunks are within the cutter's bounds, so that one which cannot be laid out is a defect.
fn layout(plain: &[u8]) -> Result<Layout, Halt> {
    Layout::of(plain).map_err(|error| Halt::Failed(error.into()))
}

/// Chunks as they come back from many hands.
fn in_order(count: usize, replies: &Receiver<(usize, ChunkRef)>) -> Result<Vec<ChunkRef>, Halt> {
    let mut chunks = vec![None; count];
    for (index, chunk) in replies {
        if let Some(slot) = chunks.get_mut(index) {
            *slot = Some(chunk);
        }
    }
    // A chunk that never came back: its worker has ended, and has said why.
    chunks.into_iter().collect::<Option<Vec<_>>>().ok_or(Halt::Stopped)
}

impl Halt {
    /// Says which file a failed read was of.
    fn at(self, job: &Job) -> Self {
        match self {
            Self::Skip(Skip::Unreadable(TreeError::Disk { what, source, .. })) => {
                Self::Skip(TreeError::Disk { what, path: job.source.path(), source }.into())
            }
            other => other,
        }
    }
}

impl From<io::Error> for Halt {
    fn from(source: io::Error) -> Self {
        Self::Skip(TreeError::Disk { what: "read", path: std::path::PathBuf::new(), source }.into())
    }
}

impl From<TreeError> for Halt {
    fn from(error: TreeError) -> Self {
        Self::Skip(error.into())
    }
}
