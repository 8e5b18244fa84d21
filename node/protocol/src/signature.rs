//! Public keys, signatures and their verification.
//!
//! A message is always `label ‖ 0x00 ‖ bytes`, so a signature made in one context never verifies in another. Ed25519
//! alone signs what is short-lived or frequent (commits, receipts, proofs); certificates carry a hybrid signature, of
//! which both halves must verify over the same message. Signing needs secrets and lives elsewhere.

use aws_lc_rs::signature::{ML_DSA_65, UnparsedPublicKey};
use ed25519_dalek::VerifyingKey;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::byte_string;
use crate::id::{DeviceId, Digest, NodeId};

/// Bytes of an Ed25519 signature (RFC 8032).
pub const ED25519_SIGNATURE_BYTES: usize = 64;
/// Bytes of an ML-DSA-65 public key (FIPS 204).
pub const ML_DSA_65_KEY_BYTES: usize = 1952;
/// Bytes of an ML-DSA-65 signature (FIPS 204).
pub const ML_DSA_65_SIGNATURE_BYTES: usize = 3309;
/// Bytes of a hybrid signature: Ed25519, then ML-DSA-65.
pub const HYBRID_SIGNATURE_BYTES: usize = ED25519_SIGNATURE_BYTES + ML_DSA_65_SIGNATURE_BYTES;
/// Bytes of an X-Wing public key (draft-connolly-cfrg-xwing-kem).
pub const KEM_KEY_BYTES: usize = 1216;

/// A signature that does not verify; which half or why is deliberately not said.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the signature does not verify")]
pub struct SignatureError;

/// The exact bytes that a signature in context `label` covers.
#[must_use]
pub fn message(label: &str, bytes: &[u8]) -> Vec<u8> {
    let mut message = Vec::with_capacity(label.len() + 1 + bytes.len());
    message.extend_from_slice(label.as_bytes());
    message.push(0);
    message.extend_from_slice(bytes);
    message
}

/// An Ed25519 public key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Ed25519Key(pub [u8; 32]);

impl Ed25519Key {
    /// Verifies `signature` over `bytes` in context `label`, strictly (no weak key, no malleable signature).
    ///
    /// # Errors
    /// [`SignatureError`] for every failure.
    pub fn verify(&self, label: &str, bytes: &[u8], signature: &[u8]) -> Result<(), SignatureError> {
        let key = VerifyingKey::from_bytes(&self.0).map_err(|_| SignatureError)?;
        let signature = ed25519_dalek::Signature::from_slice(signature).map_err(|_| SignatureError)?;
        key.verify_strict(&message(label, bytes), &signature).map_err(|_| SignatureError)
    }

    /// The node that receipts under this key speak for.
    #[must_use]
    pub fn node_id(&self) -> NodeId {
        NodeId(Digest::of(&self.0).first_half())
    }
}

/// An ML-DSA-65 public key, [`ML_DSA_65_KEY_BYTES`] long.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MlDsaKey(Vec<u8>);

/// Bytes of the coefficients at the beginning of an ML-KEM-768 key.
const ML_KEM_VECTOR_BYTES: usize = 1152;
/// What they are below.
const ML_KEM_MODULUS: u16 = 3329;

/// An X-Wing public key, [`KEM_KEY_BYTES`] long.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KemKey(Vec<u8>);

macro_rules! fixed_length_key {
    ($name:ident, $bytes:expr) => {
        impl TryFrom<Vec<u8>> for $name {
            type Error = &'static str;

            fn try_from(bytes: Vec<u8>) -> Result<Self, Self::Error> {
                if bytes.len() == $bytes { Ok(Self(bytes)) } else { Err("a public key of the wrong length") }
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                byte_string::serialize(&self.0, serializer)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                Self::try_from(byte_string::deserialize(deserializer)?).map_err(D::Error::custom)
            }
        }

        impl AsRef<[u8]> for $name {
            fn as_ref(&self) -> &[u8] {
                &self.0
            }
        }

        impl std::fmt::Debug for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), Digest::of(&self.0))
            }
        }
    };
}

fixed_length_key!(MlDsaKey, ML_DSA_65_KEY_BYTES);
fixed_length_key!(KemKey, KEM_KEY_BYTES);

impl KemKey {
    /// Whether secrets can be wrapped for it: the ML-KEM part holds coefficients below 3329, two in three bytes (FIPS 203, 7.2). Nobody could
    /// wrap an epoch's root for members of whom one has another key.
    #[must_use]
    pub fn is_well_formed(&self) -> bool {
        let (coefficients, _) = self.0.split_at(self.0.len().min(ML_KEM_VECTOR_BYTES));
        let (threes, _) = coefficients.as_chunks::<3>();
        threes.iter().all(|[a, b, c]| {
            let (one, other) = (u16::from(*a) | u16::from(b & 15) << 8, u16::from(b >> 4) | u16::from(*c) << 4);
            one < ML_KEM_MODULUS && other < ML_KEM_MODULUS
        })
    }

    /// What a recipient list commits to.
    #[must_use]
    pub fn digest(&self) -> Digest {
        Digest::of(&self.0)
    }
}

/// The two public keys of a root or device: an attacker must break both to forge a certificate.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct HybridKey {
    /// Signs alone where signatures are frequent, and as one half of certificates.
    pub ed25519: Ed25519Key,
    /// The post-quantum half of certificate signatures.
    pub ml_dsa_65: MlDsaKey,
}

impl HybridKey {
    /// Verifies both halves of `signature` over `bytes` in context `label`.
    ///
    /// # Errors
    /// [`SignatureError`] if either half fails or the length is wrong.
    pub fn verify(&self, label: &str, bytes: &[u8], signature: &[u8]) -> Result<(), SignatureError> {
        if signature.len() != HYBRID_SIGNATURE_BYTES {
            return Err(SignatureError);
        }
        let (ed25519, ml_dsa) = signature.split_at_checked(ED25519_SIGNATURE_BYTES).ok_or(SignatureError)?;
        self.ed25519.verify(label, bytes, ed25519)?;
        UnparsedPublicKey::new(&ML_DSA_65, self.ml_dsa_65.as_ref())
            .verify(&message(label, bytes), ml_dsa)
            .map_err(|_| SignatureError)
    }

    /// The device that holds these keys.
    #[must_use]
    pub fn device_id(&self) -> DeviceId {
        let mut hasher = blake3::Hasher::new();
        hasher.update(&self.ed25519.0).update(self.ml_dsa_65.as_ref());
        DeviceId(Digest(*hasher.finalize().as_bytes()).first_half())
    }
}
