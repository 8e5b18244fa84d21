//! `Outline`: what a device needs of a space's chain to start from its last checkpoint (`formats#19`). `Turns`: what a member needs of it to
//! find the keys of what came before. For members alone.

use vauban_protocol::id::SpaceId;
use vauban_protocol::limit::COMMITS_BYTES_MAX;
use vauban_protocol::space::Role;
use vauban_protocol::wire::Response;

use crate::edge::answer::Answer;
use crate::edge::caller::Caller;
use crate::edge::fault::RequestFault;
use crate::edge::gateway::Gateway;

/// Which commit is a checkpoint is all that a node knows of one: the mark that its author set in clear.
pub(in crate::edge) async fn outline(
    gateway: &Gateway,
    caller: &Caller,
    space: SpaceId,
    before: u64,
    from: u64,
) -> Result<Answer, RequestFault> {
    let head = gateway.member(&caller.admitted, space, Role::Reader).await?.head();
    let reserved = caller.share.reserve(COMMITS_BYTES_MAX).await?;
    let objects = gateway.read(move |view| view.outline(space, before, from, COMMITS_BYTES_MAX)).await?;
    Ok(Answer::list(Response::Outline { head }, objects, reserved))
}

pub(in crate::edge) async fn turns(
    gateway: &Gateway,
    caller: &Caller,
    space: SpaceId,
    from: u64,
) -> Result<Answer, RequestFault> {
    let head = gateway.member(&caller.admitted, space, Role::Reader).await?.head();
    let reserved = caller.share.reserve(COMMITS_BYTES_MAX).await?;
    let objects = gateway.read(move |view| view.turns(space, from, COMMITS_BYTES_MAX)).await?;
    Ok(Answer::list(Response::Outline { head }, objects, reserved))
}
