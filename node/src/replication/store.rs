//! Storing a request's chunks on their replicas: here and everywhere else at the same time.
//!
//! The answer is given once enough of them have the chunks; the rest is still told, within a bound, and repair does what that
//! leaves over. Bodies are shared, never copied.

use std::time::Duration;

use bytes::Bytes;
use tokio::task::JoinSet;
use vauban_protocol::id::{ChunkId, NodeId, SpaceId};
use vauban_protocol::receipt::{Covers, Receipt};
use vauban_protocol::wire::ChunkHead;

use super::message::{ChunkReply, ChunkRequest};
use super::plan::Plan;
use super::reach::PATIENCE;
use super::receipts::Worth;
use super::{NoWay, Replication, ReplicationError};
use crate::chunks::{Purpose, Stamp, StoreError, VerifiedChunk};
use crate::limit::{ATTEMPTS_MAX, STRAGGLER_SECONDS_MAX};

/// One replica's end of it.
type Pushed = (NodeId, Vec<usize>, Result<Receipt, Failed>);

/// Why a replica does not have the chunks.
struct Failed {
    cause: String,
    /// Whether its disk is full, and nothing else.
    is_full: bool,
}

impl Failed {
    fn because(cause: impl Into<String>) -> Self {
        Self { cause: cause.into(), is_full: false }
    }
}

/// How one attempt ended.
enum Attempt {
    Stored(Vec<Receipt>),
    /// Somebody names a newer layout: it is tried again if that comes, and else has failed so.
    Newer {
        layout: u64,
        otherwise: ReplicationError,
    },
}

impl Replication {
    /// Stores chunks of `space` where they belong; the receipts prove it, each for the chunks that it covers.
    ///
    /// # Errors
    /// [`ReplicationError`]; some copies may be there then, which nobody was promised.
    pub async fn store(&self, space: SpaceId, chunks: Vec<VerifiedChunk>) -> Result<Vec<Receipt>, ReplicationError> {
        let ids: Vec<ChunkId> = chunks.iter().map(VerifiedChunk::id).collect();
        for _ in 0..ATTEMPTS_MAX {
            match self.try_store(space, &ids, &chunks).await? {
                Attempt::Stored(receipts) => return Ok(receipts),
                Attempt::Newer { layout, otherwise } => {
                    if !self.catch_up_with(layout).await {
                        return Err(otherwise);
                    }
                }
            }
        }
        Err(ReplicationError::Unsettled)
    }

    async fn try_store(
        &self,
        space: SpaceId,
        ids: &[ChunkId],
        chunks: &[VerifiedChunk],
    ) -> Result<Attempt, ReplicationError> {
        // The index first: the layouts are of it or of a later one, and never promise less than it says.
        let at = self.view().applied();
        let mut plan = Plan::new(self.view().layouts(), self.node(), ids);
        let version = plan.version();
        let mut pushes: JoinSet<Pushed> = JoinSet::new();
        for (node, places) in plan.shares() {
            let places = places.to_vec();
            let share: Vec<VerifiedChunk> = places.iter().filter_map(|place| chunks.get(*place).cloned()).collect();
            let this = self.clone();
            if node == self.node() {
                pushes.spawn(async move { (node, places, this.store_here(space, share, at, version).await) });
            } else if self.may_hold(node) {
                pushes.spawn(async move { (node, places, this.push(node, space, share, version).await) });
            }
        }
        let (mut receipts, mut failures, mut full) = (Vec::new(), Vec::new(), Vec::new());
        let mut newer: Option<u64> = None;
        while let Some(pushed) = pushes.join_next().await {
            // A task ends abnormally only when the node is ending.
            let Ok((node, places, outcome)) = pushed else { continue };
            let receipt = match outcome {
                Ok(receipt) => receipt,
                Err(failed) => {
                    tracing::debug!(%node, cause = failed.cause, "a replica did not store chunks");
                    if failed.is_full {
                        full.push((node, places));
                    }
                    failures.push(failed);
                    continue;
                }
            };
            let its: Vec<ChunkId> = places.iter().filter_map(|place| ids.get(*place).copied()).collect();
            match self.judge(node, &receipt, (space, &its), version) {
                Worth::Counts => {
                    plan.holds(node, &places);
                    receipts.push(Receipt { covers: Covers::of(&places, ids.len()), ..receipt });
                }
                Worth::Newer(layout) => {
                    newer = Some(newer.map_or(layout, |least| least.min(layout)));
                    failures.push(Failed::because("it names a layout that this node does not know"));
                }
                Worth::Nothing(why) => failures.push(Failed::because(why)),
            }
            if plan.is_stored() {
                self.leave(pushes, chunks);
                return Ok(Attempt::Stored(receipts));
            }
        }
        full.iter().for_each(|(node, places)| plan.holds(*node, places));
        let is_full = !full.is_empty() && plan.is_stored();
        let cause = failures.first().map_or_else(|| "none may hold them".to_owned(), |failed| failed.cause.clone());
        let otherwise = ReplicationError::TooFew { failed: failures.len(), cause, is_full };
        match newer {
            Some(layout) => Ok(Attempt::Newer { layout, otherwise }),
            None => Err(otherwise),
        }
    }

    async fn store_here(
        &self,
        space: SpaceId,
        chunks: Vec<VerifiedChunk>,
        at: u64,
        version: u64,
    ) -> Result<Receipt, Failed> {
        let ids: Vec<ChunkId> = chunks.iter().map(VerifiedChunk::id).collect();
        self.chunks().put(space, chunks, Stamp(at), Purpose::Upload).await.map_err(|error| Failed {
            is_full: matches!(error, StoreError::DiskFull { .. }),
            cause: error.to_string(),
        })?;
        Ok(self.identity().receipt(space, &ids, version, at))
    }

    async fn push(
        &self,
        node: NodeId,
        space: SpaceId,
        chunks: Vec<VerifiedChunk>,
        layout: u64,
    ) -> Result<Receipt, Failed> {
        let head = |chunk: &VerifiedChunk| ChunkHead {
            id: chunk.id(),
            object_bytes: u32::try_from(chunk.object().len()).unwrap_or(u32::MAX),
        };
        let heads = chunks.iter().map(head).collect();
        let body: Vec<Bytes> = chunks.iter().map(|chunk| chunk.object().clone()).collect();
        let request = ChunkRequest::Push { space, layout, chunks: heads };
        match self.0.reach.ask(node, request, body, PATIENCE).await {
            Ok((ChunkReply::Stored { receipt }, _)) => Ok(receipt),
            Ok(_) => Err(Failed::because("it gives another answer")),
            Err(error) => Err(Failed { is_full: error == NoWay::DiskFull, cause: error.to_string() }),
        }
    }

    /// Lets the replicas that are not needed for the answer have the chunks too, if there is memory for it.
    fn leave(&self, mut pushes: JoinSet<Pushed>, chunks: &[VerifiedChunk]) {
        if pushes.is_empty() {
            return;
        }
        let bytes = chunks.iter().map(|chunk| chunk.object().len()).sum::<usize>();
        let share = u32::try_from(bytes).unwrap_or(u32::MAX);
        let Ok(held) = std::sync::Arc::clone(&self.0.stragglers).try_acquire_many_owned(share) else {
            tracing::debug!("replicas are too slow to be waited for: repair brings them what they lack");
            return;
        };
        self.go_on(async move {
            let all = async { while pushes.join_next().await.is_some() {} };
            // Whoever takes longer is brought what it lacks by repair.
            let _late = tokio::time::timeout(Duration::from_secs(STRAGGLER_SECONDS_MAX), all).await;
            drop(held);
        });
    }
}
