//! What a node does unasked: repair what is missing, re-hash what is there, sweep what nobody needs, back up its metadata.
//!
//! A [`Job`] does one bounded unit of work a call, so that each can be slowed down, paused and ended between any two; one
//! runner for all of them does that, and says how they are, in metrics and in [`JobStatus`].
//!
//! Invariants: a job that fails tries again later, and never ends the node: what is wrong with the storage itself, the store
//! says. Each reads the applied state anew for each unit.
//!
//! Deliberately absent: any authority. What may be deleted is the rule's word (`chunks::rule`), what must be held is the
//! layouts' (`placement`).

mod backup;
mod repair;
mod runner;
mod scrub;
mod scrubbed;
mod status;
mod sweep;
mod upkeep;

#[cfg(test)]
pub(crate) mod tests;

use std::future::Future;
use std::time::Duration;

use vauban_protocol::time::Timestamp;

use crate::chunks::StoreError;
use crate::metadata::{BackupError, Failure, ProposeError};

pub use backup::Backup;
pub use repair::Repair;
pub use runner::{Jobs, Throttle};
pub use scrub::Scrub;
pub use status::{Board, JobState, JobStatus};
pub use sweep::Sweep;
pub use upkeep::Upkeep;

/// Work that never ends, done in units.
pub trait Job: Send + 'static {
    /// Its name, in metrics and status.
    const NAME: &'static str;

    /// Whether there is something to do now. Asked often while there is not: must be cheap.
    fn is_due(&mut self) -> bool;

    /// Whether it does nothing for now although there may be something to do, as it has judged when it was asked last.
    fn is_held_back(&self) -> bool {
        false
    }

    /// What it has verified; none if that is not what it does.
    fn verified(&self) -> Option<Verified> {
        None
    }

    /// Copies that must be here and are not, as far as it has looked; none if that is not what it looks at, or before it has.
    fn owed(&self) -> Option<u64> {
        None
    }

    /// Does one unit.
    ///
    /// # Errors
    /// [`JobError`]; the runner tries again after a while.
    fn step(&mut self) -> impl Future<Output = Result<Step, JobError>> + Send;
}

/// How old the verification of what a node holds is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Verified {
    /// When the last whole pass began, by the node's clock: everything older was read since. None before a first one has ended.
    pub since: Option<Timestamp>,
    /// How often one is to begin.
    pub every: Duration,
}

/// What one unit came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Step {
    /// Chunks that were looked at.
    pub seen: u64,
    /// Chunks that were changed: fetched, set aside, deleted.
    pub changed: u64,
    /// Bytes that were read or written.
    pub bytes: u64,
    /// Chunks that this job finds wanting and can do nothing about now; set with the last unit of a pass.
    pub wanting: Option<u64>,
    /// Those of them that no node has; set as `wanting` is, by repair alone.
    pub lost: Option<u64>,
}

/// Why a unit of work was not done.
#[derive(Debug, thiserror::Error)]
pub enum JobError {
    /// The chunk store.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The applied state.
    #[error(transparent)]
    Metadata(#[from] Failure),
    /// The group.
    #[error(transparent)]
    Propose(#[from] ProposeError),
    /// A backup.
    #[error(transparent)]
    Backup(#[from] BackupError),
    /// The node is ending.
    #[error("the node stops")]
    Ending,
}
