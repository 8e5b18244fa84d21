//! File requests: what people without an account drop, until a member's client has taken it (trust.md, "Links").
//!
//! ```text
//! made ─► open ── records, one by one ─► a head: the drop is whole ─► listed ─► taken: its rows go
//!           └─ its time, an end, its maker's, its epoch's ─► ended ── a grace for what is not taken yet ─► all of it goes, forgotten
//! ```
//! Invariants: what comes is bounded by the signed request, in bytes and in drops, over all its life; it counts for the space and the
//! request's maker, and their quotas hold; a record's row comes with the record, and goes with it, unless a commit has added the chunk since;
//! a drop that nobody finishes goes after a day; how much one tick looks at and clears is bounded. Nothing here can be read by nodes.
//!
//! A request ends with the epoch that sealed its keys: whoever was shut out by the next one knows what opens its drops.

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use vauban_protocol::id::{ChunkId, DeviceId, Digest, DropId, LinkId, SpaceId};
use vauban_protocol::limit::{
    DROP_HEAD_BYTES_MAX, DROP_RECORDS_MAX, LINK_DAYS_MAX, OBJECT_BYTES_MAX, REQUEST_DROPS_MAX, REQUESTS_MAX,
};
use vauban_protocol::organisation::{Organisation, QuotaOf};
use vauban_protocol::signed::Signed;
use vauban_protocol::space::{DropsTaken, FileRequest, LinkEnd, Role, Space};
use vauban_protocol::time::{DAY_SECONDS, Timestamp};
use vauban_protocol::wire::{LinkPhase, Refusal};

use super::base::Base;
use super::draft::{Draft, Stop};
use super::link::{WhyEnded, live, may_share, member_space};
use super::row::{Row, Weight};
use super::usage;
use crate::limit::{
    DROP_RECORDS_CLEARED_MAX, DROP_UNFINISHED_SECONDS, LINK_LOOK_SECONDS, REQUEST_GRACE_SECONDS, REQUESTS_LOOKED_MAX,
};
use crate::metadata::command::{Applied, Record};
use crate::metadata::store::Key;

/// What nodes keep of a file request beside its signed bytes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::metadata) struct RequestEntry {
    pub(in crate::metadata) space: SpaceId,
    /// Whose word it is.
    pub(in crate::metadata) device: DeviceId,
    /// The epoch whose keys open its drops.
    epoch: u32,
    pub(in crate::metadata) expires_at: Timestamp,
    /// Hash of the access token.
    pub(in crate::metadata) token: Digest,
    /// Digest of the signed request.
    digest: Digest,
    pub(in crate::metadata) bytes_max: u64,
    pub(in crate::metadata) drops_max: u32,
    /// Bytes and drops that came; what was never finished is taken off again.
    pub(in crate::metadata) bytes: u64,
    pub(in crate::metadata) drops: u32,
    /// Drops that members have taken.
    pub(in crate::metadata) taken: u32,
    /// Since when it is over, and why.
    ended: Option<(Timestamp, WhyEnded)>,
    /// When a tick looks at it next.
    look_at: Timestamp,
}

/// What nodes keep of a drop beside its records.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::metadata) struct DropEntry {
    /// Records that came, and one more than the highest number among them.
    pub(in crate::metadata) records: u32,
    beyond: u32,
    /// Bytes of them.
    pub(in crate::metadata) bytes: u64,
    pub(in crate::metadata) phase: DropPhase,
}

/// How far a drop is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::metadata) enum DropPhase {
    /// Records come, since then.
    Coming(Timestamp),
    /// It is whole since then; its head follows.
    Whole(Timestamp, Vec<u8>),
    /// Members have it: its records go, and what is left says so to whoever asks again.
    Taken,
}

/// What nodes keep of a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::metadata) struct DropRecord {
    pub(in crate::metadata) chunk: ChunkId,
    object_bytes: u32,
    /// The index of the entry that brought it: its row is of then.
    added_at: u64,
}

impl RequestEntry {
    /// Whether anything is taken in now.
    pub(in crate::metadata) fn phase(&self, organisation: &Organisation, space: &Space, now: Timestamp) -> LinkPhase {
        match self.ended {
            Some((_, WhyEnded::Expired)) => LinkPhase::Expired,
            Some((_, WhyEnded::Ended)) => LinkPhase::Ended,
            None if self.expires_at <= now => LinkPhase::Expired,
            None if !self.may_last(organisation, space) => LinkPhase::Ended,
            None => LinkPhase::Open,
        }
    }

    fn may_last(&self, organisation: &Organisation, space: &Space) -> bool {
        space.epoch() == self.epoch && may_share(organisation, space, self.device)
    }
}

/// Makes a file request. The same again is the same: its answer had been lost.
pub(super) fn create<B: Base>(draft: &mut Draft<'_, B>, bytes: &Bytes) -> Result<Applied, Stop<B::Error>> {
    let organisation = draft.organisation()?;
    let signed: Signed<FileRequest> = Signed::parse(bytes.clone()).map_err(|_| Refusal::Malformed)?;
    let said = signed.payload();
    let device = live(&organisation, said.device)?;
    let space = member_space(draft, said.space, device)?;
    if space.role(device.user) < Some(Role::Writer) {
        return Err(Refusal::Forbidden.into());
    }
    signed.verify(&device.keys.ed25519).map_err(|_| Refusal::Proof)?;
    match find(draft, said.id)? {
        Some(entry) if entry.digest == signed.digest() => return Ok(Applied::LinkCreated),
        Some(_) => return Err(Refusal::UnknownLink.into()),
        None => {}
    }
    // One identifier names one thing.
    if draft.table.bytes(&Key::link(said.id)).map_err(Stop::Base)?.is_some() {
        return Err(Refusal::UnknownLink.into());
    }
    let now = draft.core.clock.time();
    if said.expires_at <= now {
        return Err(Refusal::LinkExpired.into());
    }
    if said.expires_at > now.plus(LINK_DAYS_MAX.saturating_mul(DAY_SECONDS)) {
        return Err(Refusal::Malformed.into());
    }
    if said.epoch != space.epoch() {
        return Err(Refusal::Commit.into());
    }
    let range = Key::request_records(said.space);
    if draft.table.keys(&range, &range.end(), REQUESTS_MAX).map_err(Stop::Base)?.len() >= REQUESTS_MAX {
        return Err(Refusal::Limit.into());
    }
    let entry = RequestEntry {
        space: said.space,
        device: said.device,
        epoch: said.epoch,
        expires_at: said.expires_at,
        token: said.token,
        digest: signed.digest(),
        bytes_max: said.bytes_max,
        drops_max: said.drops_max,
        bytes: 0,
        drops: 0,
        taken: 0,
        ended: None,
        look_at: said.expires_at.min(now.plus(LINK_LOOK_SECONDS)),
    };
    draft.table.put_bytes(Key::request_record(said.space, said.id), bytes.clone());
    draft.table.put(Key::request_look(entry.look_at, said.id), &());
    draft.table.put(Key::request(said.id), &entry);
    Ok(Applied::LinkCreated)
}

/// Takes in one record of a drop. The same again is the same.
pub(super) fn add<B: Base>(draft: &mut Draft<'_, B>, index: u64, record: &Record) -> Result<Applied, Stop<B::Error>> {
    let organisation = draft.organisation()?;
    let Record { request, drop, number, chunk, object_bytes, stored_at } = *record;
    let mut entry = open(draft, request)?;
    if number >= DROP_RECORDS_MAX || object_bytes == 0 || object_bytes as usize > OBJECT_BYTES_MAX {
        return Err(Refusal::Malformed.into());
    }
    let at = Key::drop_record(request, drop, number);
    if let Some(known) = draft.table.find::<DropRecord>(&at).map_err(Stop::Base)? {
        return if known.chunk == chunk { Ok(Applied::DropKept) } else { Err(Refusal::Malformed.into()) };
    }
    let now = draft.core.clock.time();
    let found: Option<DropEntry> = draft.table.find(&Key::request_drop(request, drop)).map_err(Stop::Base)?;
    let is_new = found.is_none();
    let mut coming = found.unwrap_or(DropEntry { records: 0, beyond: 0, bytes: 0, phase: DropPhase::Coming(now) });
    if !matches!(coming.phase, DropPhase::Coming(_)) {
        return Err(Refusal::Malformed.into());
    }
    let bytes = u64::from(object_bytes);
    if (is_new && entry.drops >= entry.drops_max) || entry.bytes.saturating_add(bytes) > entry.bytes_max {
        return Err(Refusal::RequestFull.into());
    }
    let floor = draft.core.clock.floor();
    if stored_at < floor {
        return Err(Refusal::ReceiptsTooOld { floor }.into());
    }
    if stored_at >= index {
        return Err(Refusal::Commit.into());
    }
    // A chunk that a commit or another record has added is not this drop's to take away.
    if draft.table.row(entry.space, chunk).map_err(Stop::Base)?.is_some() {
        return Err(Refusal::Malformed.into());
    }
    let maker = organisation.device(entry.device).ok_or(Refusal::UnknownDevice)?;
    for of in [QuotaOf::Space(entry.space), QuotaOf::User(maker.user)] {
        usage::admit_of(draft, &organisation, of, bytes)?;
    }
    let weight = Some(Weight { object_bytes, enrolled_at: maker.since });
    draft.table.put_row(entry.space, chunk, Row { added_at: index, released_by: None, weight });
    usage::add(draft, entry.space, maker.user, bytes).map_err(Stop::Base)?;
    draft.table.put(at, &DropRecord { chunk, object_bytes, added_at: index });
    coming.records = coming.records.saturating_add(1);
    coming.beyond = coming.beyond.max(number.saturating_add(1));
    coming.bytes = coming.bytes.saturating_add(bytes);
    entry.bytes = entry.bytes.saturating_add(bytes);
    entry.drops = entry.drops.saturating_add(u32::from(is_new));
    draft.table.put(Key::request_drop(request, drop), &coming);
    draft.table.put(Key::request(request), &entry);
    Ok(Applied::DropKept)
}

/// Ends a drop whose records all came. The same again is the same, even if members have it already.
pub(super) fn finish<B: Base>(
    draft: &mut Draft<'_, B>,
    (request, drop): (LinkId, DropId),
    records: u32,
    head: &[u8],
) -> Result<Applied, Stop<B::Error>> {
    let found: Option<DropEntry> = draft.table.find(&Key::request_drop(request, drop)).map_err(Stop::Base)?;
    if let Some(DropEntry { phase: DropPhase::Taken | DropPhase::Whole(..), records: whole, .. }) = &found {
        return if *whole == records { Ok(Applied::DropKept) } else { Err(Refusal::Malformed.into()) };
    }
    open(draft, request)?;
    let mut coming = found.ok_or(Refusal::Malformed)?;
    if coming.records != records || coming.beyond != records || head.len() > DROP_HEAD_BYTES_MAX {
        return Err(Refusal::Malformed.into());
    }
    coming.phase = DropPhase::Whole(draft.core.clock.time(), head.to_vec());
    draft.table.put(Key::request_drop(request, drop), &coming);
    Ok(Applied::DropKept)
}

/// Lets go of drops by the word of a device whose person writes to the space.
pub(super) fn take<B: Base>(draft: &mut Draft<'_, B>, bytes: &Bytes) -> Result<Applied, Stop<B::Error>> {
    let organisation = draft.organisation()?;
    let signed: Signed<DropsTaken> = Signed::parse(bytes.clone()).map_err(|_| Refusal::Malformed)?;
    let said = signed.payload();
    let device = live(&organisation, said.device)?;
    let space = member_space(draft, said.space, device)?;
    if space.role(device.user) < Some(Role::Writer) {
        return Err(Refusal::Forbidden.into());
    }
    signed.verify(&device.keys.ed25519).map_err(|_| Refusal::Proof)?;
    let found = find(draft, said.request)?.filter(|entry| entry.space == said.space);
    let mut entry = found.ok_or(Refusal::UnknownLink)?;
    let mut left = DROP_RECORDS_CLEARED_MAX;
    for drop in &said.drops {
        let at = Key::request_drop(said.request, *drop);
        let Some(known) = draft.table.find::<DropEntry>(&at).map_err(Stop::Base)? else { continue };
        if matches!(known.phase, DropPhase::Whole(..)) {
            draft.table.put(at, &DropEntry { phase: DropPhase::Taken, ..known });
            entry.taken = entry.taken.saturating_add(1);
        }
        clear(draft, said.request, *drop, entry.space, &mut left).map_err(Stop::Base)?;
    }
    // What is left of them goes as cluster time goes on.
    let at = if left == 0 { draft.core.clock.time() } else { entry.look_at };
    look_again(draft, said.request, entry, at);
    Ok(Applied::DropsTaken)
}

/// Ends a request by the word of a device of its maker's, or of a manager's; `None` if there is no such request.
pub(super) fn end<B: Base>(draft: &mut Draft<'_, B>, said: &LinkEnd) -> Result<Option<Applied>, Stop<B::Error>> {
    let organisation = draft.organisation()?;
    let Some(entry) = find(draft, said.link)?.filter(|entry| entry.space == said.space) else { return Ok(None) };
    let device = live(&organisation, said.device)?;
    let space = member_space(draft, said.space, device)?;
    let is_own = organisation.device(entry.device).is_some_and(|maker| maker.user == device.user);
    if !is_own && space.role(device.user) < Some(Role::Manager) {
        return Err(Refusal::Forbidden.into());
    }
    if entry.ended.is_none() {
        let now = draft.core.clock.time();
        let entry = RequestEntry { ended: Some((now, WhyEnded::Ended)), ..entry };
        look_again(draft, said.link, entry, now);
    }
    Ok(Some(Applied::LinkEnded))
}

/// Looks at the requests whose time has come: ends them, clears what nobody finished or members have, and forgets them.
pub(super) fn look<B: Base>(draft: &mut Draft<'_, B>) -> Result<(), B::Error> {
    let now = draft.core.clock.time();
    let end = Key::request_looks_after(now);
    let due: Vec<(Key, ())> = draft.table.range(&Key::request_looks(), &end, REQUESTS_LOOKED_MAX)?;
    for (key, ()) in due {
        let Some(request) = key.link_looked_at() else { continue };
        match draft.table.find::<RequestEntry>(&Key::request(request))? {
            Some(entry) if Key::request_look(entry.look_at, request) == key => look_at(draft, request, entry, now)?,
            _ => draft.table.delete(key),
        }
    }
    Ok(())
}

fn look_at<B: Base>(
    draft: &mut Draft<'_, B>,
    request: LinkId,
    mut entry: RequestEntry,
    now: Timestamp,
) -> Result<(), B::Error> {
    if entry.ended.is_none() {
        let Some(organisation) = draft.core.organisation.clone() else { return Ok(()) };
        let may = draft.space_now(entry.space)?.is_some_and(|space| entry.may_last(&organisation, &space));
        entry.ended = match () {
            () if entry.expires_at <= now => Some((now, WhyEnded::Expired)),
            () if !may => Some((now, WhyEnded::Ended)),
            () => None,
        };
    }
    let forgotten_at = entry.ended.map(|(since, _)| since.plus(REQUEST_GRACE_SECONDS));
    let is_over = forgotten_at.is_some_and(|at| at <= now);
    let mut left = DROP_RECORDS_CLEARED_MAX;
    let range = Key::request_drops(request);
    let drops: Vec<(Key, DropEntry)> = draft.table.range(&range, &range.end(), REQUEST_DROPS_MAX as usize)?;
    for (key, found) in drops {
        let Some(drop) = key.drop_named() else { continue };
        let is_late = |since: Timestamp| since.plus(DROP_UNFINISHED_SECONDS) <= now;
        let is_unfinished = matches!(found.phase, DropPhase::Coming(since) if is_late(since));
        if !(is_over || is_unfinished || found.phase == DropPhase::Taken) {
            continue;
        }
        if !clear(draft, request, drop, entry.space, &mut left)? {
            break;
        }
        if is_over || is_unfinished {
            draft.table.delete(key);
        }
        if is_unfinished {
            entry.bytes = entry.bytes.saturating_sub(found.bytes);
            entry.drops = entry.drops.saturating_sub(1);
        }
    }
    if left == 0 {
        look_again(draft, request, entry, now);
    } else if is_over {
        draft.table.delete(Key::request_look(entry.look_at, request));
        draft.table.delete(Key::request_record(entry.space, request));
        draft.table.delete(Key::request(request));
    } else {
        let daily = now.plus(LINK_LOOK_SECONDS);
        let next = forgotten_at.unwrap_or(entry.expires_at).min(daily);
        look_again(draft, request, entry, next);
    }
    Ok(())
}

/// Lets go of a drop's records, as many as are `left` to; whether none remains.
fn clear<B: Base>(
    draft: &mut Draft<'_, B>,
    request: LinkId,
    drop: DropId,
    space: SpaceId,
    left: &mut usize,
) -> Result<bool, B::Error> {
    let range = Key::drop_records(request, drop);
    let records: Vec<(Key, DropRecord)> = draft.table.range(&range, &range.end(), *left)?;
    *left = left.saturating_sub(records.len());
    let mut weights = Vec::new();
    for (key, record) in records {
        // One that a commit has added meanwhile is that commit's.
        if let Some(row) = draft.table.row(space, record.chunk)?.filter(|row| row.added_at == record.added_at) {
            draft.table.delete(Key::row(space, record.chunk));
            weights.extend(row.weight);
        }
        draft.table.delete(key);
    }
    usage::subtract(draft, space, &weights)?;
    Ok(*left > 0)
}

fn look_again<B: Base>(draft: &mut Draft<'_, B>, request: LinkId, entry: RequestEntry, at: Timestamp) {
    draft.table.delete(Key::request_look(entry.look_at, request));
    draft.table.put(Key::request_look(at, request), &());
    draft.table.put(Key::request(request), &RequestEntry { look_at: at, ..entry });
}

/// A request that takes in.
fn open<B: Base>(draft: &Draft<'_, B>, request: LinkId) -> Result<RequestEntry, Stop<B::Error>> {
    let organisation = draft.organisation()?;
    let entry = find(draft, request)?.ok_or(Refusal::UnknownLink)?;
    let space = draft.space(entry.space)?.ok_or(Refusal::UnknownLink)?;
    match entry.phase(&organisation, &space, draft.core.clock.time()) {
        LinkPhase::Open | LinkPhase::Unfinished => Ok(entry),
        LinkPhase::Expired => Err(Refusal::LinkExpired.into()),
        LinkPhase::Ended => Err(Refusal::LinkEnded.into()),
    }
}

fn find<B: Base>(draft: &Draft<'_, B>, request: LinkId) -> Result<Option<RequestEntry>, Stop<B::Error>> {
    draft.table.find(&Key::request(request)).map_err(Stop::Base)
}
