//! `vauban put FILE SPACE:PATH`.

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

use crate::commands::Context;
use crate::commands::progress::{Plans, Progress};
use crate::commands::spaces::{Place, Purpose, connected};
use crate::commands::sync::{say_left_out, text};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::say;
use crate::state::StateError;
use crate::sync::{PutError, Watcher, put};

/// Arguments.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    #[arg(value_name = "FILE", help = say!(fr: "Le fichier à envoyer", en: "The file to send"))]
    file: PathBuf,
    #[arg(value_name = "SPACE:PATH", help = say!(
        fr: "Où le mettre ; les dossiers manquants sont créés, un fichier présent reçoit une nouvelle version",
        en: "Where to put it; missing folders are made, a file that is there gets a new version",
    ))]
    place: Place,
}

pub(crate) fn run(context: &Context, arguments: &Arguments) -> Result<Exit, Failure> {
    let there = fs::metadata(&arguments.file).map_err(StateError::io(&arguments.file))?;
    if !there.is_file() {
        let file = arguments.file.display();
        return Err(Failure::Usage(say!(
            fr: "« {file} » n'est pas un fichier ordinaire ; pour un dossier, `vauban sync`.",
            en: "`{file}` is no ordinary file; for a folder, `vauban sync`.",
        )));
    }
    let (file, place) = (arguments.file.clone(), arguments.place.clone());
    let progress = Progress::new(context.output, Plans::Told);
    let watcher: Arc<dyn Watcher> = progress.clone();
    let summary = connected(context, Purpose::Write, move |connected| {
        let mut space = connected.open(&connected.find(&place.space)?)?;
        put(&mut space, &file, &place.path, &watcher)?.map_err(|error| in_the_way(&error))
    });
    progress.finish();
    let summary = summary?;
    if !summary.is_complete() {
        say_left_out(context.output, &summary);
        return Ok(Exit::Local);
    }
    context.output.result(&summary, text);
    Ok(Exit::Done)
}

fn in_the_way(error: &PutError) -> Failure {
    Failure::Usage(match error {
        PutError::NotAFolder(path) => say!(fr: "« {path} » n'est pas un dossier.", en: "\"{path}\" is not a folder."),
        PutError::Reserved(path) => say!(
            fr: "« {path} » : le nom `.vauban` est réservé aux fichiers de Vauban ; en choisir un autre.",
            en: "\"{path}\": the name `.vauban` is reserved for Vauban's own files; choose another.",
        ),
        PutError::IsAFolder(path) => say!(fr: "« {path} » est un dossier.", en: "\"{path}\" is a folder."),
    })
}
