//! Three trees as maps, and what carrying a plan out makes of them: what was unexpectedly in the way becomes a conflict copy.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use vauban_protocol::id::Digest;

use crate::log::{ChunkList, EntryId, EntryName, Kind, MapTree, Op, Place, Tree as _, Version, apply};
use crate::state::cache::{BaseRow, RemoteChild};
use crate::sync::brake::Held;
use crate::sync::plan::{Decider, Download, Plan, RowAfter, Shift, Upload, order};
use crate::sync::standing::{Holding, LocalContent, Sighting, Spot, Standings, There};
use crate::tree::{Identity, LocalChild, LocalKind, SyncRoot, TreePath};

/// See the module. What is here bears the entry that it was recognised as.
#[derive(Debug, Clone, Default)]
pub(super) struct Trees {
    pub(super) log: MapTree,
    pub(super) here: MapTree,
    pub(super) base: BTreeMap<EntryId, BaseRow>,
    next: u8,
}

/// Where something stands that has stepped aside.
const ASIDE: EntryId = EntryId([254; 16]);

/// A name as a person sees it, from the root down, and what it holds.
type Shown = BTreeMap<String, Option<Digest>>;

impl Trees {
    /// What three histories make: one before both sides agreed, then one on each side.
    pub(super) fn grow([before, there, here]: [&[[u8; 4]]; 3]) -> Self {
        let mut trees = Self::default();
        let mut tree = MapTree::default();
        before.iter().for_each(|step| trees.step(&mut tree, *step));
        (trees.log, trees.here) = (tree.clone(), tree);
        trees.base = trees.here.entries().map(|(entry, _)| (entry, trees.row(entry).unwrap())).collect();
        let (mut log, mut disk) = (trees.log.clone(), trees.here.clone());
        there.iter().for_each(|step| trees.step(&mut log, *step));
        here.iter().for_each(|step| trees.step(&mut disk, *step));
        (trees.log, trees.here) = (log, disk);
        trees
    }

    /// One byte a choice: what is done, to which entry, in which folder, under which name.
    fn step(&mut self, tree: &mut MapTree, [what, which, target, name]: [u8; 4]) {
        let pick = |from: &[EntryId], at: u8| from.get(usize::from(at) % from.len().max(1)).copied();
        let all: Vec<_> = tree.entries().map(|(entry, _)| entry).collect();
        let of_kind =
            |wanted: Kind| tree.entries().filter(move |(_, place)| place.kind == wanted).map(|(entry, _)| entry);
        let folders: Vec<_> = [EntryId::ROOT].into_iter().chain(of_kind(Kind::Folder)).collect();
        let files: Vec<_> = of_kind(Kind::File).collect();
        let parent = pick(&folders, target).unwrap_or(EntryId::ROOT);
        let text = vec![b'a' + name % 3];
        match what % 8 {
            0 | 1 => {
                let entry = self.fresh();
                put(tree, &Op::Create { entry, parent, name: text, kind: Kind::Folder });
            }
            2 | 3 => {
                let entry = self.fresh();
                put(tree, &Op::Create { entry, parent, name: text, kind: Kind::File });
                self.edit(tree, entry, name);
            }
            4 | 5 => pick(&all, which).into_iter().for_each(|entry| {
                put(tree, &Op::Move { entry, parent, name: text.clone() });
            }),
            6 => pick(&all, which).into_iter().for_each(|entry| remove_all(tree, entry)),
            _ => pick(&files, which).into_iter().for_each(|entry| self.edit(tree, entry, name)),
        }
    }

    /// A new content, which now and then is one that others have, too.
    fn edit(&mut self, tree: &mut MapTree, entry: EntryId, name: u8) {
        let content = if name > 200 { Digest([255; 32]) } else { Digest([self.fresh().0[0]; 32]) };
        put(tree, &Op::Write { entry, version: version(content) });
    }

    fn fresh(&mut self) -> EntryId {
        self.next = self.next.checked_add(1).expect("few are drawn");
        EntryId([self.next; 16])
    }

    /// Recognises what stands here by where it stands, as the survey does: as what was agreed on there, or what both sides made.
    pub(super) fn recognise(&mut self) {
        let mut at = vec![EntryId::ROOT];
        while let Some(folder) = at.pop() {
            let children: Vec<_> = self.here.entries().filter(|(_, place)| place.parent == folder).collect();
            let children: Vec<_> = children.into_iter().map(|(entry, place)| (entry, place.clone())).collect();
            for (entry, place) in children {
                let mut is = entry;
                let there = self.log.place(entry).unwrap();
                if !self.base.contains_key(&entry) && there.as_ref() != Some(&place) {
                    let unknown = if there.is_some() { self.fresh() } else { entry };
                    let was = self.base.values().find(|row| {
                        (row.parent, &row.name, row.kind) == (folder, &place.name, place.kind)
                            && !self.here.has(row.entry)
                    });
                    let there = self.log.child(folder, &place.name).unwrap().filter(|there| {
                        let kind = self.log.place(*there).unwrap().map(|place| place.kind);
                        kind == Some(place.kind) && !self.base.contains_key(there) && !self.here.has(*there)
                    });
                    is = was.map(|row| row.entry).or(there).unwrap_or(unknown);
                    self.call(entry, is);
                }
                at.push(is);
            }
        }
    }

    /// Nothing is agreed on any more, and what is here is nothing that is known.
    pub(super) fn lose_base(&mut self) {
        self.base.clear();
        let all: Vec<_> = self.here.entries().map(|(entry, _)| entry).collect();
        for entry in all {
            let unknown = self.fresh();
            self.call(entry, unknown);
        }
    }

    /// What is here as `was` is `is`, from now on.
    fn call(&mut self, was: EntryId, is: EntryId) {
        let Some(place) = self.here.place(was).unwrap().filter(|_| was != is) else { return };
        let version = self.here.version(was).cloned();
        self.here.remove(was).unwrap();
        self.here.put(is, &place).unwrap();
        version.into_iter().for_each(|version| self.here.write(is, &version).unwrap());
        let inner: Vec<_> =
            self.here.entries().filter(|(_, place)| place.parent == was).map(|(e, p)| (e, p.clone())).collect();
        inner.into_iter().for_each(|(entry, place)| self.here.put(entry, &Place { parent: is, ..place }).unwrap());
    }

    pub(super) fn plan(&mut self, root: &Arc<SyncRoot>) -> Plan {
        let standings = self.survey();
        let decider = Decider::new(&standings, &Holding::default(), root);
        decider.decide(Held::default(), || self.fresh())
    }

    fn survey(&self) -> Standings {
        let mut standings = Standings::default();
        for (entry, place) in self.here.entries() {
            let content = self.content_here(entry);
            let sighting = Sighting {
                folder: path(&self.here, place.parent),
                folder_inode: inode(place.parent),
                parent: place.parent,
                child: self.child(entry, place),
                rival: self.log.child(place.parent, &place.name).unwrap().filter(|rival| *rival != entry),
                content: content.map(|digest| LocalContent { digest: Some(digest), file_type: None }),
                is_apart: false,
            };
            standings.see(entry, self.base.get(&entry), sighting);
        }
        self.base.values().filter(|row| !self.here.has(row.entry)).for_each(|row| standings.miss(row.clone()));
        for (entry, place) in self.log.entries() {
            let (name, kind, content) = (place.name.clone(), place.kind, self.content_there(entry));
            let child = RemoteChild { entry, name, kind, content, executable: false, bytes: 0 };
            let folder = path(&self.log, place.parent);
            standings.learn(There { folder, parent: place.parent, child, refused: None, is_apart: false });
        }
        standings
    }

    fn child(&self, entry: EntryId, place: &Place) -> LocalChild {
        let kind = if place.kind == Kind::Folder { LocalKind::Folder } else { LocalKind::File };
        LocalChild { name: place.name.clone(), kind, executable: false, identity: self.identity(entry, place) }
    }

    /// As a disk shows it: the time of its content, and of its place.
    fn identity(&self, entry: EntryId, place: &Place) -> Identity {
        let placed = Digest::of(&[&place.parent.0, place.name.as_str().as_bytes()].concat());
        let mtime_ns = self.content_here(entry).map_or(0, |content| i64::from(content.0[0]));
        Identity {
            device: 0,
            inode: inode(entry),
            bytes: 0,
            mtime_ns,
            ctime_ns: i64::from(placed.0[0]) + 1000 * mtime_ns,
        }
    }

    /// What is here of an entry, as it is recorded when it is agreed on.
    fn row(&self, entry: EntryId) -> Option<BaseRow> {
        let place = self.here.place(entry).unwrap()?;
        let (identity, content) = (self.identity(entry, &place), self.content_here(entry));
        let Place { parent, name, kind } = place;
        Some(BaseRow { entry, parent, name, kind, content, executable: false, identity, file_type: None })
    }

    /// Carries out what a plan has for the log, then what it has for the disk.
    pub(super) fn carry_out(&mut self, mut plan: Plan) {
        self.base.extend(plan.agreed.drain(..).map(|row| (row.entry, row)));
        plan.forgotten.iter().for_each(|entry| drop(self.base.remove(entry)));
        let ordered = order(&mut self.log, std::mem::take(&mut plan.log_changes)).unwrap();
        plan.shifts.extend(ordered.cyclic.iter().filter_map(|entry| plan.ways_back.remove(entry)));
        ordered.groups.into_iter().flatten().for_each(|change| self.settle(change.after));
        plan.uploads.iter().for_each(|upload| self.upload(upload));
        self.arrange(plan);
    }

    fn settle(&mut self, after: RowAfter) {
        match after {
            RowAfter::Agreed(row, was) => {
                self.succeed(was, row.entry);
                self.base.insert(row.entry, *row);
            }
            RowAfter::Moved(entry, spot, identity) => {
                if let Some(row) = self.base.get_mut(&entry) {
                    (row.parent, row.name) = (spot.parent, spot.name);
                    row.identity = identity.unwrap_or(row.identity);
                }
            }
            RowAfter::Forgotten(entry) => drop(self.base.remove(&entry)),
            RowAfter::Nothing => {}
        }
    }

    fn succeed(&mut self, was: Option<EntryId>, is: EntryId) {
        if let Some(was) = was {
            self.base.remove(&was);
            self.call(was, is);
        }
    }

    fn upload(&mut self, upload: &Upload) {
        let (entry, parent, name) = (upload.entry, upload.parent, upload.name.as_str().as_bytes().to_vec());
        let Some(content) = self.content_here(upload.was.unwrap_or(entry)) else { return };
        if upload.is_new && !put(&mut self.log, &Op::Create { entry, parent, name, kind: upload.kind }) {
            // Its folder, or its name, is planned anew.
            return;
        }
        put(&mut self.log, &Op::Write { entry, version: version(content) });
        self.succeed(upload.was, entry);
        let row = self.row(entry).expect("it is here");
        self.base.insert(entry, BaseRow { parent: upload.parent, name: upload.name.clone(), ..row });
    }

    fn arrange(&mut self, plan: Plan) {
        let (folders, files): (Vec<_>, Vec<_>) =
            plan.trashings.into_iter().partition(|trashing| trashing.child.kind == LocalKind::Folder);
        for trashing in files {
            self.here.remove(trashing.entry).unwrap();
            self.base.remove(&trashing.entry);
        }
        for aside in plan.asides {
            self.clear(&Spot { parent: aside.parent, name: aside.child.name });
        }
        let (mut made, mut shifts, mut emptied) = (plan.folders_there, plan.shifts, folders);
        loop {
            let before = made.len() + shifts.len() + emptied.len();
            let leaving: BTreeSet<_> =
                shifts.iter().map(|shift| shift.entry).chain(emptied.iter().map(|trashing| trashing.entry)).collect();
            made.retain(|folder| {
                let spot = Spot { parent: folder.parent, name: folder.child.name.clone() };
                !self.lay(folder.child.entry, &spot, Kind::Folder, &leaving)
            });
            shifts.retain(|shift| !self.shift(shift, &leaving));
            emptied.retain(|trashing| !self.empty(trashing.entry));
            if made.len() + shifts.len() + emptied.len() == before {
                // One of those that are in each other's way steps aside.
                match shifts
                    .iter()
                    .find(|shift| self.here.place(shift.entry).unwrap().is_some_and(|place| place.parent != ASIDE))
                {
                    Some(shift) => self.step_aside(shift.entry),
                    None => break,
                }
            }
        }
        // What could not be moved stands at the root.
        for shift in shifts {
            let Some(place) = self.here.place(shift.entry).unwrap().filter(|place| place.parent == ASIDE) else {
                continue;
            };
            let spot = Spot { parent: EntryId::ROOT, name: shift.child.name };
            self.lay(shift.entry, &spot, place.kind, &BTreeSet::new());
        }
        plan.downloads.iter().for_each(|download| self.download(download));
    }

    /// Moves something, with all that is in it; `false` if it cannot go there yet.
    fn shift(&mut self, shift: &Shift, leaving: &BTreeSet<EntryId>) -> bool {
        let Some(place) = self.here.place(shift.entry).unwrap() else { return true };
        let is_done = self.lay(shift.entry, &shift.to, place.kind, leaving);
        if is_done {
            self.settle_shift(shift);
        }
        is_done
    }

    fn step_aside(&mut self, entry: EntryId) {
        let place = self.here.place(entry).unwrap().expect("it is here");
        let name = EntryName::parse(format!("{entry}").as_bytes()).unwrap();
        self.here.put(entry, &Place { parent: ASIDE, name, ..place }).unwrap();
    }

    /// Removes a folder once nothing is in it.
    fn empty(&mut self, folder: EntryId) -> bool {
        if self.here.has_child(folder).unwrap() {
            return false;
        }
        if self.here.has(folder) {
            self.here.remove(folder).unwrap();
            self.base.remove(&folder);
        }
        true
    }

    fn settle_shift(&mut self, shift: &Shift) {
        let is_agreed = |row: &BaseRow| shift.is_as_agreed || row.identity == shift.child.identity;
        if let (Some(now), Some(row)) = (self.row(shift.entry), self.base.get_mut(&shift.entry)) {
            row.identity = if is_agreed(row) { now.identity } else { row.identity };
            (row.parent, row.name) = (now.parent, now.name);
        }
    }

    /// Whether a folder can be reached, where it stands or aside.
    fn is_here(&self, folder: EntryId) -> bool {
        folder == EntryId::ROOT || self.here.has(folder)
    }

    fn is_within(&self, inner: EntryId, outer: EntryId) -> bool {
        let mut at = Some(inner);
        while at.is_some_and(|at| at != outer) {
            at = at.and_then(|at| self.here.place(at).unwrap()).map(|place| place.parent);
        }
        at.is_some()
    }

    /// Puts something at a place; what stands there makes way, or is waited for if it is leaving. `false` if it cannot stand there.
    fn lay(&mut self, entry: EntryId, spot: &Spot, kind: Kind, leaving: &BTreeSet<EntryId>) -> bool {
        if !self.is_here(spot.parent) || self.is_within(spot.parent, entry) {
            return false;
        }
        let occupant = self.here.child(spot.parent, &spot.name).unwrap().filter(|occupant| *occupant != entry);
        if occupant.is_some_and(|occupant| leaving.contains(&occupant)) {
            return false;
        }
        self.clear_of(entry, spot);
        self.here.put(entry, &Place { parent: spot.parent, name: spot.name.clone(), kind }).unwrap();
        if kind == Kind::Folder && !self.base.contains_key(&entry) {
            self.base.insert(entry, self.row(entry).expect("it was just put there"));
        }
        true
    }

    fn clear_of(&mut self, entry: EntryId, spot: &Spot) {
        if self.here.child(spot.parent, &spot.name).unwrap() != Some(entry) {
            self.clear(spot);
        }
    }

    /// Makes a conflict copy of what stands at a place, if anything does.
    fn clear(&mut self, spot: &Spot) {
        let Some(occupant) = self.here.child(spot.parent, &spot.name).unwrap() else { return };
        let place = self.here.place(occupant).unwrap().expect("it stands there");
        let name = EntryName::parse(format!("copy {}", self.fresh()).as_bytes()).unwrap();
        self.here.put(occupant, &Place { name, ..place }).unwrap();
    }

    fn download(&mut self, Download { parent, child, replaces_base, is_seen, .. }: &Download) {
        let spot = Spot { parent: *parent, name: child.name.clone() };
        let stands = self.here.place(child.entry).unwrap().map(|place| Spot::of(&place));
        let Some(content) = child.content else { return };
        if !self.is_here(*parent) || (*is_seen && stands.as_ref() != Some(&spot)) {
            return;
        }
        let before = self.content_here(child.entry);
        let is_base = *replaces_base && before == self.base.get(&child.entry).and_then(|base| base.content);
        if let Some(before) = before.filter(|_| !is_base) {
            // What was here becomes a thing of its own.
            let copy = self.fresh();
            self.here.remove(child.entry).unwrap();
            self.here.put(copy, &Place { parent: *parent, name: child.name.clone(), kind: child.kind }).unwrap();
            self.here.write(copy, &version(before)).unwrap();
        }
        self.lay(child.entry, &spot, child.kind, &BTreeSet::new());
        self.here.write(child.entry, &version(content)).unwrap();
        self.base.insert(child.entry, self.row(child.entry).expect("it was just put there"));
    }

    pub(super) fn content_here(&self, entry: EntryId) -> Option<Digest> {
        self.here.version(entry).map(|version| version.content)
    }

    pub(super) fn content_there(&self, entry: EntryId) -> Option<Digest> {
        self.log.version(entry).map(|version| version.content)
    }

    pub(super) fn contents_here(&self) -> BTreeSet<Digest> {
        self.here.entries().filter_map(|(entry, _)| self.content_here(entry)).collect()
    }

    pub(super) fn contents_there(&self) -> BTreeSet<Digest> {
        self.log.entries().filter_map(|(entry, _)| self.content_there(entry)).collect()
    }

    pub(super) fn shown_here(&self) -> Shown {
        shown(&self.here)
    }

    pub(super) fn shown_there(&self) -> Shown {
        shown(&self.log)
    }
}

/// Whether an op has an effect.
fn put(tree: &mut MapTree, op: &Op) -> bool {
    apply(tree, op).unwrap() == crate::log::Effect::Applied
}

fn remove_all(tree: &mut MapTree, entry: EntryId) {
    let inner: Vec<_> = tree.entries().filter(|(_, place)| place.parent == entry).map(|(inner, _)| inner).collect();
    inner.into_iter().for_each(|inner| remove_all(tree, inner));
    put(tree, &Op::Remove { entry });
}

fn version(content: Digest) -> Version {
    let chunks = ChunkList::Inline(Vec::new());
    Version { content, bytes: 0, mtime_ns: 0, executable: false, cutter_epoch: 1, chunks }
}

fn inode(entry: EntryId) -> u64 {
    u64::from(entry.0[0])
}

fn path(tree: &MapTree, entry: EntryId) -> TreePath {
    match tree.place(entry).unwrap() {
        Some(place) => path(tree, place.parent).join(&place.name),
        None => TreePath::root(),
    }
}

fn shown(tree: &MapTree) -> Shown {
    let content = |entry| tree.version(entry).map(|version| version.content);
    tree.entries().map(|(entry, _)| (path(tree, entry).to_string(), content(entry))).collect()
}
