//! What clients may make the node hold in memory, in bytes, whatever they do.
//!
//! Two budgets. **Bodies**: a request reserves its body's bytes before the first is read, an answer before the first is
//! fetched, and keeps them until the peer has the last one. **Windows**: what QUIC takes in before any request reads it;
//! a connection's window is drawn from it when the device is admitted, wide while there is plenty.
//! Waiting is bounded, and one connection never takes all.

use std::sync::Arc;
use std::time::Duration;

use prometheus::IntGauge;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::limit::{MEMORY_CONNECTION_BYTES, WINDOW_HELLO_BYTES, WINDOW_NARROW_BYTES, WINDOW_WIDE_BYTES};

/// The node's memory for clients.
#[derive(Debug, Clone)]
pub(super) struct Memory {
    bodies: Arc<Semaphore>,
    bodies_bytes: usize,
    held: IntGauge,
    windows: Arc<Semaphore>,
    patience: Duration,
}

/// One connection's share of the memory for bodies.
#[derive(Debug, Clone)]
pub(super) struct Share {
    node: Arc<Semaphore>,
    connection: Arc<Semaphore>,
    held: IntGauge,
    patience: Duration,
}

/// Bytes reserved for one body.
#[derive(Debug)]
pub(super) struct Reservation {
    node: OwnedSemaphorePermit,
    connection: OwnedSemaphorePermit,
    bytes: u32,
    held: IntGauge,
}

/// The receive window granted to one connection, given back when the connection ends.
#[derive(Debug)]
pub(super) struct Window {
    bytes: u32,
    _granted: Option<OwnedSemaphorePermit>,
}

/// The memory did not come free in time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("no memory came free in time")]
pub(super) struct Busy;

impl Memory {
    /// `bodies_bytes` for bodies, for which a request waits `patience` at most, and `windows_bytes` for windows. The
    /// gauge says how many bytes of bodies are `held`.
    pub(super) fn new(bodies_bytes: usize, windows_bytes: usize, patience: Duration, held: IntGauge) -> Self {
        Self {
            held,
            bodies: Arc::new(Semaphore::new(bodies_bytes)),
            bodies_bytes,
            windows: Arc::new(Semaphore::new(windows_bytes)),
            patience,
        }
    }

    /// The share of a new connection.
    pub(super) fn share(&self) -> Share {
        let connection = MEMORY_CONNECTION_BYTES.min(self.bodies_bytes);
        Share {
            node: Arc::clone(&self.bodies),
            connection: Arc::new(Semaphore::new(connection)),
            held: self.held.clone(),
            patience: self.patience,
        }
    }

    /// The widest window that there is memory for. A wide one is granted only while the rest stays above it, so that the
    /// first clients leave something; the last ones keep the window of a hello.
    pub(super) fn window(&self) -> Window {
        let free = self.windows.available_permits();
        let wanted = if free >= 2 * WINDOW_WIDE_BYTES { WINDOW_WIDE_BYTES } else { WINDOW_NARROW_BYTES };
        let granted =
            u32::try_from(wanted).ok().and_then(|bytes| Arc::clone(&self.windows).try_acquire_many_owned(bytes).ok());
        let bytes =
            granted.as_ref().and_then(|permit| u32::try_from(permit.num_permits()).ok()).unwrap_or(WINDOW_HELLO_BYTES);
        Window { bytes, _granted: granted }
    }
}

impl Share {
    /// Reserves `bytes`, first of the connection's share, then of the node's; so a greedy device waits for itself.
    pub(super) async fn reserve(&self, bytes: usize) -> Result<Reservation, Busy> {
        let bytes = u32::try_from(bytes).map_err(|_| Busy)?;
        let acquire = async {
            let connection = Arc::clone(&self.connection).acquire_many_owned(bytes).await;
            let node = Arc::clone(&self.node).acquire_many_owned(bytes).await;
            let (connection, node) = (connection.map_err(|_| Busy)?, node.map_err(|_| Busy)?);
            let held = self.held.clone();
            held.add(i64::from(bytes));
            Ok(Reservation { node, connection, bytes, held })
        };
        tokio::time::timeout(self.patience, acquire).await.unwrap_or(Err(Busy))
    }
}

impl Reservation {
    /// Gives back what turned out not to be needed: a list is reserved for by its bound, and read only then.
    pub(super) fn shrink_to(&mut self, bytes: usize) {
        let surplus = self.bytes.saturating_sub(u32::try_from(bytes).unwrap_or(u32::MAX));
        let permits = usize::try_from(surplus).unwrap_or_default();
        drop((self.node.split(permits), self.connection.split(permits)));
        self.held.sub(i64::from(surplus));
        self.bytes = self.bytes.saturating_sub(surplus);
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        self.held.sub(i64::from(self.bytes));
    }
}

impl Window {
    /// Bytes of it.
    pub(super) fn bytes(&self) -> u32 {
        self.bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: usize = 1024 * 1024;

    fn memory(bodies_bytes: usize, windows_bytes: usize) -> Memory {
        let held = IntGauge::new("held", "Bytes").unwrap();
        Memory::new(bodies_bytes, windows_bytes, Duration::from_millis(20), held)
    }

    #[tokio::test]
    async fn a_body_waits_for_memory_and_gives_it_back() {
        let memory = memory(10 * MIB, 0);
        let share = memory.share();
        let first = share.reserve(8 * MIB).await.unwrap();
        assert_eq!(memory.held.get(), 8 * 1024 * 1024);
        assert_eq!(share.reserve(4 * MIB).await.unwrap_err(), Busy);
        drop(first);
        let second = share.reserve(4 * MIB).await.unwrap();
        drop(second);
        assert_eq!(memory.held.get(), 0);
    }

    #[tokio::test]
    async fn what_is_not_needed_is_given_back() {
        let memory = memory(10 * MIB, 0);
        let share = memory.share();
        let mut first = share.reserve(8 * MIB).await.unwrap();
        first.shrink_to(9 * MIB);
        assert_eq!(share.reserve(4 * MIB).await.unwrap_err(), Busy, "nothing is given that was not held");
        first.shrink_to(MIB);
        assert_eq!(memory.held.get(), 1024 * 1024);
        let second = share.reserve(9 * MIB).await.unwrap();
        drop((first, second));
        assert_eq!(memory.held.get(), 0);
        assert!(share.reserve(10 * MIB).await.is_ok());
    }

    #[tokio::test]
    async fn one_connection_never_takes_all() {
        let memory = memory(MEMORY_CONNECTION_BYTES + MIB, 0);
        let greedy = memory.share();
        let _all = greedy.reserve(MEMORY_CONNECTION_BYTES).await.unwrap();
        assert_eq!(greedy.reserve(1).await.unwrap_err(), Busy);
        assert!(memory.share().reserve(MIB).await.is_ok());
    }

    #[test]
    fn windows_narrow_as_memory_goes() {
        let memory = memory(0, 3 * WINDOW_WIDE_BYTES);
        let mut granted = Vec::new();
        let mut total = 0;
        loop {
            let window = memory.window();
            if window.bytes() == WINDOW_HELLO_BYTES {
                break;
            }
            total += window.bytes() as usize;
            granted.push(window);
        }
        assert!(total <= 3 * WINDOW_WIDE_BYTES);
        assert_eq!(granted[0].bytes() as usize, WINDOW_WIDE_BYTES);
        assert_eq!(granted.last().unwrap().bytes() as usize, WINDOW_NARROW_BYTES);
        granted.clear();
        assert_eq!(memory.window().bytes() as usize, WINDOW_WIDE_BYTES);
    }
}
