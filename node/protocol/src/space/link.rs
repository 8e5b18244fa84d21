//! Links: a snapshot of files that people without an account can fetch (trust.md, "Links").
//!
//! What a link opens, and with what, stands in the fragment of its address, which no node ever gets. A node learns which chunks
//! the link is about, keeps them for as long as it lasts, and gives them to whoever shows the access token, of which it knows the
//! hash alone.

use serde::{Deserialize, Serialize};
use subtle::ConstantTimeEq;

use crate::canonical::DecodeError;
use crate::id::{ChunkId, DeviceId, Digest, LinkId, SpaceId};
use crate::label;
use crate::limit::{
    LINK_BYTES_MAX, LINK_END_BYTES_MAX, LINK_HEAD_BYTES_MAX, LINK_LABEL_BYTES_MAX, LINK_MANIFEST_CHUNKS_MAX,
    LINK_PART_IDS_MAX, LINK_PARTS_MAX,
};
use crate::signed::Payload;
use crate::time::Timestamp;

/// Bytes of an access token.
pub const LINK_TOKEN_BYTES: usize = 32;

/// A link. Signed by the device that makes it (Ed25519).
///
/// It begins to be served once each of its parts was named ([`crate::wire::Request::HoldLink`]).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SharedLink {
    /// Chosen at random.
    pub id: LinkId,
    /// The space whose files it shows.
    pub space: SpaceId,
    /// The device that signs. The link ends when it is revoked, or when its person may no longer write to the space.
    pub device: DeviceId,
    /// The epoch whose keys seal the label.
    pub epoch: u32,
    /// When it was made, by the device's clock.
    pub created_at: Timestamp,
    /// From this moment of cluster time on it is not served.
    pub expires_at: Timestamp,
    /// What [`token_hash`] makes of the access token.
    pub token: Digest,
    /// The chunks of the sealed manifest, in ascending order. They are the link's own, and end with it.
    pub manifest: Vec<ChunkId>,
    /// What their receipts rest on.
    pub stored_at: u64,
    /// What [`link_part`] makes of each part of the chunks that the manifest names.
    pub parts: Vec<Digest>,
    /// SHA-256 of the page that the device knows to open links in a browser.
    pub page: Digest,
    /// What opens the manifest's chunks, for whoever has the link's secret.
    pub sealed_head: Vec<u8>,
    /// What the link shows, for members of the space.
    pub sealed_label: Vec<u8>,
}

impl Payload for SharedLink {
    const MAGIC: [u8; 3] = *b"VBH";
    const CONTEXT: &'static str = label::SIGN_LINK;
    const BYTES_MAX: usize = LINK_BYTES_MAX;

    fn bounded(&self) -> Result<(), DecodeError> {
        let within = self.manifest.len() <= LINK_MANIFEST_CHUNKS_MAX
            && self.parts.len() <= LINK_PARTS_MAX
            && self.sealed_head.len() <= LINK_HEAD_BYTES_MAX
            && self.sealed_label.len() <= LINK_LABEL_BYTES_MAX;
        if !within {
            return Err(DecodeError::TooLong);
        }
        if self.manifest.is_empty() || !is_ascending(&self.manifest) {
            return Err(DecodeError::NotCanonical);
        }
        Ok(())
    }
}

/// The end of a link before its time. Signed by a device of whoever made it, or of a manager of the space (Ed25519).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LinkEnd {
    /// Which link.
    pub link: LinkId,
    /// Its space.
    pub space: SpaceId,
    /// The device that signs.
    pub device: DeviceId,
    /// When, by its clock.
    pub at: Timestamp,
}

impl Payload for LinkEnd {
    const MAGIC: [u8; 3] = *b"VBZ";
    const CONTEXT: &'static str = label::SIGN_LINK_END;
    const BYTES_MAX: usize = LINK_END_BYTES_MAX;
}

/// What nodes keep of an access token.
#[must_use]
pub fn token_hash(token: &[u8; LINK_TOKEN_BYTES]) -> Digest {
    labelled(label::HASH_LINK_TOKEN, token)
}

/// Whether `token` is the one whose hash this is; in constant time.
#[must_use]
pub fn is_token(hash: Digest, token: &[u8; LINK_TOKEN_BYTES]) -> bool {
    token_hash(token).0.ct_eq(&hash.0).into()
}

/// What a link says of one part of its chunks: `None` for a part that is empty, too long, or not in ascending order.
#[must_use]
pub fn link_part(ids: &[ChunkId]) -> Option<Digest> {
    let is_part = !ids.is_empty() && ids.len() <= LINK_PART_IDS_MAX && is_ascending(ids);
    is_part.then(|| labelled(label::HASH_LINK_IDS, &ids.iter().flat_map(|id| id.0).collect::<Vec<u8>>()))
}

fn is_ascending(ids: &[ChunkId]) -> bool {
    ids.iter().zip(ids.iter().skip(1)).all(|(one, next)| one < next)
}

fn labelled(label: &str, bytes: &[u8]) -> Digest {
    Digest::of(&crate::signature::message(label, bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_has_one_form() {
        let ids: Vec<ChunkId> = (1..=3).map(|n| ChunkId([n; 32])).collect();
        assert!(link_part(&ids).is_some());
        assert_ne!(link_part(&ids), link_part(&ids[..2]));
        assert_eq!(link_part(&[]), None);
        assert_eq!(link_part(&[ids[1], ids[0]]), None);
        assert_eq!(link_part(&[ids[0], ids[0]]), None);
    }

    #[test]
    fn only_the_token_fits_its_hash() {
        let hash = token_hash(&[1; LINK_TOKEN_BYTES]);
        assert!(is_token(hash, &[1; LINK_TOKEN_BYTES]));
        assert!(!is_token(hash, &[2; LINK_TOKEN_BYTES]));
        assert_ne!(hash.0, [1; 32], "the token itself is not kept");
    }
}
