//! From entries to a plan: every situation becomes what is to be done, in the log or on the disk.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::names::{Names, agreed};
use super::removals::{Verdict, Verdicts, is_moved_there, judge};
use super::{Knew, LogChange, Placing, RowAfter, Situation};
use crate::content::Source;
use crate::log::{EntryId, EntryName, Kind, Op};
use crate::state::cache::{BaseRow, RemoteChild};
use crate::sync::brake::{Held, Taking};
use crate::sync::looked::Unsettled;
use crate::sync::matching::kind_of;
use crate::sync::report::{Issue, Problem};
use crate::sync::standing::{Here, Holding, Sighting, Spot, Standing, Standings, There};
use crate::tree::{LocalChild, LocalKind, SyncRoot, TreePath};

/// What one round is to do.
#[derive(Debug, Default)]
pub(crate) struct Plan {
    /// Folders, moves and removals in the log; folders outer first, the rest to be ordered.
    pub(crate) log_changes: Vec<LogChange>,
    /// Files and links to write to the log.
    pub(crate) uploads: Vec<Upload>,
    /// Files, links and folders to remove here, inner ones first.
    pub(crate) trashings: Vec<Trashing>,
    /// What is to make way here for a name of the log that does not come here.
    pub(crate) asides: Vec<Aside>,
    /// What is to be moved here.
    pub(crate) shifts: Vec<Shift>,
    /// The way back of folders that are to be moved in the log: for those that would come to lie within themselves there.
    pub(crate) ways_back: BTreeMap<EntryId, Shift>,
    /// Folders that the disk does not have, outer ones first.
    pub(crate) folders_there: Vec<FolderThere>,
    /// Files and links to write to the disk.
    pub(crate) downloads: Vec<Download>,
    /// What both sides turned out to agree on.
    pub(crate) agreed: Vec<BaseRow>,
    /// Entries that neither side has any more.
    pub(crate) forgotten: Vec<EntryId>,
    /// Where things stand on the disk that stood elsewhere, or nowhere, and their numbers on it.
    pub(crate) sightings: Vec<(EntryId, Spot, u64)>,
    /// What is left out.
    pub(crate) issues: Vec<Issue>,
    /// Files that are as they were.
    pub(crate) unchanged: u64,
    /// What waits: for a name, for a folder, for another round.
    pub(crate) left: u64,
    /// What the brake holds.
    pub(crate) held: Held,
    /// Folders in which something is not the same on all sides.
    pub(crate) unsettled: Unsettled,
    /// Folders that were not looked at yet, with all below them.
    pub(crate) unlooked: BTreeMap<TreePath, EntryId>,
}

/// A file or link that is to be written to the log.
#[derive(Debug, Clone)]
pub(crate) struct Upload {
    /// Where its bytes are.
    pub(crate) source: Source,
    /// Its entry: a new one, or the one that gets a new version.
    pub(crate) entry: EntryId,
    /// Whether the entry is new.
    pub(crate) is_new: bool,
    /// The entry that it was, if that is no more.
    pub(crate) was: Option<EntryId>,
    /// The folder it is in.
    pub(crate) parent: EntryId,
    /// Its name there.
    pub(crate) name: EntryName,
    /// What it is.
    pub(crate) kind: Kind,
    /// Bytes, when it was looked at.
    pub(crate) bytes: u64,
    /// What the log has as its content now: a write is made knowing it.
    pub(crate) replaces: Option<vauban_protocol::id::Digest>,
    /// Whether the log's version is executable.
    pub(crate) replaces_executable: bool,
    /// Whether it has lost its type.
    pub(crate) is_damage: bool,
}

/// Something that is to be removed here.
#[derive(Debug, Clone)]
pub(crate) struct Trashing {
    /// Its entry.
    pub(crate) entry: EntryId,
    /// The folder it is in.
    pub(crate) parent: EntryId,
    /// What was seen, and alone may go.
    pub(crate) child: LocalChild,
    /// Where, for people.
    pub(crate) path: TreePath,
    /// Why.
    pub(crate) why: WhyTrashed,
}

/// Why something is to be removed here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum WhyTrashed {
    /// A tombstone.
    RemovedThere,
    /// Somebody moved it to where it takes no part here.
    MovedApart,
    /// This device's user selects it no longer.
    Deselected,
}

/// Something that is to become a conflict copy.
#[derive(Debug, Clone)]
pub(crate) struct Aside {
    /// The folder it is in.
    pub(crate) parent: EntryId,
    /// What was seen, and alone is renamed.
    pub(crate) child: LocalChild,
    /// Where, for people.
    pub(crate) path: TreePath,
}

/// Something that is to be moved here.
#[derive(Debug, Clone)]
pub(crate) struct Shift {
    /// Its entry.
    pub(crate) entry: EntryId,
    /// Where to.
    pub(crate) to: Spot,
    /// What was seen, and alone may be moved.
    pub(crate) child: LocalChild,
    /// Whether it holds what was agreed on.
    pub(crate) is_as_agreed: bool,
    /// Where it was seen, for people.
    pub(crate) from_path: TreePath,
    /// Where it goes, for people.
    pub(crate) to_path: TreePath,
}

/// A folder that is to be made on the disk.
#[derive(Debug, Clone)]
pub(crate) struct FolderThere {
    /// Its entry's folder.
    pub(crate) parent: EntryId,
    /// What the log has.
    pub(crate) child: RemoteChild,
    /// Where, for people.
    pub(crate) path: TreePath,
}

/// A file or link that is to be written to the disk.
#[derive(Debug, Clone)]
pub(crate) struct Download {
    /// Its entry's folder.
    pub(crate) parent: EntryId,
    /// What the log has; its name is the one that it gets here.
    pub(crate) child: RemoteChild,
    /// Whether it may replace what was agreed on; nothing else is ever replaced without a trace.
    pub(crate) replaces_base: bool,
    /// Whether the disk has a version of it.
    pub(crate) is_seen: bool,
    /// Where, for people.
    pub(crate) path: TreePath,
}

/// What the disk has of an entry whose log version is to be written here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Version {
    Absent,
    AsAgreed,
    Other,
}

/// Makes a plan of what a survey has found.
#[derive(Debug)]
pub(crate) struct Decider<'a> {
    standings: &'a Standings,
    verdicts: Verdicts,
    root: &'a Arc<SyncRoot>,
    plan: Plan,
}

impl<'a> Decider<'a> {
    /// Judges every entry.
    #[must_use]
    pub(crate) fn new(standings: &'a Standings, holding: &Holding, root: &'a Arc<SyncRoot>) -> Self {
        Self { standings, verdicts: judge(standings, holding), root, plan: Plan::default() }
    }

    /// What carrying everything out would remove and damage: the brake judges it.
    #[must_use]
    pub(crate) fn taking(&self) -> Taking {
        let count = |wanted| self.verdicts.values().filter(|verdict| verdict.situation == wanted).count() as u64;
        let left = self.verdicts.iter().filter(|(entry, verdict)| {
            verdict.situation == Situation::Leave && self.why_left(**entry) == WhyTrashed::MovedApart
        });
        let damaged = self.verdicts.iter().filter(|(entry, verdict)| {
            verdict.situation == Situation::WriteThere && self.standings.find(**entry).is_some_and(is_damage)
        });
        Taking {
            removed_there: count(Situation::RemoveThere),
            removed_here: count(Situation::RemoveHere).saturating_add(left.count() as u64),
            damaged_there: damaged.count() as u64,
        }
    }

    /// The plan, without what is held. `fresh` draws random entries.
    #[must_use]
    pub(crate) fn decide(mut self, held: Held, mut fresh: impl FnMut() -> EntryId) -> Plan {
        self.plan.held = held;
        let standings = self.standings;
        for (entry, verdict) in &mut self.verdicts {
            verdict.is_left = match verdict.situation {
                Situation::RemoveThere => held.removals_there,
                Situation::RemoveHere => held.removals_here,
                Situation::Leave => held.removals_here && is_moved_there(standings, *entry),
                Situation::WriteThere => held.damage_there && self.standings.find(*entry).is_some_and(is_damage),
                _ => false,
            };
        }
        let mut names = Names::settle(self.standings, &mut self.verdicts, &mut fresh);
        self.plan.agreed.append(&mut names.joined);
        self.plan.forgotten.append(&mut names.forgotten);
        self.plan.asides =
            names.asides.iter().filter_map(|entry| aside(self.standings.find(*entry)?.seen()?)).collect();
        for (entry, standing) in self.standings.iter() {
            if let Some(verdict) = self.verdicts.get(&entry).copied() {
                self.emit(entry, standing, verdict, &names, &mut fresh);
            }
        }
        self.adopt_held(&names);
        let seen = self.standings.iter().filter_map(|(entry, standing)| Some((entry, standing.seen()?)));
        self.plan.sightings = seen.map(|(entry, here)| (entry, here.spot(), here.child.identity.inode)).collect();
        let Plan { log_changes, trashings, folders_there, downloads, uploads, .. } = &mut self.plan;
        log_changes.sort_by_key(|change| change.rank());
        trashings.sort_by_key(|trashing| std::cmp::Reverse(trashing.path.depth()));
        folders_there.sort_by_key(|folder| folder.path.depth());
        // Folder by folder: what lands together then shares the flush of its folder, and lies together at nodes.
        downloads.sort_by(|one, other| one.path.cmp(&other.path));
        uploads.sort_by_cached_key(|upload| upload.source.path());
        self.plan
    }

    fn emit(
        &mut self,
        entry: EntryId,
        standing: &Standing,
        verdict: Verdict,
        names: &Names,
        fresh: &mut impl FnMut() -> EntryId,
    ) {
        if verdict.is_left {
            self.plan.left = self.plan.left.saturating_add(1);
            return;
        }
        match (verdict.situation, standing.seen(), &standing.there) {
            (Situation::Unknown | Situation::Compare | Situation::Apart, ..) => {}
            (Situation::Keep, Some(here), _) => {
                self.plan.issues.push(Issue { path: here.path().to_string(), problem: Problem::Kept });
            }
            (Situation::Forget, ..) => self.plan.forgotten.extend(standing.base.as_ref().map(|base| base.entry)),
            (Situation::RemoveThere, _, Some(there)) => self.remove_there(entry, there),
            (Situation::RemoveHere, Some(here), _) => self.trash(entry, here, WhyTrashed::RemovedThere),
            (Situation::Leave, Some(here), _) => self.trash(entry, here, self.why_left(entry)),
            (Situation::CreateThere, Some(here), _) => self.create_there(entry, standing, here, names, fresh),
            (_, Some(here), Some(there)) => self.settle_both(standing, here, there, verdict, names),
            (_, _, Some(there)) if !self.is_refused(there) => self.create_here(there, there.spot(), Version::Absent),
            _ => {}
        }
    }

    fn trash(&mut self, entry: EntryId, here: &Sighting, why: WhyTrashed) {
        let (parent, child, path) = (here.parent, here.child.clone(), here.path());
        self.plan.trashings.push(Trashing { entry, parent, child, path, why });
    }

    fn why_left(&self, entry: EntryId) -> WhyTrashed {
        if is_moved_there(self.standings, entry) { WhyTrashed::MovedApart } else { WhyTrashed::Deselected }
    }

    fn remove_there(&mut self, entry: EntryId, there: &There) {
        self.plan.log_changes.push(LogChange {
            op: Op::Remove { entry },
            knew: Some(Knew { spot: there.spot(), content: Some(there.child.content) }),
            after: RowAfter::Forgotten(entry),
            path: there.path(),
        });
    }

    fn create_there(
        &mut self,
        entry: EntryId,
        standing: &Standing,
        here: &Sighting,
        names: &Names,
        fresh: &mut impl FnMut() -> EntryId,
    ) {
        let Some(parent) = names.folder(self.standings, here.parent) else { return };
        let was = standing.base.as_ref().map(|base| base.entry);
        if here.child.kind != LocalKind::Folder {
            let entry = if was.is_some() { fresh() } else { entry };
            self.upload(entry, was, None, here, Spot { parent, name: here.child.name.clone() }, false);
            return;
        }
        let Some(created) = names.folder(self.standings, entry) else { return };
        let row = BaseRow {
            entry: created,
            parent,
            name: here.child.name.clone(),
            kind: Kind::Folder,
            content: None,
            executable: false,
            identity: here.child.identity,
            file_type: None,
        };
        self.plan.log_changes.push(LogChange::create(row, was, here.path()));
    }

    /// An entry that both sides have.
    fn settle_both(&mut self, standing: &Standing, here: &Sighting, there: &There, verdict: Verdict, names: &Names) {
        if verdict.placing == Placing::MoveHere && self.is_refused(there) {
            return;
        }
        let is_as_agreed = matches!(verdict.situation, Situation::Same | Situation::WriteHere);
        let spot = match verdict.placing {
            Placing::MoveThere => match names.folder(self.standings, here.parent) {
                Some(parent) => Spot { parent, name: here.child.name.clone() },
                None => return,
            },
            Placing::Same | Placing::MoveHere | Placing::Agree => there.spot(),
        };
        self.agree(standing, here, there, verdict);
        let shift = || Shift {
            entry: there.child.entry,
            to: there.spot(),
            child: here.child.clone(),
            is_as_agreed,
            from_path: here.path(),
            to_path: there.path(),
        };
        match verdict.placing {
            Placing::Same | Placing::Agree => {}
            Placing::MoveThere => {
                let identity = is_as_agreed.then_some(here.child.identity);
                self.plan.log_changes.push(LogChange::shift(there, spot.clone(), identity, here.path()));
                if there.child.kind == Kind::Folder {
                    self.plan.ways_back.insert(there.child.entry, shift());
                }
            }
            Placing::MoveHere => self.plan.shifts.push(shift()),
        }
        match verdict.situation {
            Situation::WriteThere => {
                // Until it is moved here, it is agreed on where it stands.
                let agreed_at = match (verdict.placing, standing.base_spot()) {
                    (Placing::MoveHere, Some(base)) => base,
                    _ => spot,
                };
                self.upload(there.child.entry, None, Some(there), here, agreed_at, is_damage(standing));
            }
            Situation::WriteHere => self.create_here(there, spot, Version::AsAgreed),
            Situation::Conflict => self.create_here(there, spot, Version::Other),
            _ => {}
        }
    }

    /// Records what both sides agree on already: a place, a content, or what the disk shows of them.
    fn agree(&mut self, standing: &Standing, here: &Sighting, there: &There, verdict: Verdict) {
        let identity = here.child.identity;
        let row = match (&standing.base, verdict.situation) {
            (None, Situation::Agree) => agreed(there, here),
            (Some(base), Situation::Agree) => {
                BaseRow { parent: base.parent, name: base.name.clone(), ..agreed(there, here) }
            }
            (Some(base), Situation::Same | Situation::WriteHere) if base.identity != identity => {
                BaseRow { identity, ..base.clone() }
            }
            (Some(base), _) if verdict.placing == Placing::Agree => base.clone(),
            _ => return,
        };
        let row = match verdict.placing {
            Placing::Agree => BaseRow { parent: there.parent, name: there.child.name.clone(), ..row },
            _ => row,
        };
        self.plan.agreed.push(row);
    }

    fn upload(
        &mut self,
        entry: EntryId,
        was: Option<EntryId>,
        there: Option<&There>,
        here: &Sighting,
        spot: Spot,
        is_damage: bool,
    ) {
        let (root, folder, name) = (Arc::clone(self.root), here.folder.clone(), here.child.name.clone());
        let folder_inode = here.folder_inode;
        let kind = kind_of(here.child.kind);
        let source = match kind {
            Kind::Symlink => Source::Link { root, folder, folder_inode, name },
            Kind::File | Kind::Folder => Source::InRoot { root, folder, folder_inode, name },
        };
        self.plan.uploads.push(Upload {
            source,
            entry,
            is_new: there.is_none(),
            was,
            parent: spot.parent,
            name: spot.name,
            kind,
            bytes: here.child.identity.bytes,
            replaces: there.and_then(|there| there.child.content),
            replaces_executable: there.is_some_and(|there| there.child.executable),
            is_damage,
        });
    }

    fn create_here(&mut self, there: &There, spot: Spot, local: Version) {
        let child = RemoteChild { name: spot.name, ..there.child.clone() };
        let (parent, path) = (spot.parent, there.path());
        if child.kind == Kind::Folder {
            self.plan.folders_there.push(FolderThere { parent, child, path });
        } else {
            let (replaces_base, is_seen) = (local == Version::AsAgreed, local != Version::Absent);
            self.plan.downloads.push(Download { parent, child, replaces_base, is_seen, path });
        }
    }

    fn is_refused(&mut self, there: &There) -> bool {
        if let Some(refused) = there.refused {
            let path = there.path().to_string();
            self.plan.issues.push(Issue { path, problem: Problem::from(refused) });
        }
        there.refused.is_some()
    }

    /// What is held in a folder that is created again is found under its new entry, so that it stays held.
    fn adopt_held(&mut self, names: &Names) {
        for (was, is) in names.again() {
            for (entry, standing) in self.standings.iter() {
                let is_held = self
                    .verdicts
                    .get(&entry)
                    .is_some_and(|verdict| verdict.is_left && verdict.situation == Situation::RemoveHere);
                if let (true, Some(base), Here::Seen(here)) = (is_held, &standing.base, &standing.here)
                    && here.parent == was
                {
                    self.plan.agreed.push(BaseRow { parent: is, ..base.clone() });
                }
            }
        }
    }
}

/// Whether a file that was edited here no longer begins as its type does.
fn is_damage(standing: &Standing) -> bool {
    let was = standing.base.as_ref().and_then(|base| base.file_type);
    let is = standing.seen().and_then(|here| here.content).and_then(|content| content.file_type);
    matches!((was, is), (Some(was), Some(is)) if was.is_lost_in(is))
}

/// What is here makes way.
fn aside(here: &Sighting) -> Option<Aside> {
    Some(Aside { parent: here.parent, child: here.child.clone(), path: here.path() })
}
