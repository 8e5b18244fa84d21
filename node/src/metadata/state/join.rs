//! A post on an open invite.
//!
//! A node cannot tell the invited person's post from another's: only the inviter's client, which knows the secret, can.
//! So a post uses nothing up. It takes one of the invite's few places, and only if it proves possession of the keys it
//! names; the invite stays open until a certificate answers it.

use std::sync::Arc;

use bytes::Bytes;
use vauban_protocol::id::{Digest, InviteId};
use vauban_protocol::limit::{JOIN_POST_BYTES_MAX, JOIN_POSTS_MAX};
use vauban_protocol::organisation::JoinPost;
use vauban_protocol::wire::Refusal;

use super::base::Base;
use super::draft::{Change, Draft, Stop};
use crate::metadata::command::Applied;

/// Keeps a post for the inviter. The same post again takes no second place.
pub(super) fn join<B: Base>(
    draft: &mut Draft<'_, B>,
    invite: InviteId,
    bytes: &Bytes,
) -> Result<Applied, Stop<B::Error>> {
    let organisation = draft.organisation()?;
    let entry = draft
        .core
        .invites
        .find(invite)
        .filter(|entry| organisation.live_device(entry.device).is_some())
        .ok_or(Refusal::UnknownInvite)?;
    let digest = Digest::of(bytes);
    if entry.posts.contains(&digest) {
        return Ok(Applied::Joined);
    }
    if entry.expires_at < draft.core.clock.time() {
        return Err(Refusal::InviteExpired.into());
    }
    if entry.posts.len() >= JOIN_POSTS_MAX {
        return Err(Refusal::InviteFull.into());
    }
    judge(invite, bytes)?;
    let number = Arc::make_mut(&mut draft.core.invites).post(invite, digest);
    draft.record(Change::Posted { invite, number, bytes: bytes.clone() });
    Ok(Applied::Joined)
}

/// Whether the bytes are a post on this very invite whose keys its author holds.
fn judge(invite: InviteId, bytes: &Bytes) -> Result<(), Refusal> {
    if bytes.len() > JOIN_POST_BYTES_MAX {
        return Err(Refusal::Malformed);
    }
    let post = JoinPost::parse(bytes).map_err(|_| Refusal::Malformed)?;
    let join = post.join.payload();
    if join.invite != invite {
        return Err(Refusal::Malformed);
    }
    post.join.verify_hybrid(&join.keys).map_err(|_| Refusal::Proof)
}
