//! Names in the log: who may take one, and which folder stands for one that has to be created again.
//!
//! Only what the survey saw at the same place can be in the way: each thing on the disk knows the other entry that the log has
//! there (its rival). A rival that leaves frees the name; [`order`](super::order) sees to it that it leaves first.

use std::collections::BTreeMap;

use super::removals::{Verdict, Verdicts};
use super::{Placing, Situation};
use crate::log::{EntryId, Kind};
use crate::state::cache::BaseRow;
use crate::sync::matching::is_kind;
use crate::sync::standing::{Sighting, Standing, Standings, There};

/// What stands for a folder of the disk in the log, once everything is carried out.
#[derive(Debug, Default)]
pub(super) struct Names {
    /// New folders, and those that are created again; `None` for one that cannot be created now.
    created: BTreeMap<EntryId, Option<EntryId>>,
    /// Things that turned out to be what the log has at their place.
    pub(super) joined: Vec<BaseRow>,
    /// Entries that are no more, since others stand for them.
    pub(super) forgotten: Vec<EntryId>,
    /// Things whose name belongs to an entry that does not come here: they become conflict copies.
    pub(super) asides: Vec<EntryId>,
}

/// What becomes of something that wants a name.
enum Claim {
    /// It gets it.
    Granted,
    /// It is what the log has there.
    Joined(BaseRow),
    /// Never: what has the name takes no part here, and stays where it is.
    Taken,
    /// Not now: what has the name is held back, or lands here first and makes a conflict copy of this.
    Denied,
}

impl Names {
    /// Settles every claim, outer ones first; again for as long as a claim is denied on whose granting others rested.
    pub(super) fn settle(standings: &Standings, verdicts: &mut Verdicts, mut fresh: impl FnMut() -> EntryId) -> Self {
        let mut names = Self::default();
        loop {
            let mut is_settled = true;
            for (entry, standing, here) in claimants(standings, verdicts) {
                let Some(verdict) = verdicts.get(&entry).copied() else { continue };
                let claim = match names.folder(standings, here.parent) {
                    Some(_) => judge(standings, verdicts, standing, here, verdict),
                    None => Claim::Denied,
                };
                is_settled &= matches!(claim, Claim::Granted);
                names.take(verdicts, (entry, standing, here), claim, verdict, &mut fresh);
            }
            if is_settled {
                return names;
            }
        }
    }

    fn take(
        &mut self,
        verdicts: &mut Verdicts,
        (entry, standing, here): (EntryId, &Standing, &Sighting),
        claim: Claim,
        verdict: Verdict,
        fresh: &mut impl FnMut() -> EntryId,
    ) {
        let creates = verdict.situation == Situation::CreateThere;
        match claim {
            Claim::Granted if creates && is_kind(here.child.kind, Kind::Folder) => {
                self.created
                    .entry(entry)
                    .or_insert_with(|| Some(if standing.base.is_none() { entry } else { fresh() }));
            }
            Claim::Granted => {}
            Claim::Joined(row) => {
                leave(verdicts, row.entry);
                leave(verdicts, entry);
                self.forgotten.extend(standing.base.as_ref().map(|base| base.entry));
                self.joined.push(row);
                self.created.insert(entry, None);
            }
            Claim::Taken | Claim::Denied => {
                if matches!(claim, Claim::Taken) {
                    self.asides.push(entry);
                }
                leave(verdicts, entry);
                if creates {
                    self.created.insert(entry, None);
                }
            }
        }
    }

    /// The folder of the log that stands for a folder of the disk; `None` if none does yet.
    pub(super) fn folder(&self, standings: &Standings, folder: EntryId) -> Option<EntryId> {
        match (self.created.get(&folder), standings.find(folder)) {
            (Some(created), _) => *created,
            (None, None) => Some(folder),
            (None, Some(standing)) => standing.there.as_ref().map(|_| folder),
        }
    }

    /// Folders that are created again, by what they were.
    pub(super) fn again(&self) -> impl Iterator<Item = (EntryId, EntryId)> {
        self.created.iter().filter_map(|(was, is)| is.filter(|is| is != was).map(|is| (*was, is)))
    }
}

/// What wants a name in the log, outer folders first.
fn claimants<'a>(standings: &'a Standings, verdicts: &Verdicts) -> Vec<(EntryId, &'a Standing, &'a Sighting)> {
    let wants = |verdict: &Verdict| {
        !verdict.is_left && (verdict.situation == Situation::CreateThere || verdict.placing == Placing::MoveThere)
    };
    let mut found: Vec<_> = standings
        .iter()
        .filter(|(entry, _)| verdicts.get(entry).is_some_and(wants))
        .filter_map(|(entry, standing)| Some((entry, standing, standing.seen()?)))
        .collect();
    found.sort_by_key(|(_, _, here)| here.folder.depth());
    found
}

fn judge(standings: &Standings, verdicts: &Verdicts, standing: &Standing, here: &Sighting, verdict: Verdict) -> Claim {
    let Some(rival) = here.rival.and_then(|rival| standings.find(rival).zip(verdicts.get(&rival))) else {
        return Claim::Granted;
    };
    match rival {
        (_, rival) if rival.leaves_there() => Claim::Granted,
        (Standing { there: Some(there), .. }, _) if there.is_apart => Claim::Taken,
        (Standing { base: None, there: Some(there), .. }, rival)
            if verdict.situation == Situation::CreateThere
                && rival.situation == Situation::WriteHere
                && is_alike(standing, here, there) =>
        {
            Claim::Joined(agreed(there, here))
        }
        _ => Claim::Denied,
    }
}

/// Whether what both sides have at one name holds the same: two folders do.
fn is_alike(standing: &Standing, here: &Sighting, there: &There) -> bool {
    if !is_kind(here.child.kind, there.child.kind) {
        return false;
    }
    let both = Standing {
        base: None,
        here: crate::sync::standing::Here::Seen(here.clone()),
        there: Some(there.clone()),
        ..standing.clone()
    };
    both.situation() == Situation::Agree
}

fn leave(verdicts: &mut Verdicts, entry: EntryId) {
    if let Some(verdict) = verdicts.get_mut(&entry) {
        verdict.is_left = true;
    }
}

/// What both sides agree on, which is the log's, as the disk shows it.
pub(super) fn agreed(there: &There, here: &Sighting) -> BaseRow {
    BaseRow {
        entry: there.child.entry,
        parent: there.parent,
        name: there.child.name.clone(),
        kind: there.child.kind,
        content: there.child.content,
        executable: there.child.executable,
        identity: here.child.identity,
        file_type: here.content.and_then(|content| content.file_type),
    }
}
