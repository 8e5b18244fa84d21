//! A node in memory: judges commits with the contract's own code, signs receipts, and can be told to fail.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use vauban_crypto::signing::SigningKeys;
use vauban_protocol::id::{ChunkId, DeviceId, NodeId, SpaceId};
use vauban_protocol::label;
use vauban_protocol::limit::{CERTIFICATE_BYTES_MAX, CERTIFICATES_MAX, DROPS_LISTED_MAX};
use vauban_protocol::organisation::Organisation;
use vauban_protocol::receipt::{Covers, Receipt, ReceiptClaim, ids_digest};
use vauban_protocol::signed::Signed;
use vauban_protocol::space::{Commit, CommitError, CommitPlace, Control, DropsTaken, Seen, Space, SpaceGenesis};
use vauban_protocol::wire::{
    ChunkAnswer, ChunkState, DropSummary, FileRequestStanding, LinkPhase, NodeStatus, Refusal, Request, Response,
    SpaceSummary, push_item, split_items,
};

use crate::clock;
use crate::content::Nodes;
use crate::link::{Elsewhere, LinkError, Unreached};

/// Signed objects in one answer: few, so that reading a log takes several.
const LOG_ITEMS_MAX: usize = 3;

#[derive(Clone)]
pub(super) struct ModelNode(pub(super) Arc<Mutex<State>>);

pub(super) struct State {
    pub(super) org: Organisation,
    pub(super) certificates: Vec<Bytes>,
    receipt_keys: SigningKeys,
    pub(super) spaces: BTreeMap<SpaceId, Log>,
    pub(super) chunks: HashMap<(SpaceId, ChunkId), Bytes>,
    pub(super) applied: u64,
    pub(super) floor: u64,
    /// What devices have said they have seen.
    pub(super) words: BTreeMap<(SpaceId, DeviceId), Bytes>,
    /// Chunks that are released, and those whose rows are gone.
    pub(super) released: BTreeSet<(SpaceId, ChunkId)>,
    pub(super) purged: BTreeSet<(SpaceId, ChunkId)>,
    /// Requests until the line breaks, and whether the one that meets it is still carried out.
    pub(super) fault: Option<(usize, Fault)>,
    /// Whether other nodes may have what this one does not, and do not answer.
    pub(super) is_partly_deaf: bool,
    /// Why chunks are not taken, if they are not.
    pub(super) no_room: Option<Refusal>,
    /// What becomes of the chunks that are asked for, before they are sent.
    pub(super) lie: Option<Lie>,
    /// Why commits that add chunks are not, if they are not.
    pub(super) no_adds: Option<Refusal>,
    /// What answers on another site.
    pub(super) other_site: OtherSite,
    /// Runs once before the next commit is judged.
    pub(super) before_commit: Option<Box<dyn FnOnce() + Send>>,
    /// A position that outlines leave out.
    pub(super) hidden: Option<u64>,
    /// Where it says that pages of links are.
    pub(super) origin: Option<String>,
    /// File requests, as they were signed, and what was dropped and not let go of: each with its records.
    pub(super) file_requests: Vec<Bytes>,
    pub(super) drops: Vec<(DropSummary, Vec<ChunkId>)>,
    pub(super) put_bytes: u64,
    pub(super) put_twice: u64,
    pub(super) requests: usize,
}

/// Another site than the one on which this node stands.
#[derive(Clone)]
pub(super) enum OtherSite {
    Missing,
    Silent,
    Of(ModelNode),
}

/// How a node answers for chunks that it was not asked for.
pub(super) type Lie = Box<dyn Fn(&mut Vec<Result<Bytes, ChunkAnswer>>) + Send>;

/// The log of one space.
#[derive(Clone)]
pub(super) struct Log {
    pub(super) items: Vec<Bytes>,
    pub(super) space: Space,
}

/// What is lost when the line breaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fault {
    Request,
    Answer,
}

impl ModelNode {
    pub(super) fn new(org: Organisation, certificates: Vec<Bytes>, receipt_keys: SigningKeys) -> Self {
        Self(Arc::new(Mutex::new(State {
            org,
            certificates,
            receipt_keys,
            spaces: BTreeMap::new(),
            chunks: HashMap::new(),
            applied: 100,
            floor: 0,
            words: BTreeMap::new(),
            released: BTreeSet::new(),
            purged: BTreeSet::new(),
            fault: None,
            is_partly_deaf: false,
            no_room: None,
            lie: None,
            no_adds: None,
            hidden: None,
            other_site: OtherSite::Missing,
            before_commit: None,
            origin: None,
            file_requests: Vec::new(),
            drops: Vec::new(),
            put_bytes: 0,
            put_twice: 0,
            requests: 0,
        })))
    }

    /// Another node that knows what this one does, and hears of nothing that comes later.
    pub(super) fn twin(&self) -> Self {
        self.with(|state| {
            let keys = SigningKeys::generate().unwrap();
            let twin = Self::new(state.org.clone(), state.certificates.clone(), keys);
            twin.with(|known| (known.spaces, known.words) = (state.spaces.clone(), state.words.clone()));
            twin
        })
    }

    pub(super) fn with<T>(&self, look: impl FnOnce(&mut State) -> T) -> T {
        look(&mut self.0.lock().unwrap())
    }
}

impl Nodes for ModelNode {
    async fn request(&self, request: Request, body: Vec<Bytes>) -> Result<(Response, Bytes), LinkError> {
        if matches!(request, Request::Commit { .. })
            && let Some(first) = self.with(|state| state.before_commit.take())
        {
            std::thread::spawn(first).join().unwrap();
        }
        self.with(|state| {
            state.requests += 1;
            let fault = match &mut state.fault {
                Some((0, fault)) => Some(*fault),
                Some((left, _)) => {
                    *left -= 1;
                    None
                }
                None => None,
            };
            if fault == Some(Fault::Request) {
                return Err(lost());
            }
            let answer = state.answer(request, body);
            if fault == Some(Fault::Answer) { Err(lost()) } else { answer }
        })
    }

    async fn elsewhere(&self, requests: Vec<Request>) -> Result<Elsewhere, LinkError> {
        let node = match self.with(|state| state.other_site.clone()) {
            OtherSite::Missing => return Ok(Elsewhere::OneSite),
            OtherSite::Silent => return Ok(Elsewhere::Unheard),
            OtherSite::Of(node) => node,
        };
        let mut answers = Vec::new();
        for request in requests {
            answers.push(match node.request(request, Vec::new()).await {
                Err(LinkError::Refused { refusal, body }) => (Response::Refused(refusal), body),
                other => other?,
            });
        }
        Ok(Elsewhere::Told(vec![answers]))
    }
}

fn lost() -> LinkError {
    LinkError::Unreachable { address: "model".to_owned(), reason: Unreached::Lost("as told".to_owned()) }
}

fn refused(refusal: Refusal) -> Result<(Response, Bytes), LinkError> {
    Err(LinkError::Refused { refusal, body: Bytes::new() })
}

fn list(items: &[Bytes]) -> Bytes {
    let mut body = Vec::new();
    items.iter().for_each(|item| push_item(&mut body, item));
    body.into()
}

impl Log {
    fn turns(&self, from: u64) -> Vec<Bytes> {
        let turns = |item: &Bytes| {
            Signed::<Commit>::parse(item.clone()).unwrap().payload().control.as_ref().is_some_and(Control::turns_space)
        };
        let commits = (1u64..).zip(self.items.iter().skip(1)).filter(|(seq, item)| *seq >= from && turns(item));
        commits.map(|(_, item)| item.clone()).collect()
    }

    fn outline(&self, before: u64, from: u64, hidden: Option<u64>) -> Vec<Bytes> {
        let control = |item: &Bytes| Signed::<Commit>::parse(item.clone()).ok()?.payload().control.clone();
        let commits = || (1u64..).zip(self.items.iter().skip(1)).take_while(|(seq, _)| *seq < before);
        let Some((last, checkpoint)) = commits().filter(|(_, item)| control(item) == Some(Control::Checkpoint)).last()
        else {
            return Vec::new();
        };
        let turns = commits().filter(|(seq, item)| {
            Some(*seq) != hidden
                && *seq >= from
                && *seq < last
                && control(item).is_some_and(|control| control.turns_space())
        });
        let genesis = (from == 0).then(|| self.items[0].clone());
        let last = (from <= last).then(|| checkpoint.clone());
        genesis.into_iter().chain(turns.map(|(_, item)| item.clone())).chain(last).collect()
    }
}

impl State {
    fn answer(&mut self, request: Request, body: Vec<Bytes>) -> Result<(Response, Bytes), LinkError> {
        self.applied += 1;
        let plain = |response| Ok((response, Bytes::new()));
        match request {
            Request::Status => plain(Response::Status(NodeStatus {
                node: NodeId([1; 16]),
                version: String::new(),
                feature_level: 1,
                cluster_time: clock::now(),
                node_time: clock::now(),
                org: self.org.head(),
                applied: self.applied,
                floor: 0,
                disk_free_bytes: u64::MAX,
            })),
            Request::Spaces => plain(Response::Spaces(
                self.spaces.iter().map(|(space, log)| SpaceSummary { space: *space, head: log.space.head() }).collect(),
            )),
            Request::Organisation { from } => {
                let items = self.certificates.get(from as usize..).unwrap_or_default();
                Ok((Response::Organisation { head: self.org.head() }, list(items)))
            }
            Request::Certify => {
                for certificate in split_items(body[0].clone(), CERTIFICATES_MAX, CERTIFICATE_BYTES_MAX).unwrap() {
                    if self.org.extend(certificate.clone()).is_err() {
                        return refused(Refusal::Certificate { head: self.org.head() });
                    }
                    self.certificates.push(certificate);
                }
                plain(Response::Certified { head: self.org.head() })
            }
            Request::CreateSpace => {
                let genesis: Signed<SpaceGenesis> = Signed::parse(body[0].clone()).unwrap();
                let space = Space::found(&genesis, &self.org).unwrap();
                let id = space.id();
                self.spaces.entry(id).or_insert(Log { items: vec![body[0].clone()], space });
                plain(Response::SpaceCreated { space: id })
            }
            Request::Log { space, from } => match self.spaces.get(&space) {
                None => refused(Refusal::UnknownSpace),
                Some(log) => {
                    let items = log.items.get(from as usize..).unwrap_or_default();
                    let items = &items[..items.len().min(LOG_ITEMS_MAX)];
                    Ok((Response::Log { head: log.space.head() }, list(items)))
                }
            },
            Request::Outline { space, before, from } => match self.spaces.get(&space) {
                None => refused(Refusal::UnknownSpace),
                Some(log) => {
                    let items = log.outline(before, from, self.hidden);
                    let items = &items[..items.len().min(LOG_ITEMS_MAX)];
                    Ok((Response::Outline { head: log.space.head() }, list(items)))
                }
            },
            Request::Turns { space, from } => match self.spaces.get(&space) {
                None => refused(Refusal::UnknownSpace),
                Some(log) => {
                    let turns = log.turns(from);
                    let turns = &turns[..turns.len().min(LOG_ITEMS_MAX)];
                    Ok((Response::Outline { head: log.space.head() }, list(turns)))
                }
            },
            Request::Commit { space } => self.commit(space, body[0].clone()),
            Request::PutChunks { space, chunks } => {
                if let Some(refusal) = self.no_room {
                    return refused(refusal);
                }
                for (head, object) in chunks.iter().zip(&body) {
                    assert_eq!(head.object_bytes as usize, object.len());
                    if ChunkId::of(object) != head.id {
                        return refused(Refusal::ChunkMismatch);
                    }
                    self.put_bytes += object.len() as u64;
                    if self.chunks.insert((space, head.id), object.clone()).is_some() {
                        self.put_twice += object.len() as u64;
                    }
                }
                let ids: Vec<_> = chunks.iter().map(|head| head.id).collect();
                plain(Response::Stored { receipts: vec![self.receipt(space, &ids)] })
            }
            Request::HaveChunks { space, ids } => {
                let held: Vec<_> = ids.iter().map(|id| self.chunks.contains_key(&(space, *id))).collect();
                let present: Vec<_> = ids.iter().zip(&held).filter(|(_, held)| **held).map(|(id, _)| *id).collect();
                plain(Response::Held { held, receipts: vec![self.receipt(space, &present)] })
            }
            Request::CheckChunks { space, ids } => {
                let state = |id: &ChunkId| match self.chunks.contains_key(&(space, *id)) {
                    true => ChunkState::There,
                    false if self.is_partly_deaf => ChunkState::Unheard,
                    false => ChunkState::Lost,
                };
                plain(Response::Checked { chunks: ids.iter().map(state).collect() })
            }
            Request::GetChunks { space, ids } => {
                let mut found: Vec<_> = ids.iter().map(|id| self.found(space, *id)).collect();
                if let Some(lie) = &self.lie {
                    lie(&mut found);
                }
                let answer = |found: &Result<Bytes, ChunkAnswer>| match found {
                    Ok(object) => ChunkAnswer::Present { object_bytes: object.len() as u32 },
                    Err(answer) => *answer,
                };
                let chunks = found.iter().map(answer).collect();
                let body: Vec<u8> = found.into_iter().flatten().flatten().collect();
                Ok((Response::Chunks { chunks }, body.into()))
            }
            Request::Seen { space } => {
                let seen: Signed<Seen> = Signed::parse(body[0].clone()).unwrap();
                self.words.insert((space, seen.payload().device), body[0].clone());
                plain(Response::SeenKept)
            }
            Request::Seens { space } => {
                let words: Vec<Bytes> =
                    self.words.iter().filter(|((of, _), _)| *of == space).map(|(_, word)| word.clone()).collect();
                Ok((Response::Seens, list(&words)))
            }
            Request::CreateFileRequest => {
                self.file_requests.push(body[0].clone());
                plain(Response::LinkCreated { origin: self.origin.clone() })
            }
            Request::EndLink => {
                self.file_requests.clear();
                plain(Response::LinkEnded)
            }
            Request::FileRequests { .. } => {
                let standing = FileRequestStanding { phase: LinkPhase::Open, bytes: 0, drops: 0, taken: 0 };
                let standings = vec![standing; self.file_requests.len()];
                Ok((Response::FileRequests { standings }, list(&self.file_requests)))
            }
            Request::Drops { after, .. } => {
                let mut drops: Vec<_> = self.drops.iter().map(|(summary, _)| summary.clone()).collect();
                drops.retain(|summary| after.is_none_or(|after| after < summary.place()));
                drops.sort_by_key(DropSummary::place);
                drops.truncate(DROPS_LISTED_MAX);
                plain(Response::Drops(drops))
            }
            Request::DropChunks { request, drop, from, .. } => {
                let is_it = |(summary, _): &&(DropSummary, _)| (summary.request, summary.drop) == (request, drop);
                match self.drops.iter().find(is_it) {
                    Some((_, chunks)) => plain(Response::DropChunks { chunks: chunks[from as usize..].to_vec() }),
                    None => refused(Refusal::UnknownLink),
                }
            }
            Request::TakeDrops => {
                let taken: Signed<DropsTaken> = Signed::parse(body[0].clone()).unwrap();
                let DropsTaken { request, drops, .. } = taken.payload();
                self.drops.retain(|(summary, _)| summary.request != *request || !drops.contains(&summary.drop));
                plain(Response::DropsTaken)
            }
            _ => refused(Refusal::Malformed),
        }
    }

    /// What is held of a chunk.
    fn found(&self, space: SpaceId, id: ChunkId) -> Result<Bytes, ChunkAnswer> {
        match self.chunks.get(&(space, id)) {
            None => Err(ChunkAnswer::Missing),
            Some(object) if ChunkId::of(object) != id => Err(ChunkAnswer::Corrupt),
            Some(object) => Ok(object.clone()),
        }
    }

    /// All retentions end, and sweep takes what has no row: what nobody kept is gone.
    pub(super) fn purge(&mut self) {
        for key in std::mem::take(&mut self.released) {
            self.chunks.remove(&key);
            self.purged.insert(key);
        }
    }

    fn commit(&mut self, space: SpaceId, bytes: Bytes) -> Result<(Response, Bytes), LinkError> {
        let commit: Signed<Commit> = Signed::parse(bytes.clone()).unwrap();
        let Some(log) = self.spaces.get_mut(&space) else { return refused(Refusal::UnknownSpace) };
        match log.space.judge(&commit, &self.org) {
            Ok(CommitPlace::Already(head)) => return Ok((Response::Committed { head }, Bytes::new())),
            Ok(CommitPlace::Next) => {}
            Err(CommitError::NotHead) => {
                let from = commit.payload().prev.seq as usize + 1;
                let items = log.items.get(from..).unwrap_or_default();
                let body = list(&items[..items.len().min(LOG_ITEMS_MAX)]);
                return Err(LinkError::Refused { refusal: Refusal::NotHead { head: log.space.head() }, body });
            }
            Err(CommitError::CounterUsed) => return refused(Refusal::CounterUsed),
            Err(CommitError::CounterGap { expected }) => return refused(Refusal::CounterGap { expected }),
            Err(_) => return refused(Refusal::Commit),
        }
        Space::verify(&commit, &self.org).unwrap();
        let payload = commit.payload();
        if !payload.adds.is_empty() && payload.stored_at < self.floor {
            return refused(Refusal::ReceiptsTooOld { floor: self.floor });
        }
        if let Some(refusal) = self.no_adds.filter(|_| !payload.adds.is_empty()) {
            return refused(refusal);
        }
        assert!(payload.adds.iter().all(|id| self.chunks.contains_key(&(space, *id))), "a commit of unstored chunks");
        if let Some(Control::Keep(ids)) = &payload.control
            && ids.iter().any(|id| self.purged.contains(&(space, *id)))
        {
            return refused(Refusal::NotKept);
        }
        for id in &payload.adds {
            self.released.remove(&(space, *id));
            self.purged.remove(&(space, *id));
        }
        match &payload.control {
            Some(Control::Release(ids)) => self.released.extend(ids.iter().map(|id| (space, *id))),
            Some(Control::Keep(ids)) => self.released.retain(|(of, id)| *of != space || !ids.contains(id)),
            _ => {}
        }
        log.items.push(bytes);
        let head = log.space.append(&commit);
        Ok((Response::Committed { head }, Bytes::new()))
    }

    fn receipt(&self, space: SpaceId, ids: &[ChunkId]) -> Receipt {
        let node = self.receipt_keys.public().ed25519.node_id();
        let claim = ReceiptClaim { node, space, ids: ids_digest(ids), layout: 0, at: self.applied };
        Receipt {
            claim,
            signature: self.receipt_keys.sign(label::SIGN_RECEIPT, &claim.to_bytes()),
            covers: Covers::All,
        }
    }
}
