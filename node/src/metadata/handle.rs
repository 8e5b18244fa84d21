//! The group as the rest of the node holds it.

use std::fs;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use openraft::error::{InitializeError, RaftError};
use openraft::{EmptyNode, Raft};
use tokio::sync::watch;
use tokio::task::{JoinSet, spawn_blocking};
use vauban_protocol::id::NodeId;
use vauban_protocol::limit::CERTIFICATES_MAX;

use super::command::{Applied, Blob, Command};
use super::error::{Failure, MetadataError};
use super::network::Alone;
use super::preflight;
use super::proposal::{Proposal, ProposeError};
use super::proposer::Proposer;
use super::pulse;
use super::raft::{Group, Voter, settings};
use super::store::{Database, LogStore, Machine, Replica, SnapshotShelf, resume};
use super::view::View;
use crate::limit::{METADATA_CLOSE_SECONDS_MAX, METADATA_READY_SECONDS_MAX};

/// The database's folder.
const DATABASE: &str = "db";
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

    /// Opens the metadata of `node` in `dir`, or creates them, empty. A group that exists is ready when this returns.
    ///
    /// # Errors
    /// [`MetadataError`]; nothing has been changed on disk then, but for an interrupted start or snapshot.
    pub async fn open(dir: &Path, node: NodeId) -> Result<Self, MetadataError> {
        let dir = dir.to_owned();
        let opened = spawn_blocking(move || open_files(&dir, node)).await;
        let (replica, shelf) = opened.map_err(|error| MetadataError::Engine(error.to_string()))??;
        let database = Arc::clone(replica.database());
        let failed = database.failed();
        let log = LogStore::new(Arc::clone(&database));
        let machine = Machine::new(Arc::clone(&replica), Arc::new(shelf));
        let raft = Raft::new(Voter::from(node), settings()?, Alone, log, machine)
            .await
            .map_err(|error| engine_error(&failed, &error))?;
        let (proposer, writer) = Proposer::new(raft.clone(), failed.clone());
        let view = View::new(replica);
        let mut tasks = JoinSet::new();
        tasks.spawn(writer);
        tasks.spawn(pulse::supervise(raft.metrics(), database));
        let metadata = Self { raft, node, view, proposer, failed, tasks: Arc::new(Mutex::new(tasks)) };
        if metadata.is_founded().await? {
            metadata.ready().await?;
        }
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
            let members = std::collections::BTreeMap::from([(Voter::from(self.node), EmptyNode {})]);
            match self.raft.initialize(members).await {
                Ok(()) | Err(RaftError::APIError(InitializeError::NotAllowed(_))) => {}
                Err(error) => return Err(engine_error(&self.failed, &error)),
            }
        }
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
        self.proposer.propose(command).await
    }

    /// Reads of the state that this node has applied.
    #[must_use]
    pub fn view(&self) -> View {
        self.view.clone()
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

    /// The engine, for tests that make it do what it would do later.
    #[cfg(test)]
    pub(super) fn engine(&self) -> &Raft<Group> {
        &self.raft
    }

    fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        self.tasks.lock().unwrap_or_else(PoisonError::into_inner).spawn(task);
    }

    async fn is_founded(&self) -> Result<bool, MetadataError> {
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
    Ok((Arc::new(replica), shelf))
}

fn engine_error(failed: &watch::Receiver<Option<Failure>>, error: &dyn std::fmt::Display) -> MetadataError {
    match &*failed.borrow() {
        Some(failure) => failure.clone().into(),
        None => MetadataError::Engine(error.to_string()),
    }
}
