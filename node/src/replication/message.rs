//! What nodes ask each other about chunks. Variants are added at the end only: nodes of two versions speak with each other.

use serde::{Deserialize, Serialize};
use vauban_protocol::id::{ChunkId, SpaceId};
use vauban_protocol::limit::{CHUNKS_BYTES_MAX, IDS_MAX, OBJECT_BYTES_MAX};
use vauban_protocol::receipt::Receipt;
use vauban_protocol::wire::{ChunkAnswer, ChunkHead};

/// A request of another node. `layout` is the newest that it knows: the answering node first comes as far, since a receipt that was
/// given under an older one does not count.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum ChunkRequest {
    /// Store these. Body: the objects, one after the other. → `Stored`
    Push {
        /// The space that they are held for.
        space: SpaceId,
        /// See [`ChunkRequest`].
        layout: u64,
        /// Each object's id and length, in the body's order.
        chunks: Vec<ChunkHead>,
    },
    /// Which of these are held? → `Held`
    Have {
        /// The space.
        space: SpaceId,
        /// See [`ChunkRequest`].
        layout: u64,
        /// The ids.
        ids: Vec<ChunkId>,
    },
    /// Give these. → `Chunks`, body: the present objects
    Get {
        /// The space.
        space: SpaceId,
        /// The ids.
        ids: Vec<ChunkId>,
        /// Bytes of objects that the caller takes.
        bytes_max: u32,
    },
    /// How large are these? → `Weighed`
    Weigh {
        /// The space.
        space: SpaceId,
        /// The ids.
        ids: Vec<ChunkId>,
    },
}

/// The header of an answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum ChunkReply {
    /// The chunks are durable here.
    Stored {
        /// For all of them.
        receipt: Receipt,
    },
    /// Which are held.
    Held {
        /// For each id asked for, in order.
        held: Vec<bool>,
        /// For exactly the held ones, in order; none if none is.
        receipt: Option<Receipt>,
    },
    /// Chunks follow.
    Chunks {
        /// For each of the first ids asked for, in order, what there is; as many as fit, the rest is asked for again.
        chunks: Vec<ChunkAnswer>,
    },
    /// How large each is.
    Weighed {
        /// For each id asked for, in order: bytes of its object, if there is a copy here.
        object_bytes: Vec<Option<u32>>,
    },
}

impl ChunkRequest {
    /// Bytes of body that may follow; `None` if a list in the header itself breaks its bound.
    #[must_use]
    pub fn body_bytes_max(&self) -> Option<usize> {
        match self {
            Self::Push { chunks, .. } => {
                let bytes = |head: &ChunkHead| {
                    usize::try_from(head.object_bytes).ok().filter(|bytes| *bytes <= OBJECT_BYTES_MAX)
                };
                let total = chunks.iter().try_fold(0usize, |total, head| total.checked_add(bytes(head)?))?;
                (chunks.len() <= IDS_MAX && total <= CHUNKS_BYTES_MAX).then_some(total)
            }
            Self::Have { ids, .. } | Self::Get { ids, .. } | Self::Weigh { ids, .. } => {
                (ids.len() <= IDS_MAX).then_some(0)
            }
        }
    }

    /// The request's name, as metrics and logs say it.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Push { .. } => "peer_push_chunks",
            Self::Have { .. } => "peer_have_chunks",
            Self::Get { .. } => "peer_get_chunks",
            Self::Weigh { .. } => "peer_weigh_chunks",
        }
    }
}

impl ChunkReply {
    /// Bytes of body that may follow.
    #[must_use]
    pub fn body_bytes_max(&self) -> usize {
        match self {
            Self::Chunks { .. } => CHUNKS_BYTES_MAX,
            Self::Stored { .. } | Self::Held { .. } | Self::Weighed { .. } => 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_and_bodies_are_held_to_their_bounds() {
        let head = |object_bytes| ChunkHead { id: ChunkId([1; 32]), object_bytes };
        let push = |chunks| ChunkRequest::Push { space: SpaceId([0; 16]), layout: 0, chunks };
        assert_eq!(push(vec![head(5), head(6)]).body_bytes_max(), Some(11));
        assert_eq!(push(vec![head(u32::MAX)]).body_bytes_max(), None);
        assert_eq!(push(vec![head(0); IDS_MAX + 1]).body_bytes_max(), None);
        let large = u32::try_from(OBJECT_BYTES_MAX).unwrap();
        assert_eq!(push(vec![head(large); CHUNKS_BYTES_MAX / OBJECT_BYTES_MAX + 1]).body_bytes_max(), None);
        let have =
            |count| ChunkRequest::Have { space: SpaceId([0; 16]), layout: 0, ids: vec![ChunkId([1; 32]); count] };
        assert_eq!((have(IDS_MAX).body_bytes_max(), have(IDS_MAX + 1).body_bytes_max()), (Some(0), None));
    }
}
