//! How large chunks are: from this node's copies, else from the replicas that have one.

use std::time::Duration;

use tokio::time::timeout;
use vauban_protocol::id::{ChunkId, SpaceId};

use super::Replication;
use super::message::{ChunkReply, ChunkRequest};
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
            let request = ChunkRequest::Weigh { space, ids: wanted };
            let limit = Duration::from_secs(HAVE_SECONDS_MAX);
            match timeout(limit, self.0.reach.ask(node, request, Vec::new())).await {
                Ok(Ok((ChunkReply::Weighed { object_bytes }, _))) if object_bytes.len() == places.len() => {
                    for (place, found) in places.into_iter().zip(object_bytes) {
                        if let Some(size) = sizes.get_mut(place) {
                            *size = found;
                        }
                    }
                }
                Ok(Ok(_)) | Err(_) => tracing::debug!(%node, "a replica does not say how large chunks are"),
                Ok(Err(error)) => tracing::debug!(%node, %error, "a replica does not say how large chunks are"),
            }
        }
        Ok(sizes)
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
