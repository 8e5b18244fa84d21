//! Re-hashing every stored chunk on a schedule.
//!
//! A copy that is damaged, or that the disk cannot read, goes to quarantine and does not count as a copy any more; repair, which sees
//! that, brings another. A pass goes on where it was when the node was stopped, and passes over nothing that it could not read.

use std::path::Path;
use std::time::Duration;

use tokio::time::Instant;
use vauban_protocol::id::{ChunkId, SpaceId};

use super::scrubbed::Scrubbed;
use super::{Job, JobError, Step, Verified};
use crate::chunks::{ChunkStore, Held, Partition, ReadError};
use crate::clock;
use crate::limit::{SCRUB_REST_SECONDS, SCRUB_STEP_BYTES, SCRUBBED_KEEP_SECONDS};

/// See the module.
pub struct Scrub {
    chunks: ChunkStore,
    every: Duration,
    /// When the next pass begins.
    next: Instant,
    /// What is still to be looked at; nothing between two passes.
    place: Option<Place>,
    /// Of the last page, what was not read yet.
    page: Vec<Held>,
    damaged: u64,
    scrubbed: Scrubbed,
    kept_at: Instant,
}

/// How far a pass has come.
#[derive(Debug, Clone, Copy)]
struct Place {
    partition: Partition,
    after: Option<(ChunkId, SpaceId)>,
}

impl Scrub {
    /// Reads everything in `chunks` once in `every`, and notes in `file` how far it has come; for the first time after a rest, since a
    /// node that has just started has others to serve.
    #[must_use]
    pub fn new(chunks: ChunkStore, every: Duration, file: &Path) -> Self {
        let (now, scrubbed) = (Instant::now(), Scrubbed::read(file));
        let rest = Duration::from_secs(SCRUB_REST_SECONDS).min(every);
        let due_in = if scrubbed.partition().is_some() { Duration::ZERO } else { scrubbed.due_in(clock::now(), every) };
        let next = now + due_in.max(rest);
        Self { chunks, every, next, place: None, page: Vec::new(), damaged: 0, scrubbed, kept_at: now }
    }

    /// The same, without a rest.
    #[cfg(test)]
    pub(super) fn rested(mut self) -> Self {
        self.next = Instant::now();
        self
    }

    fn begin(&mut self) {
        self.next = Instant::now() + self.every;
        self.damaged = 0;
        let partition = self.scrubbed.partition().or_else(|| {
            self.scrubbed.begin(clock::now());
            Partition::new(0)
        });
        self.place = partition.map(|partition| Place { partition, after: None });
    }

    /// Notes from time to time how far it has come, and at its end that it has.
    async fn note(&mut self) {
        match self.place {
            Some(place) => self.scrubbed.reach(place.partition),
            None => self.scrubbed.end(),
        }
        if self.place.is_none() || self.kept_at.elapsed() >= Duration::from_secs(SCRUBBED_KEEP_SECONDS) {
            self.scrubbed.keep().await;
            self.kept_at = Instant::now();
        }
    }

    /// The next page; whether there is one.
    async fn turn(&mut self) -> Result<bool, JobError> {
        while let Some(place) = self.place {
            let mut page = self.chunks.ids_in(place.partition, place.after).await?;
            self.place = match page.last() {
                Some(last) => Some(Place { after: Some((last.id, last.space)), ..place }),
                None => {
                    let next = Partition::new(place.partition.number().saturating_add(1));
                    next.map(|partition| Place { partition, after: None })
                }
            };
            if page.is_empty() {
                self.note().await;
            }
            if !page.is_empty() {
                page.reverse();
                self.page = page;
                return Ok(true);
            }
        }
        Ok(false)
    }
}

impl Job for Scrub {
    const NAME: &'static str = "scrub";

    fn is_due(&mut self) -> bool {
        if self.place.is_none() && self.page.is_empty() && Instant::now() >= self.next {
            self.begin();
        }
        self.place.is_some() || !self.page.is_empty()
    }

    fn verified(&self) -> Option<Verified> {
        Some(Verified { since: self.scrubbed.whole_since(), every: self.every })
    }

    async fn step(&mut self) -> Result<Step, JobError> {
        let mut step = Step::default();
        while step.bytes < SCRUB_STEP_BYTES {
            if self.page.is_empty() && !self.turn().await? {
                step.wanting = Some(self.damaged);
                return Ok(step);
            }
            let Some(held) = self.page.pop() else { continue };
            step.seen = step.seen.saturating_add(1);
            step.bytes = step.bytes.saturating_add(u64::from(held.object_bytes));
            match self.chunks.get(held.space, held.id).await {
                Ok(_) => {}
                Err(ReadError::Corrupt { cause, .. }) => {
                    tracing::error!(chunk = %held.id, %cause, "scrub found a damaged copy; it is set aside");
                    step.changed = step.changed.saturating_add(1);
                    self.damaged = self.damaged.saturating_add(1);
                }
                Err(ReadError::Store(error)) => {
                    self.page.push(held);
                    return Err(error.into());
                }
            }
        }
        Ok(step)
    }
}
