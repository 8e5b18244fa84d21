//! `vauban link take SPACE`.

use std::sync::Arc;

use crate::commands::Context;
use crate::commands::progress::{Plans, Progress};
use crate::commands::spaces::{Purpose, connected};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::say;
use crate::sync::{OnJunk, Received, Watcher};

/// Arguments.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    #[arg(value_name = "SPACE", help = say!(
        fr: "L'espace, par son nom ou le début de son identifiant",
        en: "The space, by name or by how its identifier begins",
    ))]
    space: String,
    #[arg(long, help = say!(
        fr: "Fait oublier aux nœuds les envois qui ne s'ouvrent pas",
        en: "Has nodes let go of drops that do not open",
    ))]
    discard_unreadable: bool,
}

pub(crate) fn run(context: &Context, arguments: &Arguments) -> Result<Exit, Failure> {
    let name = arguments.space.clone();
    let on_junk = if arguments.discard_unreadable { OnJunk::Discard } else { OnJunk::Name };
    let progress = Progress::new(context.output, Plans::Untold);
    let watcher: Arc<dyn Watcher> = progress.clone();
    let received = connected(context, Purpose::Write, move |connected| {
        let mut space = connected.open(&connected.find(&name)?)?;
        Ok(space.take_drops(on_junk, &watcher)?)
    });
    progress.finish();
    let received = received?;
    context.output.result(&received, |received| {
        if received.is_nothing() {
            return say!(fr: "Rien n'a été déposé.", en: "Nothing was dropped.");
        }
        let files: Vec<String> = received.files.iter().map(|file| file.path.clone()).collect();
        files.join("\n")
    });
    for line in told(&received) {
        context.output.note(&line);
    }
    Ok(if received.junk.is_empty() && received.waiting == 0 { Exit::Done } else { Exit::Partial })
}

/// What a person is told of drops beyond the files that came.
pub(crate) fn told(received: &Received) -> Vec<String> {
    let mut lines = Vec::new();
    if !received.files.is_empty() {
        let (files, bytes) = (received.files.len(), received.files.iter().map(|file| file.bytes).sum::<u64>());
        let bytes = indicatif::BinaryBytes(bytes);
        lines.push(say!(
            fr: "déposés  {files} fichier(s), {bytes}, par des personnes sans compte",
            en: "dropped    {files} file(s), {bytes}, by people without an account",
        ));
    }
    for junk in &received.junk {
        let request: String = junk.request.chars().take(12).collect();
        let bytes = indicatif::BinaryBytes(junk.bytes);
        lines.push(if junk.discarded {
            say!(
                fr: "illisible : un envoi de {bytes} par la demande {request} ; les nœuds l'oublient",
                en: "unreadable: a drop of {bytes} by request {request}; nodes let go of it",
            )
        } else {
            say!(
                fr: "illisible : un envoi de {bytes} par la demande {request}. Rien n'en est pris. S'il est inconnu de tous : `vauban link take ESPACE --discard-unreadable`",
                en: "unreadable: a drop of {bytes} by request {request}. Nothing of it is taken. If nobody knows of it: `vauban link take SPACE --discard-unreadable`",
            )
        });
    }
    if received.waiting > 0 {
        let waiting = received.waiting;
        lines.push(say!(
            fr: "{waiting} envoi(s) attendent : un fragment ou une clé manque encore ici, ou un autre appareil les prend.",
            en: "{waiting} drop(s) wait: a chunk or a key is still missing here, or another device takes them.",
        ));
    }
    lines
}
