//! `vauban history SPACE:PATH…`.

use serde::Serialize;

use crate::clock;
use crate::commands::Context;
use crate::commands::spaces::{Connected, Place, Purpose, connected, not_there};
use crate::content::Nodes;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::organisation::Roster;
use crate::say;
use crate::size::Size;
use crate::state::cache::{Change, Event};
use crate::sync::{OpenSpace, SyncError, history, is_kept};

/// Arguments.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    #[arg(value_name = "SPACE:PATH", required = true, help = say!(
        fr: "Les fichiers ou dossiers, même retirés depuis",
        en: "The files or folders, even if they were removed since",
    ))]
    places: Vec<Place>,
}

#[derive(Debug, Serialize)]
struct Report {
    path: String,
    commit: u64,
    made_at: u64,
    user: String,
    device: String,
    #[serde(flatten)]
    what: Told,
}

#[derive(Debug, Serialize)]
#[serde(tag = "change", rename_all = "lowercase")]
enum Told {
    Written { bytes: u64, content: String, kept: bool },
    Placed { name: String },
    Removed,
}

pub(crate) fn run(context: &Context, arguments: &Arguments) -> Result<Exit, Failure> {
    let places = arguments.places.clone();
    let (pasts, is_whole) = connected(context, Purpose::Read, move |connected| {
        let (mut pasts, mut is_whole) = (Vec::with_capacity(places.len()), true);
        for places in places.chunk_by(|one, next| one.space == next.space) {
            let Some(first) = places.first() else { continue };
            let mut space = connected.open(&connected.find(&first.space)?)?;
            space.follow()?;
            space.write_record()?;
            is_whole &= space.cache().is_whole().map_err(SyncError::from)?;
            for place in places {
                let past = past(&connected, &space, place)?;
                pasts.push((place.clone(), past));
            }
        }
        Ok((pasts, is_whole))
    })?;
    if !is_whole {
        context.output.note(&say!(
            fr: "Ce qui est plus ancien n'est pas encore là : `vauban sync` le lit en arrière-plan.",
            en: "What is older is not here yet: `vauban sync` reads it in the background.",
        ));
    }
    let (is_one, mut missing) = (pasts.len() == 1, None);
    for (place, past) in &pasts {
        match past {
            Some(past) => {
                if !is_one {
                    context.output.heading(&format!("{}:{}", place.space, place.path));
                }
                past.iter().for_each(|report| context.output.result(report, text));
            }
            None => missing = missing.or(Some(not_there(place))),
        }
    }
    missing.map_or(Ok(Exit::Done), Err)
}

/// What has happened at a place; `None` if nothing ever stood there.
fn past<N: Nodes>(connected: &Connected, space: &OpenSpace<N>, place: &Place) -> Result<Option<Vec<Report>>, Failure> {
    let Some(events) = history(space, &place.path)? else { return Ok(None) };
    let kept = is_kept(space, &events)?;
    Ok(Some(events.into_iter().zip(kept).map(|((_, event), kept)| report(connected, place, event, kept)).collect()))
}

fn report(connected: &Connected, place: &Place, event: Event, kept: bool) -> Report {
    let organisation = connected.device.organisation();
    let roster = Roster::new(&organisation, connected.device.identity().directory());
    let user = organisation.device(event.device).map(|record| roster.user(record.user)).unwrap_or_default();
    let what = match event.change {
        Change::Written(version) => Told::Written { bytes: version.bytes, content: version.content.to_hex(), kept },
        Change::Placed(place) => Told::Placed { name: place.name.to_string() },
        Change::Removed => Told::Removed,
    };
    let path = place.path.to_string();
    Report { path, commit: event.moment.0, made_at: event.made_at.0, user, device: roster.device(event.device), what }
}

fn text(report: &Report) -> String {
    let Report { commit, made_at, user, device, what, .. } = report;
    let time = clock::minute(vauban_protocol::time::Timestamp(*made_at));
    let what = match what {
        Told::Written { bytes, kept, .. } => {
            let bytes = Size(*bytes);
            if *kept {
                say!(fr: "écrit, {bytes}", en: "written, {bytes}")
            } else {
                say!(fr: "écrit, {bytes}, contenu qui n'est plus gardé", en: "written, {bytes}, content no longer kept")
            }
        }
        Told::Placed { name } => say!(fr: "placé sous le nom {name}", en: "placed under the name {name}"),
        Told::Removed => say!(fr: "retiré", en: "removed"),
    };
    format!("{time}  {user} ({device})  {what}  #{commit}")
}
