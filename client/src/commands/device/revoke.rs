//! `vauban device revoke DEVICE`.

use serde::Serialize;
use vauban_protocol::organisation::Statement;

use crate::commands::{Context, block_on, named};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::organisation::Roster;
use crate::say;
use crate::session::{Certifying, Session};

/// Arguments.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    #[arg(value_name = "DEVICE", help = say!(
        fr: "L'appareil : son nom, ou le début de son identifiant (`vauban device list`)",
        en: "The device: its name, or how its identifier begins (`vauban device list`)",
    ))]
    device: String,
    #[arg(long, value_name = "USER", help = say!(
        fr: "De qui est l'appareil, pour un administrateur ; sinon, c'est un des vôtres",
        en: "Whose device it is, for an admin; else it is one of yours",
    ))]
    user: Option<String>,
}

#[derive(Debug, Serialize)]
struct Report {
    device: String,
    id: String,
    user: String,
}

pub(crate) fn run(context: &Context, arguments: &Arguments) -> Result<Exit, Failure> {
    let session = context.session()?;
    let report = block_on(revoke(&session, arguments))?;
    context.output.result(&report, text);
    Ok(Exit::Done)
}

async fn revoke(session: &Session, arguments: &Arguments) -> Result<Report, Failure> {
    let link = session.connect().await?;
    let organisation = session.organisation();
    let identity = session.identity();
    let roster = Roster::new(&organisation, identity.directory());
    let user = match &arguments.user {
        Some(user) => named::person(&roster, user)?,
        None => identity.user(),
    };
    let device = named::device(&roster, user, &arguments.device)?;
    if device == identity.device() {
        return Err(Failure::Usage(say!(
            fr: "C'est l'appareil que vous utilisez : le révoquer depuis un autre, ou par un administrateur.",
            en: "This is the device that you are using: revoke it from another one, or have an admin do it.",
        )));
    }
    let statement = Statement::RevokeDevice { device };
    session.certify(Certifying::At(&link), |draft| Ok(draft.say(identity.as_ref().into(), statement.clone())?)).await?;
    Ok(Report { device: roster.device(device), id: device.to_hex(), user: roster.user(user) })
}

fn text(report: &Report) -> String {
    let Report { device, user, .. } = report;
    say!(
        fr: "« {device} », de {user}, est révoqué : les nœuds ne lui répondent plus.\n\
             Ce qu'il a reçu jusqu'ici y reste, sous sa phrase de passe.",
        en: "\"{device}\" of {user} is revoked: nodes answer it no more.\n\
             What it has received so far stays there, under its passphrase.",
    )
}
