//! What differs between two moments.

use std::sync::Arc;

use askama::Template;
use axum::extract::{Path, State};
use axum::response::Response;
use serde::Deserialize;

use super::about;
use super::moment::typed;
use crate::content::Nodes;
use crate::failure::Failure;
use crate::limit::UI_ROWS_MAX;
use crate::log::Kind;
use crate::sync::{Difference, Differs, OpenSpace, differences, now};
use crate::tree::TreePath;
use crate::ui::sent::Wanted;
use crate::ui::serve::Shared;
use crate::ui::wording::{Frame, Tab};

/// Since when, where nobody says.
const SINCE: &str = "24h";

#[derive(Template)]
#[template(path = "changes.html")]
struct Changes {
    frame: Frame,
    id: String,
    from: String,
    to: String,
    from_moment: u64,
    rows: Vec<Row>,
    /// Rows that are not shown.
    more: usize,
}

struct Row {
    sign: &'static str,
    what: &'static str,
    path: String,
    link: String,
    before: Option<String>,
}

/// What an address asks for.
#[derive(Debug, Deserialize)]
pub(in crate::ui) struct Asked {
    #[serde(default)]
    from: String,
    #[serde(default)]
    to: String,
}

pub(in crate::ui) async fn show(
    State(shared): State<Arc<Shared>>,
    Path(space): Path<String>,
    Wanted(asked): Wanted<Asked>,
) -> Response {
    about(&shared, &space, Tab::Changes, move |_, space, frame| make(space, frame, &asked)).await
}

fn make<N: Nodes>(space: &OpenSpace<N>, frame: Frame, asked: &Asked) -> Result<Changes, Failure> {
    let from = if asked.from.trim().is_empty() { SINCE } else { asked.from.trim() };
    let since = typed(space, from)?;
    let until = if asked.to.trim().is_empty() { now(space)? } else { typed(space, &asked.to)? };
    let found = differences(space, &TreePath::root(), since, until)?;
    let rows = found.iter().take(UI_ROWS_MAX).map(|difference| row(&frame, difference)).collect();
    Ok(Changes {
        id: space.id().to_hex(),
        from: from.to_owned(),
        to: asked.to.trim().to_owned(),
        from_moment: since.0,
        rows,
        more: found.len().saturating_sub(UI_ROWS_MAX),
        frame,
    })
}

fn row(frame: &Frame, difference: &Difference) -> Row {
    let (sign, what, before) = match &difference.what {
        Differs::Added => ("+", frame.say("ajouté", "added"), None),
        Differs::Removed => ("−", frame.say("retiré", "removed"), None),
        Differs::Edited => ("~", frame.say("modifié", "edited"), None),
        Differs::Moved(before) => ("→", frame.say("déplacé", "moved"), Some(before.to_string())),
    };
    let slash = if difference.kind == Kind::Folder { "/" } else { "" };
    Row { sign, what, path: format!("{}{slash}", difference.path), link: difference.path.to_text(), before }
}
