//! Signed objects: what is signed is carried as bytes, and decoded beside them.
//!
//! ```text
//! magic(3) ‖ suite(1) ‖ payload_len(u32 LE) ‖ payload ‖ signature(to the end)
//! ```
//! The signature covers `magic ‖ suite ‖ payload` in the kind's context; the object's hash covers everything.

use bytes::Bytes;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::canonical::{DecodeError, decode, encode};
use crate::id::Digest;
use crate::signature::{Ed25519Key, HybridKey, SignatureError};

/// The one suite there is; anything else is refused, nothing is negotiated (`formats#1`).
pub const SUITE: u8 = 1;
/// Bytes before the payload.
const PREFIX_BYTES: usize = 8;

/// A kind of signed object.
pub trait Payload: Serialize + DeserializeOwned {
    /// The three bytes that every object of this kind begins with.
    const MAGIC: [u8; 3];
    /// The signature context.
    const CONTEXT: &'static str;
    /// Bytes of a whole object of this kind, at most.
    const BYTES_MAX: usize;

    /// Bounds that the encoding alone does not hold, such as list lengths.
    ///
    /// # Errors
    /// [`DecodeError::TooLong`].
    fn bounded(&self) -> Result<(), DecodeError> {
        Ok(())
    }
}

/// An object as received: decoded and within bounds, its signature **not** yet verified.
///
/// A holder that needs authority calls [`Signed::verify`] or [`Signed::verify_hybrid`] with the key it expects.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signed<T> {
    bytes: Bytes,
    payload: T,
    signature_at: usize,
}

impl<T: Payload> Signed<T> {
    /// Builds an object from its payload; `sign` gets the context and the exact bytes to sign.
    pub fn seal<E>(payload: T, sign: impl FnOnce(&str, &[u8]) -> Result<Vec<u8>, E>) -> Result<Self, E> {
        let body = encode(&payload);
        let signature = sign(T::CONTEXT, &covered::<T>(&body))?;
        let mut bytes = Vec::with_capacity(PREFIX_BYTES + body.len() + signature.len());
        bytes.extend_from_slice(&T::MAGIC);
        bytes.push(SUITE);
        bytes.extend_from_slice(&u32::try_from(body.len()).unwrap_or(u32::MAX).to_le_bytes());
        bytes.extend_from_slice(&body);
        let signature_at = bytes.len();
        bytes.extend_from_slice(&signature);
        Ok(Self { bytes: bytes.into(), payload, signature_at })
    }

    /// Decodes an object, refusing anything but its one canonical form.
    ///
    /// # Errors
    /// [`DecodeError`], named by the defect.
    pub fn parse(bytes: Bytes) -> Result<Self, DecodeError> {
        if bytes.len() > T::BYTES_MAX {
            return Err(DecodeError::TooLong);
        }
        let (prefix, rest) = bytes.split_first_chunk::<PREFIX_BYTES>().ok_or(DecodeError::Malformed)?;
        let [m0, m1, m2, suite, length @ ..] = *prefix;
        if [m0, m1, m2] != T::MAGIC {
            return Err(DecodeError::Magic);
        }
        if suite != SUITE {
            return Err(DecodeError::Suite);
        }
        let length = usize::try_from(u32::from_le_bytes(length)).map_err(|_| DecodeError::TooLong)?;
        let (body, _signature) = rest.split_at_checked(length).ok_or(DecodeError::Malformed)?;
        let payload: T = decode(body)?;
        payload.bounded()?;
        let signature_at = PREFIX_BYTES + length;
        Ok(Self { bytes, payload, signature_at })
    }

    /// What the object says.
    pub fn payload(&self) -> &T {
        &self.payload
    }

    /// The whole object, as it is stored and sent.
    pub fn bytes(&self) -> &Bytes {
        &self.bytes
    }

    /// BLAKE3 of the whole object, signature included.
    pub fn digest(&self) -> Digest {
        Digest::of(&self.bytes)
    }

    /// Verifies an Ed25519 signature by `key`.
    ///
    /// # Errors
    /// [`SignatureError`].
    pub fn verify(&self, key: &Ed25519Key) -> Result<(), SignatureError> {
        let (covered, signature) = self.parts()?;
        key.verify(T::CONTEXT, &covered, signature)
    }

    /// Verifies both halves of a hybrid signature by `key`.
    ///
    /// # Errors
    /// [`SignatureError`].
    pub fn verify_hybrid(&self, key: &HybridKey) -> Result<(), SignatureError> {
        let (covered, signature) = self.parts()?;
        key.verify(T::CONTEXT, &covered, signature)
    }

    fn parts(&self) -> Result<(Vec<u8>, &[u8]), SignatureError> {
        let body = self.bytes.get(PREFIX_BYTES..self.signature_at).ok_or(SignatureError)?;
        let signature = self.bytes.get(self.signature_at..).ok_or(SignatureError)?;
        Ok((covered::<T>(body), signature))
    }
}

fn covered<T: Payload>(body: &[u8]) -> Vec<u8> {
    let mut covered = Vec::with_capacity(4 + body.len());
    covered.extend_from_slice(&T::MAGIC);
    covered.push(SUITE);
    covered.extend_from_slice(body);
    covered
}
