//! Links: which chunks are kept for whoever holds an address, and until when (trust.md, "Links").
//!
//! ```text
//! created ─ part by part ─► open ── its time, an end, or its maker's ─► ended ─ holds go, a bounded number a tick ─► forgotten
//! ```
//! Invariants: a chunk that a link holds is not purged, whatever was released; a link ends by cluster time, by the signed word of
//! its maker's or a manager's device, or when its maker's device is revoked or its maker may no longer write; what it alone brought in, the
//! manifest's chunks, goes with it; how much one tick looks at and clears is bounded.
//!
//! A link that nobody finishes ends after a day. One that has ended is told apart from one that never was for some weeks.

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use vauban_protocol::id::{ChunkId, DeviceId, Digest, LinkId, SpaceId};
use vauban_protocol::limit::{LINK_DAYS_MAX, LINKS_MAX};
use vauban_protocol::organisation::{DeviceRecord, Organisation};
use vauban_protocol::signed::Signed;
use vauban_protocol::space::{LinkEnd, Role, SharedLink, Space, link_part};
use vauban_protocol::time::{DAY_SECONDS, Timestamp};
use vauban_protocol::wire::{LinkPhase, Refusal};

use super::base::Base;
use super::draft::{Draft, Stop};
use super::file_request;
use super::row::Row;
use crate::limit::{
    LINK_HOLDS_CLEARED_MAX, LINK_LOOK_SECONDS, LINK_REMEMBERED_SECONDS, LINK_UNFINISHED_SECONDS, LINKS_LOOKED_MAX,
};
use crate::metadata::command::Applied;
use crate::metadata::store::Key;

/// What nodes keep of a link beside its signed bytes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::metadata) struct LinkEntry {
    pub(in crate::metadata) space: SpaceId,
    /// Whose word it is.
    pub(in crate::metadata) device: DeviceId,
    pub(in crate::metadata) expires_at: Timestamp,
    /// Hash of the access token.
    pub(in crate::metadata) token: Digest,
    /// Digest of the signed link.
    digest: Digest,
    /// The index of the entry that made it: its manifest's rows are of then.
    made_at: u64,
    /// When it was made, by cluster time.
    since: Timestamp,
    /// How many parts it has, and which of them were named: a bit each.
    parts: u8,
    named: u64,
    /// Since when it is over, and why.
    ended: Option<(Timestamp, WhyEnded)>,
    /// When a tick looks at it next.
    look_at: Timestamp,
    /// How often it was opened, by the gateways' word.
    pub(in crate::metadata) opened: u64,
}

/// Why a link, or a file request, is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum WhyEnded {
    /// Its time had passed.
    Expired,
    /// Somebody ended it, or its maker may not share any more.
    Ended,
}

impl LinkEntry {
    /// Whether it is served now.
    pub(in crate::metadata) fn phase(&self, organisation: &Organisation, space: &Space, now: Timestamp) -> LinkPhase {
        match self.ended {
            Some((_, WhyEnded::Expired)) => LinkPhase::Expired,
            Some((_, WhyEnded::Ended)) => LinkPhase::Ended,
            None if self.expires_at <= now => LinkPhase::Expired,
            None if !may_share(organisation, space, self.device) => LinkPhase::Ended,
            None if !self.is_whole() => LinkPhase::Unfinished,
            None => LinkPhase::Open,
        }
    }

    fn is_whole(&self) -> bool {
        self.named.count_ones() == u32::from(self.parts)
    }

    fn names(&self, part: u8) -> bool {
        (self.named >> part) & 1 == 1
    }
}

/// Whether a device may have links: the organisation allows them, the device's person writes to the space, and neither is revoked.
pub(super) fn may_share(organisation: &Organisation, space: &Space, device: DeviceId) -> bool {
    let person = organisation.live_device(device).map(|device| device.user);
    organisation.link_policy().allows_links() && person.is_some_and(|person| space.role(person) >= Some(Role::Writer))
}

/// Makes a link. The same link again is the same: its answer had been lost.
pub(super) fn create<B: Base>(draft: &mut Draft<'_, B>, index: u64, bytes: &Bytes) -> Result<Applied, Stop<B::Error>> {
    let organisation = draft.organisation()?;
    let signed: Signed<SharedLink> = Signed::parse(bytes.clone()).map_err(|_| Refusal::Malformed)?;
    let link = signed.payload();
    let device = live(&organisation, link.device)?;
    let space = member_space(draft, link.space, device)?;
    if !may_share(&organisation, &space, link.device) {
        return Err(Refusal::Forbidden.into());
    }
    signed.verify(&device.keys.ed25519).map_err(|_| Refusal::Proof)?;
    match find(draft, link.id)? {
        Some(entry) if entry.digest == signed.digest() => return Ok(Applied::LinkCreated),
        Some(_) => return Err(Refusal::UnknownLink.into()),
        None => {}
    }
    if draft.table.bytes(&Key::request(link.id)).map_err(Stop::Base)?.is_some() {
        return Err(Refusal::UnknownLink.into());
    }
    let now = draft.core.clock.time();
    if link.expires_at <= now {
        return Err(Refusal::LinkExpired.into());
    }
    if link.expires_at > now.plus(LINK_DAYS_MAX.saturating_mul(DAY_SECONDS)) {
        return Err(Refusal::Malformed.into());
    }
    let floor = draft.core.clock.floor();
    if link.stored_at < floor {
        return Err(Refusal::ReceiptsTooOld { floor }.into());
    }
    // As for a commit: no receipt can name an index that this very entry has not reached.
    if link.stored_at >= index {
        return Err(Refusal::Commit.into());
    }
    if count(draft, link.space).map_err(Stop::Base)? >= LINKS_MAX {
        return Err(Refusal::Limit.into());
    }
    for chunk in &link.manifest {
        // A chunk that a commit has added is not the link's to take away at its end.
        if draft.table.row(link.space, *chunk).map_err(Stop::Base)?.is_some() {
            return Err(Refusal::Commit.into());
        }
    }
    let entry = LinkEntry {
        space: link.space,
        device: link.device,
        expires_at: link.expires_at,
        token: link.token,
        digest: signed.digest(),
        made_at: index,
        since: now,
        parts: u8::try_from(link.parts.len()).map_err(|_| Refusal::Malformed)?,
        named: 0,
        ended: None,
        look_at: link.expires_at.min(now.plus(LINK_LOOK_SECONDS)),
        opened: 0,
    };
    for chunk in &link.manifest {
        draft.table.put_row(link.space, *chunk, Row { added_at: index, released_by: None, weight: None });
    }
    hold(draft, link.id, link.space, &link.manifest).map_err(Stop::Base)?;
    draft.table.put_bytes(Key::link_record(link.space, link.id), bytes.clone());
    draft.table.put(Key::link_look(entry.look_at, link.id), &());
    draft.table.put(Key::link(link.id), &entry);
    Ok(Applied::LinkCreated)
}

/// Holds the chunks of one part. Whoever brings them: the signed link says which they are.
pub(super) fn name_part<B: Base>(
    draft: &mut Draft<'_, B>,
    link: LinkId,
    part: u8,
    ids: &[ChunkId],
) -> Result<Applied, Stop<B::Error>> {
    let (mut entry, phase) = standing(draft, link)?;
    match phase {
        LinkPhase::Unfinished => {}
        LinkPhase::Open => return Ok(Applied::LinkHeld),
        LinkPhase::Expired => return Err(Refusal::LinkExpired.into()),
        LinkPhase::Ended => return Err(Refusal::LinkEnded.into()),
    }
    let record = record(draft, &entry, link)?;
    let digest = record.payload().parts.get(usize::from(part)).copied().ok_or(Refusal::Malformed)?;
    if link_part(ids) != Some(digest) {
        return Err(Refusal::Malformed.into());
    }
    if entry.names(part) {
        return Ok(Applied::LinkHeld);
    }
    for chunk in ids {
        if draft.table.row(entry.space, *chunk).map_err(Stop::Base)?.is_none() {
            return Err(Refusal::NotKept.into());
        }
    }
    hold(draft, link, entry.space, ids).map_err(Stop::Base)?;
    entry.named |= 1 << part;
    draft.table.put(Key::link(link), &entry);
    Ok(Applied::LinkHeld)
}

/// Ends a link, or a file request, by the word of a device of its maker's, or of a manager's.
pub(super) fn end<B: Base>(draft: &mut Draft<'_, B>, bytes: &Bytes) -> Result<Applied, Stop<B::Error>> {
    let organisation = draft.organisation()?;
    let signed: Signed<LinkEnd> = Signed::parse(bytes.clone()).map_err(|_| Refusal::Malformed)?;
    let said = signed.payload();
    let device = live(&organisation, said.device)?;
    let space = member_space(draft, said.space, device)?;
    signed.verify(&device.keys.ed25519).map_err(|_| Refusal::Proof)?;
    if let Some(ended) = file_request::end(draft, said)? {
        return Ok(ended);
    }
    let entry = find(draft, said.link)?.filter(|entry| entry.space == said.space).ok_or(Refusal::UnknownLink)?;
    let is_own = organisation.device(entry.device).is_some_and(|maker| maker.user == device.user);
    if !is_own && space.role(device.user) < Some(Role::Manager) {
        return Err(Refusal::Forbidden.into());
    }
    if entry.ended.is_none() {
        let now = draft.core.clock.time();
        let entry = LinkEntry { ended: Some((now, WhyEnded::Ended)), ..entry };
        look_again(draft, said.link, entry, now);
    }
    Ok(Applied::LinkEnded)
}

/// A gateway has let a link be opened so many times.
pub(super) fn opened<B: Base>(draft: &mut Draft<'_, B>, link: LinkId, times: u32) -> Result<Applied, Stop<B::Error>> {
    if let Some(entry) = find(draft, link)? {
        let opened = entry.opened.saturating_add(times.into());
        draft.table.put(Key::link(link), &LinkEntry { opened, ..entry });
    }
    Ok(Applied::LinkCounted)
}

/// Looks at the links whose time has come: ends them, clears what they held, and forgets them.
pub(super) fn look<B: Base>(draft: &mut Draft<'_, B>) -> Result<(), B::Error> {
    let now = draft.core.clock.time();
    let due: Vec<(Key, ())> = draft.table.range(&Key::link_looks(), &Key::link_looks_after(now), LINKS_LOOKED_MAX)?;
    for (key, ()) in due {
        let Some(link) = key.link_looked_at() else { continue };
        match draft.table.find::<LinkEntry>(&Key::link(link))? {
            Some(entry) if Key::link_look(entry.look_at, link) == key => look_at(draft, link, entry, now)?,
            _ => draft.table.delete(key),
        }
    }
    Ok(())
}

fn look_at<B: Base>(
    draft: &mut Draft<'_, B>,
    link: LinkId,
    mut entry: LinkEntry,
    now: Timestamp,
) -> Result<(), B::Error> {
    if entry.ended.is_none() {
        let Some(organisation) = draft.core.organisation.clone() else { return Ok(()) };
        let may = draft.space_now(entry.space)?.is_some_and(|space| may_share(&organisation, &space, entry.device));
        let is_left = !entry.is_whole() && entry.since.plus(LINK_UNFINISHED_SECONDS) <= now;
        entry.ended = match () {
            () if entry.expires_at <= now => Some((now, WhyEnded::Expired)),
            () if !may || is_left => Some((now, WhyEnded::Ended)),
            () => None,
        };
    }
    let Some((since, _)) = entry.ended else {
        let next = entry.expires_at.min(now.plus(LINK_LOOK_SECONDS));
        look_again(draft, link, entry, next);
        return Ok(());
    };
    if !clear(draft, link, &entry)? {
        look_again(draft, link, entry, now);
        return Ok(());
    }
    let forgotten_at = since.plus(LINK_REMEMBERED_SECONDS);
    if forgotten_at > now {
        look_again(draft, link, entry, forgotten_at);
    } else {
        draft.table.delete(Key::link_look(entry.look_at, link));
        draft.table.delete(Key::link_record(entry.space, link));
        draft.table.delete(Key::link(link));
    }
    Ok(())
}

/// Lets go of what a link holds, as much as one look may; whether nothing is left.
fn clear<B: Base>(draft: &mut Draft<'_, B>, link: LinkId, entry: &LinkEntry) -> Result<bool, B::Error> {
    let range = Key::holds(link);
    let held: Vec<(Key, ())> = draft.table.range(&range, &range.end(), LINK_HOLDS_CLEARED_MAX)?;
    let is_last = held.len() < LINK_HOLDS_CLEARED_MAX;
    for (key, ()) in held {
        if let Some(chunk) = key.held_chunk() {
            let count = Key::held(entry.space, chunk);
            match draft.table.find::<u32>(&count)?.unwrap_or_default().saturating_sub(1) {
                0 => draft.table.delete(count),
                left => draft.table.put(count, &left),
            }
        }
        draft.table.delete(key);
    }
    if is_last {
        let bytes = draft.table.bytes(&Key::link_record(entry.space, link))?;
        let signed = bytes.and_then(|bytes| Signed::<SharedLink>::parse(bytes).ok());
        for chunk in signed.iter().flat_map(|signed| &signed.payload().manifest) {
            // One that a commit has added meanwhile is that commit's.
            if draft.table.row(entry.space, *chunk)?.is_some_and(|row| row.added_at == entry.made_at) {
                draft.table.delete(Key::row(entry.space, *chunk));
            }
        }
    }
    Ok(is_last)
}

fn look_again<B: Base>(draft: &mut Draft<'_, B>, link: LinkId, entry: LinkEntry, at: Timestamp) {
    draft.table.delete(Key::link_look(entry.look_at, link));
    draft.table.put(Key::link_look(at, link), &());
    draft.table.put(Key::link(link), &LinkEntry { look_at: at, ..entry });
}

fn hold<B: Base>(draft: &mut Draft<'_, B>, link: LinkId, space: SpaceId, ids: &[ChunkId]) -> Result<(), B::Error> {
    for chunk in ids {
        let hold = Key::hold(link, *chunk);
        if draft.table.bytes(&hold)?.is_none() {
            draft.table.put(hold, &());
            let count = Key::held(space, *chunk);
            let held: u32 = draft.table.find(&count)?.unwrap_or_default();
            draft.table.put(count, &held.saturating_add(1));
        }
    }
    Ok(())
}

/// Whether a link holds this chunk: then it is not purged.
pub(super) fn is_held<B: Base>(draft: &Draft<'_, B>, space: SpaceId, chunk: ChunkId) -> Result<bool, B::Error> {
    Ok(draft.table.bytes(&Key::held(space, chunk))?.is_some())
}

fn standing<B: Base>(draft: &Draft<'_, B>, link: LinkId) -> Result<(LinkEntry, LinkPhase), Stop<B::Error>> {
    let organisation = draft.organisation()?;
    let entry = find(draft, link)?.ok_or(Refusal::UnknownLink)?;
    let space = draft.space(entry.space)?.ok_or(Refusal::UnknownLink)?;
    let phase = entry.phase(&organisation, &space, draft.core.clock.time());
    Ok((entry, phase))
}

fn record<B: Base>(
    draft: &Draft<'_, B>,
    entry: &LinkEntry,
    link: LinkId,
) -> Result<Signed<SharedLink>, Stop<B::Error>> {
    let bytes = draft.table.bytes(&Key::link_record(entry.space, link)).map_err(Stop::Base)?;
    let signed = bytes.and_then(|bytes| Signed::parse(bytes).ok());
    Ok(signed.ok_or(Refusal::UnknownLink)?)
}

fn find<B: Base>(draft: &Draft<'_, B>, link: LinkId) -> Result<Option<LinkEntry>, Stop<B::Error>> {
    draft.table.find(&Key::link(link)).map_err(Stop::Base)
}

fn count<B: Base>(draft: &Draft<'_, B>, space: SpaceId) -> Result<usize, B::Error> {
    let range = Key::link_records(space);
    Ok(draft.table.keys(&range, &range.end(), LINKS_MAX)?.len())
}

pub(super) fn live(organisation: &Organisation, device: DeviceId) -> Result<&DeviceRecord, Refusal> {
    let record = organisation.device(device).ok_or(Refusal::UnknownDevice)?;
    if record.revoked_at.is_some() { Err(Refusal::Revoked) } else { Ok(record) }
}

/// The space, if the device's person is a member: to anybody else it does not exist.
pub(super) fn member_space<B: Base>(
    draft: &Draft<'_, B>,
    space: SpaceId,
    device: &DeviceRecord,
) -> Result<std::sync::Arc<Space>, Stop<B::Error>> {
    let space = draft.space(space)?.filter(|space| space.role(device.user).is_some());
    Ok(space.ok_or(Refusal::UnknownSpace)?)
}
