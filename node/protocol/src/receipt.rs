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
    /// Verifies that `key` signed this receipt for exactly `ids` of `space`.
    ///
    /// # Errors
    /// [`SignatureError`] if anything in it differs.
    pub fn verify(&self, key: &Ed25519Key, space: SpaceId, ids: &[ChunkId]) -> Result<(), SignatureError> {
        let claim = &self.claim;
        if claim.node != key.node_id() || claim.space != space || claim.ids != ids_digest(ids) {
            return Err(SignatureError);
        }
        key.verify(label::SIGN_RECEIPT, &claim.to_bytes(), &self.signature)
    }
}

/// The digest of a list of chunk ids, in the given order.
#[must_use]
pub fn ids_digest(ids: &[ChunkId]) -> Digest {
    let mut hasher = blake3::Hasher::new();
    hasher.update(label::HASH_RECEIPT_IDS.as_bytes()).update(&[0]);
    for id in ids {
        hasher.update(&id.0);
    }
    Digest(*hasher.finalize().as_bytes())
}
