//! When to speak of a disk that keeps changing: once it has been quiet for a moment, but not later than so long after the
//! first change.
//!
//! Pure: the moment of each change comes in as an argument.

use std::time::{Duration, Instant};

/// Waits for quiet.
#[derive(Debug, Clone, Copy)]
pub(super) struct Quiet {
    quiet: Duration,
    postponed_max: Duration,
    since: Option<(Instant, Instant)>,
}

impl Quiet {
    pub(super) const fn new(quiet: Duration, postponed_max: Duration) -> Self {
        Self { quiet, postponed_max, since: None }
    }

    /// Something changed at `now`.
    pub(super) fn changed(&mut self, now: Instant) {
        let first = self.since.map_or(now, |(first, _)| first);
        self.since = Some((first, now));
    }

    /// Something is to be spoken of since `now` at the latest.
    pub(super) fn changed_once(&mut self, now: Instant) {
        self.since.get_or_insert((now, now));
    }

    /// When to speak; `None` if nothing has changed.
    pub(super) fn due(&self) -> Option<Instant> {
        self.since.map(|(first, last)| (last + self.quiet).min(first + self.postponed_max))
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

    #[test]
    fn a_burst_is_spoken_of_once_and_never_put_off_for_ever() {
        let start = Instant::now();
        let mut quiet = Quiet::new(50 * MS, 120 * MS);
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
}
