//! Hears what one space tells, and notes it where everybody looks.

use std::fmt;
use std::sync::Arc;
use std::time::Instant;

use super::board::Card;
use super::desk::Desk;
use super::event::Event;
use super::settings::Pair;
use crate::clock;
use crate::content::Meter;
use crate::sync::{Issue, LiveEvent, PlanSummary, Summary, Teller, Watcher};

/// See the module.
pub(super) struct SpaceTeller {
    desk: Arc<Desk>,
    pair: Pair,
    card: Arc<Card>,
}

impl SpaceTeller {
    pub(super) fn new(desk: Arc<Desk>, pair: Pair) -> Self {
        let card = desk.board.card(&pair);
        Self { desk, pair, card }
    }
}

impl Teller for SpaceTeller {
    fn tell(&self, event: &LiveEvent<'_>) {
        self.desk.tell(Some(&self.pair), Event::from(event));
    }

    fn watcher(&self) -> Arc<dyn Watcher> {
        self.card.begins();
        Arc::new(RoundWatcher { card: Arc::clone(&self.card), also: self.desk.listener().watcher() })
    }

    fn over(&self, summary: Option<&Summary>) {
        self.card.over(clock::now(), summary);
    }
}

/// Sees a round for the card, and for whoever draws it.
struct RoundWatcher {
    card: Arc<Card>,
    also: Option<Arc<dyn Watcher>>,
}

impl Meter for RoundWatcher {
    fn sealed(&self, bytes: u64) {
        self.card.done(bytes);
        if let Some(also) = &self.also {
            also.sealed(bytes);
        }
    }

    fn sent(&self, bytes: u64) {
        self.card.sent(Instant::now(), bytes);
        if let Some(also) = &self.also {
            also.sent(bytes);
        }
    }

    fn received(&self, bytes: u64) {
        self.card.done(bytes);
        self.card.received(Instant::now(), bytes);
        if let Some(also) = &self.also {
            also.received(bytes);
        }
    }
}

impl Watcher for RoundWatcher {
    fn planned(&self, plan: &PlanSummary) {
        self.card.planned(plan);
        if let Some(also) = &self.also {
            also.planned(plan);
        }
    }

    fn issue(&self, issue: &Issue) {
        if let Some(also) = &self.also {
            also.issue(issue);
        }
    }
}

impl fmt::Debug for RoundWatcher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RoundWatcher").finish_non_exhaustive()
    }
}
