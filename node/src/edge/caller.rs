//! A device on its connection, as each of its requests sees it.

use std::sync::Arc;

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
}

impl Caller {
    pub(super) fn new(admitted: Admitted, share: Share, stop: Stop) -> Self {
        let places = usize::try_from(DEVICE_FOLLOWS_MAX).unwrap_or(usize::MAX);
        Self { admitted, share, stop, follows: Arc::new(Semaphore::new(places)) }
    }

    /// A place among the connection's follows, kept until it is dropped.
    pub(super) fn follow(&self) -> Result<OwnedSemaphorePermit, Refusal> {
        Arc::clone(&self.follows).try_acquire_owned().map_err(|_| Refusal::Limit)
    }
}
