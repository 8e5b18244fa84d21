//! What opens the drops of a file request, and where they go: sealed for the members of its epoch.

use serde::{Deserialize, Serialize};
use vauban_crypto::file_request::{RequestBase, RequestSecret};
use vauban_crypto::secret::Secret;
use vauban_protocol::canonical::{DecodeError, decode, encode};
use zeroize::Zeroizing;

use crate::tree::TreePath;

/// The first byte of keys.
const FORMAT: u8 = 1;

/// See the module.
#[derive(Debug, Clone)]
pub struct MemberKeys {
    /// The folder that files go to.
    pub path: TreePath,
    /// Whether the request asks for a password.
    pub has_password: bool,
    /// What opens the key exchange.
    pub secret: RequestSecret,
    /// What drops rest on beside it.
    pub base: RequestBase,
}

/// Their bytes.
#[derive(Serialize, Deserialize)]
struct Written {
    format: u8,
    path: String,
    has_password: bool,
    secret: [u8; 32],
    base: [u8; 32],
}

impl MemberKeys {
    /// Their bytes, to be sealed.
    #[must_use]
    pub fn to_bytes(&self) -> Zeroizing<Vec<u8>> {
        Zeroizing::new(encode(&Written {
            format: FORMAT,
            path: self.path.to_text(),
            has_password: self.has_password,
            secret: *self.secret.secret().expose(),
            base: *self.base.secret().expose(),
        }))
    }

    /// Reads what was sealed.
    ///
    /// # Errors
    /// [`DecodeError`] for what no member's client writes.
    pub fn parse(bytes: &[u8]) -> Result<Self, DecodeError> {
        let Written { format, path, has_password, secret, base } = decode(bytes)?;
        if format != FORMAT {
            return Err(DecodeError::Suite);
        }
        Ok(Self {
            path: TreePath::parse(&path).map_err(|_| DecodeError::NotCanonical)?,
            has_password,
            secret: RequestSecret::new(Secret::new(secret)),
            base: RequestBase::kept(Secret::new(base)),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_read_back_and_do_not_print() {
        let keys = MemberKeys {
            path: TreePath::parse("Marchés/offres").unwrap(),
            has_password: true,
            secret: RequestSecret::new(Secret::new([7; 32])),
            base: RequestBase::kept(Secret::new([8; 32])),
        };
        let read = MemberKeys::parse(&keys.to_bytes()).unwrap();
        assert_eq!((read.path.to_text(), read.has_password), ("Marchés/offres".into(), true));
        assert_eq!((read.secret.secret().expose(), read.base.secret().expose()), (&[7; 32], &[8; 32]));
        assert!(!format!("{keys:?}").contains('7'));
        let root = MemberKeys { path: TreePath::root(), ..keys };
        assert!(MemberKeys::parse(&root.to_bytes()).unwrap().path.names().is_empty());
        assert!(MemberKeys::parse(&[1, 2, b'.', b'.', 0]).is_err());
    }
}
