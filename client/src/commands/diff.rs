//! `vauban diff SPACE[:PATH] --from TIME [--to TIME]`.

use serde::Serialize;

use crate::commands::Context;
use crate::commands::at::{self, Time};
use crate::commands::spaces::{Place, Purpose, connected};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::log::Kind;
use crate::say;
use crate::sync::{Difference, Differs, differences, now};

/// Arguments.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    #[arg(value_name = "SPACE[:PATH]", help = say!(fr: "L'espace, ou un dossier de l'espace", en: "The space, or a folder in it"))]
    place: Place,
    #[arg(long, value_name = "TIME", value_parser = at::parse, help = say!(
        fr: "Depuis quand : 2h (il y a deux heures), 2026-05-01 (la fin du jour) ou 2026-05-01T14:03",
        en: "Since when: 2h (ago), 2026-05-01 (the end of the day) or 2026-05-01T14:03",
    ))]
    from: Time,
    #[arg(long, value_name = "TIME", value_parser = at::parse, help = say!(
        fr: "Jusqu'à quand ; sinon jusqu'à maintenant",
        en: "Until when; else until now",
    ))]
    to: Option<Time>,
}

#[derive(Debug, Serialize)]
struct Report {
    change: &'static str,
    path: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    from: Option<String>,
    folder: bool,
}

pub(crate) fn run(context: &Context, arguments: &Arguments) -> Result<Exit, Failure> {
    if arguments.to.is_some_and(|to| to < arguments.from) {
        return Err(Failure::Usage(say!(
            fr: "--to est plus ancien que --from : les deux sont peut-être à échanger.",
            en: "--to is earlier than --from: perhaps they are to change places.",
        )));
    }
    let (place, from, to) = (arguments.place.clone(), arguments.from, arguments.to);
    let found = connected(context, Purpose::Read, move |connected| {
        let mut space = connected.open(&connected.find(&place.space)?)?;
        space.follow()?;
        space.write_record()?;
        let from = from.moment_or_start(&space)?;
        let to = to.map_or_else(|| Ok(now(&space)?), |to| to.moment(&space))?;
        Ok(differences(&space, &place.path, from, to)?)
    })?;
    for difference in &found {
        context.output.result(&report(difference), text);
    }
    Ok(Exit::Done)
}

fn report(difference: &Difference) -> Report {
    let (change, from) = match &difference.what {
        Differs::Added => ("added", None),
        Differs::Removed => ("removed", None),
        Differs::Edited => ("edited", None),
        Differs::Moved(from) => ("moved", Some(from.to_string())),
    };
    Report { change, path: difference.path.to_string(), from, folder: difference.kind == Kind::Folder }
}

/// One sign a line, as people know it from other tools.
fn text(report: &Report) -> String {
    let slash = if report.folder { "/" } else { "" };
    let path = &report.path;
    match (report.change, &report.from) {
        ("added", _) => format!("+ {path}{slash}"),
        ("removed", _) => format!("- {path}{slash}"),
        (_, Some(from)) => format!("> {from}{slash} → {path}{slash}"),
        _ => format!("~ {path}{slash}"),
    }
}
