//! `vauban trash list SPACE`.

use vauban_protocol::time::Timestamp;

use super::root;
use crate::clock;
use crate::commands::Context;
use crate::commands::spaces::{Purpose, connected};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::plain::Plain;
use crate::say;
use crate::sync::SyncError;
use crate::tree::{Trash, Trashed};

/// Arguments.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    #[arg(value_name = "SPACE", help = say!(fr: "L'espace", en: "The space"))]
    space: String,
}

pub(crate) fn run(context: &Context, arguments: &Arguments) -> Result<Exit, Failure> {
    let space = arguments.space.clone();
    let found = connected(context, Purpose::Read, move |connected| {
        Ok(Trash::list(&root(&connected, &space)?).map_err(SyncError::from)?)
    })?;
    context.output.result(&found, |found| match found.as_slice() {
        [] => say!(fr: "la corbeille est vide", en: "the trash is empty"),
        found => found.iter().map(line).collect::<Vec<_>>().join("\n"),
    });
    Ok(Exit::Done)
}

fn line(trashed: &Trashed) -> String {
    let (day, path) = (clock::day(Timestamp(trashed.record.removed_at)), Plain(&trashed.record.path));
    format!("{day}  {path}")
}
