//! Identifiers: one newtype each, printed as short hex, never mixed up.

use std::fmt;
use std::str::FromStr;

use data_encoding::HEXLOWER;
use serde::{Deserialize, Serialize};

/// Hex digits that `Display` prints of an identifier: enough to tell apart in logs.
const SHORT_HEX_DIGITS: usize = 12;

/// A text that is not the hexadecimal form of an identifier.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("expected {expected} hexadecimal digits")]
pub struct IdError {
    /// Digits that the identifier's full form has.
    pub expected: usize,
}

macro_rules! identifier {
    ($($(#[$doc:meta])* $name:ident($bytes:literal);)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub struct $name(pub [u8; $bytes]);

        impl $name {
            /// Bytes of this identifier.
            pub const BYTES: usize = $bytes;

            /// The raw bytes.
            #[must_use]
            pub const fn as_bytes(&self) -> &[u8; $bytes] {
                &self.0
            }

            /// The full lower-case hexadecimal form.
            #[must_use]
            pub fn to_hex(self) -> String {
                HEXLOWER.encode(&self.0)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.to_hex().get(..SHORT_HEX_DIGITS).unwrap_or_default())
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self)
            }
        }

        impl FromStr for $name {
            type Err = IdError;

            fn from_str(text: &str) -> Result<Self, IdError> {
                let error = IdError { expected: 2 * $bytes };
                let bytes = HEXLOWER.decode(text.to_ascii_lowercase().as_bytes()).map_err(|_| error.clone())?;
                bytes.try_into().map(Self).map_err(|_| error)
            }
        }

        impl AsRef<[u8]> for $name {
            fn as_ref(&self) -> &[u8] {
                &self.0
            }
        }
    )*};
}

identifier! {
    /// A BLAKE3-256 digest of something that has no identifier type of its own.
    Digest(32);
    /// A chunk's address: BLAKE3 of its sealed object.
    ChunkId(32);
    /// The organisation's root fingerprint: BLAKE3 of the signed genesis certificate, which names root key and TLS authority.
    Fingerprint(32);
    /// A storage node: the start of BLAKE3 of its receipt key.
    NodeId(16);
    /// A person, chosen at random when invited.
    UserId(16);
    /// An enrolled machine: the start of BLAKE3 of its public keys.
    DeviceId(16);
    /// A space: the start of BLAKE3 of its signed genesis (`formats#12`).
    SpaceId(16);
    /// An invite, chosen at random.
    InviteId(16);
    /// A link that people without an account open, or a file request, chosen at random.
    LinkId(16);
    /// What somebody drops by a file request at a time, chosen at random.
    DropId(16);
    /// A life of the cluster, chosen at random when it is restored from a backup.
    Incarnation(16);
}

impl Incarnation {
    /// The one that a cluster is founded with.
    pub const FIRST: Self = Self([0; 16]);
}

impl Default for Incarnation {
    fn default() -> Self {
        Self::FIRST
    }
}

impl ChunkId {
    /// The address of a sealed object.
    #[must_use]
    pub fn of(object: &[u8]) -> Self {
        Self(*blake3::hash(object).as_bytes())
    }
}

impl Digest {
    /// BLAKE3 of `bytes`.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Self {
        Self(*blake3::hash(bytes).as_bytes())
    }

    /// The first half, which is what short identifiers are made of.
    #[must_use]
    pub fn first_half(self) -> [u8; 16] {
        let [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, ..] = self.0;
        [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn display_is_short_and_hex_is_whole() {
        let id = ChunkId([0xab; 32]);
        assert_eq!(id.to_string(), "abababababab");
        assert_eq!(id.to_hex().parse::<ChunkId>(), Ok(id));
    }

    #[test]
    fn wrong_length_is_refused() {
        assert_eq!("abcd".parse::<SpaceId>(), Err(IdError { expected: 32 }));
    }
}
