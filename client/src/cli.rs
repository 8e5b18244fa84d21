//! The command line: what may be typed, and its help in the chosen language.
//!
//! Each command's arguments stand with the command, in `commands/`; a command is added by a module there and one variant of
//! `Command` here, a lesson in `cli/lessons`, and its place among the groups of `cli/layout.rs`.

mod layout;
mod lessons;
mod mistake;

use std::ffi::OsString;
use std::path::PathBuf;

use clap::error::ErrorKind;
use clap::{ArgAction, CommandFactory, FromArgMatches, Parser, Subcommand};

use crate::commands::{
    admin, cat, completions, device, diff, doctor, fsck, get, history, ignored, init, limit, link, log, ls, org, pause,
    put, recovery, restore, select, service, space, status, sync, trash, ui, user,
};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output::Output;
use crate::say;

/// A parsed command line.
#[derive(Debug, Parser)]
#[command(
    name = "vauban",
    version,
    about = say!(
        fr: "Vauban : les fichiers d'une organisation, chiffrés avant de quitter les machines",
        en: "Vauban: an organisation's files, encrypted before they leave people's machines",
    ),
    disable_help_flag = true,
    disable_version_flag = true,
    disable_help_subcommand = true,
    args_override_self = true,
    subcommand_required = true,
    arg_required_else_help = true
)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// Options that every command takes.
#[derive(Debug, clap::Args)]
pub(crate) struct Global {
    #[arg(long, global = true, value_name = "DIR", env = "VAUBAN_HOME", hide_env = true, help = say!(
        fr: "Dossier des clés et de l'état (VAUBAN_HOME)",
        en: "Folder of keys and state (VAUBAN_HOME)",
    ))]
    pub(crate) home: Option<PathBuf>,
    #[arg(long, global = true, value_name = "FILE", env = "VAUBAN_PASSPHRASE_FILE", hide_env = true, help = say!(
        fr: "Fichier de la phrase de passe (VAUBAN_PASSPHRASE_FILE)",
        en: "File of the passphrase (VAUBAN_PASSPHRASE_FILE)",
    ))]
    pub(crate) passphrase_file: Option<PathBuf>,
    #[arg(long, global = true, help = say!(
        fr: "Résultats en JSON, un objet par ligne",
        en: "Results as JSON, one object a line",
    ))]
    pub(crate) json: bool,
    #[arg(long, global = true, value_name = "fr|en", value_parser = ["fr", "en"], hide_possible_values = true, help = say!(
        fr: "Langue (VAUBAN_LANG, sinon celle du système)",
        en: "Language (VAUBAN_LANG, else the system's)",
    ))]
    pub(crate) lang: Option<String>,
    #[arg(short, long, global = true, action = ArgAction::Help, help = say!(fr: "Affiche cette aide", en: "Shows this help"))]
    help: Option<bool>,
    #[arg(short = 'V', long, action = ArgAction::Version, help = say!(fr: "Affiche la version", en: "Shows the version"))]
    version: Option<bool>,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    #[command(subcommand, about = say!(
        fr: "L'organisation : sa racine, sa politique, ses administrateurs",
        en: "The organisation: its root, its policy, its admins",
    ))]
    Org(org::Command),
    #[command(subcommand, about = say!(
        fr: "Les personnes : inviter, accepter, montrer, révoquer",
        en: "People: invite, accept, show, revoke",
    ))]
    User(user::Command),
    #[command(subcommand, about = say!(
        fr: "L'administration : nœuds, quotas, propositions, départs",
        en: "Administration: nodes, quotas, proposals, people who leave",
    ))]
    Admin(admin::Command),
    #[command(about = say!(
        fr: "Rejoint une organisation avec le code d'une invitation",
        en: "Joins an organisation with an invite's code",
    ))]
    Init(init::Arguments),
    #[command(subcommand, about = say!(
        fr: "Les appareils : en ajouter un, en révoquer un perdu ou volé",
        en: "Devices: add one, revoke one that is lost or stolen",
    ))]
    Device(device::Command),
    #[command(subcommand, about = say!(
        fr: "La récupération, quand tous vos appareils sont perdus",
        en: "Recovery, when all of your devices are lost",
    ))]
    Recovery(recovery::Command),
    #[command(subcommand, about = say!(
        fr: "Les espaces : en créer, les partager, en retirer quelqu'un",
        en: "Spaces: create one, share it, remove somebody from it",
    ))]
    Space(space::Command),
    #[command(about = say!(
        fr: "Met un dossier et un espace d'accord, dans les deux sens",
        en: "Brings a folder and a space in step, both ways",
    ))]
    Sync(sync::Arguments),
    #[command(about = say!(
        fr: "Choisit les dossiers d'un espace que cette machine garde",
        en: "Chooses the folders of a space that this machine keeps",
    ))]
    Select(select::Arguments),
    #[command(about = say!(
        fr: "Liste ce qui n'est pas synchronisé ici, et la règle qui le dit",
        en: "Lists what is not synced here, and the rule that says so",
    ))]
    Ignored(ignored::Arguments),
    #[command(about = say!(
        fr: "Vérifie que les nœuds ont tout d'un espace, et répare",
        en: "Checks that nodes have all of a space, and heals it",
    ))]
    Fsck(fsck::Arguments),
    #[command(subcommand, about = say!(
        fr: "Le service : des dossiers synchronisés en arrière-plan",
        en: "The service: folders kept in sync in the background",
    ))]
    Service(service::Command),
    #[command(about = say!(
        fr: "Met la synchronisation en pause",
        en: "Pauses syncing",
    ))]
    Pause(pause::Arguments),
    #[command(about = say!(
        fr: "La reprend, et réessaie ce qui s'était arrêté",
        en: "Resumes syncing, and tries again what had stopped",
    ))]
    Resume(pause::Resume),
    #[command(about = say!(
        fr: "Montre ou change le débit maximal, même en cours de route",
        en: "Shows or changes how fast content may travel, at any time",
    ))]
    Limit(limit::Arguments),
    #[command(about = say!(
        fr: "Montre ce que la synchronisation a fait récemment",
        en: "Shows what syncing did lately",
    ))]
    Log(log::Arguments),
    #[command(subcommand, about = say!(
        fr: "La corbeille : ce que la synchronisation a supprimé ici",
        en: "The trash: what syncing removed from this machine",
    ))]
    Trash(trash::Command),
    #[command(about = say!(
        fr: "Envoie un fichier dans un espace",
        en: "Sends one file to a space",
    ))]
    Put(put::Arguments),
    #[command(about = say!(
        fr: "Reçoit un fichier d'un espace",
        en: "Receives one file of a space",
    ))]
    Get(get::Arguments),
    #[command(about = say!(
        fr: "Écrit un fichier d'un espace sur la sortie standard",
        en: "Writes one file of a space to standard output",
    ))]
    Cat(cat::Arguments),
    #[command(about = say!(
        fr: "Liste un espace, ou un de ses dossiers",
        en: "Lists a space, or a folder in it",
    ))]
    Ls(ls::Arguments),
    #[command(subcommand, about = say!(
        fr: "Les liens : montrer ou recevoir, sans compte à l'autre bout",
        en: "Links: show or get files, without an account at the other end",
    ))]
    Link(link::Command),
    #[command(about = say!(
        fr: "Raconte ce qui est arrivé à un fichier ou dossier",
        en: "Tells what has happened to a file or folder",
    ))]
    History(history::Arguments),
    #[command(about = say!(
        fr: "Montre ce qui a changé entre deux moments",
        en: "Shows what has changed between two moments",
    ))]
    Diff(diff::Arguments),
    #[command(about = say!(
        fr: "Ramène un fichier, un dossier ou l'espace tels qu'ils étaient",
        en: "Brings a file, a folder or the space back as they were",
    ))]
    Restore(restore::Arguments),
    #[command(about = say!(
        fr: "Ouvre une page locale : espaces, conflits, historique",
        en: "Opens a local page: spaces, conflicts, history",
    ))]
    Ui(ui::Arguments),
    #[command(about = say!(
        fr: "Montre qui vous êtes, où vont vos fichiers, qui répond",
        en: "Shows who you are, where your files go, who answers",
    ))]
    Status(status::Arguments),
    #[command(about = say!(
        fr: "Cherche ce qui ne va pas, et dit quoi faire",
        en: "Looks for what is wrong, and says what to do",
    ))]
    Doctor(doctor::Arguments),
    #[command(about = say!(
        fr: "Écrit la complétion des commandes (bash, zsh, fish…)",
        en: "Writes the completion of commands (bash, zsh, fish…)",
    ))]
    Completions(completions::Arguments),
}

/// How parsing ends without a command to run.
pub(crate) enum Parsed {
    /// Run this.
    Run(Box<Cli>),
    /// All is said already.
    Said(Exit),
}

/// Parses a command line; says help, version and errors itself.
pub(crate) fn parse(arguments: &[OsString]) -> Parsed {
    let result = command().try_get_matches_from(arguments).and_then(|matches| Cli::from_arg_matches(&matches));
    let error = match result {
        Ok(cli) => return Parsed::Run(Box::new(cli)),
        Err(error) => error,
    };
    match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => {
            let _ = error.print();
            Parsed::Said(Exit::Done)
        }
        ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => {
            let _ = error.print();
            Parsed::Said(Exit::Usage)
        }
        _ => {
            let asked = meant(arguments);
            let wrong = Failure::Usage(mistake::told(&error, &grammar(), &asked));
            Parsed::Said(output(arguments).failure(&wrong, &asked))
        }
    }
}

/// The command that a line is for, as far as the line can be understood: `vauban space add`.
pub(crate) fn meant(arguments: &[OsString]) -> String {
    mistake::meant(&grammar(), arguments)
}

/// Who reads what is said of a line that cannot be parsed.
fn output(arguments: &[OsString]) -> Output {
    let is_json = arguments.iter().take_while(|argument| *argument != "--").any(|argument| argument == "--json");
    if is_json { Output::Json } else { Output::Text }
}

/// The command line's grammar, with the help of each command in the chosen language.
pub(crate) fn command() -> clap::Command {
    layout::lay_out(grammar())
}

/// The command line's grammar alone.
pub(crate) fn grammar() -> clap::Command {
    Cli::command()
}

#[cfg(test)]
mod tests;
