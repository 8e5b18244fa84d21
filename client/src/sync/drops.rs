//! Taking what people without an account have dropped: opened, sealed anew as files of the space, and then let go of by nodes.
//!
//! ```text
//! listed ─► opened record by record into a private file of this device ─► a new file of the space, never over another ─► told to nodes
//! ```
//! Killed in between, the next client begins the drop anew, and finds by name and content which of its files are in the space. Two clients
//! may so take one drop at once. A drop that does not open costs reading it, is named, and stays where it is until somebody discards it or its
//! request is forgotten: a node might have said so of a sound one. Whether a request still lets anything come is reckoned here, too, not only by
//! nodes. What one drop lacks holds up no other: whoever has the address of a request could otherwise end the taking of all of them.

mod received;
mod reckoning;
mod unpacked;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use tokio::runtime::Handle;
use vauban_crypto::file_request::{DropKey, RequestKey};
use vauban_protocol::id::{ChunkId, Digest, DropId, LinkId, SpaceId};
use vauban_protocol::limit::{DROP_RECORDS_MAX, DROPS_LISTED_MAX, DROPS_TAKEN_MAX, IDS_MAX};
use vauban_protocol::space::DropsTaken;
use vauban_protocol::wire::{DropPlace, DropSummary, Refusal, Request, Response};

use self::reckoning::Reckoning;
use self::unpacked::Unpacked;
use super::file_request::ListedRequest;
use super::land_beside::Newcomer;
use super::report::{Summary, Watcher};
use super::{OpenSpace, SyncError};
use crate::content::{FetchError, Nodes, NodesError, UploadError, fetch_chunk};
use crate::file_request::{
    DropStream, DroppedFile, Junk, MemberKeys, Unopened, is_crowded, is_sprawling, landing_name,
};
use crate::limit::DROP_PAGES_MAX;
use crate::log::EntryName;
use crate::state::StateError;
use crate::tree::TreePath;

pub use self::received::{JunkDrop, Received, ReceivedFile, TakenDrop, WaitingDrops, WhyWaiting};

/// How drops are taken.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Taking {
    /// What is done about drops that do not open.
    pub on_junk: OnJunk,
    /// A file request whose drops are taken although whoever made it may not write to the space any more, or the space's keys have changed since:
    /// somebody vouches for it.
    pub although: Option<LinkId>,
}

/// What is done about drops that do not open.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum OnJunk {
    /// They are named.
    #[default]
    Name,
    /// They are named, and nodes let go of them.
    Discard,
}

/// What one look at all drops goes by.
struct Visit<'a> {
    how: Taking,
    requests: &'a [ListedRequest],
    unpacked: &'a Unpacked,
    watcher: &'a Arc<dyn Watcher>,
}

impl<N: Nodes> OpenSpace<N> {
    /// Takes what was dropped, all that opens. The caller holds the home's claim.
    ///
    /// # Errors
    /// [`SyncError`]. What was taken until then is in the space.
    pub fn take_drops(&mut self, how: Taking, watcher: &Arc<dyn Watcher>) -> Result<Received, SyncError> {
        self.settle()?;
        self.take_all(how, watcher)
    }

    /// Has nodes let go of all that waits of one file request, unread: nobody may be left who has what opens it. How many drops that were.
    ///
    /// # Errors
    /// [`SyncError`].
    pub fn discard_drops(&mut self, request: LinkId) -> Result<u64, SyncError> {
        self.settle()?;
        let (mut after, mut discarded) = (None, 0u64);
        for _ in 0..DROP_PAGES_MAX {
            let listed = self.drops_after(after)?;
            let drops = listed.iter().filter(|dropped| dropped.request == request).map(|dropped| dropped.drop);
            for some in drops.collect::<Vec<_>>().chunks(DROPS_TAKEN_MAX) {
                self.let_go(request, some.to_vec())?;
                discarded = discarded.saturating_add(some.len() as u64);
            }
            after = more_after(&listed);
            if after.is_none() {
                break;
            }
        }
        Ok(discarded)
    }

    /// What was dropped, and waits to be taken. Whoever may not write to the space is told of none.
    ///
    /// # Errors
    /// [`SyncError`].
    pub fn waiting_drops(&mut self) -> Result<Vec<DropSummary>, SyncError> {
        let (mut waiting, mut after) = (Vec::new(), None);
        if !self.may_write()? {
            return Ok(waiting);
        }
        for _ in 0..DROP_PAGES_MAX {
            let listed = match self.drops_after(after) {
                // Nodes of an earlier version know no drops.
                Err(SyncError::Nodes(error)) if error.refusal() == Some(Refusal::Malformed) => break,
                listed => listed?,
            };
            after = more_after(&listed);
            waiting.extend(listed);
            if after.is_none() {
                break;
            }
        }
        Ok(waiting)
    }

    /// Takes what was dropped in a run, which goes on whatever becomes of drops.
    pub(super) fn take_drops_or_put_off(
        &mut self,
        watcher: &Arc<dyn Watcher>,
        summary: &mut Summary,
    ) -> Result<(), SyncError> {
        if !self.may_write()? {
            Unpacked::of(self.device.home()).clear();
            return Ok(());
        }
        match self.take_all(Taking::default(), watcher) {
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

    fn take_all(&mut self, how: Taking, watcher: &Arc<dyn Watcher>) -> Result<Received, SyncError> {
        let mut received = Received::default();
        let unpacked = Unpacked::of(self.device.home());
        // What a run that was killed has left, whether more comes or not.
        unpacked.clear();
        let mut listed = self.drops_after(None)?;
        if listed.is_empty() {
            return Ok(received);
        }
        let requests = self.listed_requests()?;
        let mut reckoning = Reckoning {
            organisation: Arc::clone(&self.org),
            space: self.folded()?,
            now: self.now(),
            although: how.although,
            came: BTreeMap::new(),
        };
        unpacked.make()?;
        let visit = Visit { how, requests: &requests, unpacked: &unpacked, watcher };
        for _ in 0..DROP_PAGES_MAX {
            for dropped in &listed {
                watcher.go_on()?;
                self.look_at(dropped, &visit, &mut reckoning, &mut received)?;
            }
            let after = more_after(&listed);
            if after.is_none() {
                break;
            }
            listed = self.drops_after(after)?;
        }
        Ok(received)
    }

    fn look_at(
        &mut self,
        dropped: &DropSummary,
        visit: &Visit<'_>,
        reckoning: &mut Reckoning,
        received: &mut Received,
    ) -> Result<(), SyncError> {
        let place = (dropped.request, dropped.drop);
        let Some(asked) = visit.requests.iter().find(|listed| listed.request.id == dropped.request) else {
            received.wait(dropped, WhyWaiting::Keys);
            return Ok(());
        };
        if let Some(why) = reckoning.objection(&asked.request, dropped) {
            received.wait(dropped, why);
            return Ok(());
        }
        let Some(keys) = &asked.keys else {
            received.wait(dropped, WhyWaiting::Keys);
            return Ok(());
        };
        if visit.how.on_junk == OnJunk::Name && self.junk.contains(&place) {
            return Ok(());
        }
        match self.take_drop(dropped, keys, visit, received) {
            Ok(()) => self.let_go(dropped.request, vec![dropped.drop])?,
            Err(Unopened::Junk(junk)) => {
                tracing::warn!(request = %dropped.request, drop = %dropped.drop, %junk, "a drop does not open");
                let discarded = visit.how.on_junk == OnJunk::Discard;
                if discarded {
                    self.let_go(dropped.request, vec![dropped.drop])?;
                } else {
                    self.junk.insert(place);
                }
                received.junk.push(JunkDrop {
                    request: dropped.request.to_hex(),
                    drop: dropped.drop.to_hex(),
                    bytes: dropped.bytes,
                    why: junk,
                    discarded,
                });
            }
            Err(Unopened::Other(error)) => {
                let Some(why) = why_waiting(&error) else { return Err(error) };
                tracing::warn!(request = %dropped.request, drop = %dropped.drop, %error, "a drop waits");
                received.wait(dropped, why);
            }
        }
        Ok(())
    }

    /// What was dropped and finished after `after`, the earliest first, as many as one answer lists.
    fn drops_after(&self, after: Option<DropPlace>) -> Result<Vec<DropSummary>, SyncError> {
        let listed = match self.ask(Request::Drops { space: self.id, after }, Vec::new())? {
            (Response::Drops(listed), _) => listed,
            _ => return Err(senseless("not what was dropped")),
        };
        let goes_on = listed.first().is_none_or(|first| after.is_none_or(|after| after < first.place()));
        let is_in_order = listed.is_sorted_by(|one, next| one.place() < next.place());
        if listed.len() > DROPS_LISTED_MAX || !goes_on || !is_in_order {
            return Err(senseless("no list of what was dropped"));
        }
        Ok(listed)
    }

    fn take_drop(
        &mut self,
        dropped: &DropSummary,
        keys: &MemberKeys,
        visit: &Visit<'_>,
        received: &mut Received,
    ) -> Result<(), Unopened<SyncError>> {
        let Visit { unpacked, watcher, .. } = visit;
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
        let landing =
            |file: &DroppedFile| -> Vec<EntryName> { file.path.iter().map(|name| landing_name(name)).collect() };
        let names: Vec<Vec<EntryName>> = list.files.iter().map(landing).collect();
        if is_crowded(names.iter().map(Vec::as_slice)) {
            return Err(Unopened::Junk(Junk::Names));
        }
        if is_sprawling(names.iter().map(Vec::as_slice)) {
            return Err(Unopened::Junk(Junk::List));
        }
        let bytes = list.files.iter().fold(0u64, |sum, file| sum.saturating_add(file.bytes));
        unpacked.make_sure_of_room(bytes).map_err(|error| Unopened::Other(error.into()))?;
        // All of it is opened before any of it is in the space: half a drop is none.
        let mut contents = Vec::with_capacity(list.files.len());
        for (number, file) in list.files.iter().enumerate() {
            watcher.go_on().map_err(Unopened::Other)?;
            contents.push(unpacked.write(number, file, &mut stream)?);
        }
        stream.end().map_err(Unopened::Junk)?;
        let newcomer = |(((number, file), names), content): (((usize, &DroppedFile), Vec<EntryName>), Digest)| {
            Newcomer { from: unpacked.file(number), names, bytes: file.bytes, content }
        };
        let newcomers: Vec<Newcomer> = list.files.iter().enumerate().zip(names).zip(contents).map(newcomer).collect();
        let paths = match self.land_beside(&keys.path, &newcomers, watcher) {
            Ok(paths) => paths,
            Err(error) => {
                if why_waiting(&error).is_some() {
                    // A commit may be under way; the next drop is placed beside what is there then.
                    self.settle().map_err(Unopened::Other)?;
                }
                return Err(Unopened::Other(error));
            }
        };
        let drop = dropped.drop.to_hex();
        received.taken.push(TakenDrop {
            request: dropped.request.to_hex(),
            drop: drop.clone(),
            files: paths.len() as u64,
            bytes,
            first: paths.first().map(TreePath::to_text).unwrap_or_default(),
        });
        for (file, path) in list.files.iter().zip(paths) {
            let sent: Vec<&str> = file.path.iter().map(String::as_str).collect();
            let names: Vec<&str> = path.names().iter().map(EntryName::as_str).collect();
            let renamed = !names.ends_with(&sent);
            received.files.push(ReceivedFile { path: path.to_text(), bytes: file.bytes, renamed, drop: drop.clone() });
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

    fn let_go(&mut self, request: LinkId, drops: Vec<DropId>) -> Result<(), SyncError> {
        let taken = DropsTaken { request, space: self.id, device: self.identity().device(), drops, at: self.now() };
        let signed = self.identity().signing().seal(taken)?;
        match self.ask(Request::TakeDrops, vec![signed.bytes().clone()]) {
            Ok((Response::DropsTaken, _)) => Ok(()),
            Ok(_) => Err(senseless("not that a drop was taken")),
            // The nodes have let go of them, and of the request.
            Err(error) if error.refusal() == Some(Refusal::UnknownLink) => Ok(()),
            Err(error) => Err(error.into()),
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

/// What a drop waits for that failed so: another try, later or by another client, may succeed. None for what ends the taking of all: an
/// alarm, a halt, no answer from any node, this device's own files.
fn why_waiting(error: &SyncError) -> Option<WhyWaiting> {
    match error {
        error if error.is_alarm() => None,
        error if error.is_for_room() => Some(WhyWaiting::Room),
        SyncError::Fetch(FetchError::Chunk(_)) => Some(WhyWaiting::Elsewhere),
        SyncError::Overtaken => Some(WhyWaiting::Place),
        // Of these files alone: what the device keeps of itself is not written while a drop is opened.
        SyncError::State(StateError::Io { .. }) | SyncError::Tree(_) => Some(WhyWaiting::Disk),
        SyncError::Nodes(error) | SyncError::Upload(UploadError::Nodes(error)) => match error.refusal()? {
            Refusal::UnknownLink => Some(WhyWaiting::Elsewhere),
            Refusal::Forbidden | Refusal::Commit | Refusal::Limit | Refusal::Malformed => Some(WhyWaiting::Refused),
            _ => None,
        },
        _ => None,
    }
}

/// From where on there may be more drops than these; none if these are the last.
fn more_after(listed: &[DropSummary]) -> Option<DropPlace> {
    listed.last().filter(|_| listed.len() >= DROPS_LISTED_MAX).map(DropSummary::place)
}

/// Drops that this process has found not to open.
pub(super) type KnownJunk = BTreeSet<(LinkId, DropId)>;

fn senseless(what: &'static str) -> SyncError {
    NodesError::Senseless(what).into()
}
