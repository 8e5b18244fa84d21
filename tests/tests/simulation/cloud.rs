//! One log and one chunk store, in memory: judges commits with the contract's own code, as a node does.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use vauban_client::content::Nodes;
use vauban_client::link::{LinkError, Unreached};
use vauban_protocol::id::{ChunkId, NodeId};
use vauban_protocol::label;
use vauban_protocol::receipt::{Covers, Receipt, ReceiptClaim, ids_digest};
use vauban_protocol::signed::Signed;
use vauban_protocol::space::{Commit, CommitError, CommitPlace, Control, Space, SpaceGenesis};
use vauban_protocol::time::Timestamp;
use vauban_protocol::wire::{ChunkAnswer, NodeStatus, Refusal, Request, Response, push_item};

use crate::town::{BEGINNING_SECONDS, Town};

/// Signed objects in one answer: few, so that reading a log takes several.
const LOG_ITEMS_MAX: usize = 4;

/// What becomes of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fate {
    Pass,
    /// It never comes.
    Lost,
    /// It is carried out, and the answer never comes.
    AnswerLost,
    /// It comes twice.
    Doubled,
}

/// Sees what the cloud is asked, and what it takes.
pub(crate) trait Witness: Send + Sync {
    fn asked(&self, device: usize, request: &Request) -> Fate;
    fn committed(&self, device: usize, commit: &Commit);
    /// A counter came a second time, with another commit.
    fn counter_used(&self, device: usize);
}

/// The cloud as one device reaches it.
#[derive(Clone)]
pub(crate) struct SimNode {
    pub(crate) cloud: Arc<Cloud>,
    pub(crate) device: usize,
}

pub(crate) struct Cloud {
    town: Arc<Town>,
    state: Mutex<State>,
    witness: Mutex<Option<Arc<dyn Witness>>>,
}

/// What the cloud holds.
#[derive(Clone, Default)]
pub(crate) struct State {
    items: Vec<Bytes>,
    space: Option<Space>,
    chunks: HashMap<ChunkId, Bytes>,
    /// With which upload each came: the same in each play of a life, where identifiers and their order in an upload are not.
    uploads: HashMap<ChunkId, u64>,
    uploads_taken: u64,
    applied: u64,
    /// How many objects of the log a device is shown, where it reaches a node that lags.
    lags: BTreeMap<usize, usize>,
    /// Seconds since the beginning, as the node counts them that a device asks.
    passed: BTreeMap<usize, u64>,
}

type Answer = Result<(Response, Bytes), LinkError>;

impl Cloud {
    pub(crate) fn new(town: &Arc<Town>, state: State) -> Arc<Self> {
        Arc::new(Self { town: Arc::clone(town), state: Mutex::new(state), witness: Mutex::default() })
    }

    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn set_witness(&self, witness: Option<Arc<dyn Witness>>) {
        *self.witness.lock().unwrap_or_else(PoisonError::into_inner) = witness;
    }

    fn witness(&self) -> Option<Arc<dyn Witness>> {
        self.witness.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn answer(&self, device: usize, request: &Request, body: &[Bytes]) -> Answer {
        let plain = |response| Ok((response, Bytes::new()));
        let mut state = self.state();
        state.applied += 1;
        match request {
            Request::Organisation { from } => {
                let items = self.town.certificates.get(*from as usize..).unwrap_or_default();
                Ok((Response::Organisation { head: self.town.org.head() }, list(items)))
            }
            Request::Status => plain(Response::Status(NodeStatus {
                node: NodeId([1; 16]),
                version: String::new(),
                feature_level: 1,
                cluster_time: state.time(device),
                node_time: state.time(device),
                org: self.town.org.head(),
                applied: state.applied,
                floor: 0,
                disk_free_bytes: u64::MAX,
            })),
            Request::CreateSpace => {
                let genesis: Signed<SpaceGenesis> = Signed::parse(body[0].clone()).unwrap();
                let space = Space::found(&genesis, &self.town.org).unwrap();
                let id = space.id();
                state.items = vec![body[0].clone()];
                state.space = Some(space);
                plain(Response::SpaceCreated { space: id })
            }
            Request::Log { from, .. } => {
                let Some(space) = &state.space else { return refused(Refusal::UnknownSpace) };
                let shown = state.lags.get(&device).copied().unwrap_or(state.items.len());
                let head = if shown < state.items.len() { head_of(&state.items[..shown]) } else { space.head() };
                let items = state.items[..shown].get(*from as usize..).unwrap_or_default();
                Ok((Response::Log { head }, list(&items[..items.len().min(LOG_ITEMS_MAX)])))
            }
            Request::Commit { .. } => {
                drop(state);
                self.commit(device, body[0].clone())
            }
            Request::PutChunks { chunks, .. } => {
                state.uploads_taken += 1;
                for (head, object) in chunks.iter().zip(body) {
                    assert_eq!(ChunkId::of(object), head.id, "a chunk that is not what it says");
                    state.chunks.insert(head.id, object.clone());
                    let upload = state.uploads_taken;
                    state.uploads.entry(head.id).or_insert(upload);
                }
                let ids: Vec<_> = chunks.iter().map(|head| head.id).collect();
                plain(Response::Stored { receipts: vec![self.receipt(&ids, state.applied)] })
            }
            Request::HaveChunks { ids, .. } => {
                let held: Vec<_> = ids.iter().map(|id| state.chunks.contains_key(id)).collect();
                let present: Vec<_> = ids.iter().zip(&held).filter(|(_, held)| **held).map(|(id, _)| *id).collect();
                plain(Response::Held { held, receipts: vec![self.receipt(&present, state.applied)] })
            }
            Request::GetChunks { ids, .. } => {
                let mut found = Vec::new();
                let answer = |id: &ChunkId| match state.chunks.get(id) {
                    None => ChunkAnswer::Missing,
                    Some(object) => {
                        found.extend_from_slice(object);
                        ChunkAnswer::Present { object_bytes: object.len() as u32 }
                    }
                };
                let chunks = ids.iter().map(answer).collect();
                Ok((Response::Chunks { chunks }, found.into()))
            }
            _ => refused(Refusal::Malformed),
        }
    }

    fn commit(&self, device: usize, bytes: Bytes) -> Answer {
        let commit: Signed<Commit> = Signed::parse(bytes.clone()).unwrap();
        let mut state = self.state();
        let Some(space) = &state.space else { return refused(Refusal::UnknownSpace) };
        match space.judge(&commit, &self.town.org) {
            Ok(CommitPlace::Already(head)) => return Ok((Response::Committed { head }, Bytes::new())),
            Ok(CommitPlace::Next) => {}
            Err(CommitError::NotHead) => {
                let head = space.head();
                let items = state.items.get(commit.payload().prev.seq as usize + 1..).unwrap_or_default();
                let body = list(&items[..items.len().min(LOG_ITEMS_MAX)]);
                return Err(LinkError::Refused { refusal: Refusal::NotHead { head }, body });
            }
            Err(CommitError::CounterUsed) => {
                drop(state);
                if let Some(witness) = self.witness() {
                    witness.counter_used(device);
                }
                return refused(Refusal::CounterUsed);
            }
            Err(CommitError::CounterGap { expected }) => return refused(Refusal::CounterGap { expected }),
            Err(_) => return refused(Refusal::Commit),
        }
        Space::verify(&commit, &self.town.org).unwrap();
        let payload = commit.payload();
        assert!(payload.adds.iter().all(|id| state.chunks.contains_key(id)), "a commit of chunks that nobody stored");
        state.items.push(bytes);
        let head = state.space.as_mut().map(|space| space.append(&commit));
        drop(state);
        if let Some(witness) = self.witness() {
            witness.committed(device, payload);
        }
        Ok((Response::Committed { head: head.unwrap() }, Bytes::new()))
    }

    fn receipt(&self, ids: &[ChunkId], at: u64) -> Receipt {
        let keys = &self.town.receipt_keys;
        let node = keys.public().ed25519.node_id();
        let claim = ReceiptClaim { node, space: self.town.space, ids: ids_digest(ids), layout: 0, at };
        Receipt { claim, signature: keys.sign(label::SIGN_RECEIPT, &claim.to_bytes()), covers: Covers::All }
    }
}

impl State {
    /// The certificate and the bundle of the first epoch.
    pub(crate) fn first_epoch(&self) -> (Vec<u8>, Bytes) {
        let commit: Signed<Commit> = Signed::parse(self.items[1].clone()).unwrap();
        let Some(Control::Epoch(certificate)) = &commit.payload().control else { panic!("no epoch begins") };
        (certificate.clone(), self.chunks[&commit.payload().adds[0]].clone())
    }

    /// Hours pass for a device, and for the node that it asks.
    pub(crate) fn pass(&mut self, device: usize, seconds: u64) {
        *self.passed.entry(device).or_default() += seconds;
    }

    fn time(&self, device: usize) -> Timestamp {
        Timestamp(BEGINNING_SECONDS + self.passed.get(&device).copied().unwrap_or_default())
    }

    /// Tells apart what `request` asks for, if it asks for chunks: by the uploads that they came with.
    pub(crate) fn wanted(&self, request: &Request) -> Option<u64> {
        let Request::GetChunks { ids, .. } = request else { return None };
        Some(ids.iter().filter_map(|id| self.uploads.get(id)).map(|upload| upload.pow(2)).sum())
    }

    /// How many objects the log holds.
    pub(crate) fn length(&self) -> usize {
        self.items.len()
    }

    /// From now on `device` reaches a node that shows `behind` objects fewer; none to reach the others again.
    pub(crate) fn lag(&mut self, device: usize, behind: usize) {
        let shown = self.items.len().saturating_sub(behind).max(2);
        if behind == 0 {
            self.lags.remove(&device)
        } else {
            self.lags.insert(device, shown)
        };
    }
}

impl Nodes for SimNode {
    async fn request(&self, request: Request, body: Vec<Bytes>) -> Answer {
        let fate = self.cloud.witness().map_or(Fate::Pass, |witness| witness.asked(self.device, &request));
        if fate == Fate::Lost {
            return lost();
        }
        let answer = self.cloud.answer(self.device, &request, &body);
        match fate {
            Fate::AnswerLost => lost(),
            Fate::Doubled => self.cloud.answer(self.device, &request, &body),
            Fate::Pass | Fate::Lost => answer,
        }
    }
}

fn lost() -> Answer {
    Err(LinkError::Unreachable { address: "cloud".to_owned(), reason: Unreached::Lost("as told".to_owned()) })
}

fn refused(refusal: Refusal) -> Answer {
    Err(LinkError::Refused { refusal, body: Bytes::new() })
}

fn list(items: &[Bytes]) -> Bytes {
    let mut body = Vec::new();
    items.iter().for_each(|item| push_item(&mut body, item));
    body.into()
}

fn head_of(items: &[Bytes]) -> vauban_protocol::chain::Head {
    use vauban_protocol::chain::Head;
    use vauban_protocol::id::Digest;
    let (genesis, rest) = items.split_first().unwrap();
    rest.iter().fold(Head::of_genesis(Digest::of(genesis)), |head, item| head.after(Digest::of(item)))
}
