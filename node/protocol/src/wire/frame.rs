//! Messages on a stream: `header_len(u32 LE) ‖ header ‖ body_len(u64 LE) ‖ body`.
//!
//! The header is canonical postcard and bounded; the body never passes through postcard. A body that is a list holds
//! items of `len(u32 LE) ‖ bytes`; what a follower is told after the answer are such items, too. Reading and writing streams is the business of both ends; this is the arithmetic.

use bytes::{Buf, BufMut, Bytes};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::canonical::{DecodeError, decode, encode};
use crate::limit::HEADER_BYTES_MAX;

/// Bytes of a header's length.
pub const HEADER_LENGTH_BYTES: usize = 4;
/// Bytes of a body's length.
pub const BODY_LENGTH_BYTES: usize = 8;
/// Bytes of an item's length.
pub const ITEM_LENGTH_BYTES: usize = 4;

/// A message that breaks its bounds or does not decode. The peer misbehaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum FrameError {
    /// The header is announced longer than allowed.
    #[error("the header is longer than {limit} bytes")]
    HeaderTooLong {
        /// The bound, in bytes.
        limit: usize,
    },
    /// The body is announced longer than allowed here.
    #[error("the body is longer than {limit} bytes")]
    BodyTooLong {
        /// The bound, in bytes.
        limit: usize,
    },
    /// An item is announced longer than allowed, or empty.
    #[error("an item is empty, or longer than {limit} bytes")]
    Item {
        /// The bound, in bytes.
        limit: usize,
    },
    /// The header does not decode.
    #[error("the header: {0}")]
    Header(#[from] DecodeError),
}

/// A list body that does not split into bounded items.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the body is not a list of at most {items_max} items of at most {item_bytes_max} bytes")]
pub struct ListError {
    /// Items allowed.
    pub items_max: usize,
    /// Bytes allowed in one item.
    pub item_bytes_max: usize,
}

/// Everything of a message that precedes its body.
#[must_use]
pub fn encode_head<T: Serialize>(header: &T, body_bytes: usize) -> Vec<u8> {
    let header = encode(header);
    let mut head = Vec::with_capacity(HEADER_LENGTH_BYTES + header.len() + BODY_LENGTH_BYTES);
    head.put_u32_le(u32::try_from(header.len()).unwrap_or(u32::MAX));
    head.put_slice(&header);
    head.put_u64_le(u64::try_from(body_bytes).unwrap_or(u64::MAX));
    head
}

/// The header's length, before anything is allocated for it.
///
/// # Errors
/// [`FrameError::HeaderTooLong`].
pub fn header_length(prefix: [u8; HEADER_LENGTH_BYTES], limit: usize) -> Result<usize, FrameError> {
    let limit = limit.min(HEADER_BYTES_MAX);
    usize::try_from(u32::from_le_bytes(prefix))
        .ok()
        .filter(|length| *length <= limit)
        .ok_or(FrameError::HeaderTooLong { limit })
}

/// The header itself.
///
/// # Errors
/// [`FrameError::Header`] for anything but its one canonical encoding.
pub fn decode_header<T: Serialize + DeserializeOwned>(bytes: &[u8]) -> Result<T, FrameError> {
    Ok(decode(bytes)?)
}

/// The body's length, before anything is allocated for it.
///
/// # Errors
/// [`FrameError::BodyTooLong`].
pub fn body_length(prefix: [u8; BODY_LENGTH_BYTES], limit: usize) -> Result<usize, FrameError> {
    usize::try_from(u64::from_le_bytes(prefix))
        .ok()
        .filter(|length| *length <= limit)
        .ok_or(FrameError::BodyTooLong { limit })
}

/// The length of an item that comes by itself, before anything is allocated for it; none is empty.
///
/// # Errors
/// [`FrameError::Item`].
pub fn item_length(prefix: [u8; ITEM_LENGTH_BYTES], limit: usize) -> Result<usize, FrameError> {
    usize::try_from(u32::from_le_bytes(prefix))
        .ok()
        .filter(|length| *length > 0 && *length <= limit)
        .ok_or(FrameError::Item { limit })
}

/// What precedes an item that goes by itself.
#[must_use]
pub fn item_prefix(item: &[u8]) -> [u8; ITEM_LENGTH_BYTES] {
    u32::try_from(item.len()).unwrap_or(u32::MAX).to_le_bytes()
}

/// Appends one item to a list body.
pub fn push_item(body: &mut Vec<u8>, item: &[u8]) {
    body.put_slice(&item_prefix(item));
    body.put_slice(item);
}

/// Splits a list body into its items, without copying.
///
/// # Errors
/// [`ListError`] for more or longer items than allowed, or a torn one.
pub fn split_items(mut body: Bytes, items_max: usize, item_bytes_max: usize) -> Result<Vec<Bytes>, ListError> {
    let error = ListError { items_max, item_bytes_max };
    let mut items = Vec::new();
    while !body.is_empty() {
        if body.len() < ITEM_LENGTH_BYTES || items.len() == items_max {
            return Err(error);
        }
        let length = usize::try_from(body.get_u32_le()).map_err(|_| error)?;
        if length > item_bytes_max || length > body.len() {
            return Err(error);
        }
        items.push(body.split_to(length));
    }
    Ok(items)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_round_trip_and_torn_ones_are_refused() {
        let mut body = Vec::new();
        push_item(&mut body, b"one");
        push_item(&mut body, b"");
        let items = split_items(body.clone().into(), 2, 3).unwrap();
        assert_eq!(items, [Bytes::from_static(b"one"), Bytes::new()]);
        assert!(split_items(body.clone().into(), 1, 3).is_err());
        assert!(split_items(body.clone().into(), 2, 2).is_err());
        body.pop();
        assert!(split_items(body.into(), 2, 3).is_err());
    }

    #[test]
    fn over_limit_lengths_are_refused_before_allocation() {
        assert!(header_length(u32::MAX.to_le_bytes(), usize::MAX).is_err());
        assert!(body_length(u64::MAX.to_le_bytes(), 10).is_err());
        assert_eq!(item_length(11u32.to_le_bytes(), 10), Err(FrameError::Item { limit: 10 }));
        assert_eq!(item_length(u32::MAX.to_le_bytes(), 10), Err(FrameError::Item { limit: 10 }));
    }

    #[test]
    fn an_item_by_itself_is_never_empty() {
        assert_eq!(item_length(item_prefix(b"abc"), 3), Ok(3));
        assert_eq!(item_length(item_prefix(b""), 3), Err(FrameError::Item { limit: 3 }));
    }
}
