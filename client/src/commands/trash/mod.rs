//! `vauban trash …`: what syncing removed from this machine, which stays for a while.

mod empty;
mod list;
mod restore;

use crate::commands::Context;
use crate::commands::spaces::Connected;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::say;
use crate::sync::synced_folder;
use crate::tree::SyncRoot;

/// What to do about the trash.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Command {
    #[command(about = say!(
        fr: "Liste ce que la synchronisation a supprimé de cette machine",
        en: "Lists what syncing removed from this machine",
    ))]
    List(list::Arguments),
    #[command(about = say!(
        fr: "Remet à sa place un fichier, ou un dossier et ce qu'il contenait",
        en: "Puts a file back, or a folder and what was in it",
    ))]
    Restore(restore::Arguments),
    #[command(about = say!(
        fr: "Supprime pour de bon ce qui est dans la corbeille",
        en: "Deletes for good what is in the trash",
    ))]
    Empty(empty::Arguments),
}

pub(crate) fn run(context: &Context, command: &Command) -> Result<Exit, Failure> {
    match command {
        Command::List(arguments) => list::run(context, arguments),
        Command::Restore(arguments) => restore::run(context, arguments),
        Command::Empty(arguments) => empty::run(context, arguments),
    }
}

/// The folder of this machine that is synced with the space that `name` names.
fn root(connected: &Connected, name: &str) -> Result<SyncRoot, Failure> {
    synced_folder(&connected.device, connected.find(name)?.id)?.ok_or_else(|| {
        Failure::NotFound(say!(
            fr: "Aucun dossier de cette machine n'est synchronisé avec « {name} ».",
            en: "No folder of this machine is synced with \"{name}\".",
        ))
    })
}
