//! The client killed at any moment: its next run finishes the work, and no counter is used twice (`formats#14`).
//!
//! A counter used for two commits would be refused by the node and stop the device for good: every run after a kill
//! would end with the alarm's code. That no run does is the test; that all files arrive elsewhere is the other half.

use std::fs;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use vauban_tests::agency::{Agency, utf8};
use vauban_tests::folder::{self, noise};

use super::slice::sync;

/// Runs that are killed.
const ROUNDS: u64 = 30;
/// Files that change before each run.
const CHANGES: u64 = 40;

#[test]
fn kill9_of_the_client_uses_no_counter_twice() -> anyhow::Result<()> {
    let (agency, node) = Agency::found()?;
    let laptop = agency.enrol("alice")?;
    let desktop = agency.add_device(&laptop, "desktop")?;
    let (here, there) = (agency.folder().join("here"), agency.folder().join("there"));
    fs::create_dir_all(&there)?;
    laptop.run(&["space", "create", "Projets"])?;

    change(&here, 0)?;
    let began = Instant::now();
    sync(&laptop, &here)?;
    let whole = began.elapsed();

    let arguments = ["sync", "Projets", &utf8(&here)?, "--once"];
    let mut killed = 0;
    for round in 1..=ROUNDS {
        change(&here, round)?;
        let mut running = laptop.start(&arguments)?;
        thread::sleep(moment(round, whole));
        if running.has_ended()? {
            running.wait(Duration::from_secs(1))?.success()?;
        } else {
            running.kill()?;
            killed += 1;
        }
    }
    assert!(killed >= ROUNDS / 3, "only {killed} runs were killed in time");

    sync(&laptop, &here)?;
    sync(&desktop, &there)?;
    folder::ensure_same(&here, &there)?;
    node.stop()?;
    Ok(())
}

/// A moment of a run that takes `whole`, different in each round, spread over all of it.
fn moment(round: u64, whole: Duration) -> Duration {
    whole.mul_f64((round as f64 * 0.618_034).fract())
}

/// Changes a share of the files, and adds a larger one.
fn change(root: &Path, round: u64) -> anyhow::Result<()> {
    for number in 0..CHANGES {
        let path = format!("files/{}", (number * 7 + round) % (2 * CHANGES));
        folder::write(root, &path, &noise(round * CHANGES + number, 3000))?;
    }
    folder::write(root, &format!("larger/{round}"), &noise(round, 2_000_000))?;
    Ok(())
}
