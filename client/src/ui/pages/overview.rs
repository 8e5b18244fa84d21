//! The first page: who this is, which node answers, and how each space stands.

use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use axum::response::Response;

use crate::clock;
use crate::failure::Failure;
use crate::limit::UI_CONFLICTS_MAX;
use crate::organisation::organisation_name;
use crate::say;
use crate::state::cache::Size;
use crate::sync::{SyncError, conflicts};
use crate::ui::desk::{Opened, Work, nameless};
use crate::ui::live::{Pieces, Standing};
use crate::ui::refusal::{page, refuse};
use crate::ui::serve::Shared;
use crate::ui::wording::{Frame, Tab, size};

#[derive(Template)]
#[template(path = "overview.html")]
struct Overview {
    frame: Frame,
    organisation: String,
    user: String,
    device: String,
    spaces: Vec<Card>,
    pieces: Pieces,
}

/// One space.
struct Card {
    id: String,
    name: String,
    /// The folder of this machine that is kept in step with it.
    folder: Option<String>,
    files: u64,
    size: String,
    conflicts: usize,
    /// What changed last, when, and by whom.
    latest: Option<String>,
    /// Why it cannot be opened.
    problem: Option<String>,
}

pub(in crate::ui) async fn show(State(shared): State<Arc<Shared>>) -> Response {
    let (root, notice) = (shared.root.clone(), shared.desk.take_notice());
    let made = shared.desk.work(move |work| {
        let mut frame = Frame::new(&root, say!(fr: "Mes espaces", en: "My spaces"));
        frame.notice = notice;
        make(work, frame)
    });
    match made.await {
        Ok(template) => page(&template),
        Err(failure) => refuse(&shared.root, &failure),
    }
}

fn make(work: &Work, mut frame: Frame) -> Result<Overview, Failure> {
    let folders = work.device.anchor().record().spaces;
    let mut spaces = Vec::new();
    for space in work.spaces()? {
        let folder = folders.get(&space.id).and_then(|known| known.folder.clone());
        let mut card = Card {
            id: space.id.to_hex(),
            name: space.name.clone().unwrap_or_else(nameless),
            folder: folder.map(|folder| folder.display().to_string()),
            files: 0,
            size: String::new(),
            conflicts: 0,
            latest: None,
            problem: None,
        };
        match work.open(space.id).and_then(|opened| look(work, opened, &mut card)) {
            Ok(stale) => frame.stale = frame.stale.or(stale),
            // One space that alarms does not hide the others.
            Err(failure) => card.problem = Some(crate::complaint::Complaint::from(&failure).what),
        }
        spaces.push(card);
    }
    let pieces = work.pieces(&Standing::of(work.device.home()), &frame)?;
    let organisation = work.device.organisation();
    let identity = work.device.identity();
    Ok(Overview {
        frame,
        organisation: organisation_name(organisation.tls_authority()).unwrap_or_else(nameless),
        user: work.with_roster(|roster| roster.user(identity.user())),
        device: work.device_name(),
        spaces,
        pieces,
    })
}

fn look(work: &Work, opened: Opened, card: &mut Card) -> Result<Option<crate::complaint::Complaint>, Failure> {
    let Opened { space, stale } = opened;
    let Size { files, bytes } = space.cache().size().map_err(SyncError::from)?;
    (card.files, card.size) = (files, size(bytes));
    card.conflicts = conflicts(&space, UI_CONFLICTS_MAX)?.len();
    if let Some((device, made_at)) = space.cache().latest_commit().map_err(SyncError::from)? {
        let time = clock::minute(made_at);
        let device = work.with_roster(|roster| roster.device(device));
        card.latest = Some(say!(fr: "{time}, par {device}", en: "{time}, by {device}"));
    }
    Ok(stale)
}
