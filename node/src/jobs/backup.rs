//! Writing what the metadata are to a file, from time to time: what is left when all nodes lose their disks at once.
//!
//! When the next one is due follows from the newest that is there, however often the node was started since; and both that and their order go
//! by cluster time, which no clock takes back. So neither a node that starts again and again nor a clock that was set takes the place of
//! what was written days ago. Where cluster time stands still, which a leader's clock can make it do, a node that has run for so long
//! writes one all the same, and names it after the newest.

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use tokio::time::Instant;
use vauban_protocol::id::NodeId;
use vauban_protocol::time::Timestamp;

use super::{Job, JobError, Step};
use crate::limit::BACKUP_REST_SECONDS;
use crate::metadata::{BackupError, Metadata};

/// See the module.
pub struct Backup {
    metadata: Metadata,
    node: NodeId,
    folder: PathBuf,
    every: Duration,
    kept: usize,
    /// From when on the node backs up: it has others to serve first.
    rested: Instant,
    /// When it was started, or has last written one.
    since: Instant,
    /// By cluster time, when the next one is due; none before it has looked what is there.
    next: Option<Timestamp>,
}

impl Backup {
    /// Backs the metadata up to `folder`, `every` so often, for the first time after a rest; the newest `kept` files stay.
    #[must_use]
    pub fn new(metadata: Metadata, node: NodeId, folder: PathBuf, every: Duration, kept: usize) -> Self {
        let since = Instant::now();
        let rested = since + Duration::from_secs(BACKUP_REST_SECONDS).min(every);
        Self { metadata, node, folder, every, kept: kept.max(1), rested, since, next: None }
    }

    /// The same, without a rest.
    #[cfg(test)]
    pub(super) fn rested(mut self) -> Self {
        self.rested = self.since;
        self
    }

    fn is_overdue(&self) -> bool {
        self.since.elapsed() >= self.every
    }
}

impl Job for Backup {
    const NAME: &'static str = "backup";

    fn is_due(&mut self) -> bool {
        let view = self.metadata.view();
        let is_time = self.next.is_none_or(|next| view.cluster_time() >= next) || self.is_overdue();
        // A node that waits for its place has nothing yet; one that is being restored has nothing new.
        is_time && Instant::now() >= self.rested && self.metadata.is_member() && view.is_in_force()
    }

    async fn step(&mut self) -> Result<Step, JobError> {
        let (metadata, node, folder, kept) = (self.metadata.clone(), self.node, self.folder.clone(), self.kept);
        let (every, is_overdue) = (self.every.as_secs(), self.is_overdue());
        let backing_up = tokio::task::spawn_blocking(move || {
            let in_way = |source| BackupError::File { path: folder.clone(), source };
            fs::create_dir_all(&folder).map_err(in_way)?;
            let (now, before) = (metadata.view().cluster_time(), Metadata::backups(&folder, node).map_err(in_way)?);
            let newest = before.last().map(|(at, _)| *at);
            if let Some(next) = newest.map(|at| at.plus(every)).filter(|next| *next > now && !is_overdue) {
                return Ok::<_, BackupError>((next, Step { wanting: Some(0), ..Step::default() }, Ok(())));
            }
            let at = newest.map_or(now, |newest| now.max(newest.plus(1)));
            let path = metadata.back_up_to(&folder, at)?;
            let bytes = fs::metadata(&path).map_err(in_way)?.len();
            let old = before.len().saturating_add(1).saturating_sub(kept);
            let pruned = before.iter().take(old).try_for_each(|(_, path)| fs::remove_file(path)).map_err(in_way);
            let step = Step { seen: 1, changed: 1, bytes, wanting: Some(0), ..Step::default() };
            Ok((at.plus(every), step, pruned))
        });
        let (next, step, pruned) = backing_up.await.map_err(|_| JobError::Ending)??;
        self.next = Some(next);
        if step.changed > 0 {
            self.since = Instant::now();
        }
        // It is written all the same: not once more for what cannot be removed.
        pruned?;
        Ok(step)
    }
}
