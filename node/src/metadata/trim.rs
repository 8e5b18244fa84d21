//! Forgets the beginning of the log, once a snapshot has it. So much stays that a node which was away goes on by entries, and that one
//! which is being sent a snapshot, however long that takes, goes on by them afterwards instead of by another snapshot.
//!
//! The engine would forget by a number of entries alone, and also what follows a snapshot that is on its way.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use openraft::{LogId, Raft};
use tokio::time::MissedTickBehavior;

use super::raft::{Group, Voter};
use super::store::SnapshotShelf;
use crate::limit::{LOG_ENTRIES_HELD_MAX, LOG_ENTRIES_KEPT, LOG_LOOK_SECONDS};

/// Does it until the engine stops.
pub(super) async fn trim(raft: Raft<Group>, shelf: Arc<SnapshotShelf>) {
    let mut looks = tokio::time::interval(Duration::from_secs(LOG_LOOK_SECONDS));
    looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut catching_up = CatchingUp::default();
    loop {
        looks.tick().await;
        let metrics = raft.metrics().borrow().clone();
        if metrics.running_state.is_err() {
            return;
        }
        let held = catching_up.look(shelf.oldest_lent(), metrics.replication.iter().flatten());
        let Some(snapshot) = metrics.snapshot else { continue };
        let upto = forgettable(snapshot.index, held);
        if upto > metrics.purged.map_or(0, |purged| purged.index)
            && let Err(error) = raft.trigger().purge_log(upto).await
        {
            tracing::debug!(%error, "the log was not cut");
            return;
        }
    }
}

/// What other nodes are being brought.
#[derive(Default)]
struct CatchingUp {
    /// Where each of them stood at the last look.
    before: BTreeMap<Voter, Option<u64>>,
    /// The oldest snapshot that was being sent then.
    lent: Option<u64>,
}

impl CatchingUp {
    /// The first entry that is still needed: by a snapshot that is being sent, or was a moment ago, and by those who go on from where they stand. Who
    /// stands still holds nothing.
    fn look<'a>(
        &mut self,
        lent: Option<u64>,
        replication: impl Iterator<Item = (&'a Voter, &'a Option<LogId<Voter>>)>,
    ) -> Option<u64> {
        let stand = replication.map(|(voter, at)| (*voter, at.as_ref().map(|id| id.index)));
        let before = std::mem::replace(&mut self.before, stand.collect());
        let moved = |(voter, at): (&Voter, &Option<u64>)| (*at > *before.get(voter)?).then_some(*at)?;
        let moving = self.before.iter().filter_map(moved).min();
        [lent, std::mem::replace(&mut self.lent, lent), moving].into_iter().flatten().min()
    }
}

/// Up to which entry the log may be forgotten, by where the newest snapshot stands, and the first entry that others still need.
fn forgettable(newest: u64, needed: Option<u64>) -> u64 {
    let kept = newest.saturating_sub(LOG_ENTRIES_KEPT);
    let held = needed.map_or(kept, |needed| kept.min(needed));
    held.max(newest.saturating_sub(LOG_ENTRIES_HELD_MAX))
}

#[cfg(test)]
mod tests {
    use openraft::CommittedLeaderId;
    use vauban_protocol::id::NodeId;

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

    /// Fails if who has just had a snapshot, or goes on after it, is forgotten before the end; or if who stands still holds the log.
    #[test]
    fn what_somebody_catches_up_by_stays() {
        let [one, other] = [Voter::from(NodeId([1; 16])), Voter::from(NodeId([2; 16]))];
        let at = |index: Option<u64>| index.map(|index| LogId::new(CommittedLeaderId::new(1, one), index));
        let mut catching_up = CatchingUp::default();
        let mut look = |lent, [first, second]: [Option<u64>; 2]| {
            let stand = [(one, at(first)), (other, at(second))];
            catching_up.look(lent, stand.iter().map(|(voter, at)| (voter, at)))
        };
        assert_eq!(look(Some(50), [Some(900), None]), Some(50), "a snapshot is on its way");
        assert_eq!(look(None, [Some(900), None]), Some(50), "it was a moment ago");
        assert_eq!(look(None, [Some(900), Some(51)]), Some(51), "the other goes on after it");
        assert_eq!(look(None, [Some(901), Some(70)]), Some(70));
        assert_eq!(look(None, [Some(901), Some(70)]), None, "nobody moves");
    }
}
