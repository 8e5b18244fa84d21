//! `vauban user …`: the people of the organisation.

mod accept;
mod invite;
mod list;

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
}

pub(crate) fn run(context: &Context, command: &Command) -> Result<Exit, Failure> {
    match command {
        Command::Invite(arguments) => invite::run(context, arguments),
        Command::Accept(arguments) => accept::run(context, arguments),
        Command::List(arguments) => list::run(context, arguments),
    }
}
