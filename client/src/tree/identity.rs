//! By what a file is recognised without reading it.

use rustix::fs::Stat;

/// What the disk says of a file. While it says the same, the content is the same: every change of content or permissions
/// changes `ctime_ns`, which no program can set back; but for two changes in one tick of its clock, which whoever relies on the
/// first one [outlasts](super::Place::outlast).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Identity {
    /// The disk's number, which may change with each start of the machine: not compared.
    pub device: u64,
    /// The file's number on its disk.
    pub inode: u64,
    /// Bytes of content.
    pub bytes: u64,
    /// When the content was changed, in nanoseconds since 1970-01-01 UTC, as programs may set it.
    pub mtime_ns: i64,
    /// When content, permissions or place were changed, in nanoseconds since 1970-01-01 UTC, by the system's clock.
    pub ctime_ns: i64,
}

impl Identity {
    /// What `stat` says.
    #[must_use]
    pub fn of(stat: &Stat) -> Self {
        Self {
            device: stat.st_dev,
            inode: stat.st_ino,
            bytes: stat.st_size.cast_unsigned(),
            mtime_ns: nanoseconds(stat.st_mtime, i64::try_from(stat.st_mtime_nsec)),
            ctime_ns: nanoseconds(stat.st_ctime, i64::try_from(stat.st_ctime_nsec)),
        }
    }

    /// Whether this is the same file, unchanged.
    #[must_use]
    pub fn is_unchanged(&self, since: &Self) -> bool {
        self.is_unchanged_but_moved(since) && self.ctime_ns == since.ctime_ns
    }

    /// Whether this is the same file with the same content, as far as can be told after a rename, which sets `ctime_ns`.
    #[must_use]
    pub fn is_unchanged_but_moved(&self, since: &Self) -> bool {
        self.inode == since.inode && self.bytes == since.bytes && self.mtime_ns == since.mtime_ns
    }
}

fn nanoseconds<E>(seconds: i64, nanoseconds: Result<i64, E>) -> i64 {
    // A disk that shows more than a second's nanoseconds shows none.
    seconds.saturating_mul(1_000_000_000).saturating_add(nanoseconds.unwrap_or_default())
}
