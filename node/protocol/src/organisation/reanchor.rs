//! Reanchoring: a cluster that was restored from a backup goes on where the root says, and nowhere else.
//!
//! A backup is older than what was acknowledged after it, so to devices a restored cluster looks like one that has rolled its spaces
//! back. What tells the two apart is the root's signature: it names the incarnation of the cluster that goes on, and the head of each of
//! its spaces. Devices go back to those heads, never below, and commit again what came after them (trust.md).

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::chain::Head;
use crate::id::{Fingerprint, Incarnation, NodeId, SpaceId};
use crate::label;
use crate::limit::{REANCHOR_REQUEST_BYTES_MAX, REANCHORED_SPACES_MAX};
use crate::organisation::fold::{Organisation, OrganisationError};
use crate::signed::Payload;
use crate::time::Timestamp;

/// Where the spaces of a restored cluster go on; one part of it, if they are many.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reanchor {
    /// The restored cluster.
    pub incarnation: Incarnation,
    /// When, by the root's clock: cluster time goes on from here, and nothing is purged for a while after.
    pub time: Timestamp,
    /// Spaces and their restored heads, ascending. A space that no part names began after the backup, and is no more.
    pub spaces: Vec<(SpaceId, Head)>,
    /// Whether this part is the last one, which puts all of them into force.
    pub is_last: bool,
}

impl Reanchor {
    pub(super) fn is_bounded(&self) -> bool {
        let ids = self.spaces.iter().map(|(space, _)| space);
        self.spaces.len() <= REANCHORED_SPACES_MAX && ids.is_sorted_by(|one, next| one < next)
    }
}

/// What a restored node asks the root to put into force. Signed by its receipt key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReanchorRequest {
    /// The organisation.
    pub organisation: Fingerprint,
    /// The node that was restored.
    pub node: NodeId,
    /// The incarnation that began with it.
    pub incarnation: Incarnation,
    /// Cluster time of the backup: what was acknowledged later is not in it.
    pub backed_up_at: Timestamp,
    /// The spaces in it and their heads, ascending.
    pub spaces: Vec<(SpaceId, Head)>,
}

impl Payload for ReanchorRequest {
    const MAGIC: [u8; 3] = *b"VBX";
    const CONTEXT: &'static str = label::SIGN_REANCHOR_REQUEST;
    const BYTES_MAX: usize = REANCHOR_REQUEST_BYTES_MAX;
}

/// The incarnations of an organisation's fold.
#[derive(Debug, Clone, Default)]
pub(super) struct Incarnations {
    /// What is in force, in order.
    past: Vec<Reanchored>,
    /// Parts that came before their last one, for each cluster by itself: those of several may come in turns.
    open: BTreeMap<Incarnation, Reanchored>,
}

#[derive(Debug, Clone)]
struct Reanchored {
    incarnation: Incarnation,
    time: Timestamp,
    /// The position that put it into force.
    position: u64,
    spaces: BTreeMap<SpaceId, Head>,
}

impl Incarnations {
    /// Takes a part in.
    pub(super) fn take(&mut self, part: &Reanchor, position: u64) -> Result<(), OrganisationError> {
        let is_used = |incarnation| self.past.iter().any(|past| past.incarnation == incarnation);
        if part.incarnation == Incarnation::FIRST || is_used(part.incarnation) {
            return Err(OrganisationError::Contradiction);
        }
        let mut whole = self.open.remove(&part.incarnation).unwrap_or_else(|| Reanchored {
            incarnation: part.incarnation,
            time: part.time,
            position,
            spaces: BTreeMap::new(),
        });
        (whole.time, whole.position) = (part.time, position);
        whole.spaces.extend(part.spaces.iter().copied());
        if part.is_last {
            self.past.push(whole);
        } else {
            self.open.insert(part.incarnation, whole);
        }
        Ok(())
    }

    /// Forgets the parts of a reanchoring whose last one has not come: whoever begins it again says all of them.
    pub(super) fn forget(&mut self, incarnation: Incarnation) {
        self.open.remove(&incarnation);
    }
}

impl Organisation {
    /// The incarnation of the cluster that goes on: the first one, unless it was restored since.
    #[must_use]
    pub fn incarnation(&self) -> Incarnation {
        self.incarnations.past.last().map_or(Incarnation::FIRST, |last| last.incarnation)
    }

    /// Whether another incarnation was put into force after this one.
    #[must_use]
    pub fn is_superseded(&self, incarnation: Incarnation) -> bool {
        let is_past = incarnation == Incarnation::FIRST
            || self.incarnations.past.iter().any(|past| past.incarnation == incarnation);
        is_past && incarnation != self.incarnation()
    }

    /// The spaces, and where they go on, of those parts of a reanchoring that were said before its last one.
    pub fn reanchoring(&self, incarnation: Incarnation) -> impl Iterator<Item = (SpaceId, Head)> {
        let parts = self.incarnations.open.get(&incarnation);
        parts.into_iter().flat_map(|parts| parts.spaces.iter().map(|(space, head)| (*space, *head)))
    }

    /// When that incarnation was put into force, by the root's clock; `None` for the first one.
    #[must_use]
    pub fn reanchored_at(&self) -> Option<Timestamp> {
        self.incarnations.past.last().map(|last| last.time)
    }

    /// The position of the chain that put it into force; 0 for the first one.
    #[must_use]
    pub fn reanchored_by(&self) -> u64 {
        self.incarnations.past.last().map_or(0, |last| last.position)
    }

    /// How far what was known of a space at `position` still stands: its restored head, the least one if the cluster was restored several
    /// times since. `None` if nothing was restored since, or the space was not in what was.
    #[must_use]
    pub fn restored_since(&self, space: SpaceId, position: u64) -> Option<Head> {
        let since = self.incarnations.past.iter().filter(|past| past.position > position);
        since.filter_map(|past| past.spaces.get(&space)).min_by_key(|head| head.seq).copied()
    }
}
