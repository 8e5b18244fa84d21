//! The replicas of every partition, in a few kilobytes.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use vauban_protocol::id::NodeId;

use crate::chunks::Partition;

/// Which nodes hold each partition. As stored: the nodes in ascending order, the copies of a partition, and for each partition
/// the numbers of its replicas in that list, ascending.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Assignment {
    nodes: Vec<NodeId>,
    copies: u8,
    replicas: Vec<u8>,
}

impl Assignment {
    /// `nodes` are in ascending order, and `replicas` names `copies` of them for each partition, by their numbers.
    pub(super) fn new(nodes: Vec<NodeId>, copies: usize, replicas: Vec<u8>) -> Self {
        Self { nodes, copies: u8::try_from(copies).unwrap_or(u8::MAX), replicas }
    }

    /// Everything on one node.
    #[must_use]
    pub fn of_one(node: NodeId) -> Self {
        Self { nodes: vec![node], copies: 1, replicas: vec![0; usize::from(Partition::COUNT)] }
    }

    /// The nodes that hold a partition, in ascending order.
    pub fn replicas(&self, partition: Partition) -> impl Iterator<Item = NodeId> {
        let copies = usize::from(self.copies);
        let first = usize::from(partition.number()).saturating_mul(copies);
        let numbers = self.replicas.get(first..first.saturating_add(copies)).unwrap_or_default();
        numbers.iter().filter_map(|number| self.nodes.get(usize::from(*number)).copied())
    }

    /// Whether a node holds a partition.
    #[must_use]
    pub fn holds(&self, node: NodeId, partition: Partition) -> bool {
        self.replicas(partition).any(|replica| replica == node)
    }

    /// All nodes that hold anything, in ascending order.
    #[must_use]
    pub fn nodes(&self) -> &[NodeId] {
        &self.nodes
    }

    /// Copies of each partition.
    #[must_use]
    pub fn copies(&self) -> usize {
        usize::from(self.copies)
    }

    /// How many partitions each node holds.
    #[must_use]
    pub fn loads(&self) -> BTreeMap<NodeId, usize> {
        let mut loads: BTreeMap<NodeId, usize> = self.nodes.iter().map(|node| (*node, 0)).collect();
        for node in Partition::all().flat_map(|partition| self.replicas(partition)) {
            loads.entry(node).and_modify(|load| *load = load.saturating_add(1));
        }
        loads
    }

    /// Copies that nodes must fetch when this assignment follows `before`.
    #[must_use]
    pub fn moved_from(&self, before: &Self) -> usize {
        Partition::all()
            .map(|partition| self.replicas(partition).filter(|node| !before.holds(*node, partition)).count())
            .sum()
    }

    /// The nodes that must have something, or assure that they have it, before this assignment may replace `before`: each
    /// that holds a partition newly; and where a partition has fewer replicas than before, all that hold it, since of the
    /// replicas before only a majority need have a chunk.
    #[must_use]
    pub fn newcomers(&self, before: &Self) -> Vec<NodeId> {
        let is_shrinking = self.copies < before.copies;
        let mut newcomers: Vec<NodeId> = Partition::all()
            .flat_map(|partition| {
                self.replicas(partition).filter(move |node| is_shrinking || !before.holds(*node, partition))
            })
            .collect();
        newcomers.sort_unstable();
        newcomers.dedup();
        newcomers
    }
}
