//! A disk in memory, for one device: every call of the engine passes [`Hook`], where anything may happen first.

mod file;
mod pending;
mod place;
mod user;
mod volume;

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use rustix::io::Errno;
use vauban_client::tree::{Disk, Look, Place};

use self::place::SimPlace;
pub(crate) use self::user::Seen;
pub(crate) use self::volume::{ROOT, Serial, Volume, What};
use crate::weakness::Weakness;

/// Where the synced folder is, on every disk; there is nothing else.
pub(crate) const FOLDER: &str = "/simulated/dossier";

/// What the engine is about to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Call {
    /// It looks.
    Look,
    /// It reads a piece of a file.
    Read,
    /// It changes something, or makes a change durable.
    Step,
}

/// What happens before each call.
pub(crate) trait Hook: Send + Sync {
    /// Says whether the call is refused instead.
    fn before(&self, device: usize, call: Call) -> Result<(), Errno>;

    /// Something was changed, which stories tell.
    fn changed(&self, device: usize, what: &dyn Fn() -> String) {
        let _ = (device, what);
    }
}

/// How the disk shows less than it holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Blindness {
    #[default]
    None,
    /// It is not mounted: its folder is empty.
    Unmounted,
    /// The root lists nothing but Vauban's own folder.
    EmptyRoot,
    /// This folder cannot be listed.
    Unreadable(Serial),
}

/// See the module.
#[derive(Debug)]
pub(crate) struct SimDisk {
    pub(crate) device: usize,
    volume: Mutex<Volume>,
    state: Mutex<State>,
    pub(crate) weakness: Weakness,
    this: Weak<Self>,
}

#[derive(Default)]
struct State {
    hook: Option<Arc<dyn Hook>>,
    blindness: Blindness,
    /// The process that uses the disk is gone: nothing of it reaches the disk any more.
    is_dead: bool,
    /// What a weakened disk says instead of looking.
    lies: BTreeMap<(Serial, String), Look>,
    looked: BTreeMap<(Serial, String), Look>,
}

impl Debug for State {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("State").field("is_dead", &self.is_dead).finish_non_exhaustive()
    }
}

impl SimDisk {
    pub(crate) fn new(device: usize, now_ns: i64, weakness: Weakness) -> Arc<Self> {
        Arc::new_cyclic(|this| Self {
            device,
            volume: Mutex::new(Volume::new(now_ns)),
            state: Mutex::default(),
            weakness,
            this: this.clone(),
        })
    }

    pub(crate) fn volume(&self) -> MutexGuard<'_, Volume> {
        self.volume.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// From now on every call asks `hook`; none if there is none.
    pub(crate) fn set_hook(&self, hook: Option<Arc<dyn Hook>>) {
        self.state().hook = hook;
    }

    pub(crate) fn set_blindness(&self, blindness: Blindness) {
        self.state().blindness = blindness;
    }

    /// The process ends here: what it still does has no effect.
    pub(crate) fn kill(&self) {
        self.state().is_dead = true;
    }

    pub(crate) fn is_dead(&self) -> bool {
        self.state().is_dead
    }

    /// A new process uses the disk.
    pub(crate) fn revive(&self) {
        let mut state = self.state();
        state.is_dead = false;
        state.lies.clear();
        state.looked.clear();
    }

    /// A new run looks anew.
    pub(crate) fn forget_looks(&self) {
        self.state().looked.clear();
    }

    /// Tells of a change that was made.
    fn tell(&self, what: &dyn Fn() -> String) {
        let hook = self.state().hook.clone();
        if let Some(hook) = hook {
            hook.changed(self.device, what);
        }
    }

    fn before(&self, call: Call) -> Result<(), Errno> {
        let hook = {
            let state = self.state();
            if state.is_dead {
                return Err(Errno::IO);
            }
            state.hook.clone()
        };
        match hook {
            Some(hook) => hook.before(self.device, call),
            None => Ok(()),
        }
    }
}

impl Disk for SimDisk {
    fn resolve(&self, path: &Path) -> io::Result<PathBuf> {
        Ok(path.to_owned())
    }

    fn open(&self, path: &Path) -> Result<Arc<dyn Place>, Errno> {
        if path != Path::new(FOLDER) {
            return Err(Errno::NOENT);
        }
        self.before(Call::Look)?;
        let disk = self.this.upgrade().ok_or(Errno::IO)?;
        let is_void = self.state().blindness == Blindness::Unmounted;
        Ok(Arc::new(SimPlace { disk, serial: ROOT, is_void }))
    }
}
