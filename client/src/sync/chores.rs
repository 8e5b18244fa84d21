//! What is done when there is nothing else to do: replaying the log behind a checkpoint, and writing checkpoints.
//!
//! In steps, each of which survives being cut off: a change on either side waits for one step at most.

use super::{OpenSpace, SyncError};
use crate::content::Nodes;

impl<N: Nodes> OpenSpace<N> {
    /// Whether there is anything to do.
    ///
    /// # Errors
    /// [`SyncError`] of the cache.
    pub fn has_chores(&self) -> Result<bool, SyncError> {
        Ok(self.is_checkpoint_wanted || self.writing.is_some() || !self.cache.is_whole()?)
    }

    /// Does one step of it. The caller holds the home's claim.
    ///
    /// # Errors
    /// [`SyncError`].
    pub fn do_chore(&mut self) -> Result<(), SyncError> {
        if !self.replay()? {
            return Ok(());
        }
        if std::mem::take(&mut self.is_checkpoint_wanted) {
            self.writing = Some(self.begin_writing()?);
        }
        self.write_some()
    }
}
