//! `vauban link get URL DIR`.

use std::path::PathBuf;
use std::sync::Arc;

use indicatif::{ProgressBar, ProgressStyle};
use serde::Serialize;
use tokio::runtime::Handle;

use super::password_from_stdin;
use crate::commands::{Context, block_on};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::keys::PassphraseSource;
use crate::machine::ThisMachine;
use crate::say;
use crate::shared_link::{LinkAddress, Opened, SharedLinkError, land, open};
use crate::sync::Problem;

/// Arguments.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    #[arg(value_name = "URL", help = say!(
        fr: "L'adresse du lien, entière et entre apostrophes",
        en: "The link's address, whole and between quotes",
    ))]
    url: String,
    #[arg(value_name = "DIR", help = say!(
        fr: "Le dossier où écrire ; rien de ce qui s'y trouve n'est remplacé",
        en: "The folder to write to; nothing in it is replaced",
    ))]
    folder: PathBuf,
    #[arg(long, help = say!(
        fr: "Lit le mot de passe du lien sur la première ligne de l'entrée standard",
        en: "Reads the link's password from the first line of standard input",
    ))]
    password_stdin: bool,
}

#[derive(Debug, Serialize)]
struct Report {
    path: PathBuf,
    files: u64,
    bytes: u64,
    /// Paths, and why.
    left_out: Vec<(String, String)>,
}

pub(crate) fn run(context: &Context, arguments: &Arguments) -> Result<Exit, Failure> {
    let address = LinkAddress::parse(&arguments.url).map_err(SharedLinkError::from)?;
    if address.key.is_some() {
        // Before a password is asked for, which would open nothing.
        return Err(SharedLinkError::AsksForFiles.into());
    }
    let password = match (address.has_password, arguments.password_stdin) {
        (false, _) => None,
        (true, true) => Some(password_from_stdin()?.to_string()),
        (true, false) => {
            let asked = PassphraseSource::Prompt
                .read(&say!(fr: "Mot de passe du lien :", en: "The link's password:"))
                .map_err(|_| SharedLinkError::Password)?;
            Some(asked.expose().to_owned())
        }
    };
    let folder = arguments.folder.clone();
    let bar = ProgressBar::hidden();
    let landed = block_on(async {
        let opened = Arc::new(open(&address, password).await?);
        if context.output.draws() {
            bar.set_draw_target(indicatif::ProgressDrawTarget::stderr());
            bar.set_length(opened.manifest.bytes());
            if let Ok(style) = ProgressStyle::with_template("{wide_bar} {binary_bytes}/{binary_total_bytes}") {
                bar.set_style(style);
            }
        }
        let (runtime, told) = (Handle::current(), bar.clone());
        let landing = move |opened: &Opened| land(opened, &folder, &ThisMachine, &runtime, |bytes| told.inc(bytes));
        let landing = tokio::task::spawn_blocking(move || landing(&opened));
        landing.await.unwrap_or(Err(Failure::Bug("the writing thread ended early")))
    });
    bar.finish_and_clear();
    let landed = landed?;
    let left_out = landed.left_out.into_iter().map(|(path, reason)| (path, Problem::from(reason).text())).collect();
    let report = Report { path: landed.path, files: landed.files, bytes: landed.bytes, left_out };
    context.output.result(&report, |report| {
        let (path, files, bytes) = (report.path.display(), report.files, indicatif::BinaryBytes(report.bytes));
        say!(
            fr: "{path} : {files} fichier(s), {bytes}, reçus et vérifiés.",
            en: "{path}: {files} file(s), {bytes}, received and verified.",
        )
    });
    for (path, problem) in &report.left_out {
        context.output.note(&say!(fr: "laissé de côté : {path} : {problem}", en: "left out: {path}: {problem}"));
    }
    Ok(if report.left_out.is_empty() { Exit::Done } else { Exit::Partial })
}
