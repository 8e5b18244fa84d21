//! `vauban ls SPACE[:PATH]`.

use serde::Serialize;

use crate::commands::Context;
use crate::commands::at::At;
use crate::commands::spaces::{Place, Purpose, connected, not_there};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::log::Kind;
use crate::say;
use crate::size::Size;
use crate::state::cache::RemoteChild;
use crate::sync::list_at;

/// Arguments.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    #[arg(value_name = "SPACE[:PATH]", help = say!(fr: "L'espace, ou un dossier de l'espace", en: "The space, or a folder in it"))]
    place: Place,
    #[command(flatten)]
    at: At,
}

#[derive(Debug, Serialize)]
struct Report {
    name: String,
    kind: &'static str,
    bytes: u64,
    executable: bool,
    entry: String,
    content: Option<String>,
}

pub(crate) fn run(context: &Context, arguments: &Arguments) -> Result<Exit, Failure> {
    let (place, at) = (arguments.place.clone(), arguments.at);
    let children = connected(context, Purpose::Read, move |connected| {
        let mut space = connected.open(&connected.find(&place.space)?)?;
        space.follow()?;
        space.write_record()?;
        let moment = at.moment(&space)?;
        list_at(&space, &place.path, moment)?.ok_or_else(|| not_there(&place))
    })?;
    for child in &children {
        let name = &child.name;
        context.output.result(&report(child), |report| {
            let bytes = Size(report.bytes).to_string();
            match child.kind {
                Kind::Folder => format!("{:>12}  {name}/", ""),
                Kind::Symlink => format!("{:>12}  {name}@", ""),
                Kind::File => format!("{bytes:>12}  {name}"),
            }
        });
    }
    Ok(Exit::Done)
}

fn report(child: &RemoteChild) -> Report {
    Report {
        name: child.name.as_str().to_owned(),
        kind: match child.kind {
            Kind::File => "file",
            Kind::Folder => "folder",
            Kind::Symlink => "symlink",
        },
        bytes: child.bytes,
        executable: child.executable,
        entry: data_encoding::HEXLOWER.encode(&child.entry.0),
        content: child.content.map(|content| content.to_hex()),
    }
}
