//! What a node's jobs have found of its own copies, as it tells it to the other nodes: whoever looks at one of them sees all.

use serde::{Deserialize, Serialize};

use super::{Board, Job as _, Repair};
use crate::chunks::{Fill, StoreStats};
use crate::limit::{JOB_NAME_BYTES_MAX, JOBS_TOLD_MAX};

/// See the module.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Upkeep {
    /// Copies that must be here and are not: at least so many, as long as the node looks. None before it has.
    pub missing: Option<u64>,
    /// Chunks of which it found no sound copy anywhere, when it last looked at all.
    pub unavailable: u64,
    /// Damaged copies found since it was started.
    pub damaged: u64,
    /// Its jobs that fail.
    pub failing: Vec<String>,
}

impl Upkeep {
    /// This node's.
    #[must_use]
    pub fn of(board: &Board, stats: &StoreStats) -> Self {
        let jobs = board.all();
        let repair = jobs.get(Repair::NAME);
        // What a full disk has no room for was not looked for anywhere else.
        let unavailable = repair.filter(|_| stats.fill != Fill::Full).map_or(0, |repair| repair.wanting);
        Self {
            missing: repair.and_then(|repair| repair.owed),
            unavailable,
            damaged: stats.quarantined,
            failing: jobs.iter().filter(|(_, job)| job.failure.is_some()).map(|(name, _)| (*name).to_owned()).collect(),
        }
    }

    /// As another node says it: what it calls its jobs reaches terminals, so it must be names.
    #[must_use]
    pub fn heard(mut self) -> Self {
        let is_name = |name: &String| {
            (1..=JOB_NAME_BYTES_MAX).contains(&name.len())
                && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_')
        };
        self.failing.retain(is_name);
        self.failing.truncate(JOBS_TOLD_MAX);
        self
    }

    /// Whether copies that must be here are not.
    #[must_use]
    pub fn lacks_copies(&self) -> bool {
        self.unavailable > 0 || self.missing.is_some_and(|missing| missing > 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chunks::DiskUse;

    fn stats(fill: Fill) -> StoreStats {
        let disk = DiskUse { used_bytes: 1, total_bytes: 2 };
        StoreStats { chunks: 0, object_bytes: 0, segment_bytes: 0, quarantined: 3, groups: 0, disk, fill }
    }

    #[test]
    fn a_node_tells_what_its_jobs_have_found() {
        let board = Board::default();
        assert_eq!(Upkeep::of(&board, &stats(Fill::Roomy)), Upkeep { damaged: 3, ..Upkeep::default() });
        board.change(Repair::NAME, |status| (status.owed, status.wanting) = (Some(7), 5));
        board.change("sweep", |status| status.failure = Some("no room".to_owned()));
        let told = Upkeep::of(&board, &stats(Fill::Roomy));
        let failing = vec!["sweep".to_owned()];
        assert_eq!(told, Upkeep { missing: Some(7), unavailable: 5, damaged: 3, failing });
        assert!(told.lacks_copies() && !Upkeep { missing: Some(0), ..Upkeep::default() }.lacks_copies());
        let full = Upkeep::of(&board, &stats(Fill::Full));
        assert_eq!(
            (full.missing, full.unavailable),
            (Some(7), 0),
            "there was no room for them, which is something else"
        );
    }

    #[test]
    fn what_another_node_calls_its_jobs_is_names() {
        let failing =
            ["scrub", "\u{1b}[2J", "", "a b", &"x".repeat(JOB_NAME_BYTES_MAX + 1)].map(str::to_owned).to_vec();
        let heard = Upkeep { failing, ..Upkeep::default() }.heard();
        assert_eq!(heard.failing, ["scrub"]);
    }
}
