//! From chunk references to bytes, in order, several requests ahead.
//!
//! Every object is verified against its id and opened here; a chunk that is missing, damaged or forged is an error of that chunk,
//! and what follows it still comes.

use std::collections::BTreeSet;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::{Bytes, BytesMut};
use futures::StreamExt;
use futures::stream;
use tokio::runtime::Handle;
use tokio::sync::mpsc;
use tokio::task::{AbortHandle, JoinError, JoinHandle};
use vauban_crypto::limit::CUT_BYTES_MIN;
use vauban_protocol::id::{ChunkId, SpaceId};
use vauban_protocol::limit::{IDS_MAX, OBJECT_OVERHEAD_BYTES};
use vauban_protocol::size::padded_bytes;
use vauban_protocol::wire::{ChunkAnswer, Request, Response};

use super::nodes::{Nodes, NodesError};
use crate::limit::{FILE_CHUNKS_MAX, GET_BYTES, GETS_IN_FLIGHT_MAX};
use crate::log::{ChunkList, ChunkRef, PageError, Version, decode_page};

/// Why content cannot be had at all.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    /// No answer, or not the one asked for.
    #[error(transparent)]
    Nodes(#[from] NodesError),
    /// A chunk of it is not there.
    #[error(transparent)]
    Chunk(#[from] ChunkFault),
    /// A page of its chunk list is none: its author is at fault.
    #[error(transparent)]
    Page(#[from] PageError),
    /// Its chunks are not those of the length that its author recorded, or more than it can have.
    #[error("the chunk list does not have the recorded length")]
    Length,
    /// Its chunks are genuine, and not the content that its author recorded.
    #[error("the chunks are not the recorded content")]
    Content,
    /// The fetching task has ended early: a defect.
    #[error("the download ended early")]
    Ended,
}

/// Why one chunk cannot be had.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ChunkFault {
    /// No node that was asked has it.
    #[error("chunk {0} is missing")]
    Missing(ChunkId),
    /// The node's copy is damaged, and was set aside there.
    #[error("the node's copy of chunk {0} is damaged")]
    Corrupt(ChunkId),
    /// What was sent does not open: not its bytes, or recorded with another secret.
    #[error("chunk {0} does not open")]
    Forged(ChunkId),
    /// A node that may have it did not answer.
    #[error("a node that may have chunk {0} does not answer")]
    Unheard(ChunkId),
}

/// An opened chunk, in the buffer that it came in.
#[derive(Debug)]
pub struct Opened {
    object: BytesMut,
    start: usize,
    length: usize,
}

impl AsRef<[u8]> for Opened {
    fn as_ref(&self) -> &[u8] {
        self.object.get(self.start..).and_then(|rest| rest.get(..self.length)).unwrap_or_default()
    }
}

/// Chunks on their way, in order.
#[derive(Debug)]
pub struct ChunkStream {
    batches: mpsc::Receiver<Result<Vec<Result<Opened, ChunkFault>>, FetchError>>,
    current: std::vec::IntoIter<Result<Opened, ChunkFault>>,
    task: AbortHandle,
}

/// One request under way; one that nobody wants any more ends.
struct Fetching<T>(JoinHandle<T>);

impl<T> Future for Fetching<T> {
    type Output = Result<T, JoinError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.0).poll(context)
    }
}

impl<T> Drop for Fetching<T> {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Drop for ChunkStream {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl ChunkStream {
    /// Starts to fetch `chunks`.
    #[must_use]
    pub fn start<N: Nodes>(
        nodes: N,
        runtime: &Handle,
        space: SpaceId,
        chunks: impl Iterator<Item = ChunkRef> + Send + 'static,
    ) -> Self {
        let (out, batches) = mpsc::channel(1);
        let task = runtime.spawn(async move {
            let requests = stream::iter(Batches { chunks: chunks.peekable() })
                .map(|batch| Fetching(tokio::spawn(fetch_batch(nodes.clone(), space, batch))))
                .buffered(GETS_IN_FLIGHT_MAX);
            futures::pin_mut!(requests);
            while let Some(batch) = requests.next().await {
                let batch = batch.unwrap_or(Err(FetchError::Ended));
                let is_last = batch.is_err();
                // Whoever stopped reading wants no more.
                if out.send(batch).await.is_err() || is_last {
                    return;
                }
            }
        });
        Self { batches, current: Vec::new().into_iter(), task: task.abort_handle() }
    }

    /// The next chunk, waiting for it; must not be called on a thread of the runtime. `None` at the end.
    ///
    /// # Errors
    /// [`FetchError`] ends the stream; a [`ChunkFault`] is of this chunk alone.
    pub fn next_chunk(&mut self) -> Result<Option<Result<Opened, ChunkFault>>, FetchError> {
        loop {
            if let Some(chunk) = self.current.next() {
                return Ok(Some(chunk));
            }
            match self.batches.blocking_recv() {
                Some(batch) => self.current = batch?.into_iter(),
                None => return Ok(None),
            }
        }
    }
}

/// The chunks of a version, pages resolved.
///
/// # Errors
/// [`FetchError`].
pub async fn chunks_of<N: Nodes>(nodes: &N, space: SpaceId, version: &Version) -> Result<Vec<ChunkRef>, FetchError> {
    let mut pages = BTreeSet::new();
    let list = resolved(nodes, space, version, &mut pages).await?;
    let bytes: u64 = list.iter().map(|chunk| u64::from(chunk.plain_bytes)).sum();
    if bytes == version.bytes { Ok(list) } else { Err(FetchError::Length) }
}

/// The ids of all that a version rests on: its chunks, and the pages that list them.
///
/// # Errors
/// [`FetchError`].
pub async fn every_id<N: Nodes>(nodes: &N, space: SpaceId, version: &Version) -> Result<BTreeSet<ChunkId>, FetchError> {
    let mut ids = BTreeSet::new();
    let list = resolved(nodes, space, version, &mut ids).await?;
    ids.extend(list.iter().map(|chunk| chunk.id));
    Ok(ids)
}

async fn resolved<N: Nodes>(
    nodes: &N,
    space: SpaceId,
    version: &Version,
    pages: &mut BTreeSet<ChunkId>,
) -> Result<Vec<ChunkRef>, FetchError> {
    let (levels, mut list) = match &version.chunks {
        ChunkList::Inline(chunks) => (0, chunks.clone()),
        ChunkList::Paged { levels, pages } => (*levels, pages.clone()),
    };
    let listed_max = listed_max(version.bytes);
    for _ in 0..levels {
        pages.extend(list.iter().map(|page| page.id));
        let mut inner = Vec::new();
        for batch in (Batches { chunks: list.into_iter().peekable() }) {
            for page in fetch_batch(nodes.clone(), space, batch).await? {
                let listed = decode_page(page?.as_ref())?;
                // One page named a thousand times, of pages named a thousand times, would list more than any memory holds.
                if inner.len().saturating_add(listed.len()) > listed_max {
                    return Err(FetchError::Length);
                }
                inner.extend(listed);
            }
        }
        list = inner;
    }
    Ok(list)
}

/// The most chunks that a content of so many bytes has, and so the most pages on any level of its list: all chunks but the last are
/// long enough.
fn listed_max(bytes: u64) -> usize {
    let longest = usize::try_from(bytes).unwrap_or(usize::MAX) / CUT_BYTES_MIN;
    longest.saturating_add(1).min(FILE_CHUNKS_MAX)
}

/// One object, as the node holds it; verified against its id, not opened.
///
/// # Errors
/// [`FetchError`].
pub async fn fetch_chunk<N: Nodes>(nodes: &N, space: SpaceId, id: ChunkId) -> Result<Bytes, FetchError> {
    let (answers, body) = get(nodes, space, vec![id]).await?;
    match answers.first() {
        Some(ChunkAnswer::Present { .. }) if ChunkId::of(&body) == id => Ok(body),
        Some(ChunkAnswer::Present { .. }) => Err(ChunkFault::Forged(id).into()),
        Some(ChunkAnswer::Corrupt) => Err(ChunkFault::Corrupt(id).into()),
        Some(ChunkAnswer::Unheard) => Err(ChunkFault::Unheard(id).into()),
        Some(ChunkAnswer::Missing) | None => Err(ChunkFault::Missing(id).into()),
    }
}

async fn get<N: Nodes>(nodes: &N, space: SpaceId, ids: Vec<ChunkId>) -> Result<(Vec<ChunkAnswer>, Bytes), NodesError> {
    let count = ids.len();
    match nodes.request(Request::GetChunks { space, ids }, Vec::new()).await? {
        (Response::Chunks { chunks }, body) if chunks.len() == count => Ok((chunks, body)),
        _ => Err(NodesError::Senseless("not the chunks asked for")),
    }
}

async fn fetch_batch<N: Nodes>(
    nodes: N,
    space: SpaceId,
    batch: Vec<ChunkRef>,
) -> Result<Vec<Result<Opened, ChunkFault>>, FetchError> {
    let ids = batch.iter().map(|chunk| chunk.id).collect();
    let (answers, body) = get(&nodes, space, ids).await?;
    let opened = tokio::task::spawn_blocking(move || open_batch(&batch, &answers, body)).await;
    Ok(opened.map_err(|_| FetchError::Ended)??)
}

fn open_batch(
    batch: &[ChunkRef],
    answers: &[ChunkAnswer],
    body: Bytes,
) -> Result<Vec<Result<Opened, ChunkFault>>, NodesError> {
    // Nobody else holds the answer's buffer: the objects are opened where they lie.
    let mut body = body.try_into_mut().unwrap_or_else(|shared| BytesMut::from(shared.as_ref()));
    let mut opened = Vec::with_capacity(batch.len());
    for (chunk, answer) in batch.iter().zip(answers) {
        opened.push(match answer {
            ChunkAnswer::Present { object_bytes } => {
                let length = usize::try_from(*object_bytes).unwrap_or(usize::MAX);
                if length > body.len() {
                    return Err(NodesError::Senseless("fewer bytes than announced"));
                }
                open(chunk, body.split_to(length))
            }
            ChunkAnswer::Corrupt => Err(ChunkFault::Corrupt(chunk.id)),
            ChunkAnswer::Unheard => Err(ChunkFault::Unheard(chunk.id)),
            ChunkAnswer::Missing => Err(ChunkFault::Missing(chunk.id)),
        });
    }
    Ok(opened)
}

fn open(chunk: &ChunkRef, mut object: BytesMut) -> Result<Opened, ChunkFault> {
    let forged = || ChunkFault::Forged(chunk.id);
    let base = object.as_ptr().addr();
    let content = chunk.secret.open_in_place(chunk.id, &mut object).map_err(|_| forged())?;
    let (start, length) = (content.as_ptr().addr().saturating_sub(base), content.len());
    // A length that its author did not record would shift everything after it.
    if u32::try_from(length) != Ok(chunk.plain_bytes) {
        return Err(forged());
    }
    Ok(Opened { object, start, length })
}

/// Cuts a list of chunks into requests.
struct Batches<I: Iterator<Item = ChunkRef>> {
    chunks: std::iter::Peekable<I>,
}

impl<I: Iterator<Item = ChunkRef>> Iterator for Batches<I> {
    type Item = Vec<ChunkRef>;

    fn next(&mut self) -> Option<Vec<ChunkRef>> {
        let first = self.chunks.next()?;
        let mut room = GET_BYTES.saturating_sub(object_bytes(&first));
        let mut batch = vec![first];
        while batch.len() < IDS_MAX {
            let Some(chunk) = self.chunks.next_if(|chunk| object_bytes(chunk) <= room) else { break };
            room = room.saturating_sub(object_bytes(&chunk));
            batch.push(chunk);
        }
        Some(batch)
    }
}

fn object_bytes(chunk: &ChunkRef) -> usize {
    // A recorded length out of all bounds is found out when the chunk is opened.
    let plain = usize::try_from(chunk.plain_bytes).unwrap_or(GET_BYTES).min(GET_BYTES);
    padded_bytes(plain).saturating_add(OBJECT_OVERHEAD_BYTES)
}
