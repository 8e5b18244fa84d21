//! The metadata of an organisation: one Raft group that orders what people's devices have signed.
//!
//! A proposal is judged for form, joins others in a log entry, goes to the leader, is synced by a majority, and only then applied: by one
//! pure function, on every voter alike, which alone decides. Readers see the locally applied state through a [`View`].
//!
//! Invariants: what is acknowledged is committed and on disk. Apply sees no clock, no randomness and no disk but the state
//! itself. Nothing here has authority: whatever grants, adds or ends is a signature that apply verifies. The consensus
//! engine's types stay inside this folder.
//!
//! Absent on purpose: key material (everything here is signed and sealed elsewhere), chunk bodies, addresses (the
//! engine's messages go to nodes, and `peers` knows where those are).

mod command;
mod error;
mod explain;
mod proposal;
mod state;

mod level;
mod members;
mod network;
mod orderer;
mod preflight;
mod proposer;
mod raft;
mod store;
mod transfer;
mod trim;

mod handle;
mod pulse;
mod served;
mod standing;
mod view;

pub use command::{Applied, Record};
pub use error::{BackupError, Failure, MetadataError};
pub use handle::Metadata;
pub use proposal::{Proposal, ProposeError};
pub use standing::Standing;
pub use state::{Row, Tally, Weight};
pub use store::{About, Built, Restored, back_up, restore};
pub use view::{Beside, KnownLink, KnownRequest, RecordNow, View};

#[cfg(test)]
pub(crate) mod tests;
