//! The state while entries are applied: the base, and over it what the entries have changed so far.
//!
//! A verb judges first and changes last, so a refused command leaves no trace. Nothing is visible or on disk until all
//! of a draft's [`Changes`] are, together.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use vauban_protocol::id::{InviteId, SpaceId, UserId};
use vauban_protocol::organisation::Organisation;
use vauban_protocol::space::Space;
use vauban_protocol::wire::Refusal;

use super::base::Base;
use super::core::Core;
use super::table::{Table, Written};

/// Why a command stops half-way.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Stop<E> {
    /// It is refused, on every voter alike.
    Refused(Refusal),
    /// The base cannot be read: this voter stops, and has applied nothing.
    Base(E),
}

impl<E> From<Refusal> for Stop<E> {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

/// A record to write that is not kept in memory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::metadata) enum Change {
    /// A certificate at a position of the organisation's chain.
    Certificate { position: u64, bytes: Bytes },
    /// A person is a member of a space.
    Member { user: UserId, space: SpaceId },
    /// A person is a member of a space no more.
    NoMember { user: UserId, space: SpaceId },
    /// An invite is open.
    InviteOpened { invite: InviteId, bytes: Bytes },
    /// An invite has a post.
    Posted { invite: InviteId, number: usize, bytes: Bytes },
    /// An invite and its posts are gone.
    InviteClosed { invite: InviteId, posts: usize },
}

/// All that a draft changes.
#[derive(Debug)]
pub(in crate::metadata) struct Changes {
    /// The new core.
    pub(in crate::metadata) core: Core,
    /// The spaces that changed.
    pub(in crate::metadata) spaces: BTreeMap<SpaceId, Arc<Space>>,
    /// Records to write, in order.
    pub(in crate::metadata) records: Vec<Change>,
    /// Records of the table, whose order does not matter.
    pub(in crate::metadata) table: Written,
}

/// See the module.
#[derive(Debug)]
pub(in crate::metadata) struct Draft<'a, B> {
    base: &'a B,
    pub(super) core: Core,
    /// Records that commands of one draft write and read back.
    pub(super) table: Table<'a, B>,
    spaces: BTreeMap<SpaceId, Arc<Space>>,
    records: Vec<Change>,
}

impl<'a, B: Base> Draft<'a, B> {
    /// A draft that changes nothing yet.
    pub(in crate::metadata) fn new(base: &'a B, core: Core) -> Self {
        Self { base, core, table: Table::new(base), spaces: BTreeMap::new(), records: Vec::new() }
    }

    /// What there is to write.
    pub(in crate::metadata) fn finish(mut self) -> Changes {
        let table = self.table.finish();
        Changes { core: self.core, spaces: self.spaces, records: self.records, table }
    }

    /// The organisation; before it is founded nothing else can be.
    pub(super) fn organisation(&self) -> Result<Arc<Organisation>, Stop<B::Error>> {
        let organisation = self.core.organisation.as_ref();
        Ok(Arc::clone(organisation.ok_or(Refusal::Unavailable)?))
    }

    /// A space, as changed so far.
    pub(super) fn space(&self, space: SpaceId) -> Result<Option<Arc<Space>>, Stop<B::Error>> {
        self.space_now(space).map_err(Stop::Base)
    }

    /// The same, where nothing can be refused.
    pub(super) fn space_now(&self, space: SpaceId) -> Result<Option<Arc<Space>>, B::Error> {
        match self.spaces.get(&space) {
            Some(changed) => Ok(Some(Arc::clone(changed))),
            None => self.base.space(space),
        }
    }

    /// A space that is about to change: copied once a draft, if anyone else holds it.
    pub(super) fn space_mut(&mut self, space: Arc<Space>) -> &mut Space {
        let slot = self.spaces.entry(space.id()).or_insert(space);
        Arc::make_mut(slot)
    }

    /// How many spaces a person is a member of, counted up to `at_most`, and those that a draft adds.
    pub(super) fn memberships(&self, user: UserId, at_most: usize) -> Result<usize, Stop<B::Error>> {
        let before = self.base.memberships(user, at_most).map_err(Stop::Base)?;
        let here = |record: &&Change| matches!(record, Change::Member { user: of, .. } if *of == user);
        Ok(before.saturating_add(self.records.iter().filter(here).count()))
    }

    /// Adds a record to write.
    pub(super) fn record(&mut self, change: Change) {
        self.records.push(change);
    }

    /// Closes an invite, if it is open.
    pub(super) fn close_invite(&mut self, invite: InviteId) {
        if self.core.invites.find(invite).is_none() {
            return;
        }
        if let Some(posts) = Arc::make_mut(&mut self.core.invites).close(invite) {
            self.record(Change::InviteClosed { invite, posts });
        }
    }
}
