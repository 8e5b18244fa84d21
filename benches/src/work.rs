//! The work that is measured, named as in the table of peers.

use std::fs::File;
use std::io::{BufWriter, Read, Write as _};
use std::path::Path;

/// Bytes of W1, and of W4 before the insertion.
pub const LARGE_FILE_BYTES: u64 = 1024 * 1024 * 1024;
/// Files of W2.
pub const SMALL_FILES: usize = 10_000;
/// Bytes of each file of W2.
pub const SMALL_FILE_BYTES: usize = 4096;
/// Files of W6.
pub const MEDIUM_FILES: usize = 2_000;
/// Bytes of each file of W6.
pub const MEDIUM_FILE_BYTES: usize = 160 * 1024;
/// Folders over which W2 and W6 are spread.
const FOLDERS: usize = 100;
/// How names of what systems and editors leave behind end.
const LITTER: [&str; 4] = [".DS_Store", "Thumbs.db", "desktop.ini", ".swp"];
/// Files of one folder of [`many_files`].
const MANY_TO_A_FOLDER: usize = 1000;
/// Bytes made at once.
const BLOCK_BYTES: usize = 64 * 1024;

/// Bytes that look random and are the same for the same seed: BLAKE3's extendable output.
pub fn bytes_of(seed: u64) -> blake3::OutputReader {
    blake3::Hasher::new().update(&seed.to_le_bytes()).finalize_xof()
}

/// W1: one file of [`LARGE_FILE_BYTES`], or of fewer bytes.
///
/// # Errors
/// Whatever the disk says.
pub fn large_file(path: &Path, bytes: u64, seed: u64) -> std::io::Result<()> {
    let mut reader = bytes_of(seed);
    let mut file = BufWriter::new(File::create(path)?);
    let mut block = vec![0; BLOCK_BYTES];
    let mut left = bytes;
    while left > 0 {
        let now = usize::try_from(left).unwrap_or(BLOCK_BYTES).min(BLOCK_BYTES);
        let slice = block.get_mut(..now).unwrap_or_default();
        reader.fill(slice);
        file.write_all(slice)?;
        left = left.saturating_sub(now as u64);
    }
    file.into_inner()?.sync_all()
}

/// W2: [`SMALL_FILES`] files of [`SMALL_FILE_BYTES`] in folders.
///
/// # Errors
/// Whatever the disk says.
pub fn small_files(folder: &Path, seed: u64) -> std::io::Result<()> {
    numbered_files(folder, SMALL_FILES, SMALL_FILE_BYTES, seed)
}

/// As many files as `count` says, of so many bytes each, in folders: W2 and W6.
///
/// # Errors
/// Whatever the disk says.
pub fn numbered_files(folder: &Path, count: usize, bytes: usize, seed: u64) -> std::io::Result<()> {
    let mut reader = bytes_of(seed);
    let mut block = vec![0; bytes];
    for number in 0..count {
        let parent = folder.join(format!("folder-{:02}", number % FOLDERS));
        std::fs::create_dir_all(&parent)?;
        reader.fill(&mut block);
        std::fs::write(parent.join(format!("file-{number:05}.bin")), &block)?;
    }
    Ok(())
}

/// W3: the files of a source tree as they are, without links, and without what systems leave behind, which no client carries.
///
/// # Errors
/// Whatever the disk says.
pub fn copy_sources(from: &Path, to: &Path) -> std::io::Result<()> {
    std::fs::create_dir_all(to)?;
    for item in std::fs::read_dir(from)? {
        let (item, kind) = item.and_then(|item| item.file_type().map(|kind| (item, kind)))?;
        let name = item.file_name();
        if kind.is_dir() {
            copy_sources(&item.path(), &to.join(name))?;
        } else if kind.is_file() && !LITTER.iter().any(|litter| name.to_string_lossy().ends_with(litter)) {
            std::fs::copy(item.path(), to.join(name))?;
        }
    }
    Ok(())
}

/// As many empty files as `count` says, a thousand to a folder.
///
/// # Errors
/// Whatever the disk says.
pub fn many_files(folder: &Path, count: usize) -> std::io::Result<()> {
    for first in (0..count).step_by(MANY_TO_A_FOLDER) {
        let parent = folder.join(format!("folder-{:04}", first / MANY_TO_A_FOLDER));
        std::fs::create_dir_all(&parent)?;
        for number in first..count.min(first.saturating_add(MANY_TO_A_FOLDER)) {
            File::create(parent.join(format!("file-{number:07}")))?;
        }
    }
    Ok(())
}

/// The files in a folder and all below it; none where it cannot be read.
#[must_use]
pub fn count_files(folder: &Path) -> usize {
    let items = std::fs::read_dir(folder).into_iter().flatten().flatten();
    items.map(|item| if item.file_type().is_ok_and(|is| is.is_dir()) { count_files(&item.path()) } else { 1 }).sum()
}

/// W4: the same file with one byte more at its start.
///
/// # Errors
/// Whatever the disk says.
pub fn insert_at_start(path: &Path) -> std::io::Result<()> {
    let aside = path.with_extension("longer");
    let mut longer = BufWriter::new(File::create(&aside)?);
    longer.write_all(b"!")?;
    let mut old = File::open(path)?;
    let mut block = vec![0; BLOCK_BYTES];
    loop {
        let read = old.read(&mut block)?;
        if read == 0 {
            break;
        }
        longer.write_all(block.get(..read).unwrap_or_default())?;
    }
    longer.into_inner()?.sync_all()?;
    std::fs::rename(aside, path)
}
