//! Who is in a space: roles, and how they change (trust.md, "Spaces").
//!
//! A change of members is a control in clear, in the same commit as the change of keys that it calls for: whoever comes is given the
//! epoch's root, and whoever goes is left behind by a new epoch. So there is no moment at which a person who was removed may read what
//! is written next.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::canonical::DecodeError;
use crate::id::{ChunkId, DeviceId, UserId};
use crate::limit::{CERTIFICATE_BYTES_MAX, MEMBERS_MAX};
use crate::time::Timestamp;

/// What a member may do; each includes the ones before it (trust.md, "Spaces").
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Role {
    /// Reads.
    Reader,
    /// Writes, and rotates epochs.
    Writer,
    /// Admits and removes readers and writers.
    Manager,
    /// Everything.
    Owner,
}

/// A member, as the space's chain says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Member {
    /// What the chain lets the member do. Whoever succeeds a revoked owner may do more: see [`crate::space::Space::authority`].
    pub role: Role,
    /// The position from which this person is a member; 0 for the founder.
    pub since: u64,
    /// The device that admitted this person; the founder's own.
    pub by: DeviceId,
    /// When, by that device's clock: shown to people, decides nothing.
    pub at: Timestamp,
}

/// Members come, go, or get another role.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MembersChange {
    /// When, by the author's clock: shown to people, decides nothing.
    pub at: Timestamp,
    /// The role that each has from here on, or none for whoever goes; in strictly ascending order of people.
    pub roles: Vec<(UserId, Option<Role>)>,
    /// What becomes of the keys.
    pub keys: KeysChange,
}

/// What a change of members does to the space's keys.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum KeysChange {
    /// Nothing: nobody comes, and nobody goes but by their own will. After that the first writer's client rotates.
    Unchanged,
    /// Members come, and nobody goes: the chunk that holds the epoch's root, wrapped for exactly those who come.
    Shared(ChunkId),
    /// A new epoch begins, for all who are members from here on: a signed [`crate::space::EpochCertificate`].
    Epoch(Vec<u8>),
}

/// Who owns a space with these members, of whom `lives` says who is of the organisation: those whose role it is; where none of them is left,
/// the oldest manager.
pub fn owners(members: &BTreeMap<UserId, Member>, lives: impl Fn(UserId) -> bool) -> impl Iterator<Item = UserId> {
    let with = |role: Role| {
        members.iter().filter(move |(_, member)| member.role == role).map(|(user, member)| (member, *user))
    };
    let mut found: Vec<UserId> = with(Role::Owner).map(|(_, user)| user).filter(|user| lives(*user)).collect();
    if found.is_empty() {
        let managers = with(Role::Manager).filter(|(_, user)| lives(*user));
        found.extend(managers.min_by_key(|(member, user)| (member.since, *user)).map(|(_, user)| user));
    }
    found.into_iter()
}

impl MembersChange {
    /// Holds a change to its bounds.
    pub(super) fn bounded(&self) -> Result<(), DecodeError> {
        if self.roles.len() > MEMBERS_MAX {
            return Err(DecodeError::TooLong);
        }
        if self.roles.is_empty() || !self.roles.is_sorted_by(|(a, _), (b, _)| a < b) {
            return Err(DecodeError::NotCanonical);
        }
        match &self.keys {
            KeysChange::Epoch(bytes) if bytes.len() > CERTIFICATE_BYTES_MAX => Err(DecodeError::TooLong),
            _ => Ok(()),
        }
    }

    /// Those who are members from here on, and were none before.
    pub fn comers(&self, is_member: impl Fn(UserId) -> bool) -> impl Iterator<Item = UserId> {
        self.roles.iter().filter(move |(user, role)| role.is_some() && !is_member(*user)).map(|(user, _)| *user)
    }

    /// Those who go.
    pub fn goers(&self) -> impl Iterator<Item = UserId> {
        self.roles.iter().filter(|(_, role)| role.is_none()).map(|(user, _)| *user)
    }
}
