//! Bringing something back: first what that would change, then, asked again, the doing.

use std::sync::Arc;

use askama::Template;
use axum::extract::{Path, State};
use axum::response::Response;
use serde::Deserialize;

use super::{Claim, about, absent, act, tree_path};
use crate::clock;
use crate::content::Nodes;
use crate::failure::Failure;
use crate::limit::UI_ROWS_MAX;
use crate::log::Kind;
use crate::say;
use crate::state::cache::Moment;
use crate::sync::{Differs, OpenSpace, Restored, SyncError, differences, find_at, now, restore};
use crate::tree::{ConflictStamp, TreePath};
use crate::ui::desk::Notice;
use crate::ui::sent::{Sent, Wanted};
use crate::ui::serve::Shared;
use crate::ui::wording::{Frame, Tab, time};

#[derive(Template)]
#[template(path = "restore.html")]
struct Ask {
    frame: Frame,
    id: String,
    /// What is brought back, as people read it; none for the whole space.
    shown: Option<String>,
    path: String,
    moment: u64,
    time: String,
    /// What comes back, or gets its content of then.
    returning: Vec<String>,
    more: usize,
}

/// What is to be brought back, from when.
#[derive(Debug, Deserialize)]
pub(in crate::ui) struct Asked {
    #[serde(default)]
    path: String,
    moment: u64,
}

pub(in crate::ui) async fn ask(
    State(shared): State<Arc<Shared>>,
    Path(space): Path<String>,
    Wanted(asked): Wanted<Asked>,
) -> Response {
    about(&shared, &space, Tab::Changes, move |_, space, frame| make(space, frame, &asked)).await
}

fn make<N: Nodes>(space: &OpenSpace<N>, frame: Frame, asked: &Asked) -> Result<Ask, Failure> {
    let (path, moment) = (tree_path(&asked.path)?, Moment(asked.moment));
    let made_at = space.cache().made_at(moment).map_err(SyncError::from)?;
    let mut returning = returning(space, &path, moment)?;
    let more = returning.len().saturating_sub(UI_ROWS_MAX);
    returning.truncate(UI_ROWS_MAX);
    Ok(Ask {
        frame,
        id: space.id().to_hex(),
        shown: path.split_last().map(|_| path.to_string()),
        path: path.to_text(),
        moment: asked.moment,
        time: made_at.map(time).unwrap_or_default(),
        returning,
        more,
    })
}

/// What is gone since, or holds something else: what came since stays, and is not told.
fn returning<N: Nodes>(space: &OpenSpace<N>, path: &TreePath, moment: Moment) -> Result<Vec<String>, Failure> {
    let present = now(space)?;
    let is_whole = path.split_last().is_none();
    let then = find_at(space, path, moment)?;
    if !is_whole && then.is_none() {
        return Err(absent(path));
    }
    if then.is_some_and(|then| then.kind != Kind::Folder) {
        return Ok(vec![path.to_string()]);
    }
    let changed = differences(space, path, moment, present)?.into_iter();
    Ok(changed
        .filter(|difference| difference.what != Differs::Added)
        .map(|difference| match difference.what {
            Differs::Moved(before) => before.to_string(),
            _ => difference.path.to_string(),
        })
        .collect())
}

pub(in crate::ui) async fn carry_out(
    State(shared): State<Arc<Shared>>,
    Path(space): Path<String>,
    Sent(asked): Sent<Asked>,
) -> Response {
    let back = format!("space/{space}");
    act(&shared, &space, &back, Claim::Needed, move |work, space| {
        let (path, moment) = (tree_path(&asked.path)?, Moment(asked.moment));
        let stamp = ConflictStamp { device: work.device_name(), date: clock::day(clock::now()) };
        let restored = restore(space, &path, moment, &stamp)?.ok_or_else(|| absent(&path))?;
        Ok(Notice { text: told(&restored), is_problem: !restored.lost.is_empty() })
    })
    .await
}

fn told(restored: &Restored) -> String {
    let Restored { created, rewritten, folders, unchanged, lost } = restored;
    let mut text = say!(
        fr: "Restauré : {created} fichier(s) revenu(s), {rewritten} avec leur ancien contenu, {folders} dossier(s) ; {unchanged} inchangé(s).",
        en: "Restored: {created} file(s) back, {rewritten} with their old content, {folders} folder(s); {unchanged} unchanged.",
    );
    if !lost.is_empty() {
        let lost = lost.join(", ");
        text.push_str(&say!(fr: " Contenu qui n'est plus gardé : {lost}.", en: " Content no longer kept: {lost}."));
    }
    text
}
