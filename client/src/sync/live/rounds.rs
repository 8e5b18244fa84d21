//! Rounds, one at a time, on a thread that may wait.
//!
//! The thread has the home's claim while it lives: a process that ends in the middle of a round gives it back only then, so
//! no other can use the counter of a commit that is under way.

use std::sync::Arc;
use std::time::Instant;

use tokio::runtime::Handle;
use tokio::sync::mpsc;

use super::{Live, Teller};
use crate::failure::Failure;
use crate::link::Link;
use crate::sync::{Approval, OpenSpace, Run, Summary, sync_changed};
use crate::tree::Scope;

/// Rounds of one space and folder.
pub(super) struct Rounds {
    orders: mpsc::Sender<Scope>,
    ended: mpsc::Receiver<Ended>,
    is_running: bool,
}

/// A round that came to an end.
pub(super) struct Ended {
    /// What it was to look at.
    pub(super) scope: Scope,
    /// What came of it.
    pub(super) result: Result<Done, Failure>,
}

/// A round that was done.
pub(super) struct Done {
    pub(super) summary: Summary,
    /// The position up to which the log is folded.
    pub(super) folded: u64,
}

impl Rounds {
    /// Needs a tokio runtime.
    pub(super) fn start(live: Live, teller: Arc<dyn Teller>) -> Self {
        let (orders, taken) = mpsc::channel(1);
        let (tell, ended) = mpsc::channel(1);
        let worker = Worker { live, teller, runtime: Handle::current(), space: None };
        std::thread::spawn(move || worker.work(taken, &tell));
        Self { orders, ended, is_running: false }
    }

    /// Whether one is under way.
    pub(super) fn is_running(&self) -> bool {
        self.is_running
    }

    /// Begins one; only while none is under way.
    pub(super) fn begin(&mut self, scope: Scope) -> Result<(), Failure> {
        self.is_running = true;
        self.orders.try_send(scope).map_err(|_| Failure::Bug("a round was begun during another"))
    }

    /// The end of the one under way. May be dropped half-way.
    pub(super) async fn ended(&mut self) -> Result<Ended, Failure> {
        let ended = self.ended.recv().await.ok_or(Failure::Bug("the working thread ended early"))?;
        self.is_running = false;
        Ok(ended)
    }
}

struct Worker {
    live: Live,
    teller: Arc<dyn Teller>,
    runtime: Handle,
    space: Option<OpenSpace<Arc<Link>>>,
}

impl Worker {
    fn work(mut self, mut orders: mpsc::Receiver<Scope>, tell: &mpsc::Sender<Ended>) {
        while let Some(scope) = self.next_order(&mut orders, tell) {
            let since = Instant::now();
            let result = self.round(&scope);
            tracing::debug!(%scope, took = ?since.elapsed(), done = result.is_ok(), "a round");
            if result.is_err() {
                // What it holds may be half-way: the next round begins with what is on disk.
                self.space = None;
            }
            if tell.blocking_send(Ended { scope, result }).is_err() {
                return;
            }
        }
    }

    /// The next order; meanwhile, what is done when nothing else is to do.
    fn next_order(&mut self, orders: &mut mpsc::Receiver<Scope>, tell: &mpsc::Sender<Ended>) -> Option<Scope> {
        while let Some(space) = self.space.as_mut().filter(|space| space.has_chores().unwrap_or_default()) {
            match orders.try_recv() {
                Ok(scope) => return Some(scope),
                Err(mpsc::error::TryRecvError::Disconnected) => return None,
                Err(mpsc::error::TryRecvError::Empty) => {}
            }
            let Err(error) = space.do_chore() else { continue };
            // The next round begins with what is on disk, and comes back to this.
            self.space = None;
            if !error.is_alarm() {
                tracing::debug!(%error, "a chore waits for the next round");
                break;
            }
            let ended = Ended { scope: Scope::Everything, result: Err(error.into()) };
            if tell.blocking_send(ended).is_err() {
                return None;
            }
        }
        orders.blocking_recv()
    }

    /// One round over `scope`; where that is everything, the organisation is read again, too.
    fn round(&mut self, scope: &Scope) -> Result<Done, Failure> {
        let Live { device, link, space: id, folder, device_name, .. } = &self.live;
        if *scope == Scope::Everything {
            self.runtime.block_on(device.catch_up(link))?;
        }
        let space = match &mut self.space {
            Some(space) => space,
            none => none.insert(OpenSpace::open(Arc::clone(link), self.runtime.clone(), Arc::clone(device), *id)?),
        };
        if *scope == Scope::Everything {
            space.refresh_organisation()?;
        }
        space.voids.clear();
        let run = Run { device_name, approval: Approval::Ask, watcher: &self.teller.watcher() };
        let summary = sync_changed(space, folder, &run, scope)?;
        Ok(Done { summary, folded: space.folded()?.head().seq })
    }
}
