//! Epochs: generations of a space's keys.

use serde::{Deserialize, Serialize};

use crate::canonical::{DecodeError, encode};
use crate::chain::Head;
use crate::id::{ChunkId, DeviceId, Digest, SpaceId, UserId};
use crate::label;
use crate::limit::CERTIFICATE_BYTES_MAX;
use crate::signed::Payload;

/// Bytes of earlier epochs' roots, sealed under the new one: salt, nine numbered roots at most, tag, and room.
const SEALED_EARLIER_BYTES_MAX: usize = 512;

/// Starts an epoch. Hybrid-signed by the device that drew the root (`formats#3`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EpochCertificate {
    /// The space.
    pub space: SpaceId,
    /// The new epoch; the first is 1.
    pub epoch: u32,
    /// The space's head that it follows.
    pub prev: Head,
    /// The organisation's head from which the recipients' keys were read.
    pub org: Head,
    /// The device that signs.
    pub device: DeviceId,
    /// Commitment to the root, so that no two members are given different ones.
    pub commitment: Digest,
    /// Digest of the exact recipient list, which every client computes from the chain and compares.
    pub recipients: Digest,
    /// The chunk that holds the root, wrapped for each recipient.
    pub bundle: ChunkId,
    /// The roots of the epoch before, and of earlier ones that were withheld from some, sealed under the new one; empty for the first epoch.
    pub sealed_earlier: Vec<u8>,
}

impl Payload for EpochCertificate {
    const MAGIC: [u8; 3] = *b"VBE";
    const CONTEXT: &'static str = label::SIGN_EPOCH;
    const BYTES_MAX: usize = CERTIFICATE_BYTES_MAX;

    fn bounded(&self) -> Result<(), DecodeError> {
        if self.sealed_earlier.len() <= SEALED_EARLIER_BYTES_MAX { Ok(()) } else { Err(DecodeError::TooLong) }
    }
}

/// One recipient of an epoch's root.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Recipient {
    /// The member.
    pub user: UserId,
    /// Digest of the member's KEM key.
    pub kem: Digest,
}

/// The digest of a recipient list, which is sorted first, so that everyone computes the same.
#[must_use]
pub fn recipients_digest(mut recipients: Vec<Recipient>) -> Digest {
    recipients.sort_unstable();
    let mut hasher = blake3::Hasher::new();
    hasher.update(label::HASH_RECIPIENTS.as_bytes()).update(&[0]).update(&encode(&recipients));
    Digest(*hasher.finalize().as_bytes())
}
