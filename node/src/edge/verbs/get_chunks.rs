//! `GetChunks`: chunks out, each hashed again on its way.
//!
//! Their lengths are known before any is read, so the memory is reserved to the byte, and freed when the peer has them.

use bytes::Bytes;
use futures::{StreamExt as _, TryStreamExt as _, stream};
use vauban_protocol::id::{ChunkId, SpaceId};
use vauban_protocol::limit::CHUNKS_BYTES_MAX;
use vauban_protocol::space::Role;
use vauban_protocol::wire::{ChunkAnswer, Response};

use crate::chunks::ReadError;
use crate::edge::answer::Answer;
use crate::edge::fault::RequestFault;
use crate::edge::gateway::Gateway;
use crate::edge::handshake::Admitted;
use crate::edge::memory::Share;
use crate::limit::GETS_PER_REQUEST_MAX;

pub(in crate::edge) async fn get_chunks(
    gateway: &Gateway,
    admitted: &Admitted,
    share: &Share,
    space: SpaceId,
    ids: Vec<ChunkId>,
) -> Result<Answer, RequestFault> {
    gateway.member(admitted, space, Role::Reader).await?;
    let lengths = gateway.chunks.object_bytes(space, &ids).await?;
    let total = lengths
        .iter()
        .flatten()
        .try_fold(0usize, |sum, bytes| sum.checked_add(usize::try_from(*bytes).ok()?))
        .filter(|total| *total <= CHUNKS_BYTES_MAX)
        .ok_or(RequestFault::Bound("the chunks asked for do not fit one answer"))?;
    let reserved = share.reserve(total).await?;
    let found: Vec<(ChunkAnswer, Option<Bytes>)> = stream::iter(ids.into_iter().zip(lengths))
        .map(|(id, length)| get(gateway, space, id, length))
        .buffered(GETS_PER_REQUEST_MAX)
        .try_collect()
        .await?;
    let (chunks, objects): (Vec<_>, Vec<_>) = found.into_iter().unzip();
    let objects = objects.into_iter().flatten().collect();
    Ok(Answer::objects(Response::Chunks { chunks }, objects, reserved))
}

async fn get(
    gateway: &Gateway,
    space: SpaceId,
    id: ChunkId,
    length: Option<u32>,
) -> Result<(ChunkAnswer, Option<Bytes>), RequestFault> {
    let Some(object_bytes) = length else {
        return Ok((ChunkAnswer::Missing, None));
    };
    match gateway.chunks.get(space, id).await {
        Ok(Some(object)) => Ok((ChunkAnswer::Present { object_bytes }, Some(object))),
        Ok(None) => Ok((ChunkAnswer::Missing, None)),
        Err(ReadError::Corrupt { cause, .. }) => {
            tracing::error!(%space, chunk = %id, %cause, "a stored chunk is damaged; it is in quarantine");
            gateway.metrics.chunk_damaged();
            Ok((ChunkAnswer::Corrupt, None))
        }
        Err(ReadError::Store(error)) => Err(error.into()),
    }
}
