//! What the commands about spaces share: a device connected on a thread that may wait, and `SPACE:PATH`.

use std::sync::Arc;

use tokio::runtime::Handle;
use tokio::sync::oneshot;

use crate::commands::{Context, block_on};
use crate::failure::Failure;
use crate::link::Link;
use crate::organisation::Roster;
use crate::say;
use crate::service::Working;
use crate::session::Session;
use crate::sync::{NamedSpace, OpenSpace, choose, spaces};
use crate::tree::TreePath;

/// A device at work, connected.
pub(crate) struct Connected {
    pub(crate) device: Arc<Session>,
    pub(crate) link: Arc<Link>,
    pub(crate) runtime: Handle,
}

/// Whether a command writes with this device's keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// It only reads.
    Read,
    /// It commits: one process at a time.
    Write,
}

/// Connects, and does `work` on a thread of its own; ends at once when the user stops it, since every step survives that.
pub(crate) fn connected<T: Send + 'static>(
    context: &Context,
    purpose: Purpose,
    work: impl FnOnce(Connected) -> Result<T, Failure> + Send + 'static,
) -> Result<T, Failure> {
    let device = Arc::new(context.session()?);
    let limits = context.limits()?;
    let claim: Option<Working> = match purpose {
        Purpose::Read => None,
        Purpose::Write => Some(context.claim()?),
    };
    block_on(async move {
        let link = device.connect().await?;
        link.pace().limit(limits.up, limits.down);
        let connected = Connected { device, link, runtime: Handle::current() };
        let (done, wait) = oneshot::channel();
        std::thread::spawn(move || {
            let result = work(connected);
            drop(claim);
            // Nobody waits any more if the user stopped the command.
            let _ = done.send(result);
        });
        wait.await.unwrap_or(Err(Failure::Bug("the working thread ended early")))
    })
}

impl Connected {
    /// The space that `text` names.
    pub(crate) fn find(&self, text: &str) -> Result<NamedSpace, Failure> {
        Ok(choose(text, &self.spaces()?)?.clone())
    }

    /// All spaces of this user.
    pub(crate) fn spaces(&self) -> Result<Vec<NamedSpace>, Failure> {
        Ok(spaces(&self.link, &self.runtime, &self.device)?)
    }

    /// Opens a space.
    pub(crate) fn open(&self, space: &NamedSpace) -> Result<OpenSpace<Arc<Link>>, Failure> {
        let open = OpenSpace::open(Arc::clone(&self.link), self.runtime.clone(), Arc::clone(&self.device), space.id)?;
        Ok(open)
    }

    /// This device's name.
    pub(crate) fn device_name(&self) -> String {
        let organisation = self.device.organisation();
        let identity = self.device.identity();
        Roster::new(&organisation, identity.directory()).device(identity.device())
    }
}

/// A place in a space, as people write it: `SPACE:PATH`, or `SPACE` for all of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) space: String,
    pub(crate) path: TreePath,
}

impl std::str::FromStr for Place {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (space, path) = text.split_once(':').unwrap_or((text, ""));
        let path = TreePath::parse(path).map_err(|error| error.to_string())?;
        Ok(Self { space: space.to_owned(), path })
    }
}

/// Nothing stands at this place.
pub(crate) fn not_there(place: &Place) -> Failure {
    let (space, path) = (&place.space, &place.path);
    Failure::NotFound(say!(
        fr: "« {path} » n'existe pas dans l'espace « {space} ».",
        en: "\"{path}\" does not exist in space \"{space}\".",
    ))
}

/// A folder stands where a file is wanted.
pub(crate) fn not_a_file(place: &Place) -> Failure {
    let (space, path) = (&place.space, &place.path);
    Failure::Usage(say!(
        fr: "« {path} » n'est pas un fichier dans l'espace « {space} ».",
        en: "\"{path}\" is not a file in space \"{space}\".",
    ))
}
