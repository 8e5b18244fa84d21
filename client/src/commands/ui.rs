//! `vauban ui`.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;

use serde::Serialize;
use tokio::signal::unix::{SignalKind, signal};

use crate::commands::{Context, runtime};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::say;
use crate::state::{Home, StateError, replace};
use crate::ui::{Page, PageError};

/// Arguments.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    #[arg(long, value_name = "PORT", default_value_t = 0, hide_default_value = true, help = say!(
        fr: "Port sur cette machine ; n'importe lequel de libre par défaut",
        en: "Port on this machine; any that is free by default",
    ))]
    port: u16,
    #[arg(long, help = say!(
        fr: "N'ouvre pas de navigateur : affiche seulement l'adresse",
        en: "Opens no browser: only prints the address",
    ))]
    no_browser: bool,
}

#[derive(Debug, Serialize)]
struct Listening {
    url: String,
}

pub(crate) fn run(context: &Context, arguments: &Arguments) -> Result<Exit, Failure> {
    let device = Arc::new(context.session()?);
    runtime()?.block_on(async {
        let mut terminated = signal(SignalKind::terminate()).map_err(StateError::io("SIGTERM".as_ref()))?;
        let page = Page::bind(device, arguments.port).await.map_err(failed)?;
        let listening = Listening { url: page.url() };
        context.output.result(&listening, |listening| listening.url.clone());
        context.output.note(&say!(
            fr: "Cette adresse ouvre vos espaces à qui la connaît sur cette machine. Ctrl-C ferme la page.",
            en: "This address opens your spaces to whoever knows it on this machine. Ctrl-C closes the page.",
        ));
        let doorway;
        if !arguments.no_browser {
            doorway = Doorway::make(&context.home, &listening.url)?;
            open(&doorway.0);
        }
        let stop = async {
            tokio::select! {
                _ = tokio::signal::ctrl_c() => {}
                _ = terminated.recv() => {}
            }
        };
        page.serve(stop).await.map_err(failed)
    })?;
    Ok(Exit::Done)
}

/// A page of the home, its owner's alone, that leads to the address. The address itself is given to no program: what a program is
/// started with can be read by everybody on this machine.
struct Doorway(PathBuf);

impl Doorway {
    fn make(home: &Home, url: &str) -> Result<Self, StateError> {
        let path = home.folder().join(format!("ui-{}.html", std::process::id()));
        let path = std::path::absolute(&path).map_err(StateError::io(&path))?;
        // Hexadecimal, digits and dots: nothing in it needs an escape.
        let page = format!(
            "<!doctype html><meta charset=\"utf-8\"><meta name=\"referrer\" content=\"no-referrer\">\
             <meta http-equiv=\"refresh\" content=\"0; url={url}\"><title>Vauban</title><a href=\"{url}\">Vauban</a>\n"
        );
        replace(&path, page.as_bytes())?;
        Ok(Self(path))
    }
}

impl Drop for Doorway {
    fn drop(&mut self) {
        // One that a killed process leaves leads nowhere.
        let _ = std::fs::remove_file(&self.0);
    }
}

/// Asks the desktop to open the page; a machine without one shows the address, which is enough.
fn open(page: &Path) {
    let opening =
        Command::new("xdg-open").arg(page).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
    match opening {
        // Reaped by a thread of its own: the desktop may take its time.
        Ok(mut child) => drop(std::thread::spawn(move || child.wait())),
        Err(error) => tracing::info!(%error, "no browser is opened"),
    }
}

fn failed(error: PageError) -> Failure {
    match error {
        PageError::Listen { port, source } => StateError::io(format!("127.0.0.1:{port}").as_ref())(source).into(),
        PageError::Serve(source) => StateError::io("127.0.0.1".as_ref())(source).into(),
        PageError::Random => Failure::Bug("the operating system has no random source"),
    }
}
