//! What other nodes ask of this one's part in the group: the engine's messages, and a gateway's proposals for the leader.
//!
//! The caller is a node whose charter holds; that it may speak as a voter is judged here: it is seated or a member, and
//! speaks for itself alone.

use std::time::Duration;

use bytes::Bytes;
use openraft::error::{ClientWriteError, RaftError};
use openraft::raft::{AppendEntriesRequest, SnapshotResponse, VoteRequest};
use openraft::{Snapshot, Vote};
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::io::AsyncRead;
use tokio::time::{Instant, timeout};
use vauban_protocol::id::NodeId;

use super::command::{Batch, Command};
use super::handle::Metadata;
use super::raft::{Group, Voter};
use super::transfer::Manifest;
use crate::limit::{POSITION_SECONDS_MAX, PROPOSAL_GROUP_MAX, PROPOSAL_SECONDS_MAX, SNAPSHOT_SILENCE_SECONDS_MAX};
use crate::peers::{PeerRefusal, PeerRequest, PeerResponse};

impl Metadata {
    /// A leader's entries, or its sign of life.
    ///
    /// # Errors
    /// [`PeerRefusal`].
    pub async fn append_for(&self, caller: NodeId, body: &[u8]) -> Result<Bytes, PeerRefusal> {
        let request: AppendEntriesRequest<Group> = read(body)?;
        self.may_speak(caller, &request.vote)?;
        self.begin().await?;
        let answer = self.raft().append_entries(request).await.map_err(unavailable)?;
        self.has_begun();
        Ok(written(&answer))
    }

    /// A candidate asks for this node's vote.
    ///
    /// # Errors
    /// [`PeerRefusal`].
    pub async fn vote_for(&self, caller: NodeId, body: &[u8]) -> Result<Bytes, PeerRefusal> {
        let request: VoteRequest<Voter> = read(body)?;
        self.may_speak(caller, &request.vote)?;
        self.begin().await?;
        let answer = self.raft().vote(request).await.map_err(unavailable)?;
        self.has_begun();
        Ok(written(&answer))
    }

    /// A leader's snapshot, for whoever is too far behind for its log.
    ///
    /// # Errors
    /// [`PeerRefusal`].
    pub async fn receive_snapshot(
        &self,
        caller: NodeId,
        manifest: &[u8],
        body_bytes: usize,
        body: impl AsyncRead + Unpin + Send,
    ) -> Result<Bytes, PeerRefusal> {
        let manifest = Manifest::parse(manifest, body_bytes).map_err(|_| PeerRefusal::Malformed)?;
        self.may_speak(caller, &manifest.vote)?;
        // There is one folder to receive into.
        let _receiving = self.receiving().try_lock().map_err(|_| PeerRefusal::Unavailable)?;
        let own = self.raft().metrics().borrow().vote;
        if manifest.vote < own {
            return Ok(written(&SnapshotResponse::new(own)));
        }
        self.begin().await?;
        let folder = self.raft().begin_receiving_snapshot().await.map_err(unavailable)?;
        tracing::info!(from = %caller, bytes = body_bytes, "a snapshot comes in");
        let silence = Duration::from_secs(SNAPSHOT_SILENCE_SECONDS_MAX);
        if let Err(error) = manifest.receive(&folder.path, body, silence).await {
            tracing::warn!(from = %caller, %error, "a snapshot did not come whole: it is sent again, from its beginning");
            return Err(PeerRefusal::Unavailable);
        }
        let snapshot = Snapshot { meta: manifest.meta, snapshot: folder };
        let answer = self.raft().install_full_snapshot(manifest.vote, snapshot).await.map_err(unavailable)?;
        self.has_begun();
        tracing::info!(from = %caller, applied = self.view().applied(), "the snapshot is installed");
        Ok(written(&answer))
    }

    /// A gateway's proposals, if this node leads; answers with the index of their entry, and the outcomes. Each was judged by its
    /// gateway, and is judged by apply.
    ///
    /// # Errors
    /// [`PeerRefusal`].
    pub async fn order_for(&self, body: &[u8]) -> Result<(u64, Bytes), PeerRefusal> {
        let batch: Batch = read(body)?;
        if batch.0.is_empty() || batch.0.len() > PROPOSAL_GROUP_MAX || !batch.0.iter().all(Command::is_of_gateways) {
            return Err(PeerRefusal::Malformed);
        }
        let limit = Duration::from_secs(PROPOSAL_SECONDS_MAX);
        let ordered = timeout(limit, self.raft().client_write(batch)).await.map_err(|_| PeerRefusal::Unavailable)?;
        match ordered {
            Ok(response) => Ok((response.log_id.index, written(&response.data))),
            Err(RaftError::APIError(ClientWriteError::ForwardToLeader(_))) => Err(PeerRefusal::NotLeader),
            Err(_) => Err(PeerRefusal::Unavailable),
        }
    }

    /// Up to where the log is committed, if this node leads, by a majority's word.
    ///
    /// # Errors
    /// [`PeerRefusal::NotLeader`].
    pub async fn position(&self) -> Result<u64, PeerRefusal> {
        let limit = Duration::from_secs(POSITION_SECONDS_MAX);
        let read = timeout(limit, self.raft().get_read_log_id()).await.map_err(|_| PeerRefusal::Unavailable)?;
        let (committed, _) = read.map_err(|_| PeerRefusal::NotLeader)?;
        Ok(committed.map_or(0, |id| id.index))
    }

    /// Waits until this node has applied what was acknowledged before, anywhere; not for ever, since it may be cut off. Whether it
    /// has: asked before somebody is told that something does not exist.
    pub async fn catch_up(&self) -> bool {
        let arrived = Instant::now();
        let mut last = self.catching_up().lock().await;
        // Whoever began after this one came has asked for it, too.
        if let Some((begun, is_level)) = *last
            && begun > arrived
        {
            return is_level;
        }
        let begun = Instant::now();
        let limit = Duration::from_secs(POSITION_SECONDS_MAX);
        let is_level = timeout(limit, self.level()).await.unwrap_or(false);
        if !is_level {
            tracing::debug!("this node may lag: no leader tells it how far it should be");
        }
        *last = Some((begun, is_level));
        is_level
    }

    async fn level(&self) -> bool {
        let index = match (self.standing().leader, self.peers()) {
            // It may have slept, and be followed by another: a majority says whether it still leads.
            (Some(leader), _) if leader == self.node() => self.position().await.ok(),
            (Some(leader), Some(peers)) => match peers.call(leader, &PeerRequest::Position, &[]).await {
                Ok((PeerResponse::Position { index }, _)) => Some(index),
                _ => None,
            },
            _ => None,
        };
        let Some(index) = index else { return false };
        // Fails only once this node stops.
        let mut applied = self.view().changes();
        applied.wait_for(|applied| *applied >= index).await.is_ok()
    }

    /// Whether the caller may speak for the node that leads or stands by this vote: itself.
    fn may_speak(&self, caller: NodeId, vote: &Vote<Voter>) -> Result<(), PeerRefusal> {
        let voter = Voter::from(caller);
        if vote.leader_id().voted_for() != Some(voter) {
            return Err(PeerRefusal::Malformed);
        }
        let is_member = self.raft().metrics().borrow().membership_config.membership().get_node(&voter).is_some();
        let is_seated = || self.known_organisation().is_some_and(|organisation| organisation.seat(caller).is_some());
        if is_member || is_seated() { Ok(()) } else { Err(PeerRefusal::NotAdmitted) }
    }
}

fn read<T: DeserializeOwned>(body: &[u8]) -> Result<T, PeerRefusal> {
    postcard::from_bytes(body).map_err(|_| PeerRefusal::Malformed)
}

fn written<T: Serialize>(answer: &T) -> Bytes {
    vauban_protocol::canonical::encode(answer).into()
}

fn unavailable<E: std::fmt::Display>(error: E) -> PeerRefusal {
    tracing::warn!(%error, "the consensus engine refuses another node's message");
    PeerRefusal::Unavailable
}
