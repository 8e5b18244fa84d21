//! `vauban space rotate SPACE`.

use serde::Serialize;

use super::members::Trusting;
use crate::commands::Context;
use crate::commands::spaces::{Purpose, connected};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::say;

/// Arguments.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    #[arg(value_name = "SPACE", help = say!(fr: "L'espace, par son nom ou le début de son identifiant", en: "The space, by name or by how its identifier begins"))]
    space: String,
    #[command(flatten)]
    trusting: Trusting,
}

#[derive(Debug, Serialize)]
struct Report {
    space: String,
    epoch: u32,
}

pub(crate) fn run(context: &Context, arguments: &Arguments) -> Result<Exit, Failure> {
    let (name, trust) = (arguments.space.clone(), arguments.trusting.trust());
    let report = connected(context, Purpose::Write, move |connected| {
        let mut space = connected.open(&connected.find(&name)?)?;
        space.rotate_now(trust)?;
        Ok(Report { space: space.id().to_hex(), epoch: space.folded()?.epoch() })
    })?;
    context.output.result(&report, |Report { epoch, .. }| {
        say!(
            fr: "L'espace a de nouvelles clés (époque {epoch}), que chacun de ses membres reçoit.",
            en: "The space has new keys (epoch {epoch}), which each of its members is given.",
        )
    });
    Ok(Exit::Done)
}
