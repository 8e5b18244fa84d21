//! `Log`: a space's chain from a position on, for its members.

use vauban_protocol::id::SpaceId;
use vauban_protocol::limit::COMMITS_BYTES_MAX;
use vauban_protocol::space::Role;
use vauban_protocol::wire::Response;

use crate::edge::answer::Answer;
use crate::edge::fault::RequestFault;
use crate::edge::gateway::Gateway;
use crate::edge::handshake::Admitted;

/// Whoever is further than this node is told where it stands, and gets nothing: that is how it learns that the node lags.
pub(in crate::edge) async fn log(
    gateway: &Gateway,
    admitted: &Admitted,
    space: SpaceId,
    from: u64,
) -> Result<Answer, RequestFault> {
    let head = gateway.member(admitted, space, Role::Reader).await?.head();
    let objects = gateway.read(move |view| view.log(space, from, COMMITS_BYTES_MAX)).await?;
    Ok(Answer::list(Response::Log { head }, &objects))
}
