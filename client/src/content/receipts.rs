//! Judging receipts: are these chunks durably where the organisation's policy wants them (invariant 6)? Pure.

use vauban_protocol::id::{ChunkId, SpaceId};
use vauban_protocol::organisation::{Charter, Organisation, PolicyBreach};
use vauban_protocol::receipt::Receipt;
use vauban_protocol::time::Timestamp;

/// Why receipts do not suffice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ReceiptError {
    /// A receipt for other chunks, or with a signature that does not verify: the node misbehaves.
    #[error("a receipt does not verify")]
    Forged,
    /// The copies that the receipts prove do not satisfy the policy.
    #[error("the copies do not satisfy the organisation's policy: {0}")]
    Policy(#[from] PolicyBreach),
}

/// The least Raft index that the receipts for exactly `ids` rest on, if the copies they prove satisfy the policy at `now`.
///
/// Receipts of nodes without a charter that the policy permits prove nothing, and are passed over.
///
/// # Errors
/// [`ReceiptError`].
pub fn judge_receipts(
    receipts: &[Receipt],
    ids: &[ChunkId],
    space: SpaceId,
    org: &Organisation,
    now: Timestamp,
) -> Result<u64, ReceiptError> {
    let mut holders: Vec<&Charter> = Vec::with_capacity(receipts.len());
    let mut at = u64::MAX;
    for receipt in receipts {
        let Some(charter) =
            org.charter(receipt.claim.node).filter(|charter| org.policy().permits(charter, now).is_ok())
        else {
            continue;
        };
        receipt.verify(&charter.receipt_key, space, ids).map_err(|_| ReceiptError::Forged)?;
        holders.push(charter);
        at = at.min(receipt.claim.at);
    }
    org.policy().satisfied_by(holders, now)?;
    Ok(at)
}
