//! The one thread that changes the store.
//!
//! It takes whatever requests wait, stages them in their order as one group, makes the group durable (bodies, then rows),
//! and only then answers. While it waits for the disk the next requests gather, so the group grows with the load and no
//! timer is needed. Being alone, it is also the lock: a stamp that `have` raised cannot be passed by a sweep that
//! compared an older one, because comparing and dropping is one step of this thread.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use tokio::sync::mpsc;

use super::disk::DiskLimits;
use super::error::{StoreError, is_full};
use super::gauges::Gauges;
use super::group::{Group, Staged};
use super::index::Index;
use super::ledger::Ledger;
use super::poison::Poison;
use super::quarantine::Quarantine;
use super::reclaim::Reclaim;
use super::row::SegmentNumber;
use super::segment::{OpenSegment, Segments};
use super::stage::{Request, Stage};
use crate::limit::{GROUP_BYTES_MAX, WRITER_REQUESTS_MAX};

/// The writer's state; it lives on its thread.
pub(super) struct Writer {
    pub(super) root: PathBuf,
    pub(super) index: Arc<Index>,
    pub(super) segments: Arc<Segments>,
    pub(super) quarantine: Quarantine,
    pub(super) ledger: Ledger,
    pub(super) open: OpenSegment,
    pub(super) reclaim: Reclaim,
    /// Segments whose files are gone, and whose rows go with the next group.
    pub(super) removed: Vec<SegmentNumber>,
    pub(super) limits: DiskLimits,
    pub(super) segment_bytes: u64,
    pub(super) poison: Arc<Poison>,
    pub(super) gauges: Arc<Gauges>,
}

impl Writer {
    /// Serves requests until every sender is gone.
    pub(super) fn run(mut self, mut requests: mpsc::Receiver<Request>) {
        self.gauges.publish(&self.ledger);
        let _guard = PanicGuard(Arc::clone(&self.poison));
        let mut waiting = Vec::with_capacity(WRITER_REQUESTS_MAX);
        while let Some(first) = requests.blocking_recv() {
            let mut bytes = first.bytes();
            waiting.push(first);
            while bytes < GROUP_BYTES_MAX && waiting.len() < WRITER_REQUESTS_MAX {
                let Ok(next) = requests.try_recv() else { break };
                bytes = bytes.saturating_add(next.bytes());
                waiting.push(next);
            }
            self.serve(&mut waiting);
        }
    }

    fn serve(&mut self, waiting: &mut Vec<Request>) {
        let begun = self.poison.test().and_then(|()| self.begin_segment_if_full());
        let (answers, committed) = match begun {
            Err(error) => (waiting.drain(..).map(Request::refuse).collect::<Vec<_>>(), Err(error)),
            Ok(()) => {
                let mut group = Group::new(&self.index, &self.ledger, self.open.number());
                for number in self.removed.drain(..) {
                    group.forget_segment(number);
                }
                let mut stage = Stage {
                    root: &self.root,
                    limits: self.limits,
                    segments: &self.segments,
                    quarantine: &self.quarantine,
                    reclaim: &mut self.reclaim,
                    disk: None,
                };
                let answers: Vec<_> = waiting.drain(..).map(|request| stage.answer(&mut group, request)).collect();
                group.end_block();
                let staged = group.finish();
                (answers, self.commit(staged))
            }
        };
        if committed.is_err() {
            self.reclaim.restart();
        }
        for answer in answers {
            answer(&committed);
        }
    }

    /// Begins the next segment between groups, so that a group never spans two.
    fn begin_segment_if_full(&mut self) -> Result<(), StoreError> {
        let tail = self.ledger.head.tail;
        if tail.offset >= self.segment_bytes && self.open.number() == tail.segment {
            let next = SegmentNumber(tail.segment.0.saturating_add(1));
            self.open = self.segments.append_to(next).map_err(|error| match self.full_or(error) {
                full @ StoreError::DiskFull { .. } => full,
                error => self.poisoned(error),
            })?;
        }
        Ok(())
    }

    /// Bodies first, then rows; each durable before the next step.
    fn commit(&mut self, staged: Staged) -> Result<(), StoreError> {
        if staged.is_empty() {
            return Ok(());
        }
        if !staged.records.is_empty() {
            if let Err(error) = self.open.write(staged.start.offset, &staged.records) {
                return Err(self.write_failed(&staged, error));
            }
            self.open.sync().map_err(|error| self.poisoned(StoreError::io("sync", self.open.path())(error)))?;
        }
        self.index.commit(&staged.changes()).map_err(|error| self.poisoned(error))?;
        for number in staged.enter(&mut self.ledger) {
            // The index has it as emptied; if removing fails, the next start tries again.
            match self.segments.remove(number) {
                Ok(()) => self.removed.push(number),
                Err(error) => {
                    tracing::warn!(%error, "an emptied segment stays until the next start")
                }
            }
        }
        self.gauges.groups.fetch_add(1, Ordering::Relaxed);
        self.gauges.publish(&self.ledger);
        Ok(())
    }

    /// A full disk costs only this group, whose records lie after the tail; any other failure poisons.
    fn write_failed(&self, staged: &Staged, error: std::io::Error) -> StoreError {
        if !is_full(&error) {
            return self.poisoned(StoreError::io("write", self.open.path())(error));
        }
        if let Err(error) = self.open.truncate(staged.start.offset) {
            tracing::warn!(%error, "a torn write stays until it is written over");
        }
        StoreError::DiskFull { path: self.root.clone(), cause: error.to_string().into() }
    }

    fn full_or(&self, error: StoreError) -> StoreError {
        match error {
            StoreError::Io { source, .. } if is_full(&source) => {
                StoreError::DiskFull { path: self.root.clone(), cause: source.to_string().into() }
            }
            other => other,
        }
    }

    fn poisoned(&self, error: StoreError) -> StoreError {
        let reason = error.to_string();
        tracing::error!(reason, "the chunk store is poisoned");
        self.poison.set(&reason);
        StoreError::Poisoned { reason: reason.into() }
    }
}

/// Poisons the store if its writer ends by a panic: a bug, after which nothing in memory can be trusted.
struct PanicGuard(Arc<Poison>);

impl Drop for PanicGuard {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.set("the writer ended by a bug");
        }
    }
}
