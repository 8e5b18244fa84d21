//! Seats: which of the chartered nodes make up the cluster, where they are reached, how much they take.
//!
//! A charter says that the organisation trusts a node; a seat, which an admin's device signs, says that the cluster uses it.
//! Before the first seat, the founding node alone is the cluster.

use std::collections::BTreeMap;
use std::num::NonZeroU64;

use serde::{Deserialize, Serialize};

use crate::id::NodeId;
use crate::limit::{SEAT_ADDRESS_BYTES_MAX, SEAT_ADDRESSES_MAX, SEATS_MAX};
use crate::organisation::charter::Charter;
use crate::organisation::fold::{Organisation, OrganisationError};

/// A node's place in the cluster, as it was signed last.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seat {
    /// Which node.
    pub node: NodeId,
    /// Where devices and other nodes reach it, as `host:port`, the best first.
    pub addresses: Vec<String>,
    /// Bytes of chunks that it is meant to hold.
    pub capacity_bytes: NonZeroU64,
    /// Whether it may vote on the metadata; it holds them in any case.
    pub voter: bool,
}

/// A seat whose node has a charter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Seated<'a> {
    /// The seat.
    pub seat: &'a Seat,
    /// The node's charter; its dates are for the caller to judge.
    pub charter: &'a Charter,
    /// Whether the node is to be emptied.
    pub draining: bool,
    /// The position of the chain that seated the node first.
    pub since: u64,
}

impl Seat {
    pub(super) fn is_bounded(&self) -> bool {
        !self.addresses.is_empty()
            && self.addresses.len() <= SEAT_ADDRESSES_MAX
            && self.addresses.iter().all(|address| is_address(address))
    }
}

/// The seats of an organisation's fold.
#[derive(Debug, Clone, Default)]
pub(super) struct Seats {
    taken: BTreeMap<NodeId, Taken>,
    /// The last seat of each node that was taken out: until its copies are elsewhere, it is still spoken with.
    removed: BTreeMap<NodeId, Seat>,
}

#[derive(Debug, Clone)]
struct Taken {
    seat: Seat,
    draining: bool,
    since: u64,
}

type Charters = BTreeMap<NodeId, Charter>;

impl Seats {
    /// Seats a node, or changes its seat.
    pub(super) fn take(&mut self, seat: &Seat, charters: &Charters, position: u64) -> Result<(), OrganisationError> {
        let node = seat.node;
        let known = self.taken.get(&node);
        let is_full = known.is_none() && self.taken.len() >= SEATS_MAX;
        if is_full || !charters.contains_key(&node) || self.removed.contains_key(&node) {
            return Err(OrganisationError::Contradiction);
        }
        let since = known.map_or(position, |known| known.since);
        self.taken.insert(node, Taken { seat: seat.clone(), draining: false, since });
        Ok(())
    }

    /// Begins to empty a node.
    pub(super) fn drain(&mut self, node: NodeId, charters: &Charters) -> Result<(), OrganisationError> {
        self.others_stay(node, charters)?;
        self.taken.get_mut(&node).ok_or(OrganisationError::Contradiction)?.draining = true;
        Ok(())
    }

    /// Takes a node out, for good.
    pub(super) fn remove(&mut self, node: NodeId, charters: &Charters) -> Result<(), OrganisationError> {
        self.others_stay(node, charters)?;
        let taken = self.taken.remove(&node).ok_or(OrganisationError::Contradiction)?;
        self.removed.insert(node, taken.seat);
        Ok(())
    }

    /// A cluster keeps one node at least that is not on its way out.
    fn others_stay(&self, node: NodeId, charters: &Charters) -> Result<(), OrganisationError> {
        let stays = self.all(charters).any(|seated| seated.seat.node != node && !seated.draining);
        if stays { Ok(()) } else { Err(OrganisationError::Contradiction) }
    }

    fn all<'a>(&'a self, charters: &'a Charters) -> impl Iterator<Item = Seated<'a>> {
        self.taken.keys().filter_map(move |node| self.find(*node, charters))
    }

    fn find<'a>(&'a self, node: NodeId, charters: &'a Charters) -> Option<Seated<'a>> {
        let Taken { seat, draining, since } = self.taken.get(&node)?;
        Some(Seated { seat, charter: charters.get(&node)?, draining: *draining, since: *since })
    }
}

impl Organisation {
    /// The nodes of the cluster, by identifier; none before the first seat, when the founding node alone is the cluster.
    pub fn seats(&self) -> impl Iterator<Item = Seated<'_>> {
        self.seats.all(&self.charters)
    }

    /// A node's seat. One whose charter was revoked has none.
    #[must_use]
    pub fn seat(&self, node: NodeId) -> Option<Seated<'_>> {
        self.seats.find(node, &self.charters)
    }

    /// Whether a node was ever seated: from then on the cluster is what the seats say.
    #[must_use]
    pub fn was_seated(&self) -> bool {
        !self.seats.taken.is_empty() || !self.seats.removed.is_empty()
    }

    /// Whether the node was in the cluster and was taken out: it never comes back.
    #[must_use]
    pub fn is_seat_removed(&self, node: NodeId) -> bool {
        self.seats.removed.contains_key(&node)
    }

    /// The nodes that were taken out of the cluster, by identifier.
    pub fn removed(&self) -> impl Iterator<Item = NodeId> {
        self.seats.removed.keys().copied()
    }

    /// Whether the node has no part in the cluster any more: it was taken out, or its charter was revoked.
    #[must_use]
    pub fn is_dismissed(&self, node: NodeId) -> bool {
        self.is_seat_removed(node) || self.is_charter_revoked(node)
    }

    /// Where a node is reached, also once it was taken out: others may still copy from it. One whose charter was revoked is reached nowhere.
    #[must_use]
    pub fn addresses(&self, node: NodeId) -> &[String] {
        let seat = self.seats.taken.get(&node).map(|taken| &taken.seat).or_else(|| self.seats.removed.get(&node));
        seat.filter(|_| self.charters.contains_key(&node)).map_or(&[], |seat| &seat.addresses)
    }

    /// The node that may found the cluster, as long as none was ever seated: the first chartered of those that still are.
    #[must_use]
    pub fn founder(&self) -> Option<NodeId> {
        let first = || self.chartered.iter().copied().find(|node| self.charters.contains_key(node));
        if self.was_seated() { None } else { first() }
    }
}

/// Whether `text` is a `host:port` that a client can be sent to.
#[must_use]
pub fn is_address(text: &str) -> bool {
    let is_port = |port: &str| port.parse::<u16>().is_ok_and(|port| port != 0);
    text.len() <= SEAT_ADDRESS_BYTES_MAX
        && text.bytes().all(|byte| byte.is_ascii_graphic() && byte != b',')
        && text.rsplit_once(':').is_some_and(|(host, port)| !host.is_empty() && is_port(port))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_names_a_host_and_a_port() {
        for good in ["coffre.mairie.example:4433", "192.0.2.1:1", "[2001:db8::1]:65535"] {
            assert!(is_address(good), "{good}");
        }
        let long = format!("{}:1", "a".repeat(SEAT_ADDRESS_BYTES_MAX));
        for bad in ["", "host", ":1", "host:", "host:0", "host:65536", "ho st:1", "a,b:1", "h\u{e9}:1", "h\n:1", &long]
        {
            assert!(!is_address(bad), "{bad}");
        }
    }
}
