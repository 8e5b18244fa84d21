//! The watches of one tree, kept in step with its folders.
//!
//! A folder is watched before it is listed: what comes in between is told twice rather than never. A folder that came, or was
//! moved, is named as changed with all below it, since what was in it before the watch was never told. What is ignored gets no
//! watch, and what happens to it is not told; where the rules of a folder changed, it is covered anew.

use std::collections::BTreeSet;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::kernel::{self, Happened, Passage};
use super::places::Places;
use crate::limit::DEPTH_MAX;
use crate::log::EntryName;
use crate::tree::disk_name::is_own;
use crate::tree::kernel::ThisDisk;
use crate::tree::{Coverage, Folder, Ignores, Scope, TreeError, TreePath, is_ignore_file};

/// See the module.
#[derive(Debug)]
pub(super) struct Watches {
    queue: Arc<OwnedFd>,
    root: PathBuf,
    places: Places,
    ignores: Ignores,
    watches_max: usize,
    coverage: Coverage,
}

/// No further folder can be watched.
struct Full;

impl Watches {
    /// Watches the folder at `root` and all below it, but for Vauban's own and what is ignored; at most `watches_max` of them.
    pub(super) fn over(root: &Path, watches_max: usize) -> Result<Self, TreeError> {
        let disk = |what| move |source| TreeError::Disk { what, path: root.to_owned(), source };
        let root = std::fs::canonicalize(root).map_err(disk("open"))?;
        let queue = Arc::new(kernel::queue().map_err(disk("watch"))?);
        let (places, ignores, coverage) = (Places::default(), Ignores::default(), Coverage::Whole);
        let mut watches = Self { queue, root, places, ignores, watches_max, coverage };
        watches.look_around();
        Ok(watches)
    }

    /// Where the kernel tells what happens.
    pub(super) fn queue(&self) -> &Arc<OwnedFd> {
        &self.queue
    }

    /// Whether every folder is watched.
    pub(super) fn coverage(&self) -> Coverage {
        self.coverage
    }

    /// Nothing is told any more, whatever is watched.
    pub(super) fn lose(&mut self) {
        self.coverage = Coverage::Part;
    }

    /// Walks the whole tree again: for the beginning, and wherever events were lost or could not be had.
    pub(super) fn look_around(&mut self) {
        self.coverage = Coverage::Whole;
        let before = std::mem::take(&mut self.places);
        self.ignores = Ignores::default();
        match Folder::open_root(&ThisDisk, &self.root) {
            Ok(root) => self.cover(&root, &mut Scope::nothing()),
            Err(_) => self.coverage = Coverage::Part,
        }
        self.end_stale(before.watches());
    }

    /// Takes in what happened, and adds to `scope` what is to be looked at.
    pub(super) fn take_in(&mut self, happened: &[Happened], scope: &mut Scope) {
        let (mut is_lost, mut ruled_anew) = (false, BTreeSet::new());
        for happened in happened {
            match happened {
                Happened::In { watch, name, folder, .. } => {
                    self.take_in_one(*watch, name.as_ref(), *folder, scope, &mut ruled_anew);
                }
                Happened::Touched { watch } if self.is_root(*watch) => scope.add(&TreePath::root()),
                Happened::Overflow => is_lost = true,
                // Of a folder below the root, the one above it tells.
                Happened::Touched { .. } => {}
                Happened::Moved { watch } if !self.is_root(*watch) => {}
                Happened::Ended { watch } if !self.is_root(*watch) => drop(self.places.forget(*watch)),
                Happened::Moved { .. } | Happened::Ended { .. } => {
                    // The root is elsewhere, or its disk is gone: only looking again tells.
                    self.coverage = Coverage::Part;
                    scope.merge(Scope::Everything);
                }
            }
        }
        if is_lost {
            self.look_around();
            scope.merge(Scope::Everything);
            return;
        }
        for path in &ruled_anew {
            self.cover_anew(path, scope);
        }
    }

    fn take_in_one(
        &mut self,
        watch: i32,
        name: Option<&EntryName>,
        folder: Option<Passage>,
        scope: &mut Scope,
        ruled_anew: &mut BTreeSet<TreePath>,
    ) {
        let Some(parent) = self.places.path(watch).cloned() else { return };
        if name.is_some_and(is_own) {
            return;
        }
        if name.is_some_and(is_ignore_file) {
            ruled_anew.insert(parent.clone());
        }
        if name.is_some_and(|name| self.ignores.within(&parent).rule(name, folder.is_some()).is_some()) {
            return;
        }
        scope.add(&parent);
        let (Some(name), Some(passage)) = (name, folder) else { return };
        let path = parent.join(name);
        match passage {
            Passage::Went => self.uncover(&path),
            // One that cannot be opened is gone again, or will not be read by anybody else either.
            Passage::Came => {
                if let Ok(folder) = self.open(&path) {
                    self.uncover(&path);
                    self.cover(&folder, scope);
                }
            }
        }
    }

    /// Folders watched.
    #[cfg(test)]
    pub(super) fn places_count(&self) -> usize {
        self.places.count()
    }

    fn is_root(&self, watch: i32) -> bool {
        self.places.path(watch).is_some_and(|path| path.depth() == 0)
    }

    /// The rules of a folder changed: what is in it may have become ignored, or is no longer.
    fn cover_anew(&mut self, path: &TreePath, scope: &mut Scope) {
        let before = self.places.forget_below(path);
        self.ignores.forget_below(path);
        if let Ok(folder) = self.open(path) {
            self.cover(&folder, scope);
        }
        self.end_stale(before.into_iter());
    }

    fn end_stale(&self, before: impl Iterator<Item = i32>) {
        for stale in before.filter(|watch| !self.places.knows(*watch)) {
            kernel::unwatch(&self.queue, stale);
        }
    }

    fn uncover(&mut self, path: &TreePath) {
        self.ignores.forget_below(path);
        for watch in self.places.forget_below(path) {
            kernel::unwatch(&self.queue, watch);
        }
    }

    fn cover(&mut self, folder: &Folder, scope: &mut Scope) {
        if self.cover_below(folder, scope).is_err() {
            self.coverage = Coverage::Part;
        }
    }

    fn cover_below(&mut self, folder: &Folder, scope: &mut Scope) -> Result<(), Full> {
        self.watch(folder)?;
        scope.add(folder.path());
        // What cannot be read is said by whoever looks at it; so are rules that cannot.
        let outline = folder.outline().unwrap_or_default();
        if folder.path().depth() >= DEPTH_MAX {
            return Ok(());
        }
        let _unusable = self.ignores.enter(folder, &outline.ignore_files);
        let within = self.ignores.within(folder.path());
        for name in outline.folders.into_iter().filter(|name| within.rule(name, true).is_none()) {
            if let Ok(below) = folder.open_folder(&name) {
                self.cover_below(&below, scope)?;
            }
        }
        Ok(())
    }

    fn watch(&mut self, folder: &Folder) -> Result<(), Full> {
        if self.places.count() >= self.watches_max {
            return Err(Full);
        }
        match kernel::watch(&self.queue, folder) {
            Ok(watch) => {
                if let Some(displaced) = self.places.put(watch, folder.path().clone()) {
                    kernel::unwatch(&self.queue, displaced);
                }
                Ok(())
            }
            Err(error) => {
                tracing::debug!(folder = %folder.path(), %error, "a folder cannot be watched");
                Err(Full)
            }
        }
    }

    fn open(&self, path: &TreePath) -> Result<Folder, TreeError> {
        Folder::open_root(&ThisDisk, &self.root)?.open_below(path)
    }
}
