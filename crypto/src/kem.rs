//! Wrapping a secret for the holder of a KEM key: HPKE (RFC 9180), base mode, with X-Wing (X25519 and ML-KEM-768, so that
//! an attacker must break both), HKDF-SHA-256 and AES-256-GCM.
//!
//! ```text
//! wrapped = enc(1120) ‖ ciphertext ‖ tag(16)          HPKE info = label ‖ 0x00 ‖ info
//! ```
//! A wrapped secret has no author: whoever reads one trusts it only through a signature over it, or a commitment that
//! the secret must fit. It carries no magic; it always stands inside a signed object or a bundle that has one.

use std::fmt;

use hpke::aead::AesGcm256;
use hpke::kdf::HkdfSha256;
use hpke::kem::XWing;
use hpke::rand_core::{CryptoRng, TryCryptoRng, TryRng};
use hpke::{Deserializable, Kem, OpModeR, OpModeS, Serializable};
use vauban_protocol::signature::{KEM_KEY_BYTES, KemKey, message};
use zeroize::Zeroizing;

use crate::error::{OpenError, SealError};
use crate::salted::TAG_BYTES;
use crate::secret::{HIDDEN, Secret, fill_random};

/// Bytes of X-Wing's encapsulated key.
const ENCAPSULATED_BYTES: usize = 1120;
/// Bytes that wrapping adds to a secret.
pub const WRAP_OVERHEAD_BYTES: usize = ENCAPSULATED_BYTES + TAG_BYTES;

type PrivateKey = <XWing as Kem>::PrivateKey;
type PublicKey = <XWing as Kem>::PublicKey;
type EncappedKey = <XWing as Kem>::EncappedKey;

/// The secret half of a user's or device's KEM key.
pub struct KemSecret {
    seed: Secret<32>,
    public: KemKey,
}

impl KemSecret {
    /// A fresh key.
    #[must_use]
    pub fn generate() -> Self {
        Self::from_seed(Secret::random())
    }

    /// The key that `seed` stands for; any 32 bytes are one.
    #[must_use]
    #[expect(
        clippy::expect_used,
        reason = "every seed of the right length is a key, and its public half has one length"
    )]
    pub fn from_seed(seed: Secret<32>) -> Self {
        let private = PrivateKey::from_bytes(seed.expose()).expect("32 bytes are a key");
        let public = XWing::sk_to_pk(&private).to_bytes().to_vec();
        Self { public: KemKey::try_from(public).expect("public keys have one length"), seed }
    }

    /// The seed, for the keystore, or for wrapping to the same person's devices, alone.
    #[must_use]
    pub fn seed(&self) -> &Secret<32> {
        &self.seed
    }

    /// The public half.
    #[must_use]
    pub fn public(&self) -> &KemKey {
        &self.public
    }

    /// Opens what [`wrap`] made for this key with the same label and info.
    ///
    /// # Errors
    /// [`OpenError`] for anything else.
    pub fn unwrap(&self, label: &str, info: &[u8], wrapped: &[u8]) -> Result<Zeroizing<Vec<u8>>, OpenError> {
        let (encapsulated, ciphertext) = wrapped.split_at_checked(ENCAPSULATED_BYTES).ok_or(OpenError)?;
        let private = PrivateKey::from_bytes(self.seed.expose()).map_err(|_| OpenError)?;
        let encapsulated = EncappedKey::from_bytes(encapsulated).map_err(|_| OpenError)?;
        hpke::single_shot_open::<AesGcm256, HkdfSha256, XWing>(
            &OpModeR::Base,
            &private,
            &encapsulated,
            &message(label, info),
            ciphertext,
            &[],
        )
        .map(Zeroizing::new)
        .map_err(|_| OpenError)
    }
}

impl fmt::Debug for KemSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(HIDDEN)
    }
}

/// Wraps `secret` for the holder of `recipient`, bound to `label` and `info`.
///
/// # Errors
/// [`SealError::InvalidKey`] if `recipient` is no X-Wing key: then whoever published it is at fault.
pub fn wrap(recipient: &KemKey, label: &str, info: &[u8], secret: &[u8]) -> Result<Vec<u8>, SealError> {
    wrap_with(recipient, label, info, secret, &mut SystemRandom)
}

/// Wraps with given randomness, for vectors.
#[doc(hidden)]
pub fn wrap_with<R: CryptoRng>(
    recipient: &KemKey,
    label: &str,
    info: &[u8],
    secret: &[u8],
    random: &mut R,
) -> Result<Vec<u8>, SealError> {
    let recipient = PublicKey::from_bytes(recipient.as_ref()).map_err(|_| SealError::InvalidKey)?;
    let (encapsulated, ciphertext) = hpke::single_shot_seal_with_rng::<AesGcm256, HkdfSha256, XWing>(
        &OpModeS::Base,
        &recipient,
        &message(label, info),
        secret,
        &[],
        random,
    )
    .map_err(|_| SealError::InvalidKey)?;
    Ok([encapsulated.to_bytes().as_slice(), &ciphertext].concat())
}

/// The operating system's randomness, in the form that `hpke` takes.
pub(crate) struct SystemRandom;

impl TryRng for SystemRandom {
    type Error = std::convert::Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Self::Error> {
        let mut bytes = [0; 4];
        fill_random(&mut bytes);
        Ok(u32::from_le_bytes(bytes))
    }

    fn try_next_u64(&mut self) -> Result<u64, Self::Error> {
        let mut bytes = [0; 8];
        fill_random(&mut bytes);
        Ok(u64::from_le_bytes(bytes))
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Self::Error> {
        fill_random(bytes);
        Ok(())
    }
}

impl TryCryptoRng for SystemRandom {}

const _: () = assert!(KEM_KEY_BYTES > ENCAPSULATED_BYTES);

#[cfg(test)]
mod tests {
    use super::*;

    const LABEL: &str = "vauban/1 test";

    #[test]
    fn wrapped_secret_opens_for_its_holder_and_place_only() {
        let (holder, other) = (KemSecret::generate(), KemSecret::generate());
        let wrapped = wrap(holder.public(), LABEL, b"here", &[7; 32]).expect("a valid key");
        assert_eq!(wrapped.len(), 32 + WRAP_OVERHEAD_BYTES);
        assert_eq!(holder.unwrap(LABEL, b"here", &wrapped).expect("sealed here").as_slice(), &[7; 32]);
        assert!(other.unwrap(LABEL, b"here", &wrapped).is_err());
        assert!(holder.unwrap(LABEL, b"there", &wrapped).is_err());
        assert!(holder.unwrap("vauban/1 other", b"here", &wrapped).is_err());
    }

    #[test]
    fn seed_gives_the_same_key() {
        let holder = KemSecret::generate();
        assert_eq!(KemSecret::from_seed(holder.seed().clone()).public(), holder.public());
        assert_eq!(format!("{holder:?}"), "****");
    }

    /// ML-KEM refuses keys whose coefficients pass the modulus (FIPS 203, section 7.2).
    #[test]
    fn key_outside_its_kind_is_refused() {
        let key = KemKey::try_from(vec![0xff; KEM_KEY_BYTES]).expect("the right length");
        assert_eq!(wrap(&key, LABEL, b"", &[7; 32]).err(), Some(SealError::InvalidKey));
    }
}
