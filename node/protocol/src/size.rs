//! Padmé: sealed sizes reveal O(log log n) bits of a chunk's length.
//!
//! Source: Nikitin et al., "Reducing Metadata Leakage from Encrypted Files and Communication with PURBs" (2019).
//! The bound of an object on the wire follows from it, so it lives in the contract; sealing uses the same function.

use crate::limit::FRAME_PREFIX_BYTES;

/// The smallest padded frame in bytes: below it every chunk looks alike (`formats#8`).
pub const FRAME_BYTES_MIN: usize = 4096;

/// Bytes of the padded frame of a chunk of `plain_bytes`.
///
/// At most 12 % above the unpadded frame for frames over [`FRAME_BYTES_MIN`].
#[must_use]
pub const fn padded_bytes(plain_bytes: usize) -> usize {
    let frame_bytes = plain_bytes + FRAME_PREFIX_BYTES;
    if frame_bytes <= FRAME_BYTES_MIN {
        return FRAME_BYTES_MIN;
    }
    let exponent = frame_bytes.ilog2();
    let significant_bits = exponent.ilog2() + 1;
    let mask = (1usize << (exponent - significant_bits)) - 1;
    (frame_bytes + mask) & !mask
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_frames_share_one_size() {
        assert_eq!(padded_bytes(0), FRAME_BYTES_MIN);
        assert_eq!(padded_bytes(FRAME_BYTES_MIN - FRAME_PREFIX_BYTES), FRAME_BYTES_MIN);
    }

    #[test]
    fn padding_is_monotonic_and_bounded() {
        let mut previous = 0;
        for plain in (0..crate::limit::CHUNK_PLAIN_BYTES_MAX).step_by(997) {
            let padded = padded_bytes(plain);
            assert!(padded >= plain + FRAME_PREFIX_BYTES && padded >= previous);
            assert!(padded == FRAME_BYTES_MIN || padded * 100 <= (plain + FRAME_PREFIX_BYTES) * 112);
            previous = padded;
        }
    }
}
