//! `vauban org appoint USER`.

use serde::Serialize;
use vauban_protocol::organisation::Statement;

use crate::commands::root_passphrase::RootPassphrase;
use crate::commands::{Context, block_on, named};
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
    let user = {
        let organisation = session.organisation();
        named::person(&Roster::new(&organisation, session.identity().directory()), wanted)?
    };
    if !session.organisation().is_admin(user) {
        session.certify(Certifying::At(&link), |draft| Ok(draft.say(root.into(), Statement::Admin { user })?)).await?;
    }
    let organisation = session.organisation();
    let name = Roster::new(&organisation, session.identity().directory()).user(user);
    Ok(Report { user: name, id: user.to_hex(), admins: organisation.admins().count() })
}

fn text(report: &Report) -> String {
    let Report { user, id, admins } = report;
    say!(
        fr: "{user} ({id}) est administrateur ; l'organisation en a {admins}.",
        en: "{user} ({id}) is an admin; the organisation has {admins}.",
    )
}
