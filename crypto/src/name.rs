//! Sealing the names of users, devices and spaces under the organisation's directory key.
//!
//! Nodes order and store these names without reading them. Each is bound to what it names, so a node cannot show one
//! person's name for another. Names are padded in steps before sealing: what a node learns of their lengths is coarse.

use vauban_protocol::id::{DeviceId, UserId};
use vauban_protocol::label;
use zeroize::Zeroizing;

use crate::error::{OpenError, SealError};
use crate::limit::{NAME_BYTES_MAX, NAME_STEP_BYTES};
use crate::salted::{self, Kind};
use crate::secret::{Secret, random_salt};

const NAME: Kind = Kind { magic: *b"VBN", label: label::DIRECTORY_NAME };

/// The key that all members of an organisation share for names; nodes never hold it.
#[derive(Clone, Debug)]
pub struct DirectoryKey(Secret<32>);

/// What a name names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Named {
    /// The organisation itself, which is one.
    Organisation,
    /// A person.
    User(UserId),
    /// A person's machine.
    Device(DeviceId),
    /// A shared folder tree. Its id comes from its genesis, which holds the name; so the name is bound to the nonce that
    /// the genesis holds too.
    Space([u8; 16]),
}

impl DirectoryKey {
    /// A fresh key, for a new organisation.
    #[must_use]
    pub fn random() -> Self {
        Self(Secret::random())
    }

    /// A key that was unwrapped.
    #[must_use]
    pub fn new(secret: Secret<32>) -> Self {
        Self(secret)
    }

    /// The bytes, for wrapping to users and for the keystore alone.
    #[must_use]
    pub fn secret(&self) -> &Secret<32> {
        &self.0
    }

    /// Seals `name` as the name of `named`.
    ///
    /// # Errors
    /// [`SealError::TooLong`] over [`NAME_BYTES_MAX`].
    pub fn seal_name(&self, named: Named, name: &str) -> Result<Vec<u8>, SealError> {
        self.seal_name_with(named, name, &random_salt())
    }

    /// Seals with a given salt, for vectors.
    #[doc(hidden)]
    pub fn seal_name_with(&self, named: Named, name: &str, salt: &[u8; 32]) -> Result<Vec<u8>, SealError> {
        let length = u8::try_from(name.len()).map_err(|_| SealError::TooLong)?;
        let mut plain = Zeroizing::new(Vec::with_capacity(1 + NAME_BYTES_MAX));
        plain.push(length);
        plain.extend_from_slice(name.as_bytes());
        let padded = plain.len().next_multiple_of(NAME_STEP_BYTES);
        plain.resize(padded, 0);
        let (kind, id) = named.parts();
        Ok(salted::seal_with(NAME, &self.0, &[&[kind], &id], &plain, salt))
    }

    /// Opens the name of `named`.
    ///
    /// # Errors
    /// [`OpenError`] for anything but what [`Self::seal_name`] made for the same thing.
    pub fn open_name(&self, named: Named, sealed: &[u8]) -> Result<String, OpenError> {
        let (kind, id) = named.parts();
        let plain = salted::open(NAME, &self.0, &[&[kind], &id], sealed)?;
        let (length, rest) = plain.split_first().ok_or(OpenError)?;
        let (name, padding) = rest.split_at_checked(usize::from(*length)).ok_or(OpenError)?;
        let canonical = plain.len() == (1 + name.len()).next_multiple_of(NAME_STEP_BYTES);
        if !canonical || padding.iter().any(|byte| *byte != 0) {
            return Err(OpenError);
        }
        String::from_utf8(name.to_vec()).map_err(|_| OpenError)
    }
}

impl Named {
    fn parts(self) -> (u8, [u8; 16]) {
        match self {
            Self::Organisation => (0, [0; 16]),
            Self::User(id) => (1, id.0),
            Self::Device(id) => (2, id.0),
            Self::Space(nonce) => (3, nonce),
        }
    }
}

#[cfg(test)]
mod tests {
    use vauban_protocol::limit::SEALED_NAME_BYTES_MAX;

    use super::*;

    #[test]
    fn name_opens_for_what_it_names_only() {
        let key = DirectoryKey::random();
        let sealed = key.seal_name(Named::User(UserId([1; 16])), "Élodie").expect("short");
        assert_eq!(key.open_name(Named::User(UserId([1; 16])), &sealed).as_deref(), Ok("Élodie"));
        for other in [Named::User(UserId([2; 16])), Named::Device(DeviceId([1; 16])), Named::Space([1; 16])] {
            assert_eq!(key.open_name(other, &sealed), Err(OpenError), "{other:?}");
        }
    }

    #[test]
    fn lengths_are_stepped_and_bounded() {
        let key = DirectoryKey::random();
        let seal = |length: usize| key.seal_name(Named::Organisation, &"a".repeat(length));
        assert_eq!(seal(0).map(|s| s.len()), seal(63).map(|s| s.len()));
        assert_ne!(seal(63).map(|s| s.len()), seal(64).map(|s| s.len()));
        assert!(seal(NAME_BYTES_MAX).expect("the longest").len() <= SEALED_NAME_BYTES_MAX);
        assert_eq!(seal(NAME_BYTES_MAX + 1), Err(SealError::TooLong));
    }
}
