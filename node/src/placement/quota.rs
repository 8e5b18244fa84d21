//! How many copies each node is to hold.
//!
//! One copy after the other goes to the node that it makes the least full for its capacity, among those that may take
//! another: a node takes one copy of each partition at most, and a site as many of each as [`site_copies`] says. This is the
//! divisor method of Sainte-Laguë under nested bounds; with such bounds, taking the best next step is the optimum.

use std::collections::BTreeMap;

use vauban_protocol::id::NodeId;

use super::COPIES;
use super::member::Member;
use crate::chunks::Partition;

/// What one node is to hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Quota {
    /// The node.
    pub node: NodeId,
    /// The number of its site, among those of all quotas.
    pub site: usize,
    /// What it can hold.
    pub capacity: u64,
    /// Copies of partitions.
    pub copies: usize,
}

/// Copies of one partition that a site of `nodes` storage nodes holds at most, where there are `sites` of them: so few that
/// `copies` need as many sites as there are.
pub(super) fn site_copies(copies: usize, sites: usize, nodes: usize) -> usize {
    copies.saturating_sub(sites).saturating_add(1).min(nodes)
}

/// The quotas of the storage nodes among `members`, in the order of nodes. A node that is named twice counts once, as the last
/// one says.
#[must_use]
pub fn quotas(members: &[Member]) -> Vec<Quota> {
    let storage = storage(members);
    let numbers: BTreeMap<&str, usize> = {
        let mut sites: Vec<&str> = storage.values().map(|member| member.site.as_str()).collect();
        sites.sort_unstable();
        sites.dedup();
        sites.into_iter().enumerate().map(|(number, site)| (site, number)).collect()
    };
    let mut quotas: Vec<Quota> = storage
        .values()
        .map(|member| {
            let site = numbers.get(member.site.as_str()).copied().unwrap_or_default();
            Quota { node: member.node, site, capacity: member.capacity, copies: 0 }
        })
        .collect();
    fill(&mut quotas, numbers.len());
    quotas
}

/// The members that hold chunks: those with a capacity that are not drained; all with a capacity, if each is drained.
fn storage(members: &[Member]) -> BTreeMap<NodeId, &Member> {
    let capable: BTreeMap<NodeId, &Member> = members.iter().map(|member| (member.node, member)).collect();
    let capable: BTreeMap<_, _> = capable.into_iter().filter(|(_, member)| member.capacity > 0).collect();
    let staying: BTreeMap<_, _> =
        capable.iter().filter(|(_, member)| !member.is_draining).map(|(node, member)| (*node, *member)).collect();
    if staying.is_empty() { capable } else { staying }
}

fn fill(quotas: &mut [Quota], sites: usize) {
    let copies = quotas.len().min(COPIES);
    let partitions = usize::from(Partition::COUNT);
    let mut rooms: Vec<usize> = (0..sites)
        .map(|site| {
            let nodes = quotas.iter().filter(|quota| quota.site == site).count();
            site_copies(copies, sites, nodes).saturating_mul(partitions)
        })
        .collect();
    for _ in 0..copies.saturating_mul(partitions) {
        let may = |quota: &&mut Quota| quota.copies < partitions && rooms.get(quota.site).is_some_and(|room| *room > 0);
        let Some(next) =
            quotas.iter_mut().filter(may).reduce(|best, other| if is_emptier(other, best) { other } else { best })
        else {
            return;
        };
        next.copies = next.copies.saturating_add(1);
        if let Some(room) = rooms.get_mut(next.site) {
            *room = room.saturating_sub(1);
        }
    }
}

/// Whether one more copy would fill `one` less, for its capacity, than it would fill `other`.
fn is_emptier(one: &Quota, other: &Quota) -> bool {
    let fullness = |quota: &Quota, of: &Quota| (2 * quota.copies as u128 + 1) * u128::from(of.capacity);
    fullness(one, other) < fullness(other, one)
}
