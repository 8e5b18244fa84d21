//! Releasing chunks, keeping them after all, and purging what nobody kept (architecture, "Release").
//!
//! ```text
//! Release ─► unseen ── Seen by another device ─► due at (cluster time + retention) ── tick ─► rows that it still releases go
//!              Keep, or adding again: the row is no longer released by it
//! ```
//! What a link holds is not purged before it lets go ([`super::link`]): its release is looked at again from day to day.
//!
//! Invariants: a device alone ends no row: another one of the space must have seen its release, and then the whole retention
//! passes, by cluster time. A longer retention holds at once, for everything that is not purged; a shorter one only after the
//! longer one has passed. What is purged per tick is bounded.

use serde::{Deserialize, Serialize};
use vauban_protocol::chain::Head;
use vauban_protocol::id::{ChunkId, DeviceId, SpaceId};
use vauban_protocol::limit::RETENTION_DAYS;
use vauban_protocol::signed::Signed;
use vauban_protocol::space::{Commit, Control, Retention};
use vauban_protocol::time::{DAY_SECONDS, Timestamp};

use super::base::Base;
use super::draft::Draft;
use super::link;
use super::row::Row;
use super::usage;
use crate::limit::{LINK_LOOK_SECONDS, PURGE_RELEASES_MAX, RELEASES_SEEN_MAX};
use crate::metadata::store::Key;

/// Seconds after which an archive's releases are looked at again, and for which an archive stays one after its owner ended it.
const ARCHIVE_SECONDS: u64 = RETENTION_DAYS as u64 * DAY_SECONDS;

/// A commit that released chunks, until they are purged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::metadata) struct Release {
    /// Who released.
    pub(in crate::metadata) device: DeviceId,
    /// How many rows it released; some may have been taken back since.
    pub(in crate::metadata) rows: u64,
    /// When another device was first known to have seen it, by cluster time.
    pub(in crate::metadata) seen_at: Option<Timestamp>,
}

/// A retention that was made shorter: until then, the longer one holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct Lessened {
    before: Retention,
    until: Timestamp,
}

/// How much is released and was purged, for operators.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tally {
    /// Rows that releases under way have released, those taken back since included.
    pub released: u64,
    /// Rows purged since the space began.
    pub purged: u64,
}

/// The chunks of `keep` that have no row: they were purged, and a commit that keeps them is refused.
pub(super) fn lacks_row<B: Base>(draft: &Draft<'_, B>, space: SpaceId, keep: &[ChunkId]) -> Result<bool, B::Error> {
    for chunk in keep {
        if draft.table.row(space, *chunk)?.is_none() {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Carries out the control of a commit that stands at `head` now, in a space whose retention was `before`.
pub(super) fn control<B: Base>(
    draft: &mut Draft<'_, B>,
    commit: &Commit,
    head: Head,
    before: Retention,
) -> Result<(), B::Error> {
    let space = commit.space;
    match &commit.control {
        Some(Control::Release(ids)) => release(draft, (space, head.seq), commit.device, ids),
        Some(Control::Keep(ids)) => {
            for chunk in ids {
                if let Some(row) = draft.table.row(space, *chunk)? {
                    draft.table.put_row(space, *chunk, Row { released_by: None, ..row });
                }
            }
            Ok(())
        }
        Some(Control::Retention(after)) => retain(draft, space, before, *after),
        Some(Control::Epoch(_) | Control::Checkpoint | Control::Members(_)) | None => Ok(()),
    }
}

fn release<B: Base>(
    draft: &mut Draft<'_, B>,
    (space, seq): (SpaceId, u64),
    device: DeviceId,
    ids: &[ChunkId],
) -> Result<(), B::Error> {
    let mut rows = 0u64;
    for chunk in ids {
        // What was released before stays so: releasing again postpones nothing.
        if let Some(row) = draft.table.row(space, *chunk)?.filter(|row| row.released_by.is_none()) {
            draft.table.put_row(space, *chunk, Row { released_by: Some(seq), ..row });
            rows = rows.saturating_add(1);
        }
    }
    if rows > 0 {
        draft.core.tally.released = draft.core.tally.released.saturating_add(rows);
        draft.table.put(Key::unseen(space, seq), &Release { device, rows, seen_at: None });
    }
    Ok(())
}

fn retain<B: Base>(
    draft: &mut Draft<'_, B>,
    space: SpaceId,
    before: Retention,
    after: Retention,
) -> Result<(), B::Error> {
    let held = in_force(draft, space, before)?;
    if after >= held {
        draft.table.delete(Key::lessened(space));
        return Ok(());
    }
    let until = draft.core.clock.time().plus(held.seconds().unwrap_or(ARCHIVE_SECONDS));
    draft.table.put(Key::lessened(space), &Lessened { before: held, until });
    Ok(())
}

/// The retention that holds now in a space that says `said`.
fn in_force<B: Base>(draft: &Draft<'_, B>, space: SpaceId, said: Retention) -> Result<Retention, B::Error> {
    let lessened: Option<Lessened> = draft.table.find(&Key::lessened(space))?;
    let still = lessened.filter(|lessened| draft.core.clock.time() < lessened.until);
    Ok(still.map_or(said, |lessened| said.max(lessened.before)))
}

/// A device of the space has seen it up to `head`: the retention of what others have released until there begins.
pub(super) fn seen<B: Base>(
    draft: &mut Draft<'_, B>,
    space: SpaceId,
    device: DeviceId,
    head: Head,
    said: Retention,
) -> Result<(), B::Error> {
    let (from, end) = (Key::unseen_of(space), Key::unseen(space, head.seq.saturating_add(1)));
    let waiting: Vec<(Key, Release)> = draft.table.range(&from, &end, RELEASES_SEEN_MAX)?;
    let now = draft.core.clock.time();
    let retention = in_force(draft, space, said)?;
    for (key, release) in waiting {
        if let Some(seq) = key.unseen_seq().filter(|_| release.device != device) {
            draft.table.delete(key);
            let due = now.plus(retention.seconds().unwrap_or(ARCHIVE_SECONDS));
            draft.table.put(Key::due(due, space, seq), &Release { seen_at: Some(now), ..release });
        }
    }
    Ok(())
}

/// Purges what is due: the rows that are still released by a commit whose retention has passed.
pub(super) fn purge<B: Base>(draft: &mut Draft<'_, B>) -> Result<(), B::Error> {
    let now = draft.core.clock.time();
    let due: Vec<(Key, Release)> = draft.table.range(&Key::all_due(), &Key::due_after(now), PURGE_RELEASES_MAX)?;
    for (key, release) in due {
        let (Some((_, space, seq)), Some(seen_at)) = (key.due_parts(), release.seen_at) else { continue };
        draft.table.delete(key);
        // The space may have been given a longer retention since, or be an archive.
        let said = draft.space_now(space)?.map_or(Retention::Archive, |space| space.retention());
        let retention = in_force(draft, space, said)?;
        match retention.seconds().map(|seconds| seen_at.plus(seconds)) {
            Some(due) if due <= now => {
                let held = end(draft, space, seq, release.rows)?;
                if held > 0 {
                    let again = now.plus(LINK_LOOK_SECONDS);
                    draft.table.put(Key::due(again, space, seq), &Release { rows: held, ..release });
                }
            }
            later => {
                let due = later.unwrap_or_else(|| now.plus(ARCHIVE_SECONDS));
                draft.table.put(Key::due(due, space, seq), &release);
            }
        }
    }
    Ok(())
}

/// The end of a release: what it names goes, unless it was kept, added again, or released by another. Returns how many rows stay
/// because a link holds them.
fn end<B: Base>(draft: &mut Draft<'_, B>, space: SpaceId, seq: u64, rows: u64) -> Result<u64, B::Error> {
    draft.core.tally.released = draft.core.tally.released.saturating_sub(rows);
    let Some(bytes) = draft.table.bytes(&Key::commit(space, seq))? else { return Ok(0) };
    // It was parsed when it was applied.
    let Ok(commit) = Signed::<Commit>::parse(bytes) else { return Ok(0) };
    let mut held = 0u64;
    let ids = commit.payload().control.as_ref().map_or(&[][..], Control::ids);
    let mut weights = Vec::new();
    for chunk in ids {
        if let Some(row) = draft.table.row(space, *chunk)?.filter(|row| row.released_by == Some(seq)) {
            if link::is_held(draft, space, *chunk)? {
                held = held.saturating_add(1);
                continue;
            }
            draft.table.delete(Key::row(space, *chunk));
            draft.core.tally.purged = draft.core.tally.purged.saturating_add(1);
            weights.extend(row.weight);
        }
    }
    draft.core.tally.released = draft.core.tally.released.saturating_add(held);
    usage::subtract(draft, space, &weights)?;
    Ok(held)
}
