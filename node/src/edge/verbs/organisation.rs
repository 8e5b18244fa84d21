//! `Organisation`: the organisation's chain, for every device and for whoever holds an invite.

use vauban_protocol::id::InviteId;
use vauban_protocol::limit::CERTIFICATES_BYTES_MAX;
use vauban_protocol::wire::{Refusal, Response};

use crate::edge::answer::Answer;
use crate::edge::fault::RequestFault;
use crate::edge::gateway::Gateway;
use crate::edge::memory::Share;

/// Whoever is further than this node is told where it stands, and gets nothing: that is how it learns that the node lags.
pub(in crate::edge) async fn organisation(gateway: &Gateway, share: &Share, from: u64) -> Result<Answer, RequestFault> {
    let mut head = gateway.organisation()?.head();
    if from > head.seq.saturating_add(1) {
        gateway.metadata.catch_up().await;
        head = gateway.organisation()?.head();
    }
    if from > head.seq {
        return Ok(Answer::of(Response::Organisation { head }));
    }
    let reserved = share.reserve(CERTIFICATES_BYTES_MAX).await?;
    let certificates = gateway.read(move |view| view.certificates(from, CERTIFICATES_BYTES_MAX)).await?;
    Ok(Answer::list(Response::Organisation { head }, certificates, reserved))
}

/// The same for a guest, who must know an invite: an open one, or one that has been used (its certificate is in there).
pub(in crate::edge) async fn guest_organisation(
    gateway: &Gateway,
    share: &Share,
    invite: InviteId,
    from: u64,
) -> Result<Answer, RequestFault> {
    if !is_known(gateway, invite).await? {
        // Another node may have opened it, a moment ago.
        let is_level = gateway.metadata.catch_up().await;
        if !is_known(gateway, invite).await? {
            let refusal = if is_level { Refusal::UnknownInvite } else { Refusal::Behind };
            return Err(refusal.into());
        }
    }
    organisation(gateway, share, from).await
}

async fn is_known(gateway: &Gateway, invite: InviteId) -> Result<bool, RequestFault> {
    let is_open = gateway.read(move |view| view.invite(invite)).await?.is_some();
    // In this order: an invite that is used between the two looks is found by the second.
    Ok(is_open || gateway.organisation()?.is_invite_used(invite))
}
