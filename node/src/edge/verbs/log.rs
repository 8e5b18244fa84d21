//! `Log`: a space's chain from a position on, for its members.

use vauban_protocol::id::SpaceId;
use vauban_protocol::limit::COMMITS_BYTES_MAX;
use vauban_protocol::space::Role;
use vauban_protocol::wire::Response;

use crate::edge::answer::Answer;
use crate::edge::caller::Caller;
use crate::edge::fault::RequestFault;
use crate::edge::gateway::Gateway;

/// Whoever is further than this node is told where it stands, and gets nothing: that is how it learns that the node lags.
pub(in crate::edge) async fn log(
    gateway: &Gateway,
    caller: &Caller,
    space: SpaceId,
    from: u64,
) -> Result<Answer, RequestFault> {
    let mut head = gateway.member(&caller.admitted, space, Role::Reader).await?.head();
    if from > head.seq.saturating_add(1) {
        gateway.metadata.catch_up().await;
        head = gateway.member(&caller.admitted, space, Role::Reader).await?.head();
    }
    if from > head.seq {
        return Ok(Answer::of(Response::Log { head }));
    }
    let reserved = caller.share.reserve(COMMITS_BYTES_MAX).await?;
    let objects = gateway.read(move |view| view.log(space, from, COMMITS_BYTES_MAX)).await?;
    Ok(Answer::list(Response::Log { head }, objects, reserved))
}
