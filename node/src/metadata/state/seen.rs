//! Keeping what a device has seen of a space (trust.md, "Seen").

use bytes::Bytes;
use vauban_protocol::id::Digest;
use vauban_protocol::signed::Signed;
use vauban_protocol::space::Seen;
use vauban_protocol::wire::Refusal;

use super::base::Base;
use super::draft::{Draft, Stop};
use super::release;
use crate::metadata::command::Applied;
use crate::metadata::store::Key;

/// Keeps a device's word, if it is a member's and of this very chain. An older word than the one that is kept changes nothing.
pub(super) fn seen<B: Base>(draft: &mut Draft<'_, B>, bytes: &Bytes) -> Result<Applied, Stop<B::Error>> {
    let organisation = draft.organisation()?;
    let signed: Signed<Seen> = Signed::parse(bytes.clone()).map_err(|_| Refusal::Malformed)?;
    let word = signed.payload();
    let device = organisation.device(word.device).ok_or(Refusal::UnknownDevice)?;
    if organisation.live_device(word.device).is_none() {
        return Err(Refusal::Revoked.into());
    }
    let space = draft.space(word.space)?.filter(|space| space.role(device.user).is_some());
    let space = space.ok_or(Refusal::UnknownSpace)?;
    signed.verify(&device.keys.ed25519).map_err(|_| Refusal::Proof)?;
    if !organisation.passed(word.org) {
        return Err(Refusal::OrganisationHead { head: organisation.head() }.into());
    }
    if word.head.seq > space.head().seq {
        return Err(Refusal::Behind.into());
    }
    let hash: Option<Digest> = draft.table.find(&Key::head(word.space, word.head.seq)).map_err(Stop::Base)?;
    if hash != Some(word.head.digest) {
        // Another history: its author knows more of that than this node, which has one.
        return Err(Refusal::Commit.into());
    }
    let key = Key::seen(word.space, word.device);
    let kept = draft.table.bytes(&key).map_err(Stop::Base)?;
    let is_newer = kept.and_then(|kept| Signed::<Seen>::parse(kept).ok()).is_none_or(|kept| {
        let of = |seen: &Seen| (seen.head.seq, seen.time);
        of(word) > of(kept.payload())
    });
    if is_newer {
        draft.table.put_bytes(key, bytes.clone());
        release::seen(draft, word.space, word.device, word.head, space.retention()).map_err(Stop::Base)?;
    }
    Ok(Applied::SeenKept)
}
