//! The node as a process: opens the parts, joins them, and ends them in order. The only file that knows every part.
//!
//! ```text
//! keys, admission ─► metadata (Raft) ─┬─► edge (QUIC) ─► clients
//!                    chunks ──────────┤
//!                    metrics ─────────┴─► web (HTTP)  ─► operators
//! ```
//! It ends for a signal, in good order; or because storage failed, at once and with an error: what is in memory then
//! cannot be trusted, and the next start reads what is really on the disk.

use std::io;
use std::net::SocketAddr;
use std::num::NonZeroU64;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use bytesize::ByteSize;

use tokio::signal::unix::{SignalKind, signal};
use tokio::task::{JoinError, JoinHandle};
use vauban_protocol::id::NodeId;
use vauban_protocol::time::DAY_SECONDS;

use crate::chunks::{ChunkStore, DiskLimits, StoreError, StoreOptions};
use crate::clock;
use crate::config::Config;
use crate::data_folder::DataFolder;
use crate::durable_file::{self, Readers};
use crate::edge::{Edge, EdgeError, EdgeParts, Listener, PageListener, stop_channel};
use crate::enrolment::{self, AdmitError, ClockDoubt, Enrolment};
use crate::identity::{Identity, IdentityError};
use crate::jobs::{Backup, Jobs, Repair, Scrub, Sweep, Throttle};
use crate::leaving::{self, Parting};
use crate::limit::{CHARTER_WARNING_DAYS, CLUSTER_LEAD_SECONDS_MAX, WAITING_SECONDS};
use crate::message::{Explain, Explanation};
use crate::metadata::{Metadata, MetadataError};
use crate::observe::Metrics;
use crate::peers::{Known, Peers};
use crate::replication::Replication;
use crate::reserve::{self, Reserve};
use crate::web::{Hosts, Web, WebError, WebParts};

/// What a node has come to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// It is admitted, and waits for a place in the cluster.
    Waiting,
    /// It is part of the cluster, and serves.
    Serving,
}

/// A node that listens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ready {
    /// Whether it serves.
    pub stage: Stage,
    /// The node.
    pub node: NodeId,
    /// Where QUIC listens.
    pub quic: SocketAddr,
    /// Where HTTP listens.
    pub web: SocketAddr,
}

/// Why a node did not start, or stopped by itself. The operator acts, except for a bug.
#[derive(Debug, thiserror::Error)]
pub enum BootError {
    /// The node's own key.
    #[error(transparent)]
    Identity(#[from] IdentityError),
    /// The admission.
    #[error(transparent)]
    Enrolment(#[from] AdmitError),
    /// The charter was revoked after the admission.
    #[error("the charter of node {node} has been revoked")]
    Revoked {
        /// This node.
        node: NodeId,
    },
    /// The node was taken out of the cluster, and nobody needs its copies.
    #[error("node {node} has been taken out of the cluster")]
    Removed {
        /// This node.
        node: NodeId,
    },
    /// Metadata does not open, or failed.
    #[error("metadata: {0}")]
    Metadata(#[from] MetadataError),
    /// Chunks do not open, or failed.
    #[error("chunks: {0}")]
    Chunks(#[from] StoreError),
    /// Storage failed while the node served.
    #[error("storage failed: {reason}")]
    Storage {
        /// The first failure.
        reason: String,
    },
    /// QUIC.
    #[error(transparent)]
    Edge(#[from] EdgeError),
    /// HTTP.
    #[error(transparent)]
    Web(#[from] WebError),
    /// The system gives no signals.
    #[error("cannot listen for signals: {0}")]
    Signals(io::Error),
    /// Two metrics have one name. A bug.
    #[error("metrics: {0}")]
    Metrics(#[from] prometheus::Error),
    /// A part ended abnormally. A bug.
    #[error("a part of the node ended abnormally: {0}")]
    Part(#[from] JoinError),
}

/// Runs a node until it is told to stop (SIGTERM, SIGINT), and calls `ready` once it listens, and again once it serves if that
/// is later.
///
/// # Errors
/// [`BootError`]: why it did not start, or what failed. All that was acknowledged is on disk in any case.
pub async fn run(folder: &DataFolder, config: &Config, ready: impl Fn(Ready)) -> Result<(), BootError> {
    let identity = Arc::new(Identity::load(&folder.receipt_key())?);
    let enrolment = enrolment::load(folder, &identity, clock::now())?;
    let reachable = listen(config, &identity, &enrolment)?;
    let reserve = Reserve::new(folder.metadata(), config.disk.reserve.as_u64());
    // A database that is opened writes: on a full disk it needs what was set aside.
    let looking = reserve.clone();
    tokio::task::spawn_blocking(move || looking.look()).await?;
    let metadata = open_metadata(folder, &identity, &enrolment, &reachable.peers).await?;
    let served = serve(folder, config, identity, reachable, (&metadata, reserve), ready).await;
    metadata.stop().await;
    served
}

/// Where the node listens, and its way to the others.
struct Reachable {
    listener: Listener,
    peers: Peers,
}

fn listen(config: &Config, identity: &Identity, enrolment: &Enrolment) -> Result<Reachable, EdgeError> {
    let organisation = enrolment.organisation();
    let listener = Listener::bind(identity, enrolment.certified(), organisation.tls_authority(), config)?;
    let known = Known::new(identity.node(), organisation.clone(), enrolment.chain().to_vec());
    let peers = Peers::new(listener.endpoint(), enrolment.certified(), Arc::new(known))?;
    Ok(Reachable { listener, peers })
}

async fn open_metadata(
    folder: &DataFolder,
    identity: &Identity,
    enrolment: &Enrolment,
    peers: &Peers,
) -> Result<Metadata, MetadataError> {
    let (path, rejoining) = (folder.metadata(), folder.rejoining());
    // Chunks are opened after metadata: where there are some, there were metadata before.
    let are_lost = Metadata::are_lost(&path) || (folder.chunks().exists() && !Metadata::exist(&path));
    if are_lost && !rejoining.exists() {
        return Err(MetadataError::Lost { path });
    }
    let node = identity.node();
    let metadata = Metadata::open(&path, node, Some(peers.clone())).await?;
    // From now on there are some, that can be lost.
    durable_file::remove(&rejoining).map_err(|_| MetadataError::NotMarked { path: rejoining })?;
    let is_founded = metadata.is_founded().await?;
    let founds = !is_founded && enrolment.organisation().founder() == Some(node);
    if !founds && !metadata.is_alone() {
        if is_founded {
            metadata.introduce(enrolment.organisation().head(), enrolment.chain().to_vec());
        }
        return Ok(metadata);
    }
    if founds && let Some(doubt) = ClockDoubt::about(enrolment.signed_at(), clock::now()) {
        tracing::warn!(
            %doubt,
            "cluster time begins with this node's clock, and never goes back: if that clock is wrong, stop the node, set it right, and \
             begin anew before anything is stored"
        );
    }
    // A chain that is applied already needs no second look; the genesis alone says whose it is.
    let applied = metadata.view().organisation();
    let head = enrolment.organisation().head();
    let is_known = applied.is_some_and(|organisation| organisation.passed(head));
    let unknown = if is_known { 1 } else { usize::MAX };
    let chain = enrolment.chain().iter().take(unknown).cloned().collect();
    metadata.found(chain).await?;
    Ok(metadata)
}

async fn serve(
    folder: &DataFolder,
    config: &Config,
    identity: Arc<Identity>,
    reachable: Reachable,
    (metadata, reserve): (&Metadata, Reserve),
    ready: impl Fn(Ready),
) -> Result<(), BootError> {
    let node = identity.node();
    let organisation = reachable.peers.known().organisation();
    if Parting::now(node, metadata, &reachable.peers) == Parting::Free {
        return Err(BootError::Removed { node });
    }
    let charter = organisation.charter(node).ok_or(BootError::Revoked { node })?;
    let days = charter.not_after.0.saturating_sub(clock::now().0) / DAY_SECONDS;
    if days < CHARTER_WARNING_DAYS {
        tracing::warn!(days, "the node's charter ends soon: ask an admin for a new one");
    }
    let lag = i128::from(clock::now().0).saturating_sub(i128::from(metadata.view().cluster_time().0));
    if lag < CLUSTER_LEAD_SECONDS_MAX {
        tracing::warn!(
            seconds = lag,
            "this machine's clock is behind the cluster's time: see to its time synchronisation"
        );
    }
    let chunks = open_chunks(folder, config).await?;
    let watching = tokio::spawn(reserve::watch(reserve.clone(), chunks.clone()));
    let served = serve_all(folder, config, identity, reachable, (metadata, &chunks, reserve), ready).await;
    watching.abort();
    // Its handle of the store is gone with it.
    let _aborted = watching.await;
    // The last handle waits for the store's writer.
    tokio::task::spawn_blocking(move || drop(chunks)).await?;
    served
}

fn disk_limits(config: &Config) -> DiskLimits {
    DiskLimits { upload_percent: config.disk.upload_percent_max, repair_percent: config.disk.repair_percent_max }
}

async fn open_chunks(folder: &DataFolder, config: &Config) -> Result<ChunkStore, BootError> {
    let options = StoreOptions { disk_limits: disk_limits(config), ..StoreOptions::default() };
    let path = folder.chunks();
    Ok(tokio::task::spawn_blocking(move || ChunkStore::open(&path, options)).await??)
}

async fn serve_all(
    folder: &DataFolder,
    config: &Config,
    identity: Arc<Identity>,
    Reachable { listener, peers }: Reachable,
    (metadata, chunks, reserve): (&Metadata, &ChunkStore, Reserve),
    ready: impl Fn(Ready),
) -> Result<(), BootError> {
    let node = identity.node();
    let metrics = Arc::new(Metrics::new()?);
    let mut signals = Signals::new().map_err(BootError::Signals)?;
    let reach = Arc::new(peers.clone());
    let replication = Replication::new(Arc::clone(&identity), metadata.view(), chunks.clone(), reach);
    let jobs = start_jobs(config, &folder.scrubbed(), &replication, metadata, &metrics);
    let known_peers = peers.clone();
    let parts = EdgeParts {
        identity,
        peers,
        metadata: metadata.clone(),
        chunks: chunks.clone(),
        replication: replication.clone(),
        metrics: Arc::clone(&metrics),
        reserve: reserve.clone(),
        jobs: jobs.board(),
    };
    let page = match config.links.listen {
        Some(address) => Some(PageListener::bind(address).await?),
        None => None,
    };
    let edge = Edge::new(listener, page, parts, config);
    let parts = WebParts {
        node,
        metadata: metadata.clone(),
        peers: known_peers.clone(),
        chunks: chunks.clone(),
        jobs: jobs.board(),
        metrics,
        disk_limits: disk_limits(config),
        reserve,
    };
    let web = Web::bind(parts, config.web.listen, Hosts::new(&config.web.hosts)).await?;
    let address = web.address().to_string();
    if let Err(error) = durable_file::replace(&folder.web_address(), address.as_bytes(), Readers::Everyone) {
        tracing::warn!(%error, "where the web listens could not be noted: `vauban-node cluster status` must be told");
    }
    // One that was taken out waits for no place.
    let is_waiting = !metadata.is_member() && Parting::now(node, metadata, &known_peers) == Parting::Stays;
    let stage = if is_waiting { Stage::Waiting } else { Stage::Serving };
    let addresses = Ready { stage, node, quic: edge.address(), web: web.address() };
    let (stopper, stop) = stop_channel();
    let (ender, ended) = stop_channel();
    let mut web_task = tokio::spawn(web.serve(stop.clone(), ended));
    let edge_task = tokio::spawn(edge.serve(stop));
    let reached = config.advertise.as_deref().unwrap_or_default();
    tracing::info!(%node, quic = %addresses.quic, web = %addresses.web, reached, "the node listens");
    ready(addresses);
    let joining = async {
        if stage == Stage::Waiting {
            until_member(metadata, node).await;
            tracing::info!(%node, "the node is part of the cluster, and serves");
            ready(Ready { stage: Stage::Serving, ..addresses });
        }
        std::future::pending().await
    };
    let request = folder.reanchor_request();
    let cause = tokio::select! {
        name = signals.next() => {
            tracing::info!(signal = name, "stopping");
            Ok(())
        }
        reason = chunks.poisoned() => Err(storage(&reason)),
        reason = metadata_failed(metadata) => Err(storage(&reason)),
        never = joining => never,
        () = remind(metadata, &known_peers, &request) => Ok(()),
        () = leaving::look_out(node, metadata, &known_peers) => Ok(()),
        web = &mut web_task => web.map_err(BootError::from).and_then(|served| Ok(served?)),
    };
    jobs.stop().await;
    stopper.stop();
    let stopped = finish(edge_task, &cause).await;
    replication.stop().await;
    ender.stop();
    if !web_task.is_finished() {
        web_task.await??;
    }
    cause.and(stopped)
}

/// What the node does for its chunks unasked.
fn start_jobs(
    config: &Config,
    scrubbed: &Path,
    replication: &Replication,
    metadata: &Metadata,
    metrics: &Arc<Metrics>,
) -> Jobs {
    let mut jobs = Jobs::new(Arc::clone(metrics));
    let (repair, scrub) = (rate(config.jobs.repair_rate), rate(config.jobs.scrub_rate));
    jobs.start(Repair::new(replication.clone(), metadata.clone()).lost_after(config.jobs.lost_after), repair);
    jobs.start(Scrub::new(replication.chunks().clone(), config.jobs.scrub_every, scrubbed), scrub);
    if let Some(to) = &config.backup.folder {
        let config = &config.backup;
        jobs.start(
            Backup::new(metadata.clone(), replication.node(), to.clone(), config.every, config.kept),
            Throttle::default(),
        );
    }
    jobs.start(Sweep::new(replication.clone(), config.jobs.sweep_every), Throttle::default());
    jobs
}

/// Bytes a second; 0 is as fast as it goes.
fn rate(size: ByteSize) -> Throttle {
    Throttle(NonZeroU64::new(size.as_u64()))
}

/// Waits for requests under way; after a failure of storage there is nothing to wait for.
async fn finish(edge: JoinHandle<()>, cause: &Result<(), BootError>) -> Result<(), BootError> {
    if cause.is_err() {
        edge.abort();
        return Ok(());
    }
    edge.await?;
    tracing::info!("the node has stopped");
    Ok(())
}

/// Waits for a place in the cluster, and says from time to time who gives it.
async fn until_member(metadata: &Metadata, node: NodeId) {
    let mut applied = metadata.view().changes();
    let mut reminders = tokio::time::interval(Duration::from_secs(WAITING_SECONDS));
    while !metadata.is_member() {
        tokio::select! {
            changed = applied.changed() => if changed.is_err() { return },
            _ = reminders.tick() => tracing::warn!(
                "this node waits for its place in the cluster; an admin gives it: vauban admin node add {} --address HOST:PORT --capacity SIZE",
                node.to_hex()
            ),
        }
    }
}

/// Says from time to time, while this incarnation of the cluster is not in force, what to do about that.
async fn remind(metadata: &Metadata, peers: &Peers, request: &Path) {
    let mut reminders = tokio::time::interval(Duration::from_secs(WAITING_SECONDS));
    loop {
        reminders.tick().await;
        let view = metadata.view();
        if !metadata.is_member() {
            // A new node has nothing yet that could be out of force.
            continue;
        }
        if peers.known().organisation().is_superseded(view.incarnation()) {
            tracing::error!(
                "the cluster was restored from a backup, and this node was not restored with it: it serves nobody; stop it, run \
                 `vauban-node rejoin`, and start it again"
            );
        } else if !view.is_in_force() {
            tracing::warn!(
                request = %request.display(),
                "this cluster was restored from a backup and takes no writes: carry the request to the holder of the organisation's \
                 root, who runs `vauban org reanchor`"
            );
        }
    }
}

async fn metadata_failed(metadata: &Metadata) -> String {
    let mut failed = metadata.failed();
    match failed.wait_for(Option::is_some).await {
        Ok(failure) => failure.as_ref().map_or_else(String::new, ToString::to_string),
        Err(_) => "metadata ended by itself".to_owned(),
    }
}

fn storage(reason: &str) -> BootError {
    tracing::error!(reason, "storage failed: the node stops at once");
    BootError::Storage { reason: reason.to_owned() }
}

/// What a service manager or a terminal says.
struct Signals {
    terminate: tokio::signal::unix::Signal,
    interrupt: tokio::signal::unix::Signal,
}

impl Signals {
    fn new() -> io::Result<Self> {
        Ok(Self { terminate: signal(SignalKind::terminate())?, interrupt: signal(SignalKind::interrupt())? })
    }

    async fn next(&mut self) -> &'static str {
        tokio::select! {
            _ = self.terminate.recv() => "SIGTERM",
            _ = self.interrupt.recv() => "SIGINT",
        }
    }
}

impl Explain for BootError {
    fn explain(&self) -> Explanation {
        let detail = self.to_string();
        let (what, next) = match self {
            Self::Enrolment(error) => return error.explain(),
            Self::Identity(_) => (
                crate::say!(fr: "La clé du nœud ne se lit pas : {detail}", en: "The node's key cannot be read: {detail}"),
                crate::say!(
                    fr: "Lancez d'abord « vauban-node init » sur ce dossier, ou vérifiez l'utilisateur qui lance le nœud.",
                    en: "Run `vauban-node init` on this folder first, or check which user runs the node."
                ),
            ),
            Self::Revoked { .. } => (
                crate::say!(fr: "Ce nœud a été révoqué ({detail}).", en: "This node has been revoked ({detail})."),
                crate::say!(
                    fr: "Il ne servira plus : préparez un nouveau nœud avec « vauban-node init » sur un autre dossier.",
                    en: "It will not serve again: prepare a new node with `vauban-node init` on another folder."
                ),
            ),
            Self::Removed { .. } => (
                crate::say!(
                    fr: "Ce nœud a été retiré de la grappe, et rien n'y dépend plus de ses copies ({detail}).",
                    en: "This node has been taken out of the cluster, which needs its copies no longer ({detail})."
                ),
                crate::say!(
                    fr: "Arrêtez-le pour de bon ; il n'y revient pas : préparez un nouveau nœud avec « vauban-node init » sur un autre dossier.",
                    en: "Stop it for good; it never comes back: prepare a new node with `vauban-node init` on another folder."
                ),
            ),
            Self::Metadata(error) => return error.explain(),
            Self::Chunks(_) | Self::Storage { .. } => (
                crate::say!(fr: "Le stockage a fait défaut : {detail}", en: "Storage failed: {detail}"),
                crate::say!(
                    fr: "Vérifiez le disque et sa place libre (dmesg, smartctl, df), puis relancez le nœud.",
                    en: "Check the disk and its free space (dmesg, smartctl, df), then start the node again."
                ),
            ),
            Self::Edge(_) | Self::Web(_) => (
                crate::say!(fr: "Le nœud ne peut pas écouter : {detail}", en: "The node cannot listen: {detail}"),
                crate::say!(
                    fr: "Un autre programme tient peut-être ce port (ss -lunt) ; changez « listen » ou « web.listen ».",
                    en: "Another program may hold that port (ss -lunt); change `listen` or `web.listen`."
                ),
            ),
            Self::Signals(_) | Self::Metrics(_) | Self::Part(_) => (
                crate::say!(fr: "Erreur interne : {detail}", en: "Internal error: {detail}"),
                crate::say!(
                    fr: "Relancez le nœud, et signalez cette erreur avec le journal.",
                    en: "Start the node again, and report this error with its log."
                ),
            ),
        };
        Explanation { what, next }
    }
}
