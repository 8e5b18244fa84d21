//! `Commit`: appends a commit to a space, if it follows the space's head; else answers with what it lacks.
//!
//! Only its author hands a commit in: the counter and the outbox are that device's own (`formats#14`).

use vauban_protocol::id::SpaceId;
use vauban_protocol::signed::Signed;
use vauban_protocol::space::{Commit, Role};
use vauban_protocol::wire::Refusal;

use crate::edge::answer::Answer;
use crate::edge::fault::RequestFault;
use crate::edge::gateway::Gateway;
use crate::edge::handshake::Admitted;
use crate::edge::incoming::Body;
use crate::edge::verbs::propose::propose;
use crate::metadata::Proposal;

pub(in crate::edge) async fn commit(
    gateway: &Gateway,
    admitted: &Admitted,
    space: SpaceId,
    mut body: Body,
) -> Result<Answer, RequestFault> {
    gateway.member(admitted, space, Role::Writer).await?;
    let commit: Signed<Commit> = Signed::parse(body.whole().await?)?;
    let payload = commit.payload();
    if payload.space != space {
        return Err(RequestFault::Bound("the commit is for another space than the request"));
    }
    if payload.device != admitted.device() {
        return Err(Refusal::Forbidden.into());
    }
    propose(gateway, Proposal::Commit(commit.bytes().clone())).await
}
