//! What every request has at hand: who the node is, what is applied, where chunks lie.

use std::sync::Arc;

use vauban_protocol::id::SpaceId;
use vauban_protocol::organisation::Organisation;
use vauban_protocol::space::{Role, Space};
use vauban_protocol::wire::Refusal;

use crate::chunks::ChunkStore;
use crate::edge::fault::RequestFault;
use crate::edge::handshake::Admitted;
use crate::edge::links::LinkGate;
use crate::edge::memory::Memory;
use crate::identity::Identity;
use crate::jobs::Board;
use crate::metadata::{Failure, Metadata, View};
use crate::observe::Metrics;
use crate::peers::Peers;
use crate::replication::Replication;
use crate::reserve::Reserve;

/// The node, as requests see it.
pub(super) struct Gateway {
    pub(super) identity: Arc<Identity>,
    pub(super) metadata: Metadata,
    pub(super) peers: Peers,
    pub(super) chunks: ChunkStore,
    pub(super) replication: Replication,
    pub(super) memory: Memory,
    /// Memory for chunks that other nodes push: apart from the clients', whose requests may be waiting for such pushes elsewhere.
    pub(super) pushed: Memory,
    /// For the bodies of other nodes' messages to the consensus engine.
    pub(super) consensus: Memory,
    pub(super) metrics: Arc<Metrics>,
    pub(super) reserve: Reserve,
    /// How the node's jobs are.
    pub(super) jobs: Board,
    /// How often links are opened.
    pub(super) links: LinkGate,
}

impl Gateway {
    /// The organisation as applied now.
    pub(super) fn organisation(&self) -> Result<Arc<Organisation>, Refusal> {
        // A node that serves has founded its group; until then there is nobody to serve.
        self.metadata.view().organisation().ok_or(Refusal::Unavailable)
    }

    /// The organisation, if the device may still ask anything in it.
    pub(super) fn live(&self, admitted: &Admitted) -> Result<Arc<Organisation>, Refusal> {
        let organisation = self.organisation()?;
        match organisation.live_device(admitted.device()) {
            Some(_) => Ok(organisation),
            None => Err(Refusal::Revoked),
        }
    }

    /// Whether what is applied here is of an incarnation of the cluster that another one has followed.
    pub(super) fn is_superseded(&self) -> bool {
        self.peers.known().organisation().is_superseded(self.metadata.view().incarnation())
    }

    /// Whether this node was taken out of the cluster.
    pub(super) fn is_taken_out(&self) -> bool {
        self.peers.known().organisation().is_seat_removed(self.identity.node())
    }

    /// Reads the applied state where that may wait for the disk.
    pub(super) async fn read<T: Send + 'static>(
        &self,
        read: impl FnOnce(&View) -> Result<T, Failure> + Send + 'static,
    ) -> Result<T, RequestFault> {
        let view = self.metadata.view();
        let reading = tokio::task::spawn_blocking(move || read(&view));
        // A join fails only when the node is ending.
        Ok(reading.await.map_err(|_| Refusal::Unavailable)??)
    }

    /// The space, if the person has at least `role` in it, in the state applied now. To whoever is no member, a space
    /// that exists and one that does not look the same.
    pub(super) async fn member(
        &self,
        admitted: &Admitted,
        space: SpaceId,
        role: Role,
    ) -> Result<Arc<Space>, RequestFault> {
        let role_in = |found: &Option<Arc<Space>>| found.as_ref().and_then(|space| space.role(admitted.user()));
        let mut found = self.read(move |view| view.space(space)).await?;
        if role_in(&found).is_none_or(|has| has < role) {
            // Another node may have taken in what makes it so, a moment ago.
            let is_level = self.metadata.catch_up().await;
            found = self.read(move |view| view.space(space)).await?;
            if !is_level && role_in(&found).is_none_or(|has| has < role) {
                return Err(Refusal::Behind.into());
            }
        }
        let space = found.ok_or(Refusal::UnknownSpace)?;
        match space.role(admitted.user()) {
            Some(has) if has >= role => Ok(space),
            Some(_) => Err(Refusal::Forbidden.into()),
            None => Err(Refusal::UnknownSpace.into()),
        }
    }
}
