//! What a run tells: what it will do, how far it is, what came of it, and what it left out.

use serde::{Deserialize, Serialize};

use super::SyncError;
use super::brake::Held;
use super::drops::Received;
use super::tend::Contested;
use crate::content::{ChunkFault, Meter, Skip};
use crate::limit::APART_LISTED_MAX;
use crate::log::Falsehood;
use crate::tree::{IgnoreMistake, IgnoreRule, Refused, TreeError, Unfit};

/// Sees a run as it goes.
pub trait Watcher: Meter {
    /// A round is planned.
    fn planned(&self, _plan: &PlanSummary) {}
    /// Something was left out.
    fn issue(&self, _issue: &Issue) {}
    /// Whether the run is to go on; asked between its steps, and answered at once.
    fn goes_on(&self) -> bool {
        true
    }
}

impl dyn Watcher {
    /// # Errors
    /// [`SyncError::Halted`] if the run is not to go on.
    pub(super) fn go_on(&self) -> Result<(), SyncError> {
        if self.goes_on() { Ok(()) } else { Err(SyncError::Halted) }
    }
}

/// Watches nothing.
#[derive(Debug, Clone, Copy, Default)]
pub struct Quiet;

impl Meter for Quiet {}

impl Watcher for Quiet {}

/// What a round will do.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct PlanSummary {
    /// Files to upload.
    pub uploads: u64,
    /// Bytes of those.
    pub upload_bytes: u64,
    /// Files to download.
    pub downloads: u64,
    /// Bytes of those.
    pub download_bytes: u64,
    /// Folders to make, on either side.
    pub folders: u64,
    /// Entries to remove from the log.
    pub removals_there: u64,
    /// Entries to remove from the disk.
    pub removals_here: u64,
    /// Entries to move, on either side.
    pub moves: u64,
    /// Files that are as they were.
    pub unchanged: u64,
    /// What is not carried out now.
    pub left: u64,
}

/// What came of a run.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Summary {
    /// Files whose content is new in the log.
    pub uploaded: u64,
    /// Bytes of those.
    pub uploaded_bytes: u64,
    /// Bytes of objects that were sent.
    pub sent_bytes: u64,
    /// Files written here.
    pub downloaded: u64,
    /// Bytes of those.
    pub downloaded_bytes: u64,
    /// Folders made, on either side.
    pub folders: u64,
    /// Entries removed from the log.
    pub removed_there: u64,
    /// Entries removed from the disk, to the trash.
    pub removed_here: u64,
    /// Entries moved in the log.
    pub moved_there: u64,
    /// Entries moved on the disk.
    pub moved_here: u64,
    /// Commits signed.
    pub commits: u64,
    /// Files that were as they were agreed on, at the last look at everything.
    pub unchanged: u64,
    /// What is ignored: files, and folders with all that is in them.
    pub ignored: u64,
    /// What is not selected on this device, counted alike.
    pub deselected: u64,
    /// What was not carried out: held, or waiting for something else.
    pub left: u64,
    /// What the brake holds until a person approves.
    pub held: Held,
    /// Conflict copies made, by path.
    pub conflicts: Vec<String>,
    /// What was left out.
    pub issues: Vec<Issue>,
    /// What people without an account have dropped, and what came of it.
    pub dropped: Received,
    /// Releases of chunks that were still needed: they are kept.
    pub contested: Vec<Contested>,
    /// Ops of members that had no effect: honest clients write none.
    pub void_ops: u64,
    /// What members' devices have signed, and is not so. Alarm.
    #[serde(with = "told_falsehoods")]
    pub falsehoods: Vec<Falsehood>,
    /// Whether both sides agreed at the end, but for what was left out.
    pub agreed: bool,
}

/// For scripts, and the service's socket, a device is its identifier in hexadecimal digits.
pub(crate) mod told_falsehoods {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    use crate::log::{Falsehood, FalsehoodOf};

    #[derive(Serialize, Deserialize)]
    struct Told {
        commit: u64,
        device: String,
        of: FalsehoodOf,
    }

    pub(crate) fn serialize<S: Serializer>(found: &[Falsehood], to: S) -> Result<S::Ok, S::Error> {
        to.collect_seq(found.iter().map(|found| Told {
            commit: found.seq,
            device: found.device.to_hex(),
            of: found.of,
        }))
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<Falsehood>, D::Error> {
        let told = Vec::<Told>::deserialize(from)?;
        let read = told.into_iter().map(|Told { commit, device, of }| {
            Ok(Falsehood { seq: commit, device: device.parse().map_err(serde::de::Error::custom)?, of })
        });
        read.collect()
    }
}

impl Summary {
    /// Changes that were carried out so far, on either side.
    pub(super) fn steps(&self) -> u64 {
        let there = [self.uploaded, self.removed_there, self.moved_there, self.commits];
        let here = [self.downloaded, self.removed_here, self.moved_here, self.folders];
        there.iter().chain(&here).sum()
    }

    /// Whether nothing was changed, on either side.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        let Self { unchanged, ignored, deselected, left, held, issues, void_ops, agreed, .. } = self;
        let idle = Self {
            unchanged: *unchanged,
            ignored: *ignored,
            deselected: *deselected,
            left: *left,
            held: *held,
            issues: issues.clone(),
            void_ops: *void_ops,
            agreed: *agreed,
            ..Self::default()
        };
        *self == idle
    }

    /// Whether everything that was to be done is done.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.agreed && self.issues.is_empty() && !self.held.is_any()
    }
}

/// Something that was left out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Issue {
    /// Where, below the sync root.
    pub path: String,
    /// Why.
    pub problem: Problem,
}

/// Why something was left out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Problem {
    /// It cannot be read here.
    Unreadable(String),
    /// It kept changing while it was read.
    Busy,
    /// Larger than the format allows.
    TooLarge,
    /// Its name cannot stand in the log.
    Unnameable,
    /// A pipe, a socket, a device.
    Special,
    /// Its name or link would not be safe on this disk.
    Hostile(String),
    /// It was, or was not, the root of another disk when it was last seen.
    MountChanged,
    /// It cannot be written here.
    Unwritable(String),
    /// A node has lost or damaged a chunk of it.
    MissingChunk(String),
    /// Its chunks do not open, or are not the content that its author recorded.
    Forged,
    /// The space has a name without content: nothing was written to it yet.
    NoContent,
    /// Something that does not leave stands where it should come.
    InTheWay,
    /// More change places with each other than one commit holds.
    Knot,
    /// The brake holds it.
    Held,
    /// It takes no part here any more, and was changed here.
    Kept,
    /// This person may only read the space.
    ReadOnly,
    /// It is not deleted for being old, since no node confirms this machine's clock.
    Clock,
    /// A line of rules is no pattern.
    Pattern {
        /// Which, from 1 on.
        line: u64,
        /// What is wrong with it.
        reason: String,
    },
    /// A node that may have a chunk of it does not answer.
    Unheard,
}

/// What takes no part in syncing on this device.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct ApartReport {
    /// Files that are ignored, and folders with all that is in them.
    pub ignored: u64,
    /// What is not selected, counted alike.
    pub deselected: u64,
    /// One by one, by path; at most [`APART_LISTED_MAX`](crate::limit::APART_LISTED_MAX).
    pub listed: Vec<ApartItem>,
}

/// A file or folder that takes no part, with all that is in it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ApartItem {
    /// Where.
    pub path: String,
    /// Whether it is a folder.
    pub is_folder: bool,
    /// Whether this disk has it.
    pub is_here: bool,
    /// Whether the space has it.
    pub is_there: bool,
    /// Why.
    #[serde(flatten)]
    pub why: WhyApart,
}

/// Why something takes no part.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "why", rename_all = "snake_case")]
pub enum WhyApart {
    /// A rule ignores it.
    Ignored(IgnoreRule),
    /// This device's user has not selected it.
    NotSelected,
}

impl ApartReport {
    /// Takes in one more.
    pub(crate) fn add(&mut self, item: ApartItem) {
        match item.why {
            WhyApart::Ignored(_) => self.ignored = self.ignored.saturating_add(1),
            WhyApart::NotSelected => self.deselected = self.deselected.saturating_add(1),
        }
        if self.listed.len() < APART_LISTED_MAX {
            self.listed.push(item);
        }
    }
}

impl From<Skip> for Problem {
    fn from(skip: Skip) -> Self {
        match skip {
            Skip::Unreadable(error) => Self::Unreadable(reason(&error)),
            Skip::Busy => Self::Busy,
            Skip::TooLarge => Self::TooLarge,
        }
    }
}

impl From<Unfit> for Problem {
    fn from(unfit: Unfit) -> Self {
        match unfit {
            Unfit::Name(_) => Self::Unnameable,
            Unfit::Special => Self::Special,
        }
    }
}

impl From<IgnoreMistake> for Issue {
    fn from(mistake: IgnoreMistake) -> Self {
        let IgnoreMistake { file, line, reason } = mistake;
        Self { path: file.to_string(), problem: Problem::Pattern { line, reason } }
    }
}

impl From<Refused> for Problem {
    fn from(refused: Refused) -> Self {
        Self::Hostile(refused.to_string())
    }
}

impl From<ChunkFault> for Problem {
    fn from(fault: ChunkFault) -> Self {
        match fault {
            ChunkFault::Missing(_) | ChunkFault::Corrupt(_) => Self::MissingChunk(fault.to_string()),
            ChunkFault::Forged(_) => Self::Forged,
            ChunkFault::Unheard(_) => Self::Unheard,
        }
    }
}

impl Problem {
    /// What a disk said when something was to be read.
    #[must_use]
    pub fn unreadable(error: &TreeError) -> Self {
        Self::Unreadable(reason(error))
    }

    /// What a disk said when something was to be written.
    #[must_use]
    pub fn unwritable(error: &TreeError) -> Self {
        Self::Unwritable(reason(error))
    }
}

fn reason(error: &TreeError) -> String {
    match error {
        TreeError::Disk { source, .. } => source.to_string(),
        other => other.to_string(),
    }
}
