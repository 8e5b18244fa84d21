//! The organisation's certificates as this device last verified them, so that a start does not fetch them again.
//!
//! A cache with one duty: it may end early (a crash cuts its tail off), and whoever reads it holds it to the genesis and to the furthest
//! verified head, which the anchor has. It is read whole and appended to.

use std::fs::OpenOptions;
use std::io::{Seek, SeekFrom, Write};
use std::os::unix::fs::OpenOptionsExt;

use bytes::Bytes;
use vauban_protocol::limit::CERTIFICATE_BYTES_MAX;
use vauban_protocol::wire::push_item;

use crate::limit::CHAIN_FILE_BYTES_MAX;
use crate::state::{Home, StateError, read_bounded};

/// The file of the organisation's chain.
#[derive(Debug)]
pub struct ChainFile {
    home: Home,
}

impl ChainFile {
    /// The file of `home`, which may not exist yet.
    #[must_use]
    pub fn of(home: &Home) -> Self {
        Self { home: home.clone() }
    }

    /// The signed certificates, the genesis first; a torn tail is left out.
    ///
    /// # Errors
    /// [`StateError`] if the file cannot be read.
    pub fn load(&self) -> Result<Vec<Bytes>, StateError> {
        let bytes = read_bounded(&self.home.chain(), CHAIN_FILE_BYTES_MAX)?.unwrap_or_default();
        let mut rest = Bytes::from(bytes);
        let mut certificates = Vec::new();
        while let Some(length) = rest.first_chunk::<4>().map(|length| u32::from_le_bytes(*length)) {
            let end = usize::try_from(length).unwrap_or(usize::MAX);
            if end > CERTIFICATE_BYTES_MAX || rest.len() - 4 < end {
                break;
            }
            certificates.push(rest.split_to(4 + end).slice(4..));
        }
        Ok(certificates)
    }

    /// Appends the certificates that stand at position `at` and after. What another process has already appended is not
    /// doubled: verified certificates at one position of one chain are the same. What stands there and is something else is
    /// damage, and is cut off, with all that follows it, before anything is appended: nothing behind it would ever be read.
    ///
    /// # Errors
    /// [`StateError`]; [`StateError::Damaged`] if the file ends before `at`.
    pub fn append(&self, at: usize, certificates: &[Bytes]) -> Result<(), StateError> {
        let _held = self.home.hold()?;
        let present = self.load()?;
        let path = self.home.chain();
        let (before, after) = present.split_at_checked(at).ok_or_else(|| StateError::Damaged(path.clone()))?;
        let known = after.iter().zip(certificates).take_while(|(present, given)| present == given).count();
        let Some((_, missing)) = certificates.split_at_checked(known).filter(|(_, missing)| !missing.is_empty()) else {
            return Ok(());
        };
        let kept_bytes: u64 = before.iter().chain(after.iter().take(known)).map(framed_bytes).sum();
        let mut tail = Vec::new();
        missing.iter().for_each(|certificate| push_item(&mut tail, certificate));
        let write = || {
            let mut file = OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(&path)?;
            file.set_len(kept_bytes)?;
            file.seek(SeekFrom::Start(kept_bytes))?;
            file.write_all(&tail)?;
            file.sync_all()
        };
        write().map_err(StateError::io(&path))
    }
}

/// Bytes that a certificate takes in the file, with its length.
fn framed_bytes(certificate: &Bytes) -> u64 {
    u64::try_from(certificate.len()).unwrap_or(u64::MAX).saturating_add(4)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn torn_tail_is_left_out_and_written_over() {
        let folder = tempfile::tempdir().unwrap();
        let home = Home::at(Some(folder.path().to_owned()));
        let file = ChainFile::of(&home);
        assert!(file.load().unwrap().is_empty());
        let certificates: Vec<Bytes> = ["genesis", "one", "two"].map(Bytes::from).into();
        file.append(0, &certificates).unwrap();
        let whole = std::fs::read(home.chain()).unwrap();
        for cut in 1..7 {
            std::fs::write(home.chain(), &whole[..whole.len() - cut]).unwrap();
            assert_eq!(file.load().unwrap(), certificates[..2], "cut by {cut}");
        }
        file.append(2, &certificates[2..]).unwrap();
        file.append(1, &certificates[1..]).unwrap();
        assert_eq!(std::fs::read(home.chain()).unwrap(), whole);
        assert!(matches!(file.append(4, &certificates), Err(StateError::Damaged(_))));
    }

    /// Fails if what nodes give again lands behind what was damaged, where no start would read it: or if the damage is taken for it.
    #[test]
    fn what_is_damaged_is_cut_off_before_more_is_appended() {
        let folder = tempfile::tempdir().unwrap();
        let home = Home::at(Some(folder.path().to_owned()));
        let file = ChainFile::of(&home);
        let certificates: Vec<Bytes> = ["genesis", "one", "two", "three"].map(Bytes::from).into();
        file.append(0, &certificates).unwrap();
        let whole = std::fs::read(home.chain()).unwrap();
        let content_of_one = 4 + 7 + 4;
        let mut damaged = whole.clone();
        damaged[content_of_one] ^= 1;
        std::fs::write(home.chain(), &damaged).unwrap();
        // By one at a time, as a node may give them: nothing stale is left behind the first.
        file.append(1, &certificates[1..2]).unwrap();
        assert_eq!(file.load().unwrap(), certificates[..2]);
        file.append(2, &certificates[2..]).unwrap();
        assert_eq!(std::fs::read(home.chain()).unwrap(), whole);
        // What another process has appended stays.
        file.append(1, &certificates[1..2]).unwrap();
        assert_eq!(std::fs::read(home.chain()).unwrap(), whole);
    }
}
