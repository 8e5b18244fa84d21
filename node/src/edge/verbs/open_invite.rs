//! `OpenInvite`: opens an invite that the asking device has signed.

use vauban_protocol::organisation::Invite;
use vauban_protocol::signed::Signed;
use vauban_protocol::wire::Refusal;

use crate::edge::answer::Answer;
use crate::edge::fault::RequestFault;
use crate::edge::gateway::Gateway;
use crate::edge::handshake::Admitted;
use crate::edge::incoming::Body;
use crate::edge::verbs::propose::propose;
use crate::metadata::Proposal;

pub(in crate::edge) async fn open_invite(
    gateway: &Gateway,
    admitted: &Admitted,
    mut body: Body,
) -> Result<Answer, RequestFault> {
    let invite: Signed<Invite> = Signed::parse(body.whole().await?)?;
    if invite.payload().device != admitted.device() {
        return Err(Refusal::Forbidden.into());
    }
    propose(gateway, Proposal::OpenInvite(invite.bytes().clone())).await
}
