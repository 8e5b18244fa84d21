//! Conflict copies beside what they are copies of, and a decision about each.

use std::sync::Arc;

use askama::Template;
use axum::extract::{Path, State};
use axum::response::Response;
use data_encoding::HEXLOWER;
use serde::Deserialize;
use similar::{ChangeTag, TextDiff};
use vauban_protocol::id::Digest;

use super::{Claim, about, act};
use crate::failure::Failure;
use crate::limit::{UI_CONFLICTS_MAX, UI_TEXT_BYTES_MAX};
use crate::log::EntryId;
use crate::say;
use crate::state::cache::{Change, RemoteChild};
use crate::sync::{Conflict, Keep, OpenSpace, ReadFile, Resolved, SyncError, Verdict, conflicts, resolve};
use crate::ui::desk::{Notice, Reach, Work};
use crate::ui::sent::Sent;
use crate::ui::serve::Shared;
use crate::ui::wording::{Frame, Tab, size, time};

#[derive(Template)]
#[template(path = "conflicts.html")]
struct Conflicts {
    frame: Frame,
    id: String,
    pairs: Vec<Pair>,
}

struct Pair {
    folder: String,
    copy: Side,
    original: Option<Side>,
    /// Both as text, line by line, where both are short texts.
    lines: Vec<Line>,
}

/// One of the two.
struct Side {
    name: String,
    path: String,
    entry: String,
    content: String,
    size: String,
    /// When it was written, and by whom.
    written: String,
}

/// A line of both texts side by side.
struct Line {
    original: Option<String>,
    copy: Option<String>,
    is_same: bool,
}

pub(in crate::ui) async fn show(State(shared): State<Arc<Shared>>, Path(space): Path<String>) -> Response {
    about(&shared, &space, Tab::Conflicts, move |work, space, frame| {
        let mut pairs = Vec::new();
        for conflict in conflicts(space, UI_CONFLICTS_MAX)? {
            pairs.push(pair(work, space, &conflict)?);
        }
        Ok(Conflicts { frame, id: space.id().to_hex(), pairs })
    })
    .await
}

fn pair(work: &Work, space: &OpenSpace<Reach>, conflict: &Conflict) -> Result<Pair, Failure> {
    let Conflict { folder, copy, original, .. } = conflict;
    let side = |child: &RemoteChild| {
        Ok::<_, Failure>(Side {
            name: child.name.to_string(),
            path: folder.join(&child.name).to_text(),
            entry: HEXLOWER.encode(&child.entry.0),
            content: child.content.map(Digest::to_hex).unwrap_or_default(),
            size: size(child.bytes),
            written: written(work, space, child.entry)?,
        })
    };
    let texts = original.as_ref().and_then(|original| Some((text(space, original)?, text(space, copy)?)));
    Ok(Pair {
        folder: folder.split_last().map(|_| folder.to_string()).unwrap_or_default(),
        copy: side(copy)?,
        original: original.as_ref().map(side).transpose()?,
        lines: texts.map(|(original, copy)| lines(&original, &copy)).unwrap_or_default(),
    })
}

fn written(work: &Work, space: &OpenSpace<Reach>, entry: EntryId) -> Result<String, Failure> {
    let events = space.cache().events(entry).map_err(SyncError::from)?;
    let Some(event) = events.iter().find(|event| matches!(event.change, Change::Written(_))) else {
        return Ok(String::new());
    };
    let (time, device) = (time(event.made_at), work.with_roster(|roster| roster.device(event.device)));
    Ok(say!(fr: "{time}, par {device}", en: "{time}, by {device}"))
}

/// What a short file says, if it is text; what cannot be had now is not shown.
fn text(space: &OpenSpace<Reach>, child: &RemoteChild) -> Option<String> {
    if child.bytes > UI_TEXT_BYTES_MAX {
        return None;
    }
    let version = space.cache().version(child.entry).ok()??;
    let mut file = ReadFile::of(space, version).ok()?;
    let mut bytes = Vec::new();
    while let Some(piece) = file.next_chunk().ok()? {
        bytes.extend_from_slice(piece.as_ref());
    }
    String::from_utf8(bytes).ok().filter(|text| !text.contains('\0'))
}

/// Both texts, with what only one of them says standing alone; a changed line stands beside what it was.
fn lines(original: &str, copy: &str) -> Vec<Line> {
    let mut lines: Vec<Line> = Vec::new();
    // The first line that has only one side yet, of those that belong together.
    let mut open = 0;
    for change in TextDiff::from_lines(original, copy).iter_all_changes() {
        let said = change.value().trim_end_matches(['\n', '\r']).to_owned();
        match change.tag() {
            ChangeTag::Equal => {
                lines.push(Line { original: Some(said.clone()), copy: Some(said), is_same: true });
                open = lines.len();
            }
            ChangeTag::Delete => lines.push(Line { original: Some(said), copy: None, is_same: false }),
            ChangeTag::Insert => {
                match lines.get_mut(open) {
                    Some(line) => line.copy = Some(said),
                    None => lines.push(Line { original: None, copy: Some(said), is_same: false }),
                }
                open = open.saturating_add(1);
            }
        }
    }
    lines
}

/// What a person decided, about what the page showed.
#[derive(Debug, Deserialize)]
pub(in crate::ui) struct Decision {
    copy: String,
    copy_content: String,
    #[serde(default)]
    original: String,
    #[serde(default)]
    original_content: String,
    keep: Kept,
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Kept {
    Original,
    Copy,
}

pub(in crate::ui) async fn decide(
    State(shared): State<Arc<Shared>>,
    Path(space): Path<String>,
    Sent(decision): Sent<Decision>,
) -> Response {
    let back = format!("space/{space}/conflicts");
    act(&shared, &space, &back, Claim::Needed, move |_, space| {
        Ok(match resolve(space, &decision.verdict()?)? {
            Resolved::Done => Notice {
                text: say!(
                    fr: "C'est décidé ; l'autre version reste dans l'historique.",
                    en: "Decided; the other version stays in the history.",
                ),
                is_problem: false,
            },
            Resolved::Changed => Notice {
                text: say!(
                    fr: "L'une des deux versions a changé entre-temps : rien n'a été fait. Regarder à nouveau.",
                    en: "One of the two versions has changed meanwhile: nothing was done. Look again.",
                ),
                is_problem: true,
            },
        })
    })
    .await
}

impl Decision {
    fn verdict(&self) -> Result<Verdict, Failure> {
        let original =
            if self.original.is_empty() { None } else { Some(seen(&self.original, &self.original_content)?) };
        let keep = match self.keep {
            Kept::Original => Keep::Original,
            Kept::Copy => Keep::Copy,
        };
        Ok(Verdict { copy: seen(&self.copy, &self.copy_content)?, original, keep })
    }
}

fn seen(entry: &str, content: &str) -> Result<(EntryId, Digest), Failure> {
    let senseless = || Failure::Usage(say!(fr: "Le formulaire n'a pas de sens.", en: "The form makes no sense."));
    let entry = HEXLOWER.decode(entry.as_bytes()).ok().and_then(|bytes| bytes.try_into().ok()).map(EntryId);
    Ok((entry.ok_or_else(senseless)?, content.parse().map_err(|_| senseless())?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(original: &str, copy: &str) -> Vec<String> {
        let side = |text: &Option<String>| text.clone().unwrap_or_else(|| "-".to_owned());
        lines(original, copy)
            .iter()
            .map(|line| format!("{}{}{}", side(&line.original), if line.is_same { "=" } else { "|" }, side(&line.copy)))
            .collect()
    }

    #[test]
    fn changed_lines_stand_beside_each_other() {
        assert_eq!(told("a\nb\nc\n", "a\nB\nc\n"), ["a=a", "b|B", "c=c"]);
        assert_eq!(told("a\n", "a\nb\nc\n"), ["a=a", "-|b", "-|c"]);
        assert_eq!(told("a\nb\nc\nd", "d"), ["a|-", "b|-", "c|-", "d=d"]);
        assert_eq!(told("", ""), Vec::<String>::new());
        assert_eq!(told("a\nb\n", "x\ny\nz\n"), ["a|x", "b|y", "-|z"]);
    }
}
