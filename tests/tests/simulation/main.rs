//! The simulation (sync.md): the engine that people run, on disks that lose what was not flushed, beside a cloud in memory.
//!
//! ```text
//! seed ─► luck (what may go wrong in this life) ─► turns: a person acts, faults befall, a client runs ─► quiet ─► all must agree
//!                       between any two calls of a run: an edit, a crash, a power cut, another client, a refusal
//! ```
//! `make simulate SEEDS=… FIRST_SEED=…` runs as many lives as wanted, on all cores. Each file of `invariants` holds one that must
//! hold in all of them; `weakness` lists the safety checks that are taken away in turn, to show that each is needed.
//!
//! Not simulated: clients that stay (`--watch`), and several nodes.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "tests may fail")]

mod cloud;
mod desk;
mod dice;
mod disk;
mod fates;
mod invariants;
mod ledger;
mod luck;
mod person;
mod stage;
mod stories;
mod town;
mod weakness;
mod world;

use std::collections::BTreeMap;
use std::iter;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Instant;

use tokio::runtime::Runtime;

use crate::invariants::Invariant;
use crate::stage::Stage;
use crate::town::Town;
use crate::weakness::{Caught, WEAKNESSES, Weakness};
use crate::world::World;

/// Lives that `make test` plays: the same ones each time, so that it fails for what was changed, and for nothing else.
const TEST_SEEDS: u64 = 600;
/// Lives after which it is told how far it came.
const TOLD_EACH: u64 = 5_000;
/// Lives in which each weakness must show itself.
const WEAKNESS_SEEDS_MAX: u64 = 6_000;

/// Plays lives, one after the other.
struct Player {
    stage: Arc<Stage>,
    runtime: Runtime,
}

impl Player {
    fn new(town: &Arc<Town>) -> Self {
        let runtime = stage::runtime();
        Self { stage: Stage::set(town, &runtime), runtime }
    }

    /// What the life of `seed` violates; nothing, it is to be hoped.
    fn violations(&self, seed: u64, weakness: Weakness) -> Vec<String> {
        self.play(seed, weakness, false).0
    }

    /// The first violation of a life without a check. It counts only where the whole engine lives on.
    fn caught(&self, weakness: Weakness, seed: u64) -> Option<String> {
        let violation = self.violations(seed, weakness).into_iter().next()?;
        self.violations(seed, Weakness::None).is_empty().then_some(violation)
    }

    fn play(&self, seed: u64, weakness: Weakness, is_told: bool) -> (Vec<String>, Vec<String>, String) {
        self.stage.take_keys_back();
        let world = World::new(seed, weakness, &self.stage, self.runtime.handle().clone(), is_told);
        let lived = catch_unwind(AssertUnwindSafe(|| world.live()));
        let violations = lived.unwrap_or_else(|_| vec![format!("{:?}: the engine panicked", Invariant::Runs)]);
        (violations, world.story(), world.fingerprint())
    }

    /// Fails with the story of a seed, and the one command that repeats it.
    fn fail(&self, seed: u64, violations: &[String]) -> ! {
        let (again, story, _) = self.play(seed, Weakness::None, true);
        panic!(
            "{}\nseed {seed}: {violations:#?}\nagain: {again:#?}\nmake simulate SEEDS=1 FIRST_SEED={seed}",
            story.join("\n")
        );
    }
}

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

/// As many lives as `SEEDS` says, from `FIRST_SEED` on; else as many as a test plays. `FAILURES` that many failing ones are
/// looked for, and their seeds told, before the first one's story is: one, if it is not set.
#[test]
fn no_life_violates_anything() {
    let first = number("FIRST_SEED").unwrap_or(0);
    let end = first.saturating_add(number("SEEDS").unwrap_or(TEST_SEEDS));
    let failures_max = number("FAILURES").unwrap_or(1);
    let town = Town::found();
    let (next, done) = (AtomicU64::new(first), AtomicU64::new(0));
    let failed: Mutex<BTreeMap<u64, Vec<String>>> = Mutex::default();
    let (began, threads) = (Instant::now(), thread::available_parallelism().map_or(1, usize::from));
    thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                let player = Player::new(&town);
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= end {
                        return;
                    }
                    let violations = player.violations(seed, Weakness::None);
                    if !violations.is_empty() {
                        println!("seed {seed}: {violations:?}");
                        let failed = &mut *failed.lock().unwrap();
                        failed.insert(seed, violations);
                        if failed.len() as u64 >= failures_max {
                            next.store(end, Ordering::Relaxed);
                        }
                    }
                    let count = done.fetch_add(1, Ordering::Relaxed) + 1;
                    if count.is_multiple_of(TOLD_EACH) {
                        println!("{count} lives, {:.0} a second", count as f64 / began.elapsed().as_secs_f64());
                    }
                }
            });
        }
    });
    let (count, seconds) = (done.into_inner(), began.elapsed().as_secs_f64());
    if let Some((seed, violations)) = failed.into_inner().unwrap().pop_first() {
        Player::new(&town).fail(seed, &violations);
    }
    println!(
        "{count} lives from seed {first} on, no violation; {:.0} a second, {seconds:.0} s",
        count as f64 / seconds
    );
    assert!(count > 0);
}

/// The same seed is the same life, call by call.
#[test]
fn one_seed_is_one_life() {
    let player = Player::new(&Town::found());
    for seed in 0..40 {
        let (_, first, one) = player.play(seed, Weakness::None, true);
        let (_, second, other) = player.play(seed, Weakness::None, true);
        let at = first.iter().zip(&second).position(|(one, other)| one != other);
        assert_eq!(at.map(|at| (&first[at], &second[at])), None, "seed {seed}");
        assert_eq!(one, other, "seed {seed}");
    }
}

/// Without any one of its checks, the engine is caught: in the life that is noted; or, where the engine was changed and lives other
/// lives since, in the first one that is found.
#[test]
fn each_check_is_missed_when_it_is_taken_away() {
    let town = Town::found();
    let (next, told) = (AtomicUsize::new(0), Mutex::new(BTreeMap::new()));
    thread::scope(|scope| {
        for _ in 0..thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(|| {
                let player = Player::new(&town);
                loop {
                    let at = next.fetch_add(1, Ordering::Relaxed);
                    let Some(Caught { weakness, seed, .. }) = WEAKNESSES.get(at) else { return };
                    let mut seeds = iter::once(*seed).chain(0..WEAKNESS_SEEDS_MAX);
                    let found = seeds.find_map(|seed| Some((seed, player.caught(*weakness, seed)?)));
                    told.lock().unwrap().insert(at, found);
                }
            });
        }
    });
    println!("{:<22} {:>5}  violated", "without", "seed");
    let mut unnoticed = Vec::new();
    for (Caught { weakness, seed, invariant }, found) in WEAKNESSES.iter().zip(told.into_inner().unwrap().into_values())
    {
        let Some((first, violation)) = found else {
            unnoticed.push(weakness);
            continue;
        };
        let is_noted = first == *seed && violation.starts_with(&format!("{invariant:?}:"));
        let new = if is_noted { "" } else { "  (to be noted anew)" };
        println!("{:<22} {first:>5}  {violation}{new}", format!("{weakness:?}"));
    }
    assert!(unnoticed.is_empty(), "not caught in {WEAKNESS_SEEDS_MAX} lives: {unnoticed:?}");
}
