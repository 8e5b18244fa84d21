//! A node's word that it holds what a new layout gives it, as far as any node has it.
//!
//! The layout before ends when all have spoken, and then copies go: so each word is signed, and apply believes no other.

use serde::{Deserialize, Serialize};
use vauban_protocol::canonical::encode;
use vauban_protocol::id::NodeId;
use vauban_protocol::label;
use vauban_protocol::signature::{Ed25519Key, SignatureError};

/// See the module.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// What is signed.
    pub claim: ReportClaim,
    /// Ed25519 by the node's receipt key.
    pub signature: Vec<u8>,
}

/// The signed part of a report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReportClaim {
    /// Who speaks.
    pub node: NodeId,
    /// The layout that it speaks of.
    pub layout: u64,
    /// It holds every chunk that had a row when it had applied this Raft index, that the layout gives it, and that any node has.
    pub at: u64,
}

impl ReportClaim {
    /// The bytes that the signature covers, in context [`label::SIGN_LAYOUT_REPORT`].
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        encode(self)
    }
}

impl Report {
    /// Verifies that `key`, of the node that is named, signed this.
    ///
    /// # Errors
    /// [`SignatureError`] if anything in it differs.
    pub fn verify(&self, key: &Ed25519Key) -> Result<(), SignatureError> {
        if self.claim.node != key.node_id() {
            return Err(SignatureError);
        }
        key.verify(label::SIGN_LAYOUT_REPORT, &self.claim.to_bytes(), &self.signature)
    }
}
