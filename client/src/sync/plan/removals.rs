//! Which removals stand, once the neighbours have been looked at.
//!
//! A folder goes only with everything in it: what stays in it keeps it, on the side where it stays. What lies in a folder that
//! somebody moved was moved with it, and moved counts as edited.

use std::collections::BTreeMap;

use super::{Placing, Situation};
use crate::log::EntryId;
use crate::sync::standing::{Here, Holding, Standing, Standings};

/// What is to be done about one entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Verdict {
    pub(super) situation: Situation,
    pub(super) placing: Placing,
    /// Whether it is nevertheless left for another round, or for a person.
    pub(super) is_left: bool,
}

/// What is to be done about each entry.
pub(super) type Verdicts = BTreeMap<EntryId, Verdict>;

/// Judges every entry by itself, then removals by what is around them.
pub(super) fn judge(standings: &Standings, holding: &Holding) -> Verdicts {
    let mut verdicts: Verdicts = standings
        .iter()
        .map(|(entry, standing)| {
            let situation = if standing.is_hidden { Situation::Unknown } else { carried(standings, standing) };
            let placing = if standing.is_hidden { Placing::Same } else { standing.placing() };
            (entry, Verdict { situation, placing, is_left: false })
        })
        .collect();
    keep_there(standings, &mut verdicts);
    keep_here(standings, holding, &mut verdicts);
    verdicts
}

/// The situation of an entry, which is moved where its folder is.
fn carried(standings: &Standings, standing: &Standing) -> Situation {
    let folder = standing.base.as_ref().map(|base| base.parent);
    match (standing.situation(), folder) {
        (Situation::RemoveThere, Some(folder)) => {
            let is_moved = |around: &Standing| around.here == Here::Gone && around.has_moved_there();
            let goes_on = |around: &Standing| around.here == Here::Gone && around.there.is_some();
            if is_within(standings, folder, is_moved, goes_on) { Situation::WriteHere } else { Situation::RemoveThere }
        }
        (Situation::RemoveHere, Some(folder)) => {
            let is_moved = |around: &Standing| around.there.is_none() && around.has_moved_here();
            let goes_on = |around: &Standing| around.there.is_none() && around.seen().is_some();
            if is_within(standings, folder, is_moved, goes_on) { Situation::CreateThere } else { Situation::RemoveHere }
        }
        (situation, _) => situation,
    }
}

/// Whether `folder`, or one around it, is what is looked for; as long as the next one `goes_on`.
fn is_within(
    standings: &Standings,
    folder: EntryId,
    is_found: impl Fn(&Standing) -> bool,
    goes_on: impl Fn(&Standing) -> bool,
) -> bool {
    let mut at = folder;
    while let Some(standing) = standings.find(at) {
        if is_found(standing) {
            return true;
        }
        match &standing.base {
            Some(base) if goes_on(standing) => at = base.parent,
            _ => return false,
        }
    }
    false
}

/// A folder that is gone here is made here again if anything stays in it there.
fn keep_there(standings: &Standings, verdicts: &mut Verdicts) {
    for (entry, standing) in standings.iter() {
        let stays = verdicts.get(&entry).is_some_and(|verdict| !verdict.leaves_there());
        let Some(there) = standing.there.as_ref().filter(|_| stays) else { continue };
        let mut folder = there.parent;
        while let Some(verdict) = verdicts.get_mut(&folder).filter(|verdict| verdict.leaves_there()) {
            if verdict.situation != Situation::RemoveThere {
                break;
            }
            verdict.situation = Situation::WriteHere;
            let Some(around) = standings.find(folder).and_then(|standing| standing.there.as_ref()) else { break };
            folder = around.parent;
        }
    }
}

/// A folder that is to go here stays for what stays in it; and is created there again, if that is to be synced.
fn keep_here(standings: &Standings, holding: &Holding, verdicts: &mut Verdicts) {
    let (mut synced, mut apart) = (Vec::new(), Vec::new());
    for (entry, standing) in standings.iter() {
        let (Some(verdict), Some(here)) = (verdicts.get(&entry), standing.seen()) else { continue };
        match verdict.situation {
            _ if verdict.placing == Placing::MoveThere => synced.push(here.parent),
            Situation::CreateThere | Situation::Unknown => synced.push(here.parent),
            Situation::Apart | Situation::Keep => apart.push(here.parent),
            _ => {}
        }
    }
    synced.extend(&holding.unfit);
    apart.extend(&holding.ignored);
    synced.into_iter().for_each(|folder| keep(standings, verdicts, folder, Situation::CreateThere));
    apart.into_iter().for_each(|folder| keep(standings, verdicts, folder, Situation::Apart));
}

/// Keeps a folder here, and those around it. One that the log has elsewhere, apart, is not created again.
fn keep(standings: &Standings, verdicts: &mut Verdicts, mut folder: EntryId, removed: Situation) {
    while let Some(verdict) = verdicts.get_mut(&folder)
        && let Some(here) = standings.find(folder).and_then(Standing::seen)
    {
        verdict.situation = match verdict.situation {
            Situation::RemoveHere => removed,
            Situation::Leave => Situation::Apart,
            _ => return,
        };
        folder = here.parent;
    }
}

/// Whether somebody moved an entry in the log since it was agreed on, or a folder that it lies in.
pub(super) fn is_moved_there(standings: &Standings, entry: EntryId) -> bool {
    is_within(standings, entry, Standing::has_moved_there, |around| around.there.is_some())
}

impl Verdict {
    /// Whether the entry will no longer stand where the log has it now.
    pub(super) fn leaves_there(&self) -> bool {
        !self.is_left && (self.situation == Situation::RemoveThere || self.placing == Placing::MoveThere)
    }
}
