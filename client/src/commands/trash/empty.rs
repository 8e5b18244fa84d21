//! `vauban trash empty SPACE`.

use super::root;
use crate::commands::Context;
use crate::commands::spaces::{Purpose, connected};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::say;
use crate::sync::SyncError;
use crate::tree::Trash;

/// Arguments.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    #[arg(value_name = "SPACE", help = say!(fr: "L'espace", en: "The space"))]
    space: String,
}

pub(crate) fn run(context: &Context, arguments: &Arguments) -> Result<Exit, Failure> {
    let space = arguments.space.clone();
    let deleted = connected(context, Purpose::Write, move |connected| {
        let root = root(&connected, &space)?;
        let found = Trash::list(&root).map_err(SyncError::from)?;
        Trash::empty(&root).map_err(SyncError::from)?;
        Ok(found)
    })?;
    context.output.result(&deleted, |deleted| {
        let count = deleted.len();
        say!(fr: "{count} supprimé(s) pour de bon", en: "{count} deleted for good")
    });
    Ok(Exit::Done)
}
