//! Which copies each node holds, so that every quota is met exactly and the fewest copies move.
//!
//! A flow of least cost: each partition sends its copies over sites to nodes, one to a node, no more to a site than it may
//! take, and nodes let through what their quotas say. A copy costs nothing where it lies already, and 1 anywhere else.
//! Solved by shortest paths of one length after the other (primal-dual), all paths of one length together (Dinic). With
//! integer bounds the flow is of whole copies.
//!
//! ```text
//! source ─copies─► partition ─site's copies─► (partition, site) ─1, cost 0 or 1─► node ─quota─► sink
//! ```

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap, VecDeque};

use vauban_protocol::id::NodeId;

use super::quota::{Quota, site_copies};
use crate::chunks::Partition;

const SOURCE: usize = 0;
const SINK: usize = 1;
const UNREACHED: i64 = i64::MAX;

/// One direction of a connection; its other direction is the neighbour in the list (`number ^ 1`).
#[derive(Debug, Clone, Copy, Default)]
struct Edge {
    to: usize,
    room: usize,
    cost: i64,
}

/// See the module.
#[derive(Debug)]
pub(super) struct Flow<'a> {
    quotas: &'a [Quota],
    /// Storage nodes of each site.
    sites: BTreeMap<usize, usize>,
    copies: usize,
    edges: Vec<Edge>,
    /// The edges that leave each vertex.
    leaving: Vec<Vec<usize>>,
    /// For each partition in turn: the edge to each node, with the node's number.
    choices: Vec<Vec<(usize, u8)>>,
    potentials: Vec<i64>,
}

impl<'a> Flow<'a> {
    pub(super) fn new(quotas: &'a [Quota], copies: usize) -> Self {
        let mut sites = BTreeMap::new();
        for quota in quotas {
            let nodes: &mut usize = sites.entry(quota.site).or_default();
            *nodes = nodes.saturating_add(1);
        }
        let mut flow = Self {
            quotas,
            sites,
            copies,
            edges: Vec::new(),
            leaving: vec![Vec::new(); quotas.len().saturating_add(2)],
            choices: Vec::new(),
            potentials: Vec::new(),
        };
        for (number, quota) in quotas.iter().enumerate() {
            flow.connect(node_vertex(number), SINK, quota.copies, 0);
        }
        flow
    }

    /// Adds the next partition; `held` says which nodes hold it now.
    pub(super) fn add_partition(&mut self, partition: Partition, held: impl Fn(NodeId) -> bool) {
        let vertex = self.vertex();
        self.connect(SOURCE, vertex, self.copies, 0);
        let mut by_site = BTreeMap::new();
        for (site, nodes) in self.sites.clone() {
            let through = self.vertex();
            self.connect(vertex, through, site_copies(self.copies, self.sites.len(), nodes), 0);
            by_site.insert(site, through);
        }
        // Each partition has an order of its own, so that a node shares its partitions with many others, and all of them
        // take part when it is filled again.
        let mut order: Vec<(u64, usize)> = (0..self.quotas.len())
            .map(|number| (mix(u64::from(partition.number()) << 32 | number as u64), number))
            .collect();
        order.sort_unstable();
        let mut choices = Vec::with_capacity(order.len());
        for (_, number) in order {
            let Some(quota) = self.quotas.get(number) else { continue };
            let Some(through) = by_site.get(&quota.site) else { continue };
            let edge = self.connect(*through, node_vertex(number), 1, i64::from(!held(quota.node)));
            choices.push((edge, u8::try_from(number).unwrap_or(u8::MAX)));
        }
        self.choices.push(choices);
    }

    /// For each partition in turn, the numbers of its nodes, ascending.
    pub(super) fn solve(mut self) -> Vec<u8> {
        self.run();
        self.chosen()
    }

    fn run(&mut self) {
        self.potentials = vec![0; self.leaving.len()];
        while self.find_lengths() {
            while let Some(levels) = self.find_levels() {
                self.push_along(&levels);
            }
        }
    }

    fn chosen(&self) -> Vec<u8> {
        let mut replicas = Vec::with_capacity(self.choices.len().saturating_mul(self.copies));
        for choices in &self.choices {
            let taken = choices.iter().filter(|(edge, _)| self.edge(*edge).room == 0).map(|(_, number)| *number);
            let mut taken: Vec<u8> = taken.collect();
            taken.sort_unstable();
            replicas.extend(taken);
        }
        replicas
    }

    fn vertex(&mut self) -> usize {
        self.leaving.push(Vec::new());
        self.leaving.len().saturating_sub(1)
    }

    fn connect(&mut self, from: usize, to: usize, room: usize, cost: i64) -> usize {
        let number = self.edges.len();
        self.edges.push(Edge { to, room, cost });
        self.edges.push(Edge { to: from, room: 0, cost: -cost });
        for (vertex, edge) in [(from, number), (to, number ^ 1)] {
            if let Some(leaving) = self.leaving.get_mut(vertex) {
                leaving.push(edge);
            }
        }
        number
    }

    fn edge(&self, number: usize) -> Edge {
        self.edges.get(number).copied().unwrap_or_default()
    }

    fn leaving(&self, vertex: usize) -> &[usize] {
        self.leaving.get(vertex).map(Vec::as_slice).unwrap_or_default()
    }

    /// An edge's cost over the difference of its ends' potentials: never negative where there is room.
    fn reduced_cost(&self, from: usize, edge: Edge) -> i64 {
        let potential = |vertex: usize| self.potentials.get(vertex).copied().unwrap_or_default();
        edge.cost.saturating_add(potential(from)).saturating_sub(potential(edge.to))
    }

    /// Brings the potentials to the lengths of the shortest ways (Dijkstra); whether there is a way to the sink.
    fn find_lengths(&mut self) -> bool {
        let mut lengths = vec![UNREACHED; self.leaving.len()];
        let mut next = BinaryHeap::from([Reverse((0, SOURCE))]);
        while let Some(Reverse((length, vertex))) = next.pop() {
            match lengths.get_mut(vertex) {
                Some(known) if length < *known => *known = length,
                _ => continue,
            }
            for number in self.leaving(vertex) {
                let edge = self.edge(*number);
                if edge.room > 0 {
                    next.push(Reverse((length.saturating_add(self.reduced_cost(vertex, edge)), edge.to)));
                }
            }
        }
        let to_sink = lengths.get(SINK).copied().unwrap_or(UNREACHED);
        if to_sink == UNREACHED {
            return false;
        }
        for (potential, length) in self.potentials.iter_mut().zip(lengths) {
            *potential = potential.saturating_add(length.min(to_sink));
        }
        true
    }

    /// How many edges of shortest ways lead to each vertex; `None` once none leads to the sink.
    fn find_levels(&self) -> Option<Vec<usize>> {
        let mut levels = vec![usize::MAX; self.leaving.len()];
        *levels.get_mut(SOURCE)? = 0;
        let mut next = VecDeque::from([SOURCE]);
        while let Some(vertex) = next.pop_front() {
            let level = levels.get(vertex).copied().unwrap_or(usize::MAX).saturating_add(1);
            for number in self.leaving(vertex) {
                let edge = self.edge(*number);
                if edge.room == 0 || self.reduced_cost(vertex, edge) != 0 {
                    continue;
                }
                if let Some(known) = levels.get_mut(edge.to).filter(|known| **known == usize::MAX) {
                    *known = level;
                    next.push_back(edge.to);
                }
            }
        }
        levels.get(SINK).is_some_and(|level| *level != usize::MAX).then_some(levels)
    }

    /// Sends copies, one by one, along ways that go one level up with each edge, until there is none.
    fn push_along(&mut self, levels: &[usize]) {
        let level = |vertex: usize| levels.get(vertex).copied().unwrap_or(usize::MAX);
        let mut tried = vec![0usize; self.leaving.len()];
        let mut way: Vec<usize> = Vec::new();
        loop {
            let at = way.last().map_or(SOURCE, |number| self.edge(*number).to);
            if at == SINK {
                for number in way.drain(..) {
                    self.pass_one(number);
                }
                continue;
            }
            let from = tried.get(at).copied().unwrap_or_default();
            let onward = self.leaving(at).iter().skip(from).position(|number| {
                let edge = self.edge(*number);
                edge.room > 0 && level(edge.to) == level(at).saturating_add(1) && self.reduced_cost(at, edge) == 0
            });
            let found = onward.map(|skipped| from.saturating_add(skipped));
            if let Some(tried) = tried.get_mut(at) {
                *tried = found.unwrap_or(usize::MAX);
            }
            match found.and_then(|place| self.leaving(at).get(place).copied()) {
                Some(number) => way.push(number),
                // A dead end: whoever led here tries its next edge.
                None => {
                    let Some(number) = way.pop() else { return };
                    let back = self.edge(number ^ 1).to;
                    if let Some(tried) = tried.get_mut(back) {
                        *tried = tried.saturating_add(1);
                    }
                }
            }
        }
    }

    fn pass_one(&mut self, number: usize) {
        if let Some(edge) = self.edges.get_mut(number) {
            edge.room = edge.room.saturating_sub(1);
        }
        if let Some(edge) = self.edges.get_mut(number ^ 1) {
            edge.room = edge.room.saturating_add(1);
        }
    }
}

fn node_vertex(number: usize) -> usize {
    number.saturating_add(2)
}

/// A well-mixed function of a number (the finaliser of SplitMix64).
fn mix(number: u64) -> u64 {
    let mut mixed = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::placement::{COPIES, Member, place, quotas};

    fn members(nodes: u8, capacity: impl Fn(u8) -> u64) -> Vec<Member> {
        let member = |number: u8| Member {
            node: NodeId([number; NodeId::BYTES]),
            site: format!("site {}", number % 5),
            capacity: capacity(number),
            is_draining: false,
        };
        (0..nodes).map(member).collect()
    }

    /// No way on which a copy could still go has a negative cost, by prices that every edge accepts: then no flow of this size is
    /// cheaper (complementary slackness).
    #[test]
    fn nothing_moves_that_need_not() {
        for nodes in [4, 7, 16, 32] {
            let before = place(&members(nodes, |number| 1 + u64::from(number) * 7 % 13), None);
            let after = members(nodes - 1, |number| 1 + u64::from(number) * 5 % 11);
            let quotas = quotas(&after);
            let mut flow = Flow::new(&quotas, COPIES.min(quotas.len()));
            for partition in Partition::all() {
                flow.add_partition(partition, |node| before.holds(node, partition));
            }
            flow.run();
            let total: usize = quotas.iter().map(|quota| quota.copies).sum();
            assert_eq!(flow.chosen().len(), total, "every quota is met");
            for (number, edge) in flow.edges.iter().enumerate().filter(|(_, edge)| edge.room > 0) {
                let from = flow.edge(number ^ 1).to;
                assert!(flow.reduced_cost(from, *edge) >= 0);
            }
        }
    }
}
