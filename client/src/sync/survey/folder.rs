//! One folder of the disk, beside what was agreed on in it and what the log has in it.

use std::collections::{BTreeMap, BTreeSet};

use super::{Stray, Surveyor, Visit, apart};
use crate::content::Nodes;
use crate::limit::DEPTH_MAX;
use crate::log::{EntryId, EntryName, Kind};
use crate::state::cache::{BaseRow, RemoteChild};
use crate::sync::SyncError;
use crate::sync::matching::{Recognised, Surroundings, is_kind, may_be_moved, recognise};
use crate::sync::report::{Issue, Problem, WhyApart};
use crate::sync::selection::Part;
use crate::sync::standing::Sighting;
use crate::tree::{Folder, Identity, IgnoresWithin, Listing, LocalChild, LocalKind, Refused, TreeError, TreePath};

/// One name in one folder.
#[derive(Default)]
struct Trio {
    base: Option<BaseRow>,
    here: Option<LocalChild>,
    there: Option<RemoteChild>,
}

/// Which of one name's versions are folders.
#[derive(Debug, Clone, Copy)]
struct Kinds {
    base: Option<bool>,
    here: Option<bool>,
    there: Option<bool>,
}

impl Kinds {
    fn of(trio: &Trio) -> Self {
        Self {
            base: trio.base.as_ref().map(|base| base.kind == Kind::Folder),
            here: trio.here.as_ref().map(|here| here.kind == LocalKind::Folder),
            there: trio.there.as_ref().map(|there| there.kind == Kind::Folder),
        }
    }

    fn has(self, is_folder: bool) -> bool {
        [self.base, self.here, self.there].contains(&Some(is_folder))
    }
}

impl Trio {
    /// Takes what was agreed on at this name; of two, what fits the other sides better stays, and the other one is given back.
    fn take_base(&mut self, base: BaseRow) -> Option<BaseRow> {
        let fits = |base: &BaseRow| {
            let is_here = self.here.as_ref().is_some_and(|here| here.identity.inode == base.identity.inode);
            let is_there = self.there.as_ref().is_some_and(|there| there.entry == base.entry);
            (is_here, is_there)
        };
        match self.base.take() {
            Some(known) if fits(&known) >= fits(&base) => {
                self.base = Some(known);
                Some(base)
            }
            known => {
                self.base = Some(base);
                known
            }
        }
    }
}

impl<N: Nodes> Surveyor<'_, N> {
    pub(super) fn visit(&mut self, visit: &Visit) -> Result<(), SyncError> {
        if !self.is_first_look(&visit.path) {
            return Ok(());
        }
        let listed = self.root.open(&visit.path).and_then(|folder| {
            let (listing, itself) = (folder.list()?, folder.identity()?);
            let mistakes = self.ignores.enter(&folder, &listing.ignore_files())?;
            if !mistakes.is_empty() {
                self.found.unsettled.add(&visit.path, visit.entry);
            }
            self.found.issues.extend(mistakes.into_iter().map(Issue::from));
            Ok((listing, itself))
        });
        let (listing, itself) = match listed {
            // Another folder has come to stand here; or one that was looked at already, whose content would be met twice.
            Ok((_, itself))
                if visit.inode.is_some_and(|inode| inode != itself.inode)
                    || self.has_moved_since(&visit.path, &itself) =>
            {
                self.issue(&visit.path, Problem::Busy);
                self.unlisted.insert(visit.entry);
                self.found.unsettled.add(&visit.path, visit.entry);
                return Ok(());
            }
            Ok(listed) => listed,
            Err(error) => {
                self.issue(&visit.path, Problem::unreadable(&error));
                self.unlisted.insert(visit.entry);
                self.found.unsettled.add(&visit.path, visit.entry);
                return Ok(());
            }
        };
        let ignores = self.ignores.within(&visit.path);
        self.say_unfit(visit, &ignores, &listing);
        let is_empty = listing.children.is_empty() && listing.unfit.is_empty();
        let mut names: BTreeMap<EntryName, Trio> = BTreeMap::new();
        for here in listing.children {
            let trio: &mut Trio = names.entry(here.name.clone()).or_default();
            trio.here = Some(here);
        }
        if visit.is_there {
            for there in self.space.cache().children(visit.entry)? {
                let trio = names.entry(there.name.clone()).or_default();
                trio.there = Some(there);
            }
        }
        let mut others = Vec::new();
        for base in self.space.cache().base_children(self.id, visit.entry)? {
            let trio = names.entry(base.name.clone()).or_default();
            // What left this place, and is not agreed on elsewhere yet, may have had a successor here.
            if let Some(other) = trio.take_base(base) {
                others.push(other);
            }
            self.found.is_emptied |= is_empty && visit.entry == EntryId::ROOT;
        }
        for other in others {
            if ignores.rule(&other.name, other.kind == Kind::Folder).is_some() {
                self.forget(&other)?;
            } else {
                self.miss(&visit.path, other);
            }
        }
        for (name, trio) in names {
            if let Some(trio) = self.sieve(visit, &ignores, &name, trio)? {
                self.look_at(visit, &name, trio, &itself)?;
            }
        }
        Ok(())
    }

    /// Leaves out of one name what takes no part; `None` if nothing is left to look at.
    fn sieve(
        &mut self,
        visit: &Visit,
        ignores: &IgnoresWithin,
        name: &EntryName,
        mut trio: Trio,
    ) -> Result<Option<Trio>, SyncError> {
        let kinds = Kinds::of(&trio);
        let [as_file, as_folder] =
            [false, true].map(|is_folder| if kinds.has(is_folder) { ignores.rule(name, is_folder) } else { None });
        let rule = |is_folder: bool| if is_folder { as_folder.clone() } else { as_file.clone() };
        let there = trio.there.as_ref().map(|there| there.entry);
        let part = self.selected.below(visit.part, there);
        if as_file.is_none() && as_folder.is_none() && part != Part::Apart {
            return Ok(Some(trio));
        }
        let path = visit.path.join(name);
        if let Some(base) = trio.base.take_if(|base| rule(base.kind == Kind::Folder).is_some()) {
            self.forget(&base)?;
        }
        let here = kinds.here;
        let (is_here, is_there) = (here.is_some(), there.is_some());
        let (rule_here, rule_there) = (here.and_then(rule), kinds.there.and_then(rule));
        if let Some(rule) = rule_here {
            self.found.holding.ignored.insert(visit.entry);
            let is_both = rule_there.is_some();
            self.report(&path, here == Some(true), (true, is_both), WhyApart::Ignored(rule));
            trio.here = None;
            if let Some(entry) = there.filter(|_| !is_both) {
                // Nothing can stand at this name but what is ignored.
                self.found.unsettled.add(&visit.path, visit.entry);
                self.issue(&path, Problem::InTheWay);
                self.unlisted.insert(entry);
            }
            if is_both {
                trio.there = None;
            }
        } else if let Some(why) = apart::why(rule_there, part) {
            self.report(&path, here.or(kinds.there) == Some(true), (is_here, is_there), why);
        }
        let Trio { base, here, there } = &trio;
        Ok((base.is_some() || here.is_some() || there.is_some()).then_some(trio))
    }

    fn say_unfit(&mut self, visit: &Visit, ignores: &IgnoresWithin, listing: &Listing) {
        for (name, unfit) in &listing.unfit {
            if EntryName::parse(name.as_bytes()).is_ok_and(|name| ignores.rule(&name, false).is_some()) {
                self.found.holding.ignored.insert(visit.entry);
                continue;
            }
            let path = format!("{}/{name}", visit.path);
            self.found.issues.push(Issue { path, problem: (*unfit).into() });
            self.found.holding.unfit.insert(visit.entry);
            self.found.unsettled.add(&visit.path, visit.entry);
        }
    }

    /// Keeps what differs at one name.
    fn look_at(&mut self, visit: &Visit, name: &EntryName, mut trio: Trio, itself: &Identity) -> Result<(), SyncError> {
        if let Some(here) = &mut trio.here
            && here.kind == LocalKind::Folder
        {
            // Of a folder, only whether it is another disk than the one it lies on is remembered.
            here.identity.device = if here.identity.device == itself.device { 0 } else { here.identity.device };
            let was = trio.base.as_ref().filter(|base| base.kind == Kind::Folder);
            let was_mounted = was.map(|base| base.identity.device != 0);
            if was_mounted.is_some_and(|was| was != (here.identity.device != 0)) {
                self.found.unsettled.add(&visit.path, visit.entry);
                self.issue(&visit.path.join(name), Problem::MountChanged);
                self.found.holding.unfit.insert(visit.entry);
                return Ok(());
            }
        }
        if visit.path.depth() >= DEPTH_MAX {
            self.found.unsettled.add(&visit.path, visit.entry);
            self.issue(&visit.path.join(name), Refused::TooDeep.into());
            self.found.holding.unfit.insert(visit.entry);
            return Ok(());
        }
        let part_there = trio.there.as_ref().map(|there| self.selected.below(visit.part, Some(there.entry)));
        if let Trio { base: Some(base), here: Some(here), there: Some(there) } = &trio
            && let Some(part) = part_there.filter(|part| *part != Part::Apart)
            && is_same(base, here, there)
            && !self.is_gone(base.entry)
            && (here.kind != LocalKind::Folder || !self.is_seen(base.entry))
        {
            match here.kind {
                LocalKind::Folder if visit.is_deep => {
                    self.look_into(visit.path.join(name), here, base.entry, true, part);
                }
                LocalKind::Folder => {}
                LocalKind::File | LocalKind::Symlink => self.found.unchanged = self.found.unchanged.saturating_add(1),
            }
            return Ok(());
        }
        self.found.unsettled.add(&visit.path, visit.entry);
        let entry_here = match &trio.here {
            Some(here) => self.recognise(visit, here, &trio, itself.inode)?,
            None => None,
        };
        if let Some(base) = trio.base
            && entry_here != Some(base.entry)
        {
            self.miss(&visit.path, base);
        }
        if let Some(there) = trio.there {
            self.learn(&visit.path, visit.entry, visit.part, there)?;
        }
        Ok(())
    }

    /// Says which entry a thing on the disk is, as far as that can be said before all were looked at.
    fn recognise(
        &mut self,
        visit: &Visit,
        here: &LocalChild,
        trio: &Trio,
        folder_inode: u64,
    ) -> Result<Option<EntryId>, SyncError> {
        // What is elsewhere, by its number, has left its name to another one.
        let base = match &trio.base {
            Some(base) if here.kind == LocalKind::Folder && self.is_seen(base.entry) => None,
            Some(base) if self.is_elsewhere(base, here)? => None,
            base => base.as_ref(),
        };
        let cache = self.space.cache();
        let mut same_inode = Vec::new();
        let is_at_place = base.is_some_and(|base| is_kind(here.kind, base.kind));
        if self.has_base && (here.kind == LocalKind::Folder || !is_at_place) {
            same_inode = cache.base_by_inode(self.id, here.identity.inode)?;
        }
        if here.kind == LocalKind::Folder {
            self.drop_those_elsewhere(&mut same_inode, trio.base.as_ref())?;
        }
        let mut newcomer = trio.there.as_ref();
        // What takes no part is not what a person made here, whatever its name.
        newcomer = newcomer.filter(|there| !self.is_apart(visit, there));
        if self.has_base
            && let Some(there) = newcomer
            && (self.is_seen(there.entry) || cache.base(self.id, there.entry)?.is_some())
        {
            newcomer = None;
        }
        let around = Surroundings { base, newcomer, same_inode: &same_inode };
        let recognised = recognise(here, &around);
        let mut sighting = Sighting {
            folder: visit.path.clone(),
            folder_inode,
            parent: visit.entry,
            child: here.clone(),
            rival: trio.there.as_ref().map(|there| there.entry),
            content: None,
            is_apart: self.selected.below(visit.part, None) == Part::Apart,
        };
        let (entry, base, is_there) = match recognised {
            Recognised::Known(base) => (base.entry, Some(base), true),
            Recognised::Joined(there) => (there.entry, None, true),
            Recognised::New => (self.space.fresh_entry()?, None, false),
            Recognised::Perhaps => {
                let newcomer = newcomer.cloned();
                self.strays.push(Stray { sighting, candidates: same_inode, newcomer });
                return Ok(None);
            }
        };
        if sighting.rival == Some(entry) {
            sighting.rival = None;
        }
        let path = sighting.path();
        self.found.standings.see(entry, base, sighting);
        if here.kind == LocalKind::Folder {
            let part = match cache.place(entry)? {
                Some(_) => self.selected.of(cache, entry)?,
                None => self.selected.below(visit.part, None),
            };
            self.look_into(path, here, entry, is_there, part);
        }
        Ok(Some(entry))
    }

    fn is_apart(&self, visit: &Visit, there: &RemoteChild) -> bool {
        self.selected.below(visit.part, Some(there.entry)) == Part::Apart
            || self.ignores.within(&visit.path).rule(&there.name, there.kind == Kind::Folder).is_some()
    }

    /// A folder has one place. Rows of folders that were found already, or that still stand where they stood, are of others:
    /// a disk that is mounted twice, or inside another one, shows numbers again.
    fn drop_those_elsewhere(&self, rows: &mut Vec<BaseRow>, at_place: Option<&BaseRow>) -> Result<(), SyncError> {
        let mut kept = Vec::new();
        for row in std::mem::take(rows) {
            let is_here = at_place.is_some_and(|base| base.entry == row.entry);
            if row.kind == Kind::Folder && !self.is_seen(row.entry) && (is_here || !self.still_stands(&row)?) {
                kept.push(row);
            }
        }
        *rows = kept;
        Ok(())
    }

    /// Whether what was agreed on as `row`, at whose place something else stands, is somewhere else on the disk.
    fn is_elsewhere(&mut self, row: &BaseRow, here: &LocalChild) -> Result<bool, SyncError> {
        match (row.kind == Kind::Folder, here.kind == LocalKind::Folder) {
            _ if row.identity.inode == here.identity.inode => Ok(false),
            (true, true) => self.is_folder_elsewhere(row),
            (false, false) => self.has_gone_on(row),
            _ => Ok(false),
        }
    }

    /// Whether a file stands, unchanged, where the log has it by now: it was moved there, and the power failed before that was
    /// recorded. What has its name since is another one, not its next version.
    fn has_gone_on(&self, row: &BaseRow) -> Result<bool, SyncError> {
        let Some(place) = self.space.cache().place(row.entry)? else { return Ok(false) };
        if (place.parent, &place.name) == (row.parent, &row.name) {
            return Ok(false);
        }
        let Some(path) = self.base_path(place.parent)? else { return Ok(false) };
        let stands = self.root.open(&path).and_then(|folder| folder.child(&place.name));
        Ok(stands.is_ok_and(|there| there.is_some_and(|there| may_be_moved(&there, row))))
    }

    /// Whether a folder of the disk has the number of `row`. That is searched once, if at all: it is rare.
    fn is_folder_elsewhere(&mut self, row: &BaseRow) -> Result<bool, SyncError> {
        let numbers = match self.folder_numbers.take() {
            Some(numbers) => numbers,
            None => folder_numbers(self.root.open(&TreePath::root())?),
        };
        let is_elsewhere = numbers.contains(&row.identity.inode);
        self.folder_numbers = Some(numbers);
        Ok(is_elsewhere)
    }

    /// Whether the folder of `row` stands where it was agreed on.
    fn still_stands(&self, row: &BaseRow) -> Result<bool, SyncError> {
        let Some(folder) = self.base_path(row.parent)? else {
            return Ok(false);
        };
        let looked = self.root.open(&folder).and_then(|folder: Folder| folder.child(&row.name));
        match looked {
            Ok(child) => Ok(child.is_some_and(|child| child.identity.inode == row.identity.inode)),
            Err(TreeError::Disk { .. }) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    /// Where a folder was agreed on to be.
    pub(super) fn base_path(&self, folder: EntryId) -> Result<Option<TreePath>, SyncError> {
        let mut names = Vec::new();
        let mut at = folder;
        while at != EntryId::ROOT && names.len() <= DEPTH_MAX {
            let Some(row) = self.space.cache().base(self.id, at)? else {
                return Ok(None);
            };
            names.push(row.name);
            at = row.parent;
        }
        Ok(Some(names.iter().rev().fold(TreePath::root(), |path, name| path.join(name))))
    }

    fn look_into(&mut self, path: TreePath, here: &LocalChild, entry: EntryId, is_there: bool, part: Part) {
        let inode = Some(here.identity.inode);
        self.visits.push(Visit { path, inode, entry, is_there, is_deep: true, part });
    }
}

/// The numbers of all folders of the disk that can be listed.
fn folder_numbers(root: Folder) -> BTreeSet<u64> {
    let (mut numbers, mut folders) = (BTreeSet::new(), vec![root]);
    while let Some(folder) = folders.pop() {
        for (name, number) in folder.folders().unwrap_or_default() {
            numbers.insert(number);
            if folder.path().depth() < DEPTH_MAX {
                folders.extend(folder.open_folder(&name));
            }
        }
    }
    numbers
}

/// Whether nothing has changed since it was agreed on, on either side.
pub(super) fn is_same(base: &BaseRow, here: &LocalChild, there: &RemoteChild) -> bool {
    let is_same_here = match here.kind {
        LocalKind::Folder => here.identity.inode == base.identity.inode,
        LocalKind::File | LocalKind::Symlink => here.identity.is_unchanged(&base.identity),
    };
    base.entry == there.entry
        && base.kind == there.kind
        && is_kind(here.kind, base.kind)
        && is_same_here
        && base.content == there.content
        && base.executable == there.executable
}
