//! `vauban user revoke USER`.

use serde::Serialize;
use vauban_protocol::organisation::Statement;

use crate::commands::revoking::{Signing, certify, ensure_may, ensure_two_stay};
use crate::commands::{Context, block_on, named};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::keys::Root;
use crate::organisation::Roster;
use crate::say;
use crate::session::Session;

/// Arguments.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    #[arg(value_name = "USER", help = say!(
        fr: "La personne : son nom, ou le début de son identifiant (`vauban user list`)",
        en: "The person: a name, or how the identifier begins (`vauban user list`)",
    ))]
    user: String,
    #[command(flatten)]
    signing: Signing,
}

#[derive(Debug, Serialize)]
struct Report {
    user: String,
    id: String,
    devices: usize,
}

pub(crate) fn run(context: &Context, arguments: &Arguments) -> Result<Exit, Failure> {
    let session = context.session()?;
    let root = arguments.signing.open_root(context)?;
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
    ensure_may(session, root, user)?;
    ensure_two_stay(session, user)?;
    let devices = roster.devices_of(user).filter(|(_, _, record)| record.revoked_at.is_none()).count();
    certify(session, &link, root, Statement::RevokeUser { user }).await?;
    Ok(Report { user: roster.user(user), id: user.to_hex(), devices })
}

fn text(report: &Report) -> String {
    let Report { user, id, devices } = report;
    say!(
        fr: "{user} ({id}) est révoqué, avec {devices} appareil(s) : les nœuds ne leur répondent plus.\n\
             Ce qu'ils ont reçu y reste. Chaque espace change de clés dès qu'un membre qui peut y écrire se synchronise.",
        en: "{user} ({id}) is revoked, with {devices} device(s): nodes answer them no more.\n\
             What they have received stays there. Each space gets new keys as soon as a member who may write there syncs.",
    )
}
