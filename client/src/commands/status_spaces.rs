//! What `vauban status` says of each space that this device knows: where it stands, whether another device agrees, and alarms.

use std::path::PathBuf;

use serde::Serialize;
use vauban_protocol::time::Timestamp;

use crate::clock;
use crate::failure::Failure;
use crate::organisation::Roster;
use crate::say;
use crate::session::Session;
use crate::state::cache::{Cache, Contest};
use crate::state::{AnchorRecord, Selection, SelectionMode};
use crate::sync::{SyncError, View, space_name};

/// One space.
#[derive(Debug, Serialize)]
pub(super) struct SpaceReport {
    space: String,
    name: Option<String>,
    folder: Option<PathBuf>,
    /// Which part of the space this device keeps.
    selection: SelectionReport,
    position: Option<u64>,
    /// The time of another device's latest word that agrees; none while nobody has confirmed what is shown here for days.
    confirmed_at: Option<u64>,
    /// Since when no node reaches what this device has seen.
    behind_since: Option<u64>,
    contested: Vec<ContestReport>,
}

#[derive(Debug, Serialize)]
struct SelectionReport {
    mode: SelectionMode,
    folders: Vec<String>,
}

#[derive(Debug, Serialize)]
struct ContestReport {
    device: String,
    commit: u64,
    at: u64,
    chunks: u64,
}

/// Every space that this device has read, from its own files alone.
pub(super) fn reports(session: &Session, roster: &Roster<'_>) -> Result<Vec<SpaceReport>, Failure> {
    let mut reports = Vec::new();
    let AnchorRecord { spaces, mut selections, .. } = session.anchor().record();
    for (id, anchor) in spaces {
        let path = session.home().space_cache(id);
        let mut report = SpaceReport {
            space: id.to_hex(),
            name: None,
            folder: anchor.folder,
            selection: selected(selections.remove(&id).unwrap_or_default()),
            position: anchor.head.map(|head| head.seq),
            confirmed_at: None,
            behind_since: anchor.behind_since.map(|since| since.0),
            contested: Vec::new(),
        };
        if path.exists() {
            let cache = Cache::open(&path, id).map_err(SyncError::from)?;
            if let Some(space) = cache.space().map_err(SyncError::from)? {
                report.name = space_name(&space, session.identity().directory());
            }
            if let View::Confirmed(at) = View::of(&cache, clock::now())? {
                report.confirmed_at = Some(at.0);
            }
            let contests = cache.contests().map_err(SyncError::from)?;
            report.contested = contests.into_iter().map(|contest| contested(contest, roster)).collect();
        }
        reports.push(report);
    }
    Ok(reports)
}

fn selected(selection: Selection) -> SelectionReport {
    let folders = selection.folders.into_iter().map(|folder| folder.path).collect();
    SelectionReport { mode: selection.mode, folders }
}

fn contested(contest: Contest, roster: &Roster<'_>) -> ContestReport {
    let Contest { seq, device, at, chunks } = contest;
    ContestReport { device: roster.device(device), commit: seq, at: at.0, chunks }
}

/// What a person reads of one space.
pub(super) fn text(report: &SpaceReport) -> String {
    let name = report.name.as_deref().unwrap_or(&report.space);
    let position = report.position.map_or_else(|| "—".to_owned(), |position| position.to_string());
    let view = match report.confirmed_at {
        Some(at) => {
            let at = clock::minute(Timestamp(at));
            say!(fr: "vue confirmée par un autre appareil ({at})", en: "view confirmed by another device ({at})")
        }
        None => say!(
            fr: "vue pas confirmée par un autre appareil ces 7 derniers jours (chacun atteste la sienne toutes les heures)",
            en: "view not confirmed by another device in the last 7 days (each attests its own hourly)",
        ),
    };
    let mut text = say!(
        fr: "\n  {name}, position {position} : {view}",
        en: "\n  {name}, position {position}: {view}",
    );
    let folders = report.selection.folders.join(", ");
    match report.selection.mode {
        SelectionMode::Only => {
            text.push_str(&say!(fr: "\n    gardés ici, et eux seuls : {folders}", en: "\n    kept here, and nothing else: {folders}"));
        }
        SelectionMode::Without if !folders.is_empty() => {
            text.push_str(&say!(fr: "\n    tout est gardé ici, sauf : {folders}", en: "\n    everything is kept here, but: {folders}"));
        }
        SelectionMode::Without => {}
    }
    if let Some(since) = report.behind_since {
        let since = clock::minute(Timestamp(since));
        text.push_str(&say!(
            fr: "\n    en retard : aucun nœud n'atteint ce que cet appareil a vu, depuis {since}",
            en: "\n    behind: no node has reached what this device has seen since {since}",
        ));
    }
    for ContestReport { device, at, chunks, .. } in &report.contested {
        let at = clock::minute(Timestamp(*at));
        text.push_str(&say!(
            fr: "\n    ALARME du {at} : l'appareil « {device} » a voulu faire effacer {chunks} fragment(s) encore utiles",
            en: "\n    ALARM of {at}: device \"{device}\" meant to have {chunks} chunk(s) deleted that are still needed",
        ));
    }
    text
}
