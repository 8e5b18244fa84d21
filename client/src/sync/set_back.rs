//! Going back with a cluster that was restored from a backup (trust.md): to the head that the organisation's root names, never on a
//! node's word.
//!
//! What was acknowledged after the backup is in no log any more, and on this disk still. The log is read anew, the counter with it; what
//! the disk holds then differs from what is agreed on, and is committed again like any other change. What was removed since the backup
//! comes back: that it was is known to nobody any more.

use super::{OpenSpace, SyncError};
use crate::content::Nodes;
use crate::log::LogError;
use crate::state::cache::Moment;

impl<N: Nodes> OpenSpace<N> {
    /// Whether the root has set the space back, since this device looked last, to less than it has seen: then the log must be read anew.
    ///
    /// # Errors
    /// [`SyncError`]; a fork, if the root names another history than this device has seen.
    pub(super) fn is_to_go_back(&self) -> Result<bool, SyncError> {
        let restored = self.org.restored_since(self.id, self.record.reanchored_by);
        match (self.record.head, restored) {
            (Some(seen), Some(head)) if seen.seq > head.seq => Ok(true),
            (Some(seen), Some(head)) if seen.seq == head.seq && seen.digest != head.digest => {
                Err(LogError::Fork { seq: seen.seq, ours: seen.digest, theirs: head.digest }.into())
            }
            _ => Ok(false),
        }
    }

    /// Goes back, if the root says so. The caller holds the home's claim, and follows afterwards.
    ///
    /// # Errors
    /// [`SyncError`].
    pub(super) fn go_back(&mut self) -> Result<(), SyncError> {
        if !self.is_to_go_back()? {
            self.note_reanchored();
            return Ok(());
        }
        let Some(head) = self.org.restored_since(self.id, self.record.reanchored_by) else { return Ok(()) };
        tracing::warn!(
            space = %self.id, to = head.seq, from = self.record.head.map_or(0, |seen| seen.seq),
            "the cluster was restored from a backup: what came after it is committed again"
        );
        // The cache first: a run that is killed before the anchor knows does both again.
        self.behind = None;
        self.cache.forget_log()?;
        (self.epochs, self.looked, self.writing) = (None, None, None);
        self.set_back_to(head)
    }

    /// Takes up what was agreed on, once the log was read anew. The caller holds the home's claim.
    ///
    /// # Errors
    /// [`SyncError`].
    pub(super) fn come_back(&mut self) -> Result<(), SyncError> {
        let Some(head) = self.record.set_back_to else { return Ok(()) };
        self.cache.agree_as_of(Moment(head.seq))?;
        self.looked = None;
        let last = self.folded()?.last_commit(self.identity().device()).map_or(0, |last| last.counter);
        self.has_come_back(last)
    }
}
