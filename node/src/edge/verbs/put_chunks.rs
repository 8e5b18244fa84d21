//! `PutChunks`: verified chunks in, receipts out once they are durable where placement wants them.
//!
//! Each object is hashed as it comes in, while the next one is under way.

use vauban_protocol::id::SpaceId;
use vauban_protocol::organisation::QuotaOf;
use vauban_protocol::space::Role;
use vauban_protocol::wire::{ChunkHead, Refusal, Response};

use crate::chunks::VerifiedChunk;
use crate::edge::answer::Answer;
use crate::edge::fault::RequestFault;
use crate::edge::gateway::Gateway;
use crate::edge::handshake::Admitted;
use crate::edge::incoming::Body;

pub(in crate::edge) async fn put_chunks(
    gateway: &Gateway,
    admitted: &Admitted,
    space: SpaceId,
    heads: &[ChunkHead],
    mut body: Body,
) -> Result<Answer, RequestFault> {
    gateway.member(admitted, space, Role::Writer).await?;
    if gateway.reserve.standing().is_short {
        // Commits are not refused: one may have been taken already, and only the group knows. Without new chunks they are small.
        return Err(Refusal::MetadataFull.into());
    }
    judge_quotas(gateway, admitted, space, heads).await?;
    let mut chunks = Vec::with_capacity(heads.len());
    for head in heads {
        let bytes = usize::try_from(head.object_bytes)
            .map_err(|_| RequestFault::Bound("a chunk longer than this machine can address"))?;
        chunks.push(VerifiedChunk::verify(head.id, body.next(bytes).await?)?);
    }
    if body.left() > 0 {
        return Err(RequestFault::Bound("the body is longer than its header says"));
    }
    gateway.metrics.chunks_uploaded(chunks.iter().map(|chunk| chunk.object().len()).sum());
    if chunks.is_empty() {
        return Ok(Answer::of(Response::Stored { receipts: Vec::new() }));
    }
    let receipts = gateway.replication.store(space, chunks).await?;
    Ok(Answer::of(Response::Stored { receipts }))
}

/// Refuses early what its commit would be refused for. One chunk alone may be an epoch's bundle, which no quota holds up.
async fn judge_quotas(
    gateway: &Gateway,
    admitted: &Admitted,
    space: SpaceId,
    heads: &[ChunkHead],
) -> Result<(), RequestFault> {
    if heads.len() < 2 {
        return Ok(());
    }
    let organisation = gateway.organisation()?;
    let bytes: u64 = heads.iter().map(|head| u64::from(head.object_bytes)).sum();
    for of in [QuotaOf::Space(space), QuotaOf::User(admitted.user())] {
        let Some(bytes_max) = organisation.quota(of) else { continue };
        let used_bytes = gateway.read(move |view| view.usage(of)).await?;
        if used_bytes.saturating_add(bytes) > bytes_max {
            return Err(Refusal::Quota { of, used_bytes, bytes_max }.into());
        }
    }
    Ok(())
}
