//! A device on its connection, as each of its requests sees it.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use vauban_protocol::wire::Refusal;

use crate::edge::handshake::Admitted;
use crate::edge::memory::Share;
use crate::edge::stop::Stop;
use crate::limit::DEVICE_FOLLOWS_MAX;

/// Who asks, and what its connection may still take.
#[derive(Debug, Clone)]
pub(super) struct Caller {
    /// Who.
    pub(super) admitted: Admitted,
    /// The connection's memory for bodies.
    pub(super) share: Share,
    /// The node stops: whoever follows is let go at once.
    pub(super) stop: Stop,
    follows: Arc<Semaphore>,
    working: Working,
}

/// How many of a connection's requests have no answer yet.
#[derive(Debug, Clone, Default)]
pub(super) struct Working(Arc<AtomicUsize>);

/// One of them.
pub(super) struct AtWork(Working);

impl Working {
    /// Counts one until the guard is dropped.
    pub(super) fn begin(&self) -> AtWork {
        self.0.fetch_add(1, Ordering::AcqRel);
        AtWork(self.clone())
    }

    /// Whether each has its answer.
    pub(super) fn is_done(&self) -> bool {
        self.0.load(Ordering::Acquire) == 0
    }
}

impl Drop for AtWork {
    fn drop(&mut self) {
        self.0.0.fetch_sub(1, Ordering::AcqRel);
    }
}

impl Caller {
    pub(super) fn new(admitted: Admitted, share: Share, stop: Stop) -> Self {
        let places = usize::try_from(DEVICE_FOLLOWS_MAX).unwrap_or(usize::MAX);
        Self { admitted, share, stop, follows: Arc::new(Semaphore::new(places)), working: Working::default() }
    }

    /// Its requests that have no answer yet.
    pub(super) fn working(&self) -> &Working {
        &self.working
    }

    /// A place among the connection's follows, kept until it is dropped.
    pub(super) fn follow(&self) -> Result<OwnedSemaphorePermit, Refusal> {
        Arc::clone(&self.follows).try_acquire_owned().map_err(|_| Refusal::Limit)
    }
}
