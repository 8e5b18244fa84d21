//! One run: until both sides agree, or nothing more can be done.

use std::path::Path;
use std::sync::Arc;

use super::open_space::fill;
use super::receive::{Receive, stamp};
use super::report::{Summary, Watcher};
use super::send::Send;
use super::survey::{Plan, survey};
use super::{OpenSpace, SyncError};
use crate::content::Nodes;
use crate::limit::ROUNDS_MAX;
use crate::state::cache::RootId;
use crate::tree::{Leftover, SyncRoot, TreeError, TreePath};

/// Brings the folder at `path` and the space in step. The caller holds the home's claim, and waits on a thread that may.
///
/// # Errors
/// [`SyncError`]. What was done until then is done, and the next run goes on from there.
pub fn sync_once<N: Nodes>(
    space: &mut OpenSpace<N>,
    path: &Path,
    device_name: &str,
    watcher: &Arc<dyn Watcher>,
) -> Result<Summary, SyncError> {
    let mut summary = Summary::default();
    let root = Arc::new(claim(space, path)?);
    let id = space.cache.root(root.marker())?;
    space.settle()?;
    space.ensure_epoch()?;
    rescue(space, &root, device_name, &mut summary)?;
    for _ in 0..ROUNDS_MAX {
        let mut plan = survey(space, &root, id)?;
        let issues = std::mem::take(&mut plan.issues);
        agree(space, id, &plan)?;
        (summary.unchanged, summary.left) = (plan.unchanged, plan.left);
        let is_done = is_done(&plan, &summary);
        if is_done {
            // Issues of the last look stand; those of earlier ones may have been of the moment.
            merge(&mut summary, issues);
            summary.agreed = true;
            break;
        }
        watcher.planned(&plan.summary());
        Send::new(space, Some(id), watcher, &mut summary)
            .run(std::mem::take(&mut plan.folders_here), std::mem::take(&mut plan.uploads))?;
        Receive::new(space, &root, id, device_name, watcher, &mut summary)
            .run(std::mem::take(&mut plan.folders_there), std::mem::take(&mut plan.downloads))?;
        space.follow()?;
    }
    summary.void_ops = space.voids.len() as u64;
    space.write_record()?;
    Ok(summary)
}

/// Opens the folder, unless it looks like one whose disk is not there.
fn claim<N: Nodes>(space: &mut OpenSpace<N>, path: &Path) -> Result<SyncRoot, SyncError> {
    let known = std::fs::canonicalize(path).map_err(|source| TreeError::Disk {
        what: "open",
        path: path.to_owned(),
        source,
    })?;
    if space.record.folder.as_ref() == Some(&known) && !SyncRoot::is_marked(&known)? {
        return Err(TreeError::MarkerLost(known).into());
    }
    let mut fresh = [0; 16];
    fill(&mut fresh)?;
    let root = SyncRoot::claim(&known, space.id(), fresh)?;
    space.remember_folder(known)?;
    Ok(root)
}

/// Gives names again to what an interrupted run had displaced.
fn rescue<N: Nodes>(
    space: &OpenSpace<N>,
    root: &SyncRoot,
    device_name: &str,
    summary: &mut Summary,
) -> Result<(), SyncError> {
    for leftover in Leftover::find(root)? {
        let stamp = stamp(device_name, None);
        let place = path_of(space, leftover.entry)?.and_then(|path| {
            let (folder, name) = path.split_last()?;
            Some((root.open(&folder).ok()?, name.clone()))
        });
        let (folder, name) = match &place {
            Some((folder, name)) => (folder, name.clone()),
            // Its folder is gone: it is found at the root, under the number of its entry.
            None => (root.folder(), leftover.name()?),
        };
        let copy = leftover.rescue(root, folder, &name, &stamp)?;
        summary.conflicts.push(folder.path().join(&copy).to_string());
    }
    Ok(())
}

/// Where an entry is, from the root on.
fn path_of<N: Nodes>(space: &OpenSpace<N>, entry: crate::log::EntryId) -> Result<Option<TreePath>, SyncError> {
    let mut names = Vec::new();
    let mut at = entry;
    while at != crate::log::EntryId::ROOT {
        let Some(place) = space.cache.place(at)? else {
            return Ok(None);
        };
        names.push(place.name);
        at = place.parent;
    }
    Ok(Some(names.iter().rev().fold(TreePath::root(), |path, name| path.join(name))))
}

fn agree<N: Nodes>(space: &mut OpenSpace<N>, id: RootId, plan: &Plan) -> Result<(), SyncError> {
    space.cache.agree(id, &plan.agreed)?;
    plan.forgotten.iter().try_for_each(|entry| space.cache.forget(id, *entry))?;
    Ok(())
}

/// Whether nothing is left but what an earlier round has already found to be impossible.
fn is_done(plan: &Plan, summary: &Summary) -> bool {
    let is_known = |path: String| summary.issues.iter().any(|issue| issue.path == path);
    let is_here = |upload: &super::Upload| is_known(upload.source.path().display().to_string());
    let is_there = |folder: &TreePath, name| is_known(folder.join(name).to_string());
    plan.folders_here.is_empty()
        && plan.folders_there.iter().all(|folder| is_there(&folder.folder, &folder.child.name))
        && plan.uploads.iter().all(is_here)
        && plan.downloads.iter().all(|download| is_there(&download.folder, &download.child.name))
}

fn merge(summary: &mut Summary, issues: Vec<super::Issue>) {
    for issue in issues {
        if !summary.issues.iter().any(|known| known.path == issue.path) {
            summary.issues.push(issue);
        }
    }
}
