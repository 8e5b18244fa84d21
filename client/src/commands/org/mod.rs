//! `vauban org …`: found the organisation, keep its root safe, appoint its admins, admit its nodes.

mod appoint;
mod backup;
mod charter;
mod create;
mod policy;
mod reanchor;
mod restore;

pub(crate) use create::machine_name;

use crate::commands::Context;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::say;

/// What to do with the organisation.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Command {
    #[command(about = say!(
        fr: "Fonde une organisation : sa racine, sa politique, son premier administrateur",
        en: "Founds an organisation: its root, its policy, its first admin",
    ))]
    Create(create::Arguments),
    #[command(about = say!(
        fr: "Écrit une sauvegarde scellée de la racine",
        en: "Writes a sealed backup of the root",
    ))]
    Backup(backup::Arguments),
    #[command(about = say!(
        fr: "Reprend l'organisation sur une nouvelle machine, depuis une sauvegarde",
        en: "Takes the organisation up on a new machine, from a backup",
    ))]
    Restore(restore::Arguments),
    #[command(about = say!(
        fr: "Nomme une personne administrateur : elle pourra inviter",
        en: "Makes a person an admin, who can then invite others",
    ))]
    Appoint(appoint::Arguments),
    #[command(about = say!(
        fr: "Admet un nœud : signe sa charte et son certificat",
        en: "Admits a node: signs its charter and certificate",
    ))]
    Charter(charter::Arguments),
    #[command(about = say!(
        fr: "Montre ou change la politique : où les fichiers peuvent être, combien d'administrateurs signent",
        en: "Shows or changes the policy: where files may be, how many admins sign",
    ))]
    Policy(policy::Arguments),
    #[command(about = say!(
        fr: "Remet en service une grappe restaurée d'une sauvegarde",
        en: "Puts into force a cluster that was restored from a backup",
    ))]
    Reanchor(reanchor::Arguments),
}

pub(crate) fn run(context: &Context, command: &Command) -> Result<Exit, Failure> {
    match command {
        Command::Create(arguments) => create::run(context, arguments),
        Command::Backup(arguments) => backup::run(context, arguments),
        Command::Restore(arguments) => restore::run(context, arguments),
        Command::Appoint(arguments) => appoint::run(context, arguments),
        Command::Charter(arguments) => charter::run(context, arguments),
        Command::Policy(arguments) => policy::run(context, arguments),
        Command::Reanchor(arguments) => reanchor::run(context, arguments),
    }
}
