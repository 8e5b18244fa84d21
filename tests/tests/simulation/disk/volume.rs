//! What a disk holds, and what of it would survive a power cut.
//!
//! Two images: what programs see, and what is durable. Between them stand the changes of names that were not flushed yet, in
//! their order. At a power cut some of them reach the disk: any set that holds, with each change, those that it rests on; a
//! rename reaches it whole or not at all, as on every file system with a journal. Contents are flushed file by file; of one that was
//! not, the old one is found, the new one, or a piece of it. A piece as long as the old one bears new times: whoever knows files by
//! their size and times could not tell it otherwise.

use std::collections::{BTreeMap, BTreeSet};

use rustix::io::Errno;

use super::pending::{Change, Pending};
use crate::dice::Dice;

/// A thing on the disk, by a number that is never given again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Serial(pub(crate) u64);

/// What a thing is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum What {
    File(Vec<u8>),
    Folder(BTreeMap<String, Serial>),
    Link(Vec<u8>),
}

/// A thing on the disk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Thing {
    /// The number that programs see; disks give that of a removed thing to the next one.
    pub(crate) inode: u64,
    pub(crate) what: What,
    pub(crate) executable: bool,
    pub(crate) mtime_ns: i64,
    pub(crate) ctime_ns: i64,
}

/// Everything on one disk.
#[derive(Debug, Clone)]
pub(crate) struct Volume {
    things: BTreeMap<Serial, Thing>,
    durable: BTreeMap<Serial, Thing>,
    pending: Vec<Pending>,
    next: u64,
    hidden: Vec<Serial>,
    /// Folders that were removed: whoever has one open finds it empty, and makes nothing in it.
    removed: BTreeSet<Serial>,
    /// Whether numbers of removed things are given again.
    pub(crate) reuses_inodes: bool,
    pub(crate) now_ns: i64,
}

/// The root of every disk.
pub(crate) const ROOT: Serial = Serial(1);
/// What is looked at moves the disk's clock by this much: two changes never bear one time.
const TICK_NS: i64 = 1_000_003;

impl Volume {
    pub(crate) fn new(now_ns: i64) -> Self {
        let root = Thing {
            inode: 1,
            what: What::Folder(BTreeMap::new()),
            executable: false,
            mtime_ns: now_ns,
            ctime_ns: now_ns,
        };
        let things = BTreeMap::from([(ROOT, root)]);
        Self {
            durable: things.clone(),
            things,
            pending: Vec::new(),
            next: 2,
            hidden: Vec::new(),
            removed: BTreeSet::new(),
            reuses_inodes: false,
            now_ns,
        }
    }

    pub(crate) fn tick(&mut self) -> i64 {
        self.now_ns += TICK_NS;
        self.now_ns
    }

    pub(crate) fn thing(&self, serial: Serial) -> Result<&Thing, Errno> {
        self.things.get(&serial).ok_or(Errno::STALE)
    }

    pub(crate) fn children(&self, folder: Serial) -> Result<&BTreeMap<String, Serial>, Errno> {
        match &self.thing(folder)?.what {
            What::Folder(children) => Ok(children),
            What::File(_) | What::Link(_) => Err(Errno::NOTDIR),
        }
    }

    pub(crate) fn find(&self, folder: Serial, name: &str) -> Result<Serial, Errno> {
        self.children(folder)?.get(name).copied().ok_or(Errno::NOENT)
    }

    fn children_mut(&mut self, folder: Serial) -> Result<&mut BTreeMap<String, Serial>, Errno> {
        let now = self.now_ns;
        if self.removed.contains(&folder) {
            return Err(Errno::NOENT);
        }
        let thing = self.things.get_mut(&folder).ok_or(Errno::STALE)?;
        (thing.mtime_ns, thing.ctime_ns) = (now, now);
        match &mut thing.what {
            What::Folder(children) => Ok(children),
            What::File(_) | What::Link(_) => Err(Errno::NOTDIR),
        }
    }

    pub(crate) fn create(&mut self, folder: Serial, name: &str, what: What, executable: bool) -> Result<Serial, Errno> {
        if self.children(folder)?.contains_key(name) {
            return Err(Errno::EXIST);
        }
        self.children_mut(folder)?;
        let now = self.tick();
        let (serial, inode) = (Serial(self.next), self.fresh_inode());
        self.next += 1;
        let is_of_folder = matches!(what, What::Folder(_));
        self.things.insert(serial, Thing { inode, what, executable, mtime_ns: now, ctime_ns: now });
        self.children_mut(folder)?.insert(name.to_owned(), serial);
        self.note(Change::Create { folder, name: name.to_owned(), thing: serial }, is_of_folder);
        Ok(serial)
    }

    /// Another name of a file that is there.
    pub(crate) fn link(&mut self, folder: Serial, name: &str, thing: Serial) -> Result<(), Errno> {
        if self.children(folder)?.contains_key(name) {
            return Err(Errno::EXIST);
        }
        let now = self.tick();
        self.children_mut(folder)?.insert(name.to_owned(), thing);
        if let Some(thing) = self.things.get_mut(&thing) {
            thing.ctime_ns = now;
        }
        self.note(Change::Create { folder, name: name.to_owned(), thing }, false);
        Ok(())
    }

    fn fresh_inode(&self) -> u64 {
        if !self.reuses_inodes {
            return self.next;
        }
        let mut used = BTreeSet::new();
        for image in [&self.things, &self.durable] {
            for thing in image.values() {
                if let What::Folder(children) = &thing.what {
                    used.insert(thing.inode);
                    used.extend(children.values().filter_map(|child| Some(image.get(child)?.inode)));
                }
            }
        }
        // What is open, or may come back after a power cut, keeps its number.
        used.extend(
            self.pending.iter().flat_map(|pending| pending.things()).filter_map(|s| Some(self.things.get(&s)?.inode)),
        );
        (2..).find(|inode| !used.contains(inode)).unwrap_or(self.next)
    }

    /// Writes a whole content, in place.
    pub(crate) fn write(&mut self, file: Serial, content: &[u8]) -> Result<(), Errno> {
        let now = self.tick();
        let thing = self.things.get_mut(&file).ok_or(Errno::STALE)?;
        (thing.mtime_ns, thing.ctime_ns) = (now, now);
        thing.what = What::File(content.to_vec());
        Ok(())
    }

    /// Adds to a content.
    pub(crate) fn append(&mut self, file: Serial, more: &[u8]) -> Result<(), Errno> {
        let mut content = match &self.thing(file)?.what {
            What::File(content) => content.clone(),
            What::Folder(_) | What::Link(_) => return Err(Errno::ISDIR),
        };
        content.extend_from_slice(more);
        self.write(file, &content)
    }

    pub(crate) fn set_mtime(&mut self, file: Serial, mtime_ns: i64) -> Result<(), Errno> {
        let now = self.tick();
        let thing = self.things.get_mut(&file).ok_or(Errno::STALE)?;
        (thing.mtime_ns, thing.ctime_ns) = (mtime_ns, now);
        Ok(())
    }

    pub(crate) fn set_executable(&mut self, file: Serial, executable: bool) -> Result<(), Errno> {
        let now = self.tick();
        let thing = self.things.get_mut(&file).ok_or(Errno::STALE)?;
        (thing.executable, thing.ctime_ns) = (executable, now);
        Ok(())
    }

    pub(crate) fn remove(&mut self, folder: Serial, name: &str) -> Result<(), Errno> {
        let thing = self.find(folder, name)?;
        if matches!(&self.thing(thing)?.what, What::Folder(children) if !children.is_empty()) {
            return Err(Errno::NOTEMPTY);
        }
        let is_of_folder = matches!(self.thing(thing)?.what, What::Folder(_));
        let now = self.tick();
        self.children_mut(folder)?.remove(name);
        if is_of_folder {
            self.removed.insert(thing);
        }
        if let Some(thing) = self.things.get_mut(&thing) {
            thing.ctime_ns = now;
        }
        self.note(Change::Remove { folder, name: name.to_owned(), thing }, is_of_folder);
        Ok(())
    }

    /// Renames; what stands at the new name is exchanged if `exchanges`, else it is in the way.
    pub(crate) fn rename(&mut self, from: (Serial, &str), to: (Serial, &str), exchanges: bool) -> Result<(), Errno> {
        let moved = self.find(from.0, from.1)?;
        let displaced = self.children(to.0)?.get(to.1).copied();
        match (displaced, exchanges) {
            (Some(_), false) => return Err(Errno::EXIST),
            (None, true) => return Err(Errno::NOENT),
            _ => {}
        }
        if self.is_within(to.0, moved) || displaced.is_some_and(|displaced| self.is_within(from.0, displaced)) {
            return Err(Errno::INVAL);
        }
        let ctime_ns = self.tick();
        self.children_mut(to.0)?;
        let is_of_folder = [Some(moved), displaced]
            .into_iter()
            .flatten()
            .any(|thing| self.things.get(&thing).is_some_and(|thing| matches!(thing.what, What::Folder(_))));
        self.children_mut(from.0)?.remove(from.1);
        self.children_mut(to.0)?.insert(to.1.to_owned(), moved);
        if let Some(displaced) = displaced {
            self.children_mut(from.0)?.insert(from.1.to_owned(), displaced);
        }
        for thing in [Some(moved), displaced].into_iter().flatten() {
            if let Some(thing) = self.things.get_mut(&thing) {
                thing.ctime_ns = ctime_ns;
            }
        }
        let (from, to) = ((from.0, from.1.to_owned()), (to.0, to.1.to_owned()));
        self.note(Change::Rename { from, to, moved, displaced, ctime_ns }, is_of_folder);
        Ok(())
    }

    /// Puts `name` of the root out of everybody's sight; what is in it is kept.
    pub(crate) fn hide(&mut self, name: &str) {
        if let Ok(children) = self.children_mut(ROOT)
            && let Some(hidden) = children.remove(name)
        {
            self.hidden.push(hidden);
            self.durable = self.things.clone();
        }
    }

    /// What was put out of sight.
    pub(crate) fn hidden(&self) -> &[Serial] {
        &self.hidden
    }

    /// Whether folder `inner` is `outer`, or lies in it.
    fn is_within(&self, inner: Serial, outer: Serial) -> bool {
        inner == outer
            || self.children(outer).is_ok_and(|children| children.values().any(|child| self.is_within(inner, *child)))
    }

    fn note(&mut self, change: Change, is_of_folder: bool) {
        self.pending.push(Pending { change, is_of_folder });
    }

    /// Makes the content of a file durable; of a folder, that is its names.
    pub(crate) fn flush_content(&mut self, file: Serial) {
        let Some(thing) = self.things.get(&file) else { return };
        if matches!(thing.what, What::Folder(_)) {
            return self.flush_folder(file);
        }
        if let Some(durable) = self.durable.get_mut(&file) {
            *durable = thing.clone();
        } else {
            // Its name may still be lost.
            self.durable.insert(file, thing.clone());
        }
    }

    /// Contents that no power cut takes, whatever else of the changes it lets through.
    pub(crate) fn safe_contents(&self) -> Vec<Vec<u8>> {
        let changing: BTreeSet<Serial> = self.pending.iter().flat_map(Pending::things).collect();
        let mut found = Vec::new();
        let mut folders = vec![ROOT];
        while let Some(folder) = folders.pop() {
            let Some(What::Folder(durable)) = self.durable.get(&folder).map(|thing| &thing.what) else { continue };
            for (name, child) in durable {
                let is_there = self.find(folder, name) == Ok(*child) && !changing.contains(child);
                match (self.things.get(child), self.durable.get(child)) {
                    (Some(seen), Some(durable)) if is_there => match &durable.what {
                        What::Folder(_) => folders.push(*child),
                        What::File(content) | What::Link(content) if seen.what == durable.what => {
                            found.push(content.clone());
                        }
                        What::File(_) | What::Link(_) => {}
                    },
                    _ => {}
                }
            }
        }
        found
    }

    /// Makes the names in a folder durable, and whatever they rest on.
    pub(crate) fn flush_folder(&mut self, folder: Serial) {
        let wanted = self.pending.iter().map(|pending| pending.is_in(folder)).collect();
        self.settle(wanted);
    }

    /// Makes everything durable.
    pub(crate) fn flush_all(&mut self) {
        let files: Vec<_> = self.things.keys().copied().collect();
        self.settle(vec![true; self.pending.len()]);
        for file in files {
            if !matches!(self.things.get(&file), Some(Thing { what: What::Folder(_), .. })) {
                self.flush_content(file);
            }
        }
    }

    /// Carries out, on the durable image, the changes that are `wanted`, with all that they rest on.
    fn settle(&mut self, mut wanted: Vec<bool>) {
        for at in (0..self.pending.len()).rev() {
            if !wanted.get(at).copied().unwrap_or_default() {
                continue;
            }
            let Some(later) = self.pending.get(at) else { continue };
            let needed: Vec<_> = (0..at)
                .filter(|earlier| self.pending.get(*earlier).is_some_and(|earlier| later.rests_on(earlier)))
                .collect();
            for earlier in needed {
                if let Some(wanted) = wanted.get_mut(earlier) {
                    *wanted = true;
                }
            }
        }
        let pending = std::mem::take(&mut self.pending);
        for (pending, is_wanted) in pending.into_iter().zip(wanted) {
            if is_wanted {
                self.make_durable(&pending.change);
            } else {
                self.pending.push(pending);
            }
        }
    }

    fn make_durable(&mut self, change: &Change) {
        match change {
            Change::Create { folder, name, thing } => {
                self.make_known(*thing);
                self.durable_children(*folder).insert(name.clone(), *thing);
            }
            Change::Remove { folder, name, .. } => {
                self.durable_children(*folder).remove(name);
            }
            Change::Rename { from, to, moved, displaced, ctime_ns } => {
                self.durable_children(from.0).remove(&from.1);
                self.durable_children(to.0).insert(to.1.clone(), *moved);
                if let Some(displaced) = displaced {
                    self.durable_children(from.0).insert(from.1.clone(), *displaced);
                }
                for thing in [Some(*moved), *displaced].into_iter().flatten() {
                    if let Some(thing) = self.durable.get_mut(&thing) {
                        thing.ctime_ns = thing.ctime_ns.max(*ctime_ns);
                    }
                }
            }
        }
    }

    /// Something whose name is durable and whose content is not: empty, until it is flushed.
    fn make_known(&mut self, serial: Serial) {
        let Some(thing) = self.things.get(&serial) else { return };
        let what = match &thing.what {
            What::Folder(_) => What::Folder(BTreeMap::new()),
            What::File(_) => What::File(Vec::new()),
            What::Link(target) => What::Link(target.clone()),
        };
        let known = Thing { what, ..thing.clone() };
        self.durable.entry(serial).or_insert(known);
    }

    fn durable_children(&mut self, folder: Serial) -> &mut BTreeMap<String, Serial> {
        self.make_known(folder);
        let now = self.now_ns;
        let thing = self.durable.entry(folder).or_insert_with(|| Thing {
            inode: folder.0,
            what: What::Folder(BTreeMap::new()),
            executable: false,
            mtime_ns: now,
            ctime_ns: now,
        });
        if !matches!(thing.what, What::Folder(_)) {
            thing.what = What::Folder(BTreeMap::new());
        }
        match &mut thing.what {
            What::Folder(children) => children,
            What::File(_) | What::Link(_) => unreachable!("it was made a folder"),
        }
    }

    /// The power fails, and only what is durable is left.
    pub(crate) fn lose_all_unflushed(&mut self) {
        self.pending.clear();
        self.removed.clear();
        self.things = self.durable.clone();
        self.tick();
    }

    /// The power fails: what is durable is left, and of the rest what chance makes of it.
    pub(crate) fn cut_power(&mut self, dice: &mut Dice) {
        let count = self.pending.len();
        let wanted: Vec<_> = match dice.roll(4) {
            0 => vec![false; count],
            1 => vec![true; count],
            // A journal: as far as it was written.
            2 => {
                let written = dice.roll(count + 1);
                (0..count).map(|at| at < written).collect()
            }
            _ => (0..count).map(|_| dice.roll(2) == 0).collect(),
        };
        self.settle(wanted);
        self.pending.clear();
        let contents_survive = dice.roll(3);
        let serials: Vec<_> = self.durable.keys().copied().collect();
        for serial in serials {
            let (Some(seen), Some(durable)) = (self.things.get(&serial), self.durable.get_mut(&serial)) else {
                continue;
            };
            let (What::File(new), What::File(old)) = (&seen.what, &durable.what) else { continue };
            if new == old {
                continue;
            }
            let survives = match contents_survive {
                0 => 0,
                1 => 1,
                _ => dice.roll(3),
            };
            match survives {
                0 => {}
                1 => *durable = Thing { ctime_ns: seen.ctime_ns.max(durable.ctime_ns), ..seen.clone() },
                _ => {
                    let piece = new[..dice.roll(new.len() + 1)].to_vec();
                    if piece.len() == old.len() {
                        (durable.mtime_ns, durable.ctime_ns) = (seen.mtime_ns, seen.ctime_ns.max(durable.ctime_ns));
                    }
                    durable.what = What::File(piece);
                }
            }
        }
        self.removed.clear();
        self.things = self.durable.clone();
        self.tick();
    }
}
