//! `vauban org appoint USER`.

use serde::Serialize;
use vauban_protocol::id::UserId;
use vauban_protocol::organisation::Statement;

use crate::commands::org::root_passphrase::RootPassphrase;
use crate::commands::{Context, block_on};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::keys::Root;
use crate::organisation::Roster;
use crate::say;
use crate::session::{Certifying, Session};

/// Arguments.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    #[arg(value_name = "USER", help = say!(
        fr: "La personne : son nom, ou le début de son identifiant (`vauban user list`)",
        en: "The person: a name, or how the identifier begins (`vauban user list`)",
    ))]
    user: String,
    #[command(flatten)]
    root_passphrase: RootPassphrase,
}

#[derive(Debug, Serialize)]
struct Report {
    user: String,
    id: String,
    admins: usize,
}

pub(crate) fn run(context: &Context, arguments: &Arguments) -> Result<Exit, Failure> {
    let session = context.session()?;
    let root = arguments.root_passphrase.open_root(context)?;
    let report = block_on(appoint(&session, &root, &arguments.user))?;
    context.output.result(&report, text);
    Ok(Exit::Done)
}

async fn appoint(session: &Session, root: &Root, wanted: &str) -> Result<Report, Failure> {
    let link = session.connect().await?;
    let user = choose(session, wanted)?;
    if !session.organisation().is_admin(user) {
        session.certify(Certifying::At(&link), |draft| Ok(draft.say(root.into(), Statement::Admin { user })?)).await?;
    }
    let organisation = session.organisation();
    let name = Roster::new(&organisation, session.identity().directory()).user(user);
    Ok(Report { user: name, id: user.to_hex(), admins: organisation.admins().count() })
}

/// The one live person that `wanted` names.
fn choose(session: &Session, wanted: &str) -> Result<UserId, Failure> {
    let organisation = session.organisation();
    let roster = Roster::new(&organisation, session.identity().directory());
    let is_meant = |id: &UserId, name: &str| name == wanted || (!wanted.is_empty() && id.to_hex().starts_with(wanted));
    let meant: Vec<UserId> = roster
        .users()
        .filter(|(id, name, record)| record.revoked_at.is_none() && is_meant(id, name))
        .map(|(id, ..)| id)
        .collect();
    match meant.as_slice() {
        [user] => Ok(*user),
        [] => Err(Failure::NotFound(say!(
            fr: "Personne ne s'appelle « {wanted} » dans l'organisation.",
            en: "Nobody is called \"{wanted}\" in the organisation.",
        ))),
        several => {
            let ids = several.iter().map(|id| id.to_hex()).collect::<Vec<_>>().join(", ");
            Err(Failure::Usage(say!(
                fr: "Plusieurs personnes s'appellent « {wanted} » : désigner l'une d'elles par son identifiant ({ids}).",
                en: "Several people are called \"{wanted}\": name one of them by identifier ({ids}).",
            )))
        }
    }
}

fn text(report: &Report) -> String {
    let Report { user, id, admins } = report;
    say!(
        fr: "{user} ({id}) est administrateur ; l'organisation en a {admins}.",
        en: "{user} ({id}) is an admin; the organisation has {admins}.",
    )
}
