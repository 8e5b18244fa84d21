//! `vauban org appoint USER`.

use serde::Serialize;
use vauban_protocol::organisation::Grant;

use crate::commands::granted::{waiting_text, waits};
use crate::commands::root_passphrase::RootPassphrase;
use crate::commands::{Context, block_on, named};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::keys::Root;
use crate::organisation::{Draft, Granted, Roster};
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
    /// The number by which a second admin approves it; none if it holds.
    waits: Option<u64>,
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
    let identity = session.identity();
    let granted = if session.organisation().is_admin(user) {
        Granted::InForce
    } else {
        let appoint = |draft: &mut Draft| Ok(draft.grant(root.into(), identity, Grant::Admin { user })?);
        session.certify(Certifying::At(&link), appoint).await?
    };
    let organisation = session.organisation();
    let name = Roster::new(&organisation, session.identity().directory()).user(user);
    Ok(Report { user: name, id: user.to_hex(), admins: organisation.admins().count(), waits: waits(granted) })
}

fn text(report: &Report) -> String {
    let Report { user, id, admins, waits } = report;
    if let Some(number) = waits {
        let waiting = waiting_text(*number);
        return say!(
            fr: "{user} ({id}) est proposé comme administrateur.\n{waiting}",
            en: "{user} ({id}) is proposed as an admin.\n{waiting}",
        );
    }
    say!(
        fr: "{user} ({id}) est administrateur ; l'organisation en a {admins}.",
        en: "{user} ({id}) is an admin; the organisation has {admins}.",
    )
}
