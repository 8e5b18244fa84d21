//! Making an invite, and judging one that somebody else made.

use bytes::Bytes;
use vauban_crypto::invite::InviteSecret;
use vauban_crypto::name::Named;
use vauban_crypto::secret::Secret;
use vauban_protocol::id::{InviteId, UserId};
use vauban_protocol::limit::ADMINS_MAX;
use vauban_protocol::organisation::{Invite, InviteKind, Organisation};
use vauban_protocol::signed::Signed;
use vauban_protocol::time::Timestamp;

use crate::keys::{Identity, InviteCode, wrap_invite_secret};
use crate::organisation::InviteError;

/// A new invite: the record for the nodes, the code for the invited.
pub struct Invitation {
    /// The signed record.
    pub record: Bytes,
    /// What is handed over, out of band.
    pub code: InviteCode,
}

/// Invites a person called `name`. Any admin's client can finish it.
///
/// # Errors
/// [`InviteError`].
pub fn invite_user(
    organisation: &Organisation,
    identity: &Identity,
    name: &str,
    expires_at: Timestamp,
    servers: Vec<String>,
) -> Result<Invitation, InviteError> {
    let id = InviteId(*Secret::random().expose());
    let sealed_name = identity.directory().seal_name(Named::User(invited_user(id)), name)?;
    let finishers: Vec<UserId> = organisation.admins().collect();
    draw_up(organisation, identity, InviteKind::User, id, sealed_name, &finishers, expires_at, servers)
}

/// Invites a further device of `identity`'s own person. Any device of that person can finish it.
///
/// # Errors
/// [`InviteError`].
pub fn invite_device(
    organisation: &Organisation,
    identity: &Identity,
    expires_at: Timestamp,
    servers: Vec<String>,
) -> Result<Invitation, InviteError> {
    let id = InviteId(*Secret::random().expose());
    let user = identity.user();
    draw_up(organisation, identity, InviteKind::Device(user), id, Vec::new(), &[user], expires_at, servers)
}

/// Invites a device for a person who has lost theirs. Any admin's client can finish it; guardians then approve the device.
///
/// # Errors
/// [`InviteError`].
pub fn invite_recovery(
    organisation: &Organisation,
    identity: &Identity,
    user: UserId,
    expires_at: Timestamp,
    servers: Vec<String>,
) -> Result<Invitation, InviteError> {
    let id = InviteId(*Secret::random().expose());
    let finishers: Vec<UserId> = organisation.admins().collect();
    draw_up(organisation, identity, InviteKind::Recovery(user), id, Vec::new(), &finishers, expires_at, servers)
}

/// The person that an invite leads to: random like the invite, and one with it, so that the name sealed in the invite is
/// bound to the person from the start.
#[must_use]
pub fn invited_user(invite: InviteId) -> UserId {
    UserId(invite.0)
}

#[expect(clippy::too_many_arguments, reason = "the fields of one record, drawn up in one place")]
fn draw_up(
    organisation: &Organisation,
    identity: &Identity,
    kind: InviteKind,
    id: InviteId,
    sealed_name: Vec<u8>,
    finishers: &[UserId],
    expires_at: Timestamp,
    servers: Vec<String>,
) -> Result<Invitation, InviteError> {
    if finishers.len() > ADMINS_MAX {
        return Err(InviteError::TooManyAdmins);
    }
    let secret = InviteSecret::random();
    let fingerprint = organisation.fingerprint();
    let wrapped = |user: &UserId| {
        let kem = &organisation.live_user(*user).ok_or(InviteError::Damaged)?.kem;
        Ok((*user, wrap_invite_secret(fingerprint, id, *user, kem, &secret)?))
    };
    let wrapped_secrets = finishers.iter().map(wrapped).collect::<Result<_, InviteError>>()?;
    let invite = Invite { id, kind, device: identity.device(), expires_at, sealed_name, wrapped_secrets };
    let record = identity.signing().seal(invite)?.bytes().clone();
    Ok(Invitation { record, code: InviteCode { fingerprint, invite: id, secret, servers } })
}

/// Judges an invite's record: signed by a live device whose person may invite to this, not expired, not used.
///
/// # Errors
/// [`InviteError`], by the first rule that is broken.
pub fn verify_invite(invite: &Signed<Invite>, organisation: &Organisation, now: Timestamp) -> Result<(), InviteError> {
    let record = invite.payload();
    let device = organisation.live_device(record.device).ok_or(InviteError::Issuer)?;
    invite.verify(&device.keys.ed25519).map_err(|_| InviteError::Issuer)?;
    let may = match record.kind {
        InviteKind::User | InviteKind::Recovery(_) => organisation.is_admin(device.user),
        InviteKind::Device(user) => user == device.user,
    };
    if !may {
        return Err(InviteError::Issuer);
    }
    if organisation.is_invite_used(record.id) {
        return Err(InviteError::Used);
    }
    if record.expires_at < now {
        return Err(InviteError::Expired);
    }
    Ok(())
}
