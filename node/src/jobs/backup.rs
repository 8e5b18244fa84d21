//! Writing what the metadata are to a file, from time to time: what is left when all nodes lose their disks at once.

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use tokio::time::Instant;
use vauban_protocol::id::NodeId;

use super::{Job, JobError, Step};
use crate::clock;
use crate::limit::BACKUP_REST_SECONDS;
use crate::metadata::{BackupError, Metadata};

/// See the module.
pub struct Backup {
    metadata: Metadata,
    node: NodeId,
    folder: PathBuf,
    every: Duration,
    kept: usize,
    next: Instant,
}

impl Backup {
    /// Backs the metadata up to `folder`, `every` so often, for the first time after a rest; the newest `kept` files stay.
    #[must_use]
    pub fn new(metadata: Metadata, node: NodeId, folder: PathBuf, every: Duration, kept: usize) -> Self {
        let next = Instant::now() + Duration::from_secs(BACKUP_REST_SECONDS).min(every);
        Self { metadata, node, folder, every, kept: kept.max(1), next }
    }
}

impl Job for Backup {
    const NAME: &'static str = "backup";

    fn is_due(&mut self) -> bool {
        // A node that waits for its place has nothing yet; one that is being restored has nothing new.
        Instant::now() >= self.next && self.metadata.is_member() && self.metadata.view().is_in_force()
    }

    async fn step(&mut self) -> Result<Step, JobError> {
        let (metadata, node, folder, kept) = (self.metadata.clone(), self.node, self.folder.clone(), self.kept);
        let backing_up = tokio::task::spawn_blocking(move || {
            let in_way = |source| BackupError::File { path: folder.clone(), source };
            fs::create_dir_all(&folder).map_err(in_way)?;
            let path = metadata.back_up_to(&folder, clock::now())?;
            let bytes = fs::metadata(&path).map_err(in_way)?.len();
            let all = Metadata::backups(&folder, node).map_err(in_way)?;
            let old = all.len().saturating_sub(kept);
            all.iter().take(old).try_for_each(fs::remove_file).map_err(in_way)?;
            Ok::<_, BackupError>(Step { seen: 1, changed: 1, bytes, wanting: Some(0) })
        });
        let step = backing_up.await.map_err(|_| JobError::Ending)??;
        self.next = Instant::now() + self.every;
        Ok(step)
    }
}
