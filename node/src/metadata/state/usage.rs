//! How much is stored, for whom, and whether a commit may add more.
//!
//! Each chunk that has a row counts once: in its space, and for the person whose device added it first. Its bytes are the gateway's word,
//! which has them from a copy: what was signed says ids alone. Counters change in the same entry as the rows that they count.

use std::collections::BTreeMap;

use vauban_protocol::id::{SpaceId, UserId};
use vauban_protocol::limit::OBJECT_BYTES_MAX;
use vauban_protocol::organisation::{DeviceRecord, Organisation, QuotaOf};
use vauban_protocol::space::Commit;
use vauban_protocol::wire::Refusal;

use super::base::Base;
use super::draft::{Draft, Stop};
use super::row::{Row, Weight};
use crate::metadata::store::Key;

/// The rows that a commit of `device` in the entry at `index` writes, in the order of its adds, and the bytes among them that were
/// not counted before. `sizes` are those of its objects, as far as they are known; what is not is not counted.
pub(super) fn rows<B: Base>(
    draft: &Draft<'_, B>,
    commit: &Commit,
    sizes: Option<&[Option<u32>]>,
    device: &DeviceRecord,
    index: u64,
) -> Result<(Vec<Row>, u64), Stop<B::Error>> {
    if sizes.is_some_and(|sizes| {
        sizes.len() != commit.adds.len() || sizes.iter().flatten().any(|bytes| *bytes as usize > OBJECT_BYTES_MAX)
    }) {
        return Err(Refusal::Malformed.into());
    }
    let (mut rows, mut fresh) = (Vec::with_capacity(commit.adds.len()), 0u64);
    for (place, chunk) in commit.adds.iter().enumerate() {
        let before = draft.table.row(commit.space, *chunk).map_err(Stop::Base)?.and_then(|row| row.weight);
        let weight = before.or_else(|| {
            let object_bytes = (*sizes?.get(place)?)?;
            fresh = fresh.saturating_add(object_bytes.into());
            Some(Weight { object_bytes, enrolled_at: device.since })
        });
        // A chunk that has a row already is simply added again, which is what its author says.
        rows.push(Row { added_at: index, released_by: None, weight });
    }
    Ok((rows, fresh))
}

/// Whether so many bytes more may be stored. Whoever was removed must be locked out at once: an epoch's bundle is counted, never refused.
pub(super) fn admit<B: Base>(
    draft: &Draft<'_, B>,
    organisation: &Organisation,
    commit: &Commit,
    user: UserId,
    fresh: u64,
) -> Result<(), Stop<B::Error>> {
    if fresh == 0 || commit.control.as_ref().is_some_and(|control| control.epoch().is_some()) {
        return Ok(());
    }
    for of in [QuotaOf::Space(commit.space), QuotaOf::User(user)] {
        admit_of(draft, organisation, of, fresh)?;
    }
    Ok(())
}

/// Whether so many bytes more may be stored for one space or person.
pub(super) fn admit_of<B: Base>(
    draft: &Draft<'_, B>,
    organisation: &Organisation,
    of: QuotaOf,
    fresh: u64,
) -> Result<(), Stop<B::Error>> {
    let Some(bytes_max) = organisation.quota(of) else { return Ok(()) };
    let used_bytes = used(draft, of).map_err(Stop::Base)?;
    if used_bytes.saturating_add(fresh) > bytes_max {
        return Err(Refusal::Quota { of, used_bytes, bytes_max }.into());
    }
    Ok(())
}

/// Counts what a commit has added.
pub(super) fn add<B: Base>(draft: &mut Draft<'_, B>, space: SpaceId, user: UserId, fresh: u64) -> Result<(), B::Error> {
    if fresh == 0 {
        return Ok(());
    }
    for of in [QuotaOf::Space(space), QuotaOf::User(user)] {
        let bytes = used(draft, of)?.saturating_add(fresh);
        draft.table.put(Key::usage(of), &bytes);
    }
    Ok(())
}

/// Counts no more what these rows of a space counted for: they are gone.
pub(super) fn subtract<B: Base>(draft: &mut Draft<'_, B>, space: SpaceId, gone: &[Weight]) -> Result<(), B::Error> {
    if gone.is_empty() {
        return Ok(());
    }
    let Some(organisation) = draft.core.organisation.clone() else { return Ok(()) };
    let users: BTreeMap<u64, UserId> = organisation.devices().map(|(_, device)| (device.since, device.user)).collect();
    let mut less: BTreeMap<QuotaOf, u64> = BTreeMap::new();
    for weight in gone {
        let whose = users.get(&weight.enrolled_at).map(|user| QuotaOf::User(*user));
        for of in std::iter::once(QuotaOf::Space(space)).chain(whose) {
            let bytes = less.entry(of).or_default();
            *bytes = bytes.saturating_add(weight.object_bytes.into());
        }
    }
    for (of, bytes) in less {
        match used(draft, of)?.saturating_sub(bytes) {
            0 => draft.table.delete(Key::usage(of)),
            left => draft.table.put(Key::usage(of), &left),
        }
    }
    Ok(())
}

fn used<B: Base>(draft: &Draft<'_, B>, of: QuotaOf) -> Result<u64, B::Error> {
    Ok(draft.table.find(&Key::usage(of))?.unwrap_or_default())
}
