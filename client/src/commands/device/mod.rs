//! `vauban device …`: the machines of this device's person.

mod accept;
mod add;
mod list;
mod revoke;

use crate::commands::Context;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::say;

/// What to do about devices.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Command {
    #[command(about = say!(
        fr: "Ajoute un de vos appareils : affiche le code à y taper, et attend",
        en: "Adds a device of yours: shows the code to type there, and waits",
    ))]
    Add(add::Arguments),
    #[command(about = say!(
        fr: "Accepte vos appareils qui ont répondu à leur code",
        en: "Accepts your devices that have answered their code",
    ))]
    Accept(accept::Arguments),
    #[command(about = say!(fr: "Liste vos appareils", en: "Lists your devices"))]
    List(list::Arguments),
    #[command(about = say!(
        fr: "Révoque un appareil perdu ou volé : les nœuds ne lui répondent plus",
        en: "Revokes a device that is lost or stolen: nodes answer it no more",
    ))]
    Revoke(revoke::Arguments),
}

pub(crate) fn run(context: &Context, command: &Command) -> Result<Exit, Failure> {
    match command {
        Command::Add(arguments) => add::run(context, arguments),
        Command::Accept(arguments) => accept::run(context, arguments),
        Command::List(arguments) => list::run(context, arguments),
        Command::Revoke(arguments) => revoke::run(context, arguments),
    }
}
