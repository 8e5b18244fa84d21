//! Which nodes hold which chunks: pure arithmetic over partitions, nodes, sites and capacities.
//!
//! A chunk's id chooses one of 1,024 partitions ([`Partition`]), and an [`Assignment`] gives each partition its replicas.
//! [`place`] makes one from the members and the assignment before it, in two steps: how many copies each node is to hold
//! (`quota`), and then which ones, so that the fewest move (`flow`).
//!
//! What holds of every assignment, with `rf = min(3, storage nodes)`:
//! - each partition has `rf` distinct nodes, on `min(rf, sites)` distinct sites;
//! - each node holds exactly its quota: copies are as proportional to capacities as whole copies can be (Sainte-Laguë),
//!   where neither the node (one copy of each partition) nor its site is full. Between two nodes that are not, the
//!   copies for each unit of capacity differ by less than one copy of either: within 5 % from 20 copies on;
//! - no other assignment with these quotas moves fewer copies. Mostly that is what the quotas grow by; some more where a copy is kept
//!   from its place by another one on the same node or site, and both move;
//! - it is the same on every node: integers alone, no order of a hash map, no chance.
//!
//! Where sites limit it: with three sites or more, a site holds each partition once at most; with two, twice. A site that
//! has a larger share of the capacity is so full before its nodes are, and the others hold the rest by their capacities.
//!
//! Deliberately absent: the network, disks, the Raft state, charters. Which nodes take part is a matter of the
//! organisation's chain (`metadata`).

mod assignment;
mod flow;
mod layout;
mod member;
mod quota;
mod report;

#[cfg(test)]
mod tests;

pub use crate::chunks::Partition;
pub use assignment::Assignment;
pub use layout::{Layout, Layouts};
pub use member::Member;
pub use quota::{Quota, quotas};
pub use report::{Report, ReportClaim};

use flow::Flow;

/// Copies of each chunk, where there are so many nodes.
pub const COPIES: usize = 3;

/// Assigns every partition to some of `members`, moving as few copies as possible from what `before` says. Members that are
/// being drained hold nothing, unless there is nobody else; those without capacity never do. Without any storage node
/// the assignment is empty.
#[must_use]
pub fn place(members: &[Member], before: Option<&Assignment>) -> Assignment {
    let quotas = quotas(members);
    let nodes: Vec<_> = quotas.iter().map(|quota| quota.node).collect();
    let copies = nodes.len().min(COPIES);
    let mut flow = Flow::new(&quotas, copies);
    for partition in Partition::all() {
        let held: Vec<_> = before.map(|before| before.replicas(partition).collect()).unwrap_or_default();
        flow.add_partition(partition, |node| held.contains(&node));
    }
    Assignment::new(nodes, copies, flow.solve())
}
