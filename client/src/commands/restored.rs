//! What a restored cluster means for the spaces that this device knows.

use serde::Serialize;
use vauban_protocol::chain::Head;
use vauban_protocol::id::SpaceId;

use crate::failure::Failure;
use crate::log::LogError;
use crate::state::AnchorRecord;
use crate::sync::SyncError;

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Restored {
    /// Spaces that this device has seen further than the backup has them.
    pub(super) set_back: Vec<SetBack>,
    /// Spaces that this device knows, and the backup does not.
    pub(super) lost: Vec<String>,
}

/// A space that goes back, and by how many commits.
#[derive(Debug, Serialize)]
pub(super) struct SetBack {
    pub(super) space: String,
    pub(super) commits: u64,
}

/// Holds what is restored to what this device has seen.
///
/// # Errors
/// [`LogError::Fork`] if it is another history of one of the spaces.
pub(super) fn compare(known: &AnchorRecord, head_of: impl Fn(SpaceId) -> Option<Head>) -> Result<Restored, Failure> {
    let mut restored = Restored::default();
    for (space, known) in &known.spaces {
        let Some(seen) = known.head else { continue };
        match head_of(*space) {
            None => restored.lost.push(space.to_hex()),
            Some(head) if head.seq == seen.seq && head.digest != seen.digest => {
                let fork = LogError::Fork { seq: seen.seq, ours: seen.digest, theirs: head.digest };
                return Err(SyncError::from(fork).into());
            }
            Some(head) if head.seq < seen.seq => {
                restored.set_back.push(SetBack { space: space.to_hex(), commits: seen.seq - head.seq });
            }
            Some(_) => {}
        }
    }
    Ok(restored)
}
