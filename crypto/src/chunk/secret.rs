//! A chunk's own secret `M`: seals its content to the same bytes again, and opens them.

use std::fmt;

use serde::{Deserialize, Serialize};
use subtle::ConstantTimeEq;
use vauban_protocol::id::ChunkId;
use vauban_protocol::label;
use vauban_protocol::signed::SUITE;
use zeroize::{Zeroize, ZeroizeOnDrop};

use super::{COMMITMENT_BYTES, Frame, MAGIC, OpenedChunk, PREFIX_BYTES, frame};
use crate::derive;
use crate::error::OpenError;
use crate::salted::{TAG_BYTES, decrypt_once, encrypt_once};
use crate::secret::{HIDDEN, Secret};

/// What opens one chunk (`M` of `formats#5`). It stands in sealed ops, pages, links and the anchor.
#[derive(Clone, Serialize, Deserialize, Zeroize, ZeroizeOnDrop)]
pub struct ChunkSecret([u8; 32]);

impl ChunkSecret {
    pub(crate) fn new(secret: Secret<32>) -> Self {
        Self(*secret.expose())
    }

    /// A secret read from where the client keeps it.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The bytes, for sealed ops, links and the client's own state alone.
    #[must_use]
    pub const fn expose(&self) -> &[u8; 32] {
        &self.0
    }

    /// Seals a frame under this secret. With the content that the secret was made for, id and object are those of then:
    /// that is how a recorded chunk is checked before it is referred to, and how a lost copy is healed.
    ///
    /// With any other content the result must be thrown away, and never sent: the key would then have sealed two messages.
    #[must_use]
    pub fn reseal(&self, frame: Frame) -> (ChunkId, Vec<u8>) {
        let keys = self.keys();
        let mut object = frame.into_buffer();
        let header = header(&keys.commitment);
        if let Some((prefix, body)) = object.split_first_chunk_mut::<PREFIX_BYTES>() {
            *prefix = header;
            let tag = encrypt_once(&keys.cipher, &header, body);
            object.extend_from_slice(&tag);
        }
        (ChunkId::of(&object), object)
    }

    /// Opens `object` where it lies, and returns the content in it.
    ///
    /// # Errors
    /// [`OpenError`] if the bytes are not those of `id`, or not sealed under this secret, or framed otherwise than
    /// [`Frame`] does (`formats#7`). The buffer's content is then unspecified.
    pub fn open_in_place<'a>(&self, id: ChunkId, object: &'a mut [u8]) -> Result<&'a [u8], OpenError> {
        if ChunkId::of(object) != id {
            return Err(OpenError);
        }
        let keys = self.keys();
        let header = header(&keys.commitment);
        let (prefix, rest) = object.split_first_chunk_mut::<PREFIX_BYTES>().ok_or(OpenError)?;
        let (body, tag) = rest.split_last_chunk_mut::<TAG_BYTES>().ok_or(OpenError)?;
        if !bool::from(prefix.ct_eq(&header)) {
            return Err(OpenError);
        }
        decrypt_once(&keys.cipher, &header, body, tag)?;
        frame::content(body).ok_or(OpenError)
    }

    /// Opens an object that the caller owns, without a copy.
    ///
    /// # Errors
    /// As [`Self::open_in_place`].
    pub fn open_owned(&self, id: ChunkId, mut object: Vec<u8>) -> Result<OpenedChunk, OpenError> {
        let length = self.open_in_place(id, &mut object)?.len();
        Ok(OpenedChunk::new(object, length))
    }

    /// Opens a copy of `object`.
    ///
    /// # Errors
    /// As [`Self::open_in_place`].
    pub fn open(&self, id: ChunkId, object: &[u8]) -> Result<Vec<u8>, OpenError> {
        let mut object = object.to_vec();
        self.open_in_place(id, &mut object).map(<[u8]>::to_vec)
    }

    fn keys(&self) -> Keys {
        let both: Secret<64> = derive::expand(&Secret::new(self.0), label::CHUNK, &[]);
        let (cipher, commitment) = both.expose().split_at(32);
        let mut keys = Keys { cipher: Secret::zero(), commitment: [0; COMMITMENT_BYTES] };
        keys.cipher.expose_mut().copy_from_slice(cipher);
        keys.commitment.copy_from_slice(commitment);
        keys
    }
}

/// What a chunk's secret expands to. The commitment stands in the object, so that one object opens under one key.
struct Keys {
    cipher: Secret<32>,
    commitment: [u8; COMMITMENT_BYTES],
}

/// The object's clear bytes, which are also its associated data.
fn header(commitment: &[u8; COMMITMENT_BYTES]) -> [u8; PREFIX_BYTES] {
    let mut header = [0; PREFIX_BYTES];
    let parts = MAGIC.iter().chain([&SUITE]).chain(commitment);
    header.iter_mut().zip(parts).for_each(|(to, from)| *to = *from);
    header
}

impl PartialEq for ChunkSecret {
    fn eq(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

impl Eq for ChunkSecret {}

impl fmt::Debug for ChunkSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(HIDDEN)
    }
}
