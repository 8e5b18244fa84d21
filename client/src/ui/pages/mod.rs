//! The pages, one a file; and what those about a space share.

pub(super) mod apart;
pub(super) mod changes;
pub(super) mod conflicts;
pub(super) mod content;
pub(super) mod files;
pub(super) mod held;
pub(super) mod history;
pub(super) mod machine;
pub(super) mod overview;
pub(super) mod restore;
pub(super) mod trash;

mod moment;

use std::path::PathBuf;
use std::sync::Arc;

use askama::Template;
use axum::response::{IntoResponse, Redirect, Response};
use vauban_protocol::id::SpaceId;

use super::desk::{Notice, Opened, Reach, Work};
use super::refusal::{page, refuse};
use super::serve::Shared;
use super::wording::{Frame, SpaceLinks, Tab};
use crate::failure::Failure;
use crate::say;
use crate::service::claim_or_borrow;
use crate::sync::OpenSpace;
use crate::tree::TreePath;

/// Makes a page about a space.
async fn about<T: Template + Send + 'static>(
    shared: &Arc<Shared>,
    space: &str,
    here: Tab,
    make: impl FnOnce(&Work, &OpenSpace<Reach>, Frame) -> Result<T, Failure> + Send + 'static,
) -> Response {
    about_changing(shared, space, here, move |work, space, frame| make(work, space, frame)).await
}

/// The same, where looking folds more of the log.
async fn about_changing<T: Template + Send + 'static>(
    shared: &Arc<Shared>,
    space: &str,
    here: Tab,
    make: impl FnOnce(&Work, &mut OpenSpace<Reach>, Frame) -> Result<T, Failure> + Send + 'static,
) -> Response {
    let (root, notice) = (shared.root.clone(), shared.desk.take_notice());
    let id = space_id(space);
    let made = shared.desk.work(move |work| {
        let Opened { mut space, stale } = work.open(id?)?;
        let name = work.name(&space)?;
        let mut frame = Frame::new(&root, here.title());
        (frame.stale, frame.notice) = (stale, notice);
        frame.space = Some(SpaceLinks { id: space.id().to_hex(), name, here });
        make(work, &mut space, frame)
    });
    match made.await {
        Ok(template) => page(&template),
        Err(failure) => refuse(&shared.root, &failure),
    }
}

/// Whether this writes with the device's keys, or into its folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Claim {
    Needed,
    Unneeded,
}

/// Changes a space, or its folder, and goes back to the page at `back`, which says what came of it.
async fn act(
    shared: &Arc<Shared>,
    space: &str,
    back: &str,
    claim: Claim,
    act: impl FnOnce(&Work, &mut OpenSpace<Reach>) -> Result<Notice, Failure> + Send + 'static,
) -> Response {
    let id = space_id(space);
    let _turn = if claim == Claim::Needed { Some(shared.desk.turn_to_write().await) } else { None };
    let done = shared.desk.work(move |work| {
        let home = work.device.home();
        let _claim = match claim {
            // A service that has it halts meanwhile.
            Claim::Needed => Some(claim_or_borrow(home, || tracing::debug!("waiting for the service to halt"))?),
            Claim::Unneeded => None,
        };
        // What the service signed until now is in the anchor.
        work.device.anchor().update(|_| ())?;
        act(work, &mut work.open(id?)?.space)
    });
    match done.await {
        Ok(notice) => {
            shared.desk.leave(notice);
            Redirect::to(&format!("{}{back}", shared.root)).into_response()
        }
        Err(failure) => refuse(&shared.root, &failure),
    }
}

/// The folder of this machine that is kept in step with a space.
fn folder_of(work: &Work, space: SpaceId) -> Option<PathBuf> {
    work.device.anchor().record().spaces.remove(&space).and_then(|known| known.folder)
}

fn space_id(hex: &str) -> Result<SpaceId, Failure> {
    hex.parse().map_err(|_| Failure::NotFound(say!(fr: "Aucun espace n'a ce numéro.", en: "No space has this number.")))
}

fn tree_path(text: &str) -> Result<TreePath, Failure> {
    TreePath::parse(text).map_err(|error| {
        tracing::debug!(%error, "not a path");
        Failure::Usage(say!(fr: "« {text} » n'est pas un chemin.", en: "\"{text}\" is not a path."))
    })
}

/// Nothing stands there.
fn absent(path: &TreePath) -> Failure {
    Failure::NotFound(
        say!(fr: "« {path} » n'existe pas dans cet espace.", en: "\"{path}\" does not exist in this space."),
    )
}
