//! `Seen` and `Seens`: what devices say they have verified of a space, kept for the others to compare (trust.md, "Seen").

use vauban_protocol::id::SpaceId;
use vauban_protocol::limit::SEENS_BYTES_MAX;
use vauban_protocol::signed::Signed;
use vauban_protocol::space::{Role, Seen};
use vauban_protocol::wire::{Refusal, Response};

use crate::edge::answer::Answer;
use crate::edge::caller::Caller;
use crate::edge::fault::RequestFault;
use crate::edge::gateway::Gateway;
use crate::edge::handshake::Admitted;
use crate::edge::incoming::Body;
use crate::edge::verbs::propose::propose;
use crate::metadata::Proposal;

/// Keeps the asking device's own word.
pub(in crate::edge) async fn seen(
    gateway: &Gateway,
    admitted: &Admitted,
    space: SpaceId,
    mut body: Body,
) -> Result<Answer, RequestFault> {
    gateway.member(admitted, space, Role::Reader).await?;
    let seen: Signed<Seen> = Signed::parse(body.whole().await?)?;
    if seen.payload().space != space {
        return Err(RequestFault::Bound("what was seen is of another space than the request"));
    }
    if seen.payload().device != admitted.device() {
        return Err(Refusal::Forbidden.into());
    }
    propose(gateway, Proposal::Seen(seen.bytes().clone())).await
}

/// The word of every device.
pub(in crate::edge) async fn seens(gateway: &Gateway, caller: &Caller, space: SpaceId) -> Result<Answer, RequestFault> {
    gateway.member(&caller.admitted, space, Role::Reader).await?;
    let reserved = caller.share.reserve(SEENS_BYTES_MAX).await?;
    let seens = gateway.read(move |view| view.seens(space, SEENS_BYTES_MAX)).await?;
    Ok(Answer::list(Response::Seens, seens, reserved))
}
