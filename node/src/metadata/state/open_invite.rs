//! Opening an invite (trust.md, "Join", "Recovery").

use std::sync::Arc;

use bytes::Bytes;
use vauban_protocol::id::{Digest, UserId};
use vauban_protocol::limit::INVITES_MAX;
use vauban_protocol::organisation::{Invite, InviteKind};
use vauban_protocol::signed::Signed;
use vauban_protocol::wire::Refusal;

use super::base::Base;
use super::draft::{Change, Draft, Stop};
use super::invites::{InviteBook, InviteEntry};
use crate::limit::DEVICE_INVITES_MAX;
use crate::metadata::command::Applied;

/// Opens an invite: of a person, or a machine of one who has lost theirs, by an admin's device; of another machine, by a device of the same person.
pub(super) fn open_invite<B: Base>(draft: &mut Draft<'_, B>, bytes: &Bytes) -> Result<Applied, Stop<B::Error>> {
    let organisation = draft.organisation()?;
    let signed: Signed<Invite> = Signed::parse(bytes.clone()).map_err(|_| Refusal::Malformed)?;
    let invite = signed.payload();
    let device = organisation.device(invite.device).ok_or(Refusal::UnknownDevice)?;
    if device.revoked_at.is_some() {
        return Err(Refusal::Revoked.into());
    }
    signed.verify(&device.keys.ed25519).map_err(|_| Refusal::Proof)?;
    let may = match invite.kind {
        InviteKind::User => organisation.is_admin(device.user),
        InviteKind::Recovery(user) => organisation.is_admin(device.user) && organisation.live_user(user).is_some(),
        InviteKind::Device(user) => user == device.user,
    };
    if !may {
        return Err(Refusal::Forbidden.into());
    }
    let digest = signed.digest();
    match draft.core.invites.find(invite.id) {
        Some(open) if open.digest == digest => return Ok(Applied::InviteOpened),
        Some(_) => return Err(Refusal::UnknownInvite.into()),
        None if organisation.is_invite_used(invite.id) => {
            return Err(Refusal::UnknownInvite.into());
        }
        None => {}
    }
    if invite.expires_at < draft.core.clock.time() {
        return Err(Refusal::InviteExpired.into());
    }
    if is_full(&draft.core.invites, invite.kind, device.user) {
        return Err(Refusal::Limit.into());
    }
    let entry = entry(invite, device.user, digest);
    Arc::make_mut(&mut draft.core.invites).open(invite.id, entry);
    draft.record(Change::InviteOpened { invite: invite.id, bytes: bytes.clone() });
    Ok(Applied::InviteOpened)
}

fn entry(invite: &Invite, user: UserId, digest: Digest) -> InviteEntry {
    InviteEntry {
        user,
        device: invite.device,
        kind: invite.kind,
        expires_at: invite.expires_at,
        digest,
        posts: Vec::new(),
    }
}

/// One person alone cannot take all the places: admins could then invite nobody.
fn is_full(book: &InviteBook, kind: InviteKind, user: UserId) -> bool {
    let own = |entry: &InviteEntry| entry.kind == kind && entry.user == user;
    book.len() >= INVITES_MAX
        || (matches!(kind, InviteKind::Device(_))
            && book.iter().filter(|(_, entry)| own(entry)).count() >= DEVICE_INVITES_MAX)
}
