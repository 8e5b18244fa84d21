//! Beginning a space: its genesis, then its first epoch.

use vauban_crypto::name::{DirectoryKey, Named};
use vauban_protocol::id::SpaceId;
use vauban_protocol::organisation::Organisation;
use vauban_protocol::signed::Signed;
use vauban_protocol::space::{Control, Cutting, Role, Space, SpaceGenesis};
use vauban_protocol::wire::{Request, Response};

use super::{OpenSpace, SyncError};
use crate::clock;
use crate::content::{Nodes, NodesError};
use crate::keys::Identity;
use crate::log::FOLD_VERSION;

/// Signs the genesis of a new space of this device's user, and says which space it begins.
///
/// # Errors
/// [`SyncError::Seal`] for a name that is too long, or that the keys don't sign.
pub fn create_space(
    identity: &Identity,
    org: &Organisation,
    name: &str,
    cutting: Cutting,
) -> Result<(SpaceId, Signed<SpaceGenesis>), SyncError> {
    let mut nonce = [0; 16];
    getrandom::fill(&mut nonce).map_err(|_| SyncError::Bug("the operating system has no random source"))?;
    let genesis = identity.signing().seal_hybrid(SpaceGenesis {
        org: org.head(),
        owner: identity.user(),
        device: identity.device(),
        created_at: clock::now(),
        nonce,
        fold_version: FOLD_VERSION,
        cutting,
        sealed_name: identity.directory().seal_name(Named::Space(nonce), name)?,
    })?;
    Ok((SpaceId::of(&genesis), genesis))
}

/// A space's name, as people gave it; `None` if it does not open.
#[must_use]
pub fn space_name(space: &Space, directory: &DirectoryKey) -> Option<String> {
    let (sealed, nonce) = space.sealed_name();
    directory.open_name(Named::Space(nonce), sealed).ok()
}

impl<N: Nodes> OpenSpace<N> {
    /// Posts the genesis of this space, reads it back and starts the first epoch.
    ///
    /// # Errors
    /// [`SyncError`].
    pub fn found_space(&mut self, genesis: &Signed<SpaceGenesis>) -> Result<(), SyncError> {
        match self.ask(Request::CreateSpace, vec![genesis.bytes().clone()])? {
            (Response::SpaceCreated { space }, _) if space == self.id => {}
            _ => return Err(NodesError::Senseless("not the space that was created").into()),
        }
        self.settle()?;
        self.ensure_epoch()
    }

    /// Starts the first epoch, if the space has none: its founder may have been interrupted.
    ///
    /// # Errors
    /// [`SyncError`]; [`SyncError::NoEpoch`] if this user may not.
    pub fn ensure_epoch(&mut self) -> Result<(), SyncError> {
        let space = self.folded()?;
        if space.epoch() > 0 {
            return Ok(());
        }
        if space.role(self.identity().user()) < Some(Role::Writer) {
            return Err(SyncError::NoEpoch(self.id));
        }
        let draft = self.draft_epoch(&space, Control::Epoch)?;
        // Whoever came first has started it, or has changed nothing that matters here.
        match self.send(&draft)? {
            super::author::Sent::Committed => self.write_record(),
            _ if self.folded()?.epoch() > 0 => self.write_record(),
            _ => Err(SyncError::Overtaken),
        }
    }
}
