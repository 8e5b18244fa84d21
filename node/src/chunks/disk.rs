//! How full the disk may get: the last percents are kept for repair, and the very last for RocksDB and the system.

use std::path::Path;

use super::error::StoreError;
use crate::limit::{DISK_REPAIR_PERCENT_MAX, DISK_UPLOAD_PERCENT_MAX};

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
    }
}
