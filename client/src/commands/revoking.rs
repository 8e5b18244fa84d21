//! What `device revoke`, `user revoke` and `admin offboard` share: who signs, for whom only the root may, and the keys that change for it.

use std::collections::BTreeSet;

use vauban_protocol::id::{SpaceId, UserId};
use vauban_protocol::organisation::Statement;

use crate::commands::Context;
use crate::commands::root_passphrase::RootPassphrase;
use crate::commands::spaces::Connected;
use crate::failure::Failure;
use crate::keys::Root;
use crate::link::Link;
use crate::organisation::{Author, Roster, renew_if_due};
use crate::say;
use crate::session::{Certifying, Session};
use crate::sync::NamedSpace;

/// Their arguments.
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

/// Fails if too few admins would be left to approve anything where that takes two.
pub(super) fn ensure_two_stay(session: &Session, user: UserId) -> Result<(), Failure> {
    let organisation = session.organisation();
    let others = organisation.admins().filter(|admin| *admin != user).count();
    if !organisation.takes_two_admins() || !organisation.is_admin(user) || others >= 2 {
        return Ok(());
    }
    let admin = Roster::new(&organisation, session.identity().directory()).user(user);
    Err(Failure::Usage(say!(
        fr: "{admin} est un des deux derniers administrateurs, et il en faut deux pour approuver : en nommer d'abord un autre. Sinon, `vauban admin offboard {admin}` le révoque quand même, et plus rien ne sera approuvé.",
        en: "{admin} is one of the last two admins, and it takes two to approve: appoint another one first. Else `vauban admin offboard {admin}` revokes them all the same, and nothing is approved any more.",
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

/// What became of the keys of this device's spaces.
#[derive(Debug, Default)]
pub(super) struct Changed {
    /// How many were changed by this command.
    pub(super) rotated: u64,
    /// How many still are to be, for another device to see to.
    pub(super) pending: u64,
    /// Those that are not, now.
    pub(super) settled: BTreeSet<SpaceId>,
}

/// New keys for the person, if it was a device of theirs, and then for every space that it could open and this one may write to.
pub(super) fn change_keys(connected: &Connected) -> Result<Changed, Failure> {
    let renewing = connected
        .device
        .certify(Certifying::At(&connected.link), |draft| Ok(renew_if_due(draft, connected.device.identity())?));
    connected.runtime.block_on(renewing)?;
    let mut changed = Changed::default();
    for space in connected.spaces()? {
        // One space that cannot be had keeps no other under the old keys.
        let is_pending = match rotate(connected, &space) {
            Ok((is_rotated, is_pending)) => {
                changed.rotated = changed.rotated.saturating_add(u64::from(is_rotated));
                is_pending
            }
            Err(error) => {
                tracing::warn!(space = %space.id, ?error, "the space's keys were not changed");
                true
            }
        };
        changed.pending = changed.pending.saturating_add(u64::from(is_pending));
        if !is_pending {
            changed.settled.insert(space.id);
        }
    }
    Ok(changed)
}

/// Whether a space got new keys; and whether it still needs some, or will once a member of it has new keys.
fn rotate(connected: &Connected, space: &NamedSpace) -> Result<(bool, bool), Failure> {
    let mut space = connected.open(space)?;
    let is_rotated = space.rotate()?;
    let (folded, organisation) = (space.folded()?, connected.device.organisation());
    let is_due = folded.members().any(|(user, _)| organisation.is_renewal_due(user));
    Ok((is_rotated, is_due || folded.is_rotation_pending(&organisation)))
}
