//! The survey: three trees side by side, folder by folder; what differs is kept, by entry.
//!
//! Reads the disk and the cache, changes neither. A folder that cannot be listed, or that is another disk than it was, is an
//! issue and nothing below it is looked at: absence never looks like removal (sync.md, rule 2). What is ignored is not looked
//! at, on the disk, and what was agreed on of it is forgotten; what is not selected is, as far as the disk has it (rule 10). What is the same on all three
//! sides is counted and forgotten at once, so that memory goes with what has changed, and one folder's listing.
//!
//! What changed may be all that is looked at ([`Look`]): whatever that touches is then [reached for](reach), too.

mod apart;
mod folder;
mod reach;
mod reading;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use self::reach::Reach;
use super::looked::Unsettled;
use super::matching::{Recognised, joined_or_new, may_be_moved};
use super::report::{ApartReport, Issue, Problem};
use super::selection::{Part, Selected};
use super::standing::{Here, Holding, Sighting, Standings, There};
use super::{OpenSpace, SyncError};
use crate::content::Nodes;
use crate::log::{EntryId, Kind};
use crate::state::cache::{BaseRow, RemoteChild, RootId};
use crate::tree::{Ignores, SyncRoot, TreePath, is_ignore_file, may_write};

/// What a survey looks at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Look {
    /// Every folder.
    Everything,
    /// Folders in which something changed, here or there, and whatever that touches.
    Changed {
        /// On the disk, by path.
        here: BTreeSet<TreePath>,
        /// On the disk, with all below them: an earlier look did not come that far.
        below: BTreeMap<TreePath, EntryId>,
        /// In either tree, by entry: the log says something new of what is, or was, in them.
        there: BTreeSet<EntryId>,
    },
}

/// What a survey has found.
#[derive(Debug, Default)]
pub(super) struct Found {
    /// Entries that differ somewhere.
    pub(super) standings: Standings,
    /// Folders that hold what no entry stands for.
    pub(super) holding: Holding,
    /// What takes no part.
    pub(super) apart: ApartReport,
    /// Entries of which nothing is agreed on any more, since they are ignored here.
    pub(super) forgotten: Vec<EntryId>,
    /// What is left out.
    pub(super) issues: Vec<Issue>,
    /// Files that are as they were.
    pub(super) unchanged: u64,
    /// Whether nothing at all was found, where something was.
    pub(super) is_emptied: bool,
    /// Folders in which something was not the same on all sides: they are looked at again.
    pub(super) unsettled: Unsettled,
    /// Folders that were not looked at, with all below them, because so much differs already.
    pub(super) unlooked: BTreeMap<TreePath, EntryId>,
}

/// Looks at both sides of `root`, as far as `look` says; no further once some `entries_max` were found to differ.
///
/// # Errors
/// [`SyncError`] of the cache, or that the root itself cannot be read.
pub(super) fn survey<N: Nodes>(
    space: &OpenSpace<N>,
    root: &Arc<SyncRoot>,
    id: RootId,
    look: &Look,
    entries_max: usize,
) -> Result<Found, SyncError> {
    let reading = space.cache().reading()?;
    let selected = space.selected()?;
    let mut surveyor = Surveyor {
        space,
        root,
        id,
        selected,
        ignores: Ignores::default(),
        has_base: space.cache().has_base(id)?,
        found: Found::default(),
        visits: Vec::new(),
        strays: Vec::new(),
        missed: Vec::new(),
        elsewhere: Vec::new(),
        unlisted: BTreeSet::new(),
        reach: Reach::default(),
        folder_numbers: None,
        entries_max,
    };
    match look {
        Look::Everything => surveyor.look_at_all()?,
        Look::Changed { here, below, there } => surveyor.look_at_changed(here, below, there)?,
    }
    surveyor.resolve_strays()?;
    surveyor.complete()?;
    surveyor.hide_what_was_found();
    if *look != Look::Everything && surveyor.do_rules_differ() {
        // What was left out by them, or is now, may be anywhere below.
        drop(reading);
        return survey(space, root, id, &Look::Everything, entries_max);
    }
    surveyor.read_where_needed();
    Ok(surveyor.found)
}

/// A folder of the disk to look into.
struct Visit {
    path: TreePath,
    /// Its number on the disk when it was seen: another folder may come to stand there.
    inode: Option<u64>,
    entry: EntryId,
    /// Whether the log may have it.
    is_there: bool,
    /// Whether all that lies below it is looked at, too; else only what is not the same on all sides.
    is_deep: bool,
    /// The part that it takes.
    part: Part,
}

/// A folder that the disk does not have where it was, or where the log has it.
struct Absent {
    entry: EntryId,
    path: TreePath,
    part: Part,
}

/// A file or link that may be an entry from elsewhere.
struct Stray {
    sighting: Sighting,
    candidates: Vec<BaseRow>,
    newcomer: Option<RemoteChild>,
}

struct Surveyor<'a, N> {
    space: &'a OpenSpace<N>,
    root: &'a Arc<SyncRoot>,
    id: RootId,
    selected: Selected,
    /// The rules of all folders that were looked into.
    ignores: Ignores,
    has_base: bool,
    found: Found,
    visits: Vec<Visit>,
    strays: Vec<Stray>,
    /// Folders that are not where they were.
    missed: Vec<(EntryId, TreePath)>,
    /// Folders of the log that the disk does not have at their place.
    elsewhere: Vec<Absent>,
    /// Entries about which nothing can be said: folders that could not be looked into, names that the ignored has.
    unlisted: BTreeSet<EntryId>,
    /// How far it has come.
    reach: Reach,
    /// The numbers of the disk's folders, once they were needed.
    folder_numbers: Option<BTreeSet<u64>>,
    /// Entries that may differ before the rest is left for another look.
    entries_max: usize,
}

impl<N: Nodes> Surveyor<'_, N> {
    fn look_at_all(&mut self) -> Result<(), SyncError> {
        // The root must be readable: without it nothing can be said.
        self.root.folder().list()?;
        let part = self.selected.root();
        self.visits.push(Visit {
            path: TreePath::root(),
            inode: None,
            entry: EntryId::ROOT,
            is_there: true,
            is_deep: true,
            part,
        });
        self.visit_all()?;
        if !self.found.unlooked.is_empty() {
            return self.reach_around();
        }
        self.miss_all_within()?;
        self.learn_all_within()?;
        while !self.missed.is_empty() {
            self.miss_all_within()?;
            self.learn_all_within()?;
        }
        Ok(())
    }

    fn visit_all(&mut self) -> Result<(), SyncError> {
        while let Some(visit) = self.visits.pop() {
            if visit.is_deep && self.is_full() {
                self.found.unlooked.insert(visit.path, visit.entry);
            } else {
                self.visit(&visit)?;
            }
        }
        Ok(())
    }

    /// Whether so much differs that the rest is left for another look.
    fn is_full(&self) -> bool {
        self.found.standings.count() >= self.entries_max
    }

    fn issue(&mut self, path: &TreePath, problem: Problem) {
        self.found.issues.push(Issue { path: path.to_string(), problem });
    }

    /// What was agreed on in folder `folder` is not there.
    fn miss(&mut self, folder: &TreePath, base: BaseRow) {
        if base.kind == Kind::Folder {
            self.missed.push((base.entry, folder.join(&base.name)));
        }
        self.found.standings.miss(base);
    }

    /// The log has `child` in a folder that stands, or would stand, at `folder`, and takes `around` in syncing.
    fn learn(&mut self, folder: &TreePath, parent: EntryId, around: Part, child: RemoteChild) -> Result<(), SyncError> {
        if let Some(base) = self.orphan(child.entry)? {
            self.miss(folder, base);
        }
        let refused = may_write(folder, &child.name).err();
        let part = self.selected.below(around, Some(child.entry));
        let rule = self.ignores.within(folder).rule(&child.name, child.kind == Kind::Folder);
        let is_apart = part == Part::Apart || rule.is_some();
        if child.kind == Kind::Folder && refused.is_none() && !is_apart {
            self.elsewhere.push(Absent { entry: child.entry, path: folder.join(&child.name), part });
        }
        self.found.standings.learn(There { folder: folder.clone(), parent, child, refused, is_apart });
        Ok(())
    }

    /// What was agreed on of an entry, if the folder that it was in then, or one around it, is agreed on no more: nobody can look
    /// there. It had left that folder before it went, and what was to be recorded of that was not.
    fn orphan(&self, entry: EntryId) -> Result<Option<BaseRow>, SyncError> {
        if !self.has_base || self.is_seen(entry) {
            return Ok(None);
        }
        Ok(match self.space.cache().base(self.id, entry)? {
            Some(base) if self.base_path(base.parent)?.is_none() => Some(base),
            _ => None,
        })
    }

    /// Whether a file of rules is not the same on all sides.
    fn do_rules_differ(&self) -> bool {
        self.found.standings.iter().any(|(_, standing)| {
            let base = standing.base.as_ref().map(|base| &base.name);
            let here = standing.seen().map(|here| &here.child.name);
            let there = standing.there.as_ref().map(|there| &there.child.name);
            [base, here, there].into_iter().flatten().any(is_ignore_file)
        })
    }

    fn is_seen(&self, entry: EntryId) -> bool {
        self.found.standings.find(entry).is_some_and(|standing| standing.seen().is_some())
    }

    /// Whether it was missed, and not seen elsewhere since.
    fn is_gone(&self, entry: EntryId) -> bool {
        self.found.standings.find(entry).is_some_and(|standing| standing.here == Here::Gone)
    }

    /// What was in a folder that is gone is gone with it; but nobody removed what was ignored.
    fn miss_all_within(&mut self) -> Result<(), SyncError> {
        while let Some((folder, path)) = self.missed.pop() {
            if self.is_seen(folder) {
                continue;
            }
            let ignores = self.ignores.within(&path);
            for base in self.space.cache().base_children(self.id, folder)? {
                if ignores.rule(&base.name, base.kind == Kind::Folder).is_some() {
                    self.forget(&base)?;
                } else {
                    self.miss(&path, base);
                }
            }
        }
        Ok(())
    }

    /// Nothing is agreed on any more of what is ignored, with all that was in it: whatever becomes of it meanwhile, it is no
    /// news to anybody once it takes part again.
    fn forget(&mut self, base: &BaseRow) -> Result<(), SyncError> {
        let mut folders = vec![base.entry];
        self.found.forgotten.push(base.entry);
        while let Some(folder) = folders.pop() {
            for base in self.space.cache().base_children(self.id, folder)? {
                self.found.forgotten.push(base.entry);
                if base.kind == Kind::Folder {
                    folders.push(base.entry);
                }
            }
        }
        Ok(())
    }

    /// Now that all places were looked at: what lies elsewhere is what its own place lacks, if it holds the same.
    fn resolve_strays(&mut self) -> Result<(), SyncError> {
        for Stray { mut sighting, candidates, newcomer } in std::mem::take(&mut self.strays) {
            let missed =
                candidates.into_iter().find(|row| may_be_moved(&sighting.child, row) && self.is_gone(row.entry));
            let content = missed.as_ref().and_then(|_| self.read(&sighting).ok());
            if let Some(row) = missed
                && content.is_some_and(|content| content.digest == row.content)
            {
                sighting.content = content;
                sighting.rival = sighting.rival.filter(|rival| *rival != row.entry);
                self.found.standings.see(row.entry, Some(&row), sighting);
                continue;
            }
            self.see_as_new(sighting, newcomer.as_ref())?;
        }
        Ok(())
    }

    /// What is no known entry is a new one, or what both sides made.
    fn see_as_new(&mut self, mut sighting: Sighting, newcomer: Option<&RemoteChild>) -> Result<(), SyncError> {
        let entry = match joined_or_new(&sighting.child, newcomer) {
            Recognised::Joined(there) => there.entry,
            _ => self.space.fresh_entry()?,
        };
        sighting.rival = sighting.rival.filter(|rival| *rival != entry);
        self.found.standings.see(entry, None, sighting);
        Ok(())
    }

    /// What the log has in folders that the disk lacks.
    fn learn_all_within(&mut self) -> Result<(), SyncError> {
        while let Some(Absent { entry: folder, path, part }) = self.elsewhere.pop() {
            if self.is_seen(folder) || self.was_not_looked_for(folder)? {
                continue;
            }
            // What is in a folder that was here, and is gone, is judged with it.
            if self.is_full() && !self.is_gone(folder) {
                self.found.unlooked.insert(path, folder);
                continue;
            }
            for child in self.space.cache().children(folder)? {
                self.report_there(&path, part, &child);
                self.learn(&path, folder, part, child)?;
            }
        }
        Ok(())
    }

    /// Whether nobody looked where the folder was: it may be there.
    fn was_not_looked_for(&self, folder: EntryId) -> Result<bool, SyncError> {
        Ok(!self.is_gone(folder) && self.space.cache().base(self.id, folder)?.is_some())
    }

    /// Finds the versions that no visit came across.
    fn complete(&mut self) -> Result<(), SyncError> {
        let cache = self.space.cache();
        for (entry, standing) in self.found.standings.iter_mut() {
            if standing.base.is_none() && standing.there.is_some() && self.has_base {
                standing.base = cache.base(self.id, entry)?;
            }
            if standing.base.is_some() && standing.there.is_none() {
                // The log has it where nobody looked since it takes no part; or in a folder that was not looked into; or not
                // at all.
                standing.there = apart::there(cache, &self.selected, &self.ignores, entry)?;
                standing.is_hidden = standing.there.is_none() && cache.place(entry)?.is_some();
            }
            standing.is_hidden |= self.unlisted.contains(&entry);
        }
        let seen =
            |entry: &EntryId| self.found.standings.find(*entry).is_some_and(|standing| standing.seen().is_some());
        // What was moved out of an ignored place is itself again.
        let forgotten = std::mem::take(&mut self.found.forgotten);
        self.found.forgotten = forgotten.into_iter().filter(|entry| !seen(entry)).collect();
        Ok(())
    }
}
