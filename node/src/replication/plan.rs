//! Who is to hold which chunks of a request, and whether enough do. Pure.

use std::collections::BTreeMap;
use std::sync::Arc;

use vauban_protocol::id::{ChunkId, NodeId};

use crate::chunks::Partition;
use crate::placement::Layouts;

/// The shares of a request's chunks, by the active layouts of one moment.
#[derive(Debug)]
pub(super) struct Plan {
    layouts: Arc<Layouts>,
    me: NodeId,
    partitions: Vec<Partition>,
    shares: BTreeMap<NodeId, Vec<usize>>,
    /// The nodes that hold each chunk, as far as is known.
    holders: Vec<Vec<NodeId>>,
}

impl Plan {
    /// The plan of node `me` for `ids`.
    pub(super) fn new(layouts: Arc<Layouts>, me: NodeId, ids: &[ChunkId]) -> Self {
        let partitions: Vec<Partition> = ids.iter().map(Partition::of).collect();
        let mut shares: BTreeMap<NodeId, Vec<usize>> = BTreeMap::new();
        for (place, partition) in partitions.iter().enumerate() {
            for node in layouts.replicas(*partition, me) {
                shares.entry(node).or_default().push(place);
            }
        }
        let holders = vec![Vec::new(); ids.len()];
        Self { layouts, me, partitions, shares, holders }
    }

    /// The version that counted receipts must name.
    pub(super) fn version(&self) -> u64 {
        self.layouts.version()
    }

    /// For each node, the places of the chunks that it is to hold.
    pub(super) fn shares(&self) -> impl Iterator<Item = (NodeId, &[usize])> {
        self.shares.iter().map(|(node, places)| (*node, places.as_slice()))
    }

    /// A node holds the chunks at these places.
    pub(super) fn holds(&mut self, node: NodeId, places: &[usize]) {
        for place in places {
            if let Some(holders) = self.holders.get_mut(*place) {
                holders.push(node);
            }
        }
    }

    /// For each chunk, whether so many hold it that it may be acknowledged.
    pub(super) fn stored(&self) -> Vec<bool> {
        let mut judged: BTreeMap<(Partition, &[NodeId]), bool> = BTreeMap::new();
        let pairs = self.partitions.iter().zip(&self.holders);
        pairs
            .map(|(partition, holders)| {
                let suffices = || self.layouts.suffice(*partition, |node| holders.contains(&node), self.me);
                *judged.entry((*partition, holders.as_slice())).or_insert_with(suffices)
            })
            .collect()
    }

    /// Whether that holds of all.
    pub(super) fn is_stored(&self) -> bool {
        self.stored().into_iter().all(|stored| stored)
    }
}
