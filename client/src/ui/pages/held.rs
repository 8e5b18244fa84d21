//! What the brake holds, one by one; and carrying it out, once a person has seen it.
//!
//! The page was opened with the device's passphrase, as the command is, and nothing less lets removals in bulk pass: the service
//! carries them out for nobody. What is approved is what was shown: if it has changed, the person looks again.

use std::path::Path as FilePath;
use std::sync::Arc;

use askama::Template;
use axum::extract::{Path, State};
use axum::response::Response;
use serde::Deserialize;
use vauban_protocol::id::Digest;

use super::{Claim, about_changing, act, folder_of};
use crate::failure::Failure;
use crate::limit::UI_ROWS_MAX;
use crate::say;
use crate::sync::{Approval, Change, OpenSpace, Quiet, Run, Summary, Watcher, What, preview, sync_once};
use crate::ui::desk::{Notice, Reach, Work};
use crate::ui::sent::Sent;
use crate::ui::serve::Shared;
use crate::ui::wording::{Frame, Tab};

#[derive(Template)]
#[template(path = "held.html")]
struct Waiting {
    frame: Frame,
    id: String,
    rows: Vec<Row>,
    /// Rows that are not shown.
    more: usize,
    /// What was shown, in short.
    seen: String,
}

struct Row {
    what: &'static str,
    path: String,
}

pub(in crate::ui) async fn show(State(shared): State<Arc<Shared>>, Path(space): Path<String>) -> Response {
    about_changing(&shared, &space, Tab::Machine, |work, space, frame| {
        let folder = folder_of(work, space.id());
        let held = folder.as_deref().map(|folder| held(space, folder)).transpose()?.unwrap_or_default();
        Ok(Waiting {
            id: space.id().to_hex(),
            rows: held.iter().take(UI_ROWS_MAX).map(|change| row(&frame, change)).collect(),
            more: held.len().saturating_sub(UI_ROWS_MAX),
            seen: digest(&held),
            frame,
        })
    })
    .await
}

fn held(space: &mut OpenSpace<Reach>, folder: &FilePath) -> Result<Vec<Change>, Failure> {
    let planned = preview(space, folder, Approval::Ask)?;
    let mut held: Vec<_> = planned.into_iter().filter(|change| change.held).collect();
    held.sort_by(|one, other| (&one.path, &one.to).cmp(&(&other.path, &other.to)));
    Ok(held)
}

/// Names all of it, in short.
fn digest(held: &[Change]) -> String {
    // Plain data: it cannot fail.
    Digest::of(&serde_json::to_vec(held).unwrap_or_default()).to_hex()
}

fn row(frame: &Frame, change: &Change) -> Row {
    let what = match change.what {
        What::RemoveThere => frame.say("retirer de l'espace", "remove from the space"),
        What::RemoveHere => frame.say("mettre à la corbeille ici", "move to the trash here"),
        What::Upload => frame.say("envoyer, méconnaissable", "send, unrecognisable"),
        What::Download => frame.say("recevoir, méconnaissable", "receive, unrecognisable"),
        What::CreateThere | What::CreateHere => frame.say("créer", "make"),
        What::MoveThere | What::MoveHere => frame.say("déplacer", "move"),
        What::SetAside => frame.say("mettre de côté", "set aside"),
        What::Issue | What::Apart => frame.say("laisser de côté", "leave out"),
    };
    Row { what, path: change.path.clone() }
}

/// What a person has seen.
#[derive(Debug, Deserialize)]
pub(in crate::ui) struct Approved {
    seen: String,
}

pub(in crate::ui) async fn approve(
    State(shared): State<Arc<Shared>>,
    Path(space): Path<String>,
    Sent(approved): Sent<Approved>,
) -> Response {
    let back = format!("space/{space}/held");
    act(&shared, &space, &back, Claim::Needed, move |work, space| carry_out(work, space, &approved)).await
}

fn carry_out(work: &Work, space: &mut OpenSpace<Reach>, approved: &Approved) -> Result<Notice, Failure> {
    let folder = folder_of(work, space.id()).ok_or_else(|| {
        Failure::NotFound(say!(
            fr: "Aucun dossier de cette machine n'est synchronisé avec cet espace.",
            en: "No folder of this machine is synced with this space.",
        ))
    })?;
    if digest(&held(space, &folder)?) != approved.seen {
        return Ok(Notice {
            text: say!(
                fr: "Ce qui attend a changé entre-temps : rien n'a été fait. Regarder à nouveau.",
                en: "What waits has changed meanwhile: nothing was done. Look again.",
            ),
            is_problem: true,
        });
    }
    let watcher: Arc<dyn Watcher> = Arc::new(Quiet);
    let run = Run { device_name: &work.device_name(), approval: Approval::Given, watcher: &watcher };
    let summary = sync_once(space, &folder, &run)?;
    Ok(Notice { text: told(&summary), is_problem: !summary.is_complete() })
}

fn told(summary: &Summary) -> String {
    let Summary { removed_there, removed_here, uploaded, downloaded, left, .. } = summary;
    let mut text = say!(
        fr: "Approuvé : {removed_there} retiré(s) de l'espace, {removed_here} mis à la corbeille ici, {uploaded} envoyé(s), {downloaded} reçu(s).",
        en: "Approved: {removed_there} removed from the space, {removed_here} moved to the trash here, {uploaded} sent, {downloaded} received.",
    );
    if *left > 0 {
        text.push_str(&say!(fr: " {left} changement(s) attendent encore.", en: " {left} change(s) still wait."));
    }
    text
}
