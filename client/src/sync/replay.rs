//! Replaying the log behind a checkpoint, and holding the two against each other (`formats#19`).
//!
//! Step by step, so that it stands in nobody's way; each step is durable, and the next process goes on from it. Until it is
//! done this device has history only from the checkpoint on, and neither releases, rotates nor writes checkpoints.

use vauban_protocol::chain::Head;

use super::follow::Side;
use super::{OpenSpace, SyncError};
use crate::content::Nodes;
use crate::log::LogError;
use crate::state::cache::{Start, Verdict};
use crate::state::replace;

impl<N: Nodes> OpenSpace<N> {
    /// How far the log behind was replayed, and how far it goes; `None` if all of it was folded.
    ///
    /// # Errors
    /// [`SyncError`] of the cache.
    pub fn replayed(&mut self) -> Result<Option<(u64, u64)>, SyncError> {
        let Some(start) = self.cache.start()? else { return Ok(None) };
        let behind = self.side(Side::Behind)?.space()?;
        Ok(Some((behind.map_or(0, |space| space.head().seq), start.space.head().seq)))
    }

    /// Replays some more of the log behind; answers whether all of it was folded then. The caller holds the home's claim.
    ///
    /// # Errors
    /// [`SyncError`]; [`LogError::FalseCheckpoint`] if the log turns out to say something else than the checkpoint that this
    /// device started from: what the log says then holds, and nothing is removed for it.
    pub(super) fn replay(&mut self) -> Result<bool, SyncError> {
        let Some(start) = self.cache.start()? else { return Ok(true) };
        let until = start.space.head();
        let from = self.side(Side::Behind)?.space()?.map_or(0, |space| space.head().seq.saturating_add(1));
        if from > until.seq {
            return self.conclude(&start, until);
        }
        let (_, mut items) = self.log_after(from)?;
        let wanted = until.seq.saturating_sub(from).saturating_add(1);
        items.truncate(usize::try_from(wanted).unwrap_or(usize::MAX));
        if items.is_empty() {
            return Err(SyncError::Behind { ours: until.seq, theirs: from.saturating_sub(1) });
        }
        self.fold_items(Side::Behind, items)?;
        Ok(false)
    }

    fn conclude(&mut self, start: &Start, until: Head) -> Result<bool, SyncError> {
        let replayed = self.side(Side::Behind)?;
        let head = replayed.space()?.map(|space| space.head());
        if let Some(shown) = head.filter(|head| *head != until) {
            // The log that was replayed is not the one that goes on from the checkpoint.
            return Err(LogError::Fork { seq: until.seq, ours: until.digest, theirs: shown.digest }.into());
        }
        let Some(replayed) = self.behind.take() else { return Ok(true) };
        let verdict = self.cache.compare(start, &replayed)?;
        if verdict == Verdict::False {
            self.keep_commit(start.seq, &start.commit)?;
        }
        self.cache.take_over(start, replayed, verdict)?;
        // Both are of the same space; what is known of its epochs may differ.
        self.epochs = None;
        self.settle_debt()?;
        match verdict {
            Verdict::True => Ok(true),
            Verdict::False => Err(LogError::FalseCheckpoint { seq: start.seq, device: start.device }.into()),
        }
    }

    /// Keeps what proves an alarm about the commit at `seq`.
    pub(super) fn keep_commit(&self, seq: u64, commit: &[u8]) -> Result<(), SyncError> {
        let name = format!("{}-{seq}", self.id.to_hex());
        Ok(replace(&self.device.home().proof(&name), commit)?)
    }
}
