//! `vauban device accept`.

use crate::commands::finishing::{self, Patience, Wanted};
use crate::commands::{Context, block_on};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::say;

/// Arguments.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    #[arg(long, help = say!(
        fr: "Attend qu'un appareil réponde",
        en: "Waits until a device answers",
    ))]
    wait: bool,
}

pub(crate) fn run(context: &Context, arguments: &Arguments) -> Result<Exit, Failure> {
    let session = context.session()?;
    let patience = if arguments.wait { Patience::UntilAnswered } else { Patience::Once };
    let finished = block_on(async {
        let link = session.connect().await?;
        finishing::finish(context, &session, &link, Wanted::OwnDevices, patience).await
    })?;
    context.output.result(&finished, |finished| finishing::text(finished));
    Ok(Exit::Done)
}
