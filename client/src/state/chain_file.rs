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
        Ok(self.read()?.0)
    }

    /// Appends the certificates that stand at position `at` and after. What another process has already appended is not
    /// doubled: verified certificates at one position of one chain are the same.
    ///
    /// # Errors
    /// [`StateError`]; [`StateError::Damaged`] if the file ends before `at`.
    pub fn append(&self, at: usize, certificates: &[Bytes]) -> Result<(), StateError> {
        let _held = self.home.hold()?;
        let (present, whole_bytes) = self.read()?;
        let path = self.home.chain();
        let skipped = present.len().checked_sub(at).ok_or_else(|| StateError::Damaged(path.clone()))?;
        let mut tail = Vec::new();
        certificates.iter().skip(skipped).for_each(|certificate| push_item(&mut tail, certificate));
        let write = || {
            let mut file = OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(&path)?;
            file.set_len(whole_bytes)?;
            file.seek(SeekFrom::Start(whole_bytes))?;
            file.write_all(&tail)?;
            file.sync_all()
        };
        write().map_err(StateError::io(&path))
    }

    /// The whole certificates, and the bytes they take.
    fn read(&self) -> Result<(Vec<Bytes>, u64), StateError> {
        let bytes = read_bounded(&self.home.chain(), CHAIN_FILE_BYTES_MAX)?.unwrap_or_default();
        let mut rest = Bytes::from(bytes);
        let (mut certificates, mut whole_bytes) = (Vec::new(), 0u64);
        while let Some(length) = rest.first_chunk::<4>().map(|length| u32::from_le_bytes(*length)) {
            let end = usize::try_from(length).unwrap_or(usize::MAX);
            if end > CERTIFICATE_BYTES_MAX || rest.len() - 4 < end {
                break;
            }
            let item = rest.split_to(4 + end);
            whole_bytes = whole_bytes.saturating_add(4 + u64::from(length));
            certificates.push(item.slice(4..));
        }
        Ok((certificates, whole_bytes))
    }
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
}
