//! The replica, as the consensus engine drives it. Disk work runs on blocking threads.

use std::sync::Arc;

use openraft::storage::RaftStateMachine;
use openraft::{
    AnyError, EmptyNode, Entry, LogId, Snapshot, SnapshotMeta, StorageError, StorageIOError, StoredMembership,
};
use tokio::task::spawn_blocking;

use super::install::install;
use super::replica::Replica;
use super::snapshot::{SnapshotFolder, SnapshotShelf};
use crate::metadata::command::Outcomes;
use crate::metadata::error::Failure;
use crate::metadata::raft::{Group, Voter};

type Result<T> = std::result::Result<T, StorageError<Voter>>;

/// See the module.
#[derive(Debug, Clone)]
pub(in crate::metadata) struct Machine {
    replica: Arc<Replica>,
    shelf: Arc<SnapshotShelf>,
}

impl Machine {
    pub(in crate::metadata) fn new(replica: Arc<Replica>, shelf: Arc<SnapshotShelf>) -> Self {
        Self { replica, shelf }
    }

    async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Replica, &SnapshotShelf) -> std::result::Result<T, Failure> + Send + 'static,
    ) -> std::result::Result<T, AnyError> {
        let (replica, shelf) = (Arc::clone(&self.replica), Arc::clone(&self.shelf));
        match spawn_blocking(move || work(&replica, &shelf)).await {
            Ok(result) => result.map_err(|failure| AnyError::new(&failure)),
            Err(error) => Err(AnyError::new(&error)),
        }
    }
}

impl RaftStateMachine<Group> for Machine {
    type SnapshotBuilder = Self;

    async fn applied_state(&mut self) -> Result<(Option<LogId<Voter>>, StoredMembership<Voter, EmptyNode>)> {
        let position = self.replica.position().clone();
        Ok((position.log_id, position.membership))
    }

    async fn apply<I>(&mut self, entries: I) -> Result<Vec<Outcomes>>
    where
        I: IntoIterator<Item = Entry<Group>> + Send,
        I::IntoIter: Send,
    {
        let entries: Vec<Entry<Group>> = entries.into_iter().collect();
        self.run(move |replica, _| replica.apply(&entries))
            .await
            .map_err(|error| StorageIOError::write_state_machine(error).into())
    }

    async fn get_snapshot_builder(&mut self) -> Self {
        self.clone()
    }

    async fn begin_receiving_snapshot(&mut self) -> Result<Box<SnapshotFolder>> {
        self.run(|replica, shelf| shelf.receive(replica.database()))
            .await
            .map(Box::new)
            .map_err(|error| StorageIOError::write_snapshot(None, error).into())
    }

    async fn install_snapshot(
        &mut self,
        meta: &SnapshotMeta<Voter, EmptyNode>,
        snapshot: Box<SnapshotFolder>,
    ) -> Result<()> {
        let meta = meta.clone();
        let signature = meta.signature();
        self.run(move |replica, shelf| install(replica, shelf, &meta, &snapshot))
            .await
            .map_err(|error| StorageIOError::write_snapshot(Some(signature), error).into())
    }

    async fn get_current_snapshot(&mut self) -> Result<Option<Snapshot<Group>>> {
        self.run(|replica, shelf| shelf.current(replica.database()))
            .await
            .map_err(|error| StorageIOError::read_snapshot(None, error).into())
    }
}

impl openraft::RaftSnapshotBuilder<Group> for Machine {
    async fn build_snapshot(&mut self) -> Result<Snapshot<Group>> {
        self.run(|replica, shelf| shelf.build(replica.database()))
            .await
            .map_err(|error| StorageIOError::write_snapshot(None, error).into())
    }
}
