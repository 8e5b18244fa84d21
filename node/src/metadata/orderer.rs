//! Getting one group of proposals ordered: here, if this node leads, else by the leader.
//!
//! The same commands may be proposed again and have their effect once (each of them: `state`), so what is lost on the way, or has
//! lost its leader, is proposed again until its time is over; nobody waits for the answer of a leader that the group has given up. A
//! gateway answers only once it has applied the entry itself: whoever was answered finds what it was told.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use openraft::Raft;
use openraft::error::{ClientWriteError, RaftError};
use tokio::time::{Instant, sleep, timeout_at};
use vauban_protocol::id::NodeId;

use super::command::{Batch, Outcomes};
use super::network::Ways;
use super::raft::{Group, Voter};
use super::store::Replica;
use crate::limit::{PROPOSAL_SECONDS_MAX, PROPOSAL_WAIT_MILLISECONDS};
use crate::peers::{PeerError, PeerRequest, PeerResponse};

/// See the module.
pub(super) struct Orderer {
    pub(super) raft: Raft<Group>,
    pub(super) me: Voter,
    pub(super) ways: Ways,
    pub(super) replica: Arc<Replica>,
}

/// The engine has stopped: nothing is ordered any more.
pub(super) struct Stopped;

impl Orderer {
    /// The outcomes of these commands, once they are committed, and applied here; nothing if that took too long: they may still have
    /// their effect.
    pub(super) async fn order(&self, batch: Batch) -> Result<Option<Outcomes>, Stopped> {
        let deadline = Instant::now() + Duration::from_secs(PROPOSAL_SECONDS_MAX);
        loop {
            let Ok(written) = timeout_at(deadline, self.raft.client_write(batch.clone())).await else {
                tracing::warn!("no majority has answered in time");
                return Ok(None);
            };
            let leader = match written {
                Ok(response) => return Ok(Some(response.data)),
                Err(RaftError::APIError(ClientWriteError::ForwardToLeader(elsewhere))) => elsewhere.leader_id,
                Err(RaftError::APIError(ClientWriteError::ChangeMembershipError(error))) => {
                    tracing::error!(%error, "the engine took a proposal for a change of members");
                    return Ok(None);
                }
                Err(RaftError::Fatal(error)) => {
                    tracing::error!(%error, "the consensus engine has stopped");
                    return Err(Stopped);
                }
            };
            if let Some(leader) = leader.filter(|leader| *leader != self.me) {
                let forwarded = async {
                    tokio::select! {
                        outcomes = self.forward(leader, &batch) => outcomes,
                        () = self.deposed(leader) => Err(PeerError::Unreachable("it leads no more".to_owned())),
                    }
                };
                match timeout_at(deadline, forwarded).await {
                    Ok(Ok(outcomes)) => return Ok(Some(outcomes)),
                    Ok(Err(error)) => tracing::debug!(%leader, %error, "the leader did not order this"),
                    Err(_) => return Ok(None),
                }
            }
            let wait = Duration::from_millis(PROPOSAL_WAIT_MILLISECONDS);
            if Instant::now() + wait >= deadline {
                return Ok(None);
            }
            sleep(wait).await;
        }
    }

    /// Waits until this node knows of another leader, or of none: a connection to one that is gone would be waited for much longer.
    async fn deposed(&self, leader: Voter) {
        let mut standing = self.raft.metrics();
        // An end of the engine ends the wait, too: the next proposal is told.
        let _ended = standing.wait_for(|standing| standing.current_leader != Some(leader)).await;
    }

    async fn forward(&self, leader: Voter, batch: &Batch) -> Result<Outcomes, PeerError> {
        let peers = self.ways.peers().ok_or(PeerError::NoAddress)?;
        let misbehaved = |what: &str| PeerError::Misbehaved(what.to_owned());
        let body = postcard::to_allocvec(batch).map_err(|_| misbehaved("a batch that does not encode"))?;
        let (answer, outcomes) = peers.call(NodeId::from(leader), &PeerRequest::Propose, &[Bytes::from(body)]).await?;
        let PeerResponse::Proposed { index } = answer else {
            return Err(misbehaved("an answer to another question"));
        };
        let outcomes: Outcomes = vauban_protocol::canonical::decode(&outcomes)?;
        if outcomes.0.len() != batch.0.len() {
            return Err(misbehaved("an outcome for each command is due"));
        }
        let mut applied = self.replica.applied();
        let gone = |_| PeerError::Unreachable("this node stops".to_owned());
        applied.wait_for(|applied| *applied >= index).await.map_err(gone)?;
        Ok(outcomes)
    }
}
