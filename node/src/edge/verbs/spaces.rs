//! `Spaces`: the spaces that the asking person is a member of. `SpacesOf`: what nodes know of anybody in theirs, for admins.

use vauban_protocol::id::{SpaceId, UserId};
use vauban_protocol::wire::{Refusal, Response};

use crate::edge::answer::Answer;
use crate::edge::fault::RequestFault;
use crate::edge::gateway::Gateway;
use crate::edge::handshake::Admitted;

pub(in crate::edge) async fn spaces(gateway: &Gateway, admitted: &Admitted) -> Result<Answer, RequestFault> {
    let user = admitted.user();
    let spaces = gateway.read(move |view| view.spaces_of(user)).await?;
    Ok(Answer::of(Response::Spaces(spaces)))
}

pub(in crate::edge) async fn spaces_of(
    gateway: &Gateway,
    admitted: &Admitted,
    user: UserId,
    after: Option<SpaceId>,
) -> Result<Answer, RequestFault> {
    if user != admitted.user() && !gateway.organisation()?.is_admin(admitted.user()) {
        return Err(Refusal::Forbidden.into());
    }
    let (spaces, has_more) = gateway.read(move |view| view.known_of(user, after)).await?;
    Ok(Answer::of(Response::SpacesOf { spaces, has_more }))
}
