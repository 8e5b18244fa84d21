//! `vauban user revoke USER`.

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
    #[arg(value_name = "USER", help = say!(
        fr: "La personne : son nom, ou le début de son identifiant (`vauban user list`)",
        en: "The person: a name, or how the identifier begins (`vauban user list`)",
    ))]
    user: String,
}

#[derive(Debug, Serialize)]
struct Report {
    user: String,
    id: String,
    devices: usize,
}

pub(crate) fn run(context: &Context, arguments: &Arguments) -> Result<Exit, Failure> {
    let session = context.session()?;
    let report = block_on(revoke(&session, &arguments.user))?;
    context.output.result(&report, text);
    Ok(Exit::Done)
}

async fn revoke(session: &Session, wanted: &str) -> Result<Report, Failure> {
    let link = session.connect().await?;
    let organisation = session.organisation();
    let identity = session.identity();
    let roster = Roster::new(&organisation, identity.directory());
    let user = named::person(&roster, wanted)?;
    if user == identity.user() {
        return Err(Failure::Usage(say!(
            fr: "C'est vous-même : un autre administrateur peut vous révoquer, ou la racine.",
            en: "This is yourself: another admin can revoke you, or the root.",
        )));
    }
    let devices = roster.devices_of(user).filter(|(_, _, record)| record.revoked_at.is_none()).count();
    let statement = Statement::RevokeUser { user };
    session.certify(Certifying::At(&link), |draft| Ok(draft.say(identity.as_ref().into(), statement.clone())?)).await?;
    Ok(Report { user: roster.user(user), id: user.to_hex(), devices })
}

fn text(report: &Report) -> String {
    let Report { user, devices, .. } = report;
    say!(
        fr: "{user} est révoqué, avec {devices} appareil(s) : les nœuds ne leur répondent plus.",
        en: "{user} is revoked, with {devices} device(s): nodes answer them no more.",
    )
}
