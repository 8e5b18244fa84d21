//! Trees of files: made from a seed, compared byte for byte, searched for a string.

use std::collections::BTreeMap;
use std::fs;
use std::io::Read;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use anyhow::Context;

/// Where the client keeps what is its own inside a synced folder.
const CLIENT_FOLDER: &str = ".vauban";
/// Bytes read at once while searching.
const WINDOW_BYTES: usize = 1 << 20;

/// A file as a tree holds it.
#[derive(Debug, PartialEq, Eq)]
struct Entry {
    content: Vec<u8>,
    executable: bool,
}

/// `bytes` bytes that depend on `seed` alone, and that no compressor shortens (SplitMix64).
#[must_use]
pub fn noise(seed: u64, bytes: usize) -> Vec<u8> {
    let mut state = seed;
    let mut out = Vec::with_capacity(bytes + 8);
    while out.len() < bytes {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut word = state;
        word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        out.extend_from_slice(&(word ^ (word >> 31)).to_le_bytes());
    }
    out.truncate(bytes);
    out
}

/// Writes a file, and the folders above it.
///
/// # Errors
/// If the disk refuses.
pub fn write(root: &Path, path: &str, content: &[u8]) -> anyhow::Result<PathBuf> {
    let file = root.join(path);
    if let Some(folder) = file.parent() {
        fs::create_dir_all(folder)?;
    }
    fs::write(&file, content).with_context(|| file.display().to_string())?;
    Ok(file)
}

/// Fails at the first file that stands in one tree and not in the other, or differs in content or mode.
///
/// # Errors
/// The difference.
pub fn ensure_same(one: &Path, other: &Path) -> anyhow::Result<()> {
    let (here, there) = (entries(one)?, entries(other)?);
    for (path, entry) in &here {
        let twin = there.get(path).with_context(|| format!("{path} is missing in {}", other.display()))?;
        anyhow::ensure!(entry == twin, "{path} differs between the two trees");
    }
    for path in there.keys() {
        anyhow::ensure!(here.contains_key(path), "{path} is missing in {}", one.display());
    }
    Ok(())
}

/// Number of files and their bytes.
///
/// # Errors
/// If the tree cannot be read.
pub fn size(root: &Path) -> anyhow::Result<(usize, u64)> {
    let mut bytes = 0;
    let files = files(root)?;
    for file in &files {
        bytes += fs::metadata(file)?.len();
    }
    Ok((files.len(), bytes))
}

/// The files under `root` whose bytes or name hold `needle`.
///
/// # Errors
/// If a file cannot be read.
pub fn files_with(root: &Path, needle: &[u8]) -> anyhow::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for file in files(root)? {
        let name = file.as_os_str().as_encoded_bytes();
        if contains(name, needle) || file_contains(&file, needle)? {
            found.push(file);
        }
    }
    Ok(found)
}

/// Every file under `root`, at any depth.
///
/// # Errors
/// If a folder cannot be listed.
pub fn files(root: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).with_context(|| folder.display().to_string())? {
            let entry = entry?;
            if entry.file_type()?.is_dir() {
                folders.push(entry.path());
            } else {
                found.push(entry.path());
            }
        }
    }
    found.sort();
    Ok(found)
}

/// Every file of a tree that changes while it is read, Vauban's own left out: what goes meanwhile is not there.
#[must_use]
pub fn files_now(root: &Path) -> Vec<PathBuf> {
    things_now(root).into_iter().filter(|path| path.is_file()).collect()
}

/// Every folder, likewise.
#[must_use]
pub fn folders_now(root: &Path) -> Vec<PathBuf> {
    things_now(root).into_iter().filter(|path| path.is_dir()).collect()
}

fn things_now(root: &Path) -> Vec<PathBuf> {
    let (mut found, mut folders) = (Vec::new(), vec![root.to_owned()]);
    while let Some(folder) = folders.pop() {
        let Ok(items) = fs::read_dir(&folder) else { continue };
        for path in items.flatten().map(|item| item.path()).filter(|path| !path.ends_with(CLIENT_FOLDER)) {
            if path.is_dir() {
                folders.push(path.clone());
            }
            found.push(path);
        }
    }
    found.sort();
    found
}

fn entries(root: &Path) -> anyhow::Result<BTreeMap<String, Entry>> {
    let mut entries = BTreeMap::new();
    for file in files(root)? {
        let path = file.strip_prefix(root)?;
        if path.starts_with(CLIENT_FOLDER) {
            continue;
        }
        let executable = fs::metadata(&file)?.mode() & 0o100 != 0;
        let content = fs::read(&file)?;
        entries.insert(path.display().to_string(), Entry { content, executable });
    }
    Ok(entries)
}

fn file_contains(file: &Path, needle: &[u8]) -> anyhow::Result<bool> {
    let mut reader = fs::File::open(file).with_context(|| file.display().to_string())?;
    let mut window = Vec::with_capacity(WINDOW_BYTES + needle.len());
    loop {
        let kept = window.len().min(needle.len().saturating_sub(1));
        window.drain(..window.len() - kept);
        let bytes = reader.by_ref().take(WINDOW_BYTES as u64).read_to_end(&mut window)?;
        if contains(&window, needle) {
            return Ok(true);
        }
        if bytes == 0 {
            return Ok(false);
        }
    }
}

fn contains(hay: &[u8], needle: &[u8]) -> bool {
    !needle.is_empty() && hay.windows(needle.len()).any(|part| part == needle)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn trees_are_compared_and_searched() {
        let dir = tempfile::tempdir().unwrap();
        let (one, other) = (dir.path().join("one"), dir.path().join("other"));
        for root in [&one, &other] {
            write(root, "a/b", &noise(1, 3_000_000)).unwrap();
        }
        write(&other, ".vauban/root", b"own").unwrap();
        ensure_same(&one, &other).unwrap();
        write(&other, "a/c", b"more").unwrap();
        assert!(ensure_same(&one, &other).is_err());
        write(&one, "a/c", b"mOre").unwrap();
        assert!(ensure_same(&one, &other).is_err());

        let across = noise(1, 3_000_000).split_off(WINDOW_BYTES - 8);
        assert_eq!(files_with(&one, &across[..16]).unwrap(), [one.join("a/b")]);
        assert!(files_with(&one, b"not in there, surely").unwrap().is_empty());
    }
}
