//! What the applied state knows of one person in spaces: roles, who rules beside them, how many others there are, links.

use vauban_protocol::id::{SpaceId, UserId};
use vauban_protocol::limit::{LINKS_MAX, MEMBERS_MAX, SPACES_OF_MAX};
use vauban_protocol::organisation::Organisation;
use vauban_protocol::space::{Role, Space};
use vauban_protocol::wire::{LinkPhase, SpaceOf};

use super::View;
use crate::metadata::error::Failure;
use crate::metadata::state::{Base, LinkEntry};
use crate::metadata::store::{Family, Key, Scan};

impl View {
    /// A person's spaces after `after`, by identifier, as many as one answer holds; and whether there are more.
    ///
    /// # Errors
    /// The disk failed: the node must stop.
    pub fn known_of(&self, user: UserId, after: Option<SpaceId>) -> Result<(Vec<SpaceOf>, bool), Failure> {
        let _reading = self.replica.reading();
        let Some(organisation) = self.replica.core().organisation else { return Ok((Vec::new(), false)) };
        let range = Key::members(user);
        let mut ids = Vec::new();
        self.database().scan(Family::State, &range, &range.end(), |key, _| {
            ids.extend(Key::member_space(key).filter(|space| after.is_none_or(|after| *space > after)));
            Ok(if ids.len() > SPACES_OF_MAX { Scan::Enough } else { Scan::More })
        })?;
        let (mut spaces, mut rulers) = (Vec::new(), 0usize);
        for id in &ids {
            let Some(found) = self.replica.space(*id)? else { continue };
            let Some(role) = found.role(user) else { continue };
            let known = self.known_in(&organisation, &found, user, role)?;
            rulers = rulers.saturating_add(known.rulers.len());
            let is_full = spaces.len() >= SPACES_OF_MAX || (rulers > MEMBERS_MAX && !spaces.is_empty());
            if is_full {
                return Ok((spaces, true));
            }
            spaces.push(known);
        }
        Ok((spaces, ids.len() > SPACES_OF_MAX))
    }

    fn known_in(
        &self,
        organisation: &Organisation,
        space: &Space,
        user: UserId,
        role: Role,
    ) -> Result<SpaceOf, Failure> {
        let others = |wanted: Role| {
            let is_other = |(other, role): (UserId, Role)| {
                other != user && role == wanted && organisation.live_user(other).is_some()
            };
            let count = space.members().filter(|(other, member)| is_other((*other, member.role))).count();
            u32::try_from(count).unwrap_or(u32::MAX)
        };
        Ok(SpaceOf {
            space: space.id(),
            role,
            rulers: space
                .members()
                .filter(|(_, member)| member.role >= Role::Manager)
                .map(|(user, member)| (user, *member))
                .collect(),
            writers: others(Role::Writer),
            readers: others(Role::Reader),
            links: self.links_of(organisation, space, user)?,
        })
    }

    /// How many links of a person's devices a space has that are not over.
    fn links_of(&self, organisation: &Organisation, space: &Space, user: UserId) -> Result<u32, Failure> {
        let range = Key::link_records(space.id());
        let now = self.cluster_time();
        let mut links = 0u32;
        for (key, _) in self.replica.records(&range, &range.end(), LINKS_MAX)? {
            let Some(link) = key.link_looked_at() else { continue };
            let found: Option<LinkEntry> = self.database().read_as(Family::State, &Key::link(link))?;
            let is_theirs = |entry: &LinkEntry| {
                organisation.device(entry.device).is_some_and(|device| device.user == user)
                    && matches!(entry.phase(organisation, space, now), LinkPhase::Open | LinkPhase::Unfinished)
            };
            links = links.saturating_add(u32::from(found.as_ref().is_some_and(is_theirs)));
        }
        Ok(links)
    }
}
