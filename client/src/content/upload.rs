//! From sealed chunks to stored ones.
//!
//! ```text
//! chunks ─► window (shuffled when full) ─► batches ─► HaveChunks for known ones, PutChunks for the rest ─► receipts, journal
//! ```
//! Windows are numbered. What arrives while window `n` gathers is stored once all windows up to `n` are: that is how files
//! wait for their chunks without a list of them.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use crossbeam_channel::{Receiver, Sender, bounded};
use tokio::runtime::Handle;
use tokio::task::AbortHandle;
use vauban_crypto::chunk::ChunkTag;
use vauban_protocol::id::{ChunkId, SpaceId};
use vauban_protocol::limit::IDS_MAX;
use vauban_protocol::organisation::Organisation;
use vauban_protocol::receipt::Receipt;
use vauban_protocol::time::Timestamp;
use vauban_protocol::wire::{ChunkHead, Request, Response};

use super::nodes::{Nodes, NodesError};
use super::receipts::{ReceiptError, judge_receipts};
use super::seal::Outgoing;
use crate::limit::{PUT_BYTES, PUTS_IN_FLIGHT_MAX, UPLOAD_WINDOW_BYTES};
use crate::state::journal::StoredChunk;

/// Why chunks were not stored.
#[derive(Debug, thiserror::Error)]
pub enum UploadError {
    /// No answer, or not the one asked for.
    #[error(transparent)]
    Nodes(#[from] NodesError),
    /// The receipts do not suffice.
    #[error(transparent)]
    Receipts(#[from] ReceiptError),
}

/// One batch, stored.
#[derive(Debug)]
pub struct Stored {
    /// The chunks, each with what its receipts rest on: to be journaled.
    pub chunks: Vec<StoredChunk>,
    /// Bytes of objects that were sent for it.
    pub sent_bytes: u64,
    /// Chunks of it that nodes held already.
    pub held: u64,
    window: u64,
}

impl Stored {
    /// The tags that are no longer in flight.
    pub fn tags(&self) -> impl Iterator<Item = &ChunkTag> {
        self.chunks.iter().map(|stored| &stored.chunk.tag)
    }
}

/// What all requests of one upload share.
#[derive(Debug, Clone)]
struct Destination<N> {
    nodes: N,
    space: SpaceId,
    org: Arc<Organisation>,
    now: Timestamp,
}

/// The upload of one run.
#[derive(Debug)]
pub struct Uploader<N> {
    destination: Destination<N>,
    runtime: Handle,
    gathering: Vec<Outgoing>,
    gathering_bytes: usize,
    window: u64,
    batches: VecDeque<(u64, Vec<Outgoing>)>,
    in_flight: usize,
    /// Batches that are not stored yet, by window.
    unsettled: BTreeMap<u64, usize>,
    answer_in: Sender<Result<Stored, UploadError>>,
    answers: Receiver<Result<Stored, UploadError>>,
    /// Requests that may be under way: an upload that is given up sends nothing more.
    requests: Vec<AbortHandle>,
}

impl<N> Drop for Uploader<N> {
    fn drop(&mut self) {
        self.requests.iter().for_each(AbortHandle::abort);
    }
}

impl<N: Nodes> Uploader<N> {
    /// An upload to `space`; `now` is what charters are judged at.
    #[must_use]
    pub fn new(nodes: N, runtime: Handle, space: SpaceId, org: Arc<Organisation>, now: Timestamp) -> Self {
        // As many answers as requests in flight: giving one never waits.
        let (answer_in, answers) = bounded(PUTS_IN_FLIGHT_MAX);
        Self {
            destination: Destination { nodes, space, org, now },
            runtime,
            gathering: Vec::new(),
            gathering_bytes: 0,
            window: 0,
            batches: VecDeque::new(),
            in_flight: 0,
            unsettled: BTreeMap::new(),
            answer_in,
            answers,
            requests: Vec::new(),
        }
    }

    /// Takes a chunk.
    pub fn push(&mut self, chunk: Outgoing) {
        self.gathering_bytes = self.gathering_bytes.saturating_add(chunk.object.len());
        self.gathering.push(chunk);
        if self.gathering_bytes >= UPLOAD_WINDOW_BYTES {
            self.close_window();
        }
    }

    /// Lets go what has gathered so far.
    pub fn close_window(&mut self) {
        let mut gathered = std::mem::take(&mut self.gathering);
        self.gathering_bytes = 0;
        shuffle(&mut gathered);
        let batches = batches(gathered);
        if !batches.is_empty() {
            self.unsettled.insert(self.window, batches.len());
        }
        self.batches.extend(batches.into_iter().map(|batch| (self.window, batch)));
        self.window = self.window.saturating_add(1);
        self.dispatch();
    }

    /// The window that gathers now.
    #[must_use]
    pub fn window(&self) -> u64 {
        self.window
    }

    /// The first window that is not stored yet.
    #[must_use]
    pub fn settled_below(&self) -> u64 {
        self.unsettled.keys().next().copied().unwrap_or(self.window)
    }

    /// Whether nothing is under way.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.unsettled.is_empty() && self.gathering.is_empty()
    }

    /// Answers as they come; each goes to [`Uploader::settle`].
    #[must_use]
    pub fn answers(&self) -> &Receiver<Result<Stored, UploadError>> {
        &self.answers
    }

    /// Takes an answer that was journaled, and sends what waited for its place.
    pub fn settle(&mut self, stored: &Stored) {
        self.in_flight = self.in_flight.saturating_sub(1);
        if let Some(left) = self.unsettled.get_mut(&stored.window) {
            *left = left.saturating_sub(1);
            if *left == 0 {
                self.unsettled.remove(&stored.window);
            }
        }
        self.dispatch();
    }

    /// A request has failed: it is no longer under way.
    pub fn gave_up_one(&mut self) {
        self.in_flight = self.in_flight.saturating_sub(1);
    }

    /// Sends nothing more, waits for what is under way, together no longer than `limit`, and returns what was stored, so that it
    /// can be journaled and is not sent again.
    #[must_use]
    pub fn wind_up(&mut self, limit: Duration) -> Vec<Stored> {
        self.batches.clear();
        let until = Instant::now() + limit;
        let answers =
            std::iter::repeat_with(|| self.answers.recv_deadline(until)).take(std::mem::take(&mut self.in_flight));
        answers.map_while(Result::ok).flatten().collect()
    }

    fn dispatch(&mut self) {
        while self.in_flight < PUTS_IN_FLIGHT_MAX {
            let Some((window, batch)) = self.batches.pop_front() else { return };
            self.in_flight = self.in_flight.saturating_add(1);
            let (destination, answer) = (self.destination.clone(), self.answer_in.clone());
            let request = self.runtime.spawn(async move {
                // Nobody waits for the answer of an upload that was given up.
                let _ = answer.send(destination.store(window, batch).await);
            });
            self.requests.retain(|request| !request.is_finished());
            self.requests.push(request.abort_handle());
        }
    }
}

impl<N: Nodes> Destination<N> {
    async fn store(self, window: u64, batch: Vec<Outgoing>) -> Result<Stored, UploadError> {
        let mut stored = Stored { chunks: Vec::with_capacity(batch.len()), sent_bytes: 0, held: 0, window };
        let (known, mut missing): (Vec<_>, Vec<_>) = batch.into_iter().partition(|chunk| chunk.is_known);
        if !known.is_empty() {
            let ids: Vec<_> = known.iter().map(|chunk| chunk.chunk.id).collect();
            let (held, at) = self.have(&ids).await?;
            for (chunk, held) in known.into_iter().zip(held) {
                if held {
                    stored.held = stored.held.saturating_add(1);
                    stored.chunks.push(StoredChunk { chunk: chunk.chunk, at });
                } else {
                    missing.push(chunk);
                }
            }
        }
        if !missing.is_empty() {
            let at = self.put(&missing).await?;
            for chunk in missing {
                stored.sent_bytes = stored.sent_bytes.saturating_add(chunk.object.len() as u64);
                stored.chunks.push(StoredChunk { chunk: chunk.chunk, at });
            }
        }
        Ok(stored)
    }

    async fn put(&self, batch: &[Outgoing]) -> Result<u64, UploadError> {
        let ids: Vec<_> = batch.iter().map(|chunk| chunk.chunk.id).collect();
        let heads = batch
            .iter()
            .map(|chunk| ChunkHead {
                id: chunk.chunk.id,
                object_bytes: u32::try_from(chunk.object.len()).unwrap_or(u32::MAX),
            })
            .collect();
        let body: Vec<Bytes> = batch.iter().map(|chunk| chunk.object.clone()).collect();
        let request = Request::PutChunks { space: self.space, chunks: heads };
        match self.nodes.request(request, body).await.map_err(NodesError::from)? {
            (Response::Stored { receipts }, _) => self.judge(&receipts, &ids),
            _ => Err(NodesError::Senseless("not a receipt").into()),
        }
    }

    async fn have(&self, ids: &[ChunkId]) -> Result<(Vec<bool>, u64), UploadError> {
        let (held, receipts) = have_chunks(&self.nodes, self.space, ids).await?;
        let present: Vec<_> = ids.iter().zip(&held).filter(|(_, held)| **held).map(|(id, _)| *id).collect();
        let at = if present.is_empty() { 0 } else { self.judge(&receipts, &present)? };
        Ok((held, at))
    }

    fn judge(&self, receipts: &[Receipt], ids: &[ChunkId]) -> Result<u64, UploadError> {
        Ok(judge_receipts(receipts, ids, self.space, &self.org, self.now)?)
    }
}

/// Asks which chunks are held: for each, in order, with receipts for exactly the held ones.
///
/// # Errors
/// [`NodesError`].
pub async fn have_chunks<N: Nodes>(
    nodes: &N,
    space: SpaceId,
    ids: &[ChunkId],
) -> Result<(Vec<bool>, Vec<Receipt>), NodesError> {
    match nodes.request(Request::HaveChunks { space, ids: ids.to_vec() }, Vec::new()).await? {
        (Response::Held { held, receipts }, _) if held.len() == ids.len() => Ok((held, receipts)),
        _ => Err(NodesError::Senseless("not which chunks are held")),
    }
}

/// Cuts a window into requests.
fn batches(chunks: Vec<Outgoing>) -> Vec<Vec<Outgoing>> {
    let mut batches: Vec<Vec<Outgoing>> = Vec::new();
    let mut room = 0usize;
    for chunk in chunks {
        let bytes = chunk.object.len();
        match batches.last_mut().filter(|batch| bytes <= room && batch.len() < IDS_MAX) {
            Some(batch) => {
                room = room.saturating_sub(bytes);
                batch.push(chunk);
            }
            None => {
                room = PUT_BYTES.saturating_sub(bytes);
                batches.push(vec![chunk]);
            }
        }
    }
    batches
}

/// Fisher and Yates' shuffle, by the system's randomness: the order of chunks within a window tells nodes nothing.
fn shuffle<T>(items: &mut [T]) {
    let mut random = vec![0; items.len().saturating_mul(size_of::<u64>())];
    if getrandom::fill(&mut random).is_err() {
        return;
    }
    for (at, bytes) in random.chunks_exact(size_of::<u64>()).enumerate().skip(1) {
        let draw = bytes.iter().fold(0u64, |draw, byte| draw << 8 | u64::from(*byte));
        // 64 bits over windows of thousands: the bias is far below what anyone could measure.
        let other = usize::try_from(draw % (at as u64 + 1)).unwrap_or(at);
        items.swap(at, other);
    }
}

#[cfg(test)]
mod tests {
    use vauban_crypto::chunk::ChunkSecret;

    use super::*;
    use crate::content::ByteBudget;
    use crate::log::ChunkRef;

    fn outgoing(n: usize, bytes: usize) -> Outgoing {
        let chunk = ChunkRef {
            id: ChunkId([u8::try_from(n % 256).unwrap(); 32]),
            secret: ChunkSecret::from_bytes([0; 32]),
            tag: ChunkTag::new([0; 16]),
            plain_bytes: 1,
        };
        Outgoing { chunk, object: vec![0; bytes].into(), is_known: false, permit: ByteBudget::new(1).take(1) }
    }

    #[test]
    fn batches_keep_both_bounds() {
        let small = batches((0..IDS_MAX + 1).map(|n| outgoing(n, 1)).collect());
        assert_eq!(small.iter().map(Vec::len).collect::<Vec<_>>(), [IDS_MAX, 1]);
        let large = batches((0..5).map(|n| outgoing(n, PUT_BYTES / 2)).collect());
        assert_eq!(large.iter().map(Vec::len).collect::<Vec<_>>(), [2, 2, 1]);
        assert_eq!(batches(vec![outgoing(0, PUT_BYTES * 2)]).len(), 1, "one that is larger goes alone");
        assert!(batches(Vec::new()).is_empty());
    }

    /// Whether each of 8 places gets each of 8 items about as often.
    fn is_uniform(shuffle: impl Fn(&mut [usize; 8])) -> bool {
        const ROUNDS: usize = 8000;
        let mut seen = [[0usize; 8]; 8];
        for _ in 0..ROUNDS {
            let mut items = [0, 1, 2, 3, 4, 5, 6, 7];
            shuffle(&mut items);
            items.iter().enumerate().for_each(|(place, item)| seen[place][*item] += 1);
        }
        let expected = ROUNDS / 8;
        seen.iter().flatten().all(|count| count.abs_diff(expected) < expected / 5)
    }

    #[test]
    fn upload_order_is_uniform() {
        assert!(is_uniform(|items| shuffle(items)));
    }

    /// Chunks that are sent in the order of their file, or by a shuffle that leaves the last ones where they are, are found out.
    #[test]
    fn control_of_upload_order_is_uniform() {
        assert!(!is_uniform(|_| {}));
        assert!(!is_uniform(|items| shuffle(&mut items[..6])));
    }
}
