//! Recovery (trust.md, "Recovery"): a person's secret split among guardians, and given back to a device that an admin has certified and
//! enough of them have approved.
//!
//! What signs is never split: whoever recovers has new signing keys. What guardians hold opens what others wrapped for the person, no more.

use vauban_crypto::error::SealError;
use vauban_crypto::kem::KemSecret;
use vauban_crypto::share::{Share, SharePlace, combine, split};
use vauban_crypto::signing::SigningKeys;
use vauban_protocol::id::{Digest, Fingerprint, UserId};
use vauban_protocol::organisation::{
    Approval, GuardianShare, Guardians, Organisation, Recovery, Statement, device_fingerprint,
};

use super::{ChainError, Draft, RecoveryError, Roster};
use crate::keys::{Holder, Identity, JoiningKeys, UserKeys, unwrap_directory};

/// Drafts the guardians of `identity`'s person, in place of those before; none of none ends it.
///
/// # Errors
/// [`RecoveryError::Keys`] if this device has not got the key in force; [`RecoveryError::Chain`].
pub fn name_guardians(
    draft: &mut Draft,
    identity: &Identity,
    guardians: &[UserId],
    threshold: usize,
) -> Result<(), RecoveryError> {
    let organisation = draft.organisation();
    let keys = UserKeys::of(identity, organisation);
    let in_force = organisation.user(identity.user()).map(|record| &record.kem);
    if in_force != Some(keys.newest().public()) {
        return Err(RecoveryError::Keys);
    }
    Ok(split_among(draft, identity, keys.newest(), guardians, threshold)?)
}

/// Drafts the shares of a secret, which is the one in force.
fn split_among(
    draft: &mut Draft,
    identity: &Identity,
    secret: &KemSecret,
    guardians: &[UserId],
    threshold: usize,
) -> Result<(), ChainError> {
    let mut guardians = guardians.to_vec();
    guardians.sort_unstable();
    guardians.dedup();
    let (user, kem) = (identity.user(), secret.public().digest());
    let organisation = draft.organisation().fingerprint();
    let shares = if guardians.is_empty() { Vec::new() } else { split(secret, threshold, guardians.len())? };
    let wrapped = |((guardian, share), number): ((UserId, Share), u8)| {
        let place = SharePlace { organisation, user, kem, guardian, number };
        let record = draft.organisation().live_user(guardian).ok_or(SealError::InvalidKey)?;
        let wrapped = share.wrap(&place, &record.kem)?;
        Ok(GuardianShare { guardian, commitment: share.commitment(&place), wrapped })
    };
    let shares = guardians.into_iter().zip(shares).zip(1..).map(wrapped).collect::<Result<Vec<_>, ChainError>>()?;
    let threshold = if shares.is_empty() { 0 } else { u8::try_from(threshold).unwrap_or(u8::MAX) };
    draft.say(identity.into(), Statement::Guardians(Guardians { user, kem, threshold, shares }))
}

/// Drafts the shares of a key that was just renewed to `fresh`, for those who guarded the key before and are still of the organisation.
/// Where too few are left, or the device was revoked that chose them, nothing is split: the person is told to name others
/// (`crate::session::News`), and would else give the fresh keys to whomever a thief has named.
///
/// # Errors
/// [`ChainError`].
pub(super) fn split_again(
    draft: &mut Draft,
    identity: &Identity,
    before: &Organisation,
    fresh: &KemSecret,
) -> Result<(), ChainError> {
    let Some(guard) = before.user(identity.user()).and_then(|record| record.guard_in_force()) else { return Ok(()) };
    match before.guardians_left(guard) {
        Some(guardians) => split_among(draft, identity, fresh, &guardians, usize::from(guard.said.threshold)),
        None => Ok(()),
    }
}

/// Where a guardian's share of somebody's secret stands, and what it must fit.
fn place_of(
    organisation: &Organisation,
    user: UserId,
    guardian: UserId,
) -> Result<(SharePlace, &GuardianShare), RecoveryError> {
    let guard = organisation.user(user).and_then(|record| record.guard_in_force()).ok_or(RecoveryError::Unguarded)?;
    let (number, share) = guard.said.share_of(guardian).ok_or(RecoveryError::NoGuardian)?;
    let organisation = organisation.fingerprint();
    Ok((SharePlace { organisation, user, kem: guard.said.kem, guardian, number }, share))
}

/// The recovery that a person has begun.
///
/// # Errors
/// [`RecoveryError::Unasked`] if there is none.
pub fn recovery_of(organisation: &Organisation, user: UserId) -> Result<&Recovery, RecoveryError> {
    organisation.live_user(user).and_then(|record| record.recovery.as_deref()).ok_or(RecoveryError::Unasked)
}

/// The share of somebody's secret that this device's person guards.
///
/// # Errors
/// [`RecoveryError::BadSplit`] if it is not what that person has signed; [`RecoveryError::NoGuardian`], [`RecoveryError::Unguarded`].
pub fn own_share(
    organisation: &Organisation,
    identity: &Identity,
    user: UserId,
) -> Result<(SharePlace, Share), RecoveryError> {
    let (place, given) = place_of(organisation, user, identity.user())?;
    let keys = UserKeys::of(identity, organisation);
    let share = keys.open(|kem| Share::unwrap(&place, &given.commitment, kem, &given.wrapped));
    Ok((place, share.map_err(|_| RecoveryError::BadSplit)?))
}

/// Drafts a guardian's approval of the device that asks: the share, for that device alone, whose keys have the fingerprint that people
/// have `compared`.
///
/// # Errors
/// As [`own_share`]; [`RecoveryError::Unasked`]; [`RecoveryError::Words`] if other keys ask by now, be it beside the same signing keys;
/// [`RecoveryError::Said`] if this guardian has approved it.
pub fn approve(draft: &mut Draft, identity: &Identity, user: UserId, compared: Digest) -> Result<(), RecoveryError> {
    let organisation = draft.organisation();
    let (place, share) = own_share(organisation, identity, user)?;
    let recovery = recovery_of(organisation, user)?;
    if device_fingerprint(&recovery.record.keys, &recovery.record.kem) != compared {
        return Err(RecoveryError::Words);
    }
    if organisation.approvals_of(recovery).any(|one| one.guardian == identity.user()) {
        return Err(RecoveryError::Said);
    }
    let wrapped = share.wrap_back(&place, &recovery.record.kem).map_err(ChainError::from)?;
    let approval = Approval { user, device: recovery.device, wrapped };
    Ok(draft.say(identity.into(), Statement::Approve(approval))?)
}

/// A person recovered on a new device.
#[derive(Debug)]
pub struct Recovered {
    /// The device.
    pub identity: Identity,
    /// Guardians who gave back something else than their share; others made up for them.
    pub bad: Vec<UserId>,
}

/// The person whose device these keys are to be, once the chain gives it what opens the person's files.
///
/// # Errors
/// [`RecoveryError::Missing`] while shares are missing, with those who gave bad ones; any other means that this recovery comes to nothing.
pub fn recovered(organisation: &Organisation, keys: &JoiningKeys) -> Result<Recovered, RecoveryError> {
    let device = keys.signing.public().device_id();
    let asked = organisation.users().find_map(|(user, record)| {
        let recovery = record.recovery.as_deref().filter(|recovery| recovery.device == device);
        recovery.map(|recovery| (user, recovery))
    });
    let Some((user, recovery)) = asked else { return given_since(organisation, keys) };
    let own = device_fingerprint(keys.signing.public(), keys.device_kem.public());
    if device_fingerprint(&recovery.record.keys, &recovery.record.kem) != own {
        return Err(RecoveryError::BadCertificate);
    }
    let mut good = Vec::new();
    let mut bad = Vec::new();
    for approved in organisation.approvals_of(recovery) {
        let (place, share) = place_of(organisation, user, approved.guardian)?;
        match Share::unwrap_back(&place, &share.commitment, &keys.device_kem, &approved.wrapped) {
            Ok(share) => good.push((place.number, share)),
            Err(_) => bad.push(approved.guardian),
        }
    }
    let need = usize::from(recovery.threshold);
    if good.len() < need {
        let bad = named(organisation, keys, user, recovery, &bad);
        return Err(RecoveryError::Missing { have: good.len(), need, bad });
    }
    good.truncate(need);
    let secret = combine(&good).map_err(|_| RecoveryError::BadSplit)?;
    let in_force = organisation.user(user).map(|record| &record.kem);
    if in_force != Some(secret.public()) {
        return Err(RecoveryError::BadSplit);
    }
    Ok(Recovered { identity: identity_of(organisation, keys, user, secret)?, bad })
}

/// The same, if another device of the person has given this one the person's renewed keys meanwhile, as it gives them to each.
fn given_since(organisation: &Organisation, keys: &JoiningKeys) -> Result<Recovered, RecoveryError> {
    let device = keys.signing.public().device_id();
    let Some(record) = organisation.live_device(device) else {
        let invite = keys.post.join.payload().invite;
        return Err(if organisation.is_invite_used(invite) {
            RecoveryError::Refused
        } else {
            RecoveryError::Uncertified
        });
    };
    let holder = Holder { user: record.user, device, device_kem: &keys.device_kem };
    let secret = UserKeys::given_to(&holder, organisation).ok_or(RecoveryError::Refused)?;
    Ok(Recovered { identity: identity_of(organisation, keys, record.user, secret)?, bad: Vec::new() })
}

fn identity_of(
    organisation: &Organisation,
    keys: &JoiningKeys,
    user: UserId,
    secret: KemSecret,
) -> Result<Identity, RecoveryError> {
    let (fingerprint, device) = (organisation.fingerprint(), keys.signing.public().device_id());
    let person = organisation.live_user(user).ok_or(RecoveryError::Refused)?;
    let holder = Holder { user, device, device_kem: &keys.device_kem };
    let directory = UserKeys::held_by(&holder, &secret, organisation)
        .open(|kem| unwrap_directory(fingerprint, user, kem, &person.wrapped_directory))
        .map_err(|_| RecoveryError::BadCertificate)?;
    let signing = SigningKeys::from_seed(keys.signing.seed().clone()).map_err(ChainError::from)?;
    Ok(Identity::new(user, signing, KemSecret::from_seed(keys.device_kem.seed().clone()), secret, directory))
}

/// Guardians' names, as far as the admin who certified the device has let it read them; else how their identifiers begin.
fn named(
    organisation: &Organisation,
    keys: &JoiningKeys,
    user: UserId,
    recovery: &Recovery,
    guardians: &[UserId],
) -> Vec<String> {
    let fingerprint: Fingerprint = organisation.fingerprint();
    let directory = unwrap_directory(fingerprint, user, &keys.device_kem, &recovery.wrapped_directory).ok();
    let roster = directory.as_ref().map(|directory| Roster::new(organisation, directory));
    let name = |guardian: &UserId| roster.map_or_else(|| guardian.to_string(), |roster| roster.user(*guardian));
    guardians.iter().map(name).collect()
}

#[cfg(test)]
mod tests;
