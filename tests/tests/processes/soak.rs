//! Two clients that stay, a node, and random edits on both sides for as long as one likes: in the end both trees are equal, and every
//! version that was ever written is found: at a name, in a conflict copy, in a trash, or in the space's history.
//!
//! Two minutes with the other tests; `make sync-soak MINUTES=60` for longer. The seed is printed, and `VAUBAN_SEED` repeats its
//! choices, though not the moments at which clients meet them. A run that fails leaves its folders, and says where.

use std::fs;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::Context;
use vauban_tests::agency::Agency;
use vauban_tests::script::Script;
use vauban_tests::{folder, wait};

use super::watch::{ended, watch};

/// Seconds of edits, unless the environment says otherwise.
const SECONDS: u64 = 120;
/// Removals an hour: fewer than the brake holds.
const REMOVALS_PER_HOUR: u64 = 40;
/// Milliseconds between two edits, at most; now and then a pause in which both sides come to rest.
const PAUSE_MS_MAX: u64 = 250;
const REST_MS: u64 = 2_500;
/// Longest until both sides agree once nobody edits any more.
const AGREE_LIMIT: Duration = Duration::from_secs(180);

#[test]
fn two_watching_clients_agree_after_random_edits() -> anyhow::Result<()> {
    let (seconds, seed) = (number("VAUBAN_SOAK_SECONDS", SECONDS)?, seed()?);
    println!("{seconds} s of edits, seed {seed}");
    let (agency, node) = Agency::found()?;
    let _agency = kept_if_failed(agency, |agency| {
        let laptop = agency.enrol("alice")?;
        let desktop = agency.add_device(&laptop, "desktop")?;
        let [here, there, scratch] = ["here", "there", "scratch"].map(|name| agency.folder().join(name));
        for folder in [&here, &there, &scratch] {
            fs::create_dir_all(folder)?;
        }
        laptop.run(&["space", "create", "Projets"])?;
        let clients = [watch(&laptop, &here)?, watch(&desktop, &there)?];
        let mut script = Script::new(seed, [here.clone(), there.clone()], scratch, REMOVALS_PER_HOUR);
        let (began, mut edits) = (Instant::now(), 0u64);
        while began.elapsed() < Duration::from_secs(seconds) {
            script.step()?;
            edits += 1;
            let pause = if script.below(60) == 0 { REST_MS } else { script.below(PAUSE_MS_MAX) };
            thread::sleep(Duration::from_millis(pause));
        }
        agree(&here, &there)?;
        for client in clients {
            let events = ended(client)?;
            anyhow::ensure!(
                events.iter().all(|event| event["event"] != "held"),
                "the brake held something: {events:?}"
            );
        }
        folder::ensure_same(&here, &there)?;
        let found = script.ledger().ensure_found(&laptop, &[&here, &there])?;
        println!("{edits} edits, {} versions: {found:?}", script.ledger().len());
        Ok(())
    })?;
    node.stop()?;
    Ok(())
}

/// Waits until both trees hold the same.
pub(crate) fn agree(one: &Path, other: &Path) -> anyhow::Result<()> {
    let mut differ = String::new();
    let agreed = wait::until("both trees to agree", AGREE_LIMIT, || {
        // A tree that still changes cannot be read whole.
        match folder::ensure_same(one, other) {
            Ok(()) => Ok(Some(())),
            Err(error) => {
                differ = error.to_string();
                thread::sleep(Duration::from_millis(100));
                Ok(None)
            }
        }
    });
    agreed.context(differ)
}

/// Runs a test over an agency, whose folders stay if it fails; until its node has stopped it is still wanted.
pub(crate) fn kept_if_failed(
    agency: Agency,
    test: impl FnOnce(&Agency) -> anyhow::Result<()>,
) -> anyhow::Result<Agency> {
    match test(&agency) {
        Ok(()) => Ok(agency),
        Err(error) => {
            let folder = agency.keep();
            Err(error.context(format!("the folders of this run are left in {}", folder.display())))
        }
    }
}

/// A number that the environment gives.
pub(crate) fn number(name: &str, otherwise: u64) -> anyhow::Result<u64> {
    match std::env::var(name) {
        Ok(text) => text.parse().with_context(|| format!("{name}={text}")),
        Err(_) => Ok(otherwise),
    }
}

/// The seed that the environment gives, or a new one.
pub(crate) fn seed() -> anyhow::Result<u64> {
    let fresh = getrandom::u64().map_err(|error| anyhow::anyhow!("no randomness: {error}"))?;
    number("VAUBAN_SEED", fresh % 1_000_000)
}
