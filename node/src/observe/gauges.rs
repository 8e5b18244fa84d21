//! Reads the node's parts into the metrics that are levels, at the moment somebody asks.

use vauban_protocol::time::Timestamp;

use crate::chunks::{Fill, StoreError, StoreStats};
use crate::metadata::View;
use crate::observe::Metrics;
use crate::observe::resident::resident_bytes;
use crate::reserve::Standing;

/// What the parts say now.
pub struct Reading<'a> {
    /// The chunk store.
    pub chunks: Result<StoreStats, StoreError>,
    /// The disk of the metadata, and their reserve.
    pub reserve: Standing,
    /// The applied state.
    pub view: &'a View,
    /// The end of the node's charter; none once it is revoked.
    pub charter_ends: Option<Timestamp>,
    /// The node's clock.
    pub now: Timestamp,
}

/// Sets the levels.
pub fn refresh(metrics: &Metrics, reading: &Reading<'_>) {
    let levels = &metrics.levels;
    match &reading.chunks {
        Ok(stats) => {
            levels.chunks.set(whole(stats.chunks));
            levels.chunk_bytes.set(whole(stats.object_bytes));
            levels.segment_bytes.set(whole(stats.segment_bytes));
            levels.chunks_quarantined.set(whole(stats.quarantined));
            levels.write_groups.set(whole(stats.groups));
            levels.disk_used_bytes.set(whole(stats.disk.used_bytes));
            levels.disk_total_bytes.set(whole(stats.disk.total_bytes));
            levels.disk_fill.set(match stats.fill {
                Fill::Roomy => 0,
                Fill::RepairOnly => 1,
                Fill::Full => 2,
            });
        }
        Err(error) => tracing::warn!(%error, "the chunk store does not say how it is"),
    }
    if let Some(disk) = reading.reserve.disk {
        levels.metadata_disk_used_bytes.set(whole(disk.used_bytes));
        levels.metadata_disk_total_bytes.set(whole(disk.total_bytes));
        levels.reserve_bytes.set(whole(reading.reserve.reserve_bytes));
    }
    levels.applied.set(whole(reading.view.applied()));
    levels.floor.set(whole(reading.view.floor()));
    let layouts = reading.view.layouts();
    levels.layout.set(whole(layouts.version()));
    levels.layout_waiting.set(whole(layouts.waiting().count() as u64));
    levels.layout_late.set(i64::from(layouts.is_late(reading.view.floor())));
    let tally = reading.view.tally();
    levels.rows_released.set(whole(tally.released));
    levels.rows_purged.set(whole(tally.purged));
    match reading.view.next_purge() {
        Ok(next) => {
            let time = reading.view.cluster_time().0;
            let since = next.map_or(0, |(_, since)| time.saturating_sub(since.0));
            levels.retention_oldest_seconds.set(whole(since));
            levels.purge_late_seconds.set(whole(next.map_or(0, |(due, _)| time.saturating_sub(due.0))));
        }
        Err(error) => tracing::warn!(%error, "the metadata do not say what is due"),
    }
    let now = whole(reading.now.0);
    levels.cluster_time_lag_seconds.set(now.saturating_sub(whole(reading.view.cluster_time().0)));
    let ends = reading.charter_ends.map_or(now, |ends| whole(ends.0));
    levels.charter_left_seconds.set(ends.saturating_sub(now).max(0));
    if let Some(bytes) = resident_bytes() {
        levels.resident_bytes.set(whole(bytes));
    }
}

fn whole(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}
