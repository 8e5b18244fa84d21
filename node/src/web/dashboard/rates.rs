//! How much the node does in a second: from counters, read once a second, over the last few.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::limit::RATE_LOOKS;

/// Counters at one moment.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(in crate::web) struct Counters {
    /// Bytes of chunks received since the start.
    pub(in crate::web) uploaded_bytes: u64,
    /// Requests done since then.
    pub(in crate::web) requests: u64,
    /// Commits among them.
    pub(in crate::web) commits: u64,
}

/// What is done in a second.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Rates {
    pub(super) uploaded_bytes: u64,
    pub(super) requests: u64,
    pub(super) commits: u64,
}

/// The last looks at the counters.
#[derive(Debug, Default)]
pub(in crate::web) struct Looks(Mutex<VecDeque<(Instant, Counters)>>);

impl Looks {
    pub(in crate::web) fn add(&self, at: Instant, counters: Counters) {
        let mut looks = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        looks.push_back((at, counters));
        while looks.len() > RATE_LOOKS {
            looks.pop_front();
        }
    }

    /// The mean between the first and the last look; `None` before there are two.
    pub(super) fn rates(&self) -> Option<Rates> {
        let looks = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let ((from, before), (to, after)) = (*looks.front()?, *looks.back()?);
        let millis = u64::try_from(to.saturating_duration_since(from).as_millis()).unwrap_or(u64::MAX);
        let rate = |before: u64, after: u64| after.saturating_sub(before).saturating_mul(1_000).checked_div(millis);
        Some(Rates {
            uploaded_bytes: rate(before.uploaded_bytes, after.uploaded_bytes)?,
            requests: rate(before.requests, after.requests)?,
            commits: rate(before.commits, after.commits)?,
        })
    }
}

/// Between two looks.
pub(in crate::web) const EVERY: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_are_means_of_the_last_looks() {
        let (looks, begin) = (Looks::default(), Instant::now());
        assert_eq!(looks.rates(), None);
        looks.add(begin, Counters::default());
        assert_eq!(looks.rates(), None, "one look is no rate");
        for second in 1..100u64 {
            let counters = Counters { uploaded_bytes: second * 500, requests: second * 2, commits: second };
            looks.add(begin + Duration::from_secs(second), counters);
        }
        assert_eq!(looks.rates(), Some(Rates { uploaded_bytes: 500, requests: 2, commits: 1 }));
    }
}
