//! `Spaces`: the spaces that the asking person is a member of.

use vauban_protocol::wire::Response;

use crate::edge::answer::Answer;
use crate::edge::fault::RequestFault;
use crate::edge::gateway::Gateway;
use crate::edge::handshake::Admitted;

pub(in crate::edge) async fn spaces(gateway: &Gateway, admitted: &Admitted) -> Result<Answer, RequestFault> {
    let user = admitted.user();
    let spaces = gateway.read(move |view| view.spaces_of(user)).await?;
    Ok(Answer::of(Response::Spaces(spaces)))
}
