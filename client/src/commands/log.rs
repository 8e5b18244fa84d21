//! `vauban log`: what happened lately.

use vauban_protocol::id::SpaceId;
use vauban_protocol::time::Timestamp;

use crate::clock;
use crate::commands::pause::known_space;
use crate::commands::{Context, told};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::say;
use crate::service::{Told, events, recorded};

/// Arguments.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    #[arg(value_name = "SPACE", help = say!(fr: "Cet espace seul", en: "This space alone"))]
    space: Option<String>,
    #[arg(short, long, help = say!(fr: "Reste, et montre ce qui arrive", en: "Stays, and shows what happens"))]
    follow: bool,
    #[arg(short = 'n', long, value_name = "COUNT", default_value_t = 50, help = say!(
        fr: "Le nombre de lignes",
        en: "How many lines",
    ))]
    lines: usize,
}

pub(crate) fn run(context: &Context, arguments: &Arguments) -> Result<Exit, Failure> {
    let space = arguments.space.as_deref().map(|text| known_space(context, text)).transpose()?.map(SpaceId::to_hex);
    // Followed before the files are read: what happens in between is seen twice rather than never, and told once.
    let followed = if arguments.follow { Some(events(&context.home, space.clone())?) } else { None };
    let mut kept = recorded(&context.home)?;
    kept.retain(|told| space.is_none() || told.space == space);
    let shown = kept.get(kept.len().saturating_sub(arguments.lines)..).unwrap_or_default();
    shown.iter().for_each(|told| context.output.result(told, line));
    let last = kept.iter().map(|told| told.at).max().unwrap_or(0);
    for told in followed.into_iter().flatten() {
        if told.at > last || !kept.contains(&told) {
            context.output.result(&told, line);
        }
    }
    Ok(Exit::Done)
}

fn line(told: &Told) -> String {
    let (at, text) = (clock::minute(Timestamp(told.at)), told::text(&told.event));
    match &told.name {
        Some(name) => format!("{at}  {name}: {text}"),
        None => format!("{at}  {text}"),
    }
}
