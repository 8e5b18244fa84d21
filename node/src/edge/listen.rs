//! The listener: takes strangers in as long as there is room, and refuses the rest before they cost anything.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use quinn::{Endpoint, TokioRuntime};
use rustls::sign::CertifiedKey;
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;
use vauban_protocol::chain::Head;

use crate::chunks::ChunkStore;
use crate::config::Config;
use crate::edge::connection::{Left, Places, Signals, serve};
use crate::edge::farewell::endpoint_config;
use crate::edge::gateway::Gateway;
use crate::edge::links::LinkGate;
use crate::edge::memory::Memory;
use crate::edge::page::{self, PageListener};
use crate::edge::socket;
use crate::edge::stop::Stop;
use crate::edge::tls::{TlsError, quic_config};
use crate::edge::transport::server_config;
use crate::identity::Identity;
use crate::jobs::Board;
use crate::limit::{
    CONSENSUS_BODIES_BYTES, DATAGRAM_BYTES_MAX, GUESTS_MAX, HANDSHAKES_MAX, HANDSHAKES_UNPROVEN_MAX,
    MEMORY_SECONDS_MAX, PEER_CONNECTIONS_MAX, PUSHED_BYTES_MAX,
};
use crate::metadata::Metadata;
use crate::observe::Metrics;
use crate::peers::Peers;
use crate::replication::Replication;
use crate::reserve::Reserve;

/// Extra time, after the grace, for the last packets of closed connections.
const CLOSE_SECONDS_MAX: u64 = 2;

/// What the edge serves with.
pub struct EdgeParts {
    /// Who the node is.
    pub identity: Arc<Identity>,
    /// The other nodes.
    pub peers: Peers,
    /// What is applied, and how to propose more.
    pub metadata: Metadata,
    /// Where chunks lie.
    pub chunks: ChunkStore,
    /// How they are kept on several nodes.
    pub replication: Replication,
    /// Where it counts.
    pub metrics: Arc<Metrics>,
    /// The metadata's reserve.
    pub reserve: Reserve,
    /// How the node's jobs are, for the other nodes.
    pub jobs: Board,
}

/// A bound socket on which nobody is served yet. Other nodes are called from it, too: its address is this node's.
pub struct Listener {
    endpoint: Endpoint,
    address: SocketAddr,
}

/// The listening edge of a node.
pub struct Edge {
    listener: Listener,
    gateway: Arc<Gateway>,
    page: Option<PageListener>,
    connections_max: usize,
    grace: Duration,
}

/// Why the edge does not listen. The operator acts, except for a bug.
#[derive(Debug, thiserror::Error)]
pub enum EdgeError {
    /// The page of links.
    #[error("cannot listen on {address} (TCP): {source}")]
    Page {
        /// Which.
        address: SocketAddr,
        /// What the system said.
        source: io::Error,
    },
    /// TLS.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// The address.
    #[error("cannot listen on {address} (UDP): {source}")]
    Listen {
        /// Which.
        address: SocketAddr,
        /// What the system said.
        source: io::Error,
    },
}

impl Listener {
    /// Binds the address of a node that shows itself with `certified`; `authority` certifies nodes (DER).
    ///
    /// # Errors
    /// [`EdgeError`]. Needs a tokio runtime.
    pub fn bind(
        identity: &Identity,
        certified: Arc<CertifiedKey>,
        authority: &[u8],
        config: &Config,
    ) -> Result<Self, EdgeError> {
        let crypto = quic_config(certified, authority)?;
        let quic = server_config(crypto, &config.network);
        let failed = |source| EdgeError::Listen { address: config.listen, source };
        let buffer_bytes = bytes_of(config.network.socket_buffer);
        let socket = socket::bind(config.listen, buffer_bytes).map_err(failed)?;
        let mut run = [0; 32];
        getrandom::fill(&mut run).map_err(|error| failed(error.into()))?;
        let mut datagrams = endpoint_config(identity.reset_secret(), run);
        datagrams.max_udp_payload_size(DATAGRAM_BYTES_MAX).map_err(|error| failed(std::io::Error::other(error)))?;
        let endpoint = Endpoint::new(datagrams, Some(quic), socket, Arc::new(TokioRuntime)).map_err(failed)?;
        let address = endpoint.local_addr().map_err(failed)?;
        Ok(Self { endpoint, address })
    }

    /// The socket, for calls to other nodes.
    #[must_use]
    pub fn endpoint(&self) -> Endpoint {
        self.endpoint.clone()
    }
}

impl Edge {
    /// An edge on that socket; peers are served by [`Edge::serve`].
    #[must_use]
    pub fn new(listener: Listener, page: Option<PageListener>, parts: EdgeParts, config: &Config) -> Self {
        let EdgeParts { identity, peers, metadata, chunks, replication, metrics, reserve, jobs } = parts;
        let memory = Memory::new(
            bytes_of(config.memory.bodies),
            bytes_of(config.memory.windows),
            Duration::from_secs(MEMORY_SECONDS_MAX),
            metrics.body_bytes(),
        );
        let patience = Duration::from_secs(MEMORY_SECONDS_MAX);
        let pushed = Memory::new(PUSHED_BYTES_MAX, 0, patience, metrics.body_bytes());
        let consensus = Memory::new(CONSENSUS_BODIES_BYTES, 0, patience, metrics.body_bytes());
        let origin = config.links.origin.clone().or_else(|| page.as_ref().map(PageListener::origin));
        Self {
            listener,
            page,
            gateway: Arc::new(Gateway {
                identity,
                metadata,
                peers,
                chunks,
                replication,
                memory,
                pushed,
                consensus,
                metrics,
                reserve,
                jobs,
                links: LinkGate::at(origin),
            }),
            connections_max: config.network.connections_max,
            grace: config.network.stop_grace,
        }
    }

    /// Where it listens, with the port that the system gave if none was asked for.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.listener.address
    }

    /// Serves peers until `stop`, then lets requests under way finish, within the grace.
    pub async fn serve(mut self, mut stop: Stop) {
        let handshakes = Arc::new(Semaphore::new(HANDSHAKES_MAX));
        let connections = Arc::new(Semaphore::new(self.connections_max));
        let guests = Arc::new(Semaphore::new(GUESTS_MAX));
        let nodes = Arc::new(Semaphore::new(PEER_CONNECTIONS_MAX));
        let heads = watch::Sender::new(None);
        let left = Left { connections: Arc::clone(&connections), connections_max: self.connections_max };
        let signals = Signals { organisation: heads.subscribe(), stop: stop.clone(), grace: self.grace };
        let mut peers = JoinSet::new();
        let mut following = JoinSet::new();
        following.spawn(follow_organisation(self.gateway.metadata.clone(), heads));
        if let Some(page) = self.page.take() {
            following.spawn(page::serve(page, Arc::clone(&self.gateway)));
        }
        loop {
            let packet = tokio::select! {
                packet = self.listener.endpoint.accept() => packet,
                Some(_) = peers.join_next() => continue,
                () = stop.stopped() => break,
            };
            let Some(packet) = packet else { break };
            let under_way = HANDSHAKES_MAX.saturating_sub(handshakes.available_permits());
            if under_way >= HANDSHAKES_UNPROVEN_MAX && !packet.remote_address_validated() {
                // Fails only for a packet that has been validated, which this one has not.
                let _asked = packet.retry();
                continue;
            }
            let places = (Arc::clone(&handshakes).try_acquire_owned(), Arc::clone(&connections).try_acquire_owned());
            let (Ok(handshake), Ok(connection)) = places else {
                self.gateway.metrics.admission_refused("full");
                packet.refuse();
                continue;
            };
            let places = Places {
                handshake,
                connection,
                guests: Arc::clone(&guests),
                nodes: Arc::clone(&nodes),
                left: left.clone(),
            };
            peers.spawn(serve(Arc::clone(&self.gateway), packet, places, signals.clone()));
        }
        self.drain(peers).await;
    }

    /// Takes nobody in any more, and waits for those who are there.
    async fn drain(self, mut peers: JoinSet<()>) {
        let endpoint = &self.listener.endpoint;
        endpoint.set_server_config(None);
        let goodbye = Duration::from_secs(CLOSE_SECONDS_MAX);
        let all = async { while peers.join_next().await.is_some() {} };
        if tokio::time::timeout(self.grace.saturating_add(goodbye), all).await.is_err() {
            tracing::warn!("connections did not close before the stop");
        }
        peers.shutdown().await;
        self.gateway.peers.close();
        if tokio::time::timeout(goodbye, endpoint.wait_idle()).await.is_err() {
            tracing::debug!("some peers did not acknowledge the end");
        }
    }
}

/// Tells connections of each change of the organisation, and of nothing else: commits are a thousand times as many.
async fn follow_organisation(metadata: Metadata, heads: watch::Sender<Option<Head>>) {
    let mut applied = metadata.view().changes();
    while applied.changed().await.is_ok() {
        let head = metadata.view().organisation().map(|organisation| organisation.head());
        heads.send_if_modified(|known| std::mem::replace(known, head) != head);
    }
}

fn bytes_of(size: bytesize::ByteSize) -> usize {
    usize::try_from(size.as_u64()).unwrap_or(usize::MAX)
}
