//! `vauban link get [URL] DIR`.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use indicatif::ProgressBar;
use serde::Serialize;
use tokio::runtime::Handle;

use super::password;
use crate::commands::entered::{STDIN, entered};
use crate::commands::{Context, block_on};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::machine::ThisMachine;
use crate::plain::{Plain, PlainPath};
use crate::say;
use crate::shared_link::{LinkAddress, Opened, SharedLinkError, land, open};
use crate::size::{Size, bar_style};
use crate::sync::Problem;

/// Arguments.
#[derive(Debug, clap::Args)]
#[command(override_usage = say!(
    fr: "vauban link get [OPTIONS] [ADRESSE] <DOSSIER>",
    en: "vauban link get [OPTIONS] [URL] <DIR>",
))]
pub(crate) struct Arguments {
    #[arg(value_name = "URL", help = say!(
        fr: "L'adresse du lien. Sans elle, elle est demandée sans s'afficher ; « - » la lit sur l'entrée standard. En argument (entière, entre apostrophes), d'autres programmes de cette machine la voient, et l'historique de l'interpréteur la garde",
        en: "The link's address. Without it, it is asked for and not shown; `-` reads it from standard input. As an argument (whole, between quotes), other programs of this machine see it, and the shell's history keeps it",
    ))]
    url: Option<OsString>,
    #[arg(value_name = "DIR", help = say!(
        fr: "Le dossier où écrire ; rien de ce qui s'y trouve n'est remplacé",
        en: "The folder to write to; nothing in it is replaced",
    ))]
    folder: Option<PathBuf>,
    #[arg(long, help = say!(
        fr: "Lit le mot de passe du lien sur la première ligne de l'entrée standard, ou sur la ligne qui suit l'adresse",
        en: "Reads the link's password from the first line of standard input, or from the line that follows the address",
    ))]
    password_stdin: bool,
}

impl Arguments {
    /// The address, where there is one, and the folder, which a single argument is.
    fn places(&self) -> Result<(Option<&OsStr>, &Path), Failure> {
        match (&self.url, &self.folder) {
            (Some(url), Some(folder)) => Ok((Some(url.as_os_str()), folder.as_path())),
            (Some(folder), None) if !is_address(folder) => Ok((None, Path::new(folder))),
            _ => Err(Failure::Usage(say!(
                fr: "Il manque le dossier où écrire : `vauban link get DOSSIER`, qui demande l'adresse.",
                en: "The folder to write to is missing: `vauban link get DIR`, which asks for the address.",
            ))),
        }
    }
}

/// Whether this is meant for an address, not for a folder.
fn is_address(argument: &OsStr) -> bool {
    let text = argument.to_string_lossy();
    text == STDIN || text.contains("://") || LinkAddress::parse(&text).is_ok()
}

#[derive(Debug, Serialize)]
struct Report {
    path: PathBuf,
    files: u64,
    bytes: u64,
    /// SHA-256 of the page that is signed into the link.
    page: String,
    /// Paths, and why.
    left_out: Vec<(String, String)>,
}

pub(crate) fn run(context: &Context, arguments: &Arguments) -> Result<Exit, Failure> {
    let (url, folder) = arguments.places()?;
    let url = url.map(OsStr::to_string_lossy);
    let url = entered(url.as_deref(), &say!(fr: "L'adresse du lien :", en: "The link's address:"), || {
        say!(
            fr: "Il manque l'adresse du lien : la taper dans un terminal, ou `vauban link get - DOSSIER` la lit sur l'entrée standard.",
            en: "The link's address is missing: type it at a terminal, or `vauban link get - DIR` reads it from standard input.",
        )
    })?;
    let address = LinkAddress::parse(&url).map_err(SharedLinkError::from)?;
    if address.key.is_some() {
        // Before a password is asked for, which would open nothing.
        return Err(SharedLinkError::AsksForFiles.into());
    }
    let password =
        if address.has_password { Some(password::known(arguments.password_stdin)?.to_string()) } else { None };
    let folder = folder.to_owned();
    let bar = ProgressBar::hidden();
    let got = block_on(async {
        let opened = Arc::new(open(&address, password).await?);
        let page = opened.page;
        if context.output.draws() {
            bar.set_draw_target(indicatif::ProgressDrawTarget::stderr());
            bar.set_length(opened.manifest.bytes());
            bar.set_style(bar_style("{wide_bar} {done}/{all}"));
        }
        let (runtime, told) = (Handle::current(), bar.clone());
        let landing = move |opened: &Opened| land(opened, &folder, &ThisMachine, &runtime, |bytes| told.inc(bytes));
        let landing = tokio::task::spawn_blocking(move || landing(&opened));
        let landed = landing.await.unwrap_or(Err(Failure::Bug("the writing thread ended early")))?;
        Ok((landed, page))
    });
    bar.finish_and_clear();
    let (landed, page) = got?;
    let left_out = landed.left_out.into_iter().map(|(path, reason)| (path, Problem::from(reason).text())).collect();
    let report = Report { path: landed.path, files: landed.files, bytes: landed.bytes, page: page.to_hex(), left_out };
    context.output.result(&report, received);
    for (path, problem) in &report.left_out {
        context.output.note(&left_out_text(path, problem));
    }
    let page = &report.page;
    context.output.note(&say!(
        fr: "Page signée dans ce lien (SHA-256), à comparer avant de l'ouvrir dans un navigateur : {page}",
        en: "Page signed in this link (SHA-256), to be compared before it is opened in a browser: {page}",
    ));
    Ok(if report.left_out.is_empty() { Exit::Done } else { Exit::Partial })
}

fn received(report: &Report) -> String {
    let (path, files, bytes) = (PlainPath(&report.path), report.files, Size(report.bytes));
    say!(
        fr: "{path} : {files} fichier(s), {bytes}, reçus et vérifiés.",
        en: "{path}: {files} file(s), {bytes}, received and verified.",
    )
}

fn left_out_text(path: &str, problem: &str) -> String {
    let path = Plain(path);
    say!(fr: "laissé de côté : {path} : {problem}", en: "left out: {path}: {problem}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plain::is_commanding;

    #[test]
    fn a_single_argument_is_the_folder() {
        let arguments = |url: Option<&str>, folder: Option<&str>| Arguments {
            url: url.map(OsString::from),
            folder: folder.map(PathBuf::from),
            password_stdin: false,
        };
        let url = "https://partage.mairie.example/#AQ";
        let both = arguments(Some(url), Some("there"));
        assert_eq!(both.places().unwrap(), (Some(OsStr::new(url)), Path::new("there")));
        for folder in ["there", "C#", "./a b"] {
            assert_eq!(arguments(Some(folder), None).places().unwrap(), (None, Path::new(folder)));
        }
        for no_folder in [Some(url), Some("-"), None] {
            assert!(arguments(no_folder, None).places().is_err(), "{no_folder:?}");
        }
    }

    /// Whoever made the link chose these names, and may be hostile to whoever opens it.
    #[test]
    fn names_of_a_link_are_nothing_but_text() {
        let hostile = "a\u{1b}[2K\r\nBudget: 2 file(s), received and verified.\u{202e}";
        let report =
            Report { path: PathBuf::from(hostile), files: 1, bytes: 1, page: String::new(), left_out: Vec::new() };
        for text in [received(&report), left_out_text(hostile, "too deep")] {
            assert!(!text.chars().any(is_commanding), "{text}");
        }
    }
}
