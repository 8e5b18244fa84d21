//! Taking what people without an account have dropped: opened, sealed anew as files of the space, and then let go of by nodes.
//!
//! ```text
//! listed ─► opened record by record into a private file of this device ─► a new file of the space, never over another ─► told to nodes
//! ```
//! Killed in between, the next client begins the drop anew, and finds by name and content which of its files are in the space. Two clients
//! may so take one drop at once. A drop that does not open costs reading it, is named, and stays where it is until somebody discards it or its
//! request is forgotten: a node might have said so of a sound one.

use std::collections::BTreeSet;
use std::fs::{self, File, OpenOptions};
use std::io::{ErrorKind, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};

use serde::{Deserialize, Serialize};
use tokio::runtime::Handle;
use vauban_crypto::file_request::{DropKey, RequestKey};
use vauban_protocol::id::{ChunkId, Digest, DropId, LinkId, SpaceId};
use vauban_protocol::limit::{DROP_RECORDS_MAX, IDS_MAX};
use vauban_protocol::space::DropsTaken;
use vauban_protocol::wire::{DropSummary, Refusal, Request, Response};

use super::file_request::ListedRequest;
use super::land_beside::Newcomer;
use super::report::{Summary, Watcher};
use super::{OpenSpace, SyncError};
use crate::content::{FetchError, Nodes, NodesError, fetch_chunk};
use crate::file_request::{DropStream, DroppedFile, Junk, MemberKeys, Unopened, landing_name};
use crate::log::EntryName;
use crate::state::StateError;

/// Owner reads and writes; nobody else anything.
const PRIVATE_FILE: u32 = 0o600;
const PRIVATE_FOLDER: u32 = 0o700;

/// What came of looking at all drops.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Received {
    /// Files that are in the space now.
    pub files: Vec<ReceivedFile>,
    /// Drops that do not open.
    pub junk: Vec<JunkDrop>,
    /// Drops that cannot be taken yet: this device lacks keys, or nodes a chunk.
    pub waiting: u64,
}

/// A dropped file that is in the space now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReceivedFile {
    /// Where it is.
    pub path: String,
    /// Its bytes.
    pub bytes: u64,
    /// Whether its sender calls it otherwise.
    pub renamed: bool,
}

/// A drop that does not open.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct JunkDrop {
    /// By which file request, in hexadecimal digits.
    pub request: String,
    /// Which, in hexadecimal digits.
    pub drop: String,
    /// Bytes of it, sealed.
    pub bytes: u64,
    /// Whether nodes were told to let go of it.
    pub discarded: bool,
}

/// What is done about drops that do not open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnJunk {
    /// They are named.
    Name,
    /// They are named, and nodes let go of them.
    Discard,
}

impl Received {
    /// Whether nothing was dropped.
    #[must_use]
    pub fn is_nothing(&self) -> bool {
        self.files.is_empty() && self.junk.is_empty() && self.waiting == 0
    }
}

impl<N: Nodes> OpenSpace<N> {
    /// Takes what was dropped, all that opens. The caller holds the home's claim.
    ///
    /// # Errors
    /// [`SyncError`]. What was taken until then is in the space.
    pub fn take_drops(&mut self, on_junk: OnJunk, watcher: &Arc<dyn Watcher>) -> Result<Received, SyncError> {
        self.settle()?;
        self.take_all(on_junk, watcher)
    }

    /// The same in a run, which goes on whatever becomes of drops.
    pub(super) fn take_drops_or_put_off(
        &mut self,
        watcher: &Arc<dyn Watcher>,
        summary: &mut Summary,
    ) -> Result<(), SyncError> {
        if !self.may_write()? {
            return Ok(());
        }
        match self.take_all(OnJunk::Name, watcher) {
            Ok(received) => {
                summary.dropped = received;
                Ok(())
            }
            Err(error) if error.is_alarm() || matches!(error, SyncError::Halted) => Err(error),
            // Nodes of an earlier version know no drops.
            Err(SyncError::Nodes(error)) if error.refusal() == Some(Refusal::Malformed) => Ok(()),
            Err(error) => {
                tracing::warn!(%error, "what was dropped waits for the next run");
                // A commit may be under way.
                self.settle()
            }
        }
    }

    fn take_all(&mut self, on_junk: OnJunk, watcher: &Arc<dyn Watcher>) -> Result<Received, SyncError> {
        let mut received = Received::default();
        let drops = match self.ask(Request::Drops { space: self.id }, Vec::new())? {
            (Response::Drops(drops), _) => drops,
            _ => return Err(senseless("not what was dropped")),
        };
        if drops.is_empty() {
            return Ok(received);
        }
        let requests = self.listed_requests()?;
        let unpacked = Unpacked::at(&self.device.home().folder().join(UNPACKED))?;
        for dropped in &drops {
            watcher.go_on()?;
            if on_junk == OnJunk::Name && self.junk.contains(&dropped.drop) {
                continue;
            }
            let Some(ListedRequest { keys: Some(keys), .. }) =
                requests.iter().find(|listed| listed.request.id == dropped.request)
            else {
                received.waiting = received.waiting.saturating_add(1);
                continue;
            };
            match self.take_drop(dropped, keys, &unpacked, watcher, &mut received.files) {
                Ok(()) => self.let_go(dropped)?,
                Err(Unopened::Junk(junk)) => {
                    tracing::warn!(request = %dropped.request, drop = %dropped.drop, %junk, "a drop does not open");
                    let discarded = on_junk == OnJunk::Discard;
                    if discarded {
                        self.let_go(dropped)?;
                    } else {
                        self.junk.insert(dropped.drop);
                    }
                    received.junk.push(JunkDrop {
                        request: dropped.request.to_hex(),
                        drop: dropped.drop.to_hex(),
                        bytes: dropped.bytes,
                        discarded,
                    });
                }
                // Somebody else has taken it meanwhile, or a node that has a copy does not answer.
                Err(Unopened::Other(error)) if is_for_later(&error) => {
                    tracing::debug!(drop = %dropped.drop, %error, "a drop waits");
                    received.waiting = received.waiting.saturating_add(1);
                }
                Err(Unopened::Other(error)) => return Err(error),
            }
        }
        Ok(received)
    }

    fn take_drop(
        &mut self,
        dropped: &DropSummary,
        keys: &MemberKeys,
        unpacked: &Unpacked,
        watcher: &Arc<dyn Watcher>,
        files: &mut Vec<ReceivedFile>,
    ) -> Result<(), Unopened<SyncError>> {
        unpacked.clear();
        if dropped.records > DROP_RECORDS_MAX {
            return Err(Unopened::Junk(Junk::Length));
        }
        let own: RequestKey =
            dropped.head.as_slice().try_into().map(RequestKey).map_err(|_| Unopened::Junk(Junk::Sealed))?;
        let place = (dropped.request, dropped.drop);
        let opener = keys.secret.open(&keys.base, place, &own).map_err(|_| Unopened::Junk(Junk::Sealed))?;
        let ids = self.drop_ids(place, dropped.records).map_err(Unopened::Other)?;
        let records = Records { nodes: self.nodes.clone(), space: self.id, runtime: self.runtime.clone(), ids, opener };
        let mut stream = DropStream::new(dropped.records, move |number| records.fetch(number));
        let list = stream.list(dropped.bytes)?;
        // All of it is opened before any of it is in the space: half a drop is none.
        let mut contents = Vec::with_capacity(list.files.len());
        for (number, file) in list.files.iter().enumerate() {
            watcher.go_on().map_err(Unopened::Other)?;
            contents.push(unpacked.write(number, file, &mut stream)?);
        }
        stream.end().map_err(Unopened::Junk)?;
        let newcomer = |((number, file), content): ((usize, &DroppedFile), Digest)| Newcomer {
            from: unpacked.file(number),
            names: file.path.iter().map(|name| landing_name(name)).collect(),
            bytes: file.bytes,
            content,
        };
        let newcomers: Vec<Newcomer> = list.files.iter().enumerate().zip(contents).map(newcomer).collect();
        let paths = self.land_beside(&keys.path, &newcomers, watcher).map_err(Unopened::Other)?;
        for (file, path) in list.files.iter().zip(paths) {
            let sent: Vec<&str> = file.path.iter().map(String::as_str).collect();
            let names: Vec<&str> = path.names().iter().map(EntryName::as_str).collect();
            files.push(ReceivedFile { path: path.to_text(), bytes: file.bytes, renamed: !names.ends_with(&sent) });
        }
        Ok(())
    }

    /// The chunks of a drop, in order.
    fn drop_ids(&self, (request, drop): (LinkId, DropId), records: u32) -> Result<Vec<ChunkId>, SyncError> {
        let mut ids: Vec<ChunkId> = Vec::new();
        while ids.len() < records as usize {
            let from = u32::try_from(ids.len()).unwrap_or(u32::MAX);
            let asked = Request::DropChunks { space: self.id, request, drop, from };
            match self.ask(asked, Vec::new())? {
                (Response::DropChunks { chunks }, _) if !chunks.is_empty() && chunks.len() <= IDS_MAX => {
                    ids.extend(chunks)
                }
                _ => return Err(senseless("not the chunks of a drop")),
            }
        }
        ids.truncate(records as usize);
        Ok(ids)
    }

    fn let_go(&mut self, dropped: &DropSummary) -> Result<(), SyncError> {
        let taken = DropsTaken {
            request: dropped.request,
            space: self.id,
            device: self.identity().device(),
            drops: vec![dropped.drop],
            at: self.now(),
        };
        let signed = self.identity().signing().seal(taken)?;
        match self.ask(Request::TakeDrops, vec![signed.bytes().clone()])? {
            (Response::DropsTaken, _) => Ok(()),
            _ => Err(senseless("not that a drop was taken")),
        }
    }
}

/// Where records come from.
struct Records<N> {
    nodes: N,
    space: SpaceId,
    runtime: Handle,
    ids: Vec<ChunkId>,
    opener: DropKey,
}

impl<N: Nodes> Records<N> {
    fn fetch(&self, number: u32) -> Result<Vec<u8>, Unopened<SyncError>> {
        let id = self.ids.get(number as usize).copied().ok_or(Unopened::Junk(Junk::Length))?;
        let object = self.runtime.block_on(fetch_chunk(&self.nodes, self.space, id));
        let object = object.map_err(|error| Unopened::Other(SyncError::from(error)))?;
        self.opener.record(number).open(id, &object).map_err(|_| Unopened::Junk(Junk::Sealed))
    }
}

/// The folder of this device's home in which dropped files wait until they are in the space.
const UNPACKED: &str = "received";

/// See [`UNPACKED`]. What an earlier run left in it is gone, and what this one leaves goes with it.
struct Unpacked(PathBuf);

impl Unpacked {
    fn at(folder: &Path) -> Result<Self, StateError> {
        let unpacked = Self(folder.to_owned());
        unpacked.clear();
        fs::DirBuilder::new().recursive(true).mode(PRIVATE_FOLDER).create(folder).map_err(StateError::io(folder))?;
        Ok(unpacked)
    }

    fn file(&self, number: usize) -> PathBuf {
        self.0.join(number.to_string())
    }

    /// Writes the next file of a drop; what its content is.
    fn write<F: FnMut(u32) -> Result<Vec<u8>, Unopened<SyncError>>>(
        &self,
        number: usize,
        file: &DroppedFile,
        stream: &mut DropStream<F>,
    ) -> Result<Digest, Unopened<SyncError>> {
        let path = self.file(number);
        let failed = |source| Unopened::Other(SyncError::from(StateError::io(&path)(source)));
        let mut out: File =
            OpenOptions::new().write(true).create_new(true).mode(PRIVATE_FILE).open(&path).map_err(failed)?;
        let mut hasher = blake3::Hasher::new();
        stream.read(file.bytes, &mut |piece| {
            hasher.update(piece);
            out.write_all(piece).map_err(|source| SyncError::from(StateError::io(&path)(source)))
        })?;
        // A time that the disk cannot hold is not worth losing the file for.
        let _ = UNIX_EPOCH.checked_add(Duration::from_millis(file.changed_ms)).map(|changed| out.set_modified(changed));
        Ok(Digest(*hasher.finalize().as_bytes()))
    }

    fn clear(&self) {
        let Ok(entries) = fs::read_dir(&self.0) else { return };
        for entry in entries.flatten() {
            match fs::remove_file(entry.path()) {
                Err(error) if error.kind() != ErrorKind::NotFound => {
                    tracing::warn!(path = %entry.path().display(), %error, "a received file is left over");
                }
                _ => {}
            }
        }
    }
}

impl Drop for Unpacked {
    fn drop(&mut self) {
        self.clear();
    }
}

/// Whether another try, later or by another client, may succeed.
fn is_for_later(error: &SyncError) -> bool {
    match error {
        SyncError::Fetch(FetchError::Chunk(_)) => true,
        SyncError::Nodes(error) => error.refusal() == Some(Refusal::UnknownLink),
        _ => false,
    }
}

/// Drops that this process has found not to open.
pub(super) type KnownJunk = BTreeSet<DropId>;

fn senseless(what: &'static str) -> SyncError {
    NodesError::Senseless(what).into()
}
