//! Appending a commit to a space: the compare-and-swap that orders everything (`formats#13`, `#14`).

use std::sync::Arc;

use bytes::Bytes;
use vauban_protocol::limit::ADMITTED_SPACES_MAX;
use vauban_protocol::organisation::Organisation;
use vauban_protocol::signed::Signed;
use vauban_protocol::space::{Commit, CommitError, CommitPlace, Control, KeysChange, MembersChange, Space};
use vauban_protocol::wire::Refusal;

use super::base::Base;
use super::draft::{Change, Draft, Stop};
use super::release;
use super::row::Row;
use super::usage;
use crate::metadata::command::Applied;
use crate::metadata::store::Key;

/// Appends a commit, or says why not. Whoever is no member learns nothing but that there is no such space.
/// `sizes` are the bytes of the objects that it adds, in order, as far as they are known.
pub(super) fn commit<B: Base>(
    draft: &mut Draft<'_, B>,
    index: u64,
    bytes: &Bytes,
    sizes: Option<&[Option<u32>]>,
) -> Result<Applied, Stop<B::Error>> {
    let organisation = draft.organisation()?;
    let commit: Signed<Commit> = Signed::parse(bytes.clone()).map_err(|_| Refusal::Malformed)?;
    let space = member_space(draft, &organisation, commit.payload())?;
    match space.judge(&commit, &organisation) {
        Ok(CommitPlace::Already(head)) => return Ok(Applied::Committed { head }),
        Ok(CommitPlace::Next) => {}
        Err(error) => return Err(refuse(error, &space, &organisation).into()),
    }
    Space::verify(&commit, &organisation).map_err(|error| refuse(error, &space, &organisation))?;
    admit(&organisation, commit.payload(), draft.core.clock.floor(), index)?;
    if let Some(Control::Keep(ids)) = &commit.payload().control
        && release::lacks_row(draft, space.id(), ids).map_err(Stop::Base)?
    {
        return Err(Refusal::NotKept.into());
    }
    let payload = commit.payload();
    if let Some(Control::Members(change)) = &payload.control {
        for user in change.comers(|user| space.role(user).is_some()) {
            if draft.memberships(user, ADMITTED_SPACES_MAX)? >= ADMITTED_SPACES_MAX {
                return Err(Refusal::Limit.into());
            }
        }
    }
    let device = organisation.device(payload.device).ok_or(Refusal::UnknownDevice)?;
    let (rows, fresh) = usage::rows(draft, payload, sizes, device, index)?;
    // By a space's first epoch its founder shuts out nobody else.
    if sizes.is_some()
        && space.epoch() > 0
        && payload.control.as_ref().is_some_and(gives_keys)
        && rows.iter().any(|row| row.weight.is_none())
    {
        return Err(Refusal::NoCopy.into());
    }
    usage::admit(draft, &organisation, payload, device.user, fresh)?;
    append(draft, space, &commit, &rows)
        .and_then(|applied| {
            usage::add(draft, payload.space, device.user, fresh)?;
            Ok(applied)
        })
        .map_err(Stop::Base)
}

/// The commit's space, if its author is a member.
fn member_space<B: Base>(
    draft: &Draft<'_, B>,
    organisation: &Organisation,
    commit: &Commit,
) -> Result<Arc<Space>, Stop<B::Error>> {
    let device = organisation.device(commit.device).ok_or(Refusal::UnknownDevice)?;
    let space = draft.space(commit.space)?.filter(|space| space.role(device.user).is_some());
    Ok(space.ok_or(Refusal::UnknownSpace)?)
}

/// Whether a commit gives keys, by the one chunk that it adds. If nobody had that, members could read nothing that follows: so it is weighed, or
/// it is no commit yet.
fn gives_keys(control: &Control) -> bool {
    let is_shared = matches!(control, Control::Members(MembersChange { keys: KeysChange::Shared(_), .. }));
    is_shared || control.epoch().is_some()
}

/// What this cluster asks of a commit beyond its place in the chain: it can keep one out, and never judges it later.
fn admit(organisation: &Organisation, commit: &Commit, floor: u64, index: u64) -> Result<(), Refusal> {
    if organisation.live_device(commit.device).is_none() {
        return Err(Refusal::Revoked);
    }
    if commit.adds.is_empty() {
        return Ok(());
    }
    if commit.stored_at < floor {
        return Err(Refusal::ReceiptsTooOld { floor });
    }
    // No node can have written a receipt for an index that this very entry has not reached: its author made it up, and
    // the floor would never catch it.
    if commit.stored_at >= index {
        return Err(Refusal::Commit);
    }
    Ok(())
}

fn append<B: Base>(
    draft: &mut Draft<'_, B>,
    space: Arc<Space>,
    commit: &Signed<Commit>,
    rows: &[Row],
) -> Result<Applied, B::Error> {
    let (id, retention) = (space.id(), space.retention());
    if let Some(Control::Members(change)) = &commit.payload().control {
        change
            .comers(|user| space.role(user).is_some())
            .for_each(|user| draft.record(Change::Member { user, space: id }));
        change.goers().for_each(|user| draft.record(Change::NoMember { user, space: id }));
    }
    let head = draft.space_mut(space).append(commit);
    draft.table.put_bytes(Key::commit(id, head.seq), commit.bytes().clone());
    draft.table.put(Key::head(id, head.seq), &head.digest);
    match &commit.payload().control {
        Some(Control::Checkpoint) => draft.table.put_bytes(Key::checkpoint(id, head.seq), Bytes::new()),
        Some(control) if control.turns_space() => draft.table.put_bytes(Key::turn(id, head.seq), Bytes::new()),
        _ => {}
    }
    for (chunk, row) in commit.payload().adds.iter().zip(rows) {
        draft.table.put_row(id, *chunk, *row);
    }
    release::control(draft, commit.payload(), head, retention)?;
    Ok(Applied::Committed { head })
}

fn refuse(error: CommitError, space: &Space, organisation: &Organisation) -> Refusal {
    match error {
        CommitError::NotHead => Refusal::NotHead { head: space.head() },
        CommitError::CounterUsed => Refusal::CounterUsed,
        CommitError::CounterGap { expected } => Refusal::CounterGap { expected },
        CommitError::OrganisationHead => Refusal::OrganisationHead { head: organisation.head() },
        CommitError::Decode(_)
        | CommitError::OtherSpace
        | CommitError::Signature
        | CommitError::Device
        | CommitError::Role
        | CommitError::Epoch
        | CommitError::Recipients
        | CommitError::Members => Refusal::Commit,
    }
}
