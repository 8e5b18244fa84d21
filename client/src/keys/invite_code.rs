//! The code that an inviter hands over: one line, to be copied or read aloud.
//!
//! ```text
//! "vauban1-" ‖ base32( fingerprint(32) ‖ invite(16) ‖ secret(16) ‖ servers, separated by commas ‖ checksum(5) )
//! ```
//! The checksum (BLAKE3 of the prefix and everything before) tells a slip of the pen from a wrong code before anything is
//! asked of the network. Letters are those of Crockford's base32, which has no look-alikes: upper case, O, I and L are read
//! as what they were meant to be; spaces and line breaks are skipped.

use data_encoding::{Encoding, Specification};
use vauban_crypto::invite::InviteSecret;
use vauban_crypto::secret::Secret;
use vauban_protocol::id::{Fingerprint, InviteId};
use zeroize::Zeroizing;

use crate::limit::{INVITE_CODE_BYTES_MAX, SERVER_BYTES_MAX, SERVERS_MAX};

/// What every code begins with; its number is the version of what follows.
const PREFIX: &str = "vauban1-";
const CHECKSUM_BYTES: usize = 5;

/// An invite, as it travels from person to person.
#[derive(Debug, Clone)]
pub struct InviteCode {
    /// The organisation, to be pinned.
    pub fingerprint: Fingerprint,
    /// Which invite.
    pub invite: InviteId,
    /// What proves that its bearer was invited.
    pub secret: InviteSecret,
    /// Where nodes are, `host:port`.
    pub servers: Vec<String>,
}

/// A text that is no invite's code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InviteCodeError {
    /// Does not begin as one.
    #[error("an invite's code begins with {PREFIX}")]
    Prefix,
    /// A letter is wrong, missing, or too many.
    #[error("the code has a mistake in it: a letter is wrong or missing")]
    Typo,
}

impl InviteCode {
    /// The code. It holds the secret: it is shown once, to the inviter.
    ///
    /// # Errors
    /// [`InviteCodeError::Typo`] if it would not be read back: with no or unspeakable servers.
    pub fn to_code(&self) -> Result<Zeroizing<String>, InviteCodeError> {
        let mut bytes = Zeroizing::new(Vec::with_capacity(INVITE_CODE_BYTES_MAX));
        bytes.extend_from_slice(self.fingerprint.as_bytes());
        bytes.extend_from_slice(self.invite.as_bytes());
        bytes.extend_from_slice(self.secret.secret().expose());
        bytes.extend_from_slice(self.servers.join(",").as_bytes());
        let checksum = checksum(&bytes);
        bytes.extend_from_slice(&checksum);
        let code = Zeroizing::new(format!("{PREFIX}{}", alphabet()?.encode(&bytes)));
        Self::parse(&code)?;
        Ok(code)
    }

    /// Reads a code as a person typed or pasted it.
    ///
    /// # Errors
    /// [`InviteCodeError`].
    pub fn parse(text: &str) -> Result<Self, InviteCodeError> {
        let text = text.trim();
        let (prefix, letters) = text.split_at_checked(PREFIX.len()).ok_or(InviteCodeError::Prefix)?;
        if !prefix.eq_ignore_ascii_case(PREFIX) {
            return Err(InviteCodeError::Prefix);
        }
        if letters.len() > INVITE_CODE_BYTES_MAX {
            return Err(InviteCodeError::Typo);
        }
        let bytes = Zeroizing::new(alphabet()?.decode(letters.as_bytes()).map_err(|_| InviteCodeError::Typo)?);
        let (content, sum) = bytes.split_last_chunk::<CHECKSUM_BYTES>().ok_or(InviteCodeError::Typo)?;
        if checksum(content) != *sum {
            return Err(InviteCodeError::Typo);
        }
        let (fingerprint, rest) = content.split_first_chunk::<32>().ok_or(InviteCodeError::Typo)?;
        let (invite, rest) = rest.split_first_chunk::<16>().ok_or(InviteCodeError::Typo)?;
        let (secret, servers) = rest.split_first_chunk::<16>().ok_or(InviteCodeError::Typo)?;
        let servers = std::str::from_utf8(servers).map_err(|_| InviteCodeError::Typo)?;
        let servers: Vec<_> = servers.split(',').map(str::to_owned).collect();
        if servers.len() > SERVERS_MAX || !servers.iter().all(|server| is_server(server)) {
            return Err(InviteCodeError::Typo);
        }
        Ok(Self {
            fingerprint: Fingerprint(*fingerprint),
            invite: InviteId(*invite),
            secret: InviteSecret::new(Secret::new(*secret)),
            servers,
        })
    }
}

/// Whether a text can be a `host:port`.
fn is_server(text: &str) -> bool {
    text.len() <= SERVER_BYTES_MAX
        && text.chars().all(|c| c.is_ascii_graphic())
        && text.rsplit_once(':').is_some_and(|(host, port)| !host.is_empty() && port.parse::<u16>().is_ok())
}

fn checksum(content: &[u8]) -> [u8; CHECKSUM_BYTES] {
    let mut hasher = blake3::Hasher::new();
    hasher.update(PREFIX.as_bytes()).update(content);
    let mut sum = [0; CHECKSUM_BYTES];
    hasher.finalize_xof().fill(&mut sum);
    sum
}

/// Crockford's base32, lower case, most significant bit first.
fn alphabet() -> Result<Encoding, InviteCodeError> {
    let mut specification = Specification::new();
    specification.symbols.push_str("0123456789abcdefghjkmnpqrstvwxyz");
    specification.translate.from.push_str("ABCDEFGHJKMNPQRSTVWXYZOoIiLl");
    specification.translate.to.push_str("abcdefghjkmnpqrstvwxyz001111");
    specification.ignore.push_str(" \r\n\t");
    specification.encoding().map_err(|_| InviteCodeError::Prefix)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> InviteCode {
        InviteCode {
            fingerprint: Fingerprint([1; 32]),
            invite: InviteId([2; 16]),
            secret: InviteSecret::new(Secret::new([3; 16])),
            servers: vec!["coffre.mairie.example:7700".into(), "[2001:db8::1]:7700".into()],
        }
    }

    fn is_sample(text: &str) -> bool {
        InviteCode::parse(text).is_ok_and(|code| {
            let sample = sample();
            code.fingerprint == sample.fingerprint
                && code.invite == sample.invite
                && code.secret.secret().expose() == sample.secret.secret().expose()
                && code.servers == sample.servers
        })
    }

    #[test]
    fn round_trip_forgives_what_people_do() {
        let code = sample().to_code().unwrap();
        assert!(code.starts_with(PREFIX) && !code.contains(char::is_whitespace));
        assert!(is_sample(&code));
        assert!(is_sample(&format!("  {}\n", code.to_uppercase())));
        assert!(is_sample(&code.replace('0', "o").replace("vauban1", "VAUBAN1")));
        let (start, end) = code.split_at(60);
        assert!(is_sample(&format!("{start}\r\n  {end}")));
    }

    /// Fails if any single wrong, missing, doubled or swapped letter goes unnoticed.
    #[test]
    fn every_typo_is_noticed() {
        let code = sample().to_code().unwrap();
        for at in PREFIX.len()..code.len() {
            let letter = &code[at..=at];
            let other = if letter == "7" { "8" } else { "7" };
            for wrong in [
                format!("{}{other}{}", &code[..at], &code[at + 1..]),
                format!("{}{}", &code[..at], &code[at + 1..]),
                format!("{}{letter}{}", &code[..at], &code[at..]),
            ] {
                let is_same = wrong == *code;
                assert!(is_same || InviteCode::parse(&wrong).is_err(), "{at}: {wrong}");
            }
        }
        assert_eq!(InviteCode::parse("bonjour").err(), Some(InviteCodeError::Prefix));
        assert_eq!(InviteCode::parse("vauban1-").err(), Some(InviteCodeError::Typo));
        assert_eq!(InviteCode::parse(&"é".repeat(9)).err(), Some(InviteCodeError::Prefix));
    }

    #[test]
    fn codes_without_an_address_are_not_made() {
        for servers in [vec![], vec!["host".to_owned()], vec![":1".into()], vec!["a b:1".into()]] {
            assert!(InviteCode { servers, ..sample() }.to_code().is_err());
        }
    }
}
