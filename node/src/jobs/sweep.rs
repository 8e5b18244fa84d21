//! Deleting copies that nobody needs, and giving their space back.
//!
//! The only deleter. Whether a copy may go is the rule's word (`chunks::rule`), on what one applied state says of it; the
//! store's one writer compares the stamp and drops the copy in one step.
//!
//! A copy that placement has taken from this node, and that a row still needs, goes only once a replica says that it has one: a layout may
//! have settled without chunks that no node had, and this copy have turned up since. So what a node was relieved of stays on it while no
//! replica answers.
//!
//! It goes on where a disk is full, and more often: nothing else makes room there.
//!
//! It holds while the cluster's time is far ahead of this node's own clock. Rows go by the cluster's time, which a leader that lies can
//! run through every retention within seconds; so the bytes wait until as much time has passed here, too. A node whose own clock is
//! behind merely keeps more.
//!
//! A node that was taken out of the cluster deletes nothing: it was empty then, or was called lost, and may have the last copy of
//! something. Its disk is its operator's to wipe.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use futures::{StreamExt as _, TryStreamExt as _, stream};
use tokio::time::Instant;
use vauban_protocol::id::{ChunkId, SpaceId};
use vauban_protocol::limit::IDS_MAX;
use vauban_protocol::time::Timestamp;
use vauban_protocol::wire::ChunkState;

use super::{Job, JobError, Step};
use crate::chunks::{Deletion, Fill, Held, Need, Partition, RowState, may_delete};
use crate::clock;
use crate::limit::{SWEEP_LEAD_SECONDS_MAX, SWEEP_SHORT_SECONDS, SWEEPS_IN_FLIGHT_MAX};
use crate::placement::Layouts;
use crate::replication::Replication;

/// See the module.
pub struct Sweep {
    replication: Replication,
    every: Duration,
    /// When the last pass ended.
    ended: Option<Instant>,
    /// The layouts under which the last pass began.
    layouts: Option<Arc<Layouts>>,
    place: Option<Place>,
    /// Whether segments may be emptied after this pass.
    is_reclaiming: bool,
    /// This node's own clock.
    clock: fn() -> Timestamp,
    /// Whether the cluster's time is too far ahead of it.
    is_held_back: bool,
}

#[derive(Debug, Clone, Copy)]
struct Place {
    partition: Partition,
    after: Option<(ChunkId, SpaceId)>,
}

impl Sweep {
    /// Sweeps this node's copies: `every` so often, and when a layout has settled.
    #[must_use]
    pub fn new(replication: Replication, every: Duration) -> Self {
        Self {
            replication,
            every,
            ended: None,
            layouts: None,
            place: None,
            is_reclaiming: false,
            clock: clock::now,
            is_held_back: false,
        }
    }

    /// The same, by another clock.
    #[cfg(test)]
    pub(super) fn by(mut self, clock: fn() -> Timestamp) -> Self {
        self.clock = clock;
        self
    }

    /// Compares the clocks; says so when it begins or ends to hold.
    fn compare_clocks(&mut self) {
        let (cluster, own) = (self.replication.view().cluster_time(), (self.clock)());
        let is_held_back = cluster > own.plus(SWEEP_LEAD_SECONDS_MAX);
        if is_held_back && !self.is_held_back {
            tracing::error!(
                ahead_seconds = cluster.0.saturating_sub(own.0),
                "the cluster's time is far ahead of this node's clock: no copy is deleted here while that is so; check the clock, and \
                 if it is right, whether a node that has led lied, or had a wrong one"
            );
        } else if self.is_held_back && !is_held_back {
            tracing::info!("the cluster's time is no longer far ahead of this node's clock: copies are deleted again");
        }
        self.is_held_back = is_held_back;
    }

    fn is_taken_out(&self) -> bool {
        let organisation = self.replication.view().organisation();
        organisation.is_some_and(|organisation| organisation.is_seat_removed(self.replication.node()))
    }

    /// How long a pass is to be over until the next.
    fn pause(&self) -> Duration {
        match self.replication.chunks().fill() {
            Ok(Fill::Roomy) | Err(_) => self.every,
            Ok(Fill::RepairOnly | Fill::Full) => self.every.min(Duration::from_secs(SWEEP_SHORT_SECONDS)),
        }
    }

    async fn sweep_page(&mut self, place: Place) -> Result<Step, JobError> {
        let page = self.replication.chunks().ids_in(place.partition, place.after).await?;
        let next = match page.last() {
            Some(last) => Some(Place { after: Some((last.id, last.space)), ..place }),
            None => Partition::new(place.partition.number().saturating_add(1))
                .map(|partition| Place { partition, after: None }),
        };
        let mut step = Step { seen: page.len() as u64, ..Step::default() };
        let judged = self.judged(page).await?;
        let unneeded = self.known_elsewhere(judged).await?;
        // After what was judged by: the cluster's time may have been run ahead since this unit was begun.
        self.compare_clocks();
        if self.is_held_back {
            return Ok(Step::default());
        }
        let chunks = self.replication.chunks();
        let deleted: Vec<u64> = stream::iter(unneeded)
            .map(|(held, need)| async move {
                let deletion = chunks.delete_if(held.space, held.id, need).await?;
                let bytes = if deletion == Deletion::Deleted { u64::from(held.object_bytes) } else { 0 };
                Ok::<_, JobError>(bytes)
            })
            .buffer_unordered(SWEEPS_IN_FLIGHT_MAX)
            .try_collect()
            .await?;
        step.changed = deleted.iter().filter(|bytes| **bytes > 0).count() as u64;
        step.bytes = deleted.iter().sum();
        self.place = next;
        if next.is_none() {
            self.is_reclaiming = true;
        }
        Ok(step)
    }

    /// Without the copies that a row still needs and that no replica is known to have: a layout may have settled without them, and one that
    /// turns up again here is then the last. Repair brings it to a replica; until then it stays.
    async fn known_elsewhere(&self, judged: Vec<(Held, Need)>) -> Result<Vec<(Held, Need)>, JobError> {
        let (mut sure, asked): (Vec<_>, Vec<_>) =
            judged.into_iter().partition(|(_, need)| need.row == RowState::Absent);
        let mut by_space: BTreeMap<SpaceId, Vec<(Held, Need)>> = BTreeMap::new();
        for (held, need) in asked {
            by_space.entry(held.space).or_default().push((held, need));
        }
        for (space, copies) in by_space {
            for some in copies.chunks(IDS_MAX) {
                let ids: Vec<ChunkId> = some.iter().map(|(held, _)| held.id).collect();
                let states = self.replication.check(space, &ids).await?;
                let is_there = |(_, state): &(&(Held, Need), ChunkState)| *state == ChunkState::There;
                sure.extend(some.iter().zip(states).filter(is_there).map(|(copy, _)| *copy));
            }
        }
        Ok(sure)
    }

    /// Those that the rule would let go now, with the state that says so.
    async fn judged(&self, page: Vec<Held>) -> Result<Vec<(Held, Need)>, JobError> {
        let (view, node) = (self.replication.view().clone(), self.replication.node());
        let judging = tokio::task::spawn_blocking(move || {
            let mut unneeded = Vec::new();
            for held in page {
                let need = view.need(held.space, held.id, node)?;
                if may_delete(&need, held.stamp) {
                    unneeded.push((held, need));
                }
            }
            Ok::<_, JobError>(unneeded)
        });
        judging.await.map_err(|_| JobError::Ending)?
    }
}

impl Job for Sweep {
    const NAME: &'static str = "sweep";

    fn is_due(&mut self) -> bool {
        self.compare_clocks();
        if self.is_held_back || self.is_taken_out() {
            return false;
        }
        if self.place.is_some() || self.is_reclaiming {
            return true;
        }
        if !self.replication.view().is_in_force() {
            return false;
        }
        let layouts = self.replication.view().layouts();
        let has_settled = layouts.is_settled() && self.layouts.as_ref() != Some(&layouts);
        if has_settled || self.ended.is_none_or(|ended| ended.elapsed() >= self.pause()) {
            self.layouts = Some(layouts);
            self.place = Partition::new(0).map(|partition| Place { partition, after: None });
        }
        self.place.is_some()
    }

    fn is_held_back(&self) -> bool {
        self.is_held_back
    }

    async fn step(&mut self) -> Result<Step, JobError> {
        if let Some(place) = self.place {
            return self.sweep_page(place).await;
        }
        let reclaimed = self.replication.chunks().reclaim().await;
        if !reclaimed.as_ref().is_ok_and(|reclaimed| reclaimed.more) {
            // After a failure, too: what keeps segments from being emptied keeps no pass from deleting.
            self.is_reclaiming = false;
            self.ended = Some(Instant::now());
        }
        let reclaimed = reclaimed?;
        let wanting = (!reclaimed.more).then_some(0);
        Ok(Step { bytes: reclaimed.moved_bytes, wanting, ..Step::default() })
    }
}
