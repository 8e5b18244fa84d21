//! A file of this disk that is being written.
//!
//! Large files go past the page cache where the file system allows it: copying into the cache costs more processor time than
//! the disk takes, and pushes out what the user works with. Such writes are whole blocks, from memory that begins at one; the
//! last one is filled up with zeros, and the file is then cut to its length: flushing as a writer is flushed does that, and comes
//! before flushing to disk. Where the file system refuses, at once or in the middle, the same bytes go through the cache.

use std::fs::File;
use std::io::{self, Read, Seek as _, SeekFrom, Write};
use std::os::unix::fs::FileExt as _;

use rustix::fs::{OFlags, fcntl_getfl, fcntl_setfl};
use rustix::io::Errno;

use super::disk::{DiskFile, Look};
use crate::limit::{DIRECT_FILE_BYTES_MIN, WRITE_BYTES};

/// Bytes of a block: what disks and file systems of today ask for, or a multiple of it.
const BLOCK_BYTES: usize = 4096;

const _: () = assert!(WRITE_BYTES.is_multiple_of(BLOCK_BYTES));

/// A file, and what is not in it yet.
#[derive(Debug)]
pub(super) struct NewFile {
    file: File,
    gathered: Option<Gathered>,
}

/// Bytes on their way to whole blocks.
#[derive(Debug)]
struct Gathered {
    memory: Vec<u8>,
    /// Where in it a block begins.
    start: usize,
    filled: usize,
    /// Bytes that are in the file.
    written: u64,
}

impl NewFile {
    /// A file in which nothing is yet.
    pub(super) fn new(file: File) -> Self {
        Self { file, gathered: None }
    }
}

impl Write for NewFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match &mut self.gathered {
            Some(gathered) => gathered.write(&self.file, bytes).map(|()| bytes.len()),
            None => self.file.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        let Some(mut gathered) = self.gathered.take() else { return Ok(()) };
        let length = gathered.written.saturating_add(gathered.filled as u64);
        gathered.fill_block();
        gathered.flush(&self.file)?;
        self.file.set_len(length)?;
        set_direct(&self.file, false)?;
        self.file.seek(SeekFrom::Start(length)).map(|_| ())
    }
}

impl Read for NewFile {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.file.read(buffer)
    }
}

impl DiskFile for NewFile {
    fn expect(&mut self, bytes: u64) {
        let is_direct =
            self.gathered.is_none() && bytes >= DIRECT_FILE_BYTES_MIN && set_direct(&self.file, true).is_ok();
        if is_direct {
            self.gathered = Some(Gathered::new());
        }
    }

    fn look(&self) -> Result<Look, Errno> {
        self.file.look()
    }

    fn set_mtime(&self, mtime_ns: i64) -> Result<(), Errno> {
        self.file.set_mtime(mtime_ns)
    }

    fn flush_content(&self) -> Result<(), Errno> {
        self.file.flush_content()
    }
}

impl Gathered {
    fn new() -> Self {
        let memory = vec![0; WRITE_BYTES.saturating_add(BLOCK_BYTES)];
        // If the address cannot be told, the file system refuses, and is asked otherwise.
        let start = memory.as_ptr().align_offset(BLOCK_BYTES).min(BLOCK_BYTES);
        Self { memory, start, filled: 0, written: 0 }
    }

    fn write(&mut self, file: &File, bytes: &[u8]) -> io::Result<()> {
        let mut bytes = bytes;
        while !bytes.is_empty() {
            let filled = self.filled;
            let room = self.room().get_mut(filled..).unwrap_or_default();
            let fits = bytes.len().min(room.len());
            let ((room, _), (now, later)) = (room.split_at_mut(fits), bytes.split_at(fits));
            room.copy_from_slice(now);
            self.filled = filled.saturating_add(fits);
            bytes = later;
            if self.filled == WRITE_BYTES {
                self.flush(file)?;
            }
        }
        Ok(())
    }

    fn fill_block(&mut self) {
        let (filled, whole) = (self.filled, self.filled.next_multiple_of(BLOCK_BYTES));
        self.room().get_mut(filled..whole).unwrap_or_default().fill(0);
        self.filled = whole;
    }

    fn flush(&mut self, file: &File) -> io::Result<()> {
        let filled = std::mem::take(&mut self.filled);
        let bytes = self.memory.get(self.start..).and_then(|blocks| blocks.get(..filled)).unwrap_or_default();
        write_all(file, bytes, self.written)?;
        self.written = self.written.saturating_add(filled as u64);
        Ok(())
    }

    fn room(&mut self) -> &mut [u8] {
        self.memory.get_mut(self.start..).and_then(|blocks| blocks.get_mut(..WRITE_BYTES)).unwrap_or_default()
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
            Err(error) if error.raw_os_error() == Some(Errno::INVAL.raw_os_error()) && set_direct(file, false)? => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Turns direct writing on or off; whether that changed anything.
fn set_direct(file: &File, is_wanted: bool) -> io::Result<bool> {
    let flags = fcntl_getfl(file)?;
    let mut wanted = flags;
    wanted.set(OFlags::DIRECT, is_wanted);
    if wanted != flags {
        fcntl_setfl(file, wanted)?;
    }
    Ok(wanted != flags)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn noise(bytes: usize) -> Vec<u8> {
        let mut noise = vec![0; bytes];
        blake3::Hasher::new().finalize_xof().fill(&mut noise);
        noise
    }

    fn written(bytes: &[u8], expected: u64, pieces: usize) -> Vec<u8> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        let mut file = NewFile::new(File::create(&path).unwrap());
        file.expect(expected);
        let (first, last) = bytes.split_at(bytes.len().saturating_sub(1));
        first.chunks(pieces).for_each(|piece| file.write_all(piece).unwrap());
        file.flush().unwrap();
        assert!(file.gathered.is_none());
        assert_eq!(path.metadata().unwrap().len(), first.len() as u64);
        // What comes after it goes where it should.
        file.write_all(last).unwrap();
        std::fs::read(path).unwrap()
    }

    #[test]
    fn files_of_any_length_are_what_was_written() {
        let all = noise(2 * WRITE_BYTES + BLOCK_BYTES + 1);
        let lengths = [0, 1, 4095, 4096, 4097, WRITE_BYTES - 1, WRITE_BYTES, WRITE_BYTES + 1, all.len() - 1, all.len()];
        for length in lengths {
            // What was expected only chooses the way.
            for expected in [0, DIRECT_FILE_BYTES_MIN] {
                for pieces in [1000, 700_001, all.len()] {
                    assert!(written(&all[..length], expected, pieces) == all[..length], "{length} in {pieces}");
                }
            }
        }
    }

    /// A file system may take a file for direct writing, and refuse a write later.
    #[test]
    fn what_is_refused_past_the_cache_goes_through_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        let file = File::create(&path).unwrap();
        let all = noise(3 * BLOCK_BYTES);
        let is_direct = set_direct(&file, true).is_ok();
        // Neither the length nor the memory is what direct writing asks for.
        write_all(&file, &all[1..6000], 0).unwrap();
        assert!(!set_direct(&file, false).unwrap(), "it was turned off, or never on ({is_direct})");
        assert_eq!(std::fs::read(path).unwrap(), all[1..6000]);
    }

    /// Where the file system refuses at once, nothing is gathered.
    #[test]
    fn a_file_that_cannot_be_written_directly_is_written() {
        let device = File::options().write(true).open("/dev/null").unwrap();
        let mut file = NewFile::new(device);
        file.expect(u64::MAX);
        assert!(file.gathered.is_none());
        file.write_all(b"abc").unwrap();
        file.flush().unwrap();
    }
}
