//! Cluster time, and the floor that follows it.
//!
//! Cluster time is what the leader's clock says, held on a leash: it never goes back, and a tick moves it by no more than
//! [`TICK_STEP_SECONDS_MAX`]. A leader with a wrong clock can so hasten a retention by seconds, never end it. One that lies
//! writes as many ticks as it likes: rows go then, and bytes wait for each node's own clock (`jobs::sweep`). The floor is the Raft index
//! of a day ago: receipts from under it are too old to build a commit on (architecture, "When bytes may be deleted"), or that of the
//! last change of layout, if it is higher. To know that index, the clock keeps a mark an hour.

use serde::{Deserialize, Serialize};
use vauban_protocol::time::Timestamp;

use crate::limit::{FLOOR_AGE_SECONDS, MARK_SECONDS, TICK_STEP_SECONDS_MAX};

/// The state's own time.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(in crate::metadata) struct Clock {
    time: Option<Timestamp>,
    floor: u64,
    /// Ascending in both fields, [`MARK_SECONDS`] apart at least, none older than the floor's.
    marks: Vec<Mark>,
}

/// At this cluster time, this Raft index was applied.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct Mark {
    time: Timestamp,
    index: u64,
}

impl Clock {
    /// Cluster time; the epoch before the first tick.
    pub(in crate::metadata) fn time(&self) -> Timestamp {
        self.time.unwrap_or_default()
    }

    /// The least Raft index that a receipt may name.
    pub(in crate::metadata) fn floor(&self) -> u64 {
        self.floor
    }

    /// The leader's clock says `proposed`, in the entry at `index`. The first tick is believed.
    pub(in crate::metadata) fn tick(&mut self, proposed: Timestamp, index: u64) {
        let now = match self.time {
            None => proposed,
            Some(time) => time.max(proposed.min(time.plus(TICK_STEP_SECONDS_MAX))),
        };
        self.time = Some(now);
        let due = |mark: &Mark| mark.time.plus(MARK_SECONDS) <= now;
        if self.marks.last().is_none_or(due) {
            self.marks.push(Mark { time: now, index });
        }
        self.raise_floor(now);
    }

    /// The root puts a restored cluster into force, at `time`, in the entry at `index`: what was stored before it counts no more.
    pub(in crate::metadata) fn resume(&mut self, time: Timestamp, index: u64) {
        self.time = Some(self.time().max(time));
        self.cut_off(index);
    }

    /// A change of layout, in the entry at `index`: receipts from before it are too old from now on.
    pub(in crate::metadata) fn cut_off(&mut self, index: u64) {
        self.floor = self.floor.max(index);
    }

    fn raise_floor(&mut self, now: Timestamp) {
        let old = |mark: &&Mark| mark.time.plus(FLOOR_AGE_SECONDS) <= now;
        if let Some(mark) = self.marks.iter().rev().find(old).copied() {
            self.floor = self.floor.max(mark.index);
            self.marks.retain(|kept| kept.index > mark.index);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limit::MARKS_MAX;

    const NOON: Timestamp = Timestamp(1_790_000_000);

    #[test]
    fn the_first_tick_is_believed_and_later_ones_are_held() {
        let mut clock = Clock::default();
        clock.tick(NOON, 1);
        assert_eq!(clock.time(), NOON);
        clock.tick(Timestamp(0), 2);
        assert_eq!(clock.time(), NOON, "never back");
        clock.tick(NOON.plus(365 * 86_400), 3);
        assert_eq!(clock.time(), NOON.plus(TICK_STEP_SECONDS_MAX));
        clock.tick(NOON.plus(TICK_STEP_SECONDS_MAX + 60), 4);
        assert_eq!(clock.time(), NOON.plus(TICK_STEP_SECONDS_MAX + 60));
    }

    /// Fails if the floor follows the newest index, or if marks pile up.
    #[test]
    fn the_floor_is_the_index_of_a_day_ago_and_marks_are_bounded() {
        let mut clock = Clock::default();
        let mut history = Vec::new();
        for minute in 0..3 * 24 * 60_u64 {
            let now = NOON.plus(minute * 60);
            let index = 10 + minute;
            clock.tick(now, index);
            history.push((now, index));
            assert!(clock.marks.len() <= MARKS_MAX, "{}", clock.marks.len());
            let young = history.iter().find(|(time, _)| time.plus(FLOOR_AGE_SECONDS) > now).map(|(_, index)| *index);
            assert!(Some(clock.floor()) < young, "the floor is a day old");
        }
        let (_, last) = history.last().unwrap();
        let age = last - clock.floor();
        assert!((24 * 60..=25 * 60 + 1).contains(&age), "{age} minutes");
    }

    #[test]
    fn a_clock_that_jumps_raises_no_floor() {
        let mut clock = Clock::default();
        clock.tick(NOON, 5);
        for index in 6..66 {
            clock.tick(Timestamp(u64::MAX), index);
        }
        assert_eq!(clock.floor(), 0);
    }
}
