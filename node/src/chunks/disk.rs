//! How full the disk may get: the last percents are kept for repair, and the very last for RocksDB and the system.

use std::path::Path;

use serde::{Deserialize, Serialize};

use super::error::StoreError;
use crate::limit::{DISK_RECLAIM_PERCENT_MAX, DISK_REPAIR_PERCENT_MAX, DISK_UPLOAD_PERCENT_MAX};

/// Why chunks are written, which decides how full the disk may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// A client stores something new.
    Upload,
    /// A missing copy is re-created.
    Repair,
}

/// Shares of the disk, in percent, above which chunks are refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DiskLimits {
    /// For [`Purpose::Upload`].
    pub upload_percent: u8,
    /// For [`Purpose::Repair`].
    pub repair_percent: u8,
}

/// What a disk still takes, by its limits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fill {
    /// Whatever comes.
    #[default]
    Roomy,
    /// Only what repair brings.
    RepairOnly,
    /// Nothing; what nobody needs is still deleted, and its space given back.
    Full,
}

impl DiskLimits {
    /// What a disk that is so full still takes.
    #[must_use]
    pub fn fill(self, disk: DiskUse) -> Fill {
        if disk.reaches(self.repair_percent) {
            Fill::Full
        } else if disk.reaches(self.upload_percent) {
            Fill::RepairOnly
        } else {
            Fill::Roomy
        }
    }
}

impl Default for DiskLimits {
    fn default() -> Self {
        Self { upload_percent: DISK_UPLOAD_PERCENT_MAX, repair_percent: DISK_REPAIR_PERCENT_MAX }
    }
}

/// How full a disk is, as far as this process may fill it: what is reserved for the system counts as absent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DiskUse {
    /// Bytes taken.
    pub used_bytes: u64,
    /// Bytes taken and free.
    pub total_bytes: u64,
}

impl DiskUse {
    /// Asks the system about the disk that holds `path`.
    ///
    /// # Errors
    /// [`StoreError::Io`] if it does not say.
    pub fn of(path: &Path) -> Result<Self, StoreError> {
        let stat = rustix::fs::statvfs(path).map_err(|e| StoreError::io("measure the disk of", path)(e.into()))?;
        let used = stat.f_blocks.saturating_sub(stat.f_bfree);
        Ok(Self {
            used_bytes: used.saturating_mul(stat.f_frsize),
            total_bytes: used.saturating_add(stat.f_bavail).saturating_mul(stat.f_frsize),
        })
    }

    /// Bytes free for this process.
    #[must_use]
    pub fn free_bytes(self) -> u64 {
        self.total_bytes.saturating_sub(self.used_bytes)
    }

    /// How full it is, in percent, rounded down.
    #[must_use]
    pub fn percent(self) -> u64 {
        self.used_bytes.saturating_mul(100).checked_div(self.total_bytes).unwrap_or(100)
    }

    /// Bytes that reclaiming may write before it has given anything back, when the group writes `taken` already.
    pub(super) fn room_to_reclaim(self, taken: u64) -> u64 {
        self.share(DISK_RECLAIM_PERCENT_MAX).saturating_sub(self.used_bytes).saturating_sub(taken)
    }

    /// So many hundredths of it.
    #[must_use]
    pub fn share(self, percent: u8) -> u64 {
        (self.total_bytes / 100).saturating_mul(percent.into())
    }

    fn reaches(self, percent: u8) -> bool {
        u128::from(self.used_bytes) * 100 >= u128::from(self.total_bytes) * u128::from(percent)
    }

    /// Whether `bytes` more stay within what `limits` allow for `purpose`; the cause if not.
    pub(super) fn admit(self, limits: DiskLimits, purpose: Purpose, bytes: u64) -> Result<(), String> {
        let percent = match purpose {
            Purpose::Upload => limits.upload_percent,
            Purpose::Repair => limits.repair_percent,
        };
        let used = u128::from(self.used_bytes) + u128::from(bytes);
        if used * 100 <= u128::from(self.total_bytes) * u128::from(percent) {
            return Ok(());
        }
        let kept_for = match purpose {
            Purpose::Upload => "the rest is kept for repair",
            Purpose::Repair => "the rest is kept for the node itself",
        };
        Err(format!("{percent} % of {} MiB may be used, {kept_for}", self.total_bytes >> 20))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_percents_are_for_repair() {
        let limits = DiskLimits { upload_percent: 90, repair_percent: 97 };
        let at = |used_bytes| DiskUse { used_bytes, total_bytes: 1000 };
        assert!(at(890).admit(limits, Purpose::Upload, 10).is_ok());
        assert!(at(890).admit(limits, Purpose::Upload, 11).is_err());
        assert!(at(900).admit(limits, Purpose::Repair, 70).is_ok());
        assert!(at(970).admit(limits, Purpose::Repair, 1).is_err());
        assert_eq!(
            [899, 900, 969, 970].map(|used| limits.fill(at(used))),
            [Fill::Roomy, Fill::RepairOnly, Fill::RepairOnly, Fill::Full]
        );
        assert_eq!(limits.fill(DiskUse { used_bytes: 0, total_bytes: 0 }), Fill::Full, "nothing is known of it");
    }

    #[test]
    fn reclaiming_may_go_on_where_nothing_else_writes() {
        let disk = DiskUse { used_bytes: 975, total_bytes: 1000 };
        assert_eq!((disk.room_to_reclaim(0), disk.room_to_reclaim(5), disk.room_to_reclaim(16)), (15, 10, 0));
    }
}
