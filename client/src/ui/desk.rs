//! What the pages work with: the device, its way to nodes, and a space for as long as one page is made.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use tokio::runtime::Handle;
use tokio::sync::{Mutex, MutexGuard};
use tokio::task::spawn_blocking;
use vauban_protocol::id::SpaceId;
use vauban_protocol::wire::{Request, Response};

use crate::complaint::Complaint;
use crate::content::Nodes;
use crate::failure::Failure;
use crate::limit::UI_RECONNECT_SECONDS;
use crate::link::{Elsewhere, Link, LinkError, Unreached};
use crate::organisation::Roster;
use crate::say;
use crate::session::Session;
use crate::state::Home;
use crate::sync::{NamedSpace, OpenSpace, space_name, spaces};
use crate::ui::live::{Pieces, Standing};
use crate::ui::wording::Frame;

/// The device, and its way to nodes.
#[derive(Debug)]
pub(super) struct Desk {
    device: Arc<Session>,
    way: Mutex<Way>,
    /// Held by the one page that writes.
    writing: Mutex<()>,
    /// What the next page says first.
    notice: std::sync::Mutex<Option<Notice>>,
}

/// Something to say once.
#[derive(Debug, Clone)]
pub(super) struct Notice {
    pub(super) text: String,
    pub(super) is_problem: bool,
}

#[derive(Debug, Default)]
struct Way {
    link: Option<Arc<Link>>,
    tried: Option<Instant>,
}

/// Nodes, or nobody while none was reached: what the cache holds is then still shown.
#[derive(Debug, Clone)]
pub(super) struct Reach(Option<Arc<Link>>);

impl Nodes for Reach {
    async fn request(&self, request: Request, body: Vec<Bytes>) -> Result<(Response, Bytes), LinkError> {
        match &self.0 {
            Some(link) => Nodes::request(link, request, body).await,
            None => Err(LinkError::Unreachable { address: String::new(), reason: Unreached::Silent }),
        }
    }

    async fn elsewhere(&self, requests: Vec<Request>) -> Result<Elsewhere, LinkError> {
        match &self.0 {
            Some(link) => Nodes::elsewhere(link, requests).await,
            None => Err(LinkError::Unreachable { address: String::new(), reason: Unreached::Silent }),
        }
    }
}

/// One page at work, on a thread that may wait.
pub(super) struct Work {
    pub(super) device: Arc<Session>,
    nodes: Reach,
    runtime: Handle,
}

/// A space, and whether it was read to its end just now.
pub(super) struct Opened {
    pub(super) space: OpenSpace<Reach>,
    /// Why it may lack what is newest.
    pub(super) stale: Option<Complaint>,
}

impl Desk {
    pub(super) fn new(device: Arc<Session>) -> Self {
        Self { device, way: Mutex::default(), writing: Mutex::default(), notice: std::sync::Mutex::default() }
    }

    /// The home of the device.
    pub(super) fn home(&self) -> &Home {
        self.device.home()
    }

    /// Waits until no other page writes.
    pub(super) async fn turn_to_write(&self) -> MutexGuard<'_, ()> {
        self.writing.lock().await
    }

    /// Leaves something for the next page to say.
    pub(super) fn leave(&self, notice: Notice) {
        *self.notice.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = Some(notice);
    }

    pub(super) fn take_notice(&self) -> Option<Notice> {
        self.notice.lock().unwrap_or_else(std::sync::PoisonError::into_inner).take()
    }

    /// Does `work` on a thread that may wait.
    pub(super) async fn work<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Work) -> Result<T, Failure> + Send + 'static,
    ) -> Result<T, Failure> {
        let nodes = self.reach().await;
        let at_work = Work { device: Arc::clone(&self.device), nodes, runtime: Handle::current() };
        let working = move || {
            // Other processes of this home change it, too.
            at_work.device.anchor().update(|_| ())?;
            work(&at_work)
        };
        spawn_blocking(working).await.unwrap_or(Err(Failure::Bug("making a page ended early")))
    }

    /// The way to nodes; one that was not found is not looked for again at once, so that pages stay quick.
    async fn reach(&self) -> Reach {
        let mut way = self.way.lock().await;
        let is_due = way.tried.is_none_or(|tried| tried.elapsed() >= Duration::from_secs(UI_RECONNECT_SECONDS));
        if way.link.is_none() && is_due {
            way.link = match self.device.connect().await {
                Ok(link) => Some(link),
                Err(error) => {
                    tracing::info!(%error, "no node is reached");
                    None
                }
            };
            way.tried = Some(Instant::now());
        }
        Reach(way.link.clone())
    }
}

impl Work {
    /// All spaces of this person: as nodes say, else those that this device has read.
    pub(super) fn spaces(&self) -> Result<Vec<NamedSpace>, Failure> {
        match spaces(&self.nodes, &self.runtime, &self.device).map_err(Failure::from) {
            Err(failure) if failure.may_pass() => self.spaces_read(),
            other => other,
        }
    }

    fn spaces_read(&self) -> Result<Vec<NamedSpace>, Failure> {
        let mut known = Vec::new();
        for id in self.device.anchor().record().spaces.into_keys() {
            let space = self.open_unread(id)?;
            let Ok(folded) = space.folded() else { continue };
            let name = space_name(&folded, self.device.identity().directory());
            known.push(NamedSpace { id, name, head: folded.head() });
        }
        known.sort_unstable_by(|a, b| (&a.name, a.id).cmp(&(&b.name, b.id)));
        Ok(known)
    }

    fn open_unread(&self, id: SpaceId) -> Result<OpenSpace<Reach>, Failure> {
        Ok(OpenSpace::open(self.nodes.clone(), self.runtime.clone(), Arc::clone(&self.device), id)?)
    }

    /// Opens a space and reads its log to the end; as far as it was read before, where no node answers.
    pub(super) fn open(&self, id: SpaceId) -> Result<Opened, Failure> {
        let mut space = self.open_unread(id)?;
        let stale = match space.follow().map_err(Failure::from) {
            Ok(()) => None,
            Err(failure) if failure.may_pass() && space.folded().is_ok() => Some(Complaint::from(&failure)),
            Err(failure) => return Err(failure),
        };
        space.write_record()?;
        Ok(Opened { space, stale })
    }

    /// The names of people and machines.
    pub(super) fn with_roster<T>(&self, ask: impl FnOnce(&Roster<'_>) -> T) -> T {
        let organisation = self.device.organisation();
        ask(&Roster::new(&organisation, self.device.identity().directory()))
    }

    /// What changes by itself, as it is now.
    #[expect(clippy::unused_self, reason = "a page's work")]
    pub(super) fn pieces(&self, standing: &Standing, frame: &Frame) -> Result<Pieces, Failure> {
        standing.pieces(&frame.root).map_err(|_| Failure::Bug("a piece of a page cannot be made"))
    }

    /// This device's name.
    pub(super) fn device_name(&self) -> String {
        self.with_roster(|roster| roster.device(self.device.identity().device()))
    }

    /// The name of a space, or what it is called without one.
    pub(super) fn name(&self, space: &OpenSpace<Reach>) -> Result<String, Failure> {
        Ok(space_name(&space.folded()?, self.device.identity().directory()).unwrap_or_else(nameless))
    }
}

/// What a space is called whose name does not open.
pub(super) fn nameless() -> String {
    say!(fr: "(sans nom)", en: "(nameless)")
}
