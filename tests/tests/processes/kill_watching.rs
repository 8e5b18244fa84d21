//! A watching client is killed at any moment, again and again, while both sides are edited: in the end both trees are equal, and
//! every version that was ever written is found.
//!
//! Ten times by default; `VAUBAN_KILLS=200` for the whole test, `VAUBAN_SEED` to repeat one.

use std::fs;
use std::path::Path;
use std::thread;
use std::time::Duration;

use vauban_tests::agency::Agency;
use vauban_tests::folder;
use vauban_tests::home::Home;
use vauban_tests::process::Running;
use vauban_tests::script::Script;

use super::soak::{agree, kept_if_failed, number, seed};
use super::watch::{ended, start, watch};

/// Kills, unless the environment says otherwise.
const KILLS: u64 = 10;
/// Edits between two of them, at most.
const EDITS_MAX: u64 = 12;
/// Milliseconds that a client lives, at most: a start takes some hundred.
const LIFE_MS_MAX: u64 = 1_500;
/// Removals in all: fewer than the brake holds within an hour.
const REMOVALS: u64 = 40;

#[test]
fn kill9_of_a_watching_client_loses_no_version() -> anyhow::Result<()> {
    let (kills, seed) = (number("VAUBAN_KILLS", KILLS)?, seed()?);
    println!("{kills} kills, seed {seed}");
    let (agency, node) = Agency::found()?;
    let _agency = kept_if_failed(agency, |agency| {
        let laptop = agency.enrol("alice")?;
        let desktop = agency.add_device(&laptop, "desktop")?;
        let [here, there, scratch] = ["here", "there", "scratch"].map(|name| agency.folder().join(name));
        for folder in [&here, &there, &scratch] {
            fs::create_dir_all(folder)?;
        }
        laptop.run(&["space", "create", "Projets"])?;
        let mut script = Script::new(seed, [here.clone(), there.clone()], scratch, REMOVALS);
        let other = watch(&desktop, &there)?;
        for kill in 0..kills {
            let mut victim = start(&laptop, &here)?;
            let life = Duration::from_millis(script.below(LIFE_MS_MAX));
            let edits = script.below(EDITS_MAX) + 1;
            for _ in 0..edits {
                script.step()?;
                thread::sleep(life / u32::try_from(edits)?);
            }
            anyhow::ensure!(!victim.has_ended()?, "kill {kill}: it ended by itself: {}", victim.stderr()?);
            victim.kill()?;
            if kill % 10 == 4 {
                forget_cache(&laptop)?;
            }
        }
        finish(&script, (&laptop, &here), (&desktop, &there), other)?;
        Ok(())
    })?;
    node.stop()?;
    Ok(())
}

/// The cache deleted while nothing runs, in mid-story.
fn forget_cache(device: &Home) -> anyhow::Result<()> {
    let cache = device.folder().join("cache");
    if cache.exists() {
        fs::remove_dir_all(cache)?;
    }
    Ok(())
}

fn finish(script: &Script, laptop: (&Home, &Path), desktop: (&Home, &Path), other: Running) -> anyhow::Result<()> {
    let one = watch(laptop.0, laptop.1)?;
    agree(laptop.1, desktop.1)?;
    for running in [one, other] {
        let events = ended(running)?;
        anyhow::ensure!(events.iter().all(|event| event["event"] != "held"), "the brake held something: {events:?}");
    }
    folder::ensure_same(laptop.1, desktop.1)?;
    let found = script.ledger().ensure_found(laptop.0, &[laptop.1, desktop.1])?;
    println!("{} versions: {found:?}", script.ledger().len());
    Ok(())
}
