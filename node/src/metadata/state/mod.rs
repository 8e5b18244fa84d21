//! The replicated state: what it is, and the one function that changes it.
//!
//! Pure: apply sees the state, a Raft index and a command, and no clock, randomness, task or disk. So every voter that
//! applies the same log has the same state. What is small lives in [`Core`], in memory; spaces are read through
//! [`Base`]; chunk rows are written blind, since a row's new content never depends on the old.

mod base;
mod clock;
mod core;
mod draft;
mod invites;
mod row;

mod apply;
mod certify;
mod commit;
mod join;
mod open_invite;
mod space;

pub(super) use apply::apply;
pub(super) use base::Base;
pub(super) use core::Core;
pub(super) use draft::{Change, Changes, Draft};
pub use row::Row;

#[cfg(test)]
mod tests;
