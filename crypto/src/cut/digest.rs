//! The rolling digest: two polynomials over GF(2^64), of the last 64 bytes.
//!
//! With `T` a secret table, each lane of the digest of a window `b₀ … b₆₃` is `Σ T[bᵢ]·x^(63−i)` modulo
//! `x^64 + x^4 + x^3 + x + 1`. A byte enters by one multiplication by `x` and an addition; the byte that leaves has met 64
//! multiplications by then, so a second table holds `T·x^64`, and subtracts it. Multiplication by `x` is a shift and a
//! conditional xor. (A rotation would be a multiplication modulo `x^64 + 1`, which is not irreducible: windows of
//! repeated bytes then collide; Lemire and Kaser 2010.) Two lanes make an accidental collision of windows negligible.
//!
//! Table look-ups depend on file bytes, as in every cutter: whoever can watch this machine's caches reads its files anyway.

use zeroize::{Zeroize, ZeroizeOnDrop};

use crate::limit::CUT_WINDOW_BYTES;

/// `x^4 + x^3 + x + 1`: what `x^64` is, modulo the polynomial.
pub(super) const REDUCTION: u64 = 0x1b;
/// Values of a byte.
const BYTE_VALUES: usize = 256;

/// The digest of the last 64 bytes: both lanes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Digest(pub(super) [u64; 2]);

/// What a byte adds when it enters the window, and when it leaves: 8 KiB, which stay in the first-level cache.
#[derive(Zeroize, ZeroizeOnDrop)]
pub(super) struct Tables {
    enter: [[u64; 2]; BYTE_VALUES],
    leave: [[u64; 2]; BYTE_VALUES],
}

impl Tables {
    /// Bytes of key that tables are made of.
    pub(super) const KEY_BYTES: usize = BYTE_VALUES * 16;

    /// The tables that `key` holds: for each byte, the first lane's entry and the second's, little-endian.
    pub(super) fn new(key: &[u8; Self::KEY_BYTES]) -> Box<Self> {
        let mut tables = Box::new(Self { enter: [[0; 2]; BYTE_VALUES], leave: [[0; 2]; BYTE_VALUES] });
        let (entries, _) = key.as_chunks::<16>();
        for (enter, entry) in tables.enter.iter_mut().zip(entries) {
            let entry = u128::from_le_bytes(*entry);
            *enter = [low_half(entry), low_half(entry >> 64)];
        }
        let Self { enter, leave } = tables.as_mut();
        for (leave, enter) in leave.iter_mut().zip(enter) {
            *leave = (0..CUT_WINDOW_BYTES).fold(*enter, |[a, b], _| [times_x(a), times_x(b)]);
        }
        tables
    }

    /// The digest after `enter` came into the window and `leave` fell out of it.
    #[inline(always)]
    pub(super) fn roll(&self, digest: Digest, enter: u8, leave: u8) -> Digest {
        let ([a, b], [enter_a, enter_b], [leave_a, leave_b]) = (digest.0, self.entering(enter), self.leaving(leave));
        Digest([times_x(a) ^ enter_a ^ leave_a, times_x(b) ^ enter_b ^ leave_b])
    }

    /// The digest of a whole window.
    pub(super) fn digest(&self, window: &[u8; CUT_WINDOW_BYTES]) -> Digest {
        window.iter().fold(Digest::default(), |Digest([a, b]), byte| {
            let [enter_a, enter_b] = self.entering(*byte);
            Digest([times_x(a) ^ enter_a, times_x(b) ^ enter_b])
        })
    }

    /// What `byte` adds when it enters.
    #[inline(always)]
    #[expect(clippy::indexing_slicing, reason = "a byte indexes one of 256 entries; the compiler drops the check")]
    pub(super) fn entering(&self, byte: u8) -> [u64; 2] {
        self.enter[usize::from(byte)]
    }

    /// What `byte` adds when it leaves.
    #[inline(always)]
    #[expect(clippy::indexing_slicing, reason = "a byte indexes one of 256 entries; the compiler drops the check")]
    pub(super) fn leaving(&self, byte: u8) -> [u64; 2] {
        self.leave[usize::from(byte)]
    }
}

impl Digest {
    /// The digest as a block for the cipher.
    #[inline(always)]
    pub(super) fn to_bytes(self) -> [u8; 16] {
        let [a, b] = self.0;
        (u128::from(a) | u128::from(b) << 64).to_le_bytes()
    }
}

/// Multiplication by `x`. The mask is all ones where the highest bit falls out: no branch on secret bits.
#[inline(always)]
fn times_x(lane: u64) -> u64 {
    let mask = 0u64.wrapping_sub(lane >> 63);
    (lane << 1) ^ (mask & REDUCTION)
}

#[expect(clippy::cast_possible_truncation, reason = "the low half is what is asked for")]
fn low_half(value: u128) -> u64 {
    value as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tables() -> Box<Tables> {
        let mut key = [0; Tables::KEY_BYTES];
        blake3::Hasher::new().update(b"tables").finalize_xof().fill(&mut key);
        Tables::new(&key)
    }

    #[test]
    fn rolling_is_digesting_each_window() {
        let tables = tables();
        let data: Vec<u8> = (0..1000u32).map(|i| (i * i % 251) as u8).collect();
        let mut digest = tables.digest(data.first_chunk().expect("long enough"));
        for at in 64..data.len() {
            digest = tables.roll(digest, data[at], data[at - 64]);
            assert_eq!(digest, tables.digest(data[at - 63..=at].try_into().expect("a window")));
        }
    }

    /// With rotations instead of reductions, a window of one repeated byte has a digest that a swap of 64 shifts does not
    /// change, and every such window collides in the sum of its table's bits.
    #[test]
    fn repeated_bytes_do_not_collide() {
        let tables = tables();
        let digests: std::collections::BTreeSet<_> = (0..=255).map(|byte| tables.digest(&[byte; 64]).0).collect();
        assert_eq!(digests.len(), 256);
    }

    /// The polynomial is irreducible: `x` to the power `2^64` is `x`, and to `2^32` it is not (Rabin's test, since 2 is the
    /// only prime that divides 64; and `x^(2^32) − x` shares no factor with it).
    #[test]
    fn the_polynomial_is_irreducible() {
        let square_of = |value: u64| {
            (0..64).rev().fold(0u64, |sum, bit| times_x(sum) ^ if value >> bit & 1 == 1 { value } else { 0 })
        };
        let power = |squarings: u32| (0..squarings).fold(2u64, |value, _| square_of(value));
        assert_eq!(power(64), 2);
        assert_eq!(greatest_common_divisor(1 << 64 | u128::from(REDUCTION), u128::from(power(32) ^ 2)), 1);
    }

    fn greatest_common_divisor(mut a: u128, mut b: u128) -> u128 {
        while b != 0 {
            while a != 0 && a.ilog2() >= b.ilog2() {
                a ^= b << (a.ilog2() - b.ilog2());
            }
            (a, b) = (b, a);
        }
        a
    }
}
