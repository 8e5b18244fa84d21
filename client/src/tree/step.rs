//! Every change of a disk passes here first, so that tests can stop a run after each of them, as a power cut would.

#[cfg(not(test))]
use std::path::PathBuf;

#[cfg(not(test))]
use super::TreeError;

/// Says that the disk is about to be changed.
///
/// # Errors
/// Only in tests, and from then on for each step: as a full disk, which ends the run.
#[cfg(not(test))]
#[expect(clippy::unnecessary_wraps, reason = "tests stop here")]
pub(super) fn step(_path: impl FnOnce() -> PathBuf) -> Result<(), TreeError> {
    Ok(())
}

#[cfg(test)]
pub(super) use stopped::step;
#[cfg(test)]
pub(crate) use stopped::{stop_after, stop_never};

#[cfg(test)]
mod stopped {
    use std::cell::Cell;
    use std::io;
    use std::path::PathBuf;

    use crate::tree::TreeError;

    thread_local! {
        static LEFT: Cell<Option<u64>> = const { Cell::new(None) };
    }

    /// From now on this thread may change its disk `steps` times.
    pub(crate) fn stop_after(steps: u64) {
        LEFT.set(Some(steps));
    }

    /// This thread may change its disk again; says whether it was stopped.
    pub(crate) fn stop_never() -> bool {
        LEFT.take() == Some(0)
    }

    pub(in crate::tree) fn step(path: impl FnOnce() -> PathBuf) -> Result<(), TreeError> {
        match LEFT.get() {
            None => Ok(()),
            Some(0) => Err(TreeError::Disk { what: "change", path: path(), source: io::ErrorKind::StorageFull.into() }),
            Some(left) => {
                LEFT.set(Some(left - 1));
                Ok(())
            }
        }
    }
}
