//! How each job is, for operators.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::Verified;

/// What a job does now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum JobState {
    /// It waits until there is something to do.
    #[default]
    Idle,
    /// It is at work.
    Working,
    /// It must not go on for now, and does by itself once it may: the log says why.
    HeldBack,
    /// An operator has halted it.
    Paused,
    /// Its last unit failed, and will be tried again.
    Failing,
}

/// A job, as it stands.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct JobStatus {
    /// What it does now.
    pub state: JobState,
    /// Chunks looked at since the node was started.
    pub seen: u64,
    /// Chunks fetched, set aside or deleted since then.
    pub changed: u64,
    /// Bytes read or written since then.
    pub bytes: u64,
    /// Passes over everything that were ended since then.
    pub passes: u64,
    /// Chunks that the last pass found wanting and could do nothing about.
    pub wanting: u64,
    /// Those of them that no node has.
    pub lost: u64,
    /// Copies that must be here and are not, as far as it has looked; none if that is not what it looks at, or before it has.
    pub owed: Option<u64>,
    /// What it has verified, if that is what it does.
    pub verified: Option<Verified>,
    /// Why the last unit failed, if it did.
    pub failure: Option<String>,
}

/// The status of all jobs, by name. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Board(Arc<Mutex<BTreeMap<&'static str, JobStatus>>>);

impl Board {
    /// Of each, by name.
    #[must_use]
    pub fn all(&self) -> BTreeMap<&'static str, JobStatus> {
        self.lock().clone()
    }

    pub(super) fn change(&self, job: &'static str, change: impl FnOnce(&mut JobStatus)) {
        change(self.lock().entry(job).or_default());
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<&'static str, JobStatus>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
