//! Who is in a space: admitting, removing, leaving, and other roles (trust.md, "Spaces").

use vauban_protocol::id::UserId;
use vauban_protocol::space::{Control, KeysChange, Member, MembersChange, Role, Space};

use super::author::{Draft, Sent};
use super::{OpenSpace, SyncError};
use crate::content::Nodes;
use crate::limit::COMMIT_TRIES_MAX;

/// A member, as people are told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MemberNow {
    /// Who.
    pub user: UserId,
    /// What the chain says.
    pub member: Member,
    /// What this person may do now; `None` if the organisation has revoked them.
    pub authority: Option<Role>,
}

/// How much must speak for what the nodes show of a space before it is built upon (trust.md, "Seen").
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trust {
    /// A node of another site, or another device lately.
    Confirmed,
    /// The nodes' word.
    Unconfirmed,
}

/// Why members are not changed as was asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum MembersError {
    /// This person's role does not allow it.
    #[error("this takes the role of {0:?}")]
    Role(Role),
    /// Whoever leaves changes nobody else's role in the same breath: they would know the keys that they are not to have.
    #[error("leaving, and something else")]
    Leaving,
    /// Nobody would own the space.
    #[error("nobody would own the space")]
    LastOwner,
    /// That person is no member, and so cannot be removed.
    #[error("{user} is no member of the space")]
    NoMember {
        /// Who.
        user: UserId,
        /// Whether somebody's access has ended since the keys were changed: it may be this person who has left.
        is_rotation_pending: bool,
    },
    /// A revoked device holds that person's key, which is not renewed yet: the space's keys would be given to whoever has the device.
    #[error("a revoked device holds the key of {0}")]
    KeyExposed(UserId),
    /// That person is not of the organisation any more.
    #[error("no user of the organisation any more")]
    Gone,
    /// No other device, and no node of another site, confirms what the nodes show of this space.
    #[error("the view of the space is not confirmed")]
    Unconfirmed,
    /// Another device, or a node of another site, has seen more than the nodes show here.
    #[error("there is more of the organisation, or of the space, than is shown here")]
    Hidden,
    /// Nobody is there who could confirm what the nodes show: they stand on one site, and nobody else has spoken in the space yet.
    #[error("nobody is there who could confirm the view of the space")]
    Alone,
}

impl<N: Nodes> OpenSpace<N> {
    /// The members as folded so far, those who have been here longest first.
    ///
    /// # Errors
    /// [`SyncError`].
    pub fn members(&self) -> Result<Vec<MemberNow>, SyncError> {
        let (space, seq) = (self.folded()?, self.org.head().seq);
        let mut members: Vec<MemberNow> = space
            .members()
            .map(|(user, member)| {
                let is_live = self.org.is_user_at(user, seq);
                let authority = is_live.then(|| space.authority(user, &self.org, seq)).flatten();
                MemberNow { user, member: *member, authority }
            })
            .collect();
        members.sort_unstable_by_key(|now| (now.member.since, now.user));
        Ok(members)
    }

    /// Gives each of these people a role, or removes them; answers whether anything had to be changed. Whoever is removed is left behind by
    /// new keys in the same commit, whoever comes is given the keys.
    ///
    /// # Errors
    /// [`SyncError::Members`], named by the reason; [`SyncError`].
    pub fn change_members(&mut self, wanted: &[(UserId, Option<Role>)], trust: Trust) -> Result<bool, SyncError> {
        self.settle()?;
        self.ensure_epoch()?;
        // The keys that secrets are wrapped for, and who was revoked, as the nodes know it now.
        self.refresh_organisation()?;
        if trust == Trust::Confirmed {
            // Whoever is given a role is given keys with it, or may give them.
            let space = self.folded()?;
            if wanted.iter().any(|(user, role)| role.is_some() && space.role(*user) != *role) {
                self.judge_view()?;
            } else if !self.is_confirmed()? {
                return Err(MembersError::Unconfirmed.into());
            }
        }
        for _ in 0..COMMIT_TRIES_MAX {
            let space = self.folded()?;
            // Of whoever is no member, nothing is to be changed either.
            if let Some((user, _)) = wanted.iter().find(|(user, role)| role.is_none() && space.role(*user).is_none()) {
                let is_rotation_pending = space.is_rotation_pending(&self.org);
                return Err(MembersError::NoMember { user: *user, is_rotation_pending }.into());
            }
            let mut roles: Vec<(UserId, Option<Role>)> =
                wanted.iter().copied().filter(|(user, role)| space.role(*user) != *role).collect();
            if roles.is_empty() {
                self.write_record()?;
                return Ok(false);
            }
            roles.sort_unstable_by_key(|(user, _)| *user);
            self.judge_wanted(&space, &roles)?;
            let draft = self.draft_members(&space, roles)?;
            if self.send(&draft)? == Sent::Committed {
                self.write_record()?;
                return Ok(true);
            }
        }
        Err(SyncError::Overtaken)
    }

    /// What the nodes would refuse, with a reason that people understand.
    fn judge_wanted(&self, space: &Space, roles: &[(UserId, Option<Role>)]) -> Result<(), MembersError> {
        let (me, seq) = (self.identity().user(), self.org.head().seq);
        let authority = space.authority(me, &self.org, seq);
        for (user, role) in roles {
            let before = space.role(*user);
            // The roster by which they were chosen may be older than what was learned since.
            if role.is_some() && !self.org.is_user_at(*user, seq) {
                return Err(MembersError::Gone);
            }
            let needed = if before.max(*role) > Some(Role::Writer) { Role::Owner } else { Role::Manager };
            if authority < Some(needed) && !(*user == me && role.is_none()) {
                return Err(MembersError::Role(needed));
            }
            if before.is_none() && self.org.is_key_exposed_at(*user, seq) {
                return Err(MembersError::KeyExposed(*user));
            }
        }
        let leaves = roles.iter().any(|(user, role)| *user == me && role.is_none());
        if leaves && roles.len() > 1 {
            return Err(MembersError::Leaving);
        }
        let change = MembersChange { at: self.now(), roles: roles.to_vec(), keys: KeysChange::Unchanged };
        let after = space.with_members(&change, self.identity().device());
        if space.is_owned(&self.org, seq) && !after.is_owned(&self.org, seq) {
            return Err(MembersError::LastOwner);
        }
        Ok(())
    }

    fn draft_members(&mut self, space: &Space, roles: Vec<(UserId, Option<Role>)>) -> Result<Draft, SyncError> {
        let (me, at) = (self.identity().user(), self.now());
        let change = MembersChange { at, roles, keys: KeysChange::Unchanged };
        let comers: Vec<UserId> = change.comers(|user| space.role(user).is_some()).collect();
        let goers: Vec<UserId> = change.goers().collect();
        let with = |keys: KeysChange| Control::Members(MembersChange { keys, ..change.clone() });
        if goers.iter().any(|user| *user != me) {
            let after = space.with_members(&change, self.identity().device());
            self.draft_epoch(&after, |certificate| with(KeysChange::Epoch(certificate)))
        } else if comers.is_empty() {
            // Whoever leaves must not be who draws the keys that they are not to have.
            Ok(Draft { control: Some(with(KeysChange::Unchanged)), ..Draft::default() })
        } else {
            self.draft_admission(space, &comers, with)
        }
    }
}
