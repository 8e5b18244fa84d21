//! The engine: from two trees that differ to two that agree, by way of the log.
//!
//! ```text
//! open space ─ follow (fold what is new)
//!   ├─ tend (judge releases, compare words, release) at the end
//!   └─ survey (disk, base, log ─ matching) ─► standings ─► plan (lettered; brake) ─┬─ order ─► send ─► commits
//!                                                                                 └─ receive ─► arrange, land ─► disk
//! ```
//! A device without a cache starts from a checkpoint, if there is one, and replays the log behind it when nothing else is to do.
//!
//! Entries are decided on, not names: a folder of ten thousand files that was renamed is one change. Invariants: no version that a
//! user wrote is lost; nothing is removed because it is absent, on either side; what is recorded as agreed is durable on disk and
//! in the log; applied and planned again, nothing is left to do.

mod ask_for_keys;
mod author;
mod brake;
mod changes;
mod checkpoint;
mod chores;
mod clocks;
mod conflicts;
mod drops;
mod epoch;
mod error;
mod file_request;
mod follow;
mod found;
mod fsck;
mod keys;
mod land_beside;
mod live;
mod looked;
mod matching;
mod members;
mod open_space;
mod past;
mod plan;
mod put;
mod read;
mod receive;
mod replay;
mod report;
mod rescue;
mod restore;
mod retention;
mod round;
mod second_site;
mod selection;
mod send;
mod set_back;
mod share;
mod spaces;
mod standing;
mod start;
mod survey;
mod synced_folder;
mod tend;
mod whereabouts;
mod words;

pub use brake::{Approval, Held};
pub use changes::{Change, What};
pub use conflicts::{Conflict, Keep, Resolved, Verdict, conflicts, resolve};
pub use drops::{JunkDrop, OnJunk, Received, ReceivedFile, TakenDrop, Taking, WaitingDrops, WhyWaiting};
pub use error::SyncError;
pub use file_request::{ListedRequest, Requested, ToRequest};
pub use found::{create_space, space_name};
pub use fsck::{Damaged, FsckReport, fsck};
pub use live::{Course, Lent, Live, LiveEvent, Rein, Reined, Teller, Turn, Turns, live, reconnecting};
pub use members::{MemberNow, MembersError, Trust};
pub use open_space::OpenSpace;
pub use past::{Difference, Differs, differences, find_at, history, is_kept, list_at, now, read_at};
pub use put::{PutError, put};
pub use read::ReadFile;
pub(crate) use report::told_falsehoods;
pub use report::{ApartItem, ApartReport, Issue, PlanSummary, Problem, Quiet, Summary, Watcher, WhyApart};
pub use restore::{Restored, restore};
pub use round::{Run, apart, preview, sync_changed, sync_once};
pub use share::{ListedLink, Shared, ToShare};
pub use spaces::{ChoiceError, NamedSpace, choose, spaces};
pub use synced_folder::synced_folder;
pub use tend::Contested;
pub use words::{View, Word};

#[cfg(test)]
mod tests;
