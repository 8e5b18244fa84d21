//! The replicated state: what it is, and the one function that changes it.
//!
//! Pure: apply sees the state, a Raft index and a command, and no clock, randomness, task or disk. So every voter that
//! applies the same log has the same state. What is small lives in [`Core`], in memory; spaces are read through
//! [`Base`], and so are the records of a [`Table`](table::Table): chunk rows, releases, what devices have seen.

mod base;
mod clock;
mod core;
mod draft;
mod invites;
mod row;
mod table;

mod apply;
mod certify;
mod commit;
mod file_request;
mod join;
mod layout;
mod link;
mod open_invite;
mod release;
mod seen;
mod space;
mod usage;

pub(super) use apply::apply;
pub(super) use base::Base;
pub(super) use clock::Clock;
pub(super) use core::Core;
pub(super) use draft::{Change, Changes, Draft};
pub(super) use file_request::{DropEntry, DropPhase, DropRecord, RequestEntry};
pub(super) use link::LinkEntry;
pub(super) use release::Release;
pub use release::Tally;
pub use row::{Row, Weight};

#[cfg(test)]
mod tests;
