//! `Join`: keeps a guest's post for whoever finishes the invite. The node can neither make nor judge one: it has no MAC.

use vauban_protocol::id::InviteId;
use vauban_protocol::organisation::JoinPost;

use crate::edge::answer::Answer;
use crate::edge::fault::RequestFault;
use crate::edge::gateway::Gateway;
use crate::edge::incoming::Body;
use crate::edge::verbs::propose::propose;
use crate::metadata::Proposal;

pub(in crate::edge) async fn join(gateway: &Gateway, invite: InviteId, mut body: Body) -> Result<Answer, RequestFault> {
    let post = body.whole().await?;
    if JoinPost::parse(&post)?.join.payload().invite != invite {
        return Err(RequestFault::Bound("the post answers another invite than the request names"));
    }
    propose(gateway, Proposal::Join { invite, post }).await
}
