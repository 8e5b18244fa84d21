//! Renewing a person's keys for secrets, once a device that held them was revoked, or a guardian has left; guardians get shares of the
//! new ones in the same breath.

use vauban_crypto::kem::KemSecret;
use vauban_protocol::organisation::{Renewal, Statement};

use super::recovery::split_again;
use super::{ChainError, Draft};
use crate::keys::{Identity, UserKeys, wrap_previous_secret, wrap_user_secret};

/// Drafts new keys for the person of `identity`, if a device was revoked that holds the ones in force, or a guardian of them has left; answers
/// whether that was so.
///
/// # Errors
/// [`ChainError`].
pub fn renew_if_due(draft: &mut Draft, identity: &Identity) -> Result<bool, ChainError> {
    let (user, organisation) = (identity.user(), draft.organisation().clone());
    if !organisation.is_renewal_due(user) {
        return Ok(false);
    }
    let fingerprint = organisation.fingerprint();
    let (before, fresh) = (UserKeys::of(identity, &organisation), KemSecret::generate());
    let wrapped_for = organisation
        .devices()
        .filter(|(_, record)| record.user == user && record.revoked_at.is_none())
        .map(|(device, record)| Ok((device, wrap_user_secret(fingerprint, user, device, &record.kem, &fresh)?)))
        .collect::<Result<_, ChainError>>()?;
    let renewal = Renewal {
        user,
        kem: fresh.public().clone(),
        wrapped_previous: wrap_previous_secret(fingerprint, user, fresh.public(), before.newest())?,
        wrapped_for,
    };
    draft.say(identity.into(), Statement::Renew(renewal))?;
    split_again(draft, identity, &organisation, &fresh)?;
    Ok(true)
}
