//! What takes no part in syncing here, and which rule says so.

use std::sync::Arc;

use askama::Template;
use axum::extract::{Path, State};
use axum::response::Response;

use super::{about_changing, folder_of};
use crate::limit::UI_ROWS_MAX;
use crate::sync::{ApartItem, ApartReport, WhyApart, apart};
use crate::tree::{IGNORE_FILE, IgnoreRule};
use crate::ui::serve::Shared;
use crate::ui::wording::{Frame, Tab};

#[derive(Template)]
#[template(path = "apart.html")]
struct Apart {
    frame: Frame,
    id: String,
    is_synced: bool,
    ignored: u64,
    deselected: u64,
    rows: Vec<Row>,
    /// Rows that are not shown.
    more: u64,
}

struct Row {
    path: String,
    place: &'static str,
    why: String,
}

pub(in crate::ui) async fn show(State(shared): State<Arc<Shared>>, Path(space): Path<String>) -> Response {
    about_changing(&shared, &space, Tab::Machine, |work, space, frame| {
        let folder = folder_of(work, space.id());
        let found = folder.as_deref().map(|folder| apart(space, folder)).transpose()?;
        let is_synced = found.is_some();
        let ApartReport { ignored, deselected, listed } = found.unwrap_or_default();
        let rows: Vec<_> = listed.into_iter().take(UI_ROWS_MAX).map(|item| row(&frame, item)).collect();
        let more = ignored.saturating_add(deselected).saturating_sub(rows.len() as u64);
        Ok(Apart { id: space.id().to_hex(), frame, is_synced, ignored, deselected, rows, more })
    })
    .await
}

fn row(frame: &Frame, item: ApartItem) -> Row {
    let ApartItem { path, is_folder, is_here, is_there, why } = item;
    let place = match (is_here, is_there) {
        (true, false) => frame.say("ici seulement", "here alone"),
        (false, true) => frame.say("dans l'espace seulement", "in the space alone"),
        _ => frame.say("ici et dans l'espace", "here and in the space"),
    };
    let why = match why {
        WhyApart::Ignored(IgnoreRule { folder: Some(folder), line, pattern }) => {
            let file = if folder == "." { IGNORE_FILE.to_owned() } else { format!("{folder}/{IGNORE_FILE}") };
            format!("{file}:{line} : {pattern}")
        }
        WhyApart::Ignored(IgnoreRule { folder: None, pattern, .. }) => {
            format!("{} : {pattern}", frame.say("règle intégrée", "built-in rule"))
        }
        WhyApart::NotSelected => frame.say("non sélectionné", "not selected").to_owned(),
    };
    Row { path: if is_folder { format!("{path}/") } else { path }, place, why }
}
