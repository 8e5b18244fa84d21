//! `vauban recovery refuse [USER]`.

use serde::Serialize;
use vauban_protocol::organisation::Statement;

use crate::commands::{Context, block_on, named};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::organisation::{Roster, recovery_of};
use crate::say;
use crate::session::{Certifying, Session};

/// Arguments.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    #[arg(value_name = "USER", help = say!(
        fr: "De qui l'appareil demande les clés, pour un administrateur ; sinon, les vôtres",
        en: "Whose keys the device asks for, for an admin; else yours",
    ))]
    user: Option<String>,
}

#[derive(Debug, Serialize)]
struct Report {
    user: String,
    device: String,
}

pub(crate) fn run(context: &Context, arguments: &Arguments) -> Result<Exit, Failure> {
    let session = context.session()?;
    let report = block_on(refuse(&session, arguments))?;
    context.output.result(&report, |Report { user, device }| {
        say!(
            fr: "L'appareil « {device} », qui demandait les clés de l'utilisateur {user}, est refusé.\nSi un gardien l'avait approuvé, {user} relance `vauban recovery setup` sans lui : les clés changent, et ce qu'il a rendu ne vaut plus rien.",
            en: "Device \"{device}\", which asked for {user}'s keys, is refused.\nIf a guardian had approved it, {user} runs `vauban recovery setup` again without that one: keys change, and what was given back is worth nothing.",
        )
    });
    Ok(Exit::Done)
}

async fn refuse(session: &Session, arguments: &Arguments) -> Result<Report, Failure> {
    let link = session.connect().await?;
    let (organisation, identity) = (session.organisation(), session.identity());
    let roster = Roster::new(&organisation, identity.directory());
    let user = match &arguments.user {
        Some(user) => named::person(&roster, user)?,
        None => identity.user(),
    };
    let recovery = recovery_of(&organisation, user)?;
    let device = recovery.device;
    let revocation = Statement::RevokeDevice { device };
    session
        .certify(Certifying::At(&link), |draft| Ok(draft.say(identity.as_ref().into(), revocation.clone())?))
        .await?;
    Ok(Report { user: roster.user(user), device: roster.device_named(device, &recovery.record) })
}
