//! Splitting a person's secret among guardians: Shamir's scheme (1979) over GF(2^8), byte by byte.
//!
//! Any `threshold` shares give the secret; fewer say nothing about it, whatever is computed. A share alone cannot be told from junk: so
//! each comes with a commitment, which the person signs, and whoever gives back another share is found out by it.
//!
//! All arithmetic on secret bytes is shifts and masks: no table is looked up and no branch taken by them.

use vauban_protocol::id::{Digest, Fingerprint, UserId};
use vauban_protocol::label;
use vauban_protocol::limit::{GUARDIANS_MAX, GUARDIANS_THRESHOLD_MIN};
use vauban_protocol::signature::KemKey;

use crate::derive;
use crate::error::{OpenError, SealError};
use crate::kem::{KemSecret, wrap};
use crate::secret::Secret;

/// Bytes of a secret that is split, and of each of its shares.
const BYTES: usize = 32;

/// What of whose secret a guardian holds, bound into the share's commitment and into whatever it is wrapped in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SharePlace {
    /// The organisation.
    pub organisation: Fingerprint,
    /// Whose secret it is.
    pub user: UserId,
    /// Digest of the KEM key whose secret was split.
    pub kem: Digest,
    /// Who guards the share.
    pub guardian: UserId,
    /// The polynomial's argument: the guardian's place in the signed list, the first being 1.
    pub number: u8,
}

/// One share: the polynomial's values at the guardian's number.
#[derive(Debug, Clone)]
pub struct Share(Secret<BYTES>);

/// Splits a secret into `count` shares, of which any `threshold` give it back; the first is that of number 1.
///
/// # Errors
/// [`SealError::TooMany`] for more than [`GUARDIANS_MAX`], or a threshold that is above their number, or below
/// [`GUARDIANS_THRESHOLD_MIN`].
pub fn split(secret: &KemSecret, threshold: usize, count: usize) -> Result<Vec<Share>, SealError> {
    let coefficients = std::iter::repeat_with(Secret::<BYTES>::random);
    split_with(secret, threshold, count, coefficients)
}

/// Splits with given coefficients, that of the first power first, for vectors.
#[doc(hidden)]
pub fn split_with(
    secret: &KemSecret,
    threshold: usize,
    count: usize,
    coefficients: impl Iterator<Item = Secret<BYTES>>,
) -> Result<Vec<Share>, SealError> {
    if count > GUARDIANS_MAX || !(GUARDIANS_THRESHOLD_MIN..=count).contains(&threshold) {
        return Err(SealError::TooMany);
    }
    let coefficients: Vec<_> = coefficients.take(threshold.saturating_sub(1)).collect();
    let numbers = 1..=u8::try_from(count).map_err(|_| SealError::TooMany)?;
    let value_at = |number: u8| {
        let mut value = Secret::<BYTES>::zero();
        // Horner: the highest power first, the secret last.
        for coefficient in coefficients.iter().rev().chain([secret.seed()]) {
            for (byte, more) in value.expose_mut().iter_mut().zip(coefficient.expose()) {
                *byte = times(*byte, number) ^ more;
            }
        }
        Share(value)
    };
    Ok(numbers.map(value_at).collect())
}

/// The secret that these shares, each with its number, give: that of whatever polynomial they lie on. Hold its public key against the one
/// that was split.
///
/// # Errors
/// [`OpenError`] for no shares, more than [`GUARDIANS_MAX`], a doubled number, or number 0.
pub fn combine(shares: &[(u8, Share)]) -> Result<KemSecret, OpenError> {
    let is_doubled =
        |at: usize, number: u8| shares.iter().skip(at.saturating_add(1)).any(|(other, _)| *other == number);
    let is_bad = |(at, (number, _)): (usize, &(u8, Share))| *number == 0 || is_doubled(at, *number);
    if shares.is_empty() || shares.len() > GUARDIANS_MAX || shares.iter().enumerate().any(is_bad) {
        return Err(OpenError);
    }
    let mut secret = Secret::<BYTES>::zero();
    for (number, share) in shares {
        // Lagrange at 0: the product of x / (x - own) over the others; numbers are no secret.
        let weight = shares
            .iter()
            .filter(|(other, _)| other != number)
            .fold(1, |weight, (other, _)| times(weight, times(*other, inverse(other ^ number))));
        for (byte, value) in secret.expose_mut().iter_mut().zip(share.0.expose()) {
            *byte ^= times(*value, weight);
        }
    }
    Ok(KemSecret::from_seed(secret))
}

impl Share {
    /// What only this share fits, at this place.
    #[must_use]
    pub fn commitment(&self, place: &SharePlace) -> Digest {
        let number = [place.number];
        let parts: [&[u8]; 5] =
            [place.organisation.as_bytes(), place.user.as_bytes(), &place.kem.0, place.guardian.as_bytes(), &number];
        let commitment: Secret<32> = derive::expand(&self.0, label::SHARE_COMMIT, &parts);
        Digest(*commitment.expose())
    }

    /// Wraps it for its guardian.
    ///
    /// # Errors
    /// [`SealError::InvalidKey`] if the guardian's key is none.
    pub fn wrap(&self, place: &SharePlace, guardian: &KemKey) -> Result<Vec<u8>, SealError> {
        wrap(guardian, label::WRAP_SHARE, &place.info(&self.commitment(place), &[]), self.0.expose())
    }

    /// Wraps it for the device that recovers.
    ///
    /// # Errors
    /// [`SealError::InvalidKey`] if the device's key is none.
    pub fn wrap_back(&self, place: &SharePlace, device: &KemKey) -> Result<Vec<u8>, SealError> {
        let info = place.info(&self.commitment(place), &device.digest().0);
        wrap(device, label::WRAP_SHARE_BACK, &info, self.0.expose())
    }

    /// Opens what [`Share::wrap`] made; the share fits the commitment.
    ///
    /// # Errors
    /// [`OpenError`] for anything else: then whoever split the secret is at fault.
    pub fn unwrap(
        place: &SharePlace,
        commitment: &Digest,
        guardian: &KemSecret,
        wrapped: &[u8],
    ) -> Result<Self, OpenError> {
        let plain = guardian.unwrap(label::WRAP_SHARE, &place.info(commitment, &[]), wrapped)?;
        Self::fitting(place, commitment, &plain)
    }

    /// Opens what [`Share::wrap_back`] made; the share fits the commitment.
    ///
    /// # Errors
    /// [`OpenError`] for anything else: then the guardian is at fault.
    pub fn unwrap_back(
        place: &SharePlace,
        commitment: &Digest,
        device: &KemSecret,
        wrapped: &[u8],
    ) -> Result<Self, OpenError> {
        let info = place.info(commitment, &device.public().digest().0);
        let plain = device.unwrap(label::WRAP_SHARE_BACK, &info, wrapped)?;
        Self::fitting(place, commitment, &plain)
    }

    fn fitting(place: &SharePlace, commitment: &Digest, plain: &[u8]) -> Result<Self, OpenError> {
        let share = Self(Secret::try_from(plain).map_err(|_| OpenError)?);
        if share.commitment(place) == *commitment { Ok(share) } else { Err(OpenError) }
    }

    /// A share of given bytes, for vectors.
    #[doc(hidden)]
    #[must_use]
    pub fn from_bytes(bytes: [u8; BYTES]) -> Self {
        Self(Secret::new(bytes))
    }

    /// Its bytes, for vectors.
    #[doc(hidden)]
    #[must_use]
    pub fn expose(&self) -> &[u8; BYTES] {
        self.0.expose()
    }
}

impl SharePlace {
    fn info(&self, commitment: &Digest, device: &[u8]) -> Vec<u8> {
        let number = [self.number];
        let parts: [&[u8]; 7] = [
            self.organisation.as_bytes(),
            self.user.as_bytes(),
            &self.kem.0,
            self.guardian.as_bytes(),
            &number,
            &commitment.0,
            device,
        ];
        parts.concat()
    }
}

/// The product in GF(2^8) modulo x^8 + x^4 + x^3 + x + 1.
fn times(a: u8, b: u8) -> u8 {
    let (mut a, mut product) = (a, 0);
    for bit in 0..u8::BITS {
        product ^= a & mask(b >> bit);
        a = (a << 1) ^ (0x1b & mask(a >> 7));
    }
    product
}

/// All ones if the lowest bit is set, else zero.
fn mask(bit: u8) -> u8 {
    (bit & 1).wrapping_neg()
}

/// The inverse in that field: the power of 254. Zero has none, and gives zero.
fn inverse(a: u8) -> u8 {
    let mut power = a;
    for _ in 0..6 {
        power = times(times(power, power), a);
    }
    times(power, power)
}

#[cfg(test)]
mod tests;
