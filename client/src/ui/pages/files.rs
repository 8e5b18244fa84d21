//! What is in a folder of the space, now or then.

use std::sync::Arc;

use askama::Template;
use axum::extract::{Path, State};
use axum::response::Response;
use serde::Deserialize;

use super::moment::When;
use super::{about, absent, tree_path};
use crate::content::Nodes;
use crate::failure::Failure;
use crate::limit::UI_ROWS_MAX;
use crate::log::Kind;
use crate::state::cache::RemoteChild;
use crate::sync::{OpenSpace, list_at};
use crate::tree::TreePath;
use crate::ui::sent::Wanted;
use crate::ui::serve::Shared;
use crate::ui::wording::{Frame, Tab, size};

#[derive(Template)]
#[template(path = "files.html")]
struct Files {
    frame: Frame,
    id: String,
    crumbs: Vec<Crumb>,
    path: String,
    rows: Vec<Row>,
    /// What the person typed as a time.
    at: String,
    /// The position that is shown, where it is not the present.
    moment: Option<u64>,
    /// Where the next page of rows begins.
    next: Option<usize>,
}

/// A folder on the way to the one that is shown.
pub(super) struct Crumb {
    pub(super) name: String,
    pub(super) path: String,
}

struct Row {
    name: String,
    path: String,
    kind: Kind,
    size: String,
}

/// What an address asks for.
#[derive(Debug, Deserialize)]
pub(in crate::ui) struct Asked {
    #[serde(default)]
    path: String,
    #[serde(default)]
    at: String,
    moment: Option<u64>,
    #[serde(default)]
    from: usize,
}

pub(in crate::ui) async fn show(
    State(shared): State<Arc<Shared>>,
    Path(space): Path<String>,
    Wanted(asked): Wanted<Asked>,
) -> Response {
    about(&shared, &space, Tab::Files, move |_, space, frame| make(space, frame, &asked)).await
}

fn make<N: Nodes>(space: &OpenSpace<N>, frame: Frame, asked: &Asked) -> Result<Files, Failure> {
    let path = tree_path(&asked.path)?;
    let when = When::new(&asked.at, asked.moment);
    let shown = when.shown(space)?;
    let mut children = list_at(space, &path, shown.moment)?.ok_or_else(|| absent(&path))?;
    children.sort_by(|a, b| (a.kind != Kind::Folder, &a.name).cmp(&(b.kind != Kind::Folder, &b.name)));
    let end = asked.from.saturating_add(UI_ROWS_MAX);
    let next = (children.len() > end).then_some(end);
    Ok(Files {
        frame,
        id: space.id().to_hex(),
        crumbs: crumbs(&path),
        path: path.to_text(),
        rows: children.iter().skip(asked.from).take(UI_ROWS_MAX).map(|child| row(&path, child)).collect(),
        at: when.typed(),
        moment: shown.is_past.then_some(shown.moment.0),
        next,
    })
}

/// The folders from the root down to `path`, itself the last; none for the root.
pub(super) fn crumbs(path: &TreePath) -> Vec<Crumb> {
    let mut at = TreePath::root();
    let mut crumbs = Vec::new();
    for name in path.names() {
        at = at.join(name);
        crumbs.push(Crumb { name: name.to_string(), path: at.to_text() });
    }
    crumbs
}

fn row(folder: &TreePath, child: &RemoteChild) -> Row {
    Row {
        name: child.name.to_string(),
        path: folder.join(&child.name).to_text(),
        kind: child.kind,
        size: if child.kind == Kind::File { size(child.bytes) } else { String::new() },
    }
}
