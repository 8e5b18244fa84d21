//! `vauban link …`: files for people without an account, and from them.

mod chosen;
mod create;
mod get;
mod list;
mod password;
mod request;
mod revoke;
mod take;

pub(crate) use take::told as told_of_drops;

use crate::commands::Context;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::say;

/// What to do about links.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Command {
    #[command(about = say!(
        fr: "Crée un lien vers un fichier ou un dossier, tel qu'il est maintenant, et affiche son adresse",
        en: "Makes a link to a file or folder, as it is now, and shows its address",
    ))]
    Create(create::Arguments),
    #[command(about = say!(
        fr: "Demande des fichiers à des personnes sans compte : affiche l'adresse où elles les déposent",
        en: "Asks people without an account for files: shows the address at which they drop them",
    ))]
    Request(request::Arguments),
    #[command(about = say!(
        fr: "Prend dans l'espace ce qui a été déposé ; une synchronisation le fait d'elle-même",
        en: "Takes into the space what was dropped; syncing does so by itself",
    ))]
    Take(take::Arguments),
    #[command(about = say!(
        fr: "Liste les liens et demandes d'un espace, avec leur fin et ce qu'il en a été fait",
        en: "Lists a space's links and file requests, with their end and what came of them",
    ))]
    List(list::Arguments),
    #[command(about = say!(
        fr: "Révoque un lien ou une demande : les nœuds n'en donnent, ou n'y reçoivent, plus rien",
        en: "Revokes a link or file request: nodes give nothing of it, or take nothing in, any more",
    ))]
    Revoke(revoke::Arguments),
    #[command(about = say!(
        fr: "Reçoit ce qu'un lien montre ; aucun compte n'est nécessaire",
        en: "Receives what a link shows; no account is needed",
    ))]
    Get(get::Arguments),
}

pub(crate) fn run(context: &Context, command: &Command) -> Result<Exit, Failure> {
    match command {
        Command::Create(arguments) => create::run(context, arguments),
        Command::Request(arguments) => request::run(context, arguments),
        Command::Take(arguments) => take::run(context, arguments),
        Command::List(arguments) => list::run(context, arguments),
        Command::Revoke(arguments) => revoke::run(context, arguments),
        Command::Get(arguments) => get::run(context, arguments),
    }
}
