//! Bringing back what a node must hold and does not: after a loss, a change of layout, or an upload that it missed.
//!
//! Every node has applied every row, so what is missing is found here, without asking anybody: the rows, in their order,
//! against the index. What is missing is then fetched from the replicas, several requests at once, and hashed; what has come is made
//! durable while more is fetched.
//! A pass that leaves nothing out, and whose copies are durable, is also what a new layout waits for: the node says so, signed.
//!
//! What no node has holds nothing up for ever. If it did, one chunk that two disks have lost, or one that a device made up, would be the
//! end of every change: no node would ever be emptied. So a report goes out without it, once two passes in a row have lacked nothing else,
//! the second of which began after the wait that operators set. What *no node has* means is the search's word (`replication`): each
//! replica of every active layout has answered, twice in each pass, that it has none. Why nothing is given up by this that exists:
//! - whoever holds a copy, or may, and does not answer, holds the report up as before, and so does a damaged copy until it is set aside;
//! - a replica that lies about its own copy, or was emptied, takes away that copy alone, and is no reason to hold on to others;
//! - what has a row when the pass begins was stored before its commit. If that was under the newest layout, a majority of its replicas has
//!   it, which go on; if it was before, a majority of the settled one's, which are all asked. What is put again meanwhile, or committed
//!   to later, rests on receipts of the newest layout: settling it takes no copy of these away;
//! - nothing is noted: each later pass looks for the same chunks again, and their rows keep every copy that turns up.
//!
//! A pass begins with the node, with each new layout, when a copy was set aside as damaged, and when another node is met again, since
//! one of the two has missed what was stored meanwhile; and else so long after the last one that passes take a small part of the time.
//! On a disk that takes nothing any more nothing is fetched either: what is missing is counted, and brought once there is room.
//! Each looks at rows that this node has caught up to: what was acknowledged while it was away is among them.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::Instant;
use vauban_protocol::id::{ChunkId, NodeId, SpaceId};

use super::{Job, JobError, Step};
use crate::chunks::{Duty, Fill, Partition, Purpose, Stamp, StoreError, VerifiedChunk};
use crate::limit::{
    LOST_SECONDS, REPAIR_BATCH_BYTES, REPAIR_BATCH_IDS, REPAIR_BATCHES_MAX, REPAIR_FETCHES_MAX, REPAIR_PAUSE_FACTOR,
    REPAIR_PAUSE_SECONDS_MIN, REPAIR_RETRY_SECONDS, REPAIR_ROWS_MAX, REPAIR_SPACES_MAX, REPAIR_STEP_BYTES,
};
use crate::metadata::{Metadata, Proposal};
use crate::placement::Layouts;
use crate::replication::{Fetched, Replication};

/// See the module.
pub struct Repair {
    replication: Replication,
    metadata: Metadata,
    pass: Option<Pass>,
    /// What the last pass began with; `None` before the first.
    last: Option<Cause>,
    /// How often other nodes had been met when it began.
    meetings: u64,
    /// When the next pass is due without any cause, and from when on one is because a node was met.
    next: Option<Instant>,
    rested: Option<Instant>,
    /// Whether the disk had no room for what it was missing: a pass is due once it has.
    was_full: bool,
    /// Copies that must be here, and that the last whole pass has left missing.
    left: u64,
    /// The same as known now; none before it has looked.
    owed: Option<u64>,
    /// How long chunks that no node has may hold up a new layout.
    lost_after: Duration,
    /// Since when passes for a layout that waits, of this version, have lacked only such.
    lost_since: Option<(u64, Instant)>,
}

/// What, if it changes, makes a pass due.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Cause {
    layout: u64,
    quarantined: u64,
}

/// A pass over all rows.
#[derive(Debug)]
struct Pass {
    begun: Instant,
    /// The Raft index that was applied when it began.
    at: u64,
    layouts: Arc<Layouts>,
    /// The layout that waits for this node's report, if one does.
    awaited: Option<u64>,
    /// The space that is being looked at, and its last chunk that was.
    place: Option<(SpaceId, Option<ChunkId>)>,
    /// Spaces after it that are known.
    spaces: Vec<SpaceId>,
    is_last_space: bool,
    /// The last space that is known.
    last_space: Option<SpaceId>,
    /// Whether all rows were looked at.
    is_looked_through: bool,
    /// What was found missing, and is not being fetched yet.
    missing: VecDeque<Batch>,
    /// What is being fetched.
    fetching: JoinSet<(Batch, Vec<Fetched>)>,
    /// What was fetched, and is being made durable.
    storing: JoinSet<Stored>,
    /// Chunks that could not be had.
    wanting: u64,
    /// Copies that what was acknowledged counts on, which were found missing and are not durable here yet.
    owed: u64,
    /// Those of them that no node has.
    lost: u64,
    /// Whether a replica that may have some of them did not answer.
    is_unheard: bool,
    /// Whether there was no room for some of them.
    is_full: bool,
    /// Whether rows may be missing: nobody said how far this node should be.
    lags: bool,
}

/// What a pass could not bring.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Found {
    wanting: u64,
    lost: u64,
}

/// Chunks of one space.
type Batch = (SpaceId, Vec<ChunkId>);

/// What came of a batch that was fetched: so many chunks and bytes, and whether they are durable.
#[derive(Debug)]
struct Stored {
    chunks: usize,
    /// Those that were owed.
    owed: u64,
    bytes: usize,
    outcome: Result<(), StoreError>,
}

impl Repair {
    /// Repairs this node's copies; reports go through `metadata`.
    #[must_use]
    pub fn new(replication: Replication, metadata: Metadata) -> Self {
        Self {
            replication,
            metadata,
            pass: None,
            last: None,
            meetings: 0,
            next: None,
            rested: None,
            was_full: false,
            left: 0,
            owed: None,
            lost_after: Duration::from_secs(LOST_SECONDS),
            lost_since: None,
        }
    }

    /// The same, that lets chunks which no node has hold up a new layout for so long.
    #[must_use]
    pub fn lost_after(self, lost_after: Duration) -> Self {
        Self { lost_after, ..self }
    }

    /// As long after the last pass as a meeting must be that makes another one due.
    #[cfg(test)]
    pub(crate) fn rested(mut self) -> Self {
        self.rested = None;
        self
    }

    fn cause(&self) -> Cause {
        let quarantined = self.replication.chunks().stats().map_or(0, |stats| stats.quarantined);
        Cause { layout: self.replication.view().layouts().version(), quarantined }
    }

    /// Whether a pass is due.
    fn is_wanted(&self) -> bool {
        let now = Instant::now();
        let is_over = |moment: Option<Instant>| moment.is_none_or(|moment| now >= moment);
        let has_met = self.meetings != self.replication.meetings();
        if self.was_full {
            // Until there is room a pass could do nothing but look.
            return is_over(self.next) && self.has_room();
        }
        self.last != Some(self.cause()) || is_over(self.next) || (has_met && is_over(self.rested))
    }

    fn has_room(&self) -> bool {
        self.replication.chunks().fill().is_ok_and(|fill| fill != Fill::Full)
    }

    async fn begin(&mut self) -> Pass {
        // Before all else: what changes from now on makes another pass due.
        (self.last, self.meetings) = (Some(self.cause()), self.replication.meetings());
        let begun = Instant::now();
        let lags = !self.metadata.catch_up().await;
        // The index first: the layouts are of it, or later.
        let at = self.replication.view().applied();
        let layouts = self.replication.view().layouts();
        let awaited = layouts.awaits(self.replication.node()).filter(|(_, since)| at >= *since);
        Pass {
            begun,
            at,
            layouts,
            awaited: awaited.map(|(version, _)| version),
            place: None,
            spaces: Vec::new(),
            is_last_space: false,
            last_space: None,
            is_looked_through: false,
            missing: VecDeque::new(),
            fetching: JoinSet::new(),
            storing: JoinSet::new(),
            wanting: 0,
            owed: 0,
            lost: 0,
            is_unheard: false,
            is_full: false,
            lags,
        }
    }

    /// Looks at rows further on, and notes what this node must hold and does not; how many were seen.
    async fn look(&self, pass: &mut Pass) -> Result<u64, JobError> {
        let (mut seen, mut count) = (0u64, 0usize);
        while count < REPAIR_BATCH_IDS * REPAIR_FETCHES_MAX && seen < REPAIR_ROWS_MAX as u64 {
            let Some((space, after)) = self.place(pass).await? else {
                pass.is_looked_through = true;
                break;
            };
            let view = self.replication.view().clone();
            let rows = tokio::task::spawn_blocking(move || view.rows(space, after, REPAIR_ROWS_MAX)).await;
            let rows = rows.map_err(|_| JobError::Ending)??;
            pass.place = rows.last().map(|last| (space, Some(*last)));
            seen = seen.saturating_add(rows.len() as u64);
            let node = self.replication.node();
            let is_mine = |id: &ChunkId| pass.layouts.duty(node, Partition::of(id)) == Duty::Assigned;
            let mine: Vec<ChunkId> = rows.into_iter().filter(is_mine).collect();
            let lacking = self.lacking(space, mine, pass).await?;
            count = count.saturating_add(lacking.len());
            pass.owed = pass.owed.saturating_add(pass.owed_among(node, lacking.iter().copied()));
            pass.missing.extend(lacking.chunks(REPAIR_BATCH_IDS).map(|ids| (space, ids.to_vec())));
        }
        Ok(seen)
    }

    /// Where the pass goes on; `None` at its end.
    async fn place(&self, pass: &mut Pass) -> Result<Option<(SpaceId, Option<ChunkId>)>, JobError> {
        if pass.place.is_some() {
            return Ok(pass.place);
        }
        if pass.spaces.is_empty() && !pass.is_last_space {
            let view = self.replication.view().clone();
            let after = pass.last_space;
            let spaces = tokio::task::spawn_blocking(move || view.spaces(after, REPAIR_SPACES_MAX)).await;
            pass.spaces = spaces.map_err(|_| JobError::Ending)??;
            pass.is_last_space = pass.spaces.len() < REPAIR_SPACES_MAX;
            pass.last_space = pass.spaces.last().copied().or(pass.last_space);
            pass.spaces.reverse();
        }
        Ok(pass.spaces.pop().map(|space| (space, None)))
    }

    /// Those of `ids` that are not held. What is held is stamped when a report will rest on it: sweep may not act on an older
    /// state's word about it any more.
    async fn lacking(&self, space: SpaceId, ids: Vec<ChunkId>, pass: &Pass) -> Result<Vec<ChunkId>, JobError> {
        let chunks = self.replication.chunks();
        let held: Vec<bool> = if pass.awaited.is_some() {
            chunks.have(space, ids.clone(), Stamp(pass.at)).await?
        } else {
            chunks.object_bytes(space, &ids).await?.iter().map(Option::is_some).collect()
        };
        Ok(ids.into_iter().zip(held).filter(|(_, held)| !held).map(|(id, _)| id).collect())
    }

    /// Begins to fetch what is missing, so much of it as one unit may, and to store what has come; counts what has become durable.
    /// What is under way then goes on beside the next unit; at the end of the pass it is waited for.
    async fn bring(&self, pass: &mut Pass, step: &mut Step) -> Result<(), JobError> {
        let mut left = REPAIR_STEP_BYTES;
        loop {
            while left > 0
                && pass.has_room()
                && let Some((space, ids)) = pass.missing.pop_front()
            {
                if pass.is_full || !self.has_room() {
                    pass.no_room_for(ids.len());
                    continue;
                }
                left = left.saturating_sub(REPAIR_BATCH_BYTES);
                let replication = self.replication.clone();
                pass.fetching.spawn(async move {
                    let fetched = replication.search(space, &ids, REPAIR_BATCH_BYTES).await;
                    ((space, ids), fetched)
                });
            }
            let is_end = pass.is_looked_through && pass.missing.is_empty();
            if !is_end && (left == 0 || pass.missing.is_empty()) {
                return Ok(());
            }
            tokio::select! {
                Some(fetched) = pass.fetching.join_next() => {
                    let (batch, fetched) = fetched.map_err(|_| JobError::Ending)?;
                    self.take_in(pass, batch, fetched);
                }
                Some(stored) = pass.storing.join_next() => pass.count(stored.map_err(|_| JobError::Ending)?, step)?,
                else => return Ok(()),
            }
        }
    }

    /// Begins to store what has come of a batch; what did not fit is fetched next.
    fn take_in(&self, pass: &mut Pass, (space, ids): Batch, fetched: Vec<Fetched>) {
        let (mut whole, mut later): (Vec<VerifiedChunk>, Vec<ChunkId>) = (Vec::new(), Vec::new());
        let count = ids.len();
        for (id, fetched) in ids.into_iter().zip(fetched) {
            match fetched {
                Fetched::Whole(chunk) => whole.push(chunk),
                Fetched::NoRoom => later.push(id),
                Fetched::Missing { unheard, damaged } => {
                    pass.wanting = pass.wanting.saturating_add(1);
                    pass.is_unheard |= unheard > 0;
                    let is_lost = unheard == 0 && !damaged;
                    pass.lost = pass.lost.saturating_add(is_lost.into());
                }
            }
        }
        if later.len() == count {
            // Nobody gives any of it: asked again and again it would be never.
            pass.wanting = pass.wanting.saturating_add(count as u64);
        } else if !later.is_empty() {
            pass.missing.push_front((space, later));
        }
        if !whole.is_empty() {
            let (chunks, bytes) = (whole.len(), whole.iter().map(|chunk| chunk.object().len()).sum());
            let owed = pass.owed_among(self.replication.node(), whole.iter().map(VerifiedChunk::id));
            // A copy from before a promise of this node's may have been lost: the new one is stamped as of now.
            let (store, stamp) = (self.replication.chunks().clone(), Stamp(self.replication.view().applied()));
            pass.storing.spawn(async move {
                let outcome = store.put(space, whole, stamp, Purpose::Repair).await;
                Stored { chunks, owed, bytes, outcome }
            });
        }
    }

    /// Whether this pass has left nothing out that any node has; see the module for when that may be said of what it lacks.
    fn is_whole(&mut self, pass: &Pass) -> bool {
        let is_lost_alone = pass.wanting > 0 && pass.wanting == pass.lost;
        let Some(version) = pass.awaited.filter(|_| is_lost_alone) else {
            self.lost_since = None;
            return pass.wanting == 0;
        };
        let before = self.lost_since.filter(|(of, _)| *of == version);
        let (_, since) = *self.lost_since.insert(before.unwrap_or((version, Instant::now())));
        // A pass that ran meanwhile began before: it is never the second one.
        pass.begun.saturating_duration_since(since) > self.lost_after
    }

    /// The end of a pass: says what it found, and when the next one is due.
    async fn end(&mut self, pass: Pass) -> Result<Found, JobError> {
        let (took, rest) = (pass.begun.elapsed(), Duration::from_secs(REPAIR_PAUSE_SECONDS_MIN));
        let retry = Duration::from_secs(REPAIR_RETRY_SECONDS);
        let found = Found { wanting: pass.wanting, lost: pass.lost };
        let is_whole = self.is_whole(&pass);
        self.was_full = pass.is_full;
        let mut pause = if pass.is_full || (pass.wanting > 0 && pass.is_unheard) {
            retry
        } else if pass.lags {
            took.max(retry)
        } else {
            took.saturating_mul(REPAIR_PAUSE_FACTOR).max(rest)
        };
        if let Some((_, since)) = self.lost_since.filter(|_| !is_whole) {
            pause = pause.min(self.lost_after.saturating_sub(since.elapsed())).max(retry);
        }
        let now = Instant::now();
        (self.next, self.rested) = (Some(now + pause), Some(now + rest));
        if pass.wanting > 0 {
            let (lost, is_full) = (pass.lost, pass.is_full);
            tracing::warn!(chunks = pass.wanting, lost, is_full, "chunks that this node must hold cannot be had now");
        }
        if let Some(version) = pass.awaited.filter(|_| is_whole) {
            if pass.lost > 0 {
                let chunks = pass.lost;
                tracing::error!(
                    version,
                    chunks,
                    "no node has these chunks: the new layout waits for them no longer; `vauban fsck --heal` on a device that has the files brings them back"
                );
            }
            let report = self.replication.identity().report(version, pass.at);
            tracing::info!(version, at = pass.at, "this node holds what the new layout gives it");
            if let Err(error) = self.metadata.propose(Proposal::Report(report)).await {
                // The whole pass is done again: a report is of its own index.
                self.next = Some(Instant::now() + Duration::from_secs(REPAIR_RETRY_SECONDS));
                return Err(error.into());
            }
        }
        Ok(found)
    }
}

impl Pass {
    /// Whether another batch may be fetched.
    fn has_room(&self) -> bool {
        let batches = self.fetching.len().saturating_add(self.storing.len());
        self.fetching.len() < REPAIR_FETCHES_MAX && batches < REPAIR_BATCHES_MAX
    }

    /// How many of these copies what was acknowledged counts on.
    fn owed_among(&self, node: NodeId, ids: impl Iterator<Item = ChunkId>) -> u64 {
        ids.filter(|id| self.layouts.counts_on(node, Partition::of(id))).count() as u64
    }

    fn is_over(&self) -> bool {
        self.is_looked_through && self.missing.is_empty() && self.fetching.is_empty() && self.storing.is_empty()
    }

    /// Counts what is durable, or had no room.
    fn count(&mut self, stored: Stored, step: &mut Step) -> Result<(), StoreError> {
        match stored.outcome {
            Ok(()) => {
                step.changed = step.changed.saturating_add(stored.chunks as u64);
                step.bytes = step.bytes.saturating_add(stored.bytes as u64);
                self.owed = self.owed.saturating_sub(stored.owed);
                Ok(())
            }
            Err(StoreError::DiskFull { .. }) => {
                self.no_room_for(stored.chunks);
                Ok(())
            }
            Err(error) => Err(error),
        }
    }

    fn no_room_for(&mut self, chunks: usize) {
        self.wanting = self.wanting.saturating_add(chunks as u64);
        self.is_full = true;
    }
}

impl Job for Repair {
    const NAME: &'static str = "repair";

    fn is_due(&mut self) -> bool {
        // While one node is the whole store, there is nobody to fetch from.
        self.pass.is_some() || (self.replication.view().layouts().active().next().is_some() && self.is_wanted())
    }

    fn owed(&self) -> Option<u64> {
        self.owed
    }

    async fn step(&mut self) -> Result<Step, JobError> {
        let pass = match self.pass.take() {
            Some(pass) => pass,
            None => self.begin().await,
        };
        let done = self.unit(pass).await;
        if done.is_err() {
            // The pass has left something out: another one is due.
            self.last = None;
        }
        done
    }
}

impl Repair {
    async fn unit(&mut self, mut pass: Pass) -> Result<Step, JobError> {
        let mut step = Step::default();
        if pass.missing.is_empty() && !pass.is_looked_through {
            step.seen = self.look(&mut pass).await?;
        }
        self.bring(&mut pass, &mut step).await?;
        // Until it has ended, what the last one has left may be missing still.
        self.owed = Some(self.left.max(pass.owed));
        if pass.is_over() {
            (self.left, self.owed) = (pass.owed, Some(pass.owed));
            let Found { wanting, lost } = self.end(pass).await?;
            (step.wanting, step.lost) = (Some(wanting), Some(lost));
        } else {
            self.pass = Some(pass);
        }
        Ok(step)
    }
}
