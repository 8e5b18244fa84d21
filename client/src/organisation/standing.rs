//! Where a node's chain stands beside the one that this device has verified (`formats#18`).

use vauban_protocol::chain::Head;
use vauban_protocol::organisation::Organisation;
use vauban_protocol::time::{DAY_SECONDS, Timestamp};

use crate::limit::FRESHNESS_DAYS_MAX;
use crate::organisation::ChainError;

/// Where a node's chain stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// At the same position.
    Level,
    /// Further: its certificates are to be fetched and verified.
    Ahead,
    /// At an earlier position of the same chain: it lags, and may be given the rest.
    Behind,
}

/// Compares `theirs` with what this device has verified.
///
/// # Errors
/// [`ChainError::Fork`] if `theirs` is no position of the same chain.
pub fn standing(ours: &Organisation, theirs: Head) -> Result<Standing, ChainError> {
    if theirs.seq > ours.head().seq {
        Ok(Standing::Ahead)
    } else if !ours.passed(theirs) {
        Err(ChainError::Fork { at: theirs.seq })
    } else if theirs.seq == ours.head().seq {
        Ok(Standing::Level)
    } else {
        Ok(Standing::Behind)
    }
}

/// Whether a lag that began at `since` has become an alarm.
#[must_use]
pub fn is_stale(since: Timestamp, now: Timestamp) -> bool {
    now > since.plus(FRESHNESS_DAYS_MAX * DAY_SECONDS)
}
