//! Canonical bytes: one value, one encoding.
//!
//! postcard accepts over-long integers, so two byte strings could decode to one value. Whatever is signed, hashed or
//! stored therefore passes [`decode`], which encodes the value again and refuses bytes that differ (invariant 3).

use serde::Serialize;
use serde::de::DeserializeOwned;

/// Bytes that are not the canonical encoding of the expected value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// Truncated, trailing bytes, an unknown variant, or not this type at all.
    #[error("the bytes do not decode")]
    Malformed,
    /// Decodes, but a canonical encoder would have written other bytes.
    #[error("the encoding is not canonical")]
    NotCanonical,
    /// Does not begin with the expected magic.
    #[error("the magic is not the expected one")]
    Magic,
    /// Names a suite below the compiled-in floor, or one that does not exist.
    #[error("the suite is not supported")]
    Suite,
    /// Longer than the bound of its kind, or a list in it is.
    #[error("a length bound is passed")]
    TooLong,
}

/// The canonical encoding of `value`.
///
/// Infallible for the types of this crate: none holds a map with unknown length or a custom serializer that fails.
#[must_use]
#[expect(clippy::expect_used, reason = "postcard fails only on unsized sequences, which no type here has")]
pub fn encode<T: Serialize>(value: &T) -> Vec<u8> {
    postcard::to_allocvec(value).expect("every protocol type has a sized encoding")
}

/// Decodes all of `bytes`, and refuses every encoding but the canonical one.
///
/// # Errors
/// [`DecodeError::Malformed`] or [`DecodeError::NotCanonical`].
pub fn decode<T: Serialize + DeserializeOwned>(bytes: &[u8]) -> Result<T, DecodeError> {
    let (value, rest) = postcard::take_from_bytes::<T>(bytes).map_err(|_| DecodeError::Malformed)?;
    if !rest.is_empty() {
        return Err(DecodeError::Malformed);
    }
    if encode(&value) != bytes {
        return Err(DecodeError::NotCanonical);
    }
    Ok(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Fails if `decode` loses its re-encoding check: postcard alone reads both encodings as 1.
    #[test]
    fn overlong_integer_refused() {
        assert_eq!(decode::<u64>(&[0x01]), Ok(1));
        assert_eq!(decode::<u64>(&[0x81, 0x00]), Err(DecodeError::NotCanonical));
    }

    /// Without the check of what the value encodes to, both encodings are the same value.
    #[test]
    fn control_of_overlong_integer_refused() {
        assert_eq!(postcard::take_from_bytes::<u64>(&[0x81, 0x00]).map(|(value, _)| value), Ok(1));
    }

    #[test]
    fn trailing_bytes_refused() {
        assert_eq!(decode::<u8>(&[1, 2]), Err(DecodeError::Malformed));
    }
}
