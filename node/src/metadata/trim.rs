//! Forgets the beginning of the log, once a snapshot has it. So much stays that a node which was away goes on by entries, and that one
//! which is being sent a snapshot, however long that takes, goes on by them afterwards instead of by another snapshot.
//!
//! The engine would forget by a number of entries alone, and also what follows a snapshot that is on its way.

use std::sync::Arc;
use std::time::Duration;

use openraft::Raft;
use tokio::time::MissedTickBehavior;

use super::raft::Group;
use super::store::SnapshotShelf;
use crate::limit::{LOG_ENTRIES_HELD_MAX, LOG_ENTRIES_KEPT, LOG_LOOK_SECONDS};

/// Does it until the engine stops.
pub(super) async fn trim(raft: Raft<Group>, shelf: Arc<SnapshotShelf>) {
    let mut looks = tokio::time::interval(Duration::from_secs(LOG_LOOK_SECONDS));
    looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        looks.tick().await;
        let metrics = raft.metrics().borrow().clone();
        if metrics.running_state.is_err() {
            return;
        }
        let Some(snapshot) = metrics.snapshot else { continue };
        let upto = forgettable(snapshot.index, shelf.oldest_lent());
        if upto > metrics.purged.map_or(0, |purged| purged.index)
            && let Err(error) = raft.trigger().purge_log(upto).await
        {
            tracing::debug!(%error, "the log was not cut");
            return;
        }
    }
}

/// Up to which entry the log may be forgotten, by where the newest snapshot stands, and the oldest that is being sent.
fn forgettable(newest: u64, sent: Option<u64>) -> u64 {
    let kept = newest.saturating_sub(LOG_ENTRIES_KEPT);
    let held = sent.map_or(kept, |sent| kept.min(sent));
    held.max(newest.saturating_sub(LOG_ENTRIES_HELD_MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Fails if what follows a snapshot is forgotten while that is on its way, or if a transfer that never ends keeps all.
    #[test]
    fn what_follows_a_snapshot_on_its_way_stays() {
        let newest = 10 * LOG_ENTRIES_HELD_MAX;
        assert_eq!(forgettable(newest, None), newest - LOG_ENTRIES_KEPT);
        assert_eq!(forgettable(newest, Some(newest)), newest - LOG_ENTRIES_KEPT);
        assert_eq!(forgettable(newest, Some(newest - 3 * LOG_ENTRIES_KEPT)), newest - 3 * LOG_ENTRIES_KEPT);
        assert_eq!(forgettable(newest, Some(7)), newest - LOG_ENTRIES_HELD_MAX);
        assert_eq!(forgettable(7, None), 0);
    }
}
