//! Secret bytes: wiped when dropped, never printed, compared in constant time only.
//!
//! The bytes lie on the heap, so that moving a secret moves a pointer and leaves no copy behind on the stack.

use std::fmt;

use subtle::{Choice, ConstantTimeEq};
use zeroize::{Zeroize, ZeroizeOnDrop};

/// What every secret prints as.
pub(crate) const HIDDEN: &str = "****";

/// `N` secret bytes.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct Secret<const N: usize>(Box<[u8; N]>);

/// Bytes of another length than the secret has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a secret of {expected} bytes was expected")]
pub struct SecretLengthError {
    /// The length that was expected.
    pub expected: usize,
}

impl<const N: usize> Secret<N> {
    /// Fresh random bytes of the operating system.
    #[must_use]
    pub fn random() -> Self {
        let mut secret = Self::zero();
        fill_random(secret.0.as_mut_slice());
        secret
    }

    /// Takes over `bytes`; the caller's copy is the caller's to wipe.
    #[must_use]
    pub fn new(bytes: [u8; N]) -> Self {
        Self(Box::new(bytes))
    }

    /// The bytes. Whoever calls this must not store, print or send them.
    #[must_use]
    pub fn expose(&self) -> &[u8; N] {
        &self.0
    }

    pub(crate) fn zero() -> Self {
        Self(Box::new([0; N]))
    }

    pub(crate) fn expose_mut(&mut self) -> &mut [u8; N] {
        &mut self.0
    }
}

impl<const N: usize> TryFrom<&[u8]> for Secret<N> {
    type Error = SecretLengthError;

    fn try_from(bytes: &[u8]) -> Result<Self, SecretLengthError> {
        let mut secret = Self::zero();
        if bytes.len() != N {
            return Err(SecretLengthError { expected: N });
        }
        secret.0.copy_from_slice(bytes);
        Ok(secret)
    }
}

impl<const N: usize> ConstantTimeEq for Secret<N> {
    fn ct_eq(&self, other: &Self) -> Choice {
        self.0.as_slice().ct_eq(other.0.as_slice())
    }
}

impl<const N: usize> fmt::Debug for Secret<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(HIDDEN)
    }
}

impl<const N: usize> fmt::Display for Secret<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(HIDDEN)
    }
}

/// Fills `bytes` from the operating system's random source.
#[expect(clippy::expect_used, reason = "a machine without randomness can seal nothing, and must not try")]
pub(crate) fn fill_random(bytes: &mut [u8]) {
    getrandom::fill(bytes).expect("the operating system has a random source");
}

/// Random bytes that are no secret: a salt.
pub(crate) fn random_salt() -> [u8; 32] {
    let mut salt = [0; 32];
    fill_random(&mut salt);
    salt
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_print_as_stars() {
        let secret = Secret::new([0xab; 32]);
        assert_eq!(format!("{secret} {secret:?} {secret:#?}"), "**** **** ****");
    }

    #[test]
    fn random_secrets_differ() {
        assert!(!bool::from(Secret::<32>::random().ct_eq(&Secret::random())));
    }

    #[test]
    fn another_length_is_refused() {
        assert_eq!(Secret::<4>::try_from(&[1u8, 2, 3][..]).err(), Some(SecretLengthError { expected: 4 }));
        assert_eq!(Secret::<3>::try_from(&[1u8, 2, 3][..]).expect("three bytes").expose(), &[1, 2, 3]);
    }
}
