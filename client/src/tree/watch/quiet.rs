//! When to speak of a disk that keeps changing: once it has been quiet for a moment, a longer one after a removal, but not later
//! than so long after the first change.
//!
//! Pure: the moment of each change comes in as an argument.

use std::time::{Duration, Instant};

/// Waits for quiet.
#[derive(Debug, Clone, Copy)]
pub(super) struct Quiet {
    pace: QuietPace,
    /// The first change, and the end of the quiet that is waited for.
    since: Option<(Instant, Instant)>,
}

/// How long is waited.
#[derive(Debug, Clone, Copy)]
pub(super) struct QuietPace {
    pub(super) changed: Duration,
    pub(super) removed: Duration,
    pub(super) postponed_max: Duration,
}

impl Quiet {
    pub(super) const fn new(pace: QuietPace) -> Self {
        Self { pace, since: None }
    }

    /// Something changed at `now`.
    pub(super) fn changed(&mut self, now: Instant) {
        self.wait_until(now, now + self.pace.changed);
    }

    /// Something was removed at `now`.
    pub(super) fn removed(&mut self, now: Instant) {
        self.wait_until(now, now + self.pace.removed);
    }

    fn wait_until(&mut self, now: Instant, quiet: Instant) {
        let (first, before) = self.since.unwrap_or((now, quiet));
        self.since = Some((first, before.max(quiet)));
    }

    /// Something is to be spoken of since `now` at the latest.
    pub(super) fn changed_once(&mut self, now: Instant) {
        self.since.get_or_insert((now, now + self.pace.changed));
    }

    /// When to speak; `None` if nothing has changed.
    pub(super) fn due(&self) -> Option<Instant> {
        self.since.map(|(first, quiet)| quiet.min(first + self.pace.postponed_max))
    }

    /// It was spoken of.
    pub(super) fn over(&mut self) {
        self.since = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);
    const PACE: QuietPace = QuietPace {
        changed: Duration::from_millis(50),
        removed: Duration::from_millis(90),
        postponed_max: Duration::from_millis(120),
    };

    #[test]
    fn a_burst_is_spoken_of_once_and_never_put_off_for_ever() {
        let start = Instant::now();
        let mut quiet = Quiet::new(PACE);
        assert_eq!(quiet.due(), None);
        quiet.changed(start);
        assert_eq!(quiet.due(), Some(start + 50 * MS));
        quiet.changed(start + 40 * MS);
        assert_eq!(quiet.due(), Some(start + 90 * MS));
        quiet.changed(start + 80 * MS);
        assert_eq!(quiet.due(), Some(start + 120 * MS));
        quiet.over();
        assert_eq!(quiet.due(), None);
        quiet.changed_once(start + 200 * MS);
        quiet.changed_once(start + 220 * MS);
        assert_eq!(quiet.due(), Some(start + 250 * MS));
    }

    /// Fails if a folder that is being emptied is looked at between two of its files.
    #[test]
    fn a_removal_is_waited_for_longer() {
        let start = Instant::now();
        let mut quiet = Quiet::new(PACE);
        quiet.removed(start);
        quiet.changed(start + 10 * MS);
        assert_eq!(quiet.due(), Some(start + 90 * MS));
        quiet.removed(start + 80 * MS);
        assert_eq!(quiet.due(), Some(start + 120 * MS));
    }
}
