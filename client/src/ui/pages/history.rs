//! All that has happened to one file or folder.

use std::sync::Arc;

use askama::Template;
use axum::extract::{Path, State};
use axum::response::Response;
use serde::Deserialize;

use super::files::{Crumb, crumbs};
use super::{about, absent, tree_path};
use crate::failure::Failure;
use crate::say;
use crate::state::cache::{Change, Event};
use crate::sync::{OpenSpace, history, is_kept};
use crate::ui::desk::{Reach, Work};
use crate::ui::sent::Wanted;
use crate::ui::serve::Shared;
use crate::ui::wording::{Frame, Tab, size, time};

#[derive(Template)]
#[template(path = "history.html")]
struct History {
    frame: Frame,
    id: String,
    crumbs: Vec<Crumb>,
    path: String,
    events: Vec<Told>,
}

struct Told {
    moment: u64,
    time: String,
    who: String,
    what: String,
    /// Whether it gave the file a content that can be had back.
    is_version: bool,
    /// Whether it is the content that the file has.
    is_current: bool,
}

/// What an address asks for.
#[derive(Debug, Deserialize)]
pub(in crate::ui) struct Asked {
    path: String,
}

pub(in crate::ui) async fn show(
    State(shared): State<Arc<Shared>>,
    Path(space): Path<String>,
    Wanted(asked): Wanted<Asked>,
) -> Response {
    about(&shared, &space, Tab::Files, move |work, space, frame| make(work, space, frame, &asked)).await
}

fn make(work: &Work, space: &OpenSpace<Reach>, frame: Frame, asked: &Asked) -> Result<History, Failure> {
    let path = tree_path(&asked.path)?;
    let known = history(space, &path)?.ok_or_else(|| absent(&path))?;
    let kept = is_kept(space, &known)?;
    let events: Vec<Event> = known.into_iter().map(|(_, event)| event).collect();
    let is_removed = events.iter().find(|event| !matches!(event.change, Change::Written(_))).is_some_and(is_removal);
    let current = events.iter().position(|event| matches!(event.change, Change::Written(_))).filter(|_| !is_removed);
    let told = |(at, (event, kept)): (usize, (&Event, bool))| tell(work, event, kept, Some(at) == current);
    Ok(History {
        frame,
        id: space.id().to_hex(),
        crumbs: crumbs(&path),
        path: path.to_text(),
        events: events.iter().zip(kept).enumerate().map(told).collect(),
    })
}

fn is_removal(event: &Event) -> bool {
    matches!(event.change, Change::Removed)
}

fn tell(work: &Work, event: &Event, is_kept: bool, is_current: bool) -> Told {
    let organisation = work.device.organisation();
    let who = work.with_roster(|roster| {
        let user = organisation.device(event.device).map(|record| roster.user(record.user)).unwrap_or_default();
        let device = roster.device(event.device);
        format!("{user} ({device})")
    });
    let what = match &event.change {
        Change::Written(version) => {
            let size = size(version.bytes);
            if is_kept {
                say!(fr: "écrit, {size}", en: "written, {size}")
            } else {
                say!(fr: "écrit, {size}, contenu qui n'est plus gardé", en: "written, {size}, content no longer kept")
            }
        }
        Change::Placed(place) => {
            let name = &place.name;
            say!(fr: "placé sous le nom {name}", en: "placed under the name {name}")
        }
        Change::Removed => say!(fr: "retiré", en: "removed"),
    };
    Told {
        moment: event.moment.0,
        time: time(event.made_at),
        who,
        what,
        is_version: is_kept && matches!(event.change, Change::Written(_)),
        is_current,
    }
}
