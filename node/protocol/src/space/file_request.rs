//! File requests: people without an account drop files into a space (trust.md, "Links").
//!
//! ```text
//! member's device ── FileRequest ─► nodes        address ─► whoever is asked
//! whoever has the address ── records ─► nodes    one drop: records, then a head that ends it
//! member's device ◄─ drops ── nodes              opened, verified, sealed anew as files of the space; DropsTaken frees them
//! ```
//! What a drop is sealed to, a public key and a secret, stands in the fragment of the request's address, which no node gets; what opens it is
//! sealed for the members of the epoch. A node learns how many drops came, when, and how large they are.

use serde::{Deserialize, Serialize};

use crate::canonical::DecodeError;
use crate::id::{DeviceId, Digest, DropId, LinkId, SpaceId};
use crate::label;
use crate::limit::{
    DROP_OBJECTS_BYTES_MAX, DROPS_TAKEN_BYTES_MAX, DROPS_TAKEN_MAX, REQUEST_BYTES_MAX, REQUEST_DROPS_MAX,
    REQUEST_KEYS_BYTES_MAX, REQUEST_WORDS_BYTES_MAX,
};
use crate::signed::Payload;
use crate::time::Timestamp;

/// A file request. Signed by the device that makes it (Ed25519).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileRequest {
    /// Chosen at random; links and requests share their identifiers.
    pub id: LinkId,
    /// The space that files are dropped into.
    pub space: SpaceId,
    /// The device that signs. The request ends when it is revoked, or when its person may no longer write to the space.
    pub device: DeviceId,
    /// The epoch whose keys seal what opens the drops. The request ends with it: whoever was shut out since knows them.
    pub epoch: u32,
    /// When it was made, by the device's clock.
    pub created_at: Timestamp,
    /// From this moment of cluster time on nothing more is taken in.
    pub expires_at: Timestamp,
    /// What [`crate::space::token_hash`] makes of the access token.
    pub token: Digest,
    /// Bytes of sealed records that may come, in all.
    pub bytes_max: u64,
    /// Drops that may come, in all.
    pub drops_max: u32,
    /// SHA-256 of the page that the device knows to seal drops in a browser.
    pub page: Digest,
    /// What the page shows to whoever has the request's address.
    pub sealed_words: Vec<u8>,
    /// What opens the drops, and where they go, for members of the space.
    pub sealed_keys: Vec<u8>,
}

impl Payload for FileRequest {
    const MAGIC: [u8; 3] = *b"VBF";
    const CONTEXT: &'static str = label::SIGN_REQUEST;
    const BYTES_MAX: usize = REQUEST_BYTES_MAX;

    fn bounded(&self) -> Result<(), DecodeError> {
        let within = self.sealed_words.len() <= REQUEST_WORDS_BYTES_MAX
            && self.sealed_keys.len() <= REQUEST_KEYS_BYTES_MAX
            && (1..=REQUEST_DROPS_MAX).contains(&self.drops_max)
            && (1..=DROP_OBJECTS_BYTES_MAX).contains(&self.bytes_max);
        if within { Ok(()) } else { Err(DecodeError::TooLong) }
    }
}

/// Drops are in the space, or are not wanted: nodes let go of them. Signed by a device of whoever writes to the space (Ed25519).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DropsTaken {
    /// Whose drops they are.
    pub request: LinkId,
    /// Its space.
    pub space: SpaceId,
    /// The device that signs.
    pub device: DeviceId,
    /// Which.
    pub drops: Vec<DropId>,
    /// When, by its clock.
    pub at: Timestamp,
}

impl Payload for DropsTaken {
    const MAGIC: [u8; 3] = *b"VBD";
    const CONTEXT: &'static str = label::SIGN_DROPS_TAKEN;
    const BYTES_MAX: usize = DROPS_TAKEN_BYTES_MAX;

    fn bounded(&self) -> Result<(), DecodeError> {
        if self.drops.is_empty() || self.drops.len() > DROPS_TAKEN_MAX { Err(DecodeError::TooLong) } else { Ok(()) }
    }
}
