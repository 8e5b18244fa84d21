//! `vauban user invite NAME`.

use crate::clock::Period;
use crate::commands::{Context, block_on, invited};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::organisation::invite_user;
use crate::say;

/// Arguments.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    #[arg(value_name = "NAME", help = say!(fr: "Le nom de la personne", en: "The person's name"))]
    name: String,
    #[arg(long, value_name = "PERIOD", default_value = "7d", help = say!(
        fr: "Durée de l'invitation : 12h, 7d, 2w",
        en: "How long the invite lasts: 12h, 7d, 2w",
    ))]
    expires: Period,
}

pub(crate) fn run(context: &Context, arguments: &Arguments) -> Result<Exit, Failure> {
    let expires_at = invited::expiry(arguments.expires)?;
    let session = context.session()?;
    block_on(async {
        let link = session.connect().await?;
        let mut servers = session.anchor().record().servers;
        servers.truncate(invited::CODE_SERVERS_MAX);
        let organisation = session.organisation();
        let invitation = invite_user(&organisation, session.identity(), &arguments.name, expires_at, servers)?;
        let name = &arguments.name;
        let next = say!(
            fr: "Remettre ce code à {name}, par une voie sûre. Sur sa machine : `vauban init`, qui le demande.\nPuis, ici ou chez un autre administrateur : `vauban user accept --wait`.",
            en: "Hand this code to {name}, by a safe way. On that machine: `vauban init`, which asks for it.\nThen, here or with another admin: `vauban user accept --wait`.",
        );
        invited::open(context, &link, &invitation, expires_at, &next).await
    })?;
    Ok(Exit::Done)
}
