//! What `vauban device revoke` and `vauban user revoke` share: who signs, and for whom only the root may.

use vauban_protocol::id::UserId;
use vauban_protocol::organisation::Statement;

use crate::commands::Context;
use crate::commands::root_passphrase::RootPassphrase;
use crate::failure::Failure;
use crate::keys::Root;
use crate::link::Link;
use crate::organisation::{Author, Roster};
use crate::say;
use crate::session::{Certifying, Session};

/// The arguments of both.
#[derive(Debug, clap::Args)]
pub(super) struct Signing {
    #[arg(long, help = say!(
        fr: "Signe avec la racine : il le faut pour un administrateur",
        en: "Signs with the root: needed for an admin's",
    ))]
    root: bool,
    #[command(flatten)]
    root_passphrase: RootPassphrase,
}

impl Signing {
    /// The root, if it is to sign.
    pub(super) fn open_root(&self, context: &Context) -> Result<Option<Root>, Failure> {
        Ok(self.root.then(|| self.root_passphrase.open_root(context)).transpose()?)
    }
}

/// Fails if the root alone may revoke `user`, or a device of theirs, and does not sign.
pub(super) fn ensure_may(session: &Session, root: Option<&Root>, user: UserId) -> Result<(), Failure> {
    let organisation = session.organisation();
    if root.is_some() || user == session.identity().user() || !organisation.is_admin(user) {
        return Ok(());
    }
    let admin = Roster::new(&organisation, session.identity().directory()).user(user);
    Err(Failure::Usage(say!(
        fr: "{admin} est administrateur : seule la racine peut révoquer un administrateur et ses appareils (`--root`).",
        en: "{admin} is an admin: the root alone can revoke an admin and an admin's devices (`--root`).",
    )))
}

/// Has the chain say it, by the root or by this device.
pub(super) async fn certify(
    session: &Session,
    link: &Link,
    root: Option<&Root>,
    statement: Statement,
) -> Result<(), Failure> {
    let author = root.map_or_else(|| session.identity().as_ref().into(), Author::from);
    session.certify(Certifying::At(link), |draft| Ok(draft.say(author, statement.clone())?)).await
}
