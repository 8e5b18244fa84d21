//! Judging another node's receipt before it counts.

use vauban_protocol::id::{ChunkId, NodeId, SpaceId};
use vauban_protocol::receipt::Receipt;

use super::Replication;

/// What a receipt is worth under a layout.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Worth {
    /// It counts.
    Counts,
    /// Its node names this newer layout: either the plan is out of date, or the node lies. Only waiting for that layout tells.
    Newer(u64),
    /// Its node knows an older layout, its charter does not permit it, or it says something else.
    Nothing(&'static str),
}

impl Replication {
    /// Judges the receipt of `node` for exactly `ids`, under the newest layout's `version`. One that was given under another layout
    /// promises nothing about this one: a majority of it may end while the other's is still being counted.
    pub(super) fn judge(
        &self,
        node: NodeId,
        receipt: &Receipt,
        (space, ids): (SpaceId, &[ChunkId]),
        version: u64,
    ) -> Worth {
        if node == self.node() {
            // This node's own word, just given under this layout. Whether it may hold the bytes is the client's to judge.
            return Worth::Counts;
        }
        if receipt.claim.node != node {
            return Worth::Nothing("its receipt is another node's");
        }
        let Some(organisation) = self.view().organisation() else { return Worth::Nothing("there is no organisation") };
        let permitted =
            organisation.charter(node).filter(|charter| organisation.policy().permits(charter, self.now()).is_ok());
        let Some(charter) = permitted else {
            return Worth::Nothing("its charter does not satisfy the policy");
        };
        if receipt.verify(&charter.receipt_key, space, ids).is_err() {
            return Worth::Nothing("its receipt does not verify");
        }
        match receipt.claim.layout.cmp(&version) {
            std::cmp::Ordering::Equal => Worth::Counts,
            std::cmp::Ordering::Greater => Worth::Newer(receipt.claim.layout),
            std::cmp::Ordering::Less => Worth::Nothing("it is behind, and knows an older layout"),
        }
    }
}
