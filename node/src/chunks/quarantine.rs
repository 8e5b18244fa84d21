//! Damaged copies, kept aside for whoever wants to know what the disk did to them.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::error::{Corrupt, StoreError};
use super::gauges::Gauges;
use super::key::ChunkKey;
use super::row::Location;
use super::segment::{SegmentFault, Segments};
use crate::durable_file::{self, Readers};
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

    /// Counts a damaged copy, and keeps its bytes, durably, as far as they can be read and there is room; says which.
    ///
    /// Failing is no reason to go on counting the copy as held, so this only reports.
    pub(super) fn keep(&self, segments: &Segments, key: &ChunkKey, location: &Location, cause: &Corrupt) {
        self.gauges.quarantined.fetch_add(1, Ordering::Relaxed);
        match self.keep_bytes(segments, key, location, cause) {
            Ok(path) => {
                let file = path.display();
                tracing::warn!(chunk = %key.id, space = %key.space, %cause, %file, "set a damaged copy aside");
            }
            Err(why) => {
                let segment = location.segment.0;
                tracing::warn!(
                    chunk = %key.id, space = %key.space, %cause, segment, offset = location.offset, why,
                    "a damaged copy no longer counts, and its bytes are not kept"
                );
            }
        }
    }

    /// The file that holds the bytes now, or why there is none. Each place of the store has a name of its own: of a chunk that is
    /// damaged twice, both copies are kept.
    fn keep_bytes(
        &self,
        segments: &Segments,
        key: &ChunkKey,
        location: &Location,
        cause: &Corrupt,
    ) -> Result<PathBuf, String> {
        if matches!(cause, Corrupt::Unreadable { .. }) {
            // A disk may take half a minute to fail again, and all writes would wait.
            return Err("it cannot be read".to_owned());
        }
        if !self.has_room() {
            return Err(format!("{QUARANTINE_FILES_MAX} files are in quarantine"));
        }
        let bytes = segments.read_raw(key.id, location).map_err(|fault| match fault {
            SegmentFault::Gone => "the segment is gone".to_owned(),
            SegmentFault::Damaged(cause) => cause.to_string(),
            SegmentFault::Store(error) => error.to_string(),
        })?;
        let (id, space) = (key.id.to_hex(), key.space.to_hex());
        let name = format!("{id}-{space}-{:010}-{}.record", location.segment.0, location.offset);
        let path = self.folder.join(name);
        durable_file::replace(&path, &bytes, Readers::Everyone).map_err(|error| error.to_string())?;
        Ok(path)
    }

    fn has_room(&self) -> bool {
        std::fs::read_dir(&self.folder).is_ok_and(|entries| entries.count() < QUARANTINE_FILES_MAX)
    }
}

#[cfg(test)]
mod tests {
    use vauban_protocol::id::{ChunkId, SpaceId};

    use super::*;
    use crate::chunks::block::DiskAccess;
    use crate::chunks::row::SegmentNumber;

    #[test]
    fn what_is_not_kept_is_not_said_to_be() {
        let root = tempfile::tempdir().unwrap();
        let folder = root.path().join("quarantine");
        let segments = Segments::open(root.path().join("segments"), DiskAccess::Cached).unwrap();
        let quarantine = Quarantine::open(folder.clone(), Arc::default()).unwrap();
        let key = ChunkKey { id: ChunkId([1; 32]), space: SpaceId([2; 16]) };
        let location = Location { segment: SegmentNumber(1), offset: 0, object_bytes: 8 };
        let kept = |cause: &Corrupt| quarantine.keep_bytes(&segments, &key, &location, cause);
        let damaged = Corrupt::Header { id: key.id };
        assert!(kept(&damaged).is_err(), "there is no segment");
        let record = vec![7u8; usize::try_from(location.record_bytes()).unwrap()];
        std::fs::write(segments.path(location.segment), &record).unwrap();
        assert!(kept(&Corrupt::Unreadable { id: key.id, cause: "bad".into() }).is_err());
        assert_eq!(std::fs::read(kept(&damaged).unwrap()).unwrap(), record);
        for number in 1..QUARANTINE_FILES_MAX {
            std::fs::write(folder.join(number.to_string()), b"").unwrap();
        }
        assert!(kept(&damaged).is_err(), "there is no room");
    }
}
