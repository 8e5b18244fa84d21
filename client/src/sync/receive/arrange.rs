//! Arranging the disk as the log has it: removals, renames, new folders (sync.md, rule 6).
//!
//! Steps are tried in turns, until none gets any further: what another step is going to make room for waits for it. Where all
//! wait for each other, one thing steps aside into Vauban's own folder. Each step looks at what it is about to change: only what
//! the survey saw is removed or renamed, and what unexpectedly stands in the way becomes a conflict copy. All of them share one
//! flush, and only then is anything agreed.

use std::collections::{BTreeMap, BTreeSet};

use vauban_protocol::time::Timestamp;

use super::Receive;
use crate::clock;
use crate::content::Nodes;
use crate::limit::FLUSHES_MAX;
use crate::log::{EntryId, Kind};
use crate::state::cache::{BaseRow, Direction, Toll};
use crate::sync::SyncError;
use crate::sync::plan::{Aside, FolderThere, Shift, Trashing, WhyTrashed};
use crate::sync::report::Problem;
use crate::sync::standing::Spot;
use crate::tree::{
    Binning, Emptied, Folder, Identity, LocalChild, LocalKind, Look, Shifted, SyncRoot, Trash, TrashRecord, TreeError,
    TreePath, flush_all, waiting_name,
};

/// One change of the disk's arrangement.
#[derive(Debug, Clone)]
enum Step {
    Aside(Aside),
    Trash(Trashing),
    Shift(Shift),
    Make(FolderThere),
}

/// How far a step came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Tried {
    Done,
    /// Something is in its way that may leave.
    Waits,
    /// What it was planned for is no longer so: the next round plans anew.
    Moot,
}

/// What is known of an arrangement as it goes.
#[derive(Debug, Default)]
struct Progress {
    /// What is going to leave its place: where it stands, and its number on the disk, which other names may have, too.
    leaving: BTreeSet<(Spot, u64)>,
    /// What waits in Vauban's own folder, and where it stood, with its number on the disk.
    aside: BTreeMap<EntryId, (Spot, u64)>,
    trash: Option<Trash>,
    records: Vec<TrashRecord>,
    touched: Touched,
    rows: Vec<BaseRow>,
    moved: Vec<(Shift, Look)>,
    forgotten: Vec<EntryId>,
    /// How many of those their user did not ask for.
    toll: u64,
}

/// Folders in which something was changed, as long as they are few.
#[derive(Debug, Default)]
struct Touched {
    folders: BTreeMap<Option<EntryId>, Folder>,
    are_many: bool,
}

impl<N: Nodes> Receive<'_, N> {
    /// Carries out what is to make way, and to be removed, moved and made here.
    pub(super) fn arrange(
        &mut self,
        asides: Vec<Aside>,
        trashings: Vec<Trashing>,
        shifts: Vec<Shift>,
        folders: Vec<FolderThere>,
    ) -> Result<(), SyncError> {
        let mut progress = Progress {
            records: trashings.iter().map(|trashing| record(trashing, self.space.now())).collect(),
            ..Progress::default()
        };
        let (emptied, binned): (Vec<_>, Vec<_>) =
            trashings.into_iter().partition(|trashing| trashing.child.kind == LocalKind::Folder);
        let mut steps: Vec<Step> = asides.into_iter().map(Step::Aside).collect();
        steps.extend(binned.into_iter().map(Step::Trash));
        steps.extend(folders.into_iter().map(Step::Make));
        steps.extend(shifts.into_iter().map(Step::Shift));
        steps.extend(emptied.into_iter().map(Step::Trash));
        if steps.is_empty() {
            return Ok(());
        }
        let mut intended = Vec::new();
        for step in &steps {
            progress.leaving.extend(self.leaving(step)?);
            intended.extend(self.intended(step)?);
        }
        self.space.cache.intend(self.id, &intended)?;
        let stopped = self.try_all(steps, &mut progress);
        let back = progress.aside.keys().copied().collect::<Vec<_>>();
        let put_back = back.into_iter().try_for_each(|entry| self.put_back(entry, &mut progress));
        stopped.and(put_back)?;
        self.settle(progress)
    }

    fn try_all(&mut self, mut steps: Vec<Step>, progress: &mut Progress) -> Result<(), SyncError> {
        loop {
            let before = steps.len();
            let mut waiting = Vec::new();
            for step in steps {
                match self.attempt(&step, progress)? {
                    Tried::Waits => waiting.push(step),
                    Tried::Done => {}
                    // What was to leave stays.
                    Tried::Moot => {
                        self.leaving(&step)?.map(|left| progress.leaving.remove(&left));
                    }
                }
            }
            steps = waiting;
            let is_stuck = steps.len() == before;
            if steps.is_empty() || (is_stuck && !self.step_aside(&steps, progress)?) {
                break;
            }
        }
        // A folder that is not empty after all is planned anew, and so is what waits for one that was not made.
        for step in &steps {
            if let Some(target) = step.target()
                && self.path(target)?.is_some()
            {
                self.issue(step.path(), Problem::InTheWay);
            }
        }
        Ok(())
    }

    /// Tries one step; what concerns it alone is an issue.
    fn attempt(&mut self, step: &Step, progress: &mut Progress) -> Result<Tried, SyncError> {
        let tried = match step {
            Step::Aside(aside) => self.set_aside(aside, progress),
            Step::Trash(trashing) => self.remove(trashing, progress),
            Step::Shift(shift) => self.shift(shift, progress),
            Step::Make(folder) => self.make(folder, progress),
        };
        match tried {
            Err(SyncError::Tree(error)) => {
                self.unwritable(step.path(), error)?;
                Ok(Tried::Moot)
            }
            other => other,
        }
    }

    fn set_aside(&mut self, aside: &Aside, progress: &mut Progress) -> Result<Tried, SyncError> {
        let Some(folder) = self.open(aside.parent)? else { return Ok(Tried::Waits) };
        let Some(child) = folder.child(&aside.child.name)?.filter(|child| is_what_was_seen(&aside.child, child)) else {
            return Ok(Tried::Moot);
        };
        self.rename_aside(&folder, &child, aside.parent, progress)?;
        Ok(Tried::Done)
    }

    fn remove(&mut self, trashing: &Trashing, progress: &mut Progress) -> Result<Tried, SyncError> {
        let Some(folder) = self.open(trashing.parent)? else { return Ok(Tried::Waits) };
        let name = &trashing.child.name;
        let mut trash = match progress.trash.take() {
            Some(trash) => trash,
            None => {
                Trash::begin(self.root, &clock::day(self.space.now()), self.space.fresh_number()?, &progress.records)?
            }
        };
        let tried = if trashing.child.kind == LocalKind::Folder {
            trash.keep_folder(&trashing.path).and_then(|()| remove_folder(&folder, &trashing.child))
        } else {
            let stamp = self.stamp(Some(trashing.child.identity.mtime_ns));
            trash.take(&folder, name, &trashing.child.identity, &stamp).map(|binning| match binning {
                Binning::Binned => Tried::Done,
                Binning::Changed | Binning::Gone => Tried::Moot,
                Binning::Aside(copy) => {
                    self.say_copy(&folder.path().join(&copy), trashing.parent);
                    Tried::Moot
                }
            })
        };
        progress.trash = Some(trash);
        let tried = tried?;
        if tried == Tried::Done {
            progress.forgotten.push(trashing.entry);
            progress.toll = progress.toll.saturating_add(u64::from(trashing.why != WhyTrashed::Deselected));
            progress.touched.add(Some(trashing.parent), &folder);
        }
        Ok(tried)
    }

    fn shift(&mut self, shift: &Shift, progress: &mut Progress) -> Result<Tried, SyncError> {
        let Some(to) = self.open(shift.to.parent)? else { return Ok(Tried::Waits) };
        let (from, name, left) = match progress.aside.get(&shift.entry) {
            Some(_) => (self.root.temporary()?.clone(), waiting_name(shift.entry)?, None),
            None => match self.standing(shift)? {
                Some((folder, spot)) => (folder, spot.name, Some(spot.parent)),
                None => return Ok(Tried::Moot),
            },
        };
        if let Some(occupant) = to.child(&shift.to.name)?
            && !self.make_room(&to, &occupant, shift.to.parent, progress)?
        {
            return Ok(Tried::Waits);
        }
        match from.shift(&name, &to, &shift.to.name)? {
            Shifted::Done(shown) => {
                progress.touched.add(left, &from);
                progress.touched.add(Some(shift.to.parent), &to);
                progress.aside.remove(&shift.entry);
                self.whereabouts.set(shift.entry, shift.to.clone(), shown.identity.inode);
                progress.moved.push((shift.clone(), shown));
                Ok(Tried::Done)
            }
            Shifted::Taken | Shifted::Within => Ok(Tried::Waits),
            Shifted::Gone => Ok(Tried::Moot),
        }
    }

    fn make(&mut self, wanted: &FolderThere, progress: &mut Progress) -> Result<Tried, SyncError> {
        let Some(folder) = self.open(wanted.parent)? else { return Ok(Tried::Waits) };
        let name = &wanted.child.name;
        if let Some(occupant) = folder.child(name)? {
            let known = self.space.cache.base_by_inode(self.id, occupant.identity.inode)?;
            if occupant.kind == LocalKind::Folder && known.iter().any(|row| row.entry == wanted.child.entry) {
                // It was not seen, and has come back; or its disk does not show all that it has.
                return Ok(Tried::Moot);
            }
            let is_known = !known.is_empty();
            // A folder that someone has just made is as good as one of this run's.
            let is_as_good = occupant.kind == LocalKind::Folder && !is_known;
            if !is_as_good && !self.make_room(&folder, &occupant, wanted.parent, progress)? {
                return Ok(Tried::Waits);
            }
        }
        folder.make_folder(name)?;
        let mut identity = folder.open_folder(name)?.identity()?;
        // As the survey remembers folders: it lies on the disk that it was made on.
        identity.device = 0;
        progress.touched.add(Some(wanted.parent), &folder);
        let spot = Spot { parent: wanted.parent, name: name.clone() };
        self.whereabouts.set(wanted.child.entry, spot, identity.inode);
        progress.rows.push(made(wanted, identity));
        Ok(Tried::Done)
    }

    /// What leaves its place by a step, where it stands and by its number.
    fn leaving(&self, step: &Step) -> Result<Option<(Spot, u64)>, SyncError> {
        let (parent, child) = match step {
            Step::Aside(aside) => (aside.parent, &aside.child),
            Step::Trash(trashing) => (trashing.parent, &trashing.child),
            Step::Shift(shift) => {
                let spot = self.whereabouts.spot(&self.space.cache, self.id, shift.entry)?;
                return Ok(spot.map(|spot| (spot, shift.child.identity.inode)));
            }
            Step::Make(_) => return Ok(None),
        };
        Ok(Some((Spot { parent, name: child.name.clone() }, child.identity.inode)))
    }

    /// What is agreed once a step is carried out, as far as that is known before; the number of a folder that is yet to be made is
    /// not.
    fn intended(&self, step: &Step) -> Result<Option<BaseRow>, SyncError> {
        match step {
            Step::Make(wanted) => Ok(Some(made(wanted, Identity::default()))),
            Step::Shift(shift) => {
                let row = self.space.cache.base(self.id, shift.entry)?;
                Ok(row.map(|row| {
                    let mut identity = if shift.is_as_agreed { shift.child.identity } else { row.identity };
                    identity.device = row.identity.device;
                    BaseRow { parent: shift.to.parent, name: shift.to.name.clone(), identity, ..row }
                }))
            }
            Step::Aside(_) | Step::Trash(_) => Ok(None),
        }
    }

    /// The folder that something stands in, and its place, if it still is what was seen.
    fn standing(&self, shift: &Shift) -> Result<Option<(Folder, Spot)>, SyncError> {
        let Some(spot) = self.whereabouts.spot(&self.space.cache, self.id, shift.entry)? else { return Ok(None) };
        let Some(folder) = self.open(spot.parent)? else { return Ok(None) };
        let is_it = folder.child(&spot.name)?.is_some_and(|child| is_what_was_seen(&shift.child, &child));
        Ok(is_it.then_some((folder, spot)))
    }

    /// Frees a name of what unexpectedly stands there. `false` if it is going to leave by itself.
    fn make_room(
        &mut self,
        folder: &Folder,
        occupant: &LocalChild,
        parent: EntryId,
        progress: &mut Progress,
    ) -> Result<bool, SyncError> {
        let spot = Spot { parent, name: occupant.name.clone() };
        if progress.leaving.contains(&(spot, occupant.identity.inode)) {
            return Ok(false);
        }
        self.rename_aside(folder, occupant, parent, progress)?;
        Ok(true)
    }

    /// Makes a conflict copy of what stands in `folder`.
    fn rename_aside(
        &mut self,
        folder: &Folder,
        occupant: &LocalChild,
        parent: EntryId,
        progress: &mut Progress,
    ) -> Result<(), SyncError> {
        let stamp = self.stamp(Some(occupant.identity.mtime_ns));
        let copy = folder.set_aside(&occupant.name, folder, &occupant.name, &stamp)?;
        self.say_copy(&folder.path().join(&copy), parent);
        self.whereabouts.rename(&Spot { parent, name: occupant.name.clone() }, &copy);
        progress.touched.add(Some(parent), folder);
        Ok(())
    }

    /// Unties a knot: one of the things that wait for each other goes to Vauban's own folder. `false` if none can.
    fn step_aside(&mut self, steps: &[Step], progress: &mut Progress) -> Result<bool, SyncError> {
        let shifts = || steps.iter().filter_map(Step::shift).filter(|shift| !progress.aside.contains_key(&shift.entry));
        let (mut ready, mut others) = (Vec::new(), Vec::new());
        for shift in shifts() {
            // One that waits for its folder may be what stands in that folder's way.
            if self.path(shift.to.parent)?.is_some() { ready.push(shift) } else { others.push(shift) }
        }
        for shift in ready.into_iter().chain(others) {
            let waiting = waiting_name(shift.entry)?;
            if let Some((from, spot)) = self.standing(shift)?
                && let Shifted::Done(Look { identity, .. }) =
                    from.shift(&spot.name, self.root.temporary()?, &waiting)?
            {
                progress.touched.add(Some(spot.parent), &from);
                progress.aside.insert(shift.entry, (spot, identity.inode));
                self.whereabouts.set_aside(shift.entry, self.root.temporary()?.path().join(&waiting));
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Gives back its place to what stepped aside in vain.
    fn put_back(&mut self, entry: EntryId, progress: &mut Progress) -> Result<(), SyncError> {
        let Some((spot, inode)) = progress.aside.remove(&entry) else { return Ok(()) };
        let (waiting, name) = (self.root.temporary()?, waiting_name(entry)?);
        let (folder, parent) = match self.stands(spot.parent)?.then(|| self.open(spot.parent)).transpose()?.flatten() {
            Some(folder) => (folder, spot.parent),
            None => (self.root.open(&TreePath::root())?, EntryId::ROOT),
        };
        self.stirred.insert(parent);
        if let Shifted::Done(_) = waiting.shift(&name, &folder, &spot.name)? {
            self.whereabouts.set(entry, Spot { parent, ..spot }, inode);
        } else {
            let copy = waiting.set_aside(&name, &folder, &spot.name, &self.stamp(None))?;
            self.say_copy(&folder.path().join(&copy), parent);
        }
        Ok(folder.sync()?)
    }

    /// Makes everything durable, and only then records what is agreed.
    fn settle(&mut self, progress: Progress) -> Result<(), SyncError> {
        let Progress { trash, touched, mut rows, moved, forgotten, toll, .. } = progress;
        // First where things went, then where they were.
        trash.map_or(Ok(()), |trash| trash.sync())?;
        touched.flush(self.root)?;
        self.summary.folders = self.summary.folders.saturating_add(rows.len() as u64);
        self.summary.moved_here = self.summary.moved_here.saturating_add(moved.len() as u64);
        self.summary.removed_here = self.summary.removed_here.saturating_add(forgotten.len() as u64);
        for (shift, shown) in moved {
            let Some(row) = self.space.cache.base(self.id, shift.entry)? else { continue };
            // What was edited and not sent yet must be seen as edited again.
            let seen = &shift.child.identity;
            let is_agreed = (shift.is_as_agreed || row.identity == *seen) && is_same_after_rename(&shift, &shown);
            let mut identity = if is_agreed { shown.identity } else { row.identity };
            if row.kind == Kind::Folder {
                identity.device = seen.device;
            }
            rows.push(BaseRow { parent: shift.to.parent, name: shift.to.name, identity, ..row });
        }
        let toll = Toll { removed: toll, ..Toll::default() };
        self.space.take_toll(self.id, Direction::ToDisk, toll)?;
        Ok(self.space.cache.agree(self.id, &rows, &forgotten)?)
    }

    fn path(&self, folder: EntryId) -> Result<Option<TreePath>, SyncError> {
        Ok(self.whereabouts.path(&self.space.cache, self.id, folder)?)
    }
}

impl Touched {
    /// Notes a folder by its entry; Vauban's own has none.
    fn add(&mut self, entry: Option<EntryId>, folder: &Folder) {
        if self.folders.len() < FLUSHES_MAX || self.folders.contains_key(&entry) {
            self.folders.insert(entry, folder.clone());
        } else {
            self.are_many = true;
        }
    }

    /// Flushes them one by one, if that is less than flushing everything; wherever they stand by now.
    fn flush(self, root: &SyncRoot) -> Result<(), TreeError> {
        if self.are_many { flush_all(root) } else { self.folders.values().try_for_each(Folder::sync) }
    }
}

/// What is agreed on of a folder that was made here.
fn made(wanted: &FolderThere, identity: Identity) -> BaseRow {
    let (entry, name) = (wanted.child.entry, wanted.child.name.clone());
    let (kind, parent) = (Kind::Folder, wanted.parent);
    BaseRow { entry, parent, name, kind, content: None, executable: false, identity, file_type: None }
}

fn remove_folder(folder: &Folder, seen: &LocalChild) -> Result<Tried, TreeError> {
    match folder.child(&seen.name)? {
        None => Ok(Tried::Moot),
        Some(child) if !is_what_was_seen(seen, &child) => Ok(Tried::Moot),
        Some(_) => Ok(match folder.remove_empty(&seen.name)? {
            Emptied::Gone => Tried::Done,
            Emptied::Full => Tried::Waits,
        }),
    }
}

/// Whether a thing on the disk is still what the survey saw.
fn is_what_was_seen(seen: &LocalChild, now: &LocalChild) -> bool {
    seen.kind == now.kind
        && match now.kind {
            LocalKind::Folder => seen.identity.inode == now.identity.inode,
            LocalKind::File | LocalKind::Symlink => now.identity.is_unchanged(&seen.identity),
        }
}

/// Whether nobody changed it between the last look and the rename.
fn is_same_after_rename(shift: &Shift, now: &Look) -> bool {
    let seen = &shift.child;
    let is_same = seen.executable == now.executable && now.identity.is_unchanged_but_moved(&seen.identity);
    seen.kind == LocalKind::Folder || is_same
}

fn record(trashing: &Trashing, now: Timestamp) -> TrashRecord {
    TrashRecord {
        path: trashing.path.to_text(),
        entry: data_encoding::HEXLOWER.encode(&trashing.entry.0),
        removed_at: now.0,
        why: why(trashing.why).to_owned(),
    }
}

/// Why something is removed here, as the trash says it.
fn why(why: WhyTrashed) -> &'static str {
    match why {
        WhyTrashed::RemovedThere => "removed in the space",
        WhyTrashed::MovedApart => "moved in the space to where it is not synced here",
        WhyTrashed::Deselected => "no longer selected on this device",
    }
}

impl Step {
    fn shift(&self) -> Option<&Shift> {
        match self {
            Self::Shift(shift) => Some(shift),
            Self::Aside(_) | Self::Trash(_) | Self::Make(_) => None,
        }
    }

    /// The folder that something is to stand in.
    fn target(&self) -> Option<EntryId> {
        match self {
            Self::Shift(shift) => Some(shift.to.parent),
            Self::Make(folder) => Some(folder.parent),
            Self::Aside(_) | Self::Trash(_) => None,
        }
    }

    fn path(&self) -> &TreePath {
        match self {
            Self::Aside(aside) => &aside.path,
            Self::Trash(trashing) => &trashing.path,
            Self::Shift(shift) => &shift.to_path,
            Self::Make(folder) => &folder.path,
        }
    }
}
