//! How long to wait before something is tried again: twice as long each time, up to a bound, and never quite as long as
//! somebody else who failed at the same moment.
//!
//! Pure: randomness comes in as an argument.

use std::time::Duration;

/// Waits that grow.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Backoff {
    first: Duration,
    longest: Duration,
    next: Duration,
}

impl Backoff {
    /// Begins at `first`, and stays at `longest`.
    #[must_use]
    pub const fn new(first: Duration, longest: Duration) -> Self {
        Self { first, longest, next: first }
    }

    /// The next wait: between half of its full length and all of it, as `random` says.
    pub fn wait(&mut self, random: u64) -> Duration {
        let half = self.next / 2;
        self.next = self.next.saturating_mul(2).min(self.longest);
        let spread = u64::try_from(half.as_millis()).unwrap_or(u64::MAX);
        half + Duration::from_millis(random % spread.saturating_add(1))
    }

    /// It worked: the next failure begins anew.
    pub fn reset(&mut self) {
        self.next = self.first;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIRST: Duration = Duration::from_millis(100);
    const LONGEST: Duration = Duration::from_secs(1);

    #[test]
    fn waits_double_up_to_their_bound_and_begin_anew() {
        let mut backoff = Backoff::new(FIRST, LONGEST);
        let shortest: Vec<_> = (0..6).map(|_| backoff.wait(0).as_millis()).collect();
        assert_eq!(shortest, [50, 100, 200, 400, 500, 500]);
        backoff.reset();
        assert_eq!(backoff.wait(0).as_millis(), 50);
    }

    #[test]
    fn waits_are_spread_and_never_over_their_bound() {
        let mut waits = std::collections::BTreeSet::new();
        let mut backoff = Backoff::new(LONGEST, LONGEST);
        for random in [0, 1, 499, 500, 501, u64::MAX] {
            let wait = backoff.wait(random);
            assert!(wait >= LONGEST / 2 && wait <= LONGEST, "{wait:?}");
            waits.insert(wait);
        }
        assert!(waits.len() > 3);
    }
}
