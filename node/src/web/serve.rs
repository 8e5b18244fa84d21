//! The HTTP listener, and what is read by programs; people read the [dashboard](super::dashboard).

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use axum::Router;
use axum::extract::State as Shared;
use axum::http::{StatusCode, header};
use axum::middleware::from_fn_with_state;
use axum::response::{IntoResponse, Json, Response};
use axum::routing::get;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio::time::MissedTickBehavior;
use vauban_protocol::id::NodeId;
use vauban_protocol::time::Timestamp;

use crate::chunks::{ChunkStore, DiskLimits};
use crate::clock;
use crate::edge::Stop;
use crate::jobs::Board;
use crate::leaving::Parting;
use crate::limit::DASHBOARDS_MAX;
use crate::metadata::Metadata;
use crate::observe::{Metrics, Reading, refresh};
use crate::peers::Peers;
use crate::reserve::Reserve;
use crate::web::cluster::{Cluster, LastLook, look};
use crate::web::dashboard::{self, Counters, EVERY, Looks};
use crate::web::health::{Facts, Health, State};
use crate::web::hosts::{self, Hosts};

/// The media type of Prometheus's text format.
const METRICS_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// Where the cluster is described.
pub const CLUSTER_PAGE: &str = "/cluster.json";

/// What the pages are made from.
pub struct WebParts {
    /// The node.
    pub node: NodeId,
    /// The applied state.
    pub metadata: Metadata,
    /// The other nodes.
    pub peers: Peers,
    /// The chunk store.
    pub chunks: ChunkStore,
    /// How its jobs are.
    pub jobs: Board,
    /// The metrics.
    pub metrics: Arc<Metrics>,
    /// Used shares of the disk above which chunks are refused.
    pub disk_limits: DiskLimits,
    /// The metadata's reserve.
    pub reserve: Reserve,
}

/// The listening web of a node.
pub struct Web {
    listener: TcpListener,
    address: SocketAddr,
    hosts: Hosts,
    pages: Arc<Pages>,
}

/// Why the web does not listen or stopped listening. The operator acts.
#[derive(Debug, thiserror::Error)]
pub enum WebError {
    /// The address.
    #[error("cannot listen on {address} (TCP): {source}")]
    Listen {
        /// Which.
        address: SocketAddr,
        /// What the system said.
        source: io::Error,
    },
    /// The listener failed.
    #[error("the web listener failed: {0}")]
    Serve(io::Error),
}

pub(super) struct Pages {
    pub(super) parts: WebParts,
    stopping: AtomicBool,
    /// Places for dashboards that are told what changes.
    pub(super) dashboards: Arc<Semaphore>,
    pub(super) looks: Looks,
    last_look: LastLook,
}

impl Web {
    /// Binds the address; what is asked by a name is answered if it is one of `hosts`.
    ///
    /// # Errors
    /// [`WebError::Listen`].
    pub async fn bind(parts: WebParts, address: SocketAddr, hosts: Hosts) -> Result<Self, WebError> {
        let failed = |source| WebError::Listen { address, source };
        let listener = TcpListener::bind(address).await.map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        let pages = Arc::new(Pages {
            parts,
            stopping: AtomicBool::new(false),
            dashboards: Arc::new(Semaphore::new(DASHBOARDS_MAX)),
            looks: Looks::default(),
            last_look: LastLook::default(),
        });
        Ok(Self { listener, address, hosts, pages })
    }

    /// Where it listens, with the port that the system gave if none was asked for.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Serves the pages until `ended`; from `stop` on, `/healthz` says that the node stops.
    ///
    /// # Errors
    /// [`WebError::Serve`].
    pub async fn serve(self, mut stop: Stop, mut ended: Stop) -> Result<(), WebError> {
        let router = Router::new()
            .route("/metrics", get(metrics))
            .route("/healthz", get(healthz))
            .route(CLUSTER_PAGE, get(cluster))
            .merge(dashboard::routes())
            .layer(from_fn_with_state(self.hosts, hosts::judge))
            .with_state(Arc::clone(&self.pages));
        let mark = async {
            stop.stopped().await;
            self.pages.stopping.store(true, Ordering::Relaxed);
            std::future::pending::<()>().await;
        };
        let end = async move { ended.stopped().await };
        let serving = axum::serve(self.listener, router);
        // Not axum's own graceful end: it would wait for a scraper's idle connection.
        tokio::select! {
            served = serving => served.map_err(WebError::Serve),
            () = end => Ok(()),
            () = mark => Ok(()),
            () = self.pages.look_on() => Ok(()),
        }
    }
}

impl Pages {
    /// The cluster as it was at most a moment ago.
    pub(super) async fn cluster(&self) -> Arc<Cluster> {
        self.last_look.renewed(&self.parts).await
    }

    /// Reads the counters once a second, for the rates.
    async fn look_on(&self) {
        let mut beats = tokio::time::interval(EVERY);
        beats.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            beats.tick().await;
            let metrics = &self.parts.metrics;
            let counters = Counters {
                uploaded_bytes: metrics.uploaded_bytes(),
                requests: metrics.requests_done(),
                commits: metrics.commits_done(),
            };
            self.looks.add(Instant::now(), counters);
        }
    }
}

async fn metrics(Shared(pages): Shared<Arc<Pages>>) -> Response {
    let parts = &pages.parts;
    let view = parts.metadata.view();
    let chunks = parts.chunks.stats();
    let charter_ends = charter_ends(&parts.peers, parts.node);
    refresh(
        &parts.metrics,
        &Reading { chunks, reserve: parts.reserve.standing(), view: &view, charter_ends, now: clock::now() },
    );
    match parts.metrics.encode() {
        Ok(text) => ([(header::CONTENT_TYPE, METRICS_TYPE)], text).into_response(),
        Err(error) => {
            tracing::error!(%error, "the metrics do not encode");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}

async fn cluster(Shared(pages): Shared<Arc<Pages>>) -> Response {
    Json(look(&pages.parts).await).into_response()
}

async fn healthz(Shared(pages): Shared<Arc<Pages>>) -> Response {
    let parts = &pages.parts;
    let view = parts.metadata.view();
    let Ok(stats) = parts.chunks.stats() else {
        return StatusCode::SERVICE_UNAVAILABLE.into_response();
    };
    let state = State::judge(&Facts {
        stopping: pages.stopping.load(Ordering::Relaxed),
        parting: Parting::now(parts.node, &parts.metadata, &parts.peers),
        is_member: parts.metadata.is_member(),
        is_in_force: view.is_in_force(),
        charter_ends: charter_ends(&parts.peers, parts.node),
        now: clock::now(),
        fill: stats.fill,
        is_metadata_short: parts.reserve.standing().is_short,
    });
    let health = Health {
        state,
        node: parts.node.to_hex(),
        version: env!("CARGO_PKG_VERSION"),
        applied: view.applied(),
        cluster_time: view.cluster_time().0,
    };
    (state.code(), Json(health)).into_response()
}

/// When the node's charter ends, as far as the chain is known.
fn charter_ends(peers: &Peers, node: NodeId) -> Option<Timestamp> {
    peers.known().organisation().charter(node).map(|charter| charter.not_after)
}
