//! The signing keys of an organisation's root and of each device: Ed25519 and ML-DSA-65, side by side.
//!
//! Commits and proofs carry Ed25519 alone; certificates carry both, so that they stand when one of the two falls. Every
//! message begins with its context (`formats#2`), and nothing here signs bytes without one.

use std::fmt;

use aws_lc_rs::signature::{KeyPair, ML_DSA_65_SIGNING, PqdsaKeyPair};
use ed25519_dalek::{Signer, SigningKey};
use vauban_protocol::signature::{Ed25519Key, HybridKey, ML_DSA_65_SIGNATURE_BYTES, MlDsaKey, message};
use vauban_protocol::signed::{Payload, Signed};

use crate::secret::{HIDDEN, Secret};

/// The library failed to make a key or a signature: nothing that a caller did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the cryptographic library could not sign")]
pub struct SigningError;

/// The secret halves of a root's or a device's signing keys. Each device draws its own; they are never derived from
/// another key, and never recovered.
pub struct SigningKeys {
    seed: Secret<64>,
    ed25519: SigningKey,
    ml_dsa_65: PqdsaKeyPair,
    public: HybridKey,
}

impl SigningKeys {
    /// Fresh keys.
    ///
    /// # Errors
    /// [`SigningError`].
    pub fn generate() -> Result<Self, SigningError> {
        Self::from_seed(Secret::random())
    }

    /// The keys that a seed stands for: 32 bytes of Ed25519 (RFC 8032), then 32 of ML-DSA-65 (FIPS 204).
    ///
    /// # Errors
    /// [`SigningError`].
    pub fn from_seed(seed: Secret<64>) -> Result<Self, SigningError> {
        let (first, second) = seed.expose().split_at(32);
        let ed25519 = SigningKey::from_bytes(first.try_into().map_err(|_| SigningError)?);
        let ml_dsa_65 = PqdsaKeyPair::from_seed(&ML_DSA_65_SIGNING, second).map_err(|_| SigningError)?;
        let public = HybridKey {
            ed25519: Ed25519Key(ed25519.verifying_key().to_bytes()),
            ml_dsa_65: MlDsaKey::try_from(ml_dsa_65.public_key().as_ref().to_vec()).map_err(|_| SigningError)?,
        };
        Ok(Self { seed, ed25519, ml_dsa_65, public })
    }

    /// The seed, for the keystore and the organisation's backup alone.
    #[must_use]
    pub fn seed(&self) -> &Secret<64> {
        &self.seed
    }

    /// The public halves.
    #[must_use]
    pub fn public(&self) -> &HybridKey {
        &self.public
    }

    /// Signs `bytes` in context `label` with Ed25519: for what is frequent or short-lived.
    #[must_use]
    pub fn sign(&self, label: &str, bytes: &[u8]) -> Vec<u8> {
        self.ed25519.sign(&message(label, bytes)).to_bytes().to_vec()
    }

    /// Signs `bytes` in context `label` with both keys: for certificates.
    ///
    /// # Errors
    /// [`SigningError`].
    pub fn sign_hybrid(&self, label: &str, bytes: &[u8]) -> Result<Vec<u8>, SigningError> {
        let message = message(label, bytes);
        let mut ml_dsa = [0; ML_DSA_65_SIGNATURE_BYTES];
        self.ml_dsa_65.sign(&message, &mut ml_dsa).map_err(|_| SigningError)?;
        Ok([self.ed25519.sign(&message).to_bytes().as_slice(), &ml_dsa].concat())
    }

    /// A payload as an object signed with Ed25519.
    ///
    /// # Errors
    /// None of its own; the type is that of [`Self::seal_hybrid`].
    pub fn seal<T: Payload>(&self, payload: T) -> Result<Signed<T>, SigningError> {
        Signed::seal(payload, |label, bytes| Ok(self.sign(label, bytes)))
    }

    /// A payload as an object signed with both keys.
    ///
    /// # Errors
    /// [`SigningError`].
    pub fn seal_hybrid<T: Payload>(&self, payload: T) -> Result<Signed<T>, SigningError> {
        Signed::seal(payload, |label, bytes| self.sign_hybrid(label, bytes))
    }
}

impl fmt::Debug for SigningKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(HIDDEN)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signatures_verify_in_their_context_only() {
        let keys = SigningKeys::generate().expect("the library works");
        let public = keys.public();
        let short = keys.sign("vauban/1 a", b"bytes");
        assert!(public.ed25519.verify("vauban/1 a", b"bytes", &short).is_ok());
        assert!(public.ed25519.verify("vauban/1 b", b"bytes", &short).is_err());
        let hybrid = keys.sign_hybrid("vauban/1 a", b"bytes").expect("the library works");
        assert!(public.verify("vauban/1 a", b"bytes", &hybrid).is_ok());
        assert!(public.verify("vauban/1 b", b"bytes", &hybrid).is_err());
        assert!(public.verify("vauban/1 a", b"byte", &hybrid).is_err());
    }

    /// Fails if the verifier stops asking for one of the halves.
    #[test]
    fn each_half_must_verify() {
        let keys = SigningKeys::generate().expect("the library works");
        let hybrid = keys.sign_hybrid("vauban/1 a", b"bytes").expect("the library works");
        for at in [0, 63, 64, hybrid.len() - 1] {
            let mut forged = hybrid.clone();
            forged[at] ^= 1;
            assert!(keys.public().verify("vauban/1 a", b"bytes", &forged).is_err(), "byte {at}");
        }
    }

    #[test]
    fn seed_gives_the_same_keys() {
        let keys = SigningKeys::generate().expect("the library works");
        let again = SigningKeys::from_seed(keys.seed().clone()).expect("the library works");
        assert_eq!(again.public(), keys.public());
        assert_eq!(format!("{keys:?}"), "****");
    }
}
