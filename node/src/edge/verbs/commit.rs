//! `Commit`: appends a commit to a space, if it follows the space's head; else answers with what it lacks.
//!
//! Only its author hands a commit in: the counter and the outbox are that device's own (`formats#14`).

use vauban_protocol::id::SpaceId;
use vauban_protocol::limit::COMMITS_BYTES_MAX;
use vauban_protocol::signed::Signed;
use vauban_protocol::space::{Commit, Control, Role};
use vauban_protocol::wire::{Refusal, Response};

use crate::edge::answer::Answer;
use crate::edge::caller::Caller;
use crate::edge::fault::RequestFault;
use crate::edge::gateway::Gateway;
use crate::edge::incoming::Body;
use crate::edge::verbs::propose::propose;
use crate::metadata::{Proposal, ProposeError};

pub(in crate::edge) async fn commit(
    gateway: &Gateway,
    caller: &Caller,
    space: SpaceId,
    mut body: Body,
) -> Result<Answer, RequestFault> {
    // Whoever may only read may leave.
    let member = gateway.member(&caller.admitted, space, Role::Reader).await?;
    let commit: Signed<Commit> = Signed::parse(body.whole().await?)?;
    let payload = commit.payload();
    if !matches!(payload.control, Some(Control::Members(_))) && member.role(caller.admitted.user()) < Some(Role::Writer)
    {
        return Err(Refusal::Forbidden.into());
    }
    if payload.space != space {
        return Err(RequestFault::Bound("the commit is for another space than the request"));
    }
    if payload.device != caller.admitted.device() {
        return Err(Refusal::Forbidden.into());
    }
    let prev = payload.prev.seq;
    let bytes = commit.bytes().clone();
    let proposal = if payload.adds.is_empty() || !gateway.metadata.view().weighs() {
        Proposal::Commit(bytes)
    } else {
        Proposal::Weighed { sizes: gateway.replication.weigh(space, &payload.adds).await?, commit: bytes }
    };
    match propose(gateway, proposal).await {
        Err(RequestFault::Propose(ProposeError::Refused(refusal @ Refusal::NotHead { .. }))) => {
            drop((commit, body));
            lacking(gateway, caller, space, prev, refusal).await
        }
        answered => answered,
    }
}

/// The refusal, with the commits after the one that the refused commit follows.
async fn lacking(
    gateway: &Gateway,
    caller: &Caller,
    space: SpaceId,
    prev: u64,
    refusal: Refusal,
) -> Result<Answer, RequestFault> {
    let reserved = caller.share.reserve(COMMITS_BYTES_MAX).await?;
    let missing = gateway.read(move |view| view.log(space, prev.saturating_add(1), COMMITS_BYTES_MAX)).await?;
    Ok(Answer::list(Response::Refused(refusal), missing, reserved))
}
