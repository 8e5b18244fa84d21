//! What syncing removed from this machine, and putting it back.

use std::sync::Arc;

use askama::Template;
use axum::extract::{Path, State};
use axum::response::Response;
use serde::Deserialize;
use vauban_protocol::time::Timestamp;

use super::{Claim, about, act};
use crate::clock;
use crate::failure::Failure;
use crate::limit::{TRASH_DAYS, UI_ROWS_MAX};
use crate::say;
use crate::sync::{SyncError, synced_folder};
use crate::tree::{ConflictStamp, Trash, Trashed, TreePath};
use crate::ui::desk::{Notice, Work};
use crate::ui::sent::Sent;
use crate::ui::serve::Shared;
use crate::ui::wording::{Frame, Tab, time};

#[derive(Template)]
#[template(path = "trash.html")]
struct Bin {
    frame: Frame,
    id: String,
    days: u64,
    rows: Vec<Row>,
    more: usize,
    /// Whether a folder of this machine is synced with the space.
    is_synced: bool,
}

struct Row {
    path: String,
    /// As people read it.
    shown: String,
    batch: String,
    time: String,
}

pub(in crate::ui) async fn show(State(shared): State<Arc<Shared>>, Path(space): Path<String>) -> Response {
    about(&shared, &space, Tab::Trash, move |work, space, frame| {
        let root = synced_folder(&work.device, space.id())?;
        let mut found = match &root {
            Some(root) => Trash::list(root).map_err(SyncError::from)?,
            None => Vec::new(),
        };
        found.reverse();
        let more = found.len().saturating_sub(UI_ROWS_MAX);
        let rows = found.into_iter().take(UI_ROWS_MAX).map(row).collect();
        Ok(Bin { frame, id: space.id().to_hex(), days: TRASH_DAYS, rows, more, is_synced: root.is_some() })
    })
    .await
}

fn row(trashed: Trashed) -> Row {
    let path = trashed.record.path;
    let shown = TreePath::parse(&path).map_or_else(|_| path.clone(), |path| path.to_string());
    Row { path, shown, batch: trashed.batch, time: time(Timestamp(trashed.record.removed_at)) }
}

/// What is to be put back.
#[derive(Debug, Deserialize)]
pub(in crate::ui) struct Chosen {
    batch: String,
    path: String,
}

pub(in crate::ui) async fn put_back(
    State(shared): State<Arc<Shared>>,
    Path(space): Path<String>,
    Sent(chosen): Sent<Chosen>,
) -> Response {
    let back = format!("space/{space}/trash");
    act(&shared, &space, &back, Claim::Needed, move |work, space| {
        let path = restore(work, space.id(), &chosen)?;
        let text = say!(fr: "Remis à sa place : {path}", en: "Put back: {path}");
        Ok(Notice { text, is_problem: false })
    })
    .await
}

fn restore(work: &Work, space: vauban_protocol::id::SpaceId, chosen: &Chosen) -> Result<String, Failure> {
    let absent = || {
        let path = &chosen.path;
        Failure::NotFound(say!(fr: "« {path} » n'est pas dans la corbeille.", en: "\"{path}\" is not in the trash."))
    };
    let root = synced_folder(&work.device, space)?.ok_or_else(absent)?;
    let is_chosen = |trashed: &Trashed| trashed.batch == chosen.batch && trashed.record.path == chosen.path;
    let found = Trash::list(&root).map_err(SyncError::from)?.into_iter().find(is_chosen).ok_or_else(absent)?;
    let stamp = ConflictStamp { device: work.device_name(), date: clock::day(clock::now()) };
    Ok(Trash::restore(&root, &found, &stamp).map_err(SyncError::from)?.to_string())
}
