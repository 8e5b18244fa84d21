//! How large chunks are, and whether there are copies at all: from this node's own, and from the replicas' word.

use std::time::Duration;

use futures::StreamExt as _;
use futures::future::try_join_all;
use futures::stream::FuturesUnordered;
use tokio::time::timeout;
use vauban_protocol::id::{ChunkId, NodeId, SpaceId};
use vauban_protocol::limit::OBJECT_BYTES_MAX;
use vauban_protocol::wire::ChunkState;

use super::Replication;
use super::message::{ChunkReply, ChunkRequest};
use super::plan::Plan;
use super::reach::PATIENCE;
use crate::chunks::StoreError;
use crate::limit::{HAVE_SECONDS_MAX, WEIGHED_BY};

impl Replication {
    /// Bytes of each of these chunks' objects, in order; none where no replica that answers has a copy.
    ///
    /// # Errors
    /// [`StoreError`] if this node's own store does not answer.
    pub async fn weigh(&self, space: SpaceId, ids: &[ChunkId]) -> Result<Vec<Option<u32>>, StoreError> {
        let own = self.chunks().object_bytes(space, ids).await?;
        let mut weights: Vec<Weight> = own.into_iter().map(Weight::of_own).collect();
        let plan = Plan::new(self.view().layouts(), self.node(), ids);
        let mut shares = Vec::new();
        for (node, places) in plan.shares().filter(|(node, _)| *node != self.node()) {
            let is_unsure = |place: &usize| weights.get(*place).is_some_and(|weight| !weight.is_sure());
            let places: Vec<usize> = places.iter().copied().filter(is_unsure).collect();
            if !places.is_empty() {
                shares.push((node, places));
            }
        }
        let mut asking: FuturesUnordered<_> = shares
            .into_iter()
            .map(|(node, places)| async move {
                let its = places.iter().filter_map(|place| ids.get(*place).copied()).collect();
                let said = self.weighed_by(node, space, its).await;
                (places, said)
            })
            .collect();
        while !weights.iter().all(Weight::is_sure)
            && let Some((places, said)) = asking.next().await
        {
            for (place, said) in places.into_iter().zip(said.unwrap_or_default()) {
                if let Some(weight) = weights.get_mut(place) {
                    weight.hear(said);
                }
            }
        }
        Ok(weights.into_iter().map(|weight| weight.bytes).collect())
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
        match timeout(limit, self.0.reach.ask(node, ChunkRequest::Weigh { space, ids }, Vec::new(), PATIENCE)).await {
            Ok(Ok((ChunkReply::Weighed { object_bytes }, _))) if object_bytes.len() == count => Some(object_bytes),
            Ok(Err(error)) => {
                tracing::debug!(%node, %error, "a replica does not say how large chunks are");
                None
            }
            Ok(Ok(_)) | Err(_) => None,
        }
    }
}

/// What is known of the size of one chunk's object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Weight {
    /// This node's own word, or the least of the replicas': somebody else pays for what one of them makes of it.
    bytes: Option<u32>,
    /// Words that are still to be heard.
    wanting: usize,
}

impl Weight {
    fn of_own(bytes: Option<u32>) -> Self {
        Self { bytes, wanting: if bytes.is_some() { 0 } else { WEIGHED_BY } }
    }

    fn is_sure(&self) -> bool {
        self.wanting == 0
    }

    /// A replica's word; what no object can weigh is none.
    fn hear(&mut self, said: Option<u32>) {
        let is_possible = |bytes: &u32| usize::try_from(*bytes).is_ok_and(|bytes| bytes <= OBJECT_BYTES_MAX);
        let Some(said) = said.filter(is_possible).filter(|_| !self.is_sure()) else { return };
        self.bytes = Some(self.bytes.map_or(said, |least| least.min(said)));
        self.wanting = self.wanting.saturating_sub(1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Fails if one replica alone can make a chunk heavier than it is, or if this node's own copy is doubted.
    #[test]
    fn the_least_of_two_words_counts() {
        let heard = |own: Option<u32>, said: &[Option<u32>]| {
            let mut weight = Weight::of_own(own);
            said.iter().for_each(|said| weight.hear(*said));
            (weight.bytes, weight.is_sure())
        };
        let most = u32::try_from(OBJECT_BYTES_MAX).unwrap();
        assert_eq!(heard(Some(7), &[Some(3)]), (Some(7), true));
        assert_eq!(heard(None, &[]), (None, false));
        assert_eq!(heard(None, &[None, Some(9)]), (Some(9), false));
        assert_eq!(heard(None, &[Some(most), Some(9)]), (Some(9), true));
        assert_eq!(heard(None, &[Some(9), None, Some(most)]), (Some(9), true));
        assert_eq!(heard(None, &[Some(u32::MAX), Some(9)]), (Some(9), false));
        assert_eq!(heard(None, &[Some(most + 1)]), (None, false));
    }
}
