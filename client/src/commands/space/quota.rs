//! `vauban space quota SPACE`: how much is stored for a space, and may be; and for this person.

use serde::Serialize;
use vauban_protocol::organisation::QuotaOf;

use crate::commands::Context;
use crate::commands::spaces::{Purpose, connected};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::say;
use crate::size::Size;

/// Arguments.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    #[arg(value_name = "SPACE", help = say!(fr: "L'espace, par son nom ou le début de son identifiant", en: "The space, by name or by how its identifier begins"))]
    space: String,
}

#[derive(Debug, Serialize)]
struct Report {
    space: String,
    used_bytes: u64,
    /// None without a limit.
    bytes_max: Option<u64>,
    /// What this person has added, in all spaces.
    own_used_bytes: u64,
    own_bytes_max: Option<u64>,
}

pub(crate) fn run(context: &Context, arguments: &Arguments) -> Result<Exit, Failure> {
    let name = arguments.space.clone();
    let report = connected(context, Purpose::Read, move |connected| {
        let space = connected.find(&name)?.id;
        let user = connected.device.identity().user();
        let usage = |of| connected.runtime.block_on(connected.link.usage(of));
        let (used_bytes, bytes_max) = usage(QuotaOf::Space(space))?;
        let (own_used_bytes, own_bytes_max) = usage(QuotaOf::User(user))?;
        Ok(Report { space: space.to_hex(), used_bytes, bytes_max, own_used_bytes, own_bytes_max })
    })?;
    context.output.result(&report, |report| {
        let space = share(report.used_bytes, report.bytes_max);
        let own = share(report.own_used_bytes, report.own_bytes_max);
        say!(
            fr: "Cet espace : {space}.\nVous, tous espaces confondus : {own}.",
            en: "This space: {space}.\nYou, in all spaces together: {own}.",
        )
    });
    Ok(Exit::Done)
}

fn share(used: u64, most: Option<u64>) -> String {
    let used = Size(used);
    match most.map(Size) {
        Some(most) => say!(fr: "{used} utilisés sur {most}", en: "{used} of {most} used"),
        None => say!(fr: "{used} utilisés, sans limite", en: "{used} used, without a limit"),
    }
}
