//! The folder of this machine that is kept in step with a space.

use vauban_protocol::id::SpaceId;

use super::SyncError;
use crate::session::Session;
use crate::tree::{SyncRoot, ThisDisk, TreeError};

/// Opens that folder; `None` if there is none.
///
/// # Errors
/// [`SyncError::Tree`] if it is not there, or has lost its mark.
pub fn synced_folder(device: &Session, space: SpaceId) -> Result<Option<SyncRoot>, SyncError> {
    let Some(folder) = device.anchor().record().spaces.remove(&space).and_then(|known| known.folder) else {
        return Ok(None);
    };
    if !SyncRoot::is_marked(&ThisDisk, &folder)? {
        return Err(TreeError::MarkerLost(folder).into());
    }
    Ok(Some(SyncRoot::claim(&ThisDisk, &folder, space, [0; 16])?))
}
