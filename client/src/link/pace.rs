//! How fast content may travel: one bucket for each direction, shared by everything that goes over a link.
//!
//! While a direction is limited, its large transfers go one after the other: each then has the whole rate, and is through before
//! a node gives it up. What is sent is paid for piece by piece before it leaves; what comes is paid for as it is read, so that
//! the next is asked for no sooner. The mean over any second or two is the limit; a few pieces may come at once.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use tokio::sync::MutexGuard;
use vauban_protocol::wire::Request;

use crate::limit::{PACE_BURST_MS, PACE_PIECE_BYTES};
use crate::rate::Rate;

/// See the module.
#[derive(Debug, Default)]
pub struct Pace {
    up: Lane,
    down: Lane,
}

/// One direction.
#[derive(Debug, Default)]
pub(super) struct Lane {
    bucket: Mutex<Bucket>,
    turn: tokio::sync::Mutex<()>,
}

impl Pace {
    /// Sets how fast content may go up and down, from now on.
    pub fn limit(&self, up: Option<Rate>, down: Option<Rate>) {
        self.up.limit(up);
        self.down.limit(down);
    }

    /// The turn of a large transfer, where its direction is limited.
    pub(super) async fn turn(&self, request: &Request) -> Option<MutexGuard<'_, ()>> {
        let lane = match request {
            Request::PutChunks { .. } => &self.up,
            Request::GetChunks { .. } => &self.down,
            _ => return None,
        };
        if lane.is_limited() { Some(lane.turn.lock().await) } else { None }
    }

    /// Lets bytes out once they are paid for.
    pub(super) async fn sends(&self, bytes: usize) {
        self.up.pass(bytes).await;
    }

    /// Pays for bytes that came.
    pub(super) async fn received(&self, bytes: usize) {
        self.down.pass(bytes).await;
    }

    /// The pieces in which a body goes out.
    pub(super) fn pieces(&self, body: &[Bytes]) -> Vec<Bytes> {
        if !self.up.is_limited() {
            return body.to_vec();
        }
        let mut pieces = Vec::new();
        for part in body {
            let mut part = part.clone();
            while part.len() > PACE_PIECE_BYTES {
                pieces.push(part.split_to(PACE_PIECE_BYTES));
            }
            pieces.push(part);
        }
        pieces
    }

    /// Whether what is sent is paid for piece by piece.
    pub(super) fn limits_sending(&self) -> bool {
        self.up.is_limited()
    }
}

impl Lane {
    fn limit(&self, rate: Option<Rate>) {
        let mut bucket = self.bucket.lock().unwrap_or_else(PoisonError::into_inner);
        if bucket.rate != rate {
            *bucket = Bucket { rate, paid_until: None };
        }
    }

    fn is_limited(&self) -> bool {
        self.bucket.lock().unwrap_or_else(PoisonError::into_inner).rate.is_some()
    }

    async fn pass(&self, bytes: usize) {
        let wait = self.bucket.lock().unwrap_or_else(PoisonError::into_inner).spend(Instant::now(), bytes);
        if !wait.is_zero() {
            tokio::time::sleep(wait).await;
        }
    }
}

/// Tokens, as the moment at which all that were taken are paid for. Pure.
#[derive(Debug, Default)]
struct Bucket {
    rate: Option<Rate>,
    paid_until: Option<Instant>,
}

impl Bucket {
    /// Takes tokens for `bytes` at `now`, and answers how long to wait until they are paid for.
    fn spend(&mut self, now: Instant, bytes: usize) -> Duration {
        let Some(rate) = self.rate else { return Duration::ZERO };
        // What was not used lately may be used now, but not all that was ever saved.
        let saved = now.checked_sub(Duration::from_millis(PACE_BURST_MS)).unwrap_or(now);
        let from = self.paid_until.map_or(saved, |paid| paid.max(saved));
        let nanoseconds = (bytes as u128).saturating_mul(1_000_000_000) / u128::from(rate.bytes_second()).max(1);
        let paid = from + Duration::from_nanos(u64::try_from(nanoseconds).unwrap_or(u64::MAX / 2));
        self.paid_until = Some(paid);
        paid.saturating_duration_since(now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PIECE: usize = PACE_PIECE_BYTES;

    fn bucket(rate: &str) -> Bucket {
        Bucket { rate: rate.parse().ok(), paid_until: None }
    }

    /// By a clock that the test turns: who waits as told sends at the limit, however pieces are cut and pauses fall.
    #[test]
    fn the_rate_is_kept() {
        for rate in ["64KiB/s", "2MiB/s", "125MB/s"] {
            let bytes_second = rate.parse::<Rate>().unwrap().bytes_second();
            for piece in [1000, PIECE, 3 * PIECE + 7] {
                let (began, mut bucket) = (Instant::now(), bucket(rate));
                let (mut now, mut sent) = (began, 0u64);
                while now < began + Duration::from_secs(20) {
                    now += bucket.spend(now, piece);
                    sent += piece as u64;
                    let allowed = bytes_second as f64 * ((now - began).as_secs_f64() + PACE_BURST_MS as f64 / 1e3);
                    assert!(sent as f64 <= allowed + piece as f64, "{rate}: {sent} of {allowed}");
                }
                let ideal = bytes_second as f64 * (now - began).as_secs_f64();
                assert!(sent as f64 >= 0.99 * ideal, "{rate} is used: {sent} of {ideal}");
            }
        }
    }

    /// Two who send at once share one rate; each waits for what the other took.
    #[test]
    fn all_spaces_share_one_rate() {
        let (began, mut bucket) = (Instant::now(), bucket("1MiB/s"));
        let mut ready = [began, began];
        let mut sent = 0u64;
        loop {
            let next = if ready[0] <= ready[1] { 0 } else { 1 };
            if ready[next] > began + Duration::from_secs(10) {
                break;
            }
            ready[next] += bucket.spend(ready[next], PIECE);
            sent += PIECE as u64;
        }
        let ideal = 10 << 20;
        assert!(sent.abs_diff(ideal) < ideal / 20, "{sent} in ten seconds");
    }

    #[test]
    fn idle_time_is_saved_for_a_moment_only() {
        let (now, mut bucket) = (Instant::now(), bucket("1MiB/s"));
        let _ = bucket.spend(now, PIECE);
        let later = now + Duration::from_secs(3600);
        let burst = (1usize << 20) * PACE_BURST_MS as usize / 1000;
        assert_eq!(bucket.spend(later, burst), Duration::ZERO);
        assert!(bucket.spend(later, 1 << 20) >= Duration::from_millis(990));
    }

    #[test]
    fn a_limit_that_is_lifted_lets_everything_pass() {
        let pace = Pace::default();
        let body = [Bytes::from(vec![0; 3 * PIECE])];
        pace.limit("64KiB/s".parse().ok(), None);
        assert_eq!(pace.pieces(&body).len(), 3);
        assert!(!pace.up.bucket.lock().unwrap().spend(Instant::now(), 1 << 20).is_zero());
        pace.limit(None, None);
        assert_eq!(pace.pieces(&body).len(), 1);
        assert!(pace.up.bucket.lock().unwrap().spend(Instant::now(), 1 << 30).is_zero());
    }
}
