//! What this machine remembers: the home folder, the small state that cannot be rebuilt (the anchor), and files that are
//! replaced whole or not at all.

mod anchor;
mod chain_file;
mod durable_file;
mod error;
mod home;
mod selection;

pub mod cache;
pub mod journal;

pub use anchor::{Anchor, AnchorRecord, Outbox, SpaceAnchor};
pub use chain_file::ChainFile;
pub use durable_file::{create_new, read_bounded, replace};
pub use error::StateError;
pub use home::{ANCHOR_FILE, Claim, Home};
pub use selection::{SelectedFolder, Selection, SelectionMode};
