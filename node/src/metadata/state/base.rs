//! What apply reads of the state that is too large for memory.

use std::sync::Arc;

use vauban_protocol::id::{SpaceId, UserId};
use vauban_protocol::space::Space;

/// The state as it stood before the entries that are being applied.
pub(in crate::metadata) trait Base {
    /// A read that failed; apply stops there, and so does the node.
    type Error;

    /// A space's clear fold.
    fn space(&self, space: SpaceId) -> Result<Option<Arc<Space>>, Self::Error>;

    /// How many spaces a person is a member of, counted up to `at_most`.
    fn memberships(&self, user: UserId, at_most: usize) -> Result<usize, Self::Error>;
}
