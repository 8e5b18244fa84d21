//! The metadata's reserve: bytes set aside on their disk, and given up when it is nearly full, so that the consensus engine can go on
//! while what nobody needs is deleted. Set aside again, by itself, once there is room.
//!
//! A full disk must not end a node: Raft's log, and the index of chunks where it lies on the same disk, are written for deletions,
//! too. While the reserve is given up this node takes no commit that adds chunks, and the disk's limits let nothing else grow on it;
//! all of that is said in log, health, metrics and dashboard.
//!
//! The file holds nothing; it may be deleted at any time, and left out of a backup.
//!
//! Deliberately absent: an operator's command. What it would do is done by then.

use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use rustix::fs::{FallocateFlags, fallocate};
use rustix::io::Errno;
use tokio::time::MissedTickBehavior;

use crate::chunks::{ChunkStore, DiskUse, Fill};
use crate::limit::{
    DISK_LOOK_MILLISECONDS, DISK_REMINDER_SECONDS, METADATA_ROOM_BYTES, METADATA_ROOM_PERCENT_MAX, RESERVE_PERCENT_MAX,
    RESERVE_PIECE_BYTES,
};

/// Its name, beside the metadata's own files.
const NAME: &str = "reserve";
/// Bytes of a block, as the system counts what a file takes.
const COUNTED_BYTES: u64 = 512;

/// The reserve of one node, and how the disk of its metadata was at the last look. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Reserve(Arc<Kept>);

#[derive(Debug)]
struct Kept {
    folder: PathBuf,
    wanted_bytes: u64,
    standing: Mutex<Standing>,
    /// What was last wrong with keeping it.
    complaint: Mutex<String>,
}

/// How the disk of the metadata is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Standing {
    /// None before a first look.
    pub disk: Option<DiskUse>,
    /// Bytes that are set aside.
    pub reserve_bytes: u64,
    /// Whether there is so little room that the reserve is given up: what would let the metadata grow is refused.
    pub is_short: bool,
}

/// What is to be done with the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Next {
    Keep,
    GiveUp,
    SetAside(u64),
}

/// What a disk that is so full allows, of a reserve that has `held` bytes and was to have `wanted`. Pure.
fn next(disk: DiskUse, held: u64, wanted: u64) -> Next {
    let wanted = wanted_on(disk, wanted);
    let (free, room) = (disk.free_bytes(), room_on(disk));
    // As much again stays free as makes it be given up, or the two would follow each other.
    let enough = wanted.saturating_sub(held).saturating_add(room.saturating_mul(2));
    if held > 0 && (free < room || wanted == 0) {
        Next::GiveUp
    } else if held > wanted || (held < wanted && free >= enough) {
        Next::SetAside(wanted)
    } else {
        Next::Keep
    }
}

fn wanted_on(disk: DiskUse, wanted: u64) -> u64 {
    wanted.min(disk.share(RESERVE_PERCENT_MAX))
}

fn room_on(disk: DiskUse) -> u64 {
    METADATA_ROOM_BYTES.min(disk.share(METADATA_ROOM_PERCENT_MAX))
}

impl Reserve {
    /// Of `wanted_bytes` in the metadata's folder, less on a small disk; nothing is done yet.
    #[must_use]
    pub fn new(folder: PathBuf, wanted_bytes: u64) -> Self {
        Self(Arc::new(Kept { folder, wanted_bytes, standing: Mutex::default(), complaint: Mutex::default() }))
    }

    /// How the disk was at the last look.
    #[must_use]
    pub fn standing(&self) -> Standing {
        *self.lock()
    }

    /// Looks at the disk, and gives the reserve up or sets it aside. Where there are no metadata yet, nothing is done. Blocks.
    pub fn look(&self) -> Standing {
        match self.try_look() {
            Ok(standing) => *self.lock() = standing,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => self.complain(&error.to_string()),
        }
        self.standing()
    }

    fn try_look(&self) -> io::Result<Standing> {
        let path = self.0.folder.join(NAME);
        let held = held_bytes(&path)?;
        let disk = disk_of(&self.0.folder)?;
        let held = match next(disk, held, self.0.wanted_bytes) {
            Next::Keep => held,
            Next::GiveUp => {
                std::fs::remove_file(&path)?;
                0
            }
            Next::SetAside(bytes) => {
                if let Err(error) = set_aside(&path, bytes) {
                    // Half a reserve on a disk that has filled meanwhile helps nobody.
                    let _ = std::fs::remove_file(&path);
                    return Err(error);
                }
                bytes
            }
        };
        let disk = disk_of(&self.0.folder)?;
        let is_short = disk.free_bytes() < room_on(disk) || (held == 0 && wanted_on(disk, self.0.wanted_bytes) > 0);
        Ok(Standing { disk: Some(disk), reserve_bytes: held, is_short })
    }

    /// Says what is wrong once, not at each look.
    fn complain(&self, error: &str) {
        let mut said = self.0.complaint.lock().unwrap_or_else(PoisonError::into_inner);
        if *said != error {
            tracing::warn!(error, folder = %self.0.folder.display(), "the metadata's reserve cannot be kept");
            error.clone_into(&mut said);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Standing> {
        self.0.standing.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn disk_of(folder: &Path) -> io::Result<DiskUse> {
    DiskUse::of(folder).map_err(io::Error::other)
}

/// Bytes that the file takes on the disk; 0 if it is not there.
fn held_bytes(path: &Path) -> io::Result<u64> {
    match std::fs::metadata(path) {
        Ok(file) => Ok(file.len().min(file.blocks().saturating_mul(COUNTED_BYTES))),
        // Told from a folder that is not there.
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            std::fs::metadata(path.parent().unwrap_or(path)).map(|_| 0)
        }
        Err(error) => Err(error),
    }
}

fn set_aside(path: &Path, bytes: u64) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path)?;
    match fallocate(&file, FallocateFlags::empty(), 0, bytes) {
        Ok(()) => {}
        Err(Errno::OPNOTSUPP | Errno::NOSYS) => write_out(&mut file, bytes)?,
        Err(error) => return Err(error.into()),
    }
    file.sync_all()
}

fn write_out(file: &mut File, bytes: u64) -> io::Result<()> {
    let piece = vec![0; RESERVE_PIECE_BYTES];
    let mut left = bytes;
    while left > 0 {
        let part = usize::try_from(left).unwrap_or(usize::MAX).min(piece.len());
        file.write_all(piece.get(..part).unwrap_or_default())?;
        left = left.saturating_sub(part as u64);
    }
    Ok(())
}

/// Looks at both disks from time to time, keeps the reserve, and logs what has changed, and what to do.
pub async fn watch(reserve: Reserve, chunks: ChunkStore) {
    let mut looks = tokio::time::interval(Duration::from_millis(DISK_LOOK_MILLISECONDS));
    looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let (mut was_short, mut was) = (Said::default(), Said::default());
    loop {
        looks.tick().await;
        let (reserve, chunks) = (reserve.clone(), chunks.clone());
        let looked = tokio::task::spawn_blocking(move || (reserve.look(), chunks.stats())).await;
        let Ok((standing, stats)) = looked else { return };
        let now = Instant::now();
        if was_short.is_news(standing.is_short, now) {
            say_metadata(&standing);
        }
        match stats {
            Ok(stats) if was.is_news(stats.fill, now) => say_chunks(stats.fill, stats.disk),
            Ok(_) => {}
            Err(error) => tracing::warn!(%error, "how full the disk is cannot be told"),
        }
    }
}

/// What was said last, and when: the worse it is, the more often somebody should read it.
#[derive(Debug)]
struct Said<T> {
    last: T,
    at: Option<Instant>,
}

impl<T: Default> Default for Said<T> {
    fn default() -> Self {
        Self { last: T::default(), at: None }
    }
}

impl<T: Default + PartialEq> Said<T> {
    /// Whether this is to be said now: when it changes, and again while all is not well.
    fn is_news(&mut self, now: T, at: Instant) -> bool {
        let is_old = self.at.is_some_and(|said| at.duration_since(said).as_secs() >= DISK_REMINDER_SECONDS);
        let is_news = now != self.last || (now != T::default() && is_old);
        if is_news {
            (self.last, self.at) = (now, Some(at));
        }
        is_news
    }
}

fn say_metadata(standing: &Standing) {
    let free = standing.disk.map_or(0, DiskUse::free_bytes);
    if standing.is_short {
        tracing::error!(
            free_bytes = free,
            "the disk of the metadata is nearly full: their reserve is given up, and commits that add chunks are refused here; \
             make room on that disk (what else lies on it?), or enlarge it: the node then goes on by itself"
        );
    } else {
        let reserve = standing.reserve_bytes;
        tracing::info!(free_bytes = free, reserve_bytes = reserve, "the disk of the metadata has room again");
    }
}

fn say_chunks(fill: Fill, disk: DiskUse) {
    let (percent, free) = (disk.percent(), disk.free_bytes());
    match fill {
        Fill::Roomy => {
            tracing::info!(percent, free_bytes = free, "the disk of the chunks has room again: uploads are taken")
        }
        Fill::RepairOnly => tracing::warn!(
            percent,
            free_bytes = free,
            "the disk of the chunks is nearly full: uploads are refused, repair still writes; enlarge it, or add a node"
        ),
        Fill::Full => tracing::error!(
            percent,
            free_bytes = free,
            "the disk of the chunks is full: nothing is written to it, not even missing copies; enlarge it, or add a node. \
             What nobody needs any more is still deleted"
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: u64 = 1024 * 1024;
    const GIB: u64 = 1024 * MIB;

    fn with_free(total_bytes: u64, free: u64) -> DiskUse {
        DiskUse { used_bytes: total_bytes - free, total_bytes }
    }

    #[test]
    fn it_is_given_up_when_room_ends_and_set_aside_when_there_is_some() {
        let disk = |free| with_free(1000 * GIB, free);
        assert_eq!(next(disk(500 * GIB), 0, GIB), Next::SetAside(GIB));
        assert_eq!(next(disk(500 * GIB), GIB, GIB), Next::Keep);
        assert_eq!(next(disk(METADATA_ROOM_BYTES), GIB, GIB), Next::Keep);
        assert_eq!(next(disk(METADATA_ROOM_BYTES - 1), GIB, GIB), Next::GiveUp);
        assert_eq!(next(disk(GIB + METADATA_ROOM_BYTES), 0, GIB), Next::Keep, "it would be given up again at once");
        assert_eq!(next(disk(GIB + 2 * METADATA_ROOM_BYTES), 0, GIB), Next::SetAside(GIB));
        assert_eq!(next(disk(0), 0, GIB), Next::Keep, "there is nothing to give up");
        assert_eq!(next(disk(500 * GIB), GIB, 0), Next::GiveUp, "its operator wants none");
        assert_eq!(next(disk(500 * GIB), GIB, 2 * GIB), Next::SetAside(2 * GIB));
        assert_eq!(next(disk(500 * GIB), GIB, GIB / 2), Next::SetAside(GIB / 2));
    }

    #[test]
    fn a_small_disk_keeps_a_small_one() {
        assert_eq!(next(with_free(10 * GIB, 5 * GIB), 0, GIB), Next::SetAside(10 * GIB / 100 * 2));
        assert_eq!(next(with_free(10 * GIB, 10 * GIB / 100 - 1), 7, GIB), Next::GiveUp);
    }

    #[test]
    fn the_file_takes_what_it_says_and_goes() {
        let folder = tempfile::tempdir().unwrap();
        let nowhere = Reserve::new(folder.path().join("none"), MIB);
        assert_eq!(nowhere.look(), Standing::default());

        let kept = |bytes| Reserve::new(folder.path().to_owned(), bytes).look();
        let disk = DiskUse::of(folder.path()).unwrap();
        assert_eq!(next(disk, 0, MIB), Next::SetAside(MIB), "the disk of this test is full, or tiny");
        let path = folder.path().join(NAME);
        assert_eq!((kept(MIB).reserve_bytes, held_bytes(&path).unwrap()), (MIB, MIB));
        assert!(!kept(MIB).is_short);
        assert_eq!((kept(2 * MIB).reserve_bytes, held_bytes(&path).unwrap()), (2 * MIB, 2 * MIB));
        // A hole takes nothing: one that was made by a copy is filled again.
        File::create(&path).unwrap().set_len(2 * MIB).unwrap();
        assert_eq!((kept(2 * MIB).reserve_bytes, held_bytes(&path).unwrap()), (2 * MIB, 2 * MIB));
        assert_eq!((kept(0).reserve_bytes, path.exists()), (0, false));
    }

    #[test]
    fn zeros_are_written_where_nothing_else_sets_aside() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(NAME);
        let bytes = RESERVE_PIECE_BYTES as u64 + 5;
        write_out(&mut File::create(&path).unwrap(), bytes).unwrap();
        assert_eq!(std::fs::metadata(&path).unwrap().len(), bytes);
    }

    #[test]
    fn what_is_wrong_is_said_when_it_begins_and_again() {
        let (mut said, begun) = (Said::<bool>::default(), Instant::now());
        let later = begun + Duration::from_secs(DISK_REMINDER_SECONDS);
        assert!(!said.is_news(false, begun) && said.is_news(true, begun) && !said.is_news(true, begun));
        assert!(said.is_news(true, later) && said.is_news(false, later) && !said.is_news(false, later));
    }
}
