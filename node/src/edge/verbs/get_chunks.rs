//! `GetChunks`: chunks out, each hashed again on its way; what is not here, or damaged, comes from another replica.
//!
//! The lengths of what is here are known before any is read, so its memory is reserved to the byte; for what comes from elsewhere, what
//! one answer may hold is, until it is there. All of it is freed when the peer has it.

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
use crate::edge::memory::{Reservation, Share};
use crate::limit::GETS_PER_REQUEST_MAX;
use crate::replication::Fetched;

const TOO_LARGE: RequestFault = RequestFault::Bound("the chunks asked for do not fit one answer");

/// What there is of one chunk.
type Found = (ChunkAnswer, Option<Bytes>);

pub(in crate::edge) async fn get_chunks(
    gateway: &Gateway,
    admitted: &Admitted,
    share: &Share,
    space: SpaceId,
    ids: Vec<ChunkId>,
) -> Result<Answer, RequestFault> {
    gateway.member(admitted, space, Role::Reader).await?;
    let Objects { chunks, objects, reserved } = objects(gateway, share, space, ids).await?;
    Ok(Answer::objects(Response::Chunks { chunks }, objects, reserved))
}

/// What there is of chunks that somebody may have: for each, in order, and those that there are.
pub(in crate::edge) struct Objects {
    pub(in crate::edge) chunks: Vec<ChunkAnswer>,
    pub(in crate::edge) objects: Vec<Bytes>,
    pub(in crate::edge) reserved: Reservation,
}

/// Reads or fetches chunks.
pub(in crate::edge) async fn objects(
    gateway: &Gateway,
    share: &Share,
    space: SpaceId,
    ids: Vec<ChunkId>,
) -> Result<Objects, RequestFault> {
    let lengths = gateway.chunks.object_bytes(space, &ids).await?;
    let here = lengths
        .iter()
        .flatten()
        .try_fold(0usize, |sum, bytes| sum.checked_add(usize::try_from(*bytes).ok()?))
        .filter(|total| *total <= CHUNKS_BYTES_MAX)
        .ok_or(TOO_LARGE)?;
    let is_all_here = gateway.replication.is_alone() || lengths.iter().all(Option::is_some);
    let mut reserved = share.reserve(if is_all_here { here } else { CHUNKS_BYTES_MAX }).await?;
    let found: Vec<Found> = stream::iter(ids.clone().into_iter().zip(lengths))
        .map(|(id, length)| get(gateway, space, id, length))
        .buffered(GETS_PER_REQUEST_MAX)
        .try_collect()
        .await?;
    let found = complete(gateway, space, &ids, found).await?;
    let (chunks, objects): (Vec<_>, Vec<_>) = found.into_iter().unzip();
    let objects: Vec<Bytes> = objects.into_iter().flatten().collect();
    reserved.shrink_to(objects.iter().map(Bytes::len).sum());
    Ok(Objects { chunks, objects, reserved })
}

async fn get(gateway: &Gateway, space: SpaceId, id: ChunkId, length: Option<u32>) -> Result<Found, RequestFault> {
    let Some(object_bytes) = length else {
        return Ok((ChunkAnswer::Missing, None));
    };
    match gateway.chunks.get(space, id).await {
        Ok(Some(object)) => Ok((ChunkAnswer::Present { object_bytes }, Some(object))),
        Ok(None) => Ok((ChunkAnswer::Missing, None)),
        Err(ReadError::Corrupt { cause, .. }) => {
            tracing::error!(%space, chunk = %id, %cause, "a stored chunk is damaged; it is set aside");
            gateway.metrics.chunk_damaged();
            Ok((ChunkAnswer::Corrupt, None))
        }
        Err(ReadError::Store(error)) => Err(error.into()),
    }
}

/// Adds what other replicas have.
async fn complete(
    gateway: &Gateway,
    space: SpaceId,
    ids: &[ChunkId],
    mut found: Vec<Found>,
) -> Result<Vec<Found>, RequestFault> {
    let is_lacking = |(_, (_, object)): &(&ChunkId, &Found)| object.is_none();
    let lacking: Vec<ChunkId> = ids.iter().zip(&found).filter(is_lacking).map(|(id, _)| *id).collect();
    if lacking.is_empty() || gateway.replication.is_alone() {
        return Ok(found);
    }
    let here: usize = found.iter().filter_map(|(_, object)| object.as_ref()).map(Bytes::len).sum();
    let fetched = gateway.replication.fetch(space, &lacking, CHUNKS_BYTES_MAX.saturating_sub(here)).await;
    let mut whole = Vec::new();
    let places = found.iter_mut().filter(|(_, object)| object.is_none());
    for (place, fetched) in places.zip(fetched) {
        match fetched {
            Fetched::Whole(chunk) => {
                let object_bytes = u32::try_from(chunk.object().len()).unwrap_or(u32::MAX);
                *place = (ChunkAnswer::Present { object_bytes }, Some(chunk.object().clone()));
                whole.push(chunk);
            }
            // Whoever did not answer may have it, whole.
            Fetched::Missing { unheard: 1.., .. } => place.0 = ChunkAnswer::Unheard,
            Fetched::Missing { damaged: true, .. } => place.0 = ChunkAnswer::Corrupt,
            Fetched::Missing { .. } => {}
            Fetched::NoRoom => return Err(TOO_LARGE),
        }
    }
    gateway.replication.put_back(space, whole);
    Ok(found)
}
