//! Whole blocks: how bodies pass between memory and disk past the page cache.
//!
//! A body is written once and rarely read, by few; a second copy of it in the system's memory costs more processor time
//! than the disk takes, and pushes out what is wanted. So segments are opened for direct I/O where the file system has it.
//! It asks that memory, offset and length be multiples of the disk's blocks, which everything here is. Where the file
//! system refuses, at once or in the middle, the same bytes go to the same places through the cache.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::{FileExt as _, OpenOptionsExt as _};
use std::path::Path;

use bytes::Bytes;
use rustix::fs::{OFlags, fcntl_getfl, fcntl_setfl};
use rustix::io::Errno;

use crate::limit::WRITE_BYTES;

/// Bytes of a block: what disks and file systems of today ask for, or a multiple of it.
pub(super) const BLOCK_BYTES: usize = 4096;

const _: () = assert!(WRITE_BYTES.is_multiple_of(BLOCK_BYTES));

/// How bytes go to and from a segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DiskAccess {
    /// Past the page cache, where the file system allows it.
    Direct,
    /// Through the page cache.
    Cached,
}

/// The end of the block that `offset` lies in, or `offset` itself if it begins one.
pub(super) fn block_end(offset: u64) -> u64 {
    offset.checked_next_multiple_of(BLOCK_BYTES as u64).unwrap_or(u64::MAX)
}

/// The start of the block that `offset` lies in.
pub(super) fn block_start(offset: u64) -> u64 {
    offset - offset % BLOCK_BYTES as u64
}

/// Opens a file for direct access if that is wished and possible.
pub(super) fn open(path: &Path, options: &mut OpenOptions, access: DiskAccess) -> io::Result<File> {
    let direct = i32::try_from(OFlags::DIRECT.bits()).unwrap_or_default();
    match access {
        DiskAccess::Cached => options.open(path),
        DiskAccess::Direct => match options.custom_flags(direct).open(path) {
            Err(error) if is_refused(&error) => options.custom_flags(0).open(path),
            opened => opened,
        },
    }
}

/// Memory that begins at a multiple of a block.
#[derive(Debug)]
pub(super) struct Blocks {
    memory: Vec<u8>,
    start: usize,
    bytes: usize,
}

impl Blocks {
    /// `bytes` zeros.
    pub(super) fn zeroed(bytes: usize) -> Self {
        let memory = vec![0; bytes.saturating_add(BLOCK_BYTES)];
        // If the address cannot be told, the file system refuses, and is asked otherwise.
        let start = memory.as_ptr().align_offset(BLOCK_BYTES).min(BLOCK_BYTES);
        Self { memory, start, bytes }
    }

    pub(super) fn as_slice(&self) -> &[u8] {
        self.memory.get(self.start..).and_then(|rest| rest.get(..self.bytes)).unwrap_or_default()
    }

    pub(super) fn as_mut_slice(&mut self) -> &mut [u8] {
        self.memory.get_mut(self.start..).and_then(|rest| rest.get_mut(..self.bytes)).unwrap_or_default()
    }
}

/// Gathers pieces of any length, and writes them to a file as whole blocks.
#[derive(Debug)]
pub(super) struct BlockWriter {
    gathered: Blocks,
    filled: usize,
}

impl BlockWriter {
    pub(super) fn new() -> Self {
        Self { gathered: Blocks::zeroed(WRITE_BYTES), filled: 0 }
    }

    /// Writes `pieces` one after another from `offset` on, which begins a block, and zeros up to the next.
    pub(super) fn write<'a>(
        &mut self,
        file: &File,
        offset: u64,
        pieces: impl Iterator<Item = &'a [u8]>,
    ) -> io::Result<()> {
        self.filled = 0;
        let mut offset = offset;
        for mut piece in pieces {
            while !piece.is_empty() {
                let room = self.gathered.as_mut_slice().get_mut(self.filled..).unwrap_or_default();
                let fits = piece.len().min(room.len());
                let ((room, _), (now, later)) = (room.split_at_mut(fits), piece.split_at(fits));
                room.copy_from_slice(now);
                self.filled = self.filled.saturating_add(fits);
                piece = later;
                if self.filled == WRITE_BYTES {
                    offset = self.flush(file, offset)?;
                }
            }
        }
        let whole = self.filled.next_multiple_of(BLOCK_BYTES);
        self.gathered.as_mut_slice().get_mut(self.filled..whole).unwrap_or_default().fill(0);
        self.filled = whole;
        self.flush(file, offset)?;
        Ok(())
    }

    /// Writes what is gathered, and returns where the next bytes go.
    fn flush(&mut self, file: &File, offset: u64) -> io::Result<u64> {
        let gathered = self.gathered.as_slice().get(..self.filled).unwrap_or_default();
        write_all(file, gathered, offset)?;
        let written = std::mem::take(&mut self.filled);
        Ok(offset.saturating_add(written as u64))
    }
}

fn write_all(file: &File, bytes: &[u8], offset: u64) -> io::Result<()> {
    let (mut left, mut offset) = (bytes, offset);
    while !left.is_empty() {
        match file.write_at(left, offset) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(written) => {
                left = left.get(written..).unwrap_or_default();
                offset = offset.saturating_add(written as u64);
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) if is_refused(&error) && use_cache(file)? => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Reads `bytes` from `offset` on. What is returned is shorter where the file is.
pub(super) fn read(file: &File, offset: u64, bytes: usize) -> io::Result<Bytes> {
    let from = block_start(offset);
    let until = block_end(offset.saturating_add(bytes as u64));
    let mut blocks = Blocks::zeroed(usize::try_from(until.saturating_sub(from)).unwrap_or(usize::MAX));
    let filled = fill(file, blocks.as_mut_slice(), from)?;
    let lead = usize::try_from(offset.saturating_sub(from)).unwrap_or(usize::MAX);
    let end = lead.saturating_add(bytes).min(filled);
    let Blocks { memory, start, .. } = blocks;
    Ok(Bytes::from(memory).slice(start.saturating_add(lead.min(end))..start.saturating_add(end)))
}

/// Fills `room` from `offset` on, as far as the file goes; how much of it.
pub(super) fn fill(file: &File, room: &mut [u8], offset: u64) -> io::Result<usize> {
    let mut filled = 0usize;
    while let Some(rest) = room.get_mut(filled..).filter(|rest| !rest.is_empty()) {
        match read_at(file, rest, offset.saturating_add(filled as u64)) {
            Ok(0) => break,
            Ok(read) => filled = filled.saturating_add(read),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) if is_refused(&error) && use_cache(file)? => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}

/// What the system reads; in tests, what a disk with bad places would.
fn read_at(file: &File, room: &mut [u8], offset: u64) -> io::Result<usize> {
    #[cfg(test)]
    super::tests::bad_places::meet(file, offset, room.len())?;
    file.read_at(room, offset)
}

/// Turns a file that is open for direct access to cached access; whether it was.
fn use_cache(file: &File) -> io::Result<bool> {
    let flags = fcntl_getfl(file)?;
    if flags.contains(OFlags::DIRECT) {
        fcntl_setfl(file, flags.difference(OFlags::DIRECT))?;
    }
    Ok(flags.contains(OFlags::DIRECT))
}

/// Whether the system refused direct access, or a place or length that is no multiple of what it asks for.
fn is_refused(error: &io::Error) -> bool {
    error.raw_os_error() == Some(Errno::INVAL.raw_os_error())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn noise(bytes: usize) -> Vec<u8> {
        let mut noise = vec![0; bytes];
        blake3::Hasher::new().finalize_xof().fill(&mut noise);
        noise
    }

    fn open_new(folder: &Path, access: DiskAccess) -> File {
        open(&folder.join("file"), OpenOptions::new().create(true).truncate(true).read(true).write(true), access)
            .unwrap()
    }

    #[test]
    fn pieces_of_any_length_come_back_from_any_place() {
        let folder = tempfile::tempdir().unwrap();
        let all = noise(2 * WRITE_BYTES + 12_345);
        for access in [DiskAccess::Direct, DiskAccess::Cached] {
            let file = open_new(folder.path(), access);
            let pieces = [&all[..1], &all[1..1], &all[1..WRITE_BYTES + 7], &all[WRITE_BYTES + 7..]];
            BlockWriter::new().write(&file, 3 * BLOCK_BYTES as u64, pieces.into_iter()).unwrap();
            let base = 3 * BLOCK_BYTES;
            assert_eq!(file.metadata().unwrap().len(), block_end((base + all.len()) as u64));
            for (from, bytes) in [(0, all.len()), (1, 1), (4095, 2), (WRITE_BYTES - 1, 4096), (all.len() - 1, 1)] {
                let read = read(&file, (base + from) as u64, bytes).unwrap();
                assert_eq!(read, all[from..from + bytes], "{bytes} from {from}");
            }
            let past = read(&file, (base + all.len()) as u64, 2 * BLOCK_BYTES).unwrap();
            assert!(past.len() < BLOCK_BYTES && past.iter().all(|byte| *byte == 0), "zeros up to the block's end");
        }
    }

    /// A file system may take a file for direct access, and refuse a write or read later.
    #[test]
    fn what_is_refused_past_the_cache_goes_through_it() {
        let folder = tempfile::tempdir().unwrap();
        let all = noise(3 * BLOCK_BYTES);
        let file = open_new(folder.path(), DiskAccess::Direct);
        let was_direct = fcntl_getfl(&file).unwrap().contains(OFlags::DIRECT);
        // Neither the length nor the memory is what direct access asks for.
        write_all(&file, &all[1..6000], 0).unwrap();
        assert!(!fcntl_getfl(&file).unwrap().contains(OFlags::DIRECT));
        assert_eq!(std::fs::read(folder.path().join("file")).unwrap(), all[1..6000]);
        assert!(!use_cache(&file).unwrap());
        if !was_direct {
            eprintln!("the temporary folder's file system has no direct access: only the cached way was seen");
        }
    }

    /// Devices and some file systems refuse at once.
    #[test]
    fn a_file_that_cannot_be_opened_directly_is_opened() {
        let file = open(Path::new("/dev/zero"), OpenOptions::new().read(true), DiskAccess::Direct).unwrap();
        assert!(!fcntl_getfl(&file).unwrap().contains(OFlags::DIRECT));
        assert_eq!(read(&file, 0, 3).unwrap(), [0; 3].as_slice());
        assert!(open(Path::new("/nowhere"), OpenOptions::new().read(true), DiskAccess::Direct).is_err());
    }
}
