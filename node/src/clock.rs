//! The node's own clock: the one place where the time of day enters.
//!
//! What destroys anything goes by the cluster's time instead (architecture, "Raft").

use std::time::{SystemTime, UNIX_EPOCH};

use vauban_protocol::time::Timestamp;

/// The time of day; a clock set before 1970 reads as 1970, where nothing is valid yet.
#[must_use]
pub fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp(since.as_secs())
}
