//! What a device says it has seen of a space (trust.md, "Seen").
//!
//! A node that shows two devices two histories must keep their words apart, too: each word names a head, so a device that hears
//! another's can compare. It is no commit: readers give theirs as well, and nothing of the chain depends on it.

use serde::{Deserialize, Serialize};

use crate::chain::Head;
use crate::id::{DeviceId, SpaceId};
use crate::label;
use crate::limit::SEEN_BYTES_MAX;
use crate::signed::Payload;
use crate::time::Timestamp;

/// Up to where a device has verified a space, and when. Signed by the device (Ed25519); nodes keep each device's latest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seen {
    /// The space.
    pub space: SpaceId,
    /// Whose word this is.
    pub device: DeviceId,
    /// The space's head that it has verified everything up to.
    pub head: Head,
    /// The organisation's head that it has verified.
    pub org: Head,
    /// When, by its own clock.
    pub time: Timestamp,
}

impl Payload for Seen {
    const MAGIC: [u8; 3] = *b"VBV";
    const CONTEXT: &'static str = label::SIGN_SEEN;
    const BYTES_MAX: usize = SEEN_BYTES_MAX;
}
