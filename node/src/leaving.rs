//! A node that was taken out of the cluster: it goes on with its copies until no layout names it, and then says that it may be stopped.
//!
//! Its copies may be the only ones of what was acknowledged, whoever took it out and why. So until then it starts as often as it is started,
//! gives the others what they lack, and deletes nothing. It takes what the layouts still give it, since uploads may need its word while they
//! name it; devices it sends to the others. What the layouts say it hears as a learner of the group, as before (`metadata`).

use std::time::Duration;

use vauban_protocol::id::NodeId;
use vauban_protocol::organisation::Organisation;

use crate::limit::WAITING_SECONDS;
use crate::metadata::Metadata;
use crate::peers::Peers;
use crate::placement::Layouts;

/// How a node stands to its cluster.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Parting {
    /// It has its place, or waits for one.
    Stays,
    /// It was taken out, and a layout still names it: it must not be stopped.
    Needed,
    /// It was taken out, and nobody needs it any more.
    Free,
}

impl Parting {
    /// How `node` stands, by the chain as far as it is known, and the layouts as far as they are applied.
    #[must_use]
    pub fn of(node: NodeId, organisation: &Organisation, layouts: &Layouts) -> Self {
        // A node that has not heard of any layout may be the whole store, for all it knows.
        let is_needed = layouts.names(node) || layouts.active().next().is_none();
        match (organisation.is_seat_removed(node), is_needed) {
            (false, _) => Self::Stays,
            (true, true) => Self::Needed,
            (true, false) => Self::Free,
        }
    }

    /// How the node of these parts stands now.
    #[must_use]
    pub fn now(node: NodeId, metadata: &Metadata, peers: &Peers) -> Self {
        Self::of(node, &peers.known().organisation(), &metadata.view().layouts())
    }
}

/// Says what becomes of this node once it was taken out. Never ends.
pub async fn look_out(node: NodeId, metadata: &Metadata, peers: &Peers) {
    let mut said = Parting::Stays;
    let mut applied = metadata.view().changes();
    // What is known of the chain beyond what is applied is news, too.
    let mut looks = tokio::time::interval(Duration::from_secs(WAITING_SECONDS));
    loop {
        let parting = Parting::now(node, metadata, peers);
        if parting != said {
            match parting {
                Parting::Stays => {}
                Parting::Needed => tracing::warn!(
                    %node,
                    "this node was taken out of the cluster, and others may still need its copies: it goes on giving them; do not stop it yet"
                ),
                Parting::Free => tracing::warn!(
                    %node,
                    "this node was taken out of the cluster, and no layout names it any more: it may be stopped; wipe its disks if no other node says that chunks are lost"
                ),
            }
            said = parting;
        }
        tokio::select! {
            changed = applied.changed() => if changed.is_err() { break },
            _ = looks.tick() => {}
        }
    }
    std::future::pending().await
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU64;

    use vauban_protocol::organisation::{Seat, Statement};
    use vauban_protocol::signature::Ed25519Key;

    use super::*;
    use crate::metadata::tests::town::{Town, charter};
    use crate::placement::Member;

    fn key(byte: u8) -> Ed25519Key {
        Ed25519Key([byte; 32])
    }

    fn node(byte: u8) -> NodeId {
        key(byte).node_id()
    }

    fn seat(town: &mut Town, byte: u8) {
        let chartered = town.by_root(Statement::Charter(charter(key(byte), "site".into())));
        town.take(chartered);
        let addresses = vec!["n:1".to_owned()];
        let seat = Seat { node: node(byte), addresses, capacity_bytes: NonZeroU64::MIN, voter: true };
        let seated = town.by_admin(Statement::SeatNode(seat));
        town.take(seated);
    }

    /// What the layouts are made of, by what the chain says.
    fn members(town: &Town) -> Vec<Member> {
        let seats = town.organisation.seats();
        let member = |node| Member { node, site: "site".into(), capacity: 1, is_draining: false };
        seats.map(|seated| member(seated.seat.node)).collect()
    }

    /// Fails if a node that was taken out may be stopped before those who take its place have reported, or never.
    #[test]
    fn a_node_that_was_taken_out_is_needed_until_no_layout_names_it() {
        let (mut town, mut layouts) = (Town::new(), Layouts::default());
        let parting = |town: &Town, layouts: &Layouts| Parting::of(node(1), &town.organisation, layouts);
        seat(&mut town, 1);
        layouts.change(members(&town), node(1), 5);
        seat(&mut town, 2);
        layouts.change(members(&town), node(1), 6);
        assert!(layouts.report(node(2), layouts.version(), 7) && layouts.is_settled());
        assert_eq!(parting(&town, &layouts), Parting::Stays);

        let removed = town.by_admin(Statement::RemoveNode { node: node(1) });
        town.take(removed);
        assert_eq!(parting(&town, &layouts), Parting::Needed, "known, and not applied");
        layouts.change(members(&town), node(1), 8);
        assert!(!layouts.is_settled(), "fewer copies: each that stays assures that it has all");
        assert_eq!(parting(&town, &layouts), Parting::Needed);
        assert!(layouts.report(node(2), layouts.version(), 9));
        assert_eq!(parting(&town, &layouts), Parting::Free);
        assert_eq!(parting(&town, &Layouts::default()), Parting::Needed, "it has not heard of any layout");
    }
}
