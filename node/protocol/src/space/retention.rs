//! How long a space's released chunks are kept.

use serde::{Deserialize, Serialize};

use crate::canonical::DecodeError;
use crate::limit::{RETENTION_DAYS, RETENTION_DAYS_MAX, RETENTION_DAYS_MIN};
use crate::time::DAY_SECONDS;

/// How long nodes keep a chunk once it was released, and another device than the releasing one has seen that. The longer one is
/// the greater.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Retention {
    /// So many days of cluster time, from [`RETENTION_DAYS_MIN`] to [`RETENTION_DAYS_MAX`].
    Days(u16),
    /// For ever: nothing of the space is purged.
    Archive,
}

impl Default for Retention {
    fn default() -> Self {
        Self::Days(RETENTION_DAYS)
    }
}

impl Retention {
    /// Holds it to its bounds.
    ///
    /// # Errors
    /// [`DecodeError::TooLong`].
    pub fn bounded(self) -> Result<(), DecodeError> {
        match self {
            Self::Days(days) if !(RETENTION_DAYS_MIN..=RETENTION_DAYS_MAX).contains(&days) => Err(DecodeError::TooLong),
            Self::Days(_) | Self::Archive => Ok(()),
        }
    }

    /// The same in seconds; `None` for ever.
    #[must_use]
    pub fn seconds(self) -> Option<u64> {
        match self {
            Self::Days(days) => Some(u64::from(days).saturating_mul(DAY_SECONDS)),
            Self::Archive => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longer_is_the_greater_and_bounds_hold() {
        assert!(Retention::Days(31) > Retention::default() && Retention::Archive > Retention::Days(RETENTION_DAYS_MAX));
        assert_eq!(Retention::Days(RETENTION_DAYS_MIN).bounded(), Ok(()));
        assert_eq!(Retention::Days(RETENTION_DAYS_MIN - 1).bounded(), Err(DecodeError::TooLong));
        assert_eq!(Retention::Days(RETENTION_DAYS_MAX + 1).bounded(), Err(DecodeError::TooLong));
        assert_eq!((Retention::Days(7).seconds(), Retention::Archive.seconds()), (Some(7 * 86_400), None));
    }
}
