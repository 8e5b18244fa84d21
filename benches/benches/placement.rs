//! Balance and movement of placement: how far copies are from capacities, and how many move when a cluster changes.
//!
//! Clusters of 3, 10 and 32 nodes, with capacities from 4 to 12, over 3, 4 and 8 sites. "Must move" is what the nodes' quotas
//! grow by: no assignment that meets them could move less. Pure arithmetic: the figures are the same on every machine, the
//! times are not.
//!
//! `cargo bench -p vauban-benches --bench placement --profile release`
#![allow(clippy::indexing_slicing, reason = "a bench may fail")]

use std::time::Instant;

use vauban_node::placement::{Assignment, COPIES, Member, Partition, place, quotas};
use vauban_protocol::id::NodeId;

const CLUSTERS: [(u8, u8); 3] = [(3, 3), (10, 4), (32, 8)];
const CAPACITIES: [u64; 5] = [8, 12, 4, 10, 6];

fn main() {
    for (nodes, sites) in CLUSTERS {
        let members: Vec<Member> = (0..nodes).map(|number| member(number, number % sites)).collect();
        let begun = Instant::now();
        let before = place(&members, None);
        println!("{nodes} nodes on {sites} sites, placed in {:.1} ms", begun.elapsed().as_secs_f64() * 1e3);
        println!("  {:<28} {}", "furthest from its capacity", furthest(&members, &before));
        let mut more = members.clone();
        more.push(member(nodes, 0));
        change("a node more", &more, &before);
        change("a node less", &members[1..], &before);
        let mut drained = members.clone();
        drained[1].is_draining = true;
        change("a node drained", &drained, &before);
        let mut larger = members.clone();
        larger[0].capacity *= 2;
        change("a capacity doubled", &larger, &before);
    }
}

fn member(number: u8, site: u8) -> Member {
    let capacity = CAPACITIES[usize::from(number) % CAPACITIES.len()];
    Member { node: NodeId([number; NodeId::BYTES]), site: format!("site {site}"), capacity, is_draining: false }
}

fn change(name: &str, members: &[Member], before: &Assignment) {
    let begun = Instant::now();
    let after = place(members, Some(before));
    let took = begun.elapsed().as_secs_f64() * 1e3;
    let (loads, moved) = (before.loads(), after.moved_from(before));
    let grown = |(node, load): (&NodeId, &usize)| load.saturating_sub(loads.get(node).copied().unwrap_or_default());
    let must: usize = after.loads().iter().map(grown).sum();
    let all = after.copies() * usize::from(Partition::COUNT);
    let percent = moved as f64 * 100.0 / all.max(1) as f64;
    println!(
        "  {name:<28} moved {moved:5} of {all} copies ({percent:4.1} %), must move {must:5}; {}; {took:.1} ms",
        furthest(members, &after)
    );
}

/// The node whose copies differ most from its share of the capacity, as far as one copy a partition and a site lets it.
fn furthest(members: &[Member], assignment: &Assignment) -> String {
    let loads = assignment.loads();
    let quotas = quotas(members);
    let total: u64 = quotas.iter().map(|quota| quota.capacity).sum();
    let copies = (quotas.len().min(COPIES) * usize::from(Partition::COUNT)) as f64;
    let off = quotas.iter().map(|quota| {
        let share = copies * quota.capacity as f64 / total as f64;
        (loads[&quota.node] as f64 / share - 1.0) * 100.0
    });
    let most = off.fold(0.0, |most: f64, off| if off.abs() > most.abs() { off } else { most });
    format!("{most:+.1} % of its share")
}
