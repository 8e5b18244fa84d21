//! Receipts: a node's word that it durably holds given chunks, and since which Raft index it says so.

use serde::{Deserialize, Serialize};

use crate::canonical::encode;
use crate::id::{ChunkId, Digest, NodeId, SpaceId};
use crate::label;
use crate::signature::{Ed25519Key, SignatureError};

/// What a receipt says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Receipt {
    /// What is signed.
    pub claim: ReceiptClaim,
    /// Ed25519 by the node's receipt key.
    pub signature: Vec<u8>,
    /// Which chunks of the request it is for.
    pub covers: Covers,
}

/// Which chunks of a request, by their places: each node holds those that placement gives it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum Covers {
    /// Every one.
    #[default]
    All,
    /// Those whose bits are set: of each byte, the lowest bit comes first.
    Some(Vec<u8>),
}

impl Covers {
    /// The chunks at these places of a request of `count`.
    #[must_use]
    pub fn of(places: &[usize], count: usize) -> Self {
        let mut bits = vec![0u8; count.div_ceil(8)];
        for place in places {
            if let Some(byte) = bits.get_mut(place / 8) {
                *byte |= 1 << (place % 8);
            }
        }
        if places.len() == count { Self::All } else { Self::Some(bits) }
    }

    /// Whether the chunk at this place is among them.
    #[must_use]
    pub fn has(&self, place: usize) -> bool {
        match self {
            Self::All => true,
            Self::Some(bits) => bits.get(place / 8).is_some_and(|byte| byte >> (place % 8) & 1 == 1),
        }
    }
}

/// The signed part of a receipt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReceiptClaim {
    /// The node that holds the chunks.
    pub node: NodeId,
    /// The space they are held for.
    pub space: SpaceId,
    /// [`ids_digest`] of exactly the chunks held, in the order of the request.
    pub ids: Digest,
    /// The layout that assigned them.
    pub layout: u64,
    /// The Raft index that the node had applied when the copies were durable; they are stamped with it.
    pub at: u64,
}

impl ReceiptClaim {
    /// The bytes that the signature covers, in context [`label::SIGN_RECEIPT`].
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        encode(self)
    }
}

impl Receipt {
    /// Verifies that `key` signed this receipt for exactly those of `ids` of `space` that it covers.
    ///
    /// # Errors
    /// [`SignatureError`] if anything in it differs.
    pub fn verify(&self, key: &Ed25519Key, space: SpaceId, ids: &[ChunkId]) -> Result<(), SignatureError> {
        let claim = &self.claim;
        if claim.node != key.node_id() || claim.space != space || claim.ids != self.digest_of(ids) {
            return Err(SignatureError);
        }
        key.verify(label::SIGN_RECEIPT, &claim.to_bytes(), &self.signature)
    }

    fn digest_of(&self, ids: &[ChunkId]) -> Digest {
        digest(ids.iter().enumerate().filter(|(place, _)| self.covers.has(*place)).map(|(_, id)| id))
    }
}

/// The digest of a list of chunk ids, in the given order.
#[must_use]
pub fn ids_digest(ids: &[ChunkId]) -> Digest {
    digest(ids.iter())
}

fn digest<'a>(ids: impl Iterator<Item = &'a ChunkId>) -> Digest {
    let mut hasher = blake3::Hasher::new();
    hasher.update(label::HASH_RECEIPT_IDS.as_bytes()).update(&[0]);
    for id in ids {
        hasher.update(&id.0);
    }
    Digest(*hasher.finalize().as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_covered_is_what_was_named() {
        let covers = Covers::of(&[0, 9], 17);
        assert_eq!(covers, Covers::Some(vec![1, 2, 0]));
        let covered: Vec<_> = (0..40).filter(|place| covers.has(*place)).collect();
        assert_eq!(covered, [0, 9]);
        assert_eq!(Covers::of(&[0, 1, 2], 3), Covers::All);
    }
}
