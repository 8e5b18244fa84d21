//! What changes by itself on a page: how the service stands, and what it does in each space.
//!
//! Small pieces of HTML, each with the name of its place. A page is made with them, and is sent those that read differently
//! since, for as long as it is looked at: the service is asked only while somebody does. What is clicked (`act-`) is a piece of
//! its own, so that what moves twice a second takes no button from under a finger.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures::stream::unfold;
use tokio::sync::OwnedSemaphorePermit;
use tokio::task::spawn_blocking;
use vauban_protocol::time::Timestamp;

use super::serve::Shared;
use super::wording::{Frame, size, time};
use crate::complaint::Complaint;
use crate::failure::Failure;
use crate::limit::UI_LOOK_MS;
use crate::say;
use crate::service::{Limits, Pending, Phase, ServiceState, Settings, SpaceState, running};
use crate::state::Home;

/// Pieces by the names of their places.
pub(super) type Pieces = BTreeMap<String, String>;

/// How the service stands.
pub(super) enum Standing {
    Runs(Box<ServiceState>),
    /// None runs; so many spaces are to be kept in step.
    Absent(usize),
    /// It does not say.
    Silent(Complaint),
}

#[derive(Template)]
#[template(path = "live_service.html")]
struct ServicePiece<'a> {
    frame: &'a Frame,
    standing: &'a Standing,
    since: String,
    limits: Vec<String>,
}

#[derive(Template)]
#[template(path = "live_phase.html")]
struct PhasePiece {
    text: &'static str,
    kind: &'static str,
}

#[derive(Template)]
#[template(path = "live_space.html")]
struct SpacePiece<'a> {
    frame: &'a Frame,
    state: &'a SpaceState,
    /// When both sides agreed last.
    last: Option<String>,
    /// When the pause ends by itself.
    until: Option<String>,
    progress: Option<Progress>,
}

/// How far a round is.
struct Progress {
    files: u64,
    done_bytes: u64,
    all_bytes: u64,
    done: String,
    all: String,
    up: Option<String>,
    down: Option<String>,
}

#[derive(Template)]
#[template(path = "live_act.html")]
struct ActPiece<'a> {
    frame: &'a Frame,
    state: &'a SpaceState,
    alarms: usize,
    /// What waits for a person, in words.
    held: Option<String>,
}

impl Standing {
    pub(super) fn of(home: &Home) -> Self {
        let absent = || Settings::load(home).map(|settings| Self::Absent(settings.spaces.len())).map_err(Failure::from);
        let asked = match running(home) {
            Ok(Some(state)) => return Self::Runs(Box::new(state)),
            Ok(None) => absent(),
            Err(error) => Err(error.into()),
        };
        asked.unwrap_or_else(|failure| Self::Silent(Complaint::from(&failure)))
    }

    fn spaces(&self) -> &[SpaceState] {
        match self {
            Self::Runs(state) => &state.spaces,
            Self::Absent(_) | Self::Silent(_) => &[],
        }
    }

    /// All pieces.
    pub(super) fn pieces(&self, root: &str) -> Result<Pieces, askama::Error> {
        let frame = &Frame::new(root, String::new());
        let (since, limits) = match self {
            Self::Runs(state) => (time(Timestamp(state.since)), limits(frame, state.limits)),
            Self::Absent(_) | Self::Silent(_) => (String::new(), Vec::new()),
        };
        let service = ServicePiece { frame, standing: self, since, limits }.render()?;
        let mut pieces = Pieces::from([("service".to_owned(), service)]);
        for state in self.spaces() {
            let id = &state.space;
            let (text, kind) = phase(frame, state);
            pieces.insert(format!("phase-{id}"), PhasePiece { text, kind }.render()?);
            let (last, until) = (state.last_sync, state.pause.and_then(|pause| pause.until));
            let space = SpacePiece {
                frame,
                state,
                last: last.map(|at| time(Timestamp(at))),
                until: until.map(|at| time(Timestamp(at))),
                progress: progress(state),
            };
            pieces.insert(format!("space-{id}"), space.render()?);
            let alarms = state.contested.len().saturating_add(state.falsehoods.len());
            pieces.insert(format!("act-{id}"), ActPiece { frame, state, alarms, held: held(state) }.render()?);
        }
        Ok(pieces)
    }
}

/// What a space is about, in a word or two, and how that is coloured.
fn phase(frame: &Frame, state: &SpaceState) -> (&'static str, &'static str) {
    match state.phase {
        Phase::Starting => (frame.say("démarre", "starting"), "calm"),
        Phase::Syncing if state.pending == Pending::default() => (frame.say("compare", "comparing"), "busy"),
        Phase::Syncing => (frame.say("synchronise", "syncing"), "busy"),
        Phase::InStep if state.held.is_any() => (frame.say("retenu par le frein", "held by the brake"), "warn"),
        Phase::InStep => (frame.say("à jour", "in sync"), "good"),
        Phase::Offline => (frame.say("hors ligne", "offline"), "warn"),
        Phase::Waiting => (frame.say("attend de la place", "waiting for room"), "warn"),
        Phase::Paused => (frame.say("en pause", "paused"), "calm"),
        Phase::Stopped => (frame.say("arrêté", "stopped"), "problem"),
    }
}

fn held(state: &SpaceState) -> Option<String> {
    let left = state.left;
    state.held.is_any().then(
        || say!(fr: "Frein : {left} changement(s) attendent votre accord", en: "Brake: {left} change(s) wait for you"),
    )
}

fn progress(state: &SpaceState) -> Option<Progress> {
    let Pending { uploads, upload_bytes, downloads, download_bytes, done_bytes } = state.pending;
    let (files, all_bytes) = (uploads.saturating_add(downloads), upload_bytes.saturating_add(download_bytes));
    let speed = |bytes: u64| (bytes > 0).then(|| size(bytes));
    (state.phase == Phase::Syncing && files > 0).then(|| Progress {
        files,
        done_bytes: done_bytes.min(all_bytes),
        all_bytes,
        done: size(done_bytes.min(all_bytes)),
        all: size(all_bytes),
        up: speed(state.up_bytes_second),
        down: speed(state.down_bytes_second),
    })
}

fn limits(frame: &Frame, limits: Limits) -> Vec<String> {
    let up = limits.up.map(|rate| format!("{} {rate}", frame.say("envoi", "sending")));
    let down = limits.down.map(|rate| format!("{} {rate}", frame.say("réception", "receiving")));
    up.into_iter().chain(down).collect()
}

/// One page that is told.
struct Told {
    shared: Arc<Shared>,
    last: Option<Pieces>,
    _place: OwnedSemaphorePermit,
}

/// Tells a page what reads differently, until it goes.
pub(super) async fn tell(State(shared): State<Arc<Shared>>) -> Response {
    let Ok(place) = Arc::clone(&shared.streams).try_acquire_owned() else {
        return StatusCode::SERVICE_UNAVAILABLE.into_response();
    };
    let told = unfold(Told { shared, last: None, _place: place }, |mut told| async move {
        loop {
            if told.last.is_some() {
                tokio::time::sleep(Duration::from_millis(UI_LOOK_MS)).await;
            }
            let shared = Arc::clone(&told.shared);
            let looking = spawn_blocking(move || Standing::of(shared.desk.home()).pieces(&shared.root));
            let pieces = looking.await.ok()?.ok()?;
            let news = news(told.last.as_ref(), &pieces);
            let event = if told.last.is_some() && news.is_empty() {
                None
            } else {
                Some(Event::default().event("pieces").json_data(&news).ok()?)
            };
            told.last = Some(pieces);
            if let Some(event) = event {
                return Some((Ok::<_, Infallible>(event), told));
            }
        }
    });
    Sse::new(told).keep_alive(KeepAlive::default()).into_response()
}

/// What reads differently; a piece that is no more reads empty.
fn news<'a>(last: Option<&'a Pieces>, now: &'a Pieces) -> BTreeMap<&'a str, &'a str> {
    let gone = last.into_iter().flat_map(BTreeMap::keys).filter(|place| !now.contains_key(*place));
    let changed = now.iter().filter(|(place, piece)| last.and_then(|last| last.get(*place)) != Some(*piece));
    let changed = changed.map(|(place, piece)| (place.as_str(), piece.as_str()));
    gone.map(|place| (place.as_str(), "")).chain(changed).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sync::Held;

    fn state() -> SpaceState {
        let state = SpaceState::starting("20".to_owned(), "<b>".to_owned(), "/p/<i>".to_owned());
        SpaceState { phase: Phase::InStep, last_sync: Some(100), ..state }
    }

    fn pieces(state: SpaceState) -> Pieces {
        let service = ServiceState {
            process: 1,
            since: 1,
            is_lent: false,
            limits: Limits::default(),
            trouble: None,
            spaces: vec![state],
        };
        Standing::Runs(Box::new(service)).pieces("/token/").unwrap()
    }

    #[test]
    fn only_what_reads_differently_is_told() {
        let calm = pieces(state());
        assert!(news(Some(&calm), &calm).is_empty());
        assert_eq!(news(None, &calm).len(), calm.len());
        let pending = Pending { uploads: 3, upload_bytes: 10, done_bytes: 40, ..Pending::default() };
        let busy = pieces(SpaceState { phase: Phase::Syncing, pending, ..state() });
        let told = news(Some(&calm), &busy);
        assert_eq!(told.keys().copied().collect::<Vec<_>>(), ["phase-20", "space-20"], "no button moves");
        assert!(told["space-20"].contains("max=\"10\" value=\"10\""), "no more than all: {}", told["space-20"]);
        assert_eq!(news(Some(&calm), &Pieces::new())["phase-20"], "", "what is gone is emptied");
    }

    #[test]
    fn what_waits_for_a_person_can_be_reached_and_names_are_text() {
        let held = Held { removals_there: true, ..Held::default() };
        let pieces = pieces(SpaceState { held, left: 60, ..state() });
        assert!(pieces["act-20"].contains("/token/space/20/held"), "{}", pieces["act-20"]);
        assert!(pieces.values().all(|piece| !piece.contains("<b>") && !piece.contains("<i>")), "{pieces:?}");
    }
}
