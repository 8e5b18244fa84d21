//! Time as the contract counts it: whole seconds, given by whoever has a clock.

use serde::{Deserialize, Serialize};

/// Seconds since 1970-01-01 UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
pub struct Timestamp(pub u64);

impl Timestamp {
    /// This moment and `seconds` more.
    #[must_use]
    pub const fn plus(self, seconds: u64) -> Self {
        Self(self.0.saturating_add(seconds))
    }
}

/// Seconds of a day.
pub const DAY_SECONDS: u64 = 24 * 60 * 60;
