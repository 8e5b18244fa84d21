//! What a device does for a space once its own folder is in step: it judges what others released, and hourly exchanges words
//! with them and releases what nothing needs any more.
//!
//! ```text
//! Release of another ─► still needed? ─► Keep, and an alarm that names the device
//! words of others (Seen) ─► same history? ─► a confirmed view, or an alarm ─► own word
//! versions out of history ─► chunks that nothing else names ─► Release
//! ```
//! A device that has not folded all of the log does none of it: it cannot know what refers to a chunk, and has not seen what it
//! would vouch for.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use vauban_protocol::id::ChunkId;
use vauban_protocol::limit::{COMMIT_ADDS_MAX, IDS_MAX};
use vauban_protocol::space::{Control, Retention, Role};
use vauban_protocol::time::{DAY_SECONDS, Timestamp};

use super::author::{Draft, Sent};
use super::members::Trust;
use super::report::{Summary, Watcher};
use super::{OpenSpace, SyncError};
use crate::content::{FetchError, Nodes, UploadError, every_id, have_chunks, judge_receipts};
use crate::limit::{COMMIT_TRIES_MAX, FRESHNESS_DAYS_MAX, RELEASE_IDS_MAX, RELEASE_SLACK_DAYS, TEND_SECONDS};
use crate::organisation::Roster;
use crate::state::cache::{Cache, CacheError, Mark, Unread, Uses};

/// A device has released chunks that were still needed; they are kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Contested {
    /// The device, by name.
    pub device: String,
    /// The number of its commit.
    pub commit: u64,
    /// How many chunks.
    pub chunks: u64,
}

impl<N: Nodes> OpenSpace<N> {
    /// Does what is due. What fails for now is done next time; an alarm is not put off.
    pub(super) fn tend(&mut self, watcher: &Arc<dyn Watcher>, summary: &mut Summary) -> Result<(), SyncError> {
        match self.tend_now(watcher, summary) {
            Err(error) if !error.is_alarm() => {
                tracing::warn!(%error, "what is due hourly is put off");
                Ok(())
            }
            other => other,
        }
    }

    fn tend_now(&mut self, watcher: &Arc<dyn Watcher>, summary: &mut Summary) -> Result<(), SyncError> {
        let tended = self.cache.mark(Mark::Tended)?;
        // A clock that was set back puts nothing off.
        let now = self.now();
        let is_due = tended.is_none_or(|tended| tended.plus(TEND_SECONDS) <= now || tended > now);
        if (!is_due && self.cache.releases()?.is_empty()) || !self.cache.knows_all()? {
            return Ok(());
        }
        self.judge_releases(summary)?;
        if is_due {
            // Who was revoked is news that no space tells.
            self.refresh_organisation()?;
            self.compare_words()?;
            // As at a run's beginning: what came by file requests ends with the keys. What this run has said of drops stands.
            if summary.dropped.is_nothing() && self.folded()?.is_rotation_pending(&self.org) {
                self.take_drops_or_put_off(watcher, summary)?;
            }
            self.rotate_if_pending(Trust::Confirmed)?;
            self.release_expired()?;
            self.release_stale_checkpoints()?;
            self.cache.set_mark(Mark::Tended, now)?;
        }
        Ok(())
    }

    fn judge_releases(&mut self, summary: &mut Summary) -> Result<(), SyncError> {
        for release in self.cache.releases()? {
            let (needed, _) = self.needed(|cache| cache.uses_at(&release))?;
            let still = self.released(&needed)?;
            if !still.is_empty() {
                tracing::warn!(device = %release.device, commit = release.seq, "chunks that are needed were released");
                if self.may_write()? {
                    self.keep(&still)?;
                }
            }
            // An old one that others have long contested is no news to a device that reads the log for the first time.
            let is_news = !still.is_empty() || release.at.plus(FRESHNESS_DAYS_MAX * DAY_SECONDS) >= self.now();
            let chunks = if is_news { needed.len() as u64 } else { 0 };
            if chunks > 0 {
                let device = Roster::new(&self.org, self.identity().directory()).device(release.device);
                summary.contested.push(Contested { device, commit: release.seq, chunks });
            }
            self.cache.settle_release(&release, chunks)?;
        }
        Ok(())
    }

    /// Takes back the release of what is still released among `ids`.
    fn keep(&mut self, ids: &BTreeSet<ChunkId>) -> Result<(), SyncError> {
        for _ in 0..COMMIT_TRIES_MAX {
            let left: Vec<ChunkId> = self.released(ids)?.into_iter().take(COMMIT_ADDS_MAX).collect();
            if left.is_empty() {
                return Ok(());
            }
            let draft = Draft { control: Some(Control::Keep(left.clone())), ..Draft::default() };
            if self.send(&draft)? == Sent::NotKept {
                // Too late for one of them: what nodes still hold is added again, and the rest is lost.
                let held = self.held(&left)?;
                if held.is_empty() {
                    return Ok(());
                }
                let stored_at = held.values().copied().min().unwrap_or_default();
                self.send(&Draft { adds: held.into_keys().collect(), stored_at, ..Draft::default() })?;
            }
        }
        Err(SyncError::Overtaken)
    }

    /// Releases the chunks of versions that have left history, and that nothing else names.
    fn release_expired(&mut self) -> Result<(), SyncError> {
        let Retention::Days(days) = self.folded()?.retention() else { return Ok(()) };
        if !self.may_write()? {
            return Ok(());
        }
        let age = u64::from(days).saturating_add(RELEASE_SLACK_DAYS).saturating_mul(DAY_SECONDS);
        let since = Timestamp(self.now().0.saturating_sub(age));
        let mut expired = self.cache.expired(since, RELEASE_IDS_MAX)?;
        if !expired.unread.is_empty() {
            self.read_pages(&expired.unread)?;
            expired = self.cache.expired(since, RELEASE_IDS_MAX)?;
        }
        if expired.versions.is_empty() || !self.is_clock_confirmed() {
            return Ok(());
        }
        let (used, is_certain) = self.needed(|cache| cache.uses_since(&expired.ids, since))?;
        if !is_certain {
            tracing::warn!("pages cannot be read: nothing is released");
            return Ok(());
        }
        let free: Vec<ChunkId> = expired.ids.difference(&used).copied().collect();
        for batch in free.chunks(COMMIT_ADDS_MAX) {
            let draft = Draft { control: Some(Control::Release(batch.to_vec())), ..Draft::default() };
            if self.send(&draft)? != Sent::Committed {
                // Others have written, and may need what nothing needed before.
                return Ok(());
            }
        }
        Ok(self.cache.settle_expired(&expired)?)
    }

    /// Releases what checkpoints rest on that no device starts from any more; nothing that they name beside it, whoever wrote them.
    pub(super) fn release_stale_checkpoints(&mut self) -> Result<(), SyncError> {
        let stale = self.cache.stale_checkpoints()?;
        let Some((last, _)) = stale.last() else { return Ok(()) };
        let Retention::Days(days) = self.folded()?.retention() else { return Ok(()) };
        if !self.may_write()? {
            return Ok(());
        }
        let mut ids = BTreeSet::new();
        for id in stale.iter().flat_map(|(_, chunks)| chunks) {
            if self.cache.is_released(*id)? == Some(false) {
                ids.insert(*id);
            }
        }
        let age = u64::from(days).saturating_add(RELEASE_SLACK_DAYS).saturating_mul(DAY_SECONDS);
        let since = Timestamp(self.now().0.saturating_sub(age));
        let (used, is_certain) = self.needed(|cache| cache.uses_since(&ids, since))?;
        if !is_certain {
            return Ok(());
        }
        let free: Vec<ChunkId> = ids.difference(&used).copied().collect();
        if !free.is_empty() && !self.is_clock_confirmed() {
            return Ok(());
        }
        for batch in free.chunks(COMMIT_ADDS_MAX) {
            let draft = Draft { control: Some(Control::Release(batch.to_vec())), ..Draft::default() };
            if self.send(&draft)? != Sent::Committed {
                return Ok(());
            }
        }
        Ok(self.cache.forget_checkpoints(*last)?)
    }

    /// What `look` finds to be used, pages that it asks for read; and whether all of them could be.
    fn needed(
        &mut self,
        look: impl Fn(&Cache) -> Result<Uses, CacheError>,
    ) -> Result<(BTreeSet<ChunkId>, bool), SyncError> {
        let mut uses = look(&self.cache)?;
        if !uses.unread.is_empty() {
            self.read_pages(&uses.unread)?;
            uses = look(&self.cache)?;
        }
        Ok((uses.used, uses.unread.is_empty()))
    }

    fn read_pages(&self, unread: &[Unread]) -> Result<(), SyncError> {
        for unread in unread {
            match self.runtime.block_on(every_id(&self.nodes, self.id, &unread.version)) {
                Ok(ids) => self.cache.read_pages(unread, &ids)?,
                Err(FetchError::Nodes(error)) => return Err(error.into()),
                Err(error) => tracing::warn!(%error, "the pages of a version cannot be read"),
            }
        }
        Ok(())
    }

    /// Those of `ids` that are released.
    pub(super) fn released(&self, ids: &BTreeSet<ChunkId>) -> Result<BTreeSet<ChunkId>, SyncError> {
        let mut released = BTreeSet::new();
        for id in ids {
            if self.cache.is_released(*id)? == Some(true) {
                released.insert(*id);
            }
        }
        Ok(released)
    }

    /// Those of `ids` that nodes still hold as the policy wants it, with what their receipts rest on.
    pub(super) fn held(&self, ids: &[ChunkId]) -> Result<BTreeMap<ChunkId, u64>, SyncError> {
        let mut found = BTreeMap::new();
        for batch in ids.chunks(IDS_MAX) {
            let (held, receipts) = self.runtime.block_on(have_chunks(&self.nodes, self.id, batch))?;
            let present: Vec<ChunkId> = batch.iter().zip(held).filter(|(_, held)| *held).map(|(id, _)| *id).collect();
            if !present.is_empty() {
                let at = judge_receipts(&receipts, &present, self.id, &self.org, self.now());
                let at = at.map_err(UploadError::from)?;
                found.extend(present.into_iter().map(|id| (id, at)));
            }
        }
        Ok(found)
    }

    /// Whether this person may write to the space.
    pub(super) fn may_write(&self) -> Result<bool, SyncError> {
        Ok(self.folded()?.role(self.identity().user()) >= Some(Role::Writer))
    }
}
