//! `Invites` and `JoinPosts`, for those who may finish an invite; and a guest's look at the invite that it holds.

use bytes::Bytes;
use vauban_protocol::id::InviteId;
use vauban_protocol::organisation::{Invite, InviteKind};
use vauban_protocol::signed::Signed;
use vauban_protocol::wire::{Refusal, Response};

use crate::edge::answer::Answer;
use crate::edge::fault::RequestFault;
use crate::edge::gateway::Gateway;
use crate::edge::handshake::Admitted;
use crate::limit::INVITES_ANSWER_BYTES_MAX;

/// The open invites that the asking person may finish.
pub(in crate::edge) async fn invites(gateway: &Gateway, admitted: &Admitted) -> Result<Answer, RequestFault> {
    let user = admitted.user();
    let invites = gateway.read(move |view| view.invites_for(user, INVITES_ANSWER_BYTES_MAX)).await?;
    Ok(Answer::list(Response::Invites, &invites))
}

/// The posts on one of them. To whoever may not finish it, it does not exist.
pub(in crate::edge) async fn join_posts(
    gateway: &Gateway,
    admitted: &Admitted,
    invite: InviteId,
) -> Result<Answer, RequestFault> {
    let signed: Signed<Invite> = Signed::parse(known(gateway, invite).await?)?;
    let may = match signed.payload().kind {
        InviteKind::User => gateway.organisation()?.is_admin(admitted.user()),
        InviteKind::Device(user) => user == admitted.user(),
    };
    if !may {
        return Err(Refusal::UnknownInvite.into());
    }
    let posts = gateway.read(move |view| view.join_posts(invite)).await?;
    Ok(Answer::list(Response::JoinPosts, &posts))
}

/// The invite itself, for whoever holds its identifier.
pub(in crate::edge) async fn invite(gateway: &Gateway, invite: InviteId) -> Result<Answer, RequestFault> {
    let signed = known(gateway, invite).await?;
    Ok(Answer::list(Response::Invites, &[signed]))
}

/// An open invite, as it was signed.
async fn known(gateway: &Gateway, invite: InviteId) -> Result<Bytes, RequestFault> {
    let found = gateway.read(move |view| view.invite(invite)).await?;
    Ok(found.ok_or(Refusal::UnknownInvite)?)
}
