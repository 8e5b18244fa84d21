//! The mark of a store whose last write ended in an unknown state, or whose disk gives nothing any more.
//!
//! After a failed fsync the system may have dropped the dirty pages and will report success next time (Rebello et al.,
//! "Can Applications Recover from fsync Failures?", ATC 2020). So there is no retry: the store answers nothing more,
//! the node stops, and the next start reads what is really on the disk. A disk of which nothing can be read (`probe`) would cost
//! every copy its row, one after the other; it may be a cable, so the node stops before that, too, and what it holds stays its.

use std::sync::Arc;

use tokio::sync::watch;

use super::error::StoreError;

/// Shared by the writer, which sets it, and everyone who asks the store for something. It is never taken back.
#[derive(Debug)]
pub(super) struct Poison(watch::Sender<Option<Arc<str>>>);

impl Poison {
    pub(super) fn new() -> Self {
        Self(watch::Sender::new(None))
    }

    /// Marks the store, keeping the first reason.
    pub(super) fn set(&self, reason: &str) {
        self.0.send_if_modified(|mark| {
            let first = mark.is_none();
            mark.get_or_insert_with(|| reason.into());
            first
        });
    }

    /// Fails once the store is marked.
    pub(super) fn test(&self) -> Result<(), StoreError> {
        match &*self.0.borrow() {
            None => Ok(()),
            Some(reason) => Err(StoreError::Poisoned { reason: Arc::clone(reason) }),
        }
    }

    /// Waits until the store is marked.
    pub(super) async fn wait(&self) -> Arc<str> {
        let mut marked = self.0.subscribe();
        loop {
            if let Some(reason) = &*marked.borrow_and_update() {
                return Arc::clone(reason);
            }
            if marked.changed().await.is_err() {
                // The sender lives in `self`, so this is never reached; pending is the honest answer.
                std::future::pending::<()>().await;
            }
        }
    }
}
