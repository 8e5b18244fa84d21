//! Damaged copies, kept aside for whoever wants to know what the disk did to them.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::error::StoreError;
use super::gauges::Gauges;
use super::key::ChunkKey;
use super::row::Location;
use super::segment::{SegmentFault, Segments};
use crate::limit::QUARANTINE_FILES_MAX;

/// The folder of damaged copies. What is in it is never read again by the store, and may be removed at any time.
#[derive(Debug)]
pub(super) struct Quarantine {
    folder: PathBuf,
    gauges: Arc<Gauges>,
}

impl Quarantine {
    pub(super) fn open(folder: PathBuf, gauges: Arc<Gauges>) -> Result<Self, StoreError> {
        std::fs::create_dir_all(&folder).map_err(StoreError::io("create", &folder))?;
        Ok(Self { folder, gauges })
    }

    /// Counts a damaged copy, and keeps its bytes as far as they can be read and there is room.
    ///
    /// Failing is no reason to go on counting the copy as held, so this only reports.
    pub(super) fn keep(&self, segments: &Segments, key: &ChunkKey, location: &Location) {
        self.gauges.quarantined.fetch_add(1, Ordering::Relaxed);
        let outcome = match segments.read_raw(key.id, location) {
            Ok(bytes) if self.has_room() => {
                let path = self.folder.join(format!("{}-{}.record", key.id.to_hex(), key.space.to_hex()));
                std::fs::write(&path, &bytes).map_err(StoreError::io("write", &path))
            }
            Ok(_) | Err(SegmentFault::Gone | SegmentFault::Damaged(_)) => Ok(()),
            Err(SegmentFault::Store(error)) => Err(error),
        };
        match outcome {
            Ok(()) => {
                tracing::warn!(chunk = %key.id, space = %key.space, "quarantined a damaged copy")
            }
            Err(error) => {
                tracing::warn!(chunk = %key.id, space = %key.space, %error, "dropped a damaged copy")
            }
        }
    }

    fn has_room(&self) -> bool {
        std::fs::read_dir(&self.folder).is_ok_and(|entries| entries.count() < QUARANTINE_FILES_MAX)
    }
}
