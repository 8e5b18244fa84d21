//! `HaveChunks`: which chunks are held by a majority, with fresh receipts for those; tells members of that space alone.

use vauban_protocol::id::{ChunkId, SpaceId};
use vauban_protocol::space::Role;
use vauban_protocol::wire::Response;

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
    let (held, receipts) = gateway.replication.have(space, &ids).await?;
    Ok(Answer::of(Response::Held { held, receipts }))
}
