//! What becomes of file requests and drops as cluster time goes on.

use vauban_protocol::id::{DropId, LinkId, SpaceId};
use vauban_protocol::limit::REQUEST_DROPS_MAX;
use vauban_protocol::time::Timestamp;

use super::{DropEntry, DropPhase, DropRecord, RequestEntry};
use crate::limit::{DROP_RECORDS_CLEARED_MAX, LINK_LOOK_SECONDS, REQUEST_GRACE_SECONDS, REQUESTS_LOOKED_MAX};
use crate::metadata::state::base::Base;
use crate::metadata::state::draft::Draft;
use crate::metadata::state::link::WhyEnded;
use crate::metadata::state::usage;
use crate::metadata::store::Key;

/// Looks at the requests whose time has come: ends them, clears what nobody finished or members have, and forgets them.
pub(in crate::metadata::state) fn look<B: Base>(draft: &mut Draft<'_, B>) -> Result<(), B::Error> {
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
        let is_going = found.is_going(now);
        if !(is_over || is_going || found.phase == DropPhase::Taken) {
            continue;
        }
        if !clear(draft, request, drop, entry.space, &mut left)? {
            break;
        }
        if is_over || is_going {
            draft.table.delete(key);
        }
        if found.is_late(now) {
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
pub(super) fn clear<B: Base>(
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

pub(super) fn look_again<B: Base>(draft: &mut Draft<'_, B>, request: LinkId, entry: RequestEntry, at: Timestamp) {
    draft.table.delete(Key::request_look(entry.look_at, request));
    draft.table.put(Key::request_look(at, request), &());
    draft.table.put(Key::request(request), &RequestEntry { look_at: at, ..entry });
}
