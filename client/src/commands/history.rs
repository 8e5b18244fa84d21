//! `vauban history SPACE:PATH`.

use serde::Serialize;

use crate::clock;
use crate::commands::Context;
use crate::commands::spaces::{Connected, Place, Purpose, connected, not_there};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::organisation::Roster;
use crate::say;
use crate::state::cache::{Change, Event};
use crate::sync::{SyncError, history, is_kept};

/// Arguments.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    #[arg(value_name = "SPACE:PATH", help = say!(
        fr: "Le fichier ou dossier, même retiré depuis",
        en: "The file or folder, even if it was removed since",
    ))]
    place: Place,
}

#[derive(Debug, Serialize)]
struct Report {
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
    let place = arguments.place.clone();
    let (reports, is_whole) = connected(context, Purpose::Read, move |connected| {
        let mut space = connected.open(&connected.find(&place.space)?)?;
        space.follow()?;
        space.write_record()?;
        let events = history(&space, &place.path)?.ok_or_else(|| not_there(&place))?;
        let kept = is_kept(&space, &events)?;
        let told = events.into_iter().zip(kept).map(|((_, event), kept)| report(&connected, event, kept));
        Ok((told.collect::<Vec<_>>(), space.cache().is_whole().map_err(SyncError::from)?))
    })?;
    if !is_whole {
        context.output.note(&say!(
            fr: "Ce qui est plus ancien n'est pas encore là : `vauban sync` le lit en arrière-plan.",
            en: "What is older is not here yet: `vauban sync` reads it in the background.",
        ));
    }
    for report in &reports {
        context.output.result(report, text);
    }
    Ok(Exit::Done)
}

fn report(connected: &Connected, event: Event, kept: bool) -> Report {
    let organisation = connected.device.organisation();
    let roster = Roster::new(&organisation, connected.device.identity().directory());
    let user = organisation.device(event.device).map(|record| roster.user(record.user)).unwrap_or_default();
    let what = match event.change {
        Change::Written(version) => Told::Written { bytes: version.bytes, content: version.content.to_hex(), kept },
        Change::Placed(place) => Told::Placed { name: place.name.to_string() },
        Change::Removed => Told::Removed,
    };
    Report { commit: event.moment.0, made_at: event.made_at.0, user, device: roster.device(event.device), what }
}

fn text(report: &Report) -> String {
    let Report { commit, made_at, user, device, what } = report;
    let time = clock::minute(vauban_protocol::time::Timestamp(*made_at));
    let what = match what {
        Told::Written { bytes, kept, .. } => {
            let bytes = indicatif::BinaryBytes(*bytes);
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
