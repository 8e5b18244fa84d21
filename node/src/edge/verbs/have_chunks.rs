//! `HaveChunks`: which chunks are held, with a fresh receipt for those; tells members of that space alone.

use vauban_protocol::id::{ChunkId, SpaceId};
use vauban_protocol::space::Role;
use vauban_protocol::wire::Response;

use crate::chunks::Stamp;
use crate::edge::answer::Answer;
use crate::edge::fault::RequestFault;
use crate::edge::gateway::Gateway;
use crate::edge::handshake::Admitted;

pub(in crate::edge) async fn have_chunks(
    gateway: &Gateway,
    admitted: &Admitted,
    space: SpaceId,
    ids: Vec<ChunkId>,
) -> Result<Answer, RequestFault> {
    gateway.member(admitted, space, Role::Reader).await?;
    let view = gateway.metadata.view();
    let (at, layout) = (view.applied(), view.layout());
    let held = gateway.chunks.have(space, ids.clone(), Stamp(at)).await?;
    let present: Vec<ChunkId> = ids.into_iter().zip(&held).filter(|(_, held)| **held).map(|(id, _)| id).collect();
    let receipts =
        if present.is_empty() { Vec::new() } else { vec![gateway.identity.receipt(space, &present, layout, at)] };
    Ok(Answer::of(Response::Held { held, receipts }))
}
