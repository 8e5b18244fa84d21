//! The engine: from two trees that differ to two that agree, by way of the log.
//!
//! ```text
//! open space ─ follow (fold what is new) ─ survey (disk, base, log) ─► plan (pure, lettered) ─► send ─► commits
//!                                                                                      └─► receive ─► disk
//! ```
//! What this version does: it writes what is new or changed on either side, and keeps both where both changed. It removes and
//! moves nothing, and says what it left. Invariants: no version that a user wrote is lost; what is recorded as agreed is durable
//! on disk and in the log; applied and planned again, nothing is left to do.

mod author;
mod error;
mod follow;
mod found;
mod live;
mod open_space;
mod plan;
mod put;
mod read;
mod receive;
mod report;
mod round;
mod send;
mod spaces;
mod survey;

pub use error::SyncError;
pub use found::{create_space, space_name};
pub use live::{Live, LiveEvent, Teller, live, reconnecting};
pub use open_space::OpenSpace;
pub use plan::{LocalContent, Neighbourhood, Situation, situation};
pub use put::{PutError, put};
pub use read::{ReadFile, find, list};
pub use report::{Issue, PlanSummary, Problem, Quiet, Summary, Watcher};
pub use round::sync_once;
pub use spaces::{ChoiceError, NamedSpace, choose, spaces};
pub use survey::{Download, FolderHere, FolderThere, Plan, Upload};

#[cfg(test)]
mod tests;
