//! One writer for many proposers: concurrent proposals share a log entry, and so an fsync.
//!
//! While one entry is on its way to the disk, what arrives waits; then all of it is the next entry. A lone proposal
//! waits for nobody.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot, watch};
use tokio::time::timeout;

use super::command::{Applied, Batch, Command, Outcome};
use super::error::Failure;
use super::orderer::{Orderer, Stopped};
use super::proposal::ProposeError;
use crate::limit::{
    PROPOSAL_GROUP_BYTES_MAX, PROPOSAL_GROUP_MAX, PROPOSAL_SECONDS_MAX, PROPOSALS_BYTES_MAX, PROPOSALS_QUEUED_MAX,
};

/// The end that proposals go in. Cheap to clone; the writer ends when the last clone is gone.
#[derive(Debug, Clone)]
pub(super) struct Proposer {
    queue: mpsc::Sender<Pending>,
    room: Arc<Semaphore>,
    failed: watch::Receiver<Option<Failure>>,
}

#[derive(Debug)]
struct Pending {
    command: Command,
    answer: oneshot::Sender<Outcome>,
    room: OwnedSemaphorePermit,
}

impl Proposer {
    /// A proposer, and the writer that must run beside it.
    pub(super) fn new(
        orderer: Orderer,
        failed: watch::Receiver<Option<Failure>>,
    ) -> (Self, impl Future<Output = ()> + Send) {
        let (queue, pending) = mpsc::channel(PROPOSALS_QUEUED_MAX);
        let proposer = Self { queue, room: Arc::new(Semaphore::new(PROPOSALS_BYTES_MAX)), failed };
        (proposer, write(orderer, pending))
    }

    /// Proposes one command, and waits until it has been committed and applied here.
    pub(super) async fn propose(&self, command: Command) -> Result<Applied, ProposeError> {
        let limit = Duration::from_secs(PROPOSAL_SECONDS_MAX);
        match timeout(limit, self.ordered(command)).await {
            Ok(Some(Ok(applied))) => Ok(applied),
            Ok(Some(Err(refusal))) => Err(ProposeError::Refused(refusal)),
            Ok(None) | Err(_) => Err(self.unavailable()),
        }
    }

    async fn ordered(&self, command: Command) -> Option<Outcome> {
        let bytes = command.bytes().clamp(1, PROPOSALS_BYTES_MAX);
        let bytes = u32::try_from(bytes).ok()?;
        let room = Arc::clone(&self.room).acquire_many_owned(bytes).await.ok()?;
        let (answer, answered) = oneshot::channel();
        let pending = Pending { command, answer, room };
        self.queue.send(pending).await.ok()?;
        answered.await.ok()
    }

    fn unavailable(&self) -> ProposeError {
        match &*self.failed.borrow() {
            Some(failure) => ProposeError::Fatal(failure.clone()),
            None => ProposeError::Unavailable,
        }
    }
}

/// Orders what comes, until no proposer is left or the engine has stopped.
async fn write(orderer: Orderer, mut queue: mpsc::Receiver<Pending>) {
    let mut waiting = None;
    loop {
        let first = match waiting.take() {
            Some(pending) => pending,
            None => match queue.recv().await {
                Some(pending) => pending,
                None => return,
            },
        };
        let group = gather(first, &mut queue, &mut waiting);
        let (commands, answers): (Vec<_>, Vec<_>) =
            group.into_iter().map(|pending| (pending.command, (pending.answer, pending.room))).unzip();
        match orderer.order(Batch(commands)).await {
            Ok(Some(outcomes)) => {
                for ((answer, _room), outcome) in answers.into_iter().zip(outcomes.0) {
                    // Whoever asked may have gone; the command has had its effect all the same.
                    let _ = answer.send(outcome);
                }
            }
            // Dropping the answers tells each proposer that the group is not available.
            Ok(None) => {}
            Err(Stopped) => return,
        }
    }
}

/// The first proposal, and those that wait behind it, within bounds. One that does not fit is left for the next entry.
fn gather(first: Pending, queue: &mut mpsc::Receiver<Pending>, waiting: &mut Option<Pending>) -> Vec<Pending> {
    let mut bytes = first.command.bytes();
    let mut group = vec![first];
    while group.len() < PROPOSAL_GROUP_MAX
        && let Ok(pending) = queue.try_recv()
    {
        bytes = bytes.saturating_add(pending.command.bytes());
        if bytes > PROPOSAL_GROUP_BYTES_MAX {
            *waiting = Some(pending);
            break;
        }
        group.push(pending);
    }
    group
}
