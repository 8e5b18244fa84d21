//! Beginning a space.

use std::sync::Arc;

use bytes::Bytes;
use vauban_protocol::id::SpaceId;
use vauban_protocol::limit::SPACES_MAX;
use vauban_protocol::organisation::Organisation;
use vauban_protocol::signed::Signed;
use vauban_protocol::space::{CommitError, Space, SpaceGenesis};
use vauban_protocol::wire::Refusal;

use super::base::Base;
use super::draft::{Change, Draft, Stop};
use crate::metadata::command::Applied;
use crate::metadata::store::Key;

/// Begins a space. The same genesis again is the same space: its answer had been lost.
pub(super) fn create<B: Base>(draft: &mut Draft<'_, B>, bytes: &Bytes) -> Result<Applied, Stop<B::Error>> {
    let organisation = draft.organisation()?;
    let genesis: Signed<SpaceGenesis> = Signed::parse(bytes.clone()).map_err(|_| Refusal::Malformed)?;
    let space = SpaceId::of(&genesis);
    if draft.space(space)?.is_some() {
        return Ok(Applied::SpaceCreated { space });
    }
    let founded = Space::found(&genesis, &organisation).map_err(|error| refuse(error, &organisation, &genesis))?;
    let (owner, device) = (genesis.payload().owner, genesis.payload().device);
    if organisation.live_device(device).is_none() {
        return Err(Refusal::Revoked.into());
    }
    if draft.memberships(owner, SPACES_MAX)? >= SPACES_MAX {
        return Err(Refusal::Limit.into());
    }
    draft.table.put_bytes(Key::commit(space, 0), bytes.clone());
    draft.table.put(Key::head(space, 0), &founded.head().digest);
    draft.space_mut(Arc::new(founded));
    draft.record(Change::Member { user: owner, space });
    Ok(Applied::SpaceCreated { space })
}

fn refuse(error: CommitError, organisation: &Organisation, genesis: &Signed<SpaceGenesis>) -> Refusal {
    match error {
        CommitError::OrganisationHead => Refusal::OrganisationHead { head: organisation.head() },
        CommitError::Device if organisation.device(genesis.payload().device).is_none() => Refusal::UnknownDevice,
        CommitError::Device => Refusal::Forbidden,
        _ => Refusal::Commit,
    }
}
