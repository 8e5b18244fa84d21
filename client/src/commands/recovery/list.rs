//! `vauban recovery list`.

use super::standing::{Standing, text};
use crate::commands::{Context, block_on};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::organisation::Roster;
use crate::say;

/// Arguments: none.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {}

pub(crate) fn run(context: &Context, _arguments: &Arguments) -> Result<Exit, Failure> {
    let session = context.session()?;
    block_on(context.refresh(&session))?;
    let organisation = session.organisation();
    let identity = session.identity();
    let roster = Roster::new(&organisation, identity.directory());
    let standing = Standing::of(&organisation, &roster, identity.user());
    context.output.result(&standing, |standing| {
        let lines = text(standing);
        if !lines.is_empty() {
            return lines.join("\n");
        }
        say!(
            fr: "Vous n'avez pas de gardiens (`vauban recovery setup`), et n'êtes celui de personne.",
            en: "You have no guardians (`vauban recovery setup`), and are nobody's.",
        )
    });
    Ok(Exit::Done)
}
