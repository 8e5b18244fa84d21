//! `NodeStanding`: whether the cluster can do without a node. Admins ask, before they take one out.

use std::time::Duration;

use tokio::time::timeout;
use vauban_protocol::id::NodeId;
use vauban_protocol::wire::{NodeStanding, Refusal, Response};

use crate::edge::answer::Answer;
use crate::edge::fault::RequestFault;
use crate::edge::gateway::Gateway;
use crate::edge::handshake::Admitted;
use crate::limit::PEER_STATUS_SECONDS_MAX;
use crate::peers::{PeerRequest, PeerResponse};

pub(in crate::edge) async fn node_standing(
    gateway: &Gateway,
    admitted: &Admitted,
    node: NodeId,
) -> Result<Answer, RequestFault> {
    if !gateway.organisation()?.is_admin(admitted.user()) {
        return Err(Refusal::Forbidden.into());
    }
    // Its chunks first: a layout that gives it some again is then of a later moment.
    let chunks = if node == gateway.identity.node() {
        Some(gateway.chunks.stats()?.chunks)
    } else {
        held_by(gateway, node).await
    };
    // A layout that this node has not heard of yet may name it.
    if !gateway.metadata.catch_up().await {
        return Err(Refusal::Behind.into());
    }
    let layouts = gateway.metadata.view().layouts();
    let standing = NodeStanding { is_settled: layouts.is_settled(), is_named: layouts.names(node), chunks };
    Ok(Answer::of(Response::NodeStanding(standing)))
}

async fn held_by(gateway: &Gateway, node: NodeId) -> Option<u64> {
    let limit = Duration::from_secs(PEER_STATUS_SECONDS_MAX);
    match timeout(limit, gateway.peers.call(node, &PeerRequest::Condition, &[])).await {
        Ok(Ok((PeerResponse::Condition(condition), _))) => Some(condition.chunks),
        _ => None,
    }
}
