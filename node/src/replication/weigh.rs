//! How large chunks are, and whether there are copies at all: from this node's own, and from the replicas' word.

use std::time::Duration;

use futures::future::try_join_all;
use tokio::time::timeout;
use vauban_protocol::id::{ChunkId, NodeId, SpaceId};
use vauban_protocol::wire::ChunkState;

use super::Replication;
use super::message::{ChunkReply, ChunkRequest};
use super::plan::Plan;
use crate::chunks::{Partition, StoreError};
use crate::limit::HAVE_SECONDS_MAX;

impl Replication {
    /// Bytes of each of these chunks' objects, in order; none where no replica that answers has a copy.
    ///
    /// # Errors
    /// [`StoreError`] if this node's own store does not answer.
    pub async fn weigh(&self, space: SpaceId, ids: &[ChunkId]) -> Result<Vec<Option<u32>>, StoreError> {
        let mut sizes = self.chunks().object_bytes(space, ids).await?;
        let layouts = self.view().layouts();
        let me = self.node();
        let mut asked = vec![me];
        // Each replica is asked once, for all that is not known by then.
        while let Some((node, places)) = next(&sizes, &asked, |place| {
            ids.get(place).into_iter().flat_map(|id| layouts.replicas(Partition::of(id), me)).collect()
        }) {
            asked.push(node);
            let wanted = places.iter().filter_map(|place| ids.get(*place).copied()).collect();
            for (place, found) in places.into_iter().zip(self.weighed_by(node, space, wanted).await.unwrap_or_default())
            {
                if let Some(size) = sizes.get_mut(place) {
                    *size = found;
                }
            }
        }
        Ok(sizes)
    }

    /// What all replicas have of each of these chunks, in order.
    ///
    /// # Errors
    /// [`StoreError`] if this node's own store does not answer.
    pub async fn check(&self, space: SpaceId, ids: &[ChunkId]) -> Result<Vec<ChunkState>, StoreError> {
        let plan = Plan::new(self.view().layouts(), self.node(), ids);
        let asked = plan.shares().map(|(node, places)| async move {
            let its: Vec<ChunkId> = places.iter().filter_map(|place| ids.get(*place).copied()).collect();
            let sizes = if node == self.node() {
                Some(self.chunks().object_bytes(space, &its).await?)
            } else {
                self.weighed_by(node, space, its).await
            };
            Ok::<_, StoreError>((places, sizes))
        });
        let mut states = vec![ChunkState::Lost; ids.len()];
        for (places, sizes) in try_join_all(asked).await? {
            for (at, place) in places.iter().enumerate() {
                let Some(state) = states.get_mut(*place) else { continue };
                match &sizes {
                    None => *state = ChunkState::Unheard,
                    Some(sizes) if *state == ChunkState::Lost && sizes.get(at).is_some_and(Option::is_some) => {
                        *state = ChunkState::There;
                    }
                    Some(_) => {}
                }
            }
        }
        Ok(states)
    }

    /// How large another node's copies of these are; `None` if it does not say.
    async fn weighed_by(&self, node: NodeId, space: SpaceId, ids: Vec<ChunkId>) -> Option<Vec<Option<u32>>> {
        let count = ids.len();
        let limit = Duration::from_secs(HAVE_SECONDS_MAX);
        match timeout(limit, self.0.reach.ask(node, ChunkRequest::Weigh { space, ids }, Vec::new())).await {
            Ok(Ok((ChunkReply::Weighed { object_bytes }, _))) if object_bytes.len() == count => Some(object_bytes),
            Ok(Err(error)) => {
                tracing::debug!(%node, %error, "a replica does not say how large chunks are");
                None
            }
            Ok(Ok(_)) | Err(_) => None,
        }
    }
}

/// The next replica to ask, and the places of what it may know.
fn next<N: Copy + PartialEq>(
    sizes: &[Option<u32>],
    asked: &[N],
    replicas: impl Fn(usize) -> Vec<N>,
) -> Option<(N, Vec<usize>)> {
    let unknown: Vec<usize> = (0..sizes.len()).filter(|place| sizes.get(*place) == Some(&None)).collect();
    let node = unknown.iter().find_map(|place| replicas(*place).into_iter().find(|node| !asked.contains(node)))?;
    Some((node, unknown.into_iter().filter(|place| replicas(*place).contains(&node)).collect()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_replica_is_asked_once_for_what_it_may_know() {
        let replicas = |place: usize| if place == 0 { vec!['a', 'b'] } else { vec!['b', 'c'] };
        let sizes = [None, Some(7), None];
        assert_eq!(next(&sizes, &[], replicas), Some(('a', vec![0])));
        assert_eq!(next(&sizes, &['a'], replicas), Some(('b', vec![0, 2])));
        assert_eq!(next(&sizes, &['a', 'b'], replicas), Some(('c', vec![2])));
        assert_eq!(next(&sizes, &['a', 'b', 'c'], replicas), None);
        assert_eq!(next(&[Some(1)], &[], replicas), None);
    }
}
