//! The group as the rest of the node holds it.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use openraft::error::{InitializeError, RaftError};
use openraft::{EmptyNode, Raft};
use tokio::sync::watch;
use tokio::task::{JoinSet, spawn_blocking};
use tokio::time::Instant;
use vauban_protocol::chain::Head;
use vauban_protocol::id::NodeId;
use vauban_protocol::limit::CERTIFICATES_MAX;
use vauban_protocol::organisation::Organisation;
use vauban_protocol::time::Timestamp;
use vauban_protocol::wire::Refusal;

use super::command::{Applied, Blob, Command};
use super::error::{BackupError, Failure, MetadataError};
use super::level::FEATURE_LEVEL;
use super::members::{self, Looking};
use super::network::Ways;
use super::orderer::Orderer;
use super::preflight;
use super::proposal::{Proposal, ProposeError};
use super::proposer::Proposer;
use super::pulse;
use super::raft::{Group, Voter, settings};
use super::store::{
    BEGUN, DATABASE, Database, LogStore, Machine, Replica, SnapshotShelf, all_scheduled, remove_unfinished, resume,
    scheduled, write_backup,
};
use super::trim::trim;
use super::view::View;
use crate::durable_file::{self, Readers};
use crate::limit::{METADATA_CLOSE_SECONDS_MAX, METADATA_READY_SECONDS_MAX, TICK_SECONDS};
use crate::peers::{PeerRefusal, Peers};

/// The snapshots' folder, on the same file system: snapshots are hard links.
const SNAPSHOTS: &str = "snapshots";

/// This node's part in its organisation's group. Cheap to clone.
#[derive(Clone)]
pub struct Metadata {
    raft: Raft<Group>,
    node: NodeId,
    view: View,
    proposer: Proposer,
    failed: watch::Receiver<Option<Failure>>,
    tasks: Arc<Mutex<JoinSet<()>>>,
    beginning: Arc<Beginning>,
    peers: Option<Peers>,
    receiving: Arc<tokio::sync::Mutex<()>>,
    catching_up: Arc<tokio::sync::Mutex<Option<(Instant, bool)>>>,
    /// The feature level that this build supports; a test changes it.
    supports: Arc<AtomicU32>,
}

/// Whether anything has been entered here.
#[derive(Debug)]
struct Beginning {
    /// Nobody loses what it has alone, in a test.
    mark: Option<PathBuf>,
    is_blank: AtomicBool,
}

impl std::fmt::Debug for Metadata {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Metadata({})", self.node)
    }
}

impl Metadata {
    /// Whether there are metadata in `dir`. A node that has served before and finds none must not begin anew: an empty
    /// state has no row for any chunk, so its sweep would in time delete them all.
    #[must_use]
    pub fn exist(dir: &Path) -> bool {
        Database::exists(&dir.join(DATABASE))
    }

    /// Whether there were metadata in `dir` that are gone: a node that has voted and forgotten how must never vote again.
    #[must_use]
    pub fn are_lost(dir: &Path) -> bool {
        !Self::exist(dir) && dir.with_extension(BEGUN).exists()
    }

    /// Whether another process uses the metadata of `node` in `dir`.
    #[must_use]
    pub fn is_in_use(dir: &Path, node: NodeId) -> bool {
        let path = dir.join(DATABASE);
        Database::exists(&path) && matches!(Database::open(&path, node), Err(MetadataError::InUse { .. }))
    }

    /// Opens the metadata of `node` in `dir`, or creates them, empty. `peers` are its way to other nodes, if it has one. A group
    /// of this node alone is ready when this returns; one of several may still look for its leader.
    ///
    /// # Errors
    /// [`MetadataError`]; nothing has been changed on disk then, but for an interrupted start or snapshot.
    pub async fn open(dir: &Path, node: NodeId, peers: Option<Peers>) -> Result<Self, MetadataError> {
        let mark = peers.is_some().then(|| dir.with_extension(BEGUN));
        let dir = dir.to_owned();
        let opened = spawn_blocking(move || open_files(&dir, node)).await;
        let (replica, shelf) = opened.map_err(|error| MetadataError::Engine(error.to_string()))??;
        let database = Arc::clone(replica.database());
        let failed = database.failed();
        let log = LogStore::new(Arc::clone(&database));
        let shelf = Arc::new(shelf);
        let machine = Machine::new(Arc::clone(&replica), Arc::clone(&shelf));
        let ways = Ways::new(peers.clone());
        let me = Voter::from(node);
        let raft = Raft::new(me, settings()?, ways.clone(), log, machine)
            .await
            .map_err(|error| engine_error(&failed, &error))?;
        ways.follow(raft.metrics());
        let orderer = Orderer { raft: raft.clone(), me, ways, replica: Arc::clone(&replica) };
        let (proposer, writer) = Proposer::new(orderer, failed.clone());
        let view = View::new(Arc::clone(&replica));
        let mut tasks = JoinSet::new();
        tasks.spawn(writer);
        tasks.spawn(pulse::supervise(raft.metrics(), database));
        let metadata = Self {
            raft,
            node,
            view,
            proposer,
            failed,
            tasks: Arc::new(Mutex::new(tasks)),
            beginning: Arc::new(Beginning { mark, is_blank: AtomicBool::new(true) }),
            peers,
            receiving: Arc::default(),
            catching_up: Arc::default(),
            supports: Arc::new(AtomicU32::new(FEATURE_LEVEL)),
        };
        if let Some(peers) = &metadata.peers {
            peers.known().follow(metadata.view());
            peers.known().set_blank(true);
        }
        if metadata.is_founded().await? {
            metadata.begin().await.map_err(|_| metadata.not_marked())?;
            metadata.has_begun();
            if metadata.is_alone() {
                metadata.ready().await?;
            }
        }
        metadata.spawn(members::look_after(Looking {
            raft: metadata.raft.clone(),
            me,
            replica,
            peers: metadata.peers.clone(),
            proposer: metadata.proposer.clone(),
            supports: Arc::clone(&metadata.supports),
        }));
        metadata.spawn(trim(metadata.raft.clone(), shelf));
        metadata.spawn(pulse::beat(metadata.raft.metrics(), Voter::from(node), metadata.proposer.clone()));
        Ok(metadata)
    }

    /// Begins the group with this node alone, if that has not been done, and makes sure that it has `chain`: the
    /// organisation's signed certificates, the genesis first. May be called at every start.
    ///
    /// # Errors
    /// [`MetadataError::Chain`] for another organisation's chain, or one that does not verify.
    pub async fn found(&self, chain: Vec<Bytes>) -> Result<(), MetadataError> {
        if !self.is_founded().await? {
            self.begin().await.map_err(|_| self.not_marked())?;
            let members = std::collections::BTreeMap::from([(Voter::from(self.node), EmptyNode {})]);
            match self.raft.initialize(members).await {
                Ok(()) | Err(RaftError::APIError(InitializeError::NotAllowed(_))) => {}
                Err(error) => return Err(engine_error(&self.failed, &error)),
            }
        }
        self.has_begun();
        self.ready().await?;
        // Every command begins with the genesis or with what the one before it has brought, so each may be repeated.
        let mut rest: Vec<Blob> = chain.into_iter().map(Blob).collect();
        let mut from_genesis = true;
        while !rest.is_empty() {
            let later = rest.split_off(rest.len().min(CERTIFICATES_MAX));
            let command = if from_genesis { Command::Found(rest) } else { Command::Certify(rest) };
            self.order(command).await?;
            (rest, from_genesis) = (later, false);
        }
        for command in pulse::duties(self.view.feature_level()) {
            self.order(command).await?;
        }
        Ok(())
    }

    /// Has the group order a change; returns when it is committed, on disk, and applied here.
    ///
    /// # Errors
    /// [`ProposeError`]. After [`ProposeError::Unavailable`] the effect is unknown: the same bytes may be proposed again,
    /// and have it once.
    pub async fn propose(&self, proposal: Proposal) -> Result<Applied, ProposeError> {
        let command = Command::from(proposal);
        preflight::judge(&command, self.view.organisation().as_deref()).map_err(ProposeError::Refused)?;
        let level = self.view.feature_level();
        // Once everybody reads everything, nobody looks.
        if level < FEATURE_LEVEL && command.level() > level {
            return Err(ProposeError::Refused(Refusal::FeatureLevel));
        }
        self.proposer.propose(command).await
    }

    /// Reads of the state that this node has applied.
    #[must_use]
    pub fn view(&self) -> View {
        self.view.clone()
    }

    /// Writes what is applied to a new backup in `folder`, named by `at`, and answers with its path; what was begun there and never
    /// finished goes first. Blocks.
    ///
    /// # Errors
    /// [`BackupError`].
    pub fn back_up_to(&self, folder: &Path, at: Timestamp) -> Result<PathBuf, BackupError> {
        let in_way = |source| BackupError::File { path: folder.to_owned(), source };
        remove_unfinished(folder, self.node).map_err(in_way)?;
        let path = scheduled(folder, self.node, at);
        write_backup(self.view.database(), self.node, &path)?;
        Ok(path)
    }

    /// The backups that `node` has written to `folder` so, each after what it is named by, the oldest first.
    ///
    /// # Errors
    /// Whatever the system says.
    pub fn backups(folder: &Path, node: NodeId) -> std::io::Result<Vec<(Timestamp, PathBuf)>> {
        all_scheduled(folder, node)
    }

    /// Told once the storage has failed: the node must then stop, and every proposal fails.
    #[must_use]
    pub fn failed(&self) -> watch::Receiver<Option<Failure>> {
        self.failed.clone()
    }

    /// Stops taking part, and closes the database; within [`METADATA_CLOSE_SECONDS_MAX`] even if a [`View`] still lives.
    pub async fn stop(self) {
        let mut tasks = std::mem::take(&mut *self.tasks.lock().unwrap_or_else(PoisonError::into_inner));
        tasks.shutdown().await;
        if let Err(error) = self.raft.shutdown().await {
            tracing::warn!(%error, "the consensus engine did not stop by itself");
        }
        // A vote that was asked for, or a node that is being dialled, outlives the engine by seconds.
        if let Some(peers) = &self.peers {
            peers.known().let_go();
        }
        let database = Arc::clone(self.view.database());
        let settled = spawn_blocking(move || {
            let settled = database.settle();
            (settled, Arc::downgrade(&database))
        });
        let (settled, database) = match settled.await {
            Ok(done) => done,
            Err(error) => {
                tracing::error!(%error, "the metadata database was not closed in order");
                return;
            }
        };
        if let Err(error) = settled {
            tracing::error!(%error, "the metadata database was not closed in order");
        }
        drop(self);
        // The engine's state machine ends a moment after the engine.
        let closed = async {
            while database.strong_count() > 0 {
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
        };
        let limit = Duration::from_secs(METADATA_CLOSE_SECONDS_MAX);
        if tokio::time::timeout(limit, closed).await.is_err() {
            tracing::warn!("the metadata database is still being read: it closes when that ends");
        }
    }

    /// Makes a snapshot of all that is applied, and forgets the log before it: whoever lacks that needs the snapshot.
    #[cfg(test)]
    pub(crate) async fn forget_log(&self) {
        let applied = self.view().applied();
        let limit = Some(Duration::from_secs(20));
        self.raft.trigger().snapshot().await.unwrap();
        let has_snapshot = |index: Option<u64>| index.is_some_and(|index| index >= applied);
        let wait = self.raft.wait(limit);
        wait.metrics(|metrics| has_snapshot(metrics.snapshot.map(|id| id.index)), "a snapshot").await.unwrap();
        self.raft.trigger().purge_log(applied).await.unwrap();
        let wait = self.raft.wait(limit);
        wait.metrics(|metrics| has_snapshot(metrics.purged.map(|id| id.index)), "a purge").await.unwrap();
    }

    /// The engine, for tests that make it do what it would do later.
    #[cfg(test)]
    pub(super) fn engine(&self) -> &Raft<Group> {
        &self.raft
    }

    fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        self.tasks.lock().unwrap_or_else(PoisonError::into_inner).spawn(task);
    }

    pub(super) fn raft(&self) -> &Raft<Group> {
        &self.raft
    }

    /// This node.
    pub(super) fn node(&self) -> NodeId {
        self.node
    }

    /// The other nodes, if there may be any.
    pub(super) fn peers(&self) -> Option<&Peers> {
        self.peers.as_ref()
    }

    /// When it was last asked how far this node should be, and whether it has come there.
    pub(super) fn catching_up(&self) -> &tokio::sync::Mutex<Option<(Instant, bool)>> {
        &self.catching_up
    }

    /// The feature level that this node supports.
    #[must_use]
    pub fn supports(&self) -> u32 {
        self.supports.load(Ordering::Relaxed)
    }

    /// From now on, as the next version will.
    #[cfg(test)]
    pub(crate) fn support(&self, level: u32) {
        self.supports.store(level, Ordering::Relaxed);
    }

    /// Held while a snapshot comes in.
    pub(super) fn receiving(&self) -> &tokio::sync::Mutex<()> {
        &self.receiving
    }

    /// The organisation, as new as this node knows it.
    pub(super) fn known_organisation(&self) -> Option<Arc<Organisation>> {
        self.peers.as_ref().map(|peers| peers.known().organisation()).or_else(|| self.view.organisation())
    }

    /// Marks, durably, that there are metadata from now on; before the first entry or vote is.
    pub(super) async fn begin(&self) -> Result<(), PeerRefusal> {
        let is_blank = self.beginning.is_blank.load(Ordering::Acquire);
        let Some(mark) = self.beginning.mark.clone().filter(|_| is_blank) else { return Ok(()) };
        let marked = spawn_blocking(move || match durable_file::create(&mark, b"", Readers::Everyone) {
            Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists => Err(error),
            _ => Ok(()),
        });
        match marked.await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => {
                tracing::error!(%error, "the metadata cannot begin");
                Err(PeerRefusal::Unavailable)
            }
            Err(_) => Err(PeerRefusal::Unavailable),
        }
    }

    fn not_marked(&self) -> MetadataError {
        MetadataError::NotMarked { path: self.beginning.mark.clone().unwrap_or_default() }
    }

    /// Says that there is something now.
    pub(super) fn has_begun(&self) {
        if self.beginning.is_blank.swap(false, Ordering::AcqRel)
            && let Some(peers) = &self.peers
        {
            peers.known().set_blank(false);
        }
    }

    /// Whether the group exists and this node alone votes in it.
    #[must_use]
    pub fn is_alone(&self) -> bool {
        let metrics = self.raft.metrics();
        let metrics = metrics.borrow();
        let mut voters = metrics.membership_config.membership().voter_ids();
        voters.next() == Some(Voter::from(self.node)) && voters.next().is_none()
    }

    /// Whether this node is in the group, as far as it knows: it votes, or learns.
    #[must_use]
    pub fn is_member(&self) -> bool {
        let metrics = self.raft.metrics();
        let metrics = metrics.borrow();
        metrics.membership_config.membership().get_node(&Voter::from(self.node)).is_some()
    }

    /// Hands the group what this node's admission knows beyond it, once there is a leader: its chain, up to `head`.
    pub fn introduce(&self, head: Head, chain: Vec<Bytes>) {
        let metadata = self.clone();
        self.spawn(async move {
            while let Some(organisation) = metadata.view.organisation().filter(|known| !known.passed(head)) {
                let next = usize::try_from(organisation.head().seq.saturating_add(1)).unwrap_or(usize::MAX);
                let lacking: Vec<Bytes> = chain.iter().skip(next).take(CERTIFICATES_MAX).cloned().collect();
                if lacking.is_empty() {
                    tracing::error!("the admission's chain is not the one of this cluster");
                    return;
                }
                match metadata.propose(Proposal::Certify(lacking)).await {
                    Ok(_) => {}
                    Err(ProposeError::Unavailable) => tokio::time::sleep(Duration::from_secs(TICK_SECONDS)).await,
                    Err(error) => {
                        tracing::warn!(%error, "the cluster does not take the admission's certificates");
                        return;
                    }
                }
            }
        });
    }

    /// Whether this node holds any metadata of a group: it has founded one, or a leader has sent it entries.
    ///
    /// # Errors
    /// [`MetadataError::Engine`] if the engine has stopped.
    pub async fn is_founded(&self) -> Result<bool, MetadataError> {
        self.raft.is_initialized().await.map_err(|error| engine_error(&self.failed, &error))
    }

    /// Waits until the group has a leader.
    async fn ready(&self) -> Result<(), MetadataError> {
        let seconds = METADATA_READY_SECONDS_MAX;
        self.raft
            .wait(Some(Duration::from_secs(seconds)))
            .metrics(|metrics| metrics.current_leader.is_some(), "a leader")
            .await
            .map_err(|_| match &*self.failed.borrow() {
                Some(failure) => failure.clone().into(),
                None => MetadataError::NotReady { seconds },
            })?;
        Ok(())
    }

    pub(super) async fn order(&self, command: Command) -> Result<(), MetadataError> {
        match self.proposer.propose(command).await {
            Ok(_) => Ok(()),
            Err(ProposeError::Refused(refusal)) => Err(MetadataError::Chain(refusal)),
            Err(ProposeError::Unavailable) => Err(MetadataError::NotReady { seconds: METADATA_READY_SECONDS_MAX }),
            Err(ProposeError::Fatal(failure)) => Err(failure.into()),
        }
    }
}

fn open_files(dir: &Path, node: NodeId) -> Result<(Arc<Replica>, SnapshotShelf), MetadataError> {
    let path = dir.join(DATABASE);
    let io_error = |error: std::io::Error| {
        MetadataError::Failed(Failure { path: path.clone(), during: "was opened", cause: error.to_string().into() })
    };
    fs::create_dir_all(dir).map_err(io_error)?;
    let database = Arc::new(Database::open(&path, node)?);
    let shelf = SnapshotShelf::open(&dir.join(SNAPSHOTS)).map_err(io_error)?;
    resume(&database, &shelf)?;
    let replica = Replica::load(database)?;
    let found = replica.core().feature_level;
    if found > FEATURE_LEVEL {
        return Err(MetadataError::NewerFormat { path, found, supported: FEATURE_LEVEL });
    }
    Ok((Arc::new(replica), shelf))
}

fn engine_error(failed: &watch::Receiver<Option<Failure>>, error: &dyn std::fmt::Display) -> MetadataError {
    match &*failed.borrow() {
        Some(failure) => failure.clone().into(),
        None => MetadataError::Engine(error.to_string()),
    }
}
