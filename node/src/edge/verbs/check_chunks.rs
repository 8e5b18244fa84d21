//! `CheckChunks`: what replicas have of chunks that too few hold, or too few say so.

use vauban_protocol::id::{ChunkId, SpaceId};
use vauban_protocol::space::Role;
use vauban_protocol::wire::Response;

use crate::edge::answer::Answer;
use crate::edge::fault::RequestFault;
use crate::edge::gateway::Gateway;
use crate::edge::handshake::Admitted;

pub(in crate::edge) async fn check_chunks(
    gateway: &Gateway,
    admitted: &Admitted,
    space: SpaceId,
    ids: &[ChunkId],
) -> Result<Answer, RequestFault> {
    gateway.member(admitted, space, Role::Reader).await?;
    let chunks = gateway.replication.check(space, ids).await?;
    Ok(Answer::of(Response::Checked { chunks }))
}
