//! File requests: what people without an account drop, until a member's client has taken it (trust.md, "Links").
//!
//! ```text
//! made ─► open ── records, one by one ─┬─► a head: the drop is whole ─► listed ─► taken: its rows go
//!           │                          └─► given up, or left alone for a day: its rows go, and its part of the bounds comes back
//!           └─ its time, an end, its maker's, its epoch's ─► ended ── a grace for what is not taken yet ─► all of it goes, forgotten
//! ```
//! Invariants: what comes is bounded by the signed request, in bytes and in drops, over all its life; of a drop's records all are full but the
//! last one, so that its bytes bound what is kept of it beside them; it counts for the space and the request's maker, and their quotas hold; a
//! record's row comes with the record, and goes with it, unless a commit has added the chunk since; a drop that nobody goes on with for a day
//! goes, and is not finished from then on, so that half of one never passes for a drop; how much one tick looks at and clears is bounded.
//! Nothing here can be read by nodes.
//!
//! A request ends with the epoch that sealed its keys: whoever was shut out by the next one knows what opens its drops.

mod upkeep;

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use vauban_protocol::id::{ChunkId, DeviceId, Digest, DropId, LinkId, SpaceId};
use vauban_protocol::limit::{
    DROP_HEAD_BYTES_MAX, DROP_RECORD_OBJECT_BYTES, DROP_RECORDS_MAX, LINK_DAYS_MAX, REQUESTS_MAX,
};
use vauban_protocol::organisation::{Organisation, QuotaOf};
use vauban_protocol::signed::Signed;
use vauban_protocol::space::{DropsTaken, FileRequest, LinkEnd, Role, Space};
use vauban_protocol::time::{DAY_SECONDS, Timestamp};
use vauban_protocol::wire::{LinkPhase, Refusal};

use self::upkeep::{clear, look_again};
use super::base::Base;
use super::draft::{Draft, Stop};
use super::link::{WhyEnded, live, may_share, member_space};
use super::row::{Row, Weight};
use super::usage;
use crate::limit::{DROP_RECORDS_CLEARED_MAX, DROP_UNFINISHED_SECONDS, LINK_LOOK_SECONDS};
use crate::metadata::command::{Applied, Record};
use crate::metadata::store::Key;

pub(super) use self::upkeep::look;

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
    /// What was taken off today because whoever dropped it gave it up.
    returned: Returned,
    /// Drops that members have taken.
    pub(in crate::metadata) taken: u32,
    /// Since when it is over, and why.
    ended: Option<(Timestamp, WhyEnded)>,
    /// When a tick looks at it next.
    look_at: Timestamp,
}

/// What came back to a request on one day, by cluster time.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::metadata) struct Returned {
    day: u64,
    bytes: u64,
    drops: u32,
}

/// What nodes keep of a drop beside its records.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::metadata) struct DropEntry {
    /// Records that came, and one more than the highest number among them.
    pub(in crate::metadata) records: u32,
    beyond: u32,
    /// The number of the one that is shorter than all others, the last one, if it came.
    short: Option<u32>,
    /// Bytes of them.
    pub(in crate::metadata) bytes: u64,
    pub(in crate::metadata) phase: DropPhase,
}

/// How far a drop is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::metadata) enum DropPhase {
    /// Records come, the last of them then.
    Coming(Timestamp),
    /// It is whole since then; its head follows.
    Whole(Timestamp, Vec<u8>),
    /// Members have it: its records go, and what is left says so to whoever asks again.
    Taken,
    /// Whoever made it has given it up: its records go, and then it does.
    Cancelled,
}

/// What nodes keep of a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::metadata) struct DropRecord {
    pub(in crate::metadata) chunk: ChunkId,
    object_bytes: u32,
    /// The index of the entry that brought it: its row is of then.
    added_at: u64,
}

impl DropEntry {
    /// Whether its records go before it was whole. It stays so: cluster time never goes back.
    pub(in crate::metadata) fn is_going(&self, now: Timestamp) -> bool {
        self.phase == DropPhase::Cancelled || self.is_late(now)
    }

    /// Whether nobody has gone on with it for so long that it goes.
    fn is_late(&self, now: Timestamp) -> bool {
        matches!(self.phase, DropPhase::Coming(last) if last.plus(DROP_UNFINISHED_SECONDS) <= now)
    }

    fn is_coming(&self, now: Timestamp) -> bool {
        matches!(self.phase, DropPhase::Coming(_)) && !self.is_late(now)
    }
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

    /// Whether a record that has not come before may come: gateways ask it before any disk is written to, and apply decides by it.
    pub(in crate::metadata) fn admit(
        &self,
        drop: Option<&DropEntry>,
        number: u32,
        object_bytes: u32,
        now: Timestamp,
    ) -> Result<(), Refusal> {
        let is_short = (object_bytes as usize) < DROP_RECORD_OBJECT_BYTES;
        if number >= DROP_RECORDS_MAX || object_bytes == 0 || object_bytes as usize > DROP_RECORD_OBJECT_BYTES {
            return Err(Refusal::Malformed);
        }
        if let Some(drop) = drop {
            let has_place = match drop.short {
                Some(short) => !is_short && number < short,
                None => !is_short || number >= drop.beyond,
            };
            if !has_place || !drop.is_coming(now) {
                return Err(Refusal::Malformed);
            }
        }
        let fits = self.has_room(object_bytes.into(), drop.is_none().into());
        if fits { Ok(()) } else { Err(Refusal::RequestFull) }
    }

    /// Whether so many bytes and drops may still come.
    pub(in crate::metadata) fn has_room(&self, bytes: u64, drops: u32) -> bool {
        self.bytes.saturating_add(bytes) <= self.bytes_max && self.drops.saturating_add(drops) <= self.drops_max
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
    if !may_share(&organisation, &space, said.device) {
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
        returned: Returned::default(),
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
    let now = draft.core.clock.time();
    let found: Option<DropEntry> = draft.table.find(&Key::request_drop(request, drop)).map_err(Stop::Base)?;
    if found.as_ref().is_some_and(|found| found.is_going(now)) {
        return Err(Refusal::Malformed.into());
    }
    let at = Key::drop_record(request, drop, number);
    if let Some(known) = draft.table.find::<DropRecord>(&at).map_err(Stop::Base)? {
        return if known.chunk == chunk { Ok(Applied::DropKept) } else { Err(Refusal::Malformed.into()) };
    }
    entry.admit(found.as_ref(), number, object_bytes, now)?;
    let (is_new, bytes) = (found.is_none(), u64::from(object_bytes));
    let mut coming =
        found.unwrap_or(DropEntry { records: 0, beyond: 0, short: None, bytes: 0, phase: DropPhase::Coming(now) });
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
    if (object_bytes as usize) < DROP_RECORD_OBJECT_BYTES {
        coming.short = Some(number);
    }
    coming.bytes = coming.bytes.saturating_add(bytes);
    coming.phase = DropPhase::Coming(now);
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
    let now = draft.core.clock.time();
    let mut coming = found.filter(|found| found.is_coming(now)).ok_or(Refusal::Malformed)?;
    if coming.records != records || coming.beyond != records || head.len() > DROP_HEAD_BYTES_MAX {
        return Err(Refusal::Malformed.into());
    }
    coming.phase = DropPhase::Whole(now, head.to_vec());
    draft.table.put(Key::request_drop(request, drop), &coming);
    Ok(Applied::DropKept)
}

/// Gives up a drop that is not whole, by the word of whoever makes it: nobody else knows its identifier. The same again is the same.
///
/// What it took of the request's bounds comes back at once, but on one day no more than the bounds themselves: copies stay on disks for a
/// while yet, and whoever begins and gives up drops all day would fill them. Beyond that a drop goes as one that nobody goes on with.
pub(super) fn cancel<B: Base>(
    draft: &mut Draft<'_, B>,
    request: LinkId,
    drop: DropId,
) -> Result<Applied, Stop<B::Error>> {
    let mut entry = find(draft, request)?.ok_or(Refusal::UnknownLink)?;
    let at = Key::request_drop(request, drop);
    let Some(found) = draft.table.find::<DropEntry>(&at).map_err(Stop::Base)? else { return Ok(Applied::DropsTaken) };
    let now = draft.core.clock.time();
    match found.phase {
        DropPhase::Coming(_) if !found.is_late(now) => {}
        DropPhase::Coming(_) | DropPhase::Cancelled => return Ok(Applied::DropsTaken),
        DropPhase::Whole(..) | DropPhase::Taken => return Err(Refusal::Malformed.into()),
    }
    let today = now.0 / DAY_SECONDS;
    let before = Some(entry.returned).filter(|returned| returned.day == today).unwrap_or_default();
    let returned =
        Returned { day: today, bytes: before.bytes.saturating_add(found.bytes), drops: before.drops.saturating_add(1) };
    if returned.bytes > entry.bytes_max || returned.drops > entry.drops_max {
        return Err(Refusal::LinkBusy.into());
    }
    entry.returned = returned;
    entry.bytes = entry.bytes.saturating_sub(found.bytes);
    entry.drops = entry.drops.saturating_sub(1);
    let mut left = DROP_RECORDS_CLEARED_MAX;
    if clear(draft, request, drop, entry.space, &mut left).map_err(Stop::Base)? {
        draft.table.delete(at);
        draft.table.put(Key::request(request), &entry);
    } else {
        // What is left of it goes as cluster time goes on.
        draft.table.put(at, &DropEntry { phase: DropPhase::Cancelled, ..found });
        look_again(draft, request, entry, now);
    }
    Ok(Applied::DropsTaken)
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
        match known.phase {
            DropPhase::Whole(..) => {
                draft.table.put(at, &DropEntry { phase: DropPhase::Taken, ..known });
                entry.taken = entry.taken.saturating_add(1);
            }
            DropPhase::Taken => {}
            // Nobody has it, so nobody takes it.
            DropPhase::Coming(_) | DropPhase::Cancelled => continue,
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
