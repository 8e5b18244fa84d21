//! Carrying out downloads: fetch, write beside, flush, exchange, agree (sync.md, rule 6).
//!
//! Files share one stream of chunks and one flush to disk, so that many small ones cost little each. A file that cannot be had or
//! written is an issue, and the rest goes on; a full disk ends the run.

use std::collections::BTreeMap;
use std::io::Write;
use std::sync::Arc;

use vauban_protocol::id::Digest;
use vauban_protocol::time::Timestamp;

use super::open_space::random;
use super::report::{Issue, Problem, Summary, Watcher};
use super::survey::{Download, FolderThere, agreed};
use super::{OpenSpace, SyncError};
use crate::clock;
use crate::content::{ChunkStream, FetchError, Nodes, chunks_of};
use crate::limit::{FETCH_CHUNKS_MAX, FETCH_FILES_MAX, LAND_BYTES_MAX, LAND_FILES_MAX, LINK_BYTES_MAX};
use crate::log::{ChunkRef, Kind, Version};
use crate::state::cache::RootId;
use crate::tree::{ConflictStamp, Folder, SyncRoot, Temporary, TreeError, TreePath, flush_all, may_link};

/// What a download works with.
pub(super) struct Receive<'a, N> {
    space: &'a mut OpenSpace<N>,
    root: &'a SyncRoot,
    id: RootId,
    device_name: &'a str,
    watcher: &'a Arc<dyn Watcher>,
    summary: &'a mut Summary,
}

/// A file whose chunks are on their way.
struct Expected {
    download: Download,
    version: Version,
    chunks: usize,
}

/// A file that is written beside, and not flushed yet.
struct Written<'a> {
    download: Download,
    temporary: Temporary<'a>,
}

impl<'a, N: Nodes> Receive<'a, N> {
    pub(super) fn new(
        space: &'a mut OpenSpace<N>,
        root: &'a SyncRoot,
        id: RootId,
        device_name: &'a str,
        watcher: &'a Arc<dyn Watcher>,
        summary: &'a mut Summary,
    ) -> Self {
        Self { space, root, id, device_name, watcher, summary }
    }

    /// Writes folders and files to the disk.
    pub(super) fn run(mut self, folders: Vec<FolderThere>, downloads: Vec<Download>) -> Result<(), SyncError> {
        self.make_folders(folders)?;
        let mut downloads = downloads.into_iter().peekable();
        while downloads.peek().is_some() {
            let (mut expected, mut chunks) = (Vec::new(), Vec::new());
            while expected.len() < FETCH_FILES_MAX && chunks.len() < FETCH_CHUNKS_MAX {
                let Some(download) = downloads.next() else { break };
                self.expect(download, &mut expected, &mut chunks)?;
            }
            self.fetch(expected, chunks)?;
        }
        Ok(())
    }

    fn make_folders(&mut self, folders: Vec<FolderThere>) -> Result<(), SyncError> {
        let mut made = Vec::new();
        let mut parents = BTreeMap::new();
        for wanted in folders {
            let path = wanted.folder.join(&wanted.child.name);
            match self.make_folder(&wanted) {
                Ok((folder, identity)) => {
                    parents.insert(folder.path().clone(), folder);
                    made.push(agreed(wanted.parent, &wanted.child, identity));
                }
                Err(error) => self.unwritable(&path, error)?,
            }
        }
        parents.values().try_for_each(Folder::sync)?;
        self.summary.folders = self.summary.folders.saturating_add(made.len() as u64);
        Ok(self.space.cache.agree(self.id, &made)?)
    }

    fn make_folder(&mut self, wanted: &FolderThere) -> Result<(Folder, crate::tree::Identity), TreeError> {
        let folder = self.root.open(&wanted.folder)?;
        let name = &wanted.child.name;
        if let Some(here) = &wanted.in_the_way {
            let copy = folder.set_aside(name, &self.stamp(Some(here.identity.mtime_ns)))?;
            self.summary.conflicts.push(wanted.folder.join(&copy).to_string());
        }
        folder.make_folder(name)?;
        let mut identity = folder.open_folder(name)?.identity()?;
        // As the survey remembers folders: it lies on the disk that it was made on.
        identity.device = 0;
        Ok((folder, identity))
    }

    /// Lists what a file needs.
    fn expect(
        &mut self,
        download: Download,
        expected: &mut Vec<Expected>,
        chunks: &mut Vec<ChunkRef>,
    ) -> Result<(), SyncError> {
        let path = download.folder.join(&download.child.name);
        let Some(version) = self.space.cache.version(download.child.entry)? else {
            self.issue(&path, Problem::NoContent);
            return Ok(());
        };
        if download.child.kind == Kind::Symlink && version.bytes > LINK_BYTES_MAX {
            self.issue(&path, crate::tree::Refused::LinkOutside.into());
            return Ok(());
        }
        match self.space.runtime.block_on(chunks_of(&self.space.nodes, self.space.id, &version)) {
            Ok(list) => {
                expected.push(Expected { download, version, chunks: list.len() });
                chunks.extend(list);
            }
            Err(FetchError::Nodes(error)) => return Err(error.into()),
            Err(FetchError::Chunk(fault)) => self.issue(&path, fault.into()),
            Err(_) => self.issue(&path, Problem::Forged),
        }
        Ok(())
    }

    fn fetch(&mut self, expected: Vec<Expected>, chunks: Vec<ChunkRef>) -> Result<(), SyncError> {
        let space = &*self.space;
        let mut stream = ChunkStream::start(space.nodes.clone(), &space.runtime, space.id, chunks.into_iter());
        let (mut written, mut bytes) = (Vec::new(), 0u64);
        for file in expected {
            let path = file.download.folder.join(&file.download.child.name);
            let length = file.version.bytes;
            match self.write(file, &mut stream)? {
                Ok(one) => written.push(one),
                Err(Fault::Problem(problem)) => self.issue(&path, problem),
                Err(Fault::Disk(error)) => self.unwritable(&path, error)?,
            }
            bytes = bytes.saturating_add(length);
            if written.len() >= LAND_FILES_MAX || bytes >= LAND_BYTES_MAX {
                self.land(std::mem::take(&mut written))?;
                bytes = 0;
            }
        }
        self.land(written)
    }

    /// Writes one file beside, taking exactly its chunks from the stream whatever happens.
    fn write(&self, file: Expected, stream: &mut ChunkStream) -> Result<Result<Written<'a>, Fault>, SyncError> {
        let mut hasher = blake3::Hasher::new();
        let mut target = Vec::new();
        let is_link = file.download.child.kind == Kind::Symlink;
        let mut temporary = match Temporary::file(self.root, random()?, file.version.executable) {
            _ if is_link => Ok(None),
            Ok(temporary) => Ok(Some(temporary)),
            Err(error) => Err(Fault::Disk(error)),
        };
        for _ in 0..file.chunks {
            let chunk = stream.next_chunk()?.ok_or(FetchError::Ended)?;
            let Ok(writable) = &mut temporary else { continue };
            let opened = match chunk {
                Ok(opened) => opened,
                Err(fault) => {
                    temporary = Err(Fault::Problem(fault.into()));
                    continue;
                }
            };
            let bytes = opened.as_ref();
            hasher.update(bytes);
            self.watcher.received(bytes.len() as u64);
            match writable.as_mut().and_then(Temporary::writer) {
                Some(writer) => {
                    if let Err(source) = writer.write_all(bytes) {
                        let path = file.download.child.name.as_str().into();
                        temporary = Err(Fault::Disk(TreeError::Disk { what: "write", path, source }));
                    }
                }
                None => target.extend_from_slice(bytes),
            }
        }
        Ok(temporary.and_then(|temporary| {
            // The chunks are genuine, each by itself; this says that they are the content that was recorded.
            if Digest(*hasher.finalize().as_bytes()) != file.version.content {
                return Err(Fault::Problem(Problem::Forged));
            }
            let temporary = match temporary {
                Some(temporary) => temporary,
                None => {
                    may_link(&file.download.folder, &target).map_err(|refused| Fault::Problem(refused.into()))?;
                    let random = random().map_err(|_| Fault::Problem(Problem::Forged))?;
                    Temporary::link(self.root, random, &target).map_err(Fault::Disk)?
                }
            };
            temporary.set_mtime(file.version.mtime_ns).map_err(Fault::Disk)?;
            Ok(Written { download: file.download, temporary })
        }))
    }

    /// Makes a batch durable, puts each file at its name, and records what is agreed.
    fn land(&mut self, batch: Vec<Written<'a>>) -> Result<(), SyncError> {
        match batch.as_slice() {
            [] => return Ok(()),
            [one] => one.temporary.flush()?,
            _ => flush_all(self.root)?,
        }
        let mut folders: BTreeMap<TreePath, Folder> = BTreeMap::new();
        let mut rows = Vec::with_capacity(batch.len());
        for Written { download, temporary } in batch {
            let path = download.folder.join(&download.child.name);
            match self.land_one(&download, temporary, &mut folders) {
                Ok(identity) => {
                    self.summary.downloaded = self.summary.downloaded.saturating_add(1);
                    self.summary.downloaded_bytes = self.summary.downloaded_bytes.saturating_add(download.child.bytes);
                    rows.push(agreed(download.parent, &download.child, identity));
                }
                Err(error) => self.unwritable(&path, error)?,
            }
        }
        folders.values().try_for_each(Folder::sync)?;
        Ok(self.space.cache.agree(self.id, &rows)?)
    }

    fn land_one(
        &mut self,
        download: &Download,
        temporary: Temporary<'a>,
        folders: &mut BTreeMap<TreePath, Folder>,
    ) -> Result<crate::tree::Identity, TreeError> {
        if !folders.contains_key(&download.folder) {
            folders.insert(download.folder.clone(), self.root.open(&download.folder)?);
        }
        let folder = folders.get(&download.folder).unwrap_or(self.root.folder());
        let stamp = self.stamp(download.displaced_mtime_ns);
        let ready = temporary.ready(download.child.entry)?;
        let landed = ready.land(folder, &download.child.name, download.replaces.as_ref(), &stamp)?;
        if let Some(copy) = landed.conflict {
            self.summary.conflicts.push(download.folder.join(&copy).to_string());
        }
        Ok(landed.identity)
    }

    fn stamp(&self, mtime_ns: Option<i64>) -> ConflictStamp {
        stamp(self.device_name, mtime_ns)
    }

    fn issue(&mut self, path: &TreePath, problem: Problem) {
        let issue = Issue { path: path.to_string(), problem };
        self.watcher.issue(&issue);
        self.summary.issues.push(issue);
    }

    fn unwritable(&mut self, path: &TreePath, error: TreeError) -> Result<(), SyncError> {
        if error.is_full() {
            return Err(error.into());
        }
        self.issue(path, Problem::unwritable(&error));
        Ok(())
    }
}

/// Why one file was not written.
enum Fault {
    Problem(Problem),
    Disk(TreeError),
}

/// Whose conflict copy, and from which day: this device's, the day of the change.
pub(super) fn stamp(device_name: &str, mtime_ns: Option<i64>) -> ConflictStamp {
    let changed = mtime_ns.and_then(|mtime_ns| u64::try_from(mtime_ns.div_euclid(1_000_000_000)).ok());
    let moment = changed.map_or_else(clock::now, Timestamp);
    ConflictStamp { device: device_name.to_owned(), date: clock::day(moment) }
}
