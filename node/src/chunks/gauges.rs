//! Totals that anybody may read at any time, written by the writer alone.

use std::sync::atomic::{AtomicU64, Ordering};

use super::ledger::Ledger;

/// The store's totals, each correct by itself.
#[derive(Debug, Default)]
pub(super) struct Gauges {
    pub(super) chunks: AtomicU64,
    pub(super) object_bytes: AtomicU64,
    pub(super) segment_bytes: AtomicU64,
    pub(super) quarantined: AtomicU64,
    pub(super) groups: AtomicU64,
}

impl Gauges {
    /// Shows what the ledger says.
    pub(super) fn publish(&self, ledger: &Ledger) {
        self.chunks.store(ledger.head.chunks, Ordering::Relaxed);
        self.object_bytes.store(ledger.head.object_bytes, Ordering::Relaxed);
        self.segment_bytes.store(ledger.written_bytes, Ordering::Relaxed);
    }
}
