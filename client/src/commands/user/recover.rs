//! `vauban user recover USER`.

use crate::clock::Period;
use crate::commands::{Context, block_on, invited, named};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::organisation::{RecoveryError, Roster, invite_recovery};
use crate::say;

/// Arguments.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    #[arg(value_name = "USER", help = say!(
        fr: "La personne : son nom, ou le début de son identifiant (`vauban user list`)",
        en: "The person: a name, or how the identifier begins (`vauban user list`)",
    ))]
    user: String,
    #[arg(long, value_name = "PERIOD", default_value = "7d", help = say!(
        fr: "Durée du code : 12h, 7d, 2w",
        en: "How long the code lasts: 12h, 7d, 2w",
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
        let (organisation, identity) = (session.organisation(), session.identity());
        let roster = Roster::new(&organisation, identity.directory());
        let user = named::person(&roster, &arguments.user)?;
        // Nobody could give anything back: better said now than once the device waits.
        if organisation.user(user).and_then(|record| record.guard_in_force()).is_none() {
            return Err(RecoveryError::Unguarded.into());
        }
        let invitation = invite_recovery(&organisation, identity, user, expires_at, servers)?;
        let name = roster.user(user);
        let next = say!(
            fr: "Remettre ce code à {name}, en personne ou par une voie sûre. Sur sa nouvelle machine : `vauban recovery begin`, qui le demande.\nPuis, ici ou chez un autre administrateur : `vauban user accept --wait`. Ses gardiens approuvent ensuite.",
            en: "Hand this code to {name}, in person or by a safe way. On the new machine: `vauban recovery begin`, which asks for it.\nThen, here or with another admin: `vauban user accept --wait`. The guardians approve after that.",
        );
        invited::open(context, &link, &invitation, expires_at, &next).await
    })?;
    Ok(Exit::Done)
}
