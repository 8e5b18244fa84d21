//! What an author does with chunks: puts them, has them promised anew, and commits to them.

use std::sync::Arc;

use anyhow::Context;
use bytes::Bytes;
use vauban_client::link::{Fetched, Link, LinkError};
use vauban_protocol::id::ChunkId;
use vauban_protocol::receipt::Receipt;
use vauban_protocol::space::Commit;
use vauban_protocol::wire::Refusal;

use super::Author;

/// Chunks fetched at once.
const FETCHED: usize = 64;

impl Author {
    /// Puts objects by whichever node answers; the index that a commit may rest on.
    pub(in crate::cluster) fn put(&self, objects: &[(ChunkId, Bytes)]) -> anyhow::Result<u64> {
        let receipts = self.runtime.block_on(self.link.put_chunks(self.space, objects))?;
        promised(&receipts).context("acknowledged without a receipt")
    }

    /// Which of these are held and promised anew; and the index that a commit may rest on, if any is.
    pub(in crate::cluster) fn have(&self, ids: &[ChunkId]) -> anyhow::Result<(Vec<bool>, Option<u64>)> {
        let held = self.runtime.block_on(self.link.have_chunks(self.space, ids.to_vec()))?;
        Ok((held.held, promised(&held.receipts)))
    }

    /// Commits to these on receipts of that index; false if they are too old.
    pub(in crate::cluster) fn add(&mut self, ids: &[ChunkId], stored_at: u64) -> anyhow::Result<bool> {
        let mut adds = ids.to_vec();
        adds.sort_unstable();
        let commit = Commit { adds, stored_at, ..self.next() };
        let is_too_old = |error: &LinkError| matches!(error.refusal(), Some(Refusal::ReceiptsTooOld { .. }));
        match self.commit_this(commit) {
            Err(error) if error.downcast_ref().is_some_and(is_too_old) => Ok(false),
            done => done.map(|()| true),
        }
    }

    /// Commits with so many bytes of content.
    pub(in crate::cluster) fn commit_bytes(&mut self, bytes: usize) -> anyhow::Result<()> {
        let commit = Commit { sealed_ops: vec![0x5a; bytes], ..self.next() };
        self.commit_this(commit)
    }

    fn commit_this(&mut self, commit: Commit) -> anyhow::Result<()> {
        let link = Arc::clone(&self.link);
        let commit = self.session.identity().signing().seal(commit)?;
        self.hand_in(&link, &commit)
    }

    /// Fails unless the node that is reached at this address gives each of these back as it was.
    pub(in crate::cluster) fn ensure_read_at(&self, address: &str, ids: &[ChunkId]) -> anyhow::Result<()> {
        let link = self.link_to(address)?;
        ids.chunks(FETCHED).try_for_each(|some| self.ensure_read(&link, some)).with_context(|| format!("by {address}"))
    }

    fn ensure_read(&self, link: &Link, ids: &[ChunkId]) -> anyhow::Result<()> {
        let fetched = self.runtime.block_on(link.get_chunks(self.space, ids.to_vec()))?;
        for (id, fetched) in ids.iter().zip(fetched) {
            let Fetched::Object(object) = fetched else { anyhow::bail!("{id:?}: {fetched:?}") };
            anyhow::ensure!(ChunkId::of(&object) == *id, "{id:?} came back as other bytes");
        }
        Ok(())
    }
}

fn promised(receipts: &[Receipt]) -> Option<u64> {
    receipts.iter().map(|receipt| receipt.claim.at).min()
}
