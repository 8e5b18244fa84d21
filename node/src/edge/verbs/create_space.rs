//! `CreateSpace`: begins a space, founded by the device that asks.

use vauban_protocol::signed::Signed;
use vauban_protocol::space::SpaceGenesis;
use vauban_protocol::wire::Refusal;

use crate::edge::answer::Answer;
use crate::edge::fault::RequestFault;
use crate::edge::gateway::Gateway;
use crate::edge::handshake::Admitted;
use crate::edge::incoming::Body;
use crate::edge::verbs::propose::propose;
use crate::metadata::Proposal;

pub(in crate::edge) async fn create_space(
    gateway: &Gateway,
    admitted: &Admitted,
    mut body: Body,
) -> Result<Answer, RequestFault> {
    let genesis: Signed<SpaceGenesis> = Signed::parse(body.whole().await?)?;
    if genesis.payload().device != admitted.device() {
        return Err(Refusal::Forbidden.into());
    }
    propose(gateway, Proposal::CreateSpace(genesis.bytes().clone())).await
}
