//! Keeps several folders in step, each by itself: one session, one link, one claim for all.
//!
//! What is to be kept stands in the settings, read at the start and whenever somebody says that they have changed. A space that
//! fails stays to be seen, and stops no other; what a disk may mend is tried again from time to time, anything else when a
//! person asks for it. Ended by its caller, it has the rounds under way halt, and waits for them a little.

use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::FutureExt;
use tokio::runtime::Handle;
use tokio::sync::mpsc;
use tokio::task::{JoinSet, spawn_blocking};
use vauban_protocol::id::SpaceId;

use super::desk::{Desk, Errand};
use super::event::{Event, Told};
use super::settings::{Limits, Pair, Settings};
use super::socket::Door;
use super::state::Trouble;
use super::teller::SpaceTeller;
use crate::clock;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::limit::{ERRANDS_WAITING_MAX, STOP_SECONDS_MAX, STOPPED_RETRY_SECONDS};
use crate::link::Link;
use crate::organisation::Roster;
use crate::session::Session;
use crate::sync::{Course, Lent, Live, Rein, Turns, Watcher, choose, live, reconnecting, spaces};

/// What a service is to keep in step, for whom.
pub struct Keeping {
    /// The device, unlocked.
    pub device: Arc<Session>,
    /// Which folders.
    pub wanted: Wanted,
    /// Limits that were typed: they stand before those of the settings.
    pub limits: Limits,
    /// Whether the desktop may be told; the settings may forbid it, too.
    pub notices: bool,
    /// Who hears what happens.
    pub listener: Arc<dyn Listener>,
}

/// Which folders are kept in step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wanted {
    /// Those of the settings.
    Settings,
    /// This one alone. Its failure is the service's.
    One {
        /// The space, as a person names it.
        space: String,
        /// The folder.
        folder: PathBuf,
    },
}

/// Hears what happens, as it happens.
pub trait Listener: Send + Sync {
    /// Hears one event.
    fn hear(&self, told: &Told);
    /// Sees the next round of the only space, if it wants to.
    fn watcher(&self) -> Option<Arc<dyn Watcher>>;
}

/// Keeps in step what is wanted until `stop`.
///
/// # Errors
/// [`Failure`] of the device as a whole: another process does this already, a revoked device, an organisation's chain that
/// forked; of the one space, where there is only that.
pub async fn keep(keeping: Keeping, stop: impl Future<Output = ()>) -> Result<(), Failure> {
    let Keeping { device, wanted, limits, notices, listener } = keeping;
    let _serving = device.home().serve()?;
    let settings = Settings::load(device.home())?;
    if wanted == Wanted::Settings && settings.spaces.is_empty() {
        return Err(Failure::NothingKept);
    }
    let (turns, lent) = Turns::lent_out();
    let (errands_in, errands) = mpsc::channel(ERRANDS_WAITING_MAX);
    let desk = Arc::new(Desk::new(Arc::clone(&device), turns, listener, errands_in));
    let telling = Arc::downgrade(&desk);
    device.news().tell_to(move |text| {
        if let Some(desk) = telling.upgrade() {
            desk.tell(None, Event::Recovery { text: text.to_owned() });
        }
    });
    let mut keeper = Keeper {
        device,
        desk: Arc::clone(&desk),
        errands,
        wanted,
        limits,
        notices,
        one: None,
        kept: BTreeMap::new(),
        stopped: BTreeMap::new(),
        tasks: JoinSet::new(),
    };
    let _door = Door::open(keeper.device.home(), Arc::clone(&desk))?;
    tokio::pin!(stop);
    let kept = tokio::select! {
        kept = keeper.work(settings, lent) => kept,
        () = &mut stop => Ok(()),
    };
    keeper.end().await;
    kept?;
    desk.tell(None, Event::Stopped);
    Ok(())
}

struct Keeper {
    device: Arc<Session>,
    desk: Arc<Desk>,
    errands: mpsc::Receiver<Errand>,
    wanted: Wanted,
    limits: Limits,
    notices: bool,
    /// The one pair, where there is only that.
    one: Option<Pair>,
    kept: BTreeMap<SpaceId, Kept>,
    stopped: BTreeMap<SpaceId, Stopped>,
    tasks: JoinSet<(SpaceId, Result<(), Failure>)>,
}

/// A pair that is being kept in step.
struct Kept {
    pair: Pair,
    rein: Rein,
}

/// A pair that failed.
struct Stopped {
    pair: Pair,
    /// When it is tried again by itself.
    retry_at: Option<Instant>,
}

impl Keeper {
    async fn work(&mut self, settings: Settings, lent: Lent) -> Result<(), Failure> {
        for pair in &settings.spaces {
            if self.wanted == Wanted::Settings {
                let _ = self.desk.board.card(pair);
            }
        }
        self.desk.set_limits(self.limits.or(settings.limits));
        self.desk.notices.turn(self.notices && settings.notices);
        let device = Arc::clone(&self.device);
        let claiming = lent.take_back(device.home(), device.anchor()).map(|taken| taken.map_err(Failure::from));
        let (link, ()) = tokio::try_join!(self.connect(), claiming)?;
        let mut settings = settings;
        self.reload(&mut settings);
        loop {
            self.apply(&settings, &link);
            let now = clock::now();
            let pause_ends = settings.next_end(now).map(|end| Duration::from_secs(end.0.saturating_sub(now.0)));
            let retry = self.stopped.values().filter_map(|stopped| stopped.retry_at).min();
            tokio::select! {
                Some(errand) = self.errands.recv() => match errand {
                    Errand::Reload(done) => {
                        self.reload(&mut settings);
                        self.apply(&settings, &link);
                        // Whoever asked may have gone.
                        let _ = done.send(());
                    }
                    Errand::Retry(space, done) => {
                        self.stopped.retain(|stopped, _| space.is_some_and(|space| space != *stopped));
                        self.apply(&settings, &link);
                        let _ = done.send(());
                    }
                },
                Some(ended) = self.tasks.join_next() => {
                    let (space, result) = ended.map_err(|_| Failure::Bug("a space's task ended early"))?;
                    self.ended(space, result)?;
                }
                () = after(pause_ends) => {}
                () = at(retry) => self.stopped.retain(|_, stopped| stopped.retry_at.is_none_or(|at| at > Instant::now())),
            }
        }
    }

    /// Connects as soon as a node answers; the organisation's refusals end it. Finds the one space, where there is only that.
    async fn connect(&mut self) -> Result<Arc<Link>, Failure> {
        let mut backoff = reconnecting();
        loop {
            let failure = match self.connect_once().await {
                Ok(link) => {
                    if self.desk.set_trouble(None).is_some() {
                        self.desk.tell(None, Event::Online);
                    }
                    return Ok(link);
                }
                Err(failure) if failure.may_pass() => failure,
                Err(failure) => return Err(failure),
            };
            let trouble = Trouble::from(&failure);
            if self.desk.set_trouble(Some(trouble.clone())).is_none() {
                self.desk.tell(None, Event::Offline { error: trouble.error, now: trouble.now });
            }
            let wait = backoff.wait(getrandom::u64().unwrap_or_default());
            // Settings that change meanwhile are read when there is a link.
            let answer = async {
                while let Some(errand) = self.errands.recv().await {
                    match errand {
                        Errand::Reload(done) | Errand::Retry(_, done) => {
                            let _ = done.send(());
                        }
                    }
                }
            };
            let _ = tokio::time::timeout(wait, answer).await;
        }
    }

    async fn connect_once(&mut self) -> Result<Arc<Link>, Failure> {
        let link = self.device.connect().await?;
        if let Wanted::One { space, folder } = &self.wanted {
            let (link, device, runtime) = (Arc::clone(&link), Arc::clone(&self.device), Handle::current());
            let finding = spawn_blocking(move || spaces(&link, &runtime, &device)).await;
            let known = finding.map_err(|_| Failure::Bug("finding the space ended early"))??;
            let found = choose(space, &known)?;
            let name = found.name.clone().unwrap_or_else(|| found.id.to_string());
            self.one = Some(Pair { space: found.id, name, folder: folder.clone() });
        }
        Ok(link)
    }

    /// Reads the settings again. Those that cannot be read leave the old ones in force, and it is said.
    fn reload(&mut self, settings: &mut Settings) {
        match Settings::load(self.device.home()) {
            Ok(read) => {
                // Whoever changes the limits while it runs means them.
                if read.limits != settings.limits {
                    self.limits = Limits::default();
                }
                *settings = read;
            }
            Err(error) => self.desk.tell(None, Event::failed(&error.into())),
        }
    }

    /// Starts what is wanted and does not run, ends what runs and is not wanted, and pauses and resumes.
    fn apply(&mut self, settings: &Settings, link: &Arc<Link>) {
        let limits = self.limits.or(settings.limits);
        self.desk.set_limits(limits);
        link.pace().limit(limits.up, limits.down);
        self.desk.notices.turn(self.notices && settings.notices);
        let wanted: Vec<Pair> = match &self.wanted {
            Wanted::Settings => settings.spaces.clone(),
            Wanted::One { .. } => self.one.iter().cloned().collect(),
        };
        for kept in self.kept.values().filter(|kept| !wanted.contains(&kept.pair)) {
            kept.rein.set(Course::End);
        }
        self.stopped.retain(|_, stopped| wanted.contains(&stopped.pair));
        let ids: BTreeSet<_> = wanted.iter().map(|pair| pair.space).collect();
        self.desk.board.retain(|space| ids.contains(&space));
        let now = clock::now();
        for pair in wanted {
            let pause = settings.pause_of(pair.space, now);
            let course = if pause.is_some() { Course::Pause } else { Course::Run };
            if self.desk.board.card(&pair).pause(pause) {
                let until = pause.and_then(|pause| pause.until);
                let event = if pause.is_some() { Event::Paused { until } } else { Event::Resumed };
                self.desk.tell(Some(&pair), event);
            }
            match self.kept.get(&pair.space) {
                Some(kept) if kept.pair == pair => kept.rein.set(course),
                // The old one ends first; its end comes back here.
                Some(_) => {}
                None if self.stopped.contains_key(&pair.space) => {}
                None => self.start(pair, course, link),
            }
        }
    }

    fn start(&mut self, pair: Pair, course: Course, link: &Arc<Link>) {
        let (rein, reined) = Rein::new(course);
        let organisation = self.device.organisation();
        let identity = self.device.identity();
        let lived = Live {
            device: Arc::clone(&self.device),
            link: Arc::clone(link),
            space: pair.space,
            folder: pair.folder.clone(),
            device_name: Roster::new(&organisation, identity.directory()).device(identity.device()),
            turns: Arc::clone(&self.desk.turns),
        };
        if !self.desk.board.card(&pair).is_stopped() {
            self.desk.tell(Some(&pair), Event::Watching { folder: pair.folder.display().to_string() });
        }
        let teller = Arc::new(SpaceTeller::new(Arc::clone(&self.desk), pair.clone()));
        let space = pair.space;
        self.tasks.spawn(async move { (space, live(lived, teller, reined).await) });
        self.kept.insert(space, Kept { pair, rein });
    }

    /// A space runs no more.
    fn ended(&mut self, space: SpaceId, result: Result<(), Failure>) -> Result<(), Failure> {
        let Some(Kept { pair, .. }) = self.kept.remove(&space) else { return Ok(()) };
        let Err(failure) = result else { return Ok(()) };
        if self.one.is_some() {
            return Err(failure);
        }
        // A disk may be mounted again, or have room; nothing else mends itself.
        let is_local = Exit::from(&failure) == Exit::Local;
        let retry_at = is_local.then(|| Instant::now() + Duration::from_secs(STOPPED_RETRY_SECONDS));
        // What fails again as it did is no news.
        if !self.desk.board.card(&pair).has_stopped_for(&Trouble::from(&failure)) {
            self.desk.tell(Some(&pair), Event::failed(&failure));
        }
        self.stopped.insert(space, Stopped { pair, retry_at });
        Ok(())
    }

    /// Has all rounds halt, and waits for them a little: every step of one survives being cut off.
    async fn end(&mut self) {
        self.kept.values().for_each(|kept| kept.rein.set(Course::End));
        let all = async { while self.tasks.join_next().await.is_some() {} };
        let _ = tokio::time::timeout(Duration::from_secs(STOP_SECONDS_MAX), all).await;
    }
}

async fn after(wait: Option<Duration>) {
    match wait {
        Some(wait) => tokio::time::sleep(wait).await,
        None => std::future::pending().await,
    }
}

async fn at(moment: Option<Instant>) {
    match moment {
        Some(moment) => tokio::time::sleep_until(moment.into()).await,
        None => std::future::pending().await,
    }
}
