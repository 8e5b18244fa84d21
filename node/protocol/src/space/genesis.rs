//! The first object of a space's chain; its digest names the space.

use serde::{Deserialize, Serialize};

use crate::canonical::DecodeError;
use crate::chain::Head;
use crate::id::{DeviceId, SpaceId, UserId};
use crate::label;
use crate::limit::{CERTIFICATE_BYTES_MAX, SEALED_NAME_BYTES_MAX};
use crate::signed::{Payload, Signed};
use crate::time::Timestamp;

/// What a space is from its first moment. Hybrid-signed by the founding device.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SpaceGenesis {
    /// The organisation's chain as its founder had verified it: names the organisation, too.
    pub org: Head,
    /// The first owner.
    pub owner: UserId,
    /// The device that signs.
    pub device: DeviceId,
    /// When, by the founder's clock.
    pub created_at: Timestamp,
    /// Random: two spaces never share an identifier.
    pub nonce: [u8; 16],
    /// Version of the fold's rules that every client applies (`formats#15`).
    pub fold_version: u16,
    /// How files are cut.
    pub cutting: Cutting,
    /// The space's name, sealed under the directory key and bound to `nonce`.
    pub sealed_name: Vec<u8>,
}

/// How a space's files are cut into chunks (`formats#9`, `#10`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Cutting {
    /// At places that the content and a secret key decide: an insertion moves no other cut.
    Keyed,
    /// At fixed offsets: reveals nothing but the length; an insertion changes every chunk after it.
    Fixed,
}

impl Payload for SpaceGenesis {
    const MAGIC: [u8; 3] = *b"VBS";
    const CONTEXT: &'static str = label::SIGN_SPACE_GENESIS;
    const BYTES_MAX: usize = CERTIFICATE_BYTES_MAX;

    fn bounded(&self) -> Result<(), DecodeError> {
        if self.sealed_name.len() <= SEALED_NAME_BYTES_MAX { Ok(()) } else { Err(DecodeError::TooLong) }
    }
}

impl SpaceId {
    /// The space that this genesis begins.
    #[must_use]
    pub fn of(genesis: &Signed<SpaceGenesis>) -> Self {
        Self(genesis.digest().first_half())
    }
}
