//! One run: until both sides agree, or nothing more can be done.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use vauban_protocol::time::{DAY_SECONDS, Timestamp};

use super::brake::{Approval, Hour, judge};
use super::changes::{Change, changes};
use super::looked::{Looked, Unsettled};
use super::plan::{Decider, Plan};
use super::receive::Receive;
use super::report::{ApartReport, Summary, Watcher};
use super::rescue::rescue;
use super::send::Send;
use super::survey::{Look, survey};
use super::whereabouts::Whereabouts;
use super::{Issue, OpenSpace, Problem, SyncError};
use crate::clock;
use crate::content::Nodes;
use crate::limit::{CHANGED_FOLDERS_MAX, PARTS_MAX, ROUNDS_MAX, RULES_TRIED_MAX, TRASH_DAYS};
use crate::state::cache::{Direction, RootId, Toll};
use crate::tree::{Scope, SyncRoot, Trash, TreeError, TreePath, flush_paths};

/// What is said of the trash as a whole, by its place.
const TRASH: &str = ".vauban/trash";

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
    sync_changed(space, path, run, &Scope::Everything)
}

/// The same, where only the folders in `scope` changed on the disk since the last run with this `space`: they are looked at, and
/// whatever the log says something new of. Without a last run everything is.
///
/// # Errors
/// [`SyncError`]; the next run must then be told of `scope` again.
pub fn sync_changed<N: Nodes>(
    space: &mut OpenSpace<N>,
    path: &Path,
    run: &Run<'_>,
    scope: &Scope,
) -> Result<Summary, SyncError> {
    let done = sync_scope(space, path, run, scope);
    match (done, &space.record.folder) {
        // The folder, or its mark, was taken away under the run: what is then missed in it says nothing.
        (Err(SyncError::Tree(error)), Some(folder))
            if error.is_absent() && !SyncRoot::is_marked(space.disk(), folder).unwrap_or(false) =>
        {
            Err(TreeError::MarkerLost(folder.clone()).into())
        }
        (done, _) => done,
    }
}

fn sync_scope<N: Nodes>(
    space: &mut OpenSpace<N>,
    path: &Path,
    run: &Run<'_>,
    scope: &Scope,
) -> Result<Summary, SyncError> {
    let mut summary = Summary::default();
    let root = Arc::new(claim(space, path)?);
    let id = space.cache.root(root.key())?;
    let weight = space.checkpoint_weight()?;
    space.settle_or_ask()?;
    space.ensure_epoch()?;
    // The next epoch ends all file requests: what has come by them is taken first. Whoever holds the keys in force opens it anyway.
    if *scope == Scope::Everything || space.folded()?.is_rotation_pending(&space.org) {
        space.take_drops_or_put_off(run.watcher, &mut summary)?;
    }
    space.rotate_or_put_off()?;
    rescue(space, &root, id, run.device_name, &mut summary)?;
    let mut tried = BTreeSet::new();
    // What was put back stands in no folder that anybody has told of.
    let mut scope = if summary.conflicts.is_empty() { scope.clone() } else { Scope::Everything };
    let (mut rounds, mut parts, mut entries_max) = (0, 0, space.entries_max);
    while rounds < ROUNDS_MAX && parts < PARTS_MAX {
        run.watcher.go_on()?;
        let mut look = look_now(space, id, scope.take())?;
        let (mut seq, selected) = (space.folded()?.head().seq, space.selected()?);
        let mut plan = plan(space, &root, id, run.approval, (&look, entries_max), &mut summary)?;
        let mut settled = settle(space, &root, id, &mut plan)?;
        while tried.len() < RULES_TRIED_MAX
            && let Some(first) = plan.rules_first()
            && first.ruled_anew().into_iter().filter(|folder| tried.insert(folder.clone())).count() > 0
        {
            Receive::new(space, &root, id, run, &mut summary).run(first)?;
            (look, seq) = (Look::Everything, space.folded()?.head().seq);
            plan = self::plan(space, &root, id, run.approval, (&look, entries_max), &mut summary)?;
            settled = settled.saturating_add(settle(space, &root, id, &mut plan)?);
        }
        let below = std::mem::take(&mut plan.unlooked);
        let is_part = !below.is_empty();
        let mut unsettled = std::mem::take(&mut plan.unsettled);
        let mut issues = std::mem::take(&mut plan.issues);
        summary.held.take(plan.held);
        if !space.may_write()? {
            issues.extend(keep_here(&mut plan));
        }
        if !is_part && is_done(&plan, &summary) {
            if parts > 0 && look != Look::Everything {
                // Between two parts anything may have moved: all of them were done once nothing is left of all at once.
                space.looked = None;
                continue;
            }
            // Issues of the last look stand; those of earlier ones may have been of the moment.
            merge(&mut summary, issues);
            summary.agreed = true;
            space.looked = Some(Looked { root: id, seq, selected, unsettled, below });
            break;
        }
        run.watcher.planned(&plan.summary());
        run.watcher.go_on()?;
        let before = summary.steps();
        let refused = match Send::new(space, Some((root.as_ref(), id)), run.watcher, &mut summary).run(&mut plan) {
            // What others have sent still comes.
            Err(error) if error.is_for_room() => Some(error),
            sent => sent.map(|()| None)?,
        };
        run.watcher.go_on()?;
        let stirred = Receive::new(space, &root, id, run, &mut summary).run(plan)?;
        stirred.into_iter().for_each(|folder| unsettled.stir(folder));
        space.looked = Some(Looked { root: id, seq, selected, unsettled, below });
        space.follow()?;
        if let Some(error) = refused {
            space.write_record()?;
            return Err(error);
        }
        if !is_part {
            rounds += 1;
        } else if settled > 0 || summary.steps() > before {
            parts += 1;
        } else {
            // Nothing of this part can be carried out, and the next one would begin with it: it goes all the way.
            entries_max = usize::MAX;
        }
    }
    if run.approval == Approval::Given {
        // What was taken so far is as it should be: the next hour begins now.
        space.cache.clear_toll(id)?;
    }
    space.tend(run.watcher, &mut summary)?;
    summary.void_ops = space.voids.len() as u64;
    summary.falsehoods = space.cache.take_falsehoods()?;
    space.is_checkpoint_wanted = summary.agreed && space.is_checkpoint_due(weight, summary.commits > 0)?;
    space.write_record()?;
    let day = Timestamp(space.now().0.saturating_sub(TRASH_DAYS.saturating_mul(DAY_SECONDS)));
    if Trash::is_due(&root, &clock::day(day))? {
        if space.is_clock_confirmed() {
            Trash::expire(&root, &clock::day(day))?;
        } else {
            merge(&mut summary, vec![Issue { path: TRASH.to_owned(), problem: Problem::Clock }]);
        }
    }
    Ok(summary)
}

/// Says what a run would do first, and what the brake would hold; changes neither the folder nor the space.
///
/// # Errors
/// [`SyncError`].
pub fn preview<N: Nodes>(space: &mut OpenSpace<N>, path: &Path, approval: Approval) -> Result<Vec<Change>, SyncError> {
    space.follow()?;
    let root = Arc::new(look(space, path)?);
    let id = space.cache.known_root(root.key())?.unwrap_or(RootId::NONE);
    let mut summary = Summary::default();
    let look = (&Look::Everything, usize::MAX);
    let planned = plan(space, &root, id, approval, look, &mut summary)?;
    let mut all = changes(&planned);
    if planned.held.is_any() {
        // What a person's approval would add.
        let would = changes(&plan(space, &root, id, Approval::Given, look, &mut Summary::default())?);
        let held: Vec<_> = would.into_iter().filter(|change| !all.contains(change)).collect();
        all.extend(held.into_iter().map(|change| Change { held: true, ..change }));
    }
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
    let id = space.cache.known_root(root.key())?.unwrap_or(RootId::NONE);
    let mut report = survey(space, &root, id, &Look::Everything, usize::MAX)?.apart;
    report.listed.sort_by(|one, other| one.path.cmp(&other.path));
    Ok(report)
}

/// Records what a plan found to be agreed on, which the disk must then have for good, or to be no more; answers how much that is.
fn settle<N: Nodes>(
    space: &mut OpenSpace<N>,
    root: &SyncRoot,
    id: RootId,
    plan: &mut Plan,
) -> Result<usize, SyncError> {
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
    space.cache.agree(id, &agreed, &forgotten)?;
    Ok(agreed.len().saturating_add(forgotten.len()))
}

/// What is to be looked at: what changed on the disk, what was not settled, and what the log says something new of.
fn look_now<N: Nodes>(space: &mut OpenSpace<N>, id: RootId, changed: Scope) -> Result<Look, SyncError> {
    let Some(looked) = space.looked.take().filter(|looked| looked.root == id) else {
        return Ok(Look::Everything);
    };
    // What was agreed on may be gone with a cache that was built anew, by this process or another one.
    if !space.cache.has_base(id)? || looked.selected != space.selected()? {
        return Ok(Look::Everything);
    }
    let Looked { seq, unsettled: Unsettled { here: mut scope, mut there }, below, .. } = looked;
    scope.merge(changed);
    let Scope::Folders(here) = scope else { return Ok(Look::Everything) };
    let Some(changed) = space.cache.changed_folders(id, seq, CHANGED_FOLDERS_MAX)? else { return Ok(Look::Everything) };
    there.extend(changed);
    Ok(Look::Changed { here, below, there })
}

fn plan<N: Nodes>(
    space: &OpenSpace<N>,
    root: &Arc<SyncRoot>,
    id: RootId,
    approval: Approval,
    (look, entries_max): (&Look, usize),
    summary: &mut Summary,
) -> Result<Plan, SyncError> {
    let found = survey(space, root, id, look, entries_max)?;
    let decider = Decider::new(&found.standings, &found.holding, root);
    let (now, taking) = (space.now(), decider.taking());
    let hour = Hour {
        there: space.cache.toll(id, Direction::ToLog, now)?,
        here: space.cache.toll(id, Direction::ToDisk, now)?,
        tree: space.cache.base_count(id)?,
        is_emptied: found.is_emptied,
    };
    let held = judge(taking, &hour, approval);
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
    if found.is_emptied && plan.held.removals_there {
        // A folder that lists nothing may be one whose disk is not there: nothing is put into it either, until somebody has said
        // that it is meant.
        plan = Plan { held: plan.held, left: plan.left, ..Plan::default() };
    }
    plan.unchanged = found.unchanged;
    (plan.unsettled, plan.unlooked) = (found.unsettled, found.unlooked);
    plan.issues.extend(found.issues);
    plan.forgotten.extend(found.forgotten);
    summary.left = plan.left;
    if *look == Look::Everything {
        summary.unchanged = plan.unchanged;
        (summary.ignored, summary.deselected) = (found.apart.ignored, found.apart.deselected);
    }
    Ok(plan)
}

/// Opens the folder, unless it looks like one whose disk is not there.
fn claim<N: Nodes>(space: &mut OpenSpace<N>, path: &Path) -> Result<SyncRoot, SyncError> {
    let known = there(space, path)?;
    let mut fresh = [0; 16];
    space.draw(&mut fresh)?;
    let root = SyncRoot::claim(space.disk(), &known, space.id(), fresh)?;
    if space.record.folder.as_ref() != Some(&known) {
        // From now on it is missed where it is not.
        root.keep_mark()?;
    }
    space.remember_folder(known)?;
    Ok(root)
}

/// The same, to look at it only.
fn look<N: Nodes>(space: &OpenSpace<N>, path: &Path) -> Result<SyncRoot, SyncError> {
    Ok(SyncRoot::look(space.disk(), &there(space, path)?, space.id())?)
}

/// The folder's own path, if its mark is where it should be.
fn there<N: Nodes>(space: &OpenSpace<N>, path: &Path) -> Result<std::path::PathBuf, SyncError> {
    let known = space.disk().resolve(path).map_err(|source| absent(space, path, source))?;
    // The keys of this device are nobody else's, and nobody else's may land on them.
    let home = space.device.home().folder();
    let home = std::fs::canonicalize(home).unwrap_or_else(|_| home.to_owned());
    if home.starts_with(&known) || known.starts_with(&home) {
        return Err(TreeError::HoldsHome { folder: known, home }.into());
    }
    if let Some(other) = nested(space, &known) {
        return Err(TreeError::Nested { folder: known, other }.into());
    }
    if space.record.folder.as_ref() == Some(&known) && !SyncRoot::is_marked(space.disk(), &known)? {
        return Err(TreeError::MarkerLost(known).into());
    }
    Ok(known)
}

/// A synced folder that holds this one, by its mark or by what this device remembers; or that lies in it.
fn nested<N: Nodes>(space: &OpenSpace<N>, folder: &Path) -> Option<std::path::PathBuf> {
    // What cannot be looked at, as a folder above may be, is not this person's root.
    let is_root = |path: &Path| SyncRoot::is_marked(space.disk(), path).unwrap_or(false);
    let above = folder.ancestors().skip(1).find(|path| is_root(path)).map(Path::to_owned);
    above.or_else(|| {
        let remembered = space.device.anchor().record().spaces.into_values().filter_map(|known| known.folder);
        remembered.into_iter().find(|other| other != folder && other.starts_with(folder) && is_root(other))
    })
}

/// What it means that the folder at `path` cannot be found: nothing is removed for it, and nothing made in its place.
fn absent<N: Nodes>(space: &OpenSpace<N>, path: &Path, source: std::io::Error) -> TreeError {
    match (source.kind(), std::path::absolute(path)) {
        (std::io::ErrorKind::NotFound, Ok(wanted)) if space.record.folder.as_ref() == Some(&wanted) => {
            TreeError::MarkerLost(wanted)
        }
        (std::io::ErrorKind::NotFound, _) => TreeError::Missing(path.to_owned()),
        _ => TreeError::Disk { what: "open", path: path.to_owned(), source },
    }
}

/// Whether nothing is left but what an earlier round has already found to be impossible.
fn is_done(plan: &Plan, summary: &Summary) -> bool {
    let is_known = |path: String| summary.issues.iter().any(|issue| issue.path == path);
    let is_there = |path: &TreePath| is_known(path.to_string());
    plan.log_changes.iter().all(|change| is_there(&change.path))
        && plan.trashings.iter().all(|trashing| is_there(&trashing.path))
        && plan.asides.iter().all(|aside| is_there(&aside.path))
        && plan.shifts.iter().all(|shift| is_there(&shift.to_path))
        && plan.folders_there.iter().all(|folder| is_there(&folder.path))
        && plan.uploads.iter().all(|upload| is_known(upload.source.path().display().to_string()))
        && plan.downloads.iter().all(|download| is_there(&download.path))
}

/// What a reader has changed stays where it is, and is said.
fn keep_here(plan: &mut Plan) -> Vec<Issue> {
    let uploads =
        std::mem::take(&mut plan.uploads).into_iter().map(|upload| upload.source.path().display().to_string());
    let changes = std::mem::take(&mut plan.log_changes).into_iter().map(|change| change.path.to_string());
    uploads.chain(changes).map(|path| Issue { path, problem: Problem::ReadOnly }).collect()
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
