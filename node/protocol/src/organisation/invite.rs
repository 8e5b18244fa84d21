//! Invites: how a person or a machine joins without trusting the node in between (trust.md, "Join").
//!
//! The invite's 128-bit secret travels out of band. The joining device posts its keys with a MAC under that secret; the
//! inviter's client takes the only post whose MAC verifies. The node keeps records and posts, and can make neither.

use serde::{Deserialize, Serialize};

use crate::canonical::DecodeError;
use crate::id::{DeviceId, InviteId, UserId};
use crate::label;
use crate::limit::{ADMINS_MAX, INVITE_BYTES_MAX, JOIN_POST_BYTES_MAX, SEALED_NAME_BYTES_MAX};
use crate::organisation::certificate::WRAPPED_SECRET_BYTES_MAX;
use crate::signature::{HybridKey, KemKey};
use crate::signed::{Payload, Signed};
use crate::time::Timestamp;

/// Bytes of the MAC before a join post's signed part.
const MAC_BYTES: usize = 32;

/// An open invitation. Signed by the inviting device (Ed25519).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Invite {
    /// Chosen at random.
    pub id: InviteId,
    /// What it leads to.
    pub kind: InviteKind,
    /// The device that signs.
    pub device: DeviceId,
    /// After this moment nodes take no post, and clients certify none.
    pub expires_at: Timestamp,
    /// What the invitation carries, sealed under the directory key (the invited person's name).
    pub sealed_name: Vec<u8>,
    /// The secret, wrapped for each person who may finish: all admins, or the one user.
    pub wrapped_secrets: Vec<(UserId, Vec<u8>)>,
}

/// What an invite leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum InviteKind {
    /// A new person, with a first device. Issued by an admin's device.
    User,
    /// A further device of this person. Issued by one of the person's devices.
    Device(UserId),
    /// A device for this person, who has lost theirs. Issued by an admin's device.
    Recovery(UserId),
}

impl Payload for Invite {
    const MAGIC: [u8; 3] = *b"VBI";
    const CONTEXT: &'static str = label::SIGN_INVITE;
    const BYTES_MAX: usize = INVITE_BYTES_MAX;

    fn bounded(&self) -> Result<(), DecodeError> {
        let within = self.wrapped_secrets.len() <= ADMINS_MAX
            && self.sealed_name.len() <= SEALED_NAME_BYTES_MAX
            && self.wrapped_secrets.iter().all(|(_, wrapped)| wrapped.len() <= WRAPPED_SECRET_BYTES_MAX);
        if within { Ok(()) } else { Err(DecodeError::TooLong) }
    }
}

/// What a joining device says of itself. Hybrid-signed by the keys it names, which proves that it has them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Join {
    /// The invite that is answered.
    pub invite: InviteId,
    /// The device's signing keys.
    pub keys: HybridKey,
    /// The device's KEM key.
    pub device_kem: KemKey,
    /// The new person's KEM key, for an invite of a user.
    pub user_kem: Option<KemKey>,
    /// The device's name, sealed under a key of the invite's secret.
    pub sealed_name: Vec<u8>,
}

impl Payload for Join {
    const MAGIC: [u8; 3] = *b"VBJ";
    const CONTEXT: &'static str = label::SIGN_JOIN;
    const BYTES_MAX: usize = JOIN_POST_BYTES_MAX - MAC_BYTES;

    fn bounded(&self) -> Result<(), DecodeError> {
        if self.sealed_name.len() <= SEALED_NAME_BYTES_MAX { Ok(()) } else { Err(DecodeError::TooLong) }
    }
}

/// A post on an invite: a MAC under the invite's secret, then the signed [`Join`] that it covers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JoinPost {
    /// HMAC-SHA-256 over the signed part's bytes.
    pub mac: [u8; MAC_BYTES],
    /// The signed part; its own signature is not yet verified.
    pub join: Signed<Join>,
}

impl JoinPost {
    /// The bytes that are posted.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        [self.mac.as_slice(), self.join.bytes()].concat()
    }

    /// Reads a post.
    ///
    /// # Errors
    /// [`DecodeError`], named by the defect.
    pub fn parse(bytes: &bytes::Bytes) -> Result<Self, DecodeError> {
        let mac = *bytes.first_chunk::<MAC_BYTES>().ok_or(DecodeError::Malformed)?;
        Ok(Self { mac, join: Signed::parse(bytes.slice(MAC_BYTES..))? })
    }
}
