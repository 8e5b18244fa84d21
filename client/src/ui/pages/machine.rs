//! A space on this machine: its folder, what the service does with it, which part of it is kept here, who has confirmed what
//! this device sees of it, and alarms.

use std::sync::Arc;

use askama::Template;
use axum::extract::{Path, State};
use axum::response::Response;
use vauban_protocol::time::DAY_SECONDS;

use super::{Claim, about, act, folder_of};
use crate::clock;
use crate::failure::Failure;
use crate::limit::UI_ROWS_MAX;
use crate::organisation::is_stale;
use crate::say;
use crate::service::{Pause, pause, resume};
use crate::state::SelectionMode;
use crate::state::cache::Contest;
use crate::sync::{OpenSpace, SyncError, View, Word};
use crate::tree::TreePath;
use crate::ui::desk::{Notice, Reach, Work};
use crate::ui::live::{Pieces, Standing};
use crate::ui::serve::Shared;
use crate::ui::wording::{Frame, Tab, time};

#[derive(Template)]
#[template(path = "machine.html")]
struct Machine {
    frame: Frame,
    id: String,
    pieces: Pieces,
    folder: Option<String>,
    is_only: bool,
    chosen: Vec<String>,
    position: u64,
    /// When another device confirmed this view last, if one did lately.
    confirmed: Option<String>,
    /// Since when no node reaches what this device has seen.
    behind: Option<String>,
    /// `None` while no node answers.
    words: Option<Vec<Seen>>,
    alarms: Vec<Alarm>,
}

/// What another device has seen.
struct Seen {
    device: String,
    time: String,
    position: u64,
    is_same: Option<bool>,
}

/// A device that meant to have deleted what is needed.
struct Alarm {
    device: String,
    time: String,
    chunks: u64,
}

pub(in crate::ui) async fn show(State(shared): State<Arc<Shared>>, Path(space): Path<String>) -> Response {
    about(&shared, &space, Tab::Machine, make).await
}

fn make(work: &Work, space: &OpenSpace<Reach>, frame: Frame) -> Result<Machine, Failure> {
    let id = space.id();
    let mut record = work.device.anchor().record();
    let selection = record.selections.remove(&id).unwrap_or_default();
    let words = words(space, &frame)?;
    let now = clock::now();
    // A round compares words once an hour; these are of now. A clock that is ahead, or a word of long ago, confirms nothing.
    let is_timely =
        |word: &&Word| word.is_same == Some(true) && word.time <= now.plus(DAY_SECONDS) && !is_stale(word.time, now);
    let heard = words.iter().flatten().filter(is_timely).map(|word| word.time).max();
    let confirmed = match space.view()? {
        View::Confirmed(at) => Some(at),
        View::Unconfirmed => heard,
    };
    let contests = space.cache().contests().map_err(SyncError::from)?;
    let behind = record.spaces.get(&id).and_then(|known| known.behind_since);
    Ok(Machine {
        id: id.to_hex(),
        pieces: work.pieces(&Standing::of(work.device.home()), &frame)?,
        folder: folder_of(work, id).map(|folder| folder.display().to_string()),
        is_only: selection.mode == SelectionMode::Only,
        chosen: selection.folders.into_iter().map(|folder| shown(&folder.path)).collect(),
        position: space.folded()?.head().seq,
        confirmed: confirmed.map(time),
        behind: behind.map(time),
        words: words.map(|words| words.into_iter().take(UI_ROWS_MAX).map(|word| seen(work, word)).collect()),
        alarms: contests.into_iter().take(UI_ROWS_MAX).map(|contest| alarm(work, contest)).collect(),
        frame,
    })
}

/// A path as people read it.
fn shown(path: &str) -> String {
    TreePath::parse(path).map_or_else(|_| path.to_owned(), |path| path.to_string())
}

/// What other devices say, where a node tells it.
fn words(space: &OpenSpace<Reach>, frame: &Frame) -> Result<Option<Vec<Word>>, Failure> {
    if frame.stale.is_some() {
        return Ok(None);
    }
    match space.others_words().map_err(Failure::from) {
        Ok(words) => Ok(Some(words)),
        Err(failure) if failure.may_pass() => Ok(None),
        Err(failure) => Err(failure),
    }
}

fn seen(work: &Work, word: Word) -> Seen {
    let Word { device, seq, time: at, is_same } = word;
    Seen { device: work.with_roster(|roster| roster.device(device)), time: time(at), position: seq, is_same }
}

fn alarm(work: &Work, contest: Contest) -> Alarm {
    let Contest { device, at, chunks, .. } = contest;
    Alarm { device: work.with_roster(|roster| roster.device(device)), time: time(at), chunks }
}

pub(in crate::ui) async fn pause_it(State(shared): State<Arc<Shared>>, Path(space): Path<String>) -> Response {
    steer(shared, space, |work, space| {
        let runs = pause(work.device.home(), Some(space.id()), Pause { since: clock::now().0, until: None })?;
        Ok(if runs {
            say!(fr: "En pause, jusqu'à ce que vous repreniez.", en: "Paused, until you resume.")
        } else {
            say!(fr: "Le service ne tourne pas : il commencera en pause.", en: "The service does not run: it will begin paused.")
        })
    })
    .await
}

pub(in crate::ui) async fn resume_it(State(shared): State<Arc<Shared>>, Path(space): Path<String>) -> Response {
    steer(shared, space, |work, space| {
        resume(work.device.home(), Some(space.id()))?;
        Ok(say!(fr: "Reprise.", en: "Resumed."))
    })
    .await
}

/// Changes what the service does with a space: nothing of the space itself, so nothing is borrowed for it.
async fn steer(
    shared: Arc<Shared>,
    space: String,
    steer: impl FnOnce(&Work, &OpenSpace<Reach>) -> Result<String, Failure> + Send + 'static,
) -> Response {
    let back = format!("space/{space}/machine");
    act(&shared, &space, &back, Claim::Unneeded, move |work, space| {
        Ok(Notice { text: steer(work, space)?, is_problem: false })
    })
    .await
}
