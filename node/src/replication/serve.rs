//! The answering end: what this node does for another one.

use std::sync::Arc;

use bytes::Bytes;
use futures::{StreamExt as _, TryStreamExt as _, stream};
use tokio::sync::OwnedSemaphorePermit;
use vauban_protocol::id::{ChunkId, NodeId, SpaceId};
use vauban_protocol::limit::CHUNKS_BYTES_MAX;
use vauban_protocol::wire::{ChunkAnswer, ChunkHead};

use super::Replication;
use super::message::{ChunkReply, ChunkRequest};
use crate::chunks::{Purpose, ReadError, Stamp, StoreError, VerifiedChunk};
use crate::limit::GETS_PER_REQUEST_MAX;

/// An answer's header, and its body in parts; the memory of these is free once they are dropped.
pub type Served = (ChunkReply, Vec<Bytes>);

/// An object that is lent to the connection, with its place in memory.
struct Lent {
    object: Bytes,
    _reserved: Arc<OwnedSemaphorePermit>,
}

impl AsRef<[u8]> for Lent {
    fn as_ref(&self) -> &[u8] {
        &self.object
    }
}

/// Why another node is not served.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// It sends something else than it says.
    #[error("it sends something else than it says")]
    Malformed,
    /// Its charter does not let it hold the organisation's bytes.
    #[error("its charter does not satisfy the policy")]
    NotPermitted,
    /// This node's store.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Replication {
    /// Does what `caller`, whose key was proven, asks for.
    ///
    /// # Errors
    /// [`ServeError`].
    pub async fn serve(&self, caller: NodeId, request: ChunkRequest, body: Bytes) -> Result<Served, ServeError> {
        match request {
            ChunkRequest::Push { space, layout, chunks } => {
                let chunks = verified(&chunks, body)?;
                self.catch_up_with(layout).await;
                self.take(space, chunks).await
            }
            ChunkRequest::Have { space, layout, ids } => {
                self.catch_up_with(layout).await;
                self.say(space, ids).await
            }
            ChunkRequest::Weigh { space, ids } => {
                let object_bytes = self.chunks().object_bytes(space, &ids).await?;
                Ok((ChunkReply::Weighed { object_bytes }, Vec::new()))
            }
            ChunkRequest::Get { space, ids, bytes_max } => {
                if !self.may_hold(caller) {
                    return Err(ServeError::NotPermitted);
                }
                let bytes_max = usize::try_from(bytes_max).unwrap_or(usize::MAX).min(CHUNKS_BYTES_MAX);
                self.give(space, ids, bytes_max).await
            }
        }
    }

    async fn take(&self, space: SpaceId, chunks: Vec<VerifiedChunk>) -> Result<Served, ServeError> {
        let ids: Vec<ChunkId> = chunks.iter().map(VerifiedChunk::id).collect();
        // The index before the layout, and both before the stamp: the receipt promises no more than they say.
        let at = self.view().applied();
        let layout = self.view().layouts().version();
        self.chunks().put(space, chunks, Stamp(at), Purpose::Upload).await?;
        Ok((ChunkReply::Stored { receipt: self.identity().receipt(space, &ids, layout, at) }, Vec::new()))
    }

    async fn say(&self, space: SpaceId, ids: Vec<ChunkId>) -> Result<Served, ServeError> {
        let at = self.view().applied();
        let layout = self.view().layouts().version();
        let held = self.chunks().have(space, ids.clone(), Stamp(at)).await?;
        let present: Vec<ChunkId> = ids.iter().zip(&held).filter(|(_, held)| **held).map(|(id, _)| *id).collect();
        let receipt = (!present.is_empty()).then(|| self.identity().receipt(space, &present, layout, at));
        Ok((ChunkReply::Held { held, receipt }, Vec::new()))
    }

    async fn give(&self, space: SpaceId, ids: Vec<ChunkId>, bytes_max: usize) -> Result<Served, ServeError> {
        let lengths = self.chunks().object_bytes(space, &ids).await?;
        let mut room = bytes_max;
        let fits = |(_, length): &(ChunkId, Option<u32>)| {
            let bytes = usize::try_from(length.unwrap_or_default()).unwrap_or(usize::MAX);
            match room.checked_sub(bytes) {
                Some(rest) => {
                    room = rest;
                    true
                }
                None => false,
            }
        };
        let first: Vec<(ChunkId, Option<u32>)> = ids.into_iter().zip(lengths).take_while(fits).collect();
        let total = bytes_max.saturating_sub(room);
        let share = u32::try_from(total).unwrap_or(u32::MAX);
        let reserved = Arc::clone(&self.0.serving).acquire_many_owned(share).await;
        let reserved = Arc::new(reserved.map_err(|_| StoreError::Closed)?);
        let found: Vec<(ChunkAnswer, Option<Bytes>)> = stream::iter(first)
            .map(|(id, length)| self.read_one(space, id, length.is_some()))
            .buffered(GETS_PER_REQUEST_MAX)
            .try_collect()
            .await?;
        let (chunks, objects): (Vec<_>, Vec<_>) = found.into_iter().unzip();
        let lend = |object| Bytes::from_owner(Lent { object, _reserved: Arc::clone(&reserved) });
        let body = objects.into_iter().flatten().map(lend).collect();
        Ok((ChunkReply::Chunks { chunks }, body))
    }

    async fn read_one(
        &self,
        space: SpaceId,
        id: ChunkId,
        is_held: bool,
    ) -> Result<(ChunkAnswer, Option<Bytes>), ServeError> {
        if !is_held {
            return Ok((ChunkAnswer::Missing, None));
        }
        match self.chunks().get(space, id).await {
            Ok(Some(object)) => {
                let object_bytes = u32::try_from(object.len()).unwrap_or(u32::MAX);
                Ok((ChunkAnswer::Present { object_bytes }, Some(object)))
            }
            Ok(None) => Ok((ChunkAnswer::Missing, None)),
            Err(ReadError::Corrupt { .. }) => Ok((ChunkAnswer::Corrupt, None)),
            Err(ReadError::Store(error)) => Err(error.into()),
        }
    }
}

/// Cuts a body at the lengths that its header says, and hashes each object.
fn verified(heads: &[ChunkHead], mut body: Bytes) -> Result<Vec<VerifiedChunk>, ServeError> {
    let mut chunks = Vec::with_capacity(heads.len());
    for head in heads {
        let bytes = usize::try_from(head.object_bytes).ok().filter(|bytes| *bytes <= body.len());
        let object = body.split_to(bytes.ok_or(ServeError::Malformed)?);
        chunks.push(VerifiedChunk::verify(head.id, object).map_err(|_| ServeError::Malformed)?);
    }
    if body.is_empty() { Ok(chunks) } else { Err(ServeError::Malformed) }
}
