//! Who holds which chunks: follows the seats that admins sign, and the reports of those who fetch what these give them.

use std::sync::Arc;

use vauban_protocol::organisation::{Organisation, Seated};
use vauban_protocol::wire::Refusal;

use super::base::Base;
use super::draft::{Draft, Stop};
use crate::metadata::command::Applied;
use crate::placement::{Member, Report};

/// The organisation has changed, from `before`, in the entry at `index`: if other nodes are to hold chunks, or others of them, there
/// is a new layout, and no receipt from before it counts any more.
pub(super) fn follow<B: Base>(draft: &mut Draft<'_, B>, before: Option<&Organisation>, index: u64) {
    let Some(organisation) = draft.core.organisation.clone() else { return };
    let members: Vec<Member> = organisation.seats().map(member).collect();
    let founder = before.and_then(Organisation::founder);
    let eldest = || organisation.seats().min_by_key(|seated| seated.since).map(|seated| seated.seat.node);
    let Some(first) = founder.or_else(eldest) else { return };
    let mut layouts = draft.core.layouts.clone();
    if Arc::make_mut(&mut layouts).change(members, first, index) {
        draft.core.layouts = layouts;
        draft.core.clock.cut_off(index);
    }
}

/// A node says what it holds. Whoever is not waited for changes nothing: its word may have been lost, and said again.
pub(super) fn report<B: Base>(draft: &mut Draft<'_, B>, report: &Report) -> Result<Applied, Stop<B::Error>> {
    let organisation = draft.organisation()?;
    let claim = report.claim;
    let charter = organisation.charter(claim.node).ok_or(Refusal::Proof)?;
    report.verify(&charter.receipt_key).map_err(|_| Refusal::Proof)?;
    let mut layouts = draft.core.layouts.clone();
    if Arc::make_mut(&mut layouts).report(claim.node, claim.layout, claim.at) {
        draft.core.layouts = layouts;
    }
    Ok(Applied::Reported)
}

fn member(seated: Seated<'_>) -> Member {
    Member {
        node: seated.seat.node,
        site: seated.charter.site.clone(),
        capacity: seated.seat.capacity_bytes.get(),
        is_draining: seated.draining,
    }
}
