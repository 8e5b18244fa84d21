//! Every interleaving of a small cluster, searched for a chunk lost while its row lives.
//!
//! One chunk, two nodes, two clients, a Raft log of a few entries. Each node applies the log at its own pace and sweeps
//! on what it has applied; receipts may be old when a commit finally rests on them; a sweep may stop between reading the
//! state and acting on it. The rule under test is the product's own `may_delete`. Each [`Weakness`] takes one condition
//! of the rule away, and the search must then find a loss: so the search itself is known to see.

use std::collections::{HashMap, HashSet, VecDeque};

use super::{Duty, Need, RowState, Stamp, may_delete};

const NODES: usize = 2;
const CLIENTS: usize = 2;
/// Entries of the log: enough for every weakness to lose a chunk, and few enough to search all worlds in seconds.
const ENTRIES_MAX: usize = 3;

/// A condition that keeps copies safe, taken away.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Weakness {
    None,
    /// Apply accepts a commit on receipts below the floor.
    ApplyIgnoresFloor,
    /// Sweep takes whatever has no row.
    SweepIgnoresStamp,
    /// A held copy is not stamped again when a new receipt is given for it.
    ReceiptKeepsOldStamp,
    /// Sweep compares the stamp first, and drops the copy later.
    SweepTestsThenDrops,
    /// Sweep takes the row from one applied state, and the floor from a later one.
    SweepMixesStates,
    /// Sweep takes copies outside every layout before the last change has settled.
    SweepBeforeSettled,
    /// A change of layout leaves the floor where it was.
    LayoutKeepsFloor,
    /// Sweep takes copies outside every layout of an older state, even if they were promised since.
    SweepPassesOverLaterStamps,
    /// A new replica reports copies that it has from earlier without stamping them again.
    ReportKeepsOldStamp,
}

/// What happens to the layout during the story.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Scenario {
    /// Both nodes are replicas; a commit needs receipts of both.
    Steady,
    /// One replica: node 0, then, by a change of layout, node 1.
    Moving,
    /// The same, and node 1 still has a copy from when it was a replica before.
    Returning,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Entry {
    Commit { stored_at: u8 },
    Floor(u8),
    Purge,
    Layout,
    Settle,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sweep {
    Idle,
    /// It has read the state at this index.
    Read(u8),
    /// It has judged the copy deletable (only with [`Weakness::SweepTestsThenDrops`]).
    Judged,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Node {
    applied: u8,
    copy: Option<u8>,
    sweep: Sweep,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct World {
    log: Log,
    nodes: [Node; NODES],
    /// The latest receipt each client has of each node.
    receipts: [[Option<u8>; NODES]; CLIENTS],
}

/// The first entries of the Raft log, without gaps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Log([Option<Entry>; ENTRIES_MAX]);

impl Log {
    fn len(&self) -> usize {
        self.0.iter().flatten().count()
    }

    fn push(&mut self, entry: Entry) {
        let end = self.len();
        self.0[end] = Some(entry);
    }
}

impl World {
    /// The whole world in one number, four bits a field: `ENTRIES_MAX` indices fit, and a set of them stays small.
    fn key(&self) -> u128 {
        let log = (0..ENTRIES_MAX).flat_map(|index| match self.log.0.get(index).copied().flatten() {
            None => [0, 0],
            Some(Entry::Commit { stored_at }) => [1, stored_at],
            Some(Entry::Floor(floor)) => [2, floor],
            Some(Entry::Purge) => [3, 0],
            Some(Entry::Layout) => [4, 0],
            Some(Entry::Settle) => [5, 0],
        });
        let nodes = self.nodes.iter().flat_map(|node| {
            let sweep = match node.sweep {
                Sweep::Idle => 0,
                Sweep::Judged => 1,
                Sweep::Read(index) => 2 + index,
            };
            [node.applied, node.copy.map_or(0, |stamp| 1 + stamp), sweep]
        });
        let receipts = self.receipts.iter().flatten().map(|at| at.map_or(0, |at| 1 + at));
        log.chain(nodes).chain(receipts).fold(0, |key, field| key << 4 | u128::from(field))
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    Old,
    Changing,
    Settled,
}

/// The applied state at one index.
#[derive(Debug, Clone, Copy)]
struct Applied {
    row: RowState,
    floor: u8,
    phase: Phase,
    /// When the layout was changed.
    changed_at: u8,
}

struct Search {
    scenario: Scenario,
    weakness: Weakness,
}

#[derive(Debug, Default)]
struct Outcome {
    /// The shortest story that loses a copy, worlds in order.
    loss: Option<Vec<World>>,
    worlds: usize,
    drops: usize,
    commits_accepted: usize,
    commits_refused: usize,
}

impl Search {
    fn run(&self) -> Outcome {
        let mut first = World {
            log: Log([None; ENTRIES_MAX]),
            nodes: [Node { applied: 0, copy: None, sweep: Sweep::Idle }; NODES],
            receipts: [[None; NODES]; CLIENTS],
        };
        if self.scenario == Scenario::Returning {
            first.nodes[1].copy = Some(0);
        }
        let mut outcome = Outcome::default();
        let mut seen = HashSet::from([first.key()]);
        let mut parents: HashMap<u128, World> = HashMap::new();
        let mut queue = VecDeque::from([first]);
        while let Some(world) = queue.pop_front() {
            outcome.worlds += 1;
            if self.is_loss(&world) {
                let mut story = vec![world];
                while let Some(parent) = parents.get(&story[0].key()) {
                    story.insert(0, *parent);
                }
                outcome.loss = Some(story);
                return outcome;
            }
            for next in self.successors(&world, &mut outcome) {
                if seen.insert(next.key()) {
                    if self.weakness != Weakness::None {
                        parents.insert(next.key(), world);
                    }
                    queue.push_back(next);
                }
            }
        }
        outcome
    }

    /// A row lives in the whole log, and a copy that it rests on is gone.
    fn is_loss(&self, world: &World) -> bool {
        let end = self.fold(world, world.log.len() as u8);
        if end.row == RowState::Absent {
            return false;
        }
        let held = world.nodes.map(|node| node.copy.is_some());
        match (self.scenario, end.phase) {
            (Scenario::Steady, _) => held != [true, true],
            (_, Phase::Old) => !held[0],
            (_, Phase::Changing) => held == [false, false],
            (_, Phase::Settled) => !held[1],
        }
    }

    fn fold(&self, world: &World, upto: u8) -> Applied {
        let mut state = Applied { row: RowState::Absent, floor: 0, phase: Phase::Old, changed_at: 0 };
        for (entry, index) in world.log.0.iter().flatten().take(upto as usize).zip(1u8..) {
            match *entry {
                Entry::Commit { stored_at } => {
                    if stored_at >= state.floor || self.weakness == Weakness::ApplyIgnoresFloor {
                        state.row = RowState::Present;
                    }
                }
                Entry::Floor(floor) => state.floor = state.floor.max(floor),
                Entry::Purge => state.row = RowState::Absent,
                Entry::Layout => {
                    state.phase = Phase::Changing;
                    state.changed_at = index;
                    if self.weakness != Weakness::LayoutKeepsFloor {
                        state.floor = index;
                    }
                }
                Entry::Settle => state.phase = Phase::Settled,
            }
        }
        state
    }

    fn assigned(&self, phase: Phase) -> [bool; NODES] {
        match (self.scenario, phase) {
            (Scenario::Steady, _) | (_, Phase::Changing) => [true, true],
            (_, Phase::Old) => [true, false],
            (_, Phase::Settled) => [false, true],
        }
    }

    fn successors(&self, world: &World, outcome: &mut Outcome) -> Vec<World> {
        let mut next = Vec::new();
        self.append_entries(world, outcome, &mut next);
        for node in 0..NODES {
            if (world.nodes[node].applied as usize) < world.log.len() {
                next.push(with(world, |w| w.nodes[node].applied += 1));
            }
            self.give_receipts(world, node, &mut next);
            self.sweep(world, node, outcome, &mut next);
        }
        self.repair(world, &mut next);
        next
    }

    /// Clients commit, the leader raises the floor, purges, changes and settles the layout.
    fn append_entries(&self, world: &World, outcome: &mut Outcome, next: &mut Vec<World>) {
        if world.log.len() == ENTRIES_MAX {
            return;
        }
        let index = world.log.len() as u8 + 1;
        let end = self.fold(world, index - 1);
        for client in 0..CLIENTS {
            let Some(stored_at) = self.rests_on(world, client) else {
                continue;
            };
            let accepted = stored_at >= end.floor;
            outcome.commits_accepted += usize::from(accepted);
            outcome.commits_refused += usize::from(!accepted);
            next.push(with(world, |w| {
                w.log.push(Entry::Commit { stored_at });
                w.receipts[client] = [None; NODES];
            }));
        }
        for floor in end.floor + 1..=index {
            next.push(with(world, |w| w.log.push(Entry::Floor(floor))));
        }
        if end.row == RowState::Present {
            next.push(with(world, |w| w.log.push(Entry::Purge)));
        }
        if self.scenario != Scenario::Steady {
            if end.phase == Phase::Old {
                next.push(with(world, |w| w.log.push(Entry::Layout)));
            }
            let replica = self.fold(world, world.nodes[1].applied);
            let stamped = |stamp| stamp >= replica.changed_at || self.weakness == Weakness::ReportKeepsOldStamp;
            let reported = replica.row == RowState::Absent || world.nodes[1].copy.is_some_and(stamped);
            if end.phase == Phase::Changing && replica.phase == Phase::Changing && reported {
                next.push(with(world, |w| w.log.push(Entry::Settle)));
            }
        }
    }

    /// The least index of a set of receipts that satisfies one layout, if the client has one.
    fn rests_on(&self, world: &World, client: usize) -> Option<u8> {
        let receipts = world.receipts[client];
        let latest = receipts.iter().flatten().max()?;
        let phase = self.fold(world, *latest).phase;
        let assigned = self.assigned(phase);
        let mut stored_at = u8::MAX;
        for node in 0..NODES {
            if assigned[node] {
                let at = receipts[node]?;
                if self.fold(world, at).phase != phase {
                    return None;
                }
                stored_at = stored_at.min(at);
            }
        }
        Some(stored_at)
    }

    /// A client puts the chunk or asks for it; the node read its index before the copy was durable, so it may lag by one.
    fn give_receipts(&self, world: &World, node: usize, next: &mut Vec<World>) {
        let applied = world.nodes[node].applied;
        if !self.assigned(self.fold(world, applied).phase)[node] {
            return;
        }
        for at in applied.saturating_sub(1)..=applied {
            for client in 0..CLIENTS {
                next.push(with(world, |w| {
                    let copy = &mut w.nodes[node].copy;
                    if copy.is_none() || self.weakness != Weakness::ReceiptKeepsOldStamp {
                        *copy = (*copy).max(Some(at));
                    }
                    w.receipts[client][node] = Some(at);
                }));
            }
        }
    }

    fn sweep(&self, world: &World, node: usize, outcome: &mut Outcome, next: &mut Vec<World>) {
        let Node { applied, copy: Some(stamp), sweep } = world.nodes[node] else {
            return;
        };
        let mut drop_copy = |next: &mut Vec<World>| {
            outcome.drops += 1;
            next.push(with(world, |w| {
                w.nodes[node].copy = None;
                w.nodes[node].sweep = Sweep::Idle;
            }));
        };
        match sweep {
            Sweep::Idle => next.push(with(world, |w| w.nodes[node].sweep = Sweep::Read(applied))),
            Sweep::Read(read) => {
                let floor_from = if self.weakness == Weakness::SweepMixesStates { applied } else { read };
                let need = self.need(world, node, read, floor_from);
                let stamp = if self.weakness == Weakness::SweepIgnoresStamp { 0 } else { stamp };
                if !may_delete(&need, Stamp(stamp.into())) {
                    next.push(with(world, |w| w.nodes[node].sweep = Sweep::Idle));
                } else if self.weakness == Weakness::SweepTestsThenDrops {
                    next.push(with(world, |w| w.nodes[node].sweep = Sweep::Judged));
                } else {
                    drop_copy(next);
                }
            }
            Sweep::Judged => drop_copy(next),
        }
    }

    fn need(&self, world: &World, node: usize, read: u8, floor_from: u8) -> Need {
        let state = self.fold(world, read);
        let duty = match (self.assigned(state.phase)[node], state.phase) {
            (true, _) => Duty::Assigned,
            (false, Phase::Changing) => Duty::Leaving,
            (false, _) => Duty::Relieved,
        };
        // With one old and one new replica both are active until settled, so a node that leaves early is the weak one.
        let hasty = self.weakness == Weakness::SweepBeforeSettled
            && self.scenario != Scenario::Steady
            && state.phase == Phase::Changing
            && node == 0;
        Need {
            row: state.row,
            floor: Stamp(self.fold(world, floor_from).floor.into()),
            duty: if hasty { Duty::Relieved } else { duty },
            as_of: Stamp(if self.weakness == Weakness::SweepPassesOverLaterStamps { u64::MAX } else { read.into() }),
        }
    }

    /// A new replica fetches what has a row and what it lacks, and stamps what it has.
    fn repair(&self, world: &World, next: &mut Vec<World>) {
        let applied = world.nodes[1].applied;
        let state = self.fold(world, applied);
        let wanted = state.row == RowState::Present && self.assigned(state.phase)[1];
        let available = world.nodes[0].copy.is_some() || world.nodes[1].copy.is_some();
        if wanted && available && world.nodes[1].copy < Some(applied) {
            next.push(with(world, |w| w.nodes[1].copy = Some(applied)));
        }
    }
}

/// The world after a change, in its canonical form: the two clients are interchangeable, and without a copy a sweep idles.
fn with(world: &World, change: impl FnOnce(&mut World)) -> World {
    let mut next = *world;
    change(&mut next);
    next.receipts.sort_unstable();
    for node in &mut next.nodes {
        if node.copy.is_none() {
            node.sweep = Sweep::Idle;
        }
    }
    next
}

fn search(scenario: Scenario, weakness: Weakness) -> Outcome {
    Search { scenario, weakness }.run()
}

#[test]
fn no_interleaving_loses_a_live_chunk() {
    for scenario in [Scenario::Steady, Scenario::Moving, Scenario::Returning] {
        let outcome = search(scenario, Weakness::None);
        assert!(outcome.loss.is_none(), "{scenario:?}: {:#?}", outcome.loss);
        // The search reached what it is about, so its silence means something.
        assert!(outcome.drops > 0 && outcome.commits_accepted > 0 && outcome.commits_refused > 0, "{outcome:?}");
    }
}

#[test]
fn every_weakness_loses_a_chunk() {
    for (scenario, weakness) in [
        (Scenario::Steady, Weakness::ApplyIgnoresFloor),
        (Scenario::Steady, Weakness::SweepIgnoresStamp),
        (Scenario::Steady, Weakness::ReceiptKeepsOldStamp),
        (Scenario::Steady, Weakness::SweepTestsThenDrops),
        (Scenario::Steady, Weakness::SweepMixesStates),
        (Scenario::Moving, Weakness::SweepBeforeSettled),
        (Scenario::Moving, Weakness::LayoutKeepsFloor),
        (Scenario::Returning, Weakness::SweepPassesOverLaterStamps),
        (Scenario::Returning, Weakness::ReportKeepsOldStamp),
    ] {
        let outcome = search(scenario, weakness);
        assert!(outcome.loss.is_some(), "{weakness:?} was not caught");
    }
}
