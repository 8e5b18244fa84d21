//! The part of the state that is always in memory.

use std::sync::Arc;

use vauban_protocol::id::Incarnation;
use vauban_protocol::limit::RETENTION_DAYS_MIN;
use vauban_protocol::organisation::Organisation;
use vauban_protocol::time::DAY_SECONDS;

use super::clock::Clock;
use super::invites::InviteBook;
use super::release::Tally;
use crate::placement::Layouts;

/// Cheap to clone: an entry is applied to a copy, which replaces the original once it is on disk.
#[derive(Debug, Clone, Default)]
pub(in crate::metadata) struct Core {
    /// The organisation; `None` until it is founded.
    pub(in crate::metadata) organisation: Option<Arc<Organisation>>,
    /// Which incarnation of the cluster this is.
    pub(in crate::metadata) incarnation: Incarnation,
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

impl Core {
    /// Whether this is the incarnation that the organisation's root wants to go on. One that was restored from a backup is not until
    /// it was reanchored; one that was followed by another never is again.
    pub(in crate::metadata) fn is_in_force(&self) -> bool {
        self.organisation.as_ref().is_none_or(|organisation| organisation.incarnation() == self.incarnation)
    }

    /// Whether rows may be purged. Not for a while after a restore: who had kept a chunk may have to say so again.
    pub(super) fn may_purge(&self) -> bool {
        let reanchored = self.organisation.as_ref().and_then(|organisation| organisation.reanchored_at());
        let rest = u64::from(RETENTION_DAYS_MIN).saturating_mul(DAY_SECONDS);
        self.is_in_force() && reanchored.is_none_or(|at| at.plus(rest) <= self.clock.time())
    }
}
