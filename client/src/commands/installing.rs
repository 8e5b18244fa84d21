//! `vauban service install | uninstall | status`: the systemd user unit.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde::Serialize;

use crate::commands::Context;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::message;
use crate::say;
use crate::service::{Settings, Unit, running};
use crate::state::{StateError, replace};

/// The unit's name.
const UNIT: &str = "vauban.service";

/// Arguments of `service install`.
#[derive(Debug, clap::Args)]
pub(crate) struct Install {
    #[arg(long, help = say!(fr: "Montre l'unité, et n'installe rien", en: "Shows the unit, and installs nothing"))]
    print: bool,
}

#[derive(Debug, Serialize)]
struct Installed {
    unit: PathBuf,
    /// Whether systemd was told.
    started: bool,
}

#[derive(Debug, Serialize)]
struct Report {
    unit: PathBuf,
    installed: bool,
    /// What systemd says, where it answers.
    active: Option<String>,
    /// Whether a service answers, however it was started.
    runs: bool,
    spaces: usize,
}

pub(super) fn install(context: &Context, arguments: &Install) -> Result<Exit, Failure> {
    let text = unit(context)?.text().map_err(|error| {
        let path = error.0.display();
        Failure::Usage(say!(
            fr: "Le chemin {path} ne peut pas figurer dans une unité de systemd.",
            en: "The path {path} cannot stand in a systemd unit.",
        ))
    })?;
    if arguments.print {
        context.output.result(&text, |text| text.trim_end().to_owned());
        return Ok(Exit::Done);
    }
    // A passphrase that opens nothing would be found out by systemd alone.
    let _ = context.session()?;
    let path = unit_path()?;
    let folder = path.parent().unwrap_or(Path::new("/"));
    std::fs::create_dir_all(folder).map_err(StateError::io(folder))?;
    replace(&path, text.as_bytes())?;
    let started = systemctl(&["daemon-reload"]) && systemctl(&["enable", "--now", UNIT]);
    context.output.result(&Installed { unit: path, started }, |installed| {
        let unit = installed.unit.display();
        if installed.started {
            say!(fr: "{unit} est installée, et le service tourne.", en: "{unit} is installed, and the service runs.")
        } else {
            say!(
                fr: "{unit} est installée. Pour lancer le service :\n  systemctl --user daemon-reload\n  systemctl --user enable --now {UNIT}",
                en: "{unit} is installed. To start the service:\n  systemctl --user daemon-reload\n  systemctl --user enable --now {UNIT}",
            )
        }
    });
    if Settings::load(&context.home)?.spaces.is_empty() {
        context.output.note(&say!(
            fr: "Aucun dossier n'est à synchroniser. En ajouter un : `vauban service add ESPACE DOSSIER`.",
            en: "No folder is to be kept in sync. Add one: `vauban service add SPACE DIR`.",
        ));
    }
    Ok(Exit::Done)
}

pub(super) fn uninstall(context: &Context) -> Result<Exit, Failure> {
    let path = unit_path()?;
    let stopped = systemctl(&["disable", "--now", UNIT]);
    match std::fs::remove_file(&path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(StateError::io(&path)(error).into()),
        _ => {}
    }
    let _ = systemctl(&["daemon-reload"]);
    context.output.result(&Installed { unit: path, started: false }, |removed| {
        let unit = removed.unit.display();
        say!(fr: "{unit} n'est plus là. Les dossiers restent, et les espaces aussi.", en: "{unit} is gone. The folders stay, and so do the spaces.")
    });
    if !stopped && running(&context.home)?.is_some() {
        context.output.note(&say!(
            fr: "Un service tourne encore : l'arrêter là où il a été lancé.",
            en: "A service still runs: stop it where it was started.",
        ));
    }
    Ok(Exit::Done)
}

pub(super) fn status(context: &Context) -> Result<Exit, Failure> {
    let unit = unit_path()?;
    let report = Report {
        installed: unit.is_file(),
        unit,
        active: answer_of(&["is-active", UNIT]),
        runs: running(&context.home)?.is_some(),
        spaces: Settings::load(&context.home)?.spaces.len(),
    };
    context.output.result(&report, |report| {
        let (unit, spaces) = (report.unit.display(), report.spaces);
        let active = report.active.as_deref().unwrap_or("?");
        let runs = if report.runs { say!(fr: "oui", en: "yes") } else { say!(fr: "non", en: "no") };
        let installed = if report.installed {
            say!(fr: "installée", en: "installed")
        } else {
            say!(fr: "absente", en: "not installed")
        };
        say!(
            fr: "unité    {unit}, {installed}, {active}\nrépond   {runs}\nespaces  {spaces} à synchroniser",
            en: "unit     {unit}, {installed}, {active}\nanswers  {runs}\nspaces   {spaces} to keep in sync",
        )
    });
    Ok(if report.runs { Exit::Done } else { Exit::Service })
}

fn unit(context: &Context) -> Result<Unit, Failure> {
    let passphrase = context.passphrase_file().ok_or_else(|| {
        Failure::Usage(say!(
            fr: "Un service ne peut demander la phrase de passe : l'écrire dans un fichier que vous seul lisez, et le nommer par --passphrase-file.",
            en: "A service cannot ask for the passphrase: write it to a file that only you can read, and name it by --passphrase-file.",
        ))
    })?;
    let whole = |path: &Path| std::path::absolute(path).map_err(StateError::io(path));
    let program = std::env::current_exe().map_err(StateError::io(Path::new("vauban")))?;
    let language = message::language();
    Ok(Unit { program, home: whole(context.home.folder())?, passphrase: whole(passphrase)?, language })
}

/// Where a user's units are.
fn unit_path() -> Result<PathBuf, Failure> {
    let configured = std::env::var_os("XDG_CONFIG_HOME").map(PathBuf::from).filter(|path| path.is_absolute());
    let folder = configured.or_else(|| std::env::home_dir().map(|home| home.join(".config")));
    let folder = folder.ok_or_else(|| Failure::Usage(say!(fr: "HOME n'est pas défini.", en: "HOME is not set.")))?;
    Ok(folder.join("systemd/user").join(UNIT))
}

/// Tells the user's service manager; answers whether it took it.
fn systemctl(arguments: &[&str]) -> bool {
    let mut command = Command::new("systemctl");
    let silent = command.arg("--user").args(arguments).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    silent.status().is_ok_and(|status| status.success())
}

/// One word of the user's service manager.
fn answer_of(arguments: &[&str]) -> Option<String> {
    let mut command = Command::new("systemctl");
    let output = command.arg("--user").args(arguments).stdin(Stdio::null()).stderr(Stdio::null()).output().ok()?;
    let word = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    (!word.is_empty()).then_some(word)
}
