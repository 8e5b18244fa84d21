//! The node's own clock: the one place where the time of day enters.
//!
//! What destroys anything goes by the cluster's time instead (architecture, "Raft").

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use humantime_serde::re::humantime::format_rfc3339_seconds;
use vauban_protocol::time::Timestamp;

/// The time of day; a clock set before 1970 reads as 1970, where nothing is valid yet.
#[must_use]
pub fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp(since.as_secs())
}

/// A moment as people and logs read it, in UTC; a dash for one that is beyond what they do.
#[must_use]
pub fn utc(moment: Timestamp) -> String {
    /// The first second of the year 10000.
    const END_SECONDS: u64 = 253_402_300_800;
    match UNIX_EPOCH.checked_add(Duration::from_secs(moment.0)) {
        Some(time) if moment.0 < END_SECONDS => format_rfc3339_seconds(time).to_string(),
        _ => "—".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_moment_has_a_text() {
        assert_eq!(utc(Timestamp(1_790_000_000)), "2026-09-21T14:13:20Z");
        assert_eq!([253_402_300_800, u64::MAX].map(|seconds| utc(Timestamp(seconds))), ["—", "—"]);
    }
}
