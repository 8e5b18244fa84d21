//! The open invites: what apply needs to know of them, without their bytes.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use vauban_protocol::id::{DeviceId, Digest, InviteId, UserId};
use vauban_protocol::organisation::InviteKind;
use vauban_protocol::time::Timestamp;

/// Every open invite, at most [`vauban_protocol::limit::INVITES_MAX`].
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(in crate::metadata) struct InviteBook {
    open: BTreeMap<InviteId, InviteEntry>,
}

/// One open invite.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::metadata) struct InviteEntry {
    /// Who invites.
    pub(in crate::metadata) user: UserId,
    /// With which machine: revoked, it takes its invites with it.
    pub(in crate::metadata) device: DeviceId,
    /// What the invite leads to.
    pub(in crate::metadata) kind: InviteKind,
    /// After this cluster time it takes no post.
    pub(in crate::metadata) expires_at: Timestamp,
    /// Digest of the signed invite.
    pub(in crate::metadata) digest: Digest,
    /// Digests of its posts, in order, at most [`vauban_protocol::limit::JOIN_POSTS_MAX`].
    pub(in crate::metadata) posts: Vec<Digest>,
}

impl InviteBook {
    /// An open invite.
    pub(in crate::metadata) fn find(&self, invite: InviteId) -> Option<&InviteEntry> {
        self.open.get(&invite)
    }

    /// Every open invite.
    pub(in crate::metadata) fn iter(&self) -> impl Iterator<Item = (InviteId, &InviteEntry)> {
        self.open.iter().map(|(id, entry)| (*id, entry))
    }

    /// How many are open.
    pub(super) fn len(&self) -> usize {
        self.open.len()
    }

    /// Opens one.
    pub(super) fn open(&mut self, invite: InviteId, entry: InviteEntry) {
        self.open.insert(invite, entry);
    }

    /// Notes a post, and returns its number.
    pub(super) fn post(&mut self, invite: InviteId, post: Digest) -> usize {
        self.open.get_mut(&invite).map_or(0, |entry| {
            entry.posts.push(post);
            entry.posts.len().saturating_sub(1)
        })
    }

    /// Closes one, and returns how many posts it had.
    pub(super) fn close(&mut self, invite: InviteId) -> Option<usize> {
        self.open.remove(&invite).map(|entry| entry.posts.len())
    }
}
