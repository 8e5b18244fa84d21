//! Every symmetric derivation of the suite, in one place (`formats#2`).
//!
//! `info` is always `label ‖ 0x00 ‖ context`, like a signed message: a key derived for one purpose, space or epoch is
//! never another's. The parts of a context have fixed lengths, except for the last, so no two contexts are one byte string.

use hkdf::Hkdf;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use crate::secret::Secret;

/// HKDF-Expand (RFC 5869) of a key that is uniform already.
#[expect(clippy::expect_used, reason = "the key has the hash's length, and no output here passes 255 blocks")]
pub(crate) fn expand<const N: usize>(key: &Secret<32>, label: &str, context: &[&[u8]]) -> Secret<N> {
    let mut output = Secret::zero();
    Hkdf::<Sha256>::from_prk(key.expose())
        .expect("the key is as long as the hash")
        .expand_multi_info(&info(label, context), output.expose_mut())
        .expect("the output is shorter than 255 blocks");
    output
}

/// HKDF (RFC 5869) of a key that several salts share, or that is shorter than the hash.
#[expect(clippy::expect_used, reason = "no output here passes 255 blocks")]
pub(crate) fn extract<const N: usize>(salt: &[u8], key: &[u8], label: &str, context: &[&[u8]]) -> Secret<N> {
    let mut output = Secret::zero();
    Hkdf::<Sha256>::new(Some(salt), key)
        .expand_multi_info(&info(label, context), output.expose_mut())
        .expect("the output is shorter than 255 blocks");
    output
}

/// HMAC-SHA-256 (RFC 2104) over the concatenation of `parts`.
#[expect(clippy::expect_used, reason = "HMAC takes keys of any length")]
pub(crate) fn mac(key: &Secret<32>, parts: &[&[u8]]) -> Secret<32> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key.expose()).expect("any length is a key");
    for part in parts {
        mac.update(part);
    }
    Secret::new(mac.finalize().into_bytes().into())
}

fn info<'a>(label: &'a str, context: &[&'a [u8]]) -> Vec<&'a [u8]> {
    let mut info: Vec<&[u8]> = vec![label.as_bytes(), &[0]];
    info.extend_from_slice(context);
    info
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 5869, test case 1, brought into our form: fails if extract and expand were exchanged.
    #[test]
    fn expand_of_extract_is_hkdf() {
        let prk = mac(&Secret::new([7; 32]), &[b"input"]);
        let two_steps: Secret<42> = expand(&prk, "vauban/1 x", &[b"a", b"b"]);
        let one_step: Secret<42> = extract(&[7; 32], b"input", "vauban/1 x", &[b"ab"]);
        assert_eq!(two_steps.expose(), one_step.expose());
    }

    #[test]
    fn label_and_context_separate() {
        let key = Secret::new([1; 32]);
        let one: Secret<32> = expand(&key, "vauban/1 a", &[b"b"]);
        let other: Secret<32> = expand(&key, "vauban/1 ab", &[]);
        assert_ne!(one.expose(), other.expose());
    }
}
