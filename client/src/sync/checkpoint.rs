//! Writing checkpoints, so that new devices need not replay the log (`formats#19`).
//!
//! ```text
//! tree at S, page by page ─► sealed ─► stored ┐
//! roster at S             ─► sealed ─► stored ┴─► signed by both keys ─► a commit, wherever the log has gone meanwhile
//! ```
//! The tree of a position never changes, so a busy space holds nothing up: the commit names S, and follows whatever came after.
//! One page is one step; between steps other work goes first. Given up or overtaken by another's, it is tried again later.

use std::collections::BTreeMap;

use vauban_protocol::id::ChunkId;
use vauban_protocol::space::{Control, Role, Space};
use vauban_protocol::wire::{ChunkHead, Request, Response};

use super::author::{Draft, Sent};
use super::{OpenSpace, SyncError};
use crate::content::{Nodes, NodesError, UploadError, have_chunks, judge_receipts};
use crate::limit::{CHECKPOINT_LATE_PERCENT, CHECKPOINT_OPS, CHECKPOINT_PAGES_MAX, COMMIT_TRIES_MAX};
use crate::log::{Checkpoint, ChunkRef, EntryId, Roster, TreeHasher, encode_checkpoint, encode_rows};
use crate::state::cache::due_weight;

/// A checkpoint that is being written.
#[derive(Debug)]
pub(super) struct Writing {
    /// The space in clear at its position.
    space: Space,
    after: Option<EntryId>,
    hasher: TreeHasher,
    pages: Vec<ChunkRef>,
    /// The least index that a receipt for its chunks names.
    stored_at: u64,
}

/// Whether a run is to write a checkpoint: the one that made it due, or any once it is late.
#[must_use]
fn is_due(before: u64, now: u64, has_committed: bool, due: u64) -> bool {
    let late = due.saturating_add(due.saturating_mul(CHECKPOINT_LATE_PERCENT) / 100);
    (now >= due && before < due && has_committed) || now >= late
}

impl<N: Nodes> OpenSpace<N> {
    /// What has been folded since the last checkpoint, in ops.
    pub(super) fn checkpoint_weight(&self) -> Result<u64, SyncError> {
        Ok(self.cache.since()?.weight())
    }

    /// Whether this device should write a checkpoint after a run that began at weight `before`.
    pub(super) fn is_checkpoint_due(&self, before: u64, has_committed: bool) -> Result<bool, SyncError> {
        let now = self.checkpoint_weight()?;
        // Counting entries takes a look at all of them: not after each save.
        if now < CHECKPOINT_OPS || !self.may_checkpoint()? {
            return Ok(false);
        }
        Ok(is_due(before, now, has_committed, due_weight(self.cache.entry_count()?)))
    }

    fn may_checkpoint(&self) -> Result<bool, SyncError> {
        let space = self.folded()?;
        Ok(self.cache.is_whole()? && space.epoch() > 0 && space.role(self.identity().user()) >= Some(Role::Writer))
    }

    /// Writes a checkpoint of the space as it is folded now; answers whether one stands in the log then. The caller holds the
    /// home's claim.
    ///
    /// # Errors
    /// [`SyncError`].
    pub fn checkpoint(&mut self) -> Result<bool, SyncError> {
        if !self.may_checkpoint()? {
            return Ok(false);
        }
        let at = self.folded()?.head();
        self.writing = Some(self.begin_writing()?);
        while self.writing.is_some() {
            self.write_some()?;
        }
        self.is_checkpointed_after(at.seq)
    }

    pub(super) fn begin_writing(&self) -> Result<Writing, SyncError> {
        let hasher = TreeHasher::new(self.id);
        Ok(Writing { space: self.folded()?, after: None, hasher, pages: Vec::new(), stored_at: u64::MAX })
    }

    /// Writes one page more, or ends it.
    pub(super) fn write_some(&mut self) -> Result<(), SyncError> {
        let Some(mut writing) = self.writing.take() else { return Ok(()) };
        let Some(page) = self.cache.tree_page(writing.space.head().seq, writing.after)? else {
            return self.finish_writing(writing);
        };
        if writing.pages.len() >= CHECKPOINT_PAGES_MAX {
            tracing::warn!(pages = writing.pages.len(), "the tree is too large for a checkpoint");
            return Ok(());
        }
        let chunk = self.store_page(&encode_rows(page.count, &page.rows), &mut writing.stored_at)?;
        writing.hasher.update(page.count, &page.rows);
        writing.after = Some(page.last);
        writing.pages.push(chunk);
        self.writing = Some(writing);
        Ok(())
    }

    fn finish_writing(&mut self, mut writing: Writing) -> Result<(), SyncError> {
        let space = &writing.space;
        let roster = Roster { org: space.org(), devices: space.devices().collect::<BTreeMap<_, _>>() };
        let (at, clear) = (space.head(), space.digest());
        let roster = self.store_page(&roster.to_bytes(), &mut writing.stored_at)?;
        let tree = writing.hasher.finish();
        let device = self.identity().device();
        let pages = writing.pages;
        let signed = self.identity().signing().seal_hybrid(Checkpoint {
            space: self.id,
            at,
            device,
            made_at: self.now(),
            tree,
            clear,
            roster,
            pages,
        })?;
        let mut adds: Vec<ChunkId> = signed.payload().chunks().map(|chunk| chunk.id).collect();
        adds.sort_unstable();
        let mut draft = Draft {
            adds,
            stored_at: writing.stored_at,
            control: Some(Control::Checkpoint),
            checkpoint: Some(encode_checkpoint(&signed)),
            ..Draft::default()
        };
        self.written = Some((at, tree));
        for _ in 0..COMMIT_TRIES_MAX {
            match self.send(&draft)? {
                Sent::Committed => return self.write_record(),
                Sent::Overtaken if self.is_checkpointed_after(at.seq)? => break,
                Sent::Overtaken => {}
                Sent::NotKept => break,
                Sent::TooOld => match self.stamp_again(&draft.adds)? {
                    Some(stored_at) => draft.stored_at = stored_at,
                    None => break,
                },
            }
        }
        tracing::debug!("others have written a checkpoint, or were faster each time");
        self.write_record()
    }

    fn is_checkpointed_after(&self, seq: u64) -> Result<bool, SyncError> {
        Ok(self.cache.last_checkpoint()?.is_some_and(|last| last > seq))
    }

    pub(super) fn store_page(&self, content: &[u8], stored_at: &mut u64) -> Result<ChunkRef, SyncError> {
        let sealed = self.current()?.keys.checkpoint.seal(content)?;
        let plain_bytes = u32::try_from(content.len()).unwrap_or(u32::MAX);
        let chunk = ChunkRef { id: sealed.id, secret: sealed.secret, tag: sealed.tag, plain_bytes };
        let object_bytes = u32::try_from(sealed.object.len()).unwrap_or(u32::MAX);
        let chunks = vec![ChunkHead { id: chunk.id, object_bytes }];
        let answer = self.ask(Request::PutChunks { space: self.id, chunks }, vec![sealed.object.into()])?;
        let (Response::Stored { receipts }, _) = answer else {
            return Err(NodesError::Senseless("not a receipt").into());
        };
        let at = judge_receipts(&receipts, &[chunk.id], self.id, &self.org, self.now()).map_err(UploadError::from)?;
        *stored_at = at.min(*stored_at);
        Ok(chunk)
    }

    /// Newer receipts; `None` if something is no longer held.
    fn stamp_again(&self, adds: &[ChunkId]) -> Result<Option<u64>, SyncError> {
        let (held, receipts) = self.runtime.block_on(have_chunks(&self.nodes, self.id, adds))?;
        if !held.iter().all(|held| *held) {
            return Ok(None);
        }
        let at = judge_receipts(&receipts, adds, self.id, &self.org, self.now()).map_err(UploadError::from)?;
        Ok(Some(at))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whoever makes it due writes it; the others only once it is late, so that one of fifty does.
    #[test]
    fn one_writes_it_and_others_when_it_is_late() {
        let due = 1000;
        assert!(is_due(999, 1000, true, due));
        assert!(!is_due(999, 1000, false, due), "who has only read leaves it to whoever wrote");
        assert!(!is_due(1000, 1001, true, due), "it was due before this run: somebody is at it");
        assert!(!is_due(0, 999, true, due));
        assert!(is_due(1249, 1250, false, due) && is_due(1250, 1250, false, due));
    }
}
