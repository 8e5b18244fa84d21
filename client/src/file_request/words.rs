//! What a file request's page shows to whoever has its address.

use serde::{Deserialize, Serialize};
use vauban_protocol::canonical::{DecodeError, decode, encode};
use vauban_protocol::time::Timestamp;

/// The first byte of words.
const FORMAT: u8 = 1;

/// See the module. The page reads the same bytes (`client/SPEC.md`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Words {
    format: u8,
    /// When the request ends.
    pub expires_at: Timestamp,
    /// What its maker says to whoever is asked; may be empty.
    pub note: String,
}

impl Words {
    /// Words that say `note`, until then.
    #[must_use]
    pub fn new(expires_at: Timestamp, note: String) -> Self {
        Self { format: FORMAT, expires_at, note }
    }

    /// Their bytes.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        encode(self)
    }

    /// Reads some.
    ///
    /// # Errors
    /// [`DecodeError`].
    pub fn parse(bytes: &[u8]) -> Result<Self, DecodeError> {
        let words: Self = decode(bytes)?;
        if words.format == FORMAT { Ok(words) } else { Err(DecodeError::Suite) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The bytes that the page reads, too.
    #[test]
    fn the_bytes_of_words_are_frozen() {
        let words = Words::new(Timestamp(300), "é".into());
        assert_eq!(words.to_bytes(), [1, 0xac, 2, 2, 0xc3, 0xa9]);
        assert_eq!(Words::parse(&words.to_bytes()), Ok(words));
        assert!(Words::parse(&[2, 0, 0]).is_err());
    }
}
