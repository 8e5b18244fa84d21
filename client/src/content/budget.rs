//! A bound on bytes that exist at once, shared by the threads that make them and the tasks that send them.

use std::sync::{Arc, Condvar, Mutex, PoisonError};

/// So many bytes, and no more, at once.
#[derive(Debug, Clone)]
pub struct ByteBudget(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    free: Mutex<usize>,
    freed: Condvar,
    total: usize,
}

/// Bytes taken out of a budget; dropped, they return.
#[derive(Debug)]
pub struct BytePermit {
    bytes: usize,
    budget: Arc<Inner>,
}

impl ByteBudget {
    /// A budget of `bytes`.
    #[must_use]
    pub fn new(bytes: usize) -> Self {
        Self(Arc::new(Inner { free: Mutex::new(bytes), freed: Condvar::new(), total: bytes }))
    }

    /// Takes `bytes`, waiting until others have returned enough. More than the whole budget counts as the whole.
    #[must_use]
    pub fn take(&self, bytes: usize) -> BytePermit {
        let bytes = bytes.min(self.0.total);
        let mut free = self.0.free.lock().unwrap_or_else(PoisonError::into_inner);
        while *free < bytes {
            free = self.0.freed.wait(free).unwrap_or_else(PoisonError::into_inner);
        }
        *free = free.saturating_sub(bytes);
        BytePermit { bytes, budget: Arc::clone(&self.0) }
    }
}

impl Drop for BytePermit {
    fn drop(&mut self) {
        let mut free = self.budget.free.lock().unwrap_or_else(PoisonError::into_inner);
        *free = free.saturating_add(self.bytes);
        drop(free);
        self.budget.freed.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takers_wait_for_what_others_return() {
        let budget = ByteBudget::new(10);
        let first = budget.take(8);
        let waiting = std::thread::spawn({
            let budget = budget.clone();
            move || budget.take(5).bytes
        });
        assert!(!waiting.is_finished());
        drop(first);
        assert_eq!(waiting.join().unwrap(), 5);
        assert_eq!(budget.take(100).bytes, 10, "one object that is larger than all is let pass alone");
    }
}
