//! The command line: what may be typed, and its help in the chosen language.
//!
//! Each command's arguments stand with the command, in `commands/`; a command is added by a module there and one variant of
//! `Command` here.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::error::{ContextKind, ErrorKind};
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
        fr: "Stockage de fichiers souverain, chiffré de bout en bout",
        en: "Sovereign, end-to-end encrypted file storage",
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
        fr: "Lit la phrase de passe dans un fichier (VAUBAN_PASSPHRASE_FILE)",
        en: "Reads the passphrase from a file (VAUBAN_PASSPHRASE_FILE)",
    ))]
    pub(crate) passphrase_file: Option<PathBuf>,
    #[arg(long, global = true, help = say!(
        fr: "Résultats en JSON, un objet par ligne",
        en: "Results as JSON, one object a line",
    ))]
    pub(crate) json: bool,
    #[arg(long, global = true, value_name = "fr|en", value_parser = ["fr", "en"], hide_possible_values = true, help = say!(
        fr: "Langue des messages (VAUBAN_LANG, sinon celle du système)",
        en: "Language of messages (VAUBAN_LANG, else the system's)",
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
        fr: "L'organisation : la fonder, la sauvegarder, nommer ses administrateurs, admettre ses nœuds",
        en: "The organisation: found it, back it up, appoint its admins, admit its nodes",
    ))]
    Org(org::Command),
    #[command(subcommand, about = say!(
        fr: "Les personnes : inviter, accepter, lister, montrer, révoquer",
        en: "People: invite, accept, list, show, revoke",
    ))]
    User(user::Command),
    #[command(subcommand, about = say!(
        fr: "L'administration : les nœuds de la grappe, les quotas, les départs",
        en: "Administration: the cluster's nodes, quotas, people who leave",
    ))]
    Admin(admin::Command),
    #[command(about = say!(
        fr: "Rejoint une organisation avec le code d'une invitation",
        en: "Joins an organisation with an invite's code",
    ))]
    Init(init::Arguments),
    #[command(subcommand, about = say!(
        fr: "Les appareils : en ajouter un, lister les siens, en révoquer un",
        en: "Devices: add one of yours, list them, revoke one",
    ))]
    Device(device::Command),
    #[command(subcommand, about = say!(
        fr: "La récupération : des gardiens rendent ses clés à qui a perdu tous ses appareils",
        en: "Recovery: guardians give keys back to whoever has lost all devices",
    ))]
    Recovery(recovery::Command),
    #[command(subcommand, about = say!(
        fr: "Les espaces : en créer, les lister",
        en: "Spaces: create one, list them",
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
        fr: "Vérifie que les nœuds ont toujours tout d'un espace, et renvoie ce qu'ils ont perdu",
        en: "Checks that nodes still have all of a space, and sends what they have lost",
    ))]
    Fsck(fsck::Arguments),
    #[command(subcommand, about = say!(
        fr: "Le service : quels dossiers restent synchronisés en arrière-plan",
        en: "The service: which folders are kept in sync in the background",
    ))]
    Service(service::Command),
    #[command(about = say!(
        fr: "Met la synchronisation en pause",
        en: "Pauses syncing",
    ))]
    Pause(pause::Arguments),
    #[command(about = say!(
        fr: "Reprend la synchronisation, et réessaie ce qui s'était arrêté",
        en: "Resumes syncing, and tries again what had stopped",
    ))]
    Resume(pause::Resume),
    #[command(about = say!(
        fr: "Montre ou change le débit maximal, même pendant que le service tourne",
        en: "Shows or changes how fast content may travel, even while the service runs",
    ))]
    Limit(limit::Arguments),
    #[command(about = say!(
        fr: "Montre ce que la synchronisation a fait récemment",
        en: "Shows what syncing did lately",
    ))]
    Log(log::Arguments),
    #[command(subcommand, about = say!(
        fr: "La corbeille : ce que la synchronisation a supprimé de cette machine",
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
        fr: "Les liens : partager des fichiers avec des personnes sans compte, recevoir un lien",
        en: "Links: share files with people without an account, receive a link",
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
        fr: "Ramène un fichier, un dossier ou tout l'espace tels qu'ils étaient",
        en: "Brings a file, a folder or the whole space back as they were",
    ))]
    Restore(restore::Arguments),
    #[command(about = say!(
        fr: "Ouvre une page locale : espaces, conflits, historique, restauration",
        en: "Opens a local page: spaces, conflicts, history, restoring",
    ))]
    Ui(ui::Arguments),
    #[command(about = say!(
        fr: "Montre qui vous êtes, où vont vos fichiers, et si le nœud répond",
        en: "Shows who you are, where your files go, and whether the node answers",
    ))]
    Status(status::Arguments),
    #[command(about = say!(
        fr: "Cherche en quelques secondes ce qui ne va pas, et dit quoi faire",
        en: "Looks in a few seconds for what is wrong, and says what to do",
    ))]
    Doctor(doctor::Arguments),
    #[command(about = say!(
        fr: "Écrit la complétion des commandes pour un interpréteur (bash, zsh, fish…)",
        en: "Writes the completion of commands for a shell (bash, zsh, fish…)",
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
pub(crate) fn parse(arguments: Vec<OsString>) -> Parsed {
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
        _ => Parsed::Said(Output::Text.failure(&Failure::Usage(mistake(&error)))),
    }
}

/// The command line's grammar, with its help in the chosen language.
pub(crate) fn command() -> clap::Command {
    let exits = Exit::ALL.iter().map(|exit| format!("  {:>3}  {}\n", *exit as u8, exit.meaning())).collect::<String>();
    let heading = say!(fr: "Codes de sortie :", en: "Exit codes:");
    localised(Cli::command()).after_long_help(format!("{heading}\n{exits}"))
}

/// Replaces what clap would say in English alone.
fn localised(command: clap::Command) -> clap::Command {
    let usage = say!(fr: "Utilisation :", en: "Usage:");
    command
        .help_template(format!("{{about-with-newline}}\n{usage} {{usage}}\n\n{{all-args}}{{after-help}}"))
        .subcommand_help_heading(say!(fr: "Commandes", en: "Commands"))
        .subcommand_value_name(say!(fr: "COMMANDE", en: "COMMAND"))
        .mut_subcommands(localised)
}

/// What is wrong with a command line, in the chosen language.
fn mistake(error: &clap::Error) -> String {
    let context = |kind| error.get(kind).map(ToString::to_string).unwrap_or_default();
    let argument = context(ContextKind::InvalidArg);
    let value = context(ContextKind::InvalidValue);
    match error.kind() {
        ErrorKind::UnknownArgument => {
            say!(fr: "Argument inconnu : {argument}", en: "Unknown argument: {argument}")
        }
        ErrorKind::InvalidSubcommand => {
            let name = context(ContextKind::InvalidSubcommand);
            say!(fr: "Commande inconnue : {name}", en: "Unknown command: {name}")
        }
        ErrorKind::MissingRequiredArgument => {
            say!(fr: "Il manque : {argument}", en: "Missing: {argument}")
        }
        ErrorKind::MissingSubcommand => say!(fr: "Il manque une commande", en: "A command is missing"),
        ErrorKind::InvalidValue if value.is_empty() => {
            say!(fr: "Il manque la valeur de {argument}", en: "The value of {argument} is missing")
        }
        ErrorKind::InvalidValue | ErrorKind::ValueValidation => {
            let reason = std::error::Error::source(error).map(|source| format!(" ({source})")).unwrap_or_default();
            say!(
                fr: "« {value} » n'est pas une valeur de {argument}{reason}",
                en: "`{value}` is no value of {argument}{reason}",
            )
        }
        ErrorKind::ArgumentConflict => {
            let prior = context(ContextKind::PriorArg);
            say!(fr: "{argument} et {prior} s'excluent", en: "{argument} and {prior} exclude each other")
        }
        _ => say!(fr: "La ligne de commande est incorrecte", en: "The command line is wrong"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::{Language, speak};

    /// Every help text of the command tree, by the path to it.
    fn texts(command: &clap::Command, path: &str, found: &mut Vec<(String, Option<String>)>) {
        let path = format!("{path} {}", command.get_name());
        found.push((path.clone(), command.get_about().map(ToString::to_string)));
        for argument in command.get_arguments() {
            found.push((format!("{path} {}", argument.get_id()), argument.get_help().map(ToString::to_string)));
        }
        command.get_subcommands().for_each(|sub| texts(sub, &path, found));
    }

    /// Fails for a command or option without help, or with one text for both languages.
    #[test]
    fn all_help_speaks_both_languages() {
        let [french, english] = [Language::French, Language::English].map(|language| {
            speak(language);
            let mut found = Vec::new();
            texts(&command(), "", &mut found);
            found
        });
        assert_eq!(french.len(), english.len());
        for ((path, french), (_, english)) in french.into_iter().zip(english) {
            assert!(french.is_some() && english.is_some(), "no help:{path}");
            assert_ne!(french, english, "one language only:{path}");
        }
    }

    #[test]
    fn grammar_is_sound() {
        command().debug_assert();
    }
}
