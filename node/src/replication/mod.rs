//! Carries out between nodes what placement says: stores chunks on their replicas, asks who holds them, fetches them.
//!
//! ```text
//! PutChunks ─► plan: who gets what ─► here and to the others, at once ─► receipts of a majority of each active layout
//! GetChunks ─► here, else from a replica: the same site first, then the next ─► verified ─► put back where it was lacking
//! ```
//! Invariants: what is acknowledged is durable on a majority of the assigned replicas of every active layout, on two sites
//! where those have two, by receipts that were verified here and name the layout that they were counted under. No chunk goes to
//! a node whose charter does not satisfy the policy (invariant 6). Bytes from another node are hashed before anything is done
//! with them.
//!
//! Deliberately absent: which nodes those are (`placement`), connections (`peers`), when a missing copy is looked for (`jobs`).

mod error;
mod fetch;
mod have;
mod message;
mod plan;
mod reach;
mod receipts;
mod serve;
mod store;
mod weigh;

#[cfg(test)]
pub(crate) mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::Instant;
use vauban_protocol::id::{NodeId, SpaceId};
use vauban_protocol::time::Timestamp;

use crate::chunks::{ChunkStore, Duty, Partition, Purpose, Stamp, VerifiedChunk};
use crate::clock;
use crate::identity::Identity;
use crate::limit::{
    FETCH_AVOIDED_SECONDS, READ_REPAIRS_MAX, REPLICA_BEHIND_SECONDS_MAX, SERVE_BYTES_MAX, STRAGGLERS_BYTES_MAX,
};
use crate::metadata::View;

pub use error::ReplicationError;
pub use fetch::Fetched;
pub use message::{ChunkReply, ChunkRequest};
pub use reach::{NoWay, Reach};
pub use serve::{ServeError, Served};

/// This node's part in keeping chunks on several nodes. Cheap to clone.
#[derive(Clone)]
pub struct Replication(Arc<Parts>);

struct Parts {
    identity: Arc<Identity>,
    view: View,
    chunks: ChunkStore,
    reach: Arc<dyn Reach>,
    /// Bytes that are still on their way to replicas after the answer was given.
    stragglers: Arc<Semaphore>,
    /// Bytes that are being read for other nodes.
    serving: Arc<Semaphore>,
    /// Reads that put back what was lacking.
    read_repairs: Arc<Semaphore>,
    /// Nodes that were asked for chunks and said nothing, each until when it is asked last.
    silent: Mutex<BTreeMap<NodeId, Instant>>,
    /// What goes on after an answer was given: each task holds room of one of the above.
    background: Mutex<JoinSet<()>>,
}

impl Replication {
    /// What `view` says, over `reach`, with the copies in `chunks`.
    #[must_use]
    pub fn new(identity: Arc<Identity>, view: View, chunks: ChunkStore, reach: Arc<dyn Reach>) -> Self {
        let stragglers = Arc::new(Semaphore::new(STRAGGLERS_BYTES_MAX));
        let serving = Arc::new(Semaphore::new(SERVE_BYTES_MAX));
        let read_repairs = Arc::new(Semaphore::new(READ_REPAIRS_MAX));
        let (silent, background) = (Mutex::default(), Mutex::default());
        Self(Arc::new(Parts { identity, view, chunks, reach, stragglers, serving, read_repairs, silent, background }))
    }

    /// Ends what goes on after answers were given; repair brings what that leaves over.
    pub async fn stop(&self) {
        let mut tasks = std::mem::take(&mut *self.background());
        tasks.shutdown().await;
    }

    /// Goes on after an answer was given, until the node stops.
    fn go_on(&self, task: impl Future<Output = ()> + Send + 'static) {
        let mut tasks = self.background();
        // Those that have ended are forgotten.
        while tasks.try_join_next().is_some() {}
        tasks.spawn(task);
    }

    fn background(&self) -> MutexGuard<'_, JoinSet<()>> {
        self.0.background.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Nodes that lately said nothing.
    fn silent(&self) -> BTreeSet<NodeId> {
        let (now, mut silent) = (Instant::now(), self.0.silent.lock().unwrap_or_else(PoisonError::into_inner));
        silent.retain(|_, until| *until > now);
        silent.keys().copied().collect()
    }

    /// A node that was asked for chunks has said nothing, or something again.
    fn note_silence(&self, node: NodeId, is_silent: bool) {
        let mut silent = self.0.silent.lock().unwrap_or_else(PoisonError::into_inner);
        if is_silent {
            silent.insert(node, Instant::now() + Duration::from_secs(FETCH_AVOIDED_SECONDS));
        } else {
            silent.remove(&node);
        }
    }

    /// How often another node was met.
    pub(crate) fn meetings(&self) -> u64 {
        self.0.reach.meetings()
    }

    /// This node.
    #[must_use]
    pub fn node(&self) -> NodeId {
        self.0.identity.node()
    }

    /// What it has applied.
    #[must_use]
    pub fn view(&self) -> &View {
        &self.0.view
    }

    /// Its copies.
    #[must_use]
    pub fn chunks(&self) -> &ChunkStore {
        &self.0.chunks
    }

    /// Signs as this node.
    #[must_use]
    pub fn identity(&self) -> &Identity {
        &self.0.identity
    }

    /// Whether this node is the whole store: there is no other to ask.
    #[must_use]
    pub fn is_alone(&self) -> bool {
        let me = self.node();
        !self.view().layouts().active().any(|layout| layout.assignment().nodes().iter().any(|node| *node != me))
    }

    /// Stores what a read had to fetch although this node must hold it; in the background, a few at a time.
    pub fn put_back(&self, space: SpaceId, chunks: Vec<VerifiedChunk>) {
        let layouts = self.view().layouts();
        let is_mine = |chunk: &VerifiedChunk| layouts.duty(self.node(), Partition::of(&chunk.id())) == Duty::Assigned;
        let mine: Vec<VerifiedChunk> = chunks.into_iter().filter(is_mine).collect();
        // Where too many are under way already, repair finds what is missing.
        let Ok(place) = Arc::clone(&self.0.read_repairs).try_acquire_owned() else { return };
        if mine.is_empty() {
            return;
        }
        let this = self.clone();
        self.go_on(async move {
            let stamp = Stamp(this.view().applied());
            if let Err(error) = this.chunks().put(space, mine, stamp, Purpose::Repair).await {
                tracing::warn!(%error, "what a read has fetched was not put back");
            }
            drop(place);
        });
    }

    /// Whether a node's charter lets it hold the organisation's bytes now.
    fn may_hold(&self, node: NodeId) -> bool {
        let organisation = self.0.view.organisation();
        organisation.is_some_and(|organisation| {
            let charter = organisation.charter(node);
            charter.is_some_and(|charter| organisation.policy().permits(charter, self.now()).is_ok())
        })
    }

    /// What charters are judged at: the cluster's time, which no single clock turns back; this node's own before the first tick.
    fn now(&self) -> Timestamp {
        match self.view().cluster_time() {
            Timestamp(0) => clock::now(),
            time => time,
        }
    }

    /// Waits, within bounds, until this node knows a layout that another one names; whether it does then. Of what else it lags behind
    /// nothing depends, and followers always do a little.
    async fn catch_up_with(&self, layout: u64) -> bool {
        let mut applied = self.0.view.changes();
        let reached = applied.wait_for(|_| self.0.view.layouts().version() >= layout);
        let limit = Duration::from_secs(REPLICA_BEHIND_SECONDS_MAX);
        let is_known = matches!(tokio::time::timeout(limit, reached).await, Ok(Ok(_)));
        if !is_known {
            tracing::warn!(
                layout,
                "another node names a layout that this one has not: one of the two is behind, or wrong"
            );
        }
        is_known
    }
}
