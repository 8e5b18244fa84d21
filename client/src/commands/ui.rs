//! `vauban ui`.

use std::process::{Command, Stdio};
use std::sync::Arc;

use serde::Serialize;
use tokio::signal::unix::{SignalKind, signal};

use crate::commands::{Context, runtime};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::say;
use crate::state::StateError;
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
        if !arguments.no_browser {
            open(&listening.url);
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

/// Asks the desktop to open the page; a machine without one shows the address, which is enough.
fn open(url: &str) {
    let opening =
        Command::new("xdg-open").arg(url).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
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
