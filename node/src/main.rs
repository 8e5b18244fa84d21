//! The program `vauban-node`: reads the command line, does what it says, and tells a person how it went.

use std::ffi::OsString;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use vauban_node::boot::{self, BootError, Ready, Stage};
use vauban_node::cli::{self, Invocation};
use vauban_node::clock;
use vauban_node::config::{Config, ConfigError};
use vauban_node::data_folder::DataFolder;
use vauban_node::enrolment::{self, ClockDoubt};
use vauban_node::identity::Identity;
use vauban_node::limit::BLOCKING_THREADS_MAX;
use vauban_node::message::{Explain, Explanation};
use vauban_node::observe::start_log;
use vauban_node::recovery::{self, Restoration};
use vauban_node::say;
use vauban_node::web;

/// A failure that names its next step.
const REFUSED: u8 = 1;
/// The command line.
const USAGE: u8 = 2;
/// Storage failed.
const STORAGE: u8 = 3;

/// How the program ends when not well.
struct Failure {
    code: u8,
    explanation: Explanation,
}

fn main() -> ExitCode {
    let line: Vec<OsString> = std::env::args_os().collect();
    let invocation = match Invocation::parse(line.clone()) {
        Ok(invocation) => invocation,
        Err(error) => {
            if let Some(explanation) = cli::mistake(&error, &line) {
                eprintln!("vauban-node: {explanation}");
                return USAGE.into();
            }
            // Nothing is left to do if the terminal is gone.
            let _printed = error.print();
            return if error.use_stderr() { USAGE.into() } else { ExitCode::SUCCESS };
        }
    };
    match act(invocation) {
        Ok(()) => ExitCode::SUCCESS,
        Err(Failure { code, explanation }) => {
            eprintln!("vauban-node: {explanation}");
            code.into()
        }
    }
}

fn act(invocation: Invocation) -> Result<(), Failure> {
    match invocation {
        Invocation::Init { data, listen, advertise, config } => {
            let folder = DataFolder::at(&data);
            let config = config.unwrap_or_else(|| folder.config());
            let made = enrolment::init(&folder, &config, listen, advertise.as_deref())?;
            let (node, address) = (made.node.to_hex(), made.address);
            let (request, config) = (made.request.display(), made.config.display());
            say_line(&say!(
                fr: "Nœud {node}, joint à {address}.\nConfiguration : {config}\nPortez {request} à une administratrice (vauban org charter), puis : vauban-node admit",
                en: "Node {node}, reached at {address}.\nConfiguration: {config}\nCarry {request} to an admin (vauban org charter), then: vauban-node admit"
            ));
            Ok(())
        }
        Invocation::Admit { data, file } => {
            let enrolment = enrolment::admit(&DataFolder::at(&data), &file, clock::now())?;
            let charter = enrolment.charter();
            let (node, site, country) = (charter.node(), &charter.site, &charter.country);
            let organisation = enrolment.organisation().fingerprint();
            say_line(&say!(
                fr: "Nœud {node} admis par l'organisation {organisation}, au site {site} ({country}). Lancez : vauban-node run",
                en: "Node {node} admitted by organisation {organisation}, at site {site} ({country}). Now run: vauban-node run"
            ));
            Ok(())
        }
        Invocation::Backup { data, file } => {
            let about = recovery::back_up(&DataFolder::at(&data), &file)?;
            let (applied, file) = (about.applied, file.display());
            say_line(&say!(
                fr: "Sauvegarde écrite : {file} (indice {applied}). Gardez-la ailleurs que sur ce nœud.",
                en: "Backup written: {file} (index {applied}). Keep it elsewhere than on this node."
            ));
            Ok(())
        }
        Invocation::Restore { data, file, replace } => {
            let Restoration { restored, request, set_aside } =
                recovery::restore(&DataFolder::at(&data), &file, replace, clock::now())?;
            let (spaces, applied, request) = (restored.spaces.len(), restored.about.applied, request.display());
            let at = clock::utc(restored.about.cluster_time);
            let aside = set_aside.map_or_else(String::new, |path| {
                let path = path.display();
                say!(fr: "\nLes métadonnées d'avant sont dans {path}.", en: "\nThe metadata from before are in {path}.")
            });
            say_line(&say!(
                fr: "Restauré : {spaces} espaces, jusqu'à l'indice {applied}, dans l'état du {at}. Rien ne s'écrira avant que la racine l'ait signé :\n  portez {request} à qui la tient (vauban org reanchor), et lancez : vauban-node run{aside}",
                en: "Restored: {spaces} spaces, up to index {applied}, as of {at}. Nothing will be written until the root has signed it:\n  carry {request} to whoever holds it (vauban org reanchor), and run: vauban-node run{aside}"
            ));
            Ok(())
        }
        Invocation::Rejoin { data } => {
            let aside = recovery::rejoin(&DataFolder::at(&data), clock::now())?;
            let aside = aside.map_or_else(String::new, |path| {
                let path = path.display();
                say!(fr: " Les métadonnées d'avant sont dans {path}.", en: " The metadata from before are in {path}.")
            });
            say_line(&say!(
                fr: "Ce nœud reviendra à sa grappe avec ses fragments, et apprendra d'elle tout le reste. Lancez : vauban-node run.{aside}",
                en: "This node will come back to its cluster with its chunks, and learn everything else from it. Now run: vauban-node run.{aside}"
            ));
            Ok(())
        }
        Invocation::ClusterStatus { data, config, json } => {
            let (folder, config) = settings(data, config)?;
            cluster_status(&folder, &config, json)
        }
        Invocation::Run { data, config, check } => {
            let (folder, config) = settings(data, config)?;
            if check { look(&folder) } else { run(&folder, &config) }
        }
    }
}

/// The configuration, and the data folder that it or the command line names.
fn settings(data: Option<PathBuf>, file: Option<PathBuf>) -> Result<(DataFolder, Config), Failure> {
    let default = || data.clone().unwrap_or_else(|| Config::default().data);
    let file = file.unwrap_or_else(|| DataFolder::at(&default()).config());
    let config = Config::load(&file)?;
    let root: &Path = data.as_deref().unwrap_or(&config.data);
    Ok((DataFolder::at(root), config))
}

/// Asks the running node how the cluster is.
fn cluster_status(folder: &DataFolder, config: &Config, as_json: bool) -> Result<(), Failure> {
    // Where it listens is known for sure from its own note; the configuration may leave the port to the system.
    let noted = std::fs::read_to_string(folder.web_address()).ok().and_then(|text| text.parse().ok());
    let address = noted.unwrap_or(config.web.listen);
    let page = web::ask(address, web::CLUSTER_PAGE)?;
    if as_json {
        say_line(&page);
        return Ok(());
    }
    let cluster: web::Cluster = serde_json::from_str(&page).map_err(|_| web::AskError::Other { address })?;
    say_line(&cluster.text());
    Ok(())
}

/// Says whether a node would start, without starting it.
fn look(folder: &DataFolder) -> Result<(), Failure> {
    let identity = Identity::load(&folder.receipt_key()).map_err(BootError::from)?;
    let enrolment = enrolment::load(folder, &identity, clock::now())?;
    let now = clock::now();
    let (days, utc) = (enrolment.charter().not_after.0.saturating_sub(now.0) / 86_400, clock::utc(now));
    say_line(&say!(
        fr: "Configuration, clés et admission sont en ordre ; la charte vaut encore {days} jours. Il est ici {utc}.",
        en: "Configuration, keys and admission are in order; the charter holds for {days} more days. It is {utc} here."
    ));
    if let Some(doubt) = ClockDoubt::before_first_run(folder, &enrolment, now) {
        say_line(&doubt.explain().to_string());
    }
    Ok(())
}

fn run(folder: &DataFolder, config: &Config) -> Result<(), Failure> {
    start_log(&config.log).map_err(|error| Failure {
        code: REFUSED,
        explanation: Explanation {
            what: say!(fr: "Le journal ne s'ouvre pas : {error}", en: "The log cannot be started: {error}"),
            next: say!(fr: "Corrigez « log.level », par exemple \"info\".", en: "Correct `log.level`, for instance to \"info\"."),
        },
    })?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .max_blocking_threads(BLOCKING_THREADS_MAX)
        .build()
        .map_err(BootError::Signals)?;
    Ok(runtime.block_on(boot::run(folder, config, announce))?)
}

/// The line that scripts wait for.
fn announce(Ready { stage, node, quic, web }: Ready) {
    let stage = match stage {
        Stage::Waiting => "waiting",
        Stage::Serving => "ready",
    };
    say_line(&format!("{stage} node={} quic={quic} web={web}", node.to_hex()));
}

/// Writes to standard output; a reader that is gone is no reason to stop.
fn say_line(text: &str) {
    let mut out = std::io::stdout().lock();
    let _written = writeln!(out, "{text}").and_then(|()| out.flush());
}

macro_rules! failures {
    ($($error:ty),*) => {$(
        impl From<$error> for Failure {
            fn from(error: $error) -> Self {
                Self { code: REFUSED, explanation: error.explain() }
            }
        }
    )*};
}

failures!(ConfigError, enrolment::InitError, enrolment::AdmitError, recovery::RecoveryError, web::AskError);

impl From<BootError> for Failure {
    fn from(error: BootError) -> Self {
        let code = match error {
            BootError::Metadata(_) | BootError::Chunks(_) | BootError::Storage { .. } => STORAGE,
            _ => REFUSED,
        };
        Self { code, explanation: error.explain() }
    }
}
