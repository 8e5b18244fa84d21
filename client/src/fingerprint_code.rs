//! Fingerprints as a short text that a QR code holds, and that another device compares with what it has verified itself.
//!
//! ```text
//! VB1U: ‖ base32(user (16) ‖ digest of the person's key for secrets (32) ‖ check (4))
//! VB1S: ‖ base32(space (16) ‖ number (8, big-endian) ‖ digest of the space's history there (32) ‖ check (4))
//! ```
//! The check is the start of BLAKE3 over what comes before it, mark included: it tells a text that was mistyped from another
//! fingerprint, and protects from nothing. All characters are of QR's alphanumeric mode.

use std::fmt;
use std::str::FromStr;

use data_encoding::BASE32_NOPAD;
use vauban_protocol::chain::Head;
use vauban_protocol::id::{Digest, SpaceId, UserId};

use crate::say;

const PERSON_MARK: &str = "VB1U:";
const SPACE_MARK: &str = "VB1S:";
const CHECK_BYTES: usize = 4;

/// What is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FingerprintCode {
    /// The key that secrets for a person are wrapped for.
    Person(UserId, Digest),
    /// The history of a space, up to a number.
    Space(SpaceId, Head),
}

/// A text that is no code, or was mistyped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{}", say!(fr: "ce n'est pas le code d'une empreinte, ou il est mal tapé", en: "not a fingerprint's code, or mistyped"))]
pub struct FingerprintCodeError;

impl fmt::Display for FingerprintCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (mark, mut bytes) = match self {
            Self::Person(user, key) => (PERSON_MARK, [user.0.as_slice(), &key.0].concat()),
            Self::Space(space, head) => {
                (SPACE_MARK, [space.0.as_slice(), &head.seq.to_be_bytes(), &head.digest.0].concat())
            }
        };
        bytes.extend(check(mark, &bytes));
        write!(f, "{mark}{}", BASE32_NOPAD.encode(&bytes))
    }
}

impl FromStr for FingerprintCode {
    type Err = FingerprintCodeError;

    /// Reads a code; case and white space do not matter.
    fn from_str(text: &str) -> Result<Self, FingerprintCodeError> {
        let text: String = text.split_whitespace().collect::<String>().to_ascii_uppercase();
        let (mark, body) = [PERSON_MARK, SPACE_MARK]
            .into_iter()
            .find_map(|mark| Some((mark, text.strip_prefix(mark)?)))
            .ok_or(FingerprintCodeError)?;
        let bytes = BASE32_NOPAD.decode(body.as_bytes()).map_err(|_| FingerprintCodeError)?;
        let (bytes, found) = bytes.split_last_chunk::<CHECK_BYTES>().ok_or(FingerprintCodeError)?;
        if *found != check(mark, bytes) {
            return Err(FingerprintCodeError);
        }
        let (id, rest) = bytes.split_first_chunk::<16>().ok_or(FingerprintCodeError)?;
        if mark == PERSON_MARK {
            let key = rest.try_into().map_err(|_| FingerprintCodeError)?;
            return Ok(Self::Person(UserId(*id), Digest(key)));
        }
        let (number, digest) = rest.split_first_chunk::<8>().ok_or(FingerprintCodeError)?;
        let digest = Digest(digest.try_into().map_err(|_| FingerprintCodeError)?);
        Ok(Self::Space(SpaceId(*id), Head { seq: u64::from_be_bytes(*number), digest }))
    }
}

fn check(mark: &str, bytes: &[u8]) -> [u8; CHECK_BYTES] {
    let mut check = [0; CHECK_BYTES];
    blake3::Hasher::new().update(mark.as_bytes()).update(bytes).finalize_xof().fill(&mut check);
    check
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_read_back_however_it_is_typed() {
        let person = FingerprintCode::Person(UserId([7; 16]), Digest([9; 32]));
        let space = FingerprintCode::Space(SpaceId([1; 16]), Head { seq: 123_456, digest: Digest([2; 32]) });
        for code in [person, space] {
            let text = code.to_string();
            assert_eq!(text.parse(), Ok(code));
            let (one, other) = text.split_at(30);
            assert_eq!(format!(" {}\n {} ", one.to_lowercase(), other).parse(), Ok(code));
        }
        assert_eq!(person.to_string().len(), 89);
        assert_eq!(space.to_string().len(), 101);
    }

    /// Fails if a slip of the finger is shown as another fingerprint, which would be an alarm.
    #[test]
    fn what_was_mistyped_is_no_code() {
        let text = FingerprintCode::Person(UserId([7; 16]), Digest([9; 32])).to_string();
        for at in 0..text.len() {
            let mut bytes = text.clone().into_bytes();
            bytes[at] = if bytes[at] == b'A' { b'B' } else { b'A' };
            let mistyped = String::from_utf8(bytes).unwrap();
            assert_eq!(mistyped.parse::<FingerprintCode>(), Err(FingerprintCodeError), "{mistyped}");
        }
        for bad in ["", "VB1U:", "VB1S:AAAA", &text[..88], &text.replace("VB1U", "VB1S"), &text.replace("VB1U", "VB2U")]
        {
            assert_eq!(bad.parse::<FingerprintCode>(), Err(FingerprintCodeError), "{bad}");
        }
    }
}
