//! One run: until both sides agree, or nothing more can be done.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use vauban_protocol::time::{DAY_SECONDS, Timestamp};

use super::brake::{Approval, Hour, judge};
use super::changes::{Change, changes};
use super::plan::{Decider, Plan};
use super::receive::Receive;
use super::report::{ApartReport, Summary, Watcher};
use super::rescue::rescue;
use super::send::Send;
use super::survey::survey;
use super::whereabouts::Whereabouts;
use super::{Issue, OpenSpace, SyncError};
use crate::clock;
use crate::content::Nodes;
use crate::limit::{ROUNDS_MAX, RULES_TRIED_MAX, TRASH_DAYS};
use crate::state::cache::{Direction, RootId, Toll};
use crate::tree::{SyncRoot, Trash, TreeError, TreePath, flush_paths};

/// How a run is to go.
#[derive(Debug, Clone, Copy)]
pub struct Run<'a> {
    /// This device's name, for conflict copies.
    pub device_name: &'a str,
    /// Who decides about removals in bulk.
    pub approval: Approval,
    /// Sees it as it goes.
    pub watcher: &'a Arc<dyn Watcher>,
}

/// Brings the folder at `path` and the space in step. The caller holds the home's claim, and waits on a thread that may.
///
/// # Errors
/// [`SyncError`]. What was done until then is done, and the next run goes on from there.
pub fn sync_once<N: Nodes>(space: &mut OpenSpace<N>, path: &Path, run: &Run<'_>) -> Result<Summary, SyncError> {
    let mut summary = Summary::default();
    let root = Arc::new(claim(space, path)?);
    let id = space.cache.root(root.marker())?;
    let weight = space.checkpoint_weight()?;
    space.settle()?;
    space.ensure_epoch()?;
    rescue(space, &root, id, run.device_name, &mut summary)?;
    let mut tried = BTreeSet::new();
    for _ in 0..ROUNDS_MAX {
        let mut plan = plan(space, &root, id, run.approval, &mut summary)?;
        agree(space, &root, id, &mut plan)?;
        while tried.len() < RULES_TRIED_MAX
            && let Some(first) = plan.rules_first()
            && first.ruled_anew().into_iter().filter(|folder| tried.insert(folder.clone())).count() > 0
        {
            Receive::new(space, &root, id, run, &mut summary).run(first)?;
            plan = self::plan(space, &root, id, run.approval, &mut summary)?;
            agree(space, &root, id, &mut plan)?;
        }
        let issues = std::mem::take(&mut plan.issues);
        summary.held.take(plan.held);
        if is_done(&plan, &summary) {
            // Issues of the last look stand; those of earlier ones may have been of the moment.
            merge(&mut summary, issues);
            summary.agreed = true;
            break;
        }
        run.watcher.planned(&plan.summary());
        Send::new(space, Some((root.as_ref(), id)), run.watcher, &mut summary).run(&mut plan)?;
        Receive::new(space, &root, id, run, &mut summary).run(plan)?;
        space.follow()?;
    }
    if run.approval == Approval::Given {
        // What was taken so far is as it should be: the next hour begins now.
        space.cache.clear_toll(id)?;
    }
    space.tend(&mut summary)?;
    summary.void_ops = space.voids.len() as u64;
    summary.false_checkpoints = space.cache.take_false_checkpoints()?;
    space.is_checkpoint_wanted = summary.agreed && space.is_checkpoint_due(weight, summary.commits > 0)?;
    space.write_record()?;
    let day = Timestamp(space.now().0.saturating_sub(TRASH_DAYS.saturating_mul(DAY_SECONDS)));
    Trash::expire(&root, &clock::day(day))?;
    Ok(summary)
}

/// Says what a run would do first, and changes neither the folder nor the space.
///
/// # Errors
/// [`SyncError`].
pub fn preview<N: Nodes>(space: &mut OpenSpace<N>, path: &Path, approval: Approval) -> Result<Vec<Change>, SyncError> {
    space.follow()?;
    let root = Arc::new(look(space, path)?);
    let id = space.cache.known_root(root.marker())?.unwrap_or(RootId::NONE);
    let mut summary = Summary::default();
    let mut all = changes(&plan(space, &root, id, approval, &mut summary)?);
    all.extend(Change::apart(summary.ignored.saturating_add(summary.deselected)));
    Ok(all)
}

/// Says what takes no part in syncing the folder at `path`, and why; as far as the rules go that are here already.
///
/// # Errors
/// [`SyncError`].
pub fn apart<N: Nodes>(space: &mut OpenSpace<N>, path: &Path) -> Result<ApartReport, SyncError> {
    space.follow()?;
    let root = Arc::new(look(space, path)?);
    let id = space.cache.known_root(root.marker())?.unwrap_or(RootId::NONE);
    let mut report = survey(space, &root, id)?.apart;
    report.listed.sort_by(|one, other| one.path.cmp(&other.path));
    Ok(report)
}

fn plan<N: Nodes>(
    space: &OpenSpace<N>,
    root: &Arc<SyncRoot>,
    id: RootId,
    approval: Approval,
    summary: &mut Summary,
) -> Result<Plan, SyncError> {
    let found = survey(space, root, id)?;
    let decider = Decider::new(&found.standings, &found.holding, root);
    let now = space.now();
    let hour = Hour {
        there: space.cache.toll(id, Direction::ToLog, now)?,
        here: space.cache.toll(id, Direction::ToDisk, now)?,
        tree: space.cache.base_count(id)?,
        is_emptied: found.is_emptied,
    };
    let held = judge(decider.taking(), &hour, approval);
    let mut failed = None;
    let mut plan = decider.decide(held, || {
        space.fresh_entry().unwrap_or_else(|error| {
            failed = Some(error);
            crate::log::EntryId::ROOT
        })
    });
    if let Some(error) = failed {
        return Err(error);
    }
    plan.unchanged = found.unchanged;
    plan.issues.extend(found.issues);
    plan.forgotten.extend(found.forgotten);
    (summary.unchanged, summary.left) = (plan.unchanged, plan.left);
    (summary.ignored, summary.deselected) = (found.apart.ignored, found.apart.deselected);
    Ok(plan)
}

/// Records what both sides turned out to have alike; the disk must have it for good.
fn agree<N: Nodes>(space: &mut OpenSpace<N>, root: &SyncRoot, id: RootId, plan: &mut Plan) -> Result<(), SyncError> {
    let (agreed, forgotten) = (std::mem::take(&mut plan.agreed), std::mem::take(&mut plan.forgotten));
    if !agreed.is_empty() {
        let whereabouts = Whereabouts::new(plan.sightings.clone());
        let mut paths = BTreeSet::new();
        for row in &agreed {
            let folder = whereabouts.path(&space.cache, id, row.parent)?;
            paths.extend(folder.map(|folder| folder.join(&row.name)));
        }
        flush_paths(root, &paths)?;
    }
    Ok(space.cache.agree(id, &agreed, &forgotten)?)
}

/// Opens the folder, unless it looks like one whose disk is not there.
fn claim<N: Nodes>(space: &mut OpenSpace<N>, path: &Path) -> Result<SyncRoot, SyncError> {
    let known = there(space, path)?;
    let mut fresh = [0; 16];
    space.draw(&mut fresh)?;
    let root = SyncRoot::claim(space.disk(), &known, space.id(), fresh)?;
    space.remember_folder(known)?;
    Ok(root)
}

/// The same, to look at it only.
fn look<N: Nodes>(space: &OpenSpace<N>, path: &Path) -> Result<SyncRoot, SyncError> {
    Ok(SyncRoot::look(space.disk(), &there(space, path)?, space.id())?)
}

/// The folder's own path, if its mark is where it should be.
fn there<N: Nodes>(space: &OpenSpace<N>, path: &Path) -> Result<std::path::PathBuf, SyncError> {
    let known =
        space.disk().resolve(path).map_err(|source| TreeError::Disk { what: "open", path: path.to_owned(), source })?;
    // The keys of this device are nobody else's, and nobody else's may land on them.
    let home = space.device.home().folder();
    let home = std::fs::canonicalize(home).unwrap_or_else(|_| home.to_owned());
    if home.starts_with(&known) || known.starts_with(&home) {
        return Err(TreeError::HoldsHome { folder: known, home }.into());
    }
    if space.record.folder.as_ref() == Some(&known) && !SyncRoot::is_marked(space.disk(), &known)? {
        return Err(TreeError::MarkerLost(known).into());
    }
    Ok(known)
}

/// Whether nothing is left but what an earlier round has already found to be impossible.
fn is_done(plan: &Plan, summary: &Summary) -> bool {
    let is_known = |path: String| summary.issues.iter().any(|issue| issue.path == path);
    let is_there = |path: &TreePath| is_known(path.to_string());
    plan.log_changes.is_empty()
        && plan.trashings.iter().all(|trashing| is_there(&trashing.path))
        && plan.asides.iter().all(|aside| is_there(&aside.path))
        && plan.shifts.iter().all(|shift| is_there(&shift.to_path))
        && plan.folders_there.iter().all(|folder| is_there(&folder.path))
        && plan.uploads.iter().all(|upload| is_known(upload.source.path().display().to_string()))
        && plan.downloads.iter().all(|download| is_there(&download.path))
}

fn merge(summary: &mut Summary, issues: Vec<Issue>) {
    for issue in issues {
        if !summary.issues.iter().any(|known| known.path == issue.path) {
            summary.issues.push(issue);
        }
    }
}

impl<N: Nodes> OpenSpace<N> {
    /// Counts what was carried to one side, for the brake.
    pub(super) fn take_toll(&self, root: RootId, direction: Direction, toll: Toll) -> Result<(), SyncError> {
        if toll.removed == 0 && toll.damaged == 0 {
            return Ok(());
        }
        let tree = self.cache.base_count(root)?;
        Ok(self.cache.add_toll(root, direction, self.now(), Toll { tree, ..toll })?)
    }
}
