//! Several devices that commit to one space and read it by different nodes, while leaders die, sleep and are cut off; and the judgement
//! whether what they were told can be the story of one space that one machine keeps.
//!
//! Commits are linearizable: each answer, a refusal too, is what an ordered log says at one moment between question and answer. Reads
//! are of what a node has applied: never of what nobody has committed, never less than that device has seen, perhaps less than others
//! have.

mod judge;

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use anyhow::Context;
use vauban_tests::home::COMMAND_LIMIT;
use vauban_tests::network::Network;
use vauban_tests::node::Node;
use vauban_tests::random::Random;
use vauban_tests::wait;

use self::judge::{Event, Told, judge};
use super::author::{Author, Contended};
use super::cut_off::{apart, ensure_kept_everywhere, homes, with_network};
use super::look::{leader, settled};
use crate::soak::seed;

/// Devices that write.
const DEVICES: usize = 3;
/// Commits that one of them has acknowledged between two faults.
const BETWEEN: u64 = 20;
/// How long a leader sleeps, or is cut off: others elect another meanwhile, or do not.
const FAULT_MS: (u64, u64) = (1_000, 5_000);
/// Milliseconds between two questions of a device, at most.
const PAUSE_MS: u64 = 12;

/// What happens to the leader.
#[derive(Debug, Clone, Copy)]
enum Fault {
    Sleeps,
    CutOff,
    Deaf,
    Dies,
}

/// What all have been told.
#[derive(Default)]
struct History {
    /// Counts questions and answers, in the order in which they come.
    moments: AtomicU64,
    events: Mutex<Vec<Event>>,
    committed: AtomicU64,
    over: AtomicBool,
}

#[test]
fn concurrent_commits_are_linearizable() -> anyhow::Result<()> {
    let seed = seed()?;
    println!("seed {seed}");
    let (agency, nodes, network, author) = with_network()?;
    let mut authors = vec![author];
    for number in 1..DEVICES {
        let device = agency.add_device(agency.admin(), &format!("device-{number}"))?;
        authors.push(Author::begin(&device)?);
    }
    for (author, node) in authors.iter_mut().zip(&nodes) {
        author.move_to(&network.address(node.home())?)?;
    }
    let history = History::default();
    let mut random = Random::of(seed);
    let nodes = thread::scope(|threads| {
        let writing: Vec<_> = authors
            .iter_mut()
            .map(|author| {
                let (history, random) = (&history, Random::of(random.any()));
                threads.spawn(move || write(author, history, random))
            })
            .collect();
        let nodes = [Fault::Sleeps, Fault::CutOff, Fault::Dies, Fault::Deaf]
            .into_iter()
            .try_fold(nodes, |nodes, fault| strike(fault, nodes, &network, &history, &mut random));
        history.over.store(true, Ordering::Relaxed);
        for thread in writing {
            thread.join().map_err(|_| anyhow::anyhow!("a device panicked"))??;
        }
        nodes
    })?;
    settled(&nodes, 3)?;
    let last = &mut authors[0];
    wait::until("all commits", COMMAND_LIMIT, || Ok((last.read()? == Some(last.head())).then_some(())))?;
    ensure_kept_everywhere(last, &nodes, &network)?;
    let events = history.events.into_inner().unwrap_or_else(PoisonError::into_inner);
    judge(&last.heads()?, &events)?;
    let of = |told: fn(&Told) -> bool| events.iter().filter(|event| told(&event.told)).count();
    let (committed, late) = (of(|told| matches!(told, Told::Committed(_))), of(|told| matches!(told, Told::Late(_))));
    println!("{committed} commits, {late} that came too late, {} reads: linearizable", events.len() - committed - late);
    anyhow::ensure!(late > 0, "nobody ever contended");
    Ok(())
}

/// Commits and reads until all is over, and notes what is told.
fn write(author: &mut Author, history: &History, mut random: Random) -> anyhow::Result<()> {
    while !history.over.load(Ordering::Relaxed) {
        let asked = history.moments.fetch_add(1, Ordering::SeqCst);
        let told = if random.below(4) == 0 {
            author.read()?.map(Told::Read)
        } else {
            Some(match author.contend()? {
                Contended::Committed(head) => Told::Committed(head),
                Contended::Late(head) => Told::Late(head),
            })
        };
        let answered = history.moments.fetch_add(1, Ordering::SeqCst);
        if let Some(told) = told {
            if matches!(told, Told::Committed(_)) {
                history.committed.fetch_add(1, Ordering::Relaxed);
            }
            history.events.lock().unwrap_or_else(PoisonError::into_inner).push(Event { asked, answered, told });
        }
        thread::sleep(Duration::from_millis(random.below(PAUSE_MS)));
    }
    Ok(())
}

/// Lets something happen to the leader, and to it again when that is over.
fn strike(
    fault: Fault,
    mut nodes: Vec<Node>,
    network: &Network,
    history: &History,
    random: &mut Random,
) -> anyhow::Result<Vec<Node>> {
    progress(history).with_context(|| format!("before {fault:?}"))?;
    let leads = leader(&nodes)?;
    let while_it_lasts = Duration::from_millis(FAULT_MS.0 + random.below(FAULT_MS.1 - FAULT_MS.0));
    let (leading, others) = apart(&nodes, leads)?;
    match fault {
        Fault::Sleeps => {
            leading.pause()?;
            thread::sleep(while_it_lasts);
            leading.resume()?;
        }
        Fault::CutOff => {
            network.part(leading.home(), homes(&others))?;
            thread::sleep(while_it_lasts);
        }
        Fault::Deaf => {
            others.iter().try_for_each(|from| network.cut(from.home(), leading.home()))?;
            thread::sleep(while_it_lasts);
        }
        Fault::Dies => {
            let home = nodes.remove(leads).kill()?;
            thread::sleep(while_it_lasts);
            nodes.push(home.run()?);
        }
    }
    network.heal();
    progress(history).with_context(|| format!("after {fault:?}"))?;
    Ok(nodes)
}

/// Waits until commits go on.
fn progress(history: &History) -> anyhow::Result<()> {
    let wanted = history.committed.load(Ordering::Relaxed) + BETWEEN;
    wait::until("commits to go on", COMMAND_LIMIT, || {
        Ok((history.committed.load(Ordering::Relaxed) >= wanted).then_some(()))
    })
}
