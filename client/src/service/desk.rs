//! Answers requests with what the service knows and has.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use tokio::sync::{broadcast, mpsc, oneshot};
use vauban_protocol::id::SpaceId;

use super::board::Board;
use super::event::{Event, Told};
use super::keep::Listener;
use super::notices::Notices;
use super::recent::Recent;
use super::request::{Answer, Refusal, Request};
use super::settings::{Limits, Pair};
use super::socket::{Asker, Gone};
use super::state::{ServiceState, Trouble};
use crate::clock;
use crate::failure::Failure;
use crate::session::Session;
use crate::sync::Turns;

/// See the module.
pub(super) struct Desk {
    pub(super) device: Arc<Session>,
    pub(super) board: Board,
    pub(super) turns: Arc<Turns>,
    recent: Recent,
    listener: Arc<dyn Listener>,
    pub(super) notices: Notices,
    since: u64,
    /// What the service itself is to do.
    errands: mpsc::Sender<Errand>,
    notes: Mutex<Notes>,
}

#[derive(Default)]
struct Notes {
    limits: Limits,
    trouble: Option<Trouble>,
}

/// What the service is to do; answered when it is done.
pub(super) enum Errand {
    /// Read the settings again.
    Reload(oneshot::Sender<()>),
    /// Try what has stopped again.
    Retry(Option<SpaceId>, oneshot::Sender<()>),
}

impl Desk {
    pub(super) fn new(
        device: Arc<Session>,
        turns: Arc<Turns>,
        listener: Arc<dyn Listener>,
        errands: mpsc::Sender<Errand>,
    ) -> Self {
        let recent = Recent::open(device.home());
        let since = clock::now().0;
        let notices = Notices::start();
        Self {
            device,
            board: Board::default(),
            turns,
            recent,
            listener,
            notices,
            since,
            errands,
            notes: Mutex::default(),
        }
    }

    /// Notes, keeps and tells what happened.
    pub(super) fn tell(&self, pair: Option<&Pair>, event: Event) {
        if let Some(card) = pair.and_then(|pair| self.board.get(pair.space)) {
            card.told(&event);
        }
        self.notices.hear(pair, &event);
        let (space, name) = (pair.map(|pair| pair.space.to_hex()), pair.map(|pair| pair.name.clone()));
        let told = Told { event, at: clock::now().0, space, name };
        self.recent.push(&told);
        self.listener.hear(&told);
    }

    /// Who sees the next round of the only space, where there is one.
    pub(super) fn listener(&self) -> &Arc<dyn Listener> {
        &self.listener
    }

    pub(super) fn set_limits(&self, limits: Limits) {
        self.with(|notes| notes.limits = limits);
    }

    /// What keeps the service as a whole from its work; answers with what did before.
    pub(super) fn set_trouble(&self, trouble: Option<Trouble>) -> Option<Trouble> {
        self.with(|notes| std::mem::replace(&mut notes.trouble, trouble))
    }

    fn with<T>(&self, note: impl FnOnce(&mut Notes) -> T) -> T {
        note(&mut self.notes.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn state(&self) -> ServiceState {
        let (limits, trouble) = self.with(|notes| (notes.limits, notes.trouble.clone()));
        ServiceState {
            process: std::process::id(),
            since: self.since,
            is_lent: self.turns.is_lent(),
            limits,
            trouble,
            spaces: self.board.states(Instant::now()),
        }
    }

    /// Answers one request; some take until the asker is gone.
    pub(super) async fn answer(&self, request: Request, asker: &mut Asker) -> Result<(), Gone> {
        let answer = match request {
            Request::State => Answer::State(Box::new(self.state())),
            Request::Reload => self.errand(Errand::Reload).await,
            Request::Retry { space } => match space.map(|space| space.parse()).transpose() {
                Ok(space) => self.errand(|done| Errand::Retry(space, done)).await,
                Err(_) => no_space(),
            },
            Request::Events { space } => return self.events(space.as_deref(), asker).await,
            Request::Lend => return self.lend(asker).await,
        };
        asker.say(&answer).await
    }

    async fn errand(&self, errand: impl FnOnce(oneshot::Sender<()>) -> Errand) -> Answer {
        let (done, wait) = oneshot::channel();
        if self.errands.send(errand(done)).await.is_ok() && wait.await.is_ok() {
            Answer::Done
        } else {
            Answer::Refused { reason: Refusal::NotNow }
        }
    }

    async fn events(&self, space: Option<&str>, asker: &mut Asker) -> Result<(), Gone> {
        let mut followed = self.recent.follow();
        asker.say(&Answer::Done).await?;
        loop {
            let told = tokio::select! {
                told = followed.recv() => told,
                () = asker.gone() => return Err(Gone),
            };
            match told {
                Ok(told) if space.is_none() || told.space.as_deref() == space => {
                    asker.say(&Answer::Told(Box::new(told))).await?;
                }
                // One who reads too slowly misses some, and goes on.
                Ok(_) | Err(broadcast::error::RecvError::Lagged(_)) => {}
                Err(broadcast::error::RecvError::Closed) => return Err(Gone),
            }
        }
    }

    /// Lends the claim until the asker is gone. It comes back even if the asker goes half-way.
    async fn lend(&self, asker: &mut Asker) -> Result<(), Gone> {
        let lent = tokio::select! {
            lent = self.turns.lend() => lent,
            () = asker.gone() => return Err(Gone),
        };
        if asker.say(&Answer::Lent).await.is_ok() {
            asker.gone().await;
        }
        if let Err(error) = lent.take_back(self.device.home(), self.device.anchor()).await {
            let failure = Failure::from(error);
            // No round runs any more; whoever asks is told why.
            let _ = self.set_trouble(Some(Trouble::from(&failure)));
            self.tell(None, Event::failed(&failure));
        }
        Err(Gone)
    }
}

fn no_space() -> Answer {
    Answer::Refused { reason: Refusal::NoSpace }
}
