//! How voters reach each other: the engine's messages, as bodies of requests between nodes.
//!
//! A voter that has come back empty is not spoken to: it has forgotten how it voted and what it acknowledged, so counting it
//! could undo what was committed. It is a new node, under a new identifier, or none.

use std::future::Future;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use bytes::Bytes;
use openraft::error::{
    Fatal, NetworkError, RPCError, RaftError, ReplicationClosed, StreamingError, Timeout, Unreachable,
};
use openraft::network::{Backoff, RPCOption, RPCTypes};
use openraft::raft::{AppendEntriesRequest, AppendEntriesResponse, SnapshotResponse, VoteRequest, VoteResponse};
use openraft::{EmptyNode, RaftMetrics, RaftNetwork, RaftNetworkFactory, Snapshot, Vote};
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::sync::watch;
use vauban_protocol::id::NodeId;

use super::raft::{Group, Voter};
use super::transfer;
use crate::limit::{CONSENSUS_WAIT_MILLISECONDS, VOTE_MILLISECONDS_MAX};
use crate::peers::{PeerError, PeerRequest, PeerResponse, Peers};

type RpcError = RPCError<Voter, EmptyNode, RaftError<Voter>>;
type Metrics = watch::Receiver<RaftMetrics<Voter, EmptyNode>>;

/// This node's ways to the others; none in a group of one.
#[derive(Debug, Clone, Default)]
pub(super) struct Ways {
    peers: Option<Peers>,
    metrics: Arc<OnceLock<Metrics>>,
}

/// The way to one of them.
#[derive(Debug, Clone)]
pub(super) struct Way {
    ways: Ways,
    me: Voter,
    target: Voter,
}

/// Why a message has no answer.
#[derive(Debug, thiserror::Error)]
enum NoAnswer {
    /// There are no others.
    #[error("this node is a group of one")]
    Alone,
    /// The other node, or the network.
    #[error(transparent)]
    Peer(#[from] PeerError),
    /// What came is no answer.
    #[error("the answer does not decode: {0}")]
    Decode(#[from] postcard::Error),
}

impl Ways {
    pub(super) fn new(peers: Option<Peers>) -> Self {
        Self { peers, metrics: Arc::default() }
    }

    /// From now on, knows who votes.
    pub(super) fn follow(&self, metrics: Metrics) {
        // There is one engine.
        let _first = self.metrics.set(metrics);
    }

    /// The other nodes, if there may be any.
    pub(super) fn peers(&self) -> Option<&Peers> {
        self.peers.as_ref()
    }

    fn is_voter(&self, target: Voter) -> bool {
        self.metrics.get().is_some_and(|metrics| {
            metrics.borrow().membership_config.membership().voter_ids().any(|voter| voter == target)
        })
    }
}

impl RaftNetworkFactory<Group> for Ways {
    type Network = Way;

    async fn new_client(&mut self, target: Voter, _node: &EmptyNode) -> Way {
        let me = self.metrics.get().map_or_else(Voter::default, |metrics| metrics.borrow().id);
        Way { ways: self.clone(), me, target }
    }
}

impl Way {
    async fn ask<Q: Serialize + Sync, A: DeserializeOwned>(
        &self,
        request: &PeerRequest,
        question: &Q,
    ) -> Result<A, NoAnswer> {
        let peers = self.ways.peers().ok_or(NoAnswer::Alone)?;
        let node = NodeId::from(self.target);
        let body = Bytes::from(postcard::to_allocvec(question)?);
        if self.ways.is_voter(self.target) {
            peers.remembers(node).await?;
        }
        match peers.call(node, request, &[body]).await? {
            (PeerResponse::Consensus, answer) => Ok(postcard::from_bytes(&answer)?),
            _ => Err(PeerError::Misbehaved("an answer to another question".to_owned()).into()),
        }
    }

    async fn send(&self, vote: Vote<Voter>, snapshot: Snapshot<Group>) -> Result<SnapshotResponse<Voter>, NoAnswer> {
        let peers = self.ways.peers().ok_or(NoAnswer::Alone)?;
        let node = NodeId::from(self.target);
        if self.ways.is_voter(self.target) {
            peers.remembers(node).await?;
        }
        let connection = peers.connection(node).await?;
        let answer = transfer::send(&connection, vote, &snapshot).await?;
        Ok(postcard::from_bytes(&answer)?)
    }

    fn timed_out(&self, action: RPCTypes, timeout: Duration) -> Timeout<Voter> {
        Timeout { action, id: self.me, target: self.target, timeout }
    }
}

impl From<NoAnswer> for RpcError {
    fn from(error: NoAnswer) -> Self {
        match error {
            NoAnswer::Peer(PeerError::Slow) => NetworkError::new(&error).into(),
            _ => Unreachable::new(&error).into(),
        }
    }
}

impl RaftNetwork<Group> for Way {
    async fn append_entries(
        &mut self,
        request: AppendEntriesRequest<Group>,
        _option: RPCOption,
    ) -> Result<AppendEntriesResponse<Voter>, RpcError> {
        Ok(self.ask(&PeerRequest::Append, &request).await?)
    }

    async fn vote(&mut self, request: VoteRequest<Voter>, _option: RPCOption) -> Result<VoteResponse<Voter>, RpcError> {
        let limit = Duration::from_millis(VOTE_MILLISECONDS_MAX);
        match tokio::time::timeout(limit, self.ask(&PeerRequest::Vote, &request)).await {
            Ok(answered) => Ok(answered?),
            Err(_) => Err(self.timed_out(RPCTypes::Vote, limit).into()),
        }
    }

    async fn full_snapshot(
        &mut self,
        vote: Vote<Voter>,
        snapshot: Snapshot<Group>,
        cancel: impl Future<Output = ReplicationClosed> + Send + 'static,
        _option: RPCOption,
    ) -> Result<SnapshotResponse<Voter>, StreamingError<Group, Fatal<Voter>>> {
        // No limit for the whole: each step of it has one.
        tokio::select! {
            closed = cancel => Err(closed.into()),
            sent = self.send(vote, snapshot) => match sent {
                Ok(answer) => Ok(answer),
                Err(error) => {
                    tracing::warn!(
                        target = %self.target,
                        %error,
                        "a snapshot was not taken in, and is sent again from its beginning; if this goes on, see that node's log, its \
                         disk, and the line to it"
                    );
                    Err(Unreachable::new(&error).into())
                }
            },
        }
    }

    fn backoff(&self) -> Backoff {
        Backoff::new(std::iter::repeat(Duration::from_millis(CONSENSUS_WAIT_MILLISECONDS)))
    }
}
