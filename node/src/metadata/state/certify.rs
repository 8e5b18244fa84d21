//! Extending the organisation's chain.

use std::sync::Arc;

use bytes::Bytes;
use vauban_protocol::chain::Head;
use vauban_protocol::id::{Digest, InviteId};
use vauban_protocol::organisation::{Certificate, Organisation, Statement};
use vauban_protocol::signed::Signed;
use vauban_protocol::wire::Refusal;

use super::base::Base;
use super::draft::{Change, Draft, Stop};
use super::layout;
use crate::metadata::command::{Applied, Blob};

/// Founds the organisation with its chain from the genesis on, or extends it by what it lacks.
pub(super) fn found<B: Base>(draft: &mut Draft<'_, B>, index: u64, chain: &[Blob]) -> Result<Applied, Stop<B::Error>> {
    let (genesis, rest) = chain.split_first().ok_or(Refusal::Malformed)?;
    let start = Head::of_genesis(Digest::of(&genesis.0));
    if let Some(organisation) = &draft.core.organisation {
        let organisation = Arc::clone(organisation);
        return extend(draft, index, &organisation, start, rest);
    }
    let organisation = Organisation::found(genesis.0.clone()).map_err(|_| Refusal::Malformed)?;
    let applied = extend(draft, index, &organisation, start, rest)?;
    // A genesis alone: `extend` had nothing to fold.
    draft.core.organisation.get_or_insert_with(|| Arc::new(organisation));
    draft.record(Change::Certificate { position: 0, bytes: genesis.0.clone() });
    Ok(applied)
}

/// Extends the chain, all or none. Certificates that stand there already, at this very place, are passed over: their
/// answer had been lost.
pub(super) fn certify<B: Base>(
    draft: &mut Draft<'_, B>,
    index: u64,
    certificates: &[Blob],
) -> Result<Applied, Stop<B::Error>> {
    let organisation = draft.organisation()?;
    let first = certificates.first().ok_or(Refusal::Malformed)?;
    let first: Signed<Certificate> = Signed::parse(first.0.clone()).map_err(|_| Refusal::Malformed)?;
    let start = first.payload().prev.ok_or(Refusal::Certificate { head: organisation.head() })?;
    extend(draft, index, &organisation, start, certificates)
}

fn extend<B: Base>(
    draft: &mut Draft<'_, B>,
    index: u64,
    organisation: &Organisation,
    start: Head,
    certificates: &[Blob],
) -> Result<Applied, Stop<B::Error>> {
    let refusal = Refusal::Certificate { head: organisation.head() };
    if !organisation.passed(start) {
        return Err(refusal.into());
    }
    let mut head = start;
    let mut fresh = certificates;
    while let Some((first, rest)) = fresh.split_first() {
        let next = head.after(Digest::of(&first.0));
        if !organisation.passed(next) {
            break;
        }
        (head, fresh) = (next, rest);
    }
    if fresh.is_empty() {
        return Ok(Applied::Certified { head });
    }
    if head != organisation.head() {
        return Err(refusal.into());
    }
    let mut extended = organisation.clone();
    let mut answered = Vec::new();
    let mut positions = Vec::with_capacity(fresh.len());
    for Blob(bytes) in fresh {
        extended.extend(bytes.clone()).map_err(|_| refusal)?;
        positions.push(extended.head().seq);
        answered.extend(invite_of(bytes));
    }
    let head = extended.head();
    let was_in_force = draft.core.is_in_force();
    let reanchored = extended.reanchored_at();
    draft.core.organisation = Some(Arc::new(extended));
    if let Some(time) = reanchored.filter(|_| !was_in_force && draft.core.is_in_force()) {
        draft.core.clock.resume(time, index);
    }
    for (position, Blob(bytes)) in positions.into_iter().zip(fresh) {
        let bytes = bytes.clone();
        draft.record(Change::Certificate { position, bytes });
    }
    for invite in answered {
        draft.close_invite(invite);
    }
    layout::follow(draft, Some(organisation), index);
    Ok(Applied::Certified { head })
}

/// The invite that a certificate answers.
fn invite_of(certificate: &Bytes) -> Option<InviteId> {
    let signed: Signed<Certificate> = Signed::parse(certificate.clone()).ok()?;
    match signed.payload().statement {
        Statement::User { invite, .. } | Statement::Device { invite, .. } => invite,
        Statement::Recover(ref recover) => Some(recover.invite),
        _ => None,
    }
}
