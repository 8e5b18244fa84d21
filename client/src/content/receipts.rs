//! Judging receipts: are these chunks durably where the organisation's policy wants them (invariant 6)? Pure.

use std::collections::BTreeSet;

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

/// The least Raft index that the receipts for `ids` rest on, if for each of them the copies that they prove satisfy the policy at
/// `now`.
///
/// A receipt speaks for those of `ids` that its node holds. Receipts of nodes without a charter that the policy permits prove
/// nothing, and are passed over.
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
    let mut proven: Vec<(&Receipt, &Charter)> = Vec::with_capacity(receipts.len());
    let mut at = u64::MAX;
    for receipt in receipts {
        let Some(charter) =
            org.charter(receipt.claim.node).filter(|charter| org.policy().permits(charter, now).is_ok())
        else {
            continue;
        };
        receipt.verify(&charter.receipt_key, space, ids).map_err(|_| ReceiptError::Forged)?;
        proven.push((receipt, charter));
        at = at.min(receipt.claim.at);
    }
    // Chunks of one partition have the same holders: each set of them is judged once.
    let holders = |place: usize| -> Vec<bool> { proven.iter().map(|(receipt, _)| receipt.covers.has(place)).collect() };
    let sets: BTreeSet<Vec<bool>> = (0..ids.len()).map(holders).collect();
    for set in sets {
        let holds = proven.iter().zip(set).filter(|(_, holds)| *holds).map(|((_, charter), _)| *charter);
        org.policy().satisfied_by(holds, now)?;
    }
    Ok(at)
}
