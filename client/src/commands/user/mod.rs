//! `vauban user …`: the people of the organisation.

mod accept;
mod invite;
mod list;
mod recover;
mod revoke;
mod show;
mod verify;

use crate::commands::Context;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::say;

/// What to do about people.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Command {
    #[command(about = say!(
        fr: "Invite une personne : affiche le code à lui remettre",
        en: "Invites a person: shows the code to hand over",
    ))]
    Invite(invite::Arguments),
    #[command(about = say!(
        fr: "Accepte les personnes qui ont répondu à leur invitation",
        en: "Accepts the people who have answered their invite",
    ))]
    Accept(accept::Arguments),
    #[command(about = say!(fr: "Liste les personnes", en: "Lists the people"))]
    List(list::Arguments),
    #[command(about = say!(
        fr: "Montre une personne : son empreinte, à comparer de vive voix, et ses appareils",
        en: "Shows a person: the fingerprint, to be compared by voice, and the devices",
    ))]
    Show(show::Arguments),
    #[command(about = say!(
        fr: "Donne un nouvel appareil à qui a perdu les siens : affiche le code à lui remettre",
        en: "Gives a new device to whoever has lost theirs: shows the code to hand over",
    ))]
    Recover(recover::Arguments),
    #[command(about = say!(
        fr: "Compare le code qu'une personne montre avec la clé que cet appareil connaît",
        en: "Compares the code that a person shows with the key that this device knows",
    ))]
    Verify(verify::Arguments),
    #[command(about = say!(
        fr: "Révoque une personne et tous ses appareils : les nœuds ne leur répondent plus",
        en: "Revokes a person and all of their devices: nodes answer them no more",
    ))]
    Revoke(revoke::Arguments),
}

pub(crate) fn run(context: &Context, command: &Command) -> Result<Exit, Failure> {
    match command {
        Command::Invite(arguments) => invite::run(context, arguments),
        Command::Accept(arguments) => accept::run(context, arguments),
        Command::List(arguments) => list::run(context, arguments),
        Command::Show(arguments) => show::run(context, arguments),
        Command::Recover(arguments) => recover::run(context, arguments),
        Command::Verify(arguments) => verify::run(context, arguments),
        Command::Revoke(arguments) => revoke::run(context, arguments),
    }
}
