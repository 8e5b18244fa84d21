//! The disk of this machine, by descriptors.

use std::fs::{self, File};
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rustix::fs::{
    AtFlags, Dir, FileType, Mode, OFlags, RenameFlags, Stat, Timespec, Timestamps, fstat, fsync, futimens, mkdirat,
    open, openat, readlinkat, renameat_with, statat, symlinkat, syncfs, unlinkat,
};
use rustix::io::Errno;

use super::disk::{Access, Disk, DiskFile, Listed, Look, Onto, Place};
use super::new_file::NewFile;
use super::{Identity, LocalKind};
use crate::limit::STAMP_TICK_MS_MAX;

/// How a folder is opened: to be walked, following nothing.
const FOLDER: OFlags = OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);
/// How a file is opened: without following, and without waiting if it turns out to be a pipe.
const FILE: OFlags = OFlags::RDONLY.union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC).union(OFlags::NONBLOCK);
/// How a file is created: only where nothing stands.
const NEW: OFlags = OFlags::WRONLY.union(OFlags::CREATE).union(OFlags::EXCL).union(OFlags::CLOEXEC);

/// What the kernel has mounted.
#[derive(Debug, Clone, Copy)]
pub struct ThisDisk;

impl Disk for ThisDisk {
    fn resolve(&self, path: &Path) -> io::Result<PathBuf> {
        fs::canonicalize(path)
    }

    fn open(&self, path: &Path) -> Result<Arc<dyn Place>, Errno> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        Ok(Arc::new(Descriptor(open(path, flags, Mode::empty())?)))
    }
}

/// A folder that is open.
#[derive(Debug)]
struct Descriptor(OwnedFd);

impl Place for Descriptor {
    fn names(&self) -> Result<Vec<Listed>, Errno> {
        // A descriptor of its own: a listing must not depend on how far another one has come.
        let mut names = Vec::new();
        for item in Dir::new(openat(&self.0, c".", FOLDER, Mode::empty())?)? {
            let item = item?;
            let name = item.file_name().to_bytes();
            if name == b"." || name == b".." {
                continue;
            }
            let is_folder = match item.file_type() {
                FileType::Unknown => None,
                other => Some(other == FileType::Directory),
            };
            names.push(Listed { name: name.to_vec(), is_folder, number: item.ino() });
        }
        Ok(names)
    }

    fn look_at(&self, name: &str) -> Result<Look, Errno> {
        Ok(look(&statat(&self.0, name, AtFlags::SYMLINK_NOFOLLOW)?))
    }

    fn outlast(&self, ctime_ns: i64) -> bool {
        outlast(ctime_ns)
    }

    fn look_at_itself(&self) -> Result<Look, Errno> {
        Ok(look(&fstat(&self.0)?))
    }

    fn open_folder(&self, name: &str) -> Result<Arc<dyn Place>, Errno> {
        Ok(Arc::new(Self(openat(&self.0, name, FOLDER, Mode::empty())?)))
    }

    fn open_file(&self, name: &str) -> Result<Box<dyn DiskFile>, Errno> {
        Ok(Box::new(File::from(openat(&self.0, name, FILE, Mode::empty())?)))
    }

    fn read_link(&self, name: &str) -> Result<Vec<u8>, Errno> {
        Ok(readlinkat(&self.0, name, Vec::new())?.into_bytes())
    }

    fn create_file(&self, name: &str, access: Access) -> Result<Box<dyn DiskFile>, Errno> {
        let owner = Mode::RUSR | Mode::WUSR;
        let all = owner | Mode::RGRP | Mode::WGRP | Mode::ROTH | Mode::WOTH;
        let mode = match access {
            Access::Owner => owner,
            Access::All => all,
            Access::AllAndExecute => all | Mode::XUSR | Mode::XGRP | Mode::XOTH,
        };
        Ok(Box::new(NewFile::new(openat(&self.0, name, NEW, mode)?.into())))
    }

    fn create_link(&self, name: &str, target: &[u8]) -> Result<(), Errno> {
        symlinkat(target, &self.0, name)
    }

    fn create_folder(&self, name: &str) -> Result<(), Errno> {
        mkdirat(&self.0, name, Mode::RWXU | Mode::RWXG | Mode::RWXO)
    }

    fn rename(&self, name: &str, target: &dyn Place, to: &str, onto: Onto) -> Result<(), Errno> {
        let target = target.descriptor().ok_or(Errno::XDEV)?;
        let flags = match onto {
            Onto::Nothing => RenameFlags::NOREPLACE,
            Onto::Exchange => RenameFlags::EXCHANGE,
        };
        renameat_with(&self.0, name, target, to, flags)
    }

    fn remove_file(&self, name: &str) -> Result<(), Errno> {
        unlinkat(&self.0, name, AtFlags::empty())
    }

    fn remove_folder(&self, name: &str) -> Result<(), Errno> {
        unlinkat(&self.0, name, AtFlags::REMOVEDIR)
    }

    fn flush(&self) -> Result<(), Errno> {
        fsync(&self.0)
    }

    fn flush_disk(&self) -> Result<(), Errno> {
        syncfs(&self.0)
    }

    fn descriptor(&self) -> Option<BorrowedFd<'_>> {
        Some(self.0.as_fd())
    }
}

impl DiskFile for File {
    fn look(&self) -> Result<Look, Errno> {
        Ok(look(&fstat(self)?))
    }

    fn outlast(&self, ctime_ns: i64) -> bool {
        outlast(ctime_ns)
    }

    fn set_mtime(&self, mtime_ns: i64) -> Result<(), Errno> {
        let time = Timespec { tv_sec: mtime_ns.div_euclid(1_000_000_000), tv_nsec: mtime_ns.rem_euclid(1_000_000_000) };
        futimens(self, &Timestamps { last_access: time, last_modification: time })
    }

    fn flush_content(&self) -> Result<(), Errno> {
        fsync(self)
    }
}

fn outlast(ctime_ns: i64) -> bool {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_nanos());
    let tick = Duration::from_millis(STAMP_TICK_MS_MAX);
    let over = u128::try_from(ctime_ns).unwrap_or_default().saturating_add(tick.as_nanos());
    // What lies further ahead was stamped by another clock, a file server's for one.
    let left = over.saturating_sub(now);
    let is_now = left > 0 && left <= tick.saturating_mul(2).as_nanos();
    if is_now {
        std::thread::sleep(Duration::from_nanos(u64::try_from(left).unwrap_or_default()));
    }
    is_now
}

fn look(stat: &Stat) -> Look {
    let kind = match FileType::from_raw_mode(stat.st_mode) {
        FileType::RegularFile => Some(LocalKind::File),
        FileType::Directory => Some(LocalKind::Folder),
        FileType::Symlink => Some(LocalKind::Symlink),
        _ => None,
    };
    let executable = kind == Some(LocalKind::File) && Mode::from_raw_mode(stat.st_mode).contains(Mode::XUSR);
    Look { kind, executable, identity: Identity::of(stat) }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Fails if a change in the tick of the look before could be taken for none.
    #[test]
    fn a_stamp_is_outlasted_once() {
        let now = || SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
        let nanoseconds = |time: Duration| i64::try_from(time.as_nanos()).unwrap();
        let (tick, stamp) = (Duration::from_millis(STAMP_TICK_MS_MAX), now());
        outlast(nanoseconds(stamp));
        assert!(now() >= stamp + tick);
        assert!(!outlast(nanoseconds(stamp)), "the tick is over");
        assert!(!outlast(nanoseconds(now() + 3600 * tick)), "another clock's is not waited for");
        assert!(!outlast(0) && !outlast(-1));
    }
}
