//! `vauban device add`.

use crate::clock::Period;
use crate::commands::finishing::{self, Patience, Wanted};
use crate::commands::{Context, block_on, invited};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::organisation::invite_device;
use crate::say;

/// Arguments.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    #[arg(long, value_name = "PERIOD", default_value = "1d", help = say!(
        fr: "Durée du code : 30m, 12h, 1d",
        en: "How long the code lasts: 30m, 12h, 1d",
    ))]
    expires: Period,
    #[arg(long, help = say!(
        fr: "N'attend pas : `vauban device accept` finira",
        en: "Does not wait: `vauban device accept` will finish",
    ))]
    no_wait: bool,
}

pub(crate) fn run(context: &Context, arguments: &Arguments) -> Result<Exit, Failure> {
    let expires_at = invited::expiry(arguments.expires)?;
    let session = context.session()?;
    let finished = block_on(async {
        let link = session.connect().await?;
        let mut servers = session.anchor().record().servers;
        servers.truncate(invited::CODE_SERVERS_MAX);
        let organisation = session.organisation();
        let invitation = invite_device(&organisation, session.identity(), expires_at, servers)?;
        let next = say!(
            fr: "Sur l'autre appareil : `vauban init --name NOM`, qui demande ce code.",
            en: "On the other device: `vauban init --name NAME`, which asks for this code.",
        );
        invited::open(context, &link, &invitation, expires_at, &next).await?;
        if arguments.no_wait {
            return Ok(None);
        }
        context.output.note(&say!(
            fr: "En attente de l'autre appareil (interrompre est sans danger : `vauban device accept` reprend)…",
            en: "Waiting for the other device (safe to interrupt: `vauban device accept` goes on)…",
        ));
        let wanted = Wanted::One(invitation.code.invite);
        finishing::finish(context, &session, &link, wanted, Patience::UntilAnswered).await.map(Some)
    })?;
    if let Some(finished) = finished {
        context.output.result(&finished, |finished| finishing::text(finished));
    }
    Ok(Exit::Done)
}
