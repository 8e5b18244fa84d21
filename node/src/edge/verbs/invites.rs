//! `Invites` and `JoinPosts`, for those who may finish an invite; and a guest's look at the invite that it holds.

use bytes::Bytes;
use vauban_protocol::id::InviteId;
use vauban_protocol::limit::INVITE_BYTES_MAX;
use vauban_protocol::organisation::{Invite, InviteKind};
use vauban_protocol::signed::Signed;
use vauban_protocol::wire::{ITEM_LENGTH_BYTES, Refusal, Response};

use crate::edge::answer::Answer;
use crate::edge::caller::Caller;
use crate::edge::fault::RequestFault;
use crate::edge::gateway::Gateway;
use crate::edge::memory::Share;
use crate::limit::INVITES_ANSWER_BYTES_MAX;

/// The open invites that the asking person may finish.
pub(in crate::edge) async fn invites(gateway: &Gateway, caller: &Caller) -> Result<Answer, RequestFault> {
    let user = caller.admitted.user();
    let reserved = caller.share.reserve(INVITES_ANSWER_BYTES_MAX).await?;
    let invites = gateway.read(move |view| view.invites_for(user, INVITES_ANSWER_BYTES_MAX)).await?;
    Ok(Answer::list(Response::Invites, invites, reserved))
}

/// The posts on one of them. To whoever may not finish it, it does not exist.
pub(in crate::edge) async fn join_posts(
    gateway: &Gateway,
    caller: &Caller,
    invite: InviteId,
) -> Result<Answer, RequestFault> {
    let Caller { admitted, share, .. } = caller;
    let signed: Signed<Invite> = Signed::parse(known(gateway, invite).await?)?;
    let may = match signed.payload().kind {
        InviteKind::User | InviteKind::Recovery(_) => gateway.organisation()?.is_admin(admitted.user()),
        InviteKind::Device(user) => user == admitted.user(),
    };
    if !may {
        return Err(Refusal::UnknownInvite.into());
    }
    let reserved = share.reserve(Response::JoinPosts.body_bytes_max()).await?;
    let posts = gateway.read(move |view| view.join_posts(invite)).await?;
    Ok(Answer::list(Response::JoinPosts, posts, reserved))
}

/// The invite itself, for whoever holds its identifier.
pub(in crate::edge) async fn invite(
    gateway: &Gateway,
    share: &Share,
    invite: InviteId,
) -> Result<Answer, RequestFault> {
    let reserved = share.reserve(INVITE_BYTES_MAX.saturating_add(ITEM_LENGTH_BYTES)).await?;
    let signed = known(gateway, invite).await?;
    Ok(Answer::list(Response::Invites, vec![signed], reserved))
}

/// An open invite, as it was signed.
async fn known(gateway: &Gateway, invite: InviteId) -> Result<Bytes, RequestFault> {
    if let Some(found) = gateway.read(move |view| view.invite(invite)).await? {
        return Ok(found);
    }
    // Another node may have opened it, a moment ago.
    let is_level = gateway.metadata.catch_up().await;
    let found = gateway.read(move |view| view.invite(invite)).await?;
    Ok(found.ok_or(if is_level { Refusal::UnknownInvite } else { Refusal::Behind })?)
}
