//! `vauban user revoke USER`.

use serde::Serialize;
use vauban_protocol::organisation::Statement;

use crate::commands::device::only_the_root;
use crate::commands::root_passphrase::RootPassphrase;
use crate::commands::{Context, block_on, named};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::keys::Root;
use crate::organisation::{Author, Roster};
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
    #[arg(long, help = say!(
        fr: "Signe avec la racine : il le faut pour un administrateur",
        en: "Signs with the root: needed for an admin's",
    ))]
    root: bool,
    #[command(flatten)]
    root_passphrase: RootPassphrase,
}

#[derive(Debug, Serialize)]
struct Report {
    user: String,
    id: String,
    devices: usize,
}

pub(crate) fn run(context: &Context, arguments: &Arguments) -> Result<Exit, Failure> {
    let session = context.session()?;
    let root = if arguments.root { Some(arguments.root_passphrase.open_root(context)?) } else { None };
    let report = block_on(revoke(&session, root.as_ref(), arguments))?;
    context.output.result(&report, text);
    Ok(Exit::Done)
}

async fn revoke(session: &Session, root: Option<&Root>, arguments: &Arguments) -> Result<Report, Failure> {
    let link = session.connect().await?;
    let organisation = session.organisation();
    let identity = session.identity();
    let roster = Roster::new(&organisation, identity.directory());
    let user = named::person(&roster, &arguments.user)?;
    if user == identity.user() {
        return Err(Failure::Usage(say!(
            fr: "C'est vous-même : à faire depuis l'appareil d'une autre personne, avec la racine (`--root`).",
            en: "This is yourself: to be done from another person's device, with the root (`--root`).",
        )));
    }
    if root.is_none() && organisation.is_admin(user) {
        return Err(only_the_root(&roster.user(user)));
    }
    let devices = roster.devices_of(user).filter(|(_, _, record)| record.revoked_at.is_none()).count();
    let statement = Statement::RevokeUser { user };
    let author = root.map_or_else(|| identity.as_ref().into(), Author::from);
    session.certify(Certifying::At(&link), |draft| Ok(draft.say(author, statement.clone())?)).await?;
    Ok(Report { user: roster.user(user), id: user.to_hex(), devices })
}

fn text(report: &Report) -> String {
    let Report { user, id, devices } = report;
    say!(
        fr: "{user} ({id}) est révoqué, avec {devices} appareil(s) : les nœuds ne leur répondent plus.\n\
             Ce qu'ils ont reçu y reste ; les clés des espaces, qu'ils ont aussi, ne changent pas encore.",
        en: "{user} ({id}) is revoked, with {devices} device(s): nodes answer them no more.\n\
             What they have received stays there; the keys of spaces, which they have, too, do not change yet.",
    )
}
