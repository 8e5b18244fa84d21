//! Rounds, one at a time, on a thread that may wait.
//!
//! Each runs with a [`Turn`], which holds the home's claim: a process that ends in the middle of a round gives it back only when
//! the round ends, so no other can use the counter of a commit that is under way. A round halts between two steps when its turn
//! is called back, or when its space is paused.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use tokio::runtime::Handle;
use tokio::sync::mpsc;

use super::turns::Turn;
use super::{Live, Teller};
use crate::content::Meter;
use crate::failure::Failure;
use crate::link::Link;
use crate::sync::{Approval, Issue, OpenSpace, PlanSummary, Run, Summary, Watcher, sync_changed};
use crate::tree::Scope;

/// Rounds of one space and folder.
pub(super) struct Rounds {
    orders: mpsc::Sender<Order>,
    ended: mpsc::Receiver<Ended>,
    is_running: bool,
    halt: Arc<AtomicBool>,
}

/// What is to be done, with the right to do it.
pub(super) struct Order {
    pub(super) job: Job,
    pub(super) turn: Turn,
}

/// What is done at a time.
pub(super) enum Job {
    /// A round over this scope.
    Round(Scope),
    /// One step of what waits until nothing else is to do.
    Chore,
}

/// A job that came to an end.
pub(super) enum Ended {
    Round {
        /// What it was to look at.
        scope: Scope,
        /// What came of it.
        result: Result<Box<Done>, Failure>,
    },
    Chore(Result<Chores, Failure>),
}

/// A round that was done.
pub(super) struct Done {
    pub(super) summary: Summary,
    /// The position up to which the log is folded.
    pub(super) folded: u64,
    pub(super) chores: Chores,
}

/// What is left that waits until nothing else is to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Chores {
    /// Nothing, or nothing that can be done before the next round.
    None,
    /// Something.
    Some,
    /// Perhaps something: the space must be opened anew, which a round does.
    AfterARound,
}

fn chores_of(space: &OpenSpace<Arc<Link>>) -> Chores {
    if space.has_chores().unwrap_or_default() { Chores::Some } else { Chores::None }
}

impl Rounds {
    /// Needs a tokio runtime.
    pub(super) fn start(live: Live, teller: Arc<dyn Teller>) -> Self {
        let (orders, taken) = mpsc::channel(1);
        let (tell, ended) = mpsc::channel(1);
        let halt = Arc::new(AtomicBool::new(false));
        let worker =
            Worker { live, teller, runtime: Handle::current(), halt: Arc::clone(&halt), space: None, tenure: 0 };
        std::thread::spawn(move || worker.work(taken, &tell));
        Self { orders, ended, is_running: false, halt }
    }

    /// Whether one is under way.
    pub(super) fn is_running(&self) -> bool {
        self.is_running
    }

    /// Begins one; only while none is under way.
    pub(super) fn begin(&mut self, order: Order) -> Result<(), Failure> {
        self.is_running = true;
        self.halt.store(false, Ordering::SeqCst);
        self.orders.try_send(order).map_err(|_| Failure::Bug("a round was begun during another"))
    }

    /// Has the one under way end soon, done or not.
    pub(super) fn halt(&self) {
        self.halt.store(true, Ordering::SeqCst);
    }

    /// The end of the one under way. May be dropped half-way.
    pub(super) async fn ended(&mut self) -> Result<Ended, Failure> {
        let ended = self.ended.recv().await.ok_or(Failure::Bug("the working thread ended early"))?;
        self.is_running = false;
        Ok(ended)
    }
}

impl Drop for Rounds {
    fn drop(&mut self) {
        self.halt();
    }
}

struct Worker {
    live: Live,
    teller: Arc<dyn Teller>,
    runtime: Handle,
    halt: Arc<AtomicBool>,
    space: Option<OpenSpace<Arc<Link>>>,
    /// The tenure in which the space was opened.
    tenure: u64,
}

impl Worker {
    fn work(mut self, mut orders: mpsc::Receiver<Order>, tell: &mpsc::Sender<Ended>) {
        while let Some(Order { job, turn }) = orders.blocking_recv() {
            let since = Instant::now();
            if std::mem::replace(&mut self.tenure, turn.tenure()) != turn.tenure() {
                // Another process may have committed meanwhile: what is known here of counters and outbox is old.
                self.space = None;
            }
            let ended = match job {
                Job::Round(scope) => {
                    let result = self.round(&scope, Arc::new(turn));
                    tracing::debug!(%scope, took = ?since.elapsed(), done = result.is_ok(), "a round");
                    if result.is_err() {
                        // What it holds may be half-way: the next round begins with what is on disk.
                        self.space = None;
                    }
                    Ended::Round { scope, result: result.map(Box::new) }
                }
                Job::Chore => {
                    let result = self.chore();
                    drop(turn);
                    Ended::Chore(result)
                }
            };
            if tell.blocking_send(ended).is_err() {
                return;
            }
        }
    }

    /// One step of what waits until nothing else is to do. Another process may have done more of it meanwhile.
    fn chore(&mut self) -> Result<Chores, Failure> {
        let Some(space) = &mut self.space else { return Ok(Chores::AfterARound) };
        match space.do_chore() {
            Ok(()) => Ok(chores_of(space)),
            Err(error) if error.is_alarm() => Err(error.into()),
            Err(error) => {
                tracing::debug!(%error, "a chore waits for the next round");
                // The next round begins with what is on disk, and comes back to this.
                self.space = None;
                Ok(Chores::None)
            }
        }
    }

    /// One round over `scope`; where that is everything, the organisation is read again, too.
    fn round(&mut self, scope: &Scope, turn: Arc<Turn>) -> Result<Done, Failure> {
        let inner = self.teller.watcher();
        let watcher: Arc<dyn Watcher> = Arc::new(Halting { inner, turn, halt: Arc::clone(&self.halt) });
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
        // Removals in bulk are approved where a person types it, with the claim lent; never here.
        let run = Run { device_name, approval: Approval::Ask, watcher: &watcher };
        let summary = sync_changed(space, folder, &run, scope)?;
        Ok(Done { summary, folded: space.folded()?.head().seq, chores: chores_of(space) })
    }
}

/// Sees a round for another, and says when it is to halt.
#[derive(Debug)]
struct Halting {
    inner: Arc<dyn Watcher>,
    turn: Arc<Turn>,
    halt: Arc<AtomicBool>,
}

impl Meter for Halting {
    fn sealed(&self, bytes: u64) {
        self.inner.sealed(bytes);
    }

    fn sent(&self, bytes: u64) {
        self.inner.sent(bytes);
    }

    fn received(&self, bytes: u64) {
        self.inner.received(bytes);
    }
}

impl Watcher for Halting {
    fn planned(&self, plan: &PlanSummary) {
        self.inner.planned(plan);
    }

    fn issue(&self, issue: &Issue) {
        self.inner.issue(issue);
    }

    fn goes_on(&self) -> bool {
        !self.turn.is_called_back() && !self.halt.load(Ordering::SeqCst)
    }
}
