//! What a plan comes to, for people and scripts.

use serde::Serialize;

use super::plan::Plan;
use super::report::PlanSummary;
use crate::log::{Kind, Op};

/// One thing that a run would do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Change {
    /// What.
    pub what: What,
    /// Where, below the synced folder.
    pub path: String,
    /// Where to, for what is moved here.
    pub to: Option<String>,
    /// Whether the brake holds it until a person approves.
    pub held: bool,
}

/// What is done to one path.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum What {
    /// Sent to the space.
    Upload,
    /// Made in the space: a folder.
    CreateThere,
    /// Renamed in the space, to this path.
    MoveThere,
    /// Removed from the space.
    RemoveThere,
    /// Written here.
    Download,
    /// Made here: a folder.
    CreateHere,
    /// Renamed here.
    MoveHere,
    /// Moved to the trash here.
    RemoveHere,
    /// Renamed here, as a conflict copy.
    SetAside,
    /// Left out.
    Issue,
    /// Ignored or not selected: so many things, of no single path.
    Apart,
}

impl Change {
    /// What takes no part, if anything does.
    pub(super) fn apart(count: u64) -> Option<Self> {
        (count > 0).then(|| Self { what: What::Apart, path: count.to_string(), to: None, held: false })
    }
}

/// Everything that `plan` would do, in the order in which it would.
#[must_use]
pub(crate) fn changes(plan: &Plan) -> Vec<Change> {
    let change = |what, path: String| Change { what, path, to: None, held: false };
    let mut all = Vec::new();
    for log_change in &plan.log_changes {
        let what = match log_change.op {
            Op::Create { .. } => What::CreateThere,
            Op::Move { .. } => What::MoveThere,
            Op::Remove { .. } => What::RemoveThere,
            Op::Write { .. } => What::Upload,
        };
        all.push(change(what, log_change.path.to_string()));
    }
    let uploads = plan.uploads.iter().map(|upload| upload.source.path().display().to_string());
    all.extend(uploads.map(|path| change(What::Upload, path)));
    all.extend(plan.trashings.iter().map(|trashing| change(What::RemoveHere, trashing.path.to_string())));
    all.extend(plan.asides.iter().map(|aside| change(What::SetAside, aside.path.to_string())));
    all.extend(plan.shifts.iter().map(|shift| Change {
        to: Some(shift.to_path.to_string()),
        ..change(What::MoveHere, shift.from_path.to_string())
    }));
    all.extend(plan.folders_there.iter().map(|folder| change(What::CreateHere, folder.path.to_string())));
    all.extend(plan.downloads.iter().map(|download| change(What::Download, download.path.to_string())));
    all.extend(plan.issues.iter().map(|issue| change(What::Issue, issue.path.clone())));
    all
}

impl Plan {
    /// What it comes to.
    #[must_use]
    pub(crate) fn summary(&self) -> PlanSummary {
        let count = |wanted: fn(&Op) -> bool| self.log_changes.iter().filter(|change| wanted(&change.op)).count();
        let folders = count(|op| matches!(op, Op::Create { kind: Kind::Folder, .. }));
        PlanSummary {
            uploads: self.uploads.len() as u64,
            upload_bytes: self.uploads.iter().map(|upload| upload.bytes).sum(),
            downloads: self.downloads.len() as u64,
            download_bytes: self.downloads.iter().map(|download| download.child.bytes).sum(),
            folders: folders.saturating_add(self.folders_there.len()) as u64,
            removals_there: count(|op| matches!(op, Op::Remove { .. })) as u64,
            removals_here: self.trashings.len() as u64,
            moves: count(|op| matches!(op, Op::Move { .. })).saturating_add(self.shifts.len()) as u64,
            unchanged: self.unchanged,
            left: self.left,
        }
    }
}
