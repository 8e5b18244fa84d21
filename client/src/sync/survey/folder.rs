//! One folder of the disk, beside what was agreed on in it and what the log has in it.

use std::collections::BTreeMap;

use super::{Stray, Surveyor, Visit};
use crate::content::Nodes;
use crate::limit::DEPTH_MAX;
use crate::log::{EntryId, EntryName, Kind};
use crate::state::cache::{BaseRow, RemoteChild};
use crate::sync::SyncError;
use crate::sync::matching::{Recognised, Surroundings, is_kind, recognise};
use crate::sync::report::{Issue, Problem};
use crate::sync::standing::Sighting;
use crate::tree::{Folder, Listing, LocalChild, LocalKind, Refused, TreeError, TreePath};

/// One name in one folder.
#[derive(Default)]
struct Trio {
    base: Option<BaseRow>,
    here: Option<LocalChild>,
    there: Option<RemoteChild>,
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
        let listed = self.root.open(&visit.path).and_then(|folder| Ok((folder.list()?, folder.identity()?.device)));
        let (listing, device) = match listed {
            Ok(listed) => listed,
            Err(error) => {
                self.issue(&visit.path, Problem::unreadable(&error));
                self.unlisted.insert(visit.entry);
                return Ok(());
            }
        };
        self.say_unfit(visit, &listing);
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
        for base in self.space.cache().base_children(self.id, visit.entry)? {
            let trio = names.entry(base.name.clone()).or_default();
            // What left this place, and is not agreed on elsewhere yet, may have had a successor here.
            if let Some(other) = trio.take_base(base) {
                self.miss(other);
            }
            self.found.is_emptied |= is_empty && visit.entry == EntryId::ROOT;
        }
        for (name, trio) in names {
            self.look_at(visit, &name, trio, device)?;
        }
        Ok(())
    }

    fn say_unfit(&mut self, visit: &Visit, listing: &Listing) {
        for (name, unfit) in &listing.unfit {
            let path = format!("{}/{name}", visit.path);
            self.found.issues.push(Issue { path, problem: (*unfit).into() });
            self.found.holding.insert(visit.entry);
        }
    }

    /// Keeps what differs at one name.
    fn look_at(&mut self, visit: &Visit, name: &EntryName, mut trio: Trio, device: u64) -> Result<(), SyncError> {
        if let Some(here) = &mut trio.here
            && here.kind == LocalKind::Folder
        {
            // Of a folder, only whether it is another disk than the one it lies on is remembered.
            here.identity.device = if here.identity.device == device { 0 } else { here.identity.device };
            let was = trio.base.as_ref().filter(|base| base.kind == Kind::Folder);
            let was_mounted = was.map(|base| base.identity.device != 0);
            if was_mounted.is_some_and(|was| was != (here.identity.device != 0)) {
                self.issue(&visit.path.join(name), Problem::MountChanged);
                self.found.holding.insert(visit.entry);
                return Ok(());
            }
        }
        if visit.path.depth() >= DEPTH_MAX {
            self.issue(&visit.path.join(name), Refused::TooDeep.into());
            self.found.holding.insert(visit.entry);
            return Ok(());
        }
        if let Trio { base: Some(base), here: Some(here), there: Some(there) } = &trio
            && is_same(base, here, there)
            && (here.kind != LocalKind::Folder || !self.is_seen(base.entry))
        {
            match here.kind {
                LocalKind::Folder => self.look_into(visit.path.join(name), base.entry, true),
                LocalKind::File | LocalKind::Symlink => self.found.unchanged = self.found.unchanged.saturating_add(1),
            }
            return Ok(());
        }
        let entry_here = match &trio.here {
            Some(here) => self.recognise(visit, here, &trio)?,
            None => None,
        };
        if let Some(base) = trio.base
            && entry_here != Some(base.entry)
        {
            self.miss(base);
        }
        if let Some(there) = trio.there {
            self.learn(&visit.path, visit.entry, there);
        }
        Ok(())
    }

    /// Says which entry a thing on the disk is, as far as that can be said before all were looked at.
    fn recognise(&mut self, visit: &Visit, here: &LocalChild, trio: &Trio) -> Result<Option<EntryId>, SyncError> {
        let cache = self.space.cache();
        let mut same_inode = Vec::new();
        let is_at_place = trio.base.as_ref().is_some_and(|base| is_kind(here.kind, base.kind));
        if self.has_base && (here.kind == LocalKind::Folder || !is_at_place) {
            same_inode = cache.base_by_inode(self.id, here.identity.inode)?;
        }
        if here.kind == LocalKind::Folder {
            self.drop_those_elsewhere(&mut same_inode, trio.base.as_ref())?;
        }
        let mut newcomer = trio.there.as_ref();
        if self.has_base
            && let Some(there) = newcomer
            && (self.is_seen(there.entry) || cache.base(self.id, there.entry)?.is_some())
        {
            newcomer = None;
        }
        let around = Surroundings { base: trio.base.as_ref(), newcomer, same_inode: &same_inode };
        let recognised = recognise(here, &around);
        let mut sighting = Sighting {
            folder: visit.path.clone(),
            parent: visit.entry,
            child: here.clone(),
            rival: trio.there.as_ref().map(|there| there.entry),
            content: None,
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
            self.look_into(path, entry, is_there);
        }
        Ok(Some(entry))
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
    fn base_path(&self, folder: EntryId) -> Result<Option<TreePath>, SyncError> {
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

    fn look_into(&mut self, path: TreePath, entry: EntryId, is_there: bool) {
        self.visits.push(Visit { path, entry, is_there });
    }
}

/// Whether nothing has changed since it was agreed on, on either side.
fn is_same(base: &BaseRow, here: &LocalChild, there: &RemoteChild) -> bool {
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
