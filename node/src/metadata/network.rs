//! How voters reach each other: the seam where replication over QUIC will be joined.
//!
//! A group of one has no one to reach. [`Alone`] says so honestly: should the engine ever ask for a peer, it is
//! unreachable.

use std::future::Future;

use openraft::error::{Fatal, RPCError, RaftError, ReplicationClosed, StreamingError, Unreachable};
use openraft::network::RPCOption;
use openraft::raft::{AppendEntriesRequest, AppendEntriesResponse, SnapshotResponse, VoteRequest, VoteResponse};
use openraft::{EmptyNode, RaftNetwork, RaftNetworkFactory, Snapshot, Vote};

use super::raft::{Group, Voter};

type RpcError = RPCError<Voter, EmptyNode, RaftError<Voter>>;

/// The network of a group of one.
#[derive(Debug, Clone, Copy)]
pub(super) struct Alone;

/// A voter that this node has no way to.
#[derive(Debug, Clone, Copy, thiserror::Error)]
#[error("this node is a group of one: there is no way to voter {0}")]
pub(super) struct NoWay(Voter);

impl RaftNetworkFactory<Group> for Alone {
    type Network = NoWay;

    async fn new_client(&mut self, target: Voter, _node: &EmptyNode) -> NoWay {
        NoWay(target)
    }
}

impl RaftNetwork<Group> for NoWay {
    async fn append_entries(
        &mut self,
        _request: AppendEntriesRequest<Group>,
        _option: RPCOption,
    ) -> Result<AppendEntriesResponse<Voter>, RpcError> {
        Err(Unreachable::new(self).into())
    }

    async fn vote(
        &mut self,
        _request: VoteRequest<Voter>,
        _option: RPCOption,
    ) -> Result<VoteResponse<Voter>, RpcError> {
        Err(Unreachable::new(self).into())
    }

    async fn full_snapshot(
        &mut self,
        _vote: Vote<Voter>,
        _snapshot: Snapshot<Group>,
        _cancel: impl Future<Output = ReplicationClosed> + Send + 'static,
        _option: RPCOption,
    ) -> Result<SnapshotResponse<Voter>, StreamingError<Group, Fatal<Voter>>> {
        Err(Unreachable::new(self).into())
    }
}
