//! The way to other nodes. QUIC is one; tests join nodes in one process.

use std::time::Duration;

use bytes::Bytes;
use futures::future::BoxFuture;
use vauban_protocol::id::NodeId;

use super::message::{ChunkReply, ChunkRequest};
use crate::limit::PEER_CALL_SECONDS_MAX;
use crate::peers::{PeerError, PeerRefusal, PeerRequest, PeerResponse, Peers};

/// For how long a node may say nothing that nobody else can stand in for.
pub(super) const PATIENCE: Duration = Duration::from_secs(PEER_CALL_SECONDS_MAX);

/// Another node did not do what it was asked; whether it will is unknown.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoWay {
    /// Its disk is full: it takes no chunks, and answers all else.
    #[error("its disk is full")]
    DiskFull,
    /// It says nothing, or nothing more.
    #[error("it says nothing")]
    Silent,
    /// Why, in words.
    #[error("{0}")]
    Because(String),
}

/// See the module.
pub trait Reach: Send + Sync + 'static {
    /// Asks `node`, and waits for its answer, for as long as it is not silent for longer than `silence`, and within bounds.
    ///
    /// # Errors
    /// [`NoWay`], soon if the node is known not to be there.
    fn ask(
        &self,
        node: NodeId,
        request: ChunkRequest,
        body: Vec<Bytes>,
        silence: Duration,
    ) -> BoxFuture<'_, Result<(ChunkReply, Bytes), NoWay>>;

    /// How often another node was met: connected with anew, by either end.
    fn meetings(&self) -> u64;
}

impl Reach for Peers {
    fn ask(
        &self,
        node: NodeId,
        request: ChunkRequest,
        body: Vec<Bytes>,
        silence: Duration,
    ) -> BoxFuture<'_, Result<(ChunkReply, Bytes), NoWay>> {
        Box::pin(async move {
            match self.call_within(node, &PeerRequest::Chunks(request), &body, silence).await {
                Ok((PeerResponse::Chunks(reply), body)) => Ok((reply, body)),
                Ok(_) => Err(NoWay::Because("it gives another answer".to_owned())),
                Err(PeerError::Refused(PeerRefusal::DiskFull)) => Err(NoWay::DiskFull),
                Err(PeerError::Slow) => Err(NoWay::Silent),
                Err(error) => Err(NoWay::Because(error.to_string())),
            }
        })
    }

    fn meetings(&self) -> u64 {
        Self::meetings(self)
    }
}
