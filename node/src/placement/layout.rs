//! Layouts: assignments with versions, and how one follows another without a chunk being out of reach.
//!
//! ```text
//! settled ── the members change ─► settled and next ── each newcomer has reported ─► next is settled
//! ```
//! While there are two, writes need a majority of both, and reads ask both; so what is acknowledged can be read from either, and
//! a change that is itself changed simply takes the place of `next`: its end was never relied upon.
//!
//! Pure: part of the Raft state, changed by apply alone.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use vauban_protocol::id::NodeId;

use super::assignment::Assignment;
use super::member::Member;
use super::place;
use crate::chunks::{Duty, Partition};

/// The layouts of one applied state.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Layouts {
    /// What the newest layout was made of, in the order of nodes.
    members: Vec<Member>,
    /// The layout that holds everything acknowledged; `None` while one node is the whole store.
    settled: Option<Layout>,
    next: Option<Change>,
}

/// One layout.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Layout {
    version: u64,
    assignment: Assignment,
    /// The sites of the assignment's nodes, in their order.
    sites: Vec<String>,
}

/// A layout on its way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Change {
    layout: Layout,
    /// The Raft index that made it, and that the floor was raised to.
    since: u64,
    /// The nodes that have not reported yet.
    waiting: BTreeSet<NodeId>,
}

/// The version while one node is the whole store.
const UNSEATED: u64 = 0;

impl Layouts {
    /// The version that receipts name: of the newest layout.
    #[must_use]
    pub fn version(&self) -> u64 {
        self.active().last().map_or(UNSEATED, |layout| layout.version)
    }

    /// The active layouts, the settled one first; none while one node is the whole store.
    pub fn active(&self) -> impl Iterator<Item = &Layout> {
        self.settled.iter().chain(self.next.iter().map(|change| &change.layout))
    }

    /// What the newest layout was made of.
    #[must_use]
    pub fn members(&self) -> &[Member] {
        &self.members
    }

    /// Whether the last change has settled.
    #[must_use]
    pub fn is_settled(&self) -> bool {
        self.next.is_none()
    }

    /// The nodes whose reports the change under way waits for.
    pub fn waiting(&self) -> impl Iterator<Item = NodeId> {
        self.next.iter().flat_map(|change| change.waiting.iter().copied())
    }

    /// The version and the Raft index of the change that waits for this node's report.
    #[must_use]
    pub fn awaits(&self, node: NodeId) -> Option<(u64, u64)> {
        let change = self.next.as_ref().filter(|change| change.waiting.contains(&node))?;
        Some((change.layout.version, change.since))
    }

    /// Whether any active layout names a node: it holds what others may not have yet.
    #[must_use]
    pub fn names(&self, node: NodeId) -> bool {
        self.active().any(|layout| layout.assignment.nodes().contains(&node))
    }

    /// The nodes that hold a partition in any active layout, `me` if one node is the whole store.
    #[must_use]
    pub fn replicas(&self, partition: Partition, me: NodeId) -> BTreeSet<NodeId> {
        let mut replicas: BTreeSet<NodeId> =
            self.active().flat_map(|layout| layout.assignment.replicas(partition)).collect();
        if self.settled.is_none() {
            replicas.insert(me);
        }
        replicas
    }

    /// Whether placement wants `node` to hold a partition.
    #[must_use]
    pub fn duty(&self, node: NodeId, partition: Partition) -> Duty {
        if self.settled.is_none() || self.active().any(|layout| layout.assignment.holds(node, partition)) {
            return Duty::Assigned;
        }
        if self.is_settled() { Duty::Relieved } else { Duty::Leaving }
    }

    /// Whether what was acknowledged counts on this node's copy of a partition: the settled layout gives it. What only the next one does is
    /// on its way, and nobody misses it.
    #[must_use]
    pub fn counts_on(&self, node: NodeId, partition: Partition) -> bool {
        self.settled.as_ref().is_some_and(|settled| settled.assignment.holds(node, partition))
    }

    /// Copies of each chunk that was acknowledged, once all of them are there; none while one node is the whole store.
    #[must_use]
    pub fn copies(&self) -> usize {
        self.settled.as_ref().map_or(0, |settled| settled.assignment.copies())
    }

    /// Whether a change has been under way for more than a day: the floor follows a day behind, and has passed it. (A restore raises
    /// it, too: what was under way then is older than its backup.)
    #[must_use]
    pub fn is_late(&self, floor: u64) -> bool {
        self.next.as_ref().is_some_and(|change| floor > change.since)
    }

    /// Whether copies on these nodes may be acknowledged: a majority of each active layout's replicas, on two sites where
    /// those have two. While one node is the whole store, its copy.
    pub fn suffice(&self, partition: Partition, holds: impl Fn(NodeId) -> bool, me: NodeId) -> bool {
        match self.settled {
            None => holds(me),
            Some(_) => self.active().all(|layout| layout.suffices(partition, &holds)),
        }
    }

    /// The members are these now, in the entry at `index`: makes a new layout if that is a change. Returns whether it did; the
    /// floor must then be raised to `index`. `first` is the node that was the whole store until now.
    pub fn change(&mut self, mut members: Vec<Member>, first: NodeId, index: u64) -> bool {
        members.sort_unstable_by_key(|member| member.node);
        if members == self.members {
            return false;
        }
        let version = self.version().saturating_add(1);
        let before = match (&self.next, &self.settled) {
            (Some(change), _) => change.layout.assignment.clone(),
            (None, Some(settled)) => settled.assignment.clone(),
            (None, None) => Assignment::of_one(first),
        };
        let assignment = place(&members, Some(&before));
        if assignment.copies() == 0 {
            // Nobody could hold anything: what holds it now goes on.
            return false;
        }
        let settled = self.settled.get_or_insert_with(|| Layout::new(UNSEATED, Assignment::of_one(first), &members));
        let waiting: BTreeSet<NodeId> = assignment.newcomers(&settled.assignment).into_iter().collect();
        let layout = Layout::new(version, assignment, &members);
        self.members = members;
        self.next = Some(Change { layout, since: index, waiting });
        self.settle();
        true
    }

    /// A node says that it holds every chunk that has a row, that layout `version` assigns to it and that any node has, in the state at `at`.
    /// Returns whether that was waited for.
    pub fn report(&mut self, node: NodeId, version: u64, at: u64) -> bool {
        let Some(change) = &mut self.next else { return false };
        let is_wanted = change.layout.version == version && at >= change.since && change.waiting.remove(&node);
        self.settle();
        is_wanted
    }

    fn settle(&mut self) {
        if let Some(change) = self.next.take_if(|change| change.waiting.is_empty()) {
            self.settled = Some(change.layout);
        }
    }
}

impl Layout {
    fn new(version: u64, assignment: Assignment, members: &[Member]) -> Self {
        let site = |node: &NodeId| members.iter().find(|member| member.node == *node).map(|member| member.site.clone());
        let sites = assignment.nodes().iter().map(|node| site(node).unwrap_or_default()).collect();
        Self { version, assignment, sites }
    }

    /// Its version.
    #[must_use]
    pub fn version(&self) -> u64 {
        self.version
    }

    /// Who holds what.
    #[must_use]
    pub fn assignment(&self) -> &Assignment {
        &self.assignment
    }

    fn suffices(&self, partition: Partition, holds: impl Fn(NodeId) -> bool) -> bool {
        let replicas: Vec<NodeId> = self.assignment.replicas(partition).collect();
        let holders: Vec<NodeId> = replicas.iter().copied().filter(|node| holds(*node)).collect();
        let is_majority = holders.len().saturating_mul(2) > replicas.len();
        is_majority && (self.sites_of(&holders) > 1 || self.sites_of(&replicas) < 2)
    }

    fn sites_of(&self, nodes: &[NodeId]) -> usize {
        let site = |node: &NodeId| self.assignment.nodes().iter().position(|other| other == node);
        let sites: BTreeSet<&String> =
            nodes.iter().filter_map(site).filter_map(|number| self.sites.get(number)).collect();
        sites.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn node(number: u8) -> NodeId {
        NodeId([number; NodeId::BYTES])
    }

    fn members(sites: &[u8]) -> Vec<Member> {
        let member = |(number, site): (u8, &u8)| Member {
            node: node(number),
            site: format!("site {site}"),
            capacity: 10,
            is_draining: false,
        };
        (0u8..).zip(sites).map(member).collect()
    }

    fn partition() -> Partition {
        Partition::new(7).unwrap()
    }

    fn settle(layouts: &mut Layouts, at: u64) {
        for node in layouts.waiting().collect::<Vec<_>>() {
            assert!(layouts.report(node, layouts.version(), at));
        }
        assert!(layouts.is_settled());
    }

    #[test]
    fn one_node_is_the_whole_store_until_it_is_seated() {
        let mut layouts = Layouts::default();
        assert_eq!(layouts.duty(node(9), partition()), Duty::Assigned);
        assert!(layouts.suffice(partition(), |holder| holder == node(9), node(9)));
        assert!(layouts.change(members(&[0]), node(0), 5));
        assert!(layouts.is_settled(), "it has everything already");
        assert_eq!((layouts.version(), layouts.duty(node(9), partition())), (1, Duty::Relieved));
        assert!(!layouts.change(members(&[0]), node(0), 6), "no change");
    }

    #[test]
    fn a_change_needs_both_majorities_until_every_newcomer_has_reported() {
        let mut layouts = Layouts::default();
        layouts.change(members(&[0]), node(0), 5);
        assert!(layouts.change(members(&[0, 1, 2]), node(0), 9));
        let holds = |some: &'static [u8]| move |holder: NodeId| some.contains(&holder.0[0]);
        assert!(!layouts.suffice(partition(), holds(&[1, 2]), node(0)), "the settled layout has node 0 alone");
        assert!(!layouts.suffice(partition(), holds(&[0]), node(0)));
        assert!(layouts.suffice(partition(), holds(&[0, 1]), node(0)));
        assert!(!layouts.report(node(1), 2, 8), "a state from before the change");
        assert!(!layouts.report(node(1), 1, 9), "another version");
        assert!(layouts.report(node(1), 2, 9) && !layouts.report(node(1), 2, 9));
        assert_eq!(layouts.awaits(node(2)), Some((2, 9)));
        assert!(layouts.report(node(2), 2, 30) && layouts.is_settled());
        assert!(layouts.suffice(partition(), holds(&[1, 2]), node(0)));
    }

    #[test]
    fn a_change_of_a_change_takes_its_place() {
        let mut layouts = Layouts::default();
        layouts.change(members(&[0, 1, 2]), node(0), 5);
        settle(&mut layouts, 6);
        let mut drained = members(&[0, 1, 2, 2]);
        layouts.change(drained.clone(), node(0), 10);
        drained[0].is_draining = true;
        layouts.change(drained, node(0), 20);
        assert_eq!((layouts.active().count(), layouts.version()), (2, 3));
        assert!(!layouts.report(node(3), 2, 30), "nobody waits for the one in between");
        assert_eq!(layouts.duty(node(0), partition()), Duty::Assigned, "it holds what the settled one gives it");
        assert!(layouts.names(node(0)));
        settle(&mut layouts, 20);
        assert_eq!(layouts.duty(node(0), partition()), Duty::Relieved);
        assert!(!layouts.names(node(0)) && layouts.names(node(3)));
    }

    /// Fails if a newcomer's copies are missed before it can have them.
    #[test]
    fn what_counts_is_where_the_settled_layout_has_it() {
        let mut layouts = Layouts::default();
        assert!(!layouts.counts_on(node(0), partition()) && layouts.copies() == 0);
        layouts.change(members(&[0, 1]), node(0), 5);
        assert!(layouts.counts_on(node(0), partition()) && !layouts.counts_on(node(1), partition()));
        settle(&mut layouts, 6);
        assert!(layouts.counts_on(node(1), partition()) && layouts.copies() == 2);
    }

    #[test]
    fn a_change_is_late_once_the_floor_has_passed_it() {
        let mut layouts = Layouts::default();
        layouts.change(members(&[0, 1]), node(0), 5);
        assert!(!layouts.is_late(5), "the change itself raises the floor so far");
        assert!(layouts.is_late(6));
        settle(&mut layouts, 5);
        assert!(!layouts.is_late(100));
    }

    #[test]
    fn copies_are_on_two_sites_where_the_replicas_are() {
        let mut layouts = Layouts::default();
        layouts.change(members(&[0, 0, 1]), node(0), 5);
        settle(&mut layouts, 6);
        let holds = |some: &'static [u8]| move |holder: NodeId| some.contains(&holder.0[0]);
        assert!(!layouts.suffice(partition(), holds(&[0, 1]), node(0)), "one site");
        assert!(layouts.suffice(partition(), holds(&[0, 2]), node(0)));
        let mut one_site = Layouts::default();
        one_site.change(members(&[0, 0, 0]), node(0), 5);
        settle(&mut one_site, 6);
        assert!(one_site.suffice(partition(), holds(&[0, 1]), node(0)), "there is no second one");
    }

    #[test]
    fn nobody_left_to_hold_anything_is_no_layout() {
        let mut layouts = Layouts::default();
        layouts.change(members(&[0]), node(0), 5);
        let before = layouts.clone();
        assert!(!layouts.change(Vec::new(), node(0), 6));
        assert_eq!(layouts, before);
    }
}
