//! What `device revoke`, `user revoke` and `admin offboard` share: who signs, for whom only the root may, and the keys that change for it.

use std::collections::BTreeSet;

use serde::Serialize;
use vauban_protocol::id::{SpaceId, UserId};
use vauban_protocol::organisation::Statement;

use crate::commands::Context;
use crate::commands::root_passphrase::RootPassphrase;
use crate::commands::spaces::Connected;
use crate::complaint::Complaint;
use crate::failure::Failure;
use crate::keys::Root;
use crate::link::Link;
use crate::organisation::{Author, Roster, renew_if_due};
use crate::plain::Plain;
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
    /// Those whose keys still are to be changed.
    pub(super) pending: Vec<Pending>,
    /// Those whose keys are not, now.
    pub(super) settled: BTreeSet<SpaceId>,
}

/// A space that still has the keys that somebody holds who should not.
#[derive(Debug, Serialize)]
pub(super) struct Pending {
    /// Its name, or its identifier where that does not open.
    space: String,
    id: String,
    /// `reader` if this person may not change the keys, `failed` if something else was in the way.
    why: &'static str,
    #[serde(skip)]
    told: String,
}

impl Pending {
    /// The line about it for people: what is in the way, and who or what changes the keys.
    pub(super) fn line(&self) -> &str {
        &self.told
    }

    fn reader(space: &NamedSpace) -> Self {
        let name = name_of(space);
        let told = say!(
            fr: "  {name} : vous n'y êtes que lecteur ; le premier appareil d'un membre qui peut y écrire s'en charge, dès qu'il se synchronise.",
            en: "  {name}: you only read there; the first device of a member who may write sees to it, as soon as it syncs.",
        );
        Self { space: name, id: space.id.to_hex(), why: "reader", told }
    }

    fn failed(space: &NamedSpace, failure: &Failure) -> Self {
        let (name, Complaint { what, now }) = (name_of(space), Complaint::from(failure));
        let is_alarm = matches!(failure, Failure::Sync(error) if error.is_alarm());
        let told = if is_alarm {
            say!(fr: "  {name} : {what} {now}", en: "  {name}: {what} {now}")
        } else {
            say!(
                fr: "  {name} : {what} Changer ses clés ensuite : `vauban space rotate \"{name}\" --unconfirmed`.",
                en: "  {name}: {what} To change its keys then: `vauban space rotate \"{name}\" --unconfirmed`.",
            )
        };
        Self { space: name, id: space.id.to_hex(), why: "failed", told }
    }
}

fn name_of(space: &NamedSpace) -> String {
    space.name.as_ref().map_or_else(|| space.id.to_hex(), |name| Plain(name).to_string())
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
        match rotate(connected, &space) {
            Ok(done) => {
                changed.rotated = changed.rotated.saturating_add(u64::from(done == Done::Rotated));
                if done == Done::MayNot {
                    changed.pending.push(Pending::reader(&space));
                } else {
                    changed.settled.insert(space.id);
                }
            }
            Err(failure) => {
                tracing::warn!(space = %space.id, ?failure, "the space's keys were not changed");
                changed.pending.push(Pending::failed(&space, &failure));
            }
        }
    }
    Ok(changed)
}

/// What was done for a space.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Done {
    /// It has new keys.
    Rotated,
    /// It needs none.
    Nothing,
    /// It needs some, and this person may not write there.
    MayNot,
}

fn rotate(connected: &Connected, space: &NamedSpace) -> Result<Done, Failure> {
    let mut space = connected.open(space)?;
    if space.rotate_at_once()? {
        return Ok(Done::Rotated);
    }
    let is_pending = space.folded()?.is_rotation_pending(space.organisation());
    Ok(if is_pending { Done::MayNot } else { Done::Nothing })
}
