//! `Status`: how the node is. Any admitted device may ask.

use vauban_protocol::wire::{NodeStatus, Response};

use crate::clock;
use crate::edge::answer::Answer;
use crate::edge::fault::RequestFault;
use crate::edge::gateway::Gateway;

pub(in crate::edge) fn status(gateway: &Gateway) -> Result<Answer, RequestFault> {
    let view = gateway.metadata.view();
    let disk = gateway.chunks.stats()?.disk;
    Ok(Answer::of(Response::Status(NodeStatus {
        node: gateway.identity.node(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        feature_level: view.feature_level(),
        cluster_time: view.cluster_time(),
        node_time: clock::now(),
        org: gateway.organisation()?.head(),
        applied: view.applied(),
        floor: view.floor(),
        disk_free_bytes: disk.total_bytes.saturating_sub(disk.used_bytes),
    })))
}
