//! Watching a tree: which folders changed, told once the disk is quiet.
//!
//! On inotify itself, by way of `rustix`: what a watch is set on, and in which order with a listing, decides whether a change
//! can be missed, and a folder is reached as everything else here, by descriptors from the root and through no link.
//! Invariants: after a change, the folder that it is in is told, sooner or later; or everything is. Where events were lost or
//! not every folder can be watched, everything is told, and told again from time to time. Vauban's own folder is not watched.
//!
//! Deliberately absent: what changed. A listing says that, and events would only promise to.

mod kernel;
mod places;
mod quiet;
mod watches;

#[cfg(test)]
mod tests;

use std::io;
use std::os::fd::OwnedFd;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::mpsc;

use self::kernel::{Happened, Woken};
use self::quiet::{Quiet, QuietPace};
use self::watches::Watches;
use super::{Scope, TreeError};
use crate::limit::{WATCH_POLL_SECONDS, WATCH_POSTPONED_MS_MAX, WATCH_QUIET_MS, WATCH_REMOVED_QUIET_MS, WATCHES_MAX};

/// A tree that is watched, until this is dropped.
#[derive(Debug)]
pub struct TreeWatch {
    seen: mpsc::Receiver<Seen>,
    bell: Arc<OwnedFd>,
}

/// What was seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    /// Where to look.
    pub scope: Scope,
    /// Whether every folder is watched now.
    pub coverage: Coverage,
}

/// How much of a tree is watched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Coverage {
    /// Every folder.
    Whole,
    /// Not every one: there are too many for the system's limits, or the root is not there. Everything is told from time to
    /// time instead.
    Part,
}

/// How long is waited for what.
#[derive(Debug, Clone, Copy)]
struct Pace {
    quiet: QuietPace,
    poll: Duration,
    watches_max: usize,
}

impl TreeWatch {
    /// Watches the folder at `root` and all below it; returns when every watch is set, which takes as long as walking the
    /// tree. What changes from then on is told.
    ///
    /// # Errors
    /// [`TreeError::Disk`] if there is no such folder, or the system gives no queue of events.
    pub fn start(root: &Path) -> Result<Self, TreeError> {
        let pace = Pace {
            quiet: QuietPace {
                changed: Duration::from_millis(WATCH_QUIET_MS),
                removed: Duration::from_millis(WATCH_REMOVED_QUIET_MS),
                postponed_max: Duration::from_millis(WATCH_POSTPONED_MS_MAX),
            },
            poll: Duration::from_secs(WATCH_POLL_SECONDS),
            watches_max: WATCHES_MAX,
        };
        Self::start_at(root, pace)
    }

    fn start_at(root: &Path, pace: Pace) -> Result<Self, TreeError> {
        let watches = Watches::over(root, pace.watches_max)?;
        let disk = |source| TreeError::Disk { what: "watch", path: root.to_owned(), source };
        let bell = Arc::new(kernel::bell().map_err(disk)?);
        let (tell, seen) = mpsc::channel(1);
        let watcher = Watcher::new(watches, pace, Arc::clone(&bell), tell);
        std::thread::Builder::new().name("watch".to_owned()).spawn(|| watcher.run()).map_err(disk)?;
        Ok(Self { seen, bell })
    }

    /// What was seen next, once the disk is quiet. May be dropped half-way: nothing is lost.
    pub async fn next(&mut self) -> Seen {
        match self.seen.recv().await {
            Some(seen) => seen,
            // The thread ends only with this.
            None => std::future::pending().await,
        }
    }
}

impl Drop for TreeWatch {
    fn drop(&mut self) {
        self.seen.close();
        kernel::ring(&self.bell);
    }
}

/// What watches, on a thread of its own: setting watches on a tree that was moved in takes as long as walking it.
struct Watcher {
    watches: Watches,
    pace: Pace,
    bell: Arc<OwnedFd>,
    tell: mpsc::Sender<Seen>,
    quiet: Quiet,
    scope: Scope,
    coverage_told: Coverage,
    poll_at: Instant,
}

impl Watcher {
    fn new(watches: Watches, pace: Pace, bell: Arc<OwnedFd>, tell: mpsc::Sender<Seen>) -> Self {
        let quiet = Quiet::new(pace.quiet);
        let poll_at = Instant::now() + pace.poll;
        Self { watches, pace, bell, tell, quiet, scope: Scope::nothing(), coverage_told: Coverage::Whole, poll_at }
    }

    fn run(mut self) {
        loop {
            if self.watches.coverage() != self.coverage_told {
                self.quiet.changed_once(Instant::now());
            }
            match kernel::wait(self.watches.queue(), &self.bell, self.wake_at()) {
                Ok(Woken::Rung) => return,
                Ok(Woken::Queue) => self.read(),
                Ok(Woken::Time) => {}
                Err(error) => self.is_deaf(&error),
            }
            let now = Instant::now();
            if self.watches.coverage() == Coverage::Part && self.poll_at <= now {
                self.take_in(&[Happened::Overflow]);
                self.poll_at = now + self.pace.poll;
            }
            if self.quiet.due().is_some_and(|due| due <= now) && self.speak().is_err() {
                return;
            }
        }
    }

    fn wake_at(&self) -> Option<Instant> {
        let poll_at = (self.watches.coverage() == Coverage::Part).then_some(self.poll_at);
        self.quiet.due().into_iter().chain(poll_at).min()
    }

    fn read(&mut self) {
        match kernel::read(self.watches.queue()) {
            Ok(happened) => self.take_in(&happened),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(error) => self.is_deaf(&error),
        }
    }

    fn take_in(&mut self, happened: &[Happened]) {
        let mut scope = Scope::nothing();
        self.watches.take_in(happened, &mut scope);
        if !scope.is_nothing() {
            if happened.iter().any(Happened::is_removal) {
                self.quiet.removed(Instant::now());
            } else {
                self.quiet.changed(Instant::now());
            }
            self.scope.merge(scope);
        }
    }

    /// Tells what was seen; an error if nobody listens any more.
    fn speak(&mut self) -> Result<(), mpsc::error::SendError<Seen>> {
        self.quiet.over();
        self.coverage_told = self.watches.coverage();
        self.tell.blocking_send(Seen { scope: self.scope.take(), coverage: self.coverage_told })
    }

    /// The kernel does not tell any more: everything is looked at from time to time, and it is asked again.
    fn is_deaf(&mut self, error: &io::Error) {
        tracing::warn!(%error, "the system does not tell what changes on the disk");
        self.watches.lose();
        std::thread::sleep(self.pace.poll);
    }
}
