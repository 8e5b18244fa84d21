//! Carrying out what the plan has for the disk: first its arrangement, then downloads: fetch, write beside, flush, exchange,
//! agree (sync.md, rule 6).
//!
//! Files share one stream of chunks and one flush to disk, so that many small ones cost little each. A file that cannot be had or
//! written is an issue, and the rest goes on; a full disk ends the run. Versions that have lost their file's type land last, if
//! they are few: the brake holds them otherwise.

mod arrange;
mod write;

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};
use std::thread;

use vauban_protocol::time::Timestamp;

use self::write::{Done, Fault, Job, Writers, Writing, Written, write_threads};
use super::brake::{Approval, is_damage_bulk};
use super::plan::{Download, Plan};
use super::report::{Issue, Problem, Summary};
use super::round::Run;
use super::standing::Spot;
use super::whereabouts::Whereabouts;
use super::{OpenSpace, SyncError};
use crate::clock;
use crate::content::{ChunkFault, ChunkStream, FetchError, Nodes, Opened, chunks_of};
use crate::limit::{FETCH_CHUNKS_MAX, FETCH_FILES_MAX, FILES_HELD_MAX, LAND_BYTES_MAX, LAND_FILES_MAX, LINK_BYTES_MAX};
use crate::log::{ChunkRef, EntryId, Kind, Version};
use crate::state::cache::{BaseRow, Direction, RemoteChild, RootId, Toll};
use crate::tree::{AllDisplaced, ConflictStamp, Folder, Ready, SyncRoot, TreeError, TreePath, flush_all};

/// What a download works with.
pub(super) struct Receive<'a, N> {
    space: &'a mut OpenSpace<N>,
    root: &'a SyncRoot,
    id: RootId,
    run: &'a Run<'a>,
    summary: &'a mut Summary,
    whereabouts: Whereabouts,
    /// Versions without their type, which wait for all others.
    damaged: Vec<Written<'a>>,
    /// What the last hour took from the disk already.
    hour: Option<Toll>,
    /// Folders in which something has come to stand that was not planned: conflict copies.
    stirred: BTreeSet<EntryId>,
}

/// A file whose chunks are on their way.
struct Expected {
    download: Download,
    /// The folder that it goes to.
    folder: TreePath,
    version: Version,
    chunks: usize,
    /// What it may replace.
    base: Option<BaseRow>,
}

/// What a file needs before it can be written.
enum Needs {
    /// These chunks.
    Chunks(Box<Expected>, Vec<ChunkRef>),
    /// That it is planned anew.
    AnotherRound,
    /// What it cannot have.
    What(Problem),
}

/// What the disk had no room for.
struct NoRoom {
    path: TreePath,
    error: TreeError,
}

/// Files that are to land together.
#[derive(Default)]
struct Batch<'a> {
    written: Vec<Written<'a>>,
    bytes: u64,
}

/// The same, flushed, and under a name that says what it is.
struct Whole<'a> {
    path: TreePath,
    base: Option<BaseRow>,
    ready: Ready<'a>,
    /// What is agreed once it has landed.
    row: BaseRow,
}

impl<'a, N: Nodes> Receive<'a, N> {
    pub(super) fn new(
        space: &'a mut OpenSpace<N>,
        root: &'a SyncRoot,
        id: RootId,
        run: &'a Run<'a>,
        summary: &'a mut Summary,
    ) -> Self {
        let (whereabouts, damaged) = (Whereabouts::default(), Vec::new());
        Self { space, root, id, run, summary, whereabouts, damaged, hour: None, stirred: BTreeSet::new() }
    }

    /// Does what the plan has for the disk; answers with the folders in which something has come to stand that was not planned.
    pub(super) fn run(mut self, plan: Plan) -> Result<BTreeSet<EntryId>, SyncError> {
        self.whereabouts = Whereabouts::new(plan.sightings);
        self.arrange(plan.asides, plan.trashings, plan.shifts, plan.folders_there)?;
        self.hour = self.space.cache.toll(self.id, Direction::ToDisk, self.space.now())?;
        let mut downloads = plan.downloads.into_iter().peekable();
        while downloads.peek().is_some() {
            let (mut expected, mut chunks, mut problems) = (Vec::new(), Vec::new(), Vec::new());
            let reading = self.space.cache.reading()?;
            while expected.len() < FETCH_FILES_MAX && chunks.len() < FETCH_CHUNKS_MAX {
                let Some(download) = downloads.next() else { break };
                self.run.watcher.go_on()?;
                let path = download.path.clone();
                match self.expect(download)? {
                    Needs::Chunks(file, list) => {
                        expected.push(*file);
                        chunks.extend(list);
                    }
                    Needs::AnotherRound => {}
                    Needs::What(problem) => problems.push((path, problem)),
                }
            }
            drop(reading);
            problems.into_iter().for_each(|(path, problem)| self.issue(&path, problem));
            self.fetch(expected, chunks)?;
        }
        self.land_damaged()?;
        Ok(self.stirred)
    }

    /// Says what a file needs.
    fn expect(&self, download: Download) -> Result<Needs, SyncError> {
        let (cache, entry) = (&self.space.cache, download.child.entry);
        // What was to be moved here and is not yet gets its content where it then is.
        let Some(folder) = self.whereabouts.path(cache, self.id, download.parent)? else {
            return Ok(Needs::AnotherRound);
        };
        let base = if download.replaces_base { cache.base(self.id, entry)? } else { None };
        let spot = Spot { parent: download.parent, name: download.child.name.clone() };
        if download.is_seen && self.whereabouts.spot(cache, self.id, entry)? != Some(spot) {
            return Ok(Needs::AnotherRound);
        }
        let Some(version) = cache.version(entry)? else {
            return Ok(Needs::What(Problem::NoContent));
        };
        // The log may have gone on since it was planned.
        if Some(version.content) != download.child.content || version.executable != download.child.executable {
            return Ok(Needs::AnotherRound);
        }
        if download.child.kind == Kind::Symlink && version.bytes > LINK_BYTES_MAX {
            return Ok(Needs::What(crate::tree::Refused::LinkOutside.into()));
        }
        match self.space.runtime.block_on(chunks_of(&self.space.nodes, self.space.id, &version)) {
            Ok(list) => {
                let file = Expected { download, folder, version, chunks: list.len(), base };
                Ok(Needs::Chunks(Box::new(file), list))
            }
            Err(FetchError::Nodes(error)) => Err(error.into()),
            Err(FetchError::Chunk(fault)) => Ok(Needs::What(fault.into())),
            Err(_) => Ok(Needs::What(Problem::Forged)),
        }
    }

    /// Writes files beside, from one stream of chunks, and lands them batch by batch. Small ones are written by threads of their own,
    /// so that a batch lands while the next one is written.
    fn fetch(&mut self, expected: Vec<Expected>, chunks: Vec<ChunkRef>) -> Result<(), SyncError> {
        let space = &*self.space;
        let mut stream = ChunkStream::start(space.nodes.clone(), &space.runtime, space.id, chunks.into_iter());
        let (root, threads) = (self.root, write_threads(space.device.machine().seal_threads()));
        thread::scope(|scope| {
            let mut writers = Writers::start(scope, root, threads);
            let mut batch = Batch::default();
            for file in expected {
                self.run.watcher.go_on()?;
                let random = self.space.fresh_number()?;
                if writers.is_for(&file) {
                    let chunks = self.chunks_of(&file, &mut stream)?;
                    writers.give(Job { file, random, chunks });
                } else {
                    let (path, bytes) = (file.download.path.clone(), file.version.bytes);
                    let mut writing = Writing::begin(root, file, random);
                    for _ in 0..writing.chunks() {
                        writing.push(self.next_chunk(&mut stream)?);
                    }
                    let done = Done { path, bytes, result: writing.finish() };
                    if let Some(full) = self.take_written(done, &mut batch)? {
                        return self.give_up(writers, batch, full);
                    }
                }
                while let Some(done) = writers.done() {
                    if let Some(full) = self.take_written(done, &mut batch)? {
                        return self.give_up(writers, batch, full);
                    }
                }
            }
            writers.close();
            while let Some(done) = writers.next() {
                if let Some(full) = self.take_written(done, &mut batch)? {
                    return self.give_up(writers, batch, full);
                }
            }
            self.land(batch.written)
        })
    }

    /// Takes exactly the chunks of `file` from the stream, whatever becomes of them.
    fn chunks_of(
        &self,
        file: &Expected,
        stream: &mut ChunkStream,
    ) -> Result<Vec<Result<Opened, ChunkFault>>, SyncError> {
        (0..file.chunks).map(|_| self.next_chunk(stream)).collect()
    }

    fn next_chunk(&self, stream: &mut ChunkStream) -> Result<Result<Opened, ChunkFault>, SyncError> {
        self.run.watcher.go_on()?;
        let chunk = stream.next_chunk()?.ok_or(FetchError::Ended)?;
        if let Ok(opened) = &chunk {
            self.run.watcher.received(opened.as_ref().len() as u64);
        }
        Ok(chunk)
    }

    /// Adds a file that was written to its batch, which lands once it is full; answers with what the disk had no room for.
    fn take_written(&mut self, done: Done<'a>, batch: &mut Batch<'a>) -> Result<Option<NoRoom>, SyncError> {
        let Done { path, bytes, result } = done;
        match result {
            Ok(one) if one.is_damage() => self.hold(one),
            Ok(one) => {
                batch.written.push(one);
                // More than one are flushed together, and need no descriptor for it.
                if batch.written.len() > 1 {
                    batch.written.iter_mut().rev().take(2).for_each(|file| file.temporary.close());
                }
            }
            Err(Fault::Problem(problem)) => self.issue(&path, problem),
            Err(Fault::Disk(error)) if error.is_full() => return Ok(Some(NoRoom { path, error })),
            Err(Fault::Disk(error)) => self.unwritable(&path, error)?,
        }
        batch.bytes = batch.bytes.saturating_add(bytes);
        if batch.written.len() >= LAND_FILES_MAX || batch.bytes >= LAND_BYTES_MAX {
            self.land(std::mem::take(batch).written)?;
        }
        Ok(None)
    }

    /// Ends where the disk is full: nobody writes any more, and what fits stands, so that it is not fetched again at the next try; what
    /// only waits makes room for that.
    fn give_up(&mut self, writers: Writers<'a>, mut batch: Batch<'a>, full: NoRoom) -> Result<(), SyncError> {
        let whole = writers.stop().into_iter().filter_map(|done| done.result.ok());
        batch.written.extend(whole.filter(|written| !written.is_damage()));
        self.land(batch.written)?;
        AllDisplaced::find(self.root)?.map_or(Ok(()), |displaced| displaced.expire(i64::MAX))?;
        self.unwritable(&full.path, full.error)
    }

    /// Makes a batch durable, puts each file at its name, and records what is agreed.
    fn land(&mut self, batch: Vec<Written<'a>>) -> Result<(), SyncError> {
        match batch.as_slice() {
            [] => return Ok(()),
            [one] => one.temporary.flush()?,
            _ => flush_all(self.root)?,
        }
        let mut whole = Vec::with_capacity(batch.len());
        for Written { download, base, temporary, file_type } in batch {
            match temporary.ready(download.child.entry) {
                Ok(ready) => {
                    let identity = ready.written();
                    let Download { parent, child, path, .. } = download;
                    let RemoteChild { entry, name, kind, content, executable, .. } = child;
                    let row = BaseRow { entry, parent, name, kind, content, executable, identity, file_type };
                    whole.push(Whole { path, base, ready, row });
                }
                Err(error) => self.unwritable(&download.path, error)?,
            }
        }
        self.space.cache.intend(self.id, whole.iter().map(|whole| &whole.row))?;
        // Whoever writes to a file that has landed writes to the one that has this name, should the power fail.
        self.root.temporary()?.sync()?;
        let (mut folders, mut rows) = (BTreeMap::new(), Vec::with_capacity(whole.len()));
        let (mut ended, mut is_replacing) = (Ok(()), false);
        for whole in whole {
            let path = whole.path.clone();
            match self.land_one(whole, &mut folders) {
                Ok(landed) => {
                    is_replacing |= landed.as_ref().is_some_and(|(_, replaced)| *replaced);
                    rows.extend(landed.map(|(row, _)| row));
                }
                Err(SyncError::Tree(error)) => ended = self.unwritable(&path, error),
                Err(error) => ended = Err(error),
            }
            if ended.is_err() {
                break;
            }
        }
        // What has landed is agreed on even where the run ends here.
        self.agree_on_landed(&folders, rows, is_replacing)?;
        ended
    }

    /// Makes durable what has landed in `folders`, and records it; whether anything was put away for it.
    fn agree_on_landed(
        &mut self,
        folders: &BTreeMap<EntryId, Folder>,
        mut rows: Vec<BaseRow>,
        is_replacing: bool,
    ) -> Result<(), SyncError> {
        folders.values().try_for_each(Folder::sync)?;
        // Whoever took a folder away at this very moment never saw what has just landed in it, and took it from nobody.
        for folder in folders.keys() {
            if !self.stands(*folder)? {
                rows.retain(|row| row.parent != *folder);
            }
        }
        if is_replacing {
            // What was put away must not come back once the base no longer knows it.
            self.root.temporary()?.sync()?;
        }
        Ok(self.space.cache.agree(self.id, &rows, &[])?)
    }

    /// What is agreed once a file has landed, and whether it replaced a version; `None` if its folder is not on the disk.
    fn land_one(
        &mut self,
        whole: Whole<'a>,
        folders: &mut BTreeMap<EntryId, Folder>,
    ) -> Result<Option<(BaseRow, bool)>, SyncError> {
        let Whole { base, ready, row, .. } = whole;
        let folder = match folders.entry(row.parent) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(unknown) => match self.open(row.parent)? {
                Some(folder) => unknown.insert(folder),
                None => return Ok(None),
            },
        };
        let stamp = self.stamp(folder.child(&row.name)?.map(|here| here.identity.mtime_ns));
        let replaces = base.as_ref().map(|base| &base.identity);
        let landed = ready.land(folder, &row.name, replaces, &stamp)?;
        if let Some(copy) = landed.conflict {
            self.say_copy(&folder.path().join(&copy), row.parent);
        }
        self.summary.downloaded = self.summary.downloaded.saturating_add(1);
        self.summary.downloaded_bytes = self.summary.downloaded_bytes.saturating_add(landed.identity.bytes);
        let row = BaseRow { identity: landed.identity, ..row };
        Ok(Some((row, landed.replaced)))
    }

    /// The folder of an entry, itself; `None` if it is not on the disk.
    fn open(&self, folder: EntryId) -> Result<Option<Folder>, SyncError> {
        self.whereabouts.open(self.root, (&self.space.cache, self.id), folder)
    }

    /// Whether the folder of an entry is where it was seen, or made.
    fn stands(&self, folder: EntryId) -> Result<bool, SyncError> {
        match self.open(folder) {
            Err(SyncError::Tree(error)) if error.is_way_lost() => Ok(false),
            other => Ok(other?.is_some()),
        }
    }

    /// Keeps a version without its type until all others have landed; more than can ever land are dropped at once.
    fn hold(&mut self, written: Written<'a>) {
        if self.damaged.len() < FILES_HELD_MAX || self.run.approval == Approval::Given {
            self.damaged.push(written);
        } else {
            self.hold_back(&written.download.path);
        }
    }

    fn land_damaged(&mut self) -> Result<(), SyncError> {
        let damaged = std::mem::take(&mut self.damaged);
        let count = damaged.len() as u64;
        if self.run.approval == Approval::Ask && is_damage_bulk(count, self.hour) {
            damaged.iter().for_each(|written| self.hold_back(&written.download.path));
            return Ok(());
        }
        self.space.take_toll(self.id, Direction::ToDisk, Toll { damaged: count, ..Toll::default() })?;
        self.land(damaged)
    }

    fn hold_back(&mut self, path: &TreePath) {
        self.summary.held.damage_here = true;
        self.issue(path, Problem::Held);
    }

    /// Tells of a conflict copy in the folder of entry `parent`.
    fn say_copy(&mut self, path: &TreePath, parent: EntryId) {
        self.summary.conflicts.push(path.to_string());
        self.stirred.insert(parent);
    }

    fn stamp(&self, mtime_ns: Option<i64>) -> ConflictStamp {
        stamp(self.run.device_name, mtime_ns, self.space.now())
    }

    fn issue(&mut self, path: &TreePath, problem: Problem) {
        let issue = Issue { path: path.to_string(), problem };
        self.run.watcher.issue(&issue);
        self.summary.issues.push(issue);
    }

    fn unwritable(&mut self, path: &TreePath, error: TreeError) -> Result<(), SyncError> {
        if error.ends_a_run() {
            return Err(error.into());
        }
        // A folder that has just been moved out of the way is planned anew.
        if !error.is_way_lost() {
            self.issue(path, Problem::unwritable(&error));
        }
        Ok(())
    }
}

/// Whose conflict copy, and from which day: this device's, the day of the change.
pub(super) fn stamp(device_name: &str, mtime_ns: Option<i64>, now: Timestamp) -> ConflictStamp {
    let changed = mtime_ns.and_then(|mtime_ns| u64::try_from(mtime_ns.div_euclid(1_000_000_000)).ok());
    let moment = changed.map_or(now, Timestamp);
    ConflictStamp { device: device_name.to_owned(), date: clock::day(moment) }
}
