//! `vauban service`: which folders are kept in step in the background.

use std::path::{Path, PathBuf};

use clap::Subcommand;
use serde::Serialize;

use crate::commands::spaces::{Purpose, connected};
use crate::commands::{Context, installing};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::limit::PAIRS_MAX;
use crate::say;
use crate::service::{AskError, Pair, Settings, choose_pair, reload};
use crate::state::StateError;

/// What to do about the service.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    #[command(about = say!(
        fr: "Ajoute un espace et le dossier à tenir synchronisé avec lui",
        en: "Adds a space, and the folder to keep in sync with it",
    ))]
    Add(Add),
    #[command(about = say!(
        fr: "Ne synchronise plus un espace ; ni lui ni le dossier n'y perdent rien",
        en: "Keeps a space in sync no longer; neither it nor the folder loses anything",
    ))]
    Remove(Remove),
    #[command(about = say!(
        fr: "Liste les espaces à tenir synchronisés, et leurs dossiers",
        en: "Lists the spaces to keep in sync, and their folders",
    ))]
    List,
    #[command(about = say!(
        fr: "Avertit ou non sur le bureau d'un conflit, du frein, d'un arrêt",
        en: "Whether the desktop is told of a conflict, the brake, a stop",
    ))]
    Notices(Notices),
    #[command(about = say!(
        fr: "Installe le service (systemd) et le lance",
        en: "Installs the service (systemd), and starts it",
    ))]
    Install(installing::Install),
    #[command(about = say!(
        fr: "Arrête le service et le désinstalle",
        en: "Stops the service, and uninstalls it",
    ))]
    Uninstall,
    #[command(about = say!(
        fr: "Dit si le service est installé, et s'il tourne",
        en: "Says whether the service is installed, and whether it runs",
    ))]
    Status,
}

/// Arguments of `service add`.
#[derive(Debug, clap::Args)]
pub(crate) struct Add {
    #[arg(value_name = "SPACE", help = say!(fr: "L'espace, par son nom ou le début de son identifiant", en: "The space, by name or by how its identifier begins"))]
    space: String,
    #[arg(value_name = "DIR", help = say!(fr: "Son dossier, qui existe", en: "Its folder, which exists"))]
    folder: PathBuf,
}

/// Arguments of `service remove`.
#[derive(Debug, clap::Args)]
pub(crate) struct Remove {
    #[arg(value_name = "SPACE", help = say!(fr: "L'espace", en: "The space"))]
    space: String,
}

/// Arguments of `service notices`.
#[derive(Debug, clap::Args)]
pub(crate) struct Notices {
    #[arg(value_name = "on|off", value_enum, hide_possible_values = true, help = say!(fr: "« on » ou « off »", en: "`on` or `off`"))]
    switch: Switch,
}

/// Whether something is to be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Switch {
    On,
    Off,
}

#[derive(Debug, Serialize)]
struct Report {
    space: String,
    name: String,
    folder: PathBuf,
}

pub(crate) fn run(context: &Context, command: &Command) -> Result<Exit, Failure> {
    match command {
        Command::Add(add) => run_add(context, add),
        Command::Remove(remove) => run_remove(context, remove),
        Command::List => run_list(context),
        Command::Notices(notices) => run_notices(context, notices.switch),
        Command::Install(arguments) => installing::install(context, arguments),
        Command::Uninstall => installing::uninstall(context),
        Command::Status => installing::status(context),
    }
}

fn run_add(context: &Context, add: &Add) -> Result<Exit, Failure> {
    let folder = std::fs::canonicalize(&add.folder).map_err(StateError::io(&add.folder))?;
    if folder.to_str().is_none() || !folder.is_dir() {
        let folder = folder.display();
        return Err(Failure::Usage(say!(
            fr: "« {folder} » n'est pas un dossier dont le nom est du texte.",
            en: "`{folder}` is no folder whose name is text.",
        )));
    }
    let name = add.space.clone();
    let space = connected(context, Purpose::Read, move |connected| connected.find(&name))?;
    let name = space.name.clone().unwrap_or_else(|| space.id.to_string());
    let pair = Pair { space: space.id, name, folder };
    let added = pair.clone();
    Settings::change(&context.home, move |settings| {
        fits(&pair, &settings.spaces)?;
        settings.spaces.retain(|known| known.space != pair.space);
        settings.spaces.push(pair);
        Ok::<_, Failure>(())
    })??;
    let runs = reload(&context.home)?;
    context.output.result(&report(&added), |report| {
        let Report { name, folder, .. } = report;
        let folder = folder.display();
        say!(fr: "« {name} » et {folder} restent synchronisés par le service.", en: "\"{name}\" and {folder} are kept in sync by the service.")
    });
    if !runs {
        context.output.note(&say!(
            fr: "Le service ne tourne pas encore : `vauban service install`, ou `vauban sync --watch`.",
            en: "The service does not run yet: `vauban service install`, or `vauban sync --watch`.",
        ));
    }
    Ok(Exit::Done)
}

/// Whether a folder may stand beside the others: none within another, and no space twice.
fn fits(pair: &Pair, others: &[Pair]) -> Result<(), Failure> {
    let others: Vec<_> = others.iter().filter(|other| other.space != pair.space).collect();
    let within = |one: &Path, other: &Path| one.starts_with(other) || other.starts_with(one);
    if let Some(other) = others.iter().find(|other| within(&other.folder, &pair.folder)) {
        let (name, folder) = (&other.name, other.folder.display());
        return Err(Failure::Usage(say!(
            fr: "Ce dossier et celui de « {name} » ({folder}) ne peuvent être l'un dans l'autre.",
            en: "This folder and that of \"{name}\" ({folder}) cannot be one within the other.",
        )));
    }
    if others.len() >= PAIRS_MAX {
        return Err(Failure::Usage(say!(
            fr: "Le service synchronise au plus {PAIRS_MAX} espaces.",
            en: "The service keeps at most {PAIRS_MAX} spaces in sync.",
        )));
    }
    Ok(())
}

fn run_remove(context: &Context, remove: &Remove) -> Result<Exit, Failure> {
    let text = remove.space.clone();
    let removed = Settings::change(&context.home, move |settings| {
        let space = choose_pair(&text, &settings.spaces).map(|pair| pair.space)?;
        let at = settings.spaces.iter().position(|pair| pair.space == space)?;
        settings.resume(Some(space));
        Some(settings.spaces.remove(at))
    })?;
    let Some(removed) = removed else { return Err(AskError::Refused(crate::service::Refusal::NoSpace).into()) };
    reload(&context.home)?;
    context.output.result(&report(&removed), |report| {
        let Report { name, folder, .. } = report;
        let folder = folder.display();
        say!(fr: "« {name} » n'est plus synchronisé avec {folder}.", en: "\"{name}\" is no longer kept in sync with {folder}.")
    });
    Ok(Exit::Done)
}

fn run_list(context: &Context) -> Result<Exit, Failure> {
    let settings = Settings::load(&context.home)?;
    for pair in &settings.spaces {
        context.output.result(&report(pair), |report| format!("{}  {}", report.name, report.folder.display()));
    }
    if settings.spaces.is_empty() {
        context.output.note(&say!(
            fr: "Aucun dossier n'est à synchroniser. En ajouter un : `vauban service add ESPACE DOSSIER`.",
            en: "No folder is to be kept in sync. Add one: `vauban service add SPACE DIR`.",
        ));
    }
    Ok(Exit::Done)
}

fn run_notices(context: &Context, switch: Switch) -> Result<Exit, Failure> {
    let notices = switch == Switch::On;
    Settings::change(&context.home, |settings| settings.notices = notices)?;
    reload(&context.home)?;
    context.output.result(&serde_json::json!({ "notices": notices }), |_| match switch {
        Switch::On => say!(fr: "Le bureau est averti.", en: "The desktop is told."),
        Switch::Off => say!(fr: "Le bureau n'est plus averti.", en: "The desktop is no longer told."),
    });
    Ok(Exit::Done)
}

fn report(pair: &Pair) -> Report {
    Report { space: pair.space.to_hex(), name: pair.name.clone(), folder: pair.folder.clone() }
}

#[cfg(test)]
mod tests {
    use vauban_protocol::id::SpaceId;

    use super::*;

    fn pair(id: u8, folder: &str) -> Pair {
        Pair { space: SpaceId([id; 16]), name: format!("{id}"), folder: folder.into() }
    }

    /// Two spaces in one folder, or one within the other, would sync each other's files.
    #[test]
    fn folders_do_not_contain_each_other() {
        let known = [pair(1, "/home/a/Projets")];
        for wrong in ["/home/a/Projets", "/home/a/Projets/x", "/home/a", "/"] {
            assert!(fits(&pair(2, wrong), &known).is_err(), "{wrong}");
        }
        assert!(fits(&pair(2, "/home/a/Projets2"), &known).is_ok());
        assert!(fits(&pair(1, "/home/a"), &known).is_ok(), "a space may change its folder");
    }
}
