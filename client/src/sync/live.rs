//! Live: a folder and a space kept in step, until told to stop.
//!
//! ```text
//! disk, watched ── changed folders ─┐
//!                                   ├─► agenda (pure) ── scope ──► rounds, one at a time ──► what is told
//! node, followed ─ new commits ─────┘
//! ```
//! A change on either side begins a round at once; what changes meanwhile begins the next. Events only say when to look: what
//! is done is decided by looking. A node that is lost is said once, and so is its return; between them rounds are tried with
//! growing waits. Alarms, and whatever only a person can mend, end it.
//!
//! Several may run in one process, and share its [turns]. One that is paused looks at nothing, and forgets nothing: what
//! changed meanwhile is due when it resumes.
//!
//! Deliberately absent: finishing a round at the end. Every step of one survives being cut off, and the next goes on from there.

mod agenda;
mod rein;
mod rounds;
mod turns;

use std::collections::BTreeMap;
use std::future::Future;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::task::spawn_blocking;
use vauban_protocol::id::SpaceId;

use self::agenda::Agenda;
pub use self::rein::{Course, Rein, Reined};
use self::rounds::{Chores, Done, Ended, Job, Order, Rounds};
pub use self::turns::{Lent, Turn, Turns};
use super::{Contested, Issue, Problem, Summary, SyncError, Watcher};
use crate::backoff::Backoff;
use crate::failure::Failure;
use crate::limit::{RECONNECT_WAIT_MS, RECONNECT_WAIT_MS_MAX, ROOM_WAIT_MS, ROOM_WAIT_MS_MAX};
use crate::link::{FollowNews, Followed, Link, LinkError};
use crate::session::Session;
use crate::tree::{Coverage, Scope, Seen, TreeWatch};

/// What is kept in step, by whom.
#[derive(Debug)]
pub struct Live {
    /// The device.
    pub device: Arc<Session>,
    /// Its way to nodes.
    pub link: Arc<Link>,
    /// The space.
    pub space: SpaceId,
    /// The folder.
    pub folder: PathBuf,
    /// What the device is called, for conflict copies.
    pub device_name: String,
    /// Who may begin a round.
    pub turns: Arc<Turns>,
}

/// Something worth telling.
#[derive(Debug)]
pub enum LiveEvent<'a> {
    /// A round changed something, on either side; or it was the first.
    Synced(&'a Summary),
    /// Something is left out that was not said before.
    LeftOut(&'a Issue),
    /// A device has released what is still needed: an alarm.
    Contested(&'a Contested),
    /// The brake holds something, and did not before.
    Held,
    /// No node answers, for this reason; it is tried again.
    Offline(&'a Failure),
    /// A node answers again.
    Online,
    /// How much of the folder is watched, when that changes; all of it at first.
    Watched(Coverage),
}

/// Tells whoever listens.
pub trait Teller: Send + Sync {
    /// Tells one event.
    fn tell(&self, event: &LiveEvent<'_>);
    /// Sees the next round, which begins now, as it goes.
    fn watcher(&self) -> Arc<dyn Watcher>;
    /// That round is over: with this summary, or halted, or failed.
    fn over(&self, summary: Option<&Summary>);
}

/// Waits between tries while no node answers.
#[must_use]
pub const fn reconnecting() -> Backoff {
    Backoff::new(Duration::from_millis(RECONNECT_WAIT_MS), Duration::from_millis(RECONNECT_WAIT_MS_MAX))
}

fn waiting_for_room() -> Backoff {
    Backoff::new(Duration::from_millis(ROOM_WAIT_MS), Duration::from_millis(ROOM_WAIT_MS_MAX))
}

/// Keeps a folder and a space in step until it is told to end, or nobody holds it any more.
///
/// # Errors
/// [`Failure`]: an alarm, a device that was revoked, a folder that is not there: whatever does not pass by itself.
pub async fn live(live: Live, teller: Arc<dyn Teller>, mut reined: Reined) -> Result<(), Failure> {
    let folder = live.folder.clone();
    // Watched before it is looked at for the first time: a change in between is seen twice rather than never.
    let watching = spawn_blocking(move || TreeWatch::start(&folder)).await;
    let mut disk = watching.map_err(|_| Failure::Bug("setting watches ended early"))?.map_err(SyncError::from)?;
    let mut keeper = Keeper::new(&live, reined.course(), Arc::clone(&teller));
    let turns = Arc::clone(&live.turns);
    let mut rounds = Rounds::start(live, teller);
    let mut turn: Option<Pin<Box<dyn Future<Output = Turn> + Send>>> = None;
    loop {
        let due_at = if rounds.is_running() { None } else { keeper.due_at(Instant::now()) };
        match due_at {
            Some(due_at) if due_at <= Instant::now() => {
                turn.get_or_insert_with(|| Box::pin(Arc::clone(&turns).turn()));
            }
            _ => turn = None,
        }
        tokio::select! {
            course = reined.pull() => match course {
                Course::End => break,
                course => keeper.steer(course, &rounds),
            },
            seen = disk.next() => keeper.seen(seen),
            news = next_news(&mut keeper.followed) => keeper.heard(news)?,
            ended = rounds.ended() => keeper.ended(ended?)?,
            granted = next_turn(&mut turn) => {
                turn = None;
                if let Some(job) = keeper.next_job(Instant::now()) {
                    rounds.begin(Order { job, turn: granted })?;
                }
            }
            () = sleep_until(due_at), if turn.is_none() => {}
        }
    }
    rounds.halt();
    if rounds.is_running() {
        rounds.ended().await?;
    }
    Ok(())
}

async fn next_turn(turn: &mut Option<Pin<Box<dyn Future<Output = Turn> + Send>>>) -> Turn {
    match turn {
        Some(turn) => turn.await,
        None => std::future::pending().await,
    }
}

async fn sleep_until(moment: Option<Instant>) {
    match moment {
        Some(moment) => tokio::time::sleep_until(moment.into()).await,
        None => std::future::pending().await,
    }
}

async fn next_news(followed: &mut Option<Followed>) -> FollowNews {
    match followed {
        Some(followed) => followed.next().await,
        None => std::future::pending().await,
    }
}

/// What is known between rounds.
struct Keeper {
    link: Arc<Link>,
    space: SpaceId,
    teller: Arc<dyn Teller>,
    agenda: Agenda,
    followed: Option<Followed>,
    backoff: Backoff,
    /// The same while nodes lack room: each try sends them something.
    room: Backoff,
    coverage: Coverage,
    /// Whether a node was lost, as its follower and as the last round found it.
    lost: Lost,
    /// What was told of that: whether it is only room that is lacking.
    told: Option<bool>,
    left_out: BTreeMap<String, Problem>,
    is_held: bool,
    /// What is left to do between rounds.
    chores: Chores,
    is_paused: bool,
}

#[derive(Debug, Clone, Copy, Default)]
struct Lost {
    follower: bool,
    round: bool,
}

impl Lost {
    fn is_offline(self) -> bool {
        self.follower || self.round
    }
}

impl Keeper {
    fn new(live: &Live, course: Course, teller: Arc<dyn Teller>) -> Self {
        Self {
            link: Arc::clone(&live.link),
            space: live.space,
            teller,
            agenda: Agenda::new(Instant::now()),
            followed: None,
            backoff: reconnecting(),
            room: waiting_for_room(),
            coverage: Coverage::Whole,
            lost: Lost::default(),
            told: None,
            left_out: BTreeMap::new(),
            is_held: false,
            chores: Chores::None,
            is_paused: course == Course::Pause,
        }
    }

    /// When something is next to be done; not at all while it is paused.
    fn due_at(&self, now: Instant) -> Option<Instant> {
        let chores = (self.chores == Chores::Some).then_some(now);
        (!self.is_paused).then(|| chores.unwrap_or_else(|| self.agenda.due_at(now)))
    }

    /// What is to be done now: a round, if one is due; else what waits for such a moment.
    fn next_job(&mut self, now: Instant) -> Option<Job> {
        match self.agenda.take_due(now) {
            Some(scope) => Some(Job::Round(scope)),
            None => (self.chores == Chores::Some).then_some(Job::Chore),
        }
    }

    fn steer(&mut self, course: Course, rounds: &Rounds) {
        let was_paused = std::mem::replace(&mut self.is_paused, course == Course::Pause);
        if self.is_paused {
            rounds.halt();
        } else if was_paused {
            self.agenda.told_again();
        }
    }

    fn seen(&mut self, Seen { scope, coverage }: Seen) {
        if std::mem::replace(&mut self.coverage, coverage) != coverage {
            self.teller.tell(&LiveEvent::Watched(coverage));
        }
        self.agenda.changed_here(scope);
    }

    fn heard(&mut self, news: FollowNews) -> Result<(), Failure> {
        match news {
            FollowNews::Commit { seq, .. } => self.agenda.shown(seq),
            FollowNews::Following => {
                if self.lost.is_offline() {
                    self.agenda.told_again();
                }
                self.turn(Lost { follower: false, ..self.lost }, None);
            }
            FollowNews::Waiting(error) => {
                self.agenda.untold(Instant::now());
                let is_lost = matches!(error, LinkError::Unreachable { .. });
                self.turn(Lost { follower: is_lost, ..self.lost }, Some(&error.into()));
            }
            FollowNews::Ended(error) => return Err(error.into()),
        }
        Ok(())
    }

    fn ended(&mut self, ended: Ended) -> Result<(), Failure> {
        let (scope, result) = match ended {
            Ended::Round { scope, result } => (scope, result),
            Ended::Chore(chores) => {
                self.chores = chores?;
                if self.chores == Chores::AfterARound {
                    self.agenda.told_again();
                }
                return Ok(());
            }
        };
        let now = Instant::now();
        self.teller.over(result.as_ref().ok().map(|done| &done.summary));
        // After a round that failed the space is opened anew by the next, which says what is left.
        self.chores = Chores::None;
        match result {
            Ok(done) => self.done(now, scope, &done),
            Err(Failure::Interrupted) => self.agenda.again(scope, now),
            Err(failure) if failure.may_pass() => {
                self.turn(Lost { round: true, ..self.lost }, Some(&failure));
                let backoff = if failure.is_for_room() { &mut self.room } else { &mut self.backoff };
                self.agenda.again(scope, now + backoff.wait(random()));
            }
            Err(failure) => return Err(failure),
        }
        Ok(())
    }

    fn done(&mut self, now: Instant, scope: Scope, Done { summary, folded, chores }: &Done) {
        self.chores = *chores;
        self.turn(Lost { round: false, ..self.lost }, None);
        self.agenda.done(now, &scope, *folded);
        if self.followed.is_none() || !summary.is_idle() {
            self.teller.tell(&LiveEvent::Synced(summary));
        }
        summary.contested.iter().for_each(|contested| self.teller.tell(&LiveEvent::Contested(contested)));
        self.say_left_out(summary);
        let was_held = std::mem::replace(&mut self.is_held, summary.held.is_any());
        if self.is_held && !was_held {
            self.teller.tell(&LiveEvent::Held);
        }
        self.room.reset();
        if summary.agreed {
            self.backoff.reset();
        } else {
            // Others change the space as fast as it is read: let them.
            self.agenda.again(scope, now + self.backoff.wait(random()));
        }
        if self.followed.is_none() {
            self.followed = Some(self.link.follow(self.space, *folded));
        }
    }

    /// Tells what is left out, and was not at the round before.
    fn say_left_out(&mut self, summary: &Summary) {
        let before = std::mem::take(&mut self.left_out);
        for issue in &summary.issues {
            if before.get(&issue.path) != Some(&issue.problem) {
                self.teller.tell(&LiveEvent::LeftOut(issue));
            }
            self.left_out.insert(issue.path.clone(), issue.problem.clone());
        }
    }

    /// Notes who has lost the node, and tells if that is news: also when nodes are there again, and have no room.
    fn turn(&mut self, lost: Lost, failure: Option<&Failure>) {
        self.lost = lost;
        match (lost.is_offline(), failure) {
            (true, Some(failure)) if self.told != Some(failure.is_for_room()) => {
                self.told = Some(failure.is_for_room());
                self.teller.tell(&LiveEvent::Offline(failure));
            }
            (false, _) if self.told.take().is_some() => self.teller.tell(&LiveEvent::Online),
            _ => {}
        }
    }
}

/// Without randomness all clients wait alike, which is no harm but at a node that comes back.
fn random() -> u64 {
    getrandom::u64().unwrap_or_default()
}
