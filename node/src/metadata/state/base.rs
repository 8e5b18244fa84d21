//! What apply reads of the state that is too large for memory.

use std::sync::Arc;

use bytes::Bytes;
use vauban_protocol::canonical::DecodeError;
use vauban_protocol::id::{SpaceId, UserId};
use vauban_protocol::space::Space;

use crate::metadata::store::Key;

/// The state as it stood before the entries that are being applied.
pub(in crate::metadata) trait Base {
    /// A read that failed; apply stops there, and so does the node.
    type Error;

    /// A space's clear fold.
    fn space(&self, space: SpaceId) -> Result<Option<Arc<Space>>, Self::Error>;

    /// How many spaces a person is a member of, counted up to `at_most`.
    fn memberships(&self, user: UserId, at_most: usize) -> Result<usize, Self::Error>;

    /// A record.
    fn record(&self, key: &Key) -> Result<Option<Bytes>, Self::Error>;

    /// The first records from `from` on and before `end`, in key order, `at_most` of them.
    fn records(&self, from: &Key, end: &Key, at_most: usize) -> Result<Vec<(Key, Bytes)>, Self::Error>;

    /// The error of a record that does not decode: the disk is damaged.
    fn damaged(&self, error: DecodeError) -> Self::Error;
}
