//! The part of the state that is always in memory.

use std::sync::Arc;

use vauban_protocol::organisation::Organisation;

use super::clock::Clock;
use super::invites::InviteBook;
use super::release::Tally;
use crate::placement::Layouts;

/// Cheap to clone: an entry is applied to a copy, which replaces the original once it is on disk.
#[derive(Debug, Clone, Default)]
pub(in crate::metadata) struct Core {
    /// The organisation; `None` until it is founded.
    pub(in crate::metadata) organisation: Option<Arc<Organisation>>,
    /// Cluster time and floor.
    pub(in crate::metadata) clock: Clock,
    /// The open invites.
    pub(in crate::metadata) invites: Arc<InviteBook>,
    /// What every voter supports.
    pub(in crate::metadata) feature_level: u32,
    /// What is released, and was purged.
    pub(in crate::metadata) tally: Tally,
    /// Who holds which chunks.
    pub(in crate::metadata) layouts: Arc<Layouts>,
}
