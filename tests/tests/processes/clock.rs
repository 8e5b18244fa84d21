//! A clock set back a year: on a client that starts, on one that stays, on the node. It is said, and nothing is lost.
//!
//! By Debian's libfaketime; without it, these tests say that they are skipped.

use std::fs;
use std::path::{Path, PathBuf};

use vauban_tests::agency::{Agency, utf8};
use vauban_tests::clock::{Clock, NOW};
use vauban_tests::folder;
use vauban_tests::home::{COMMAND_LIMIT, Home};
use vauban_tests::process::Running;
use vauban_tests::wait;

use super::slice::sync;
use super::watch::{arrives, event, watch};

/// Exit code of a node that is not trusted: by that clock its charter is not in force.
const POLICY: i32 = 7;
const A_YEAR_AGO: &str = "-365d";

/// Starts a command that looks at this clock.
fn start(clock: &Clock, device: &Home, arguments: &[&str], logs: &Path) -> anyhow::Result<Running> {
    Running::start(clock.under(device.command(arguments)?), logs)
}

#[test]
fn a_client_whose_clock_is_a_year_behind_loses_nothing() -> anyhow::Result<()> {
    let (agency, node) = Agency::found()?;
    let Some(clock) = Clock::new(agency.folder())? else { return Ok(()) };
    let laptop = agency.enrol("alice")?;
    let desktop = agency.add_device(&laptop, "desktop")?;
    let (here, there) = (agency.folder().join("here"), agency.folder().join("there"));
    fs::create_dir_all(&there)?;
    laptop.run(&["space", "create", "Projets"])?;
    folder::write(&here, "before", b"as both had it")?;
    sync(&laptop, &here)?;
    sync(&desktop, &there)?;
    let logs = node.home().logs();

    // At its start: no charter is in force yet, by that clock, and a person is told to look at it.
    folder::write(&here, "new", b"by the right clock")?;
    clock.set(A_YEAR_AGO)?;
    let once = ["sync", "Projets", &utf8(&here)?, "--once"];
    let stopped = start(&clock, &laptop, &once, logs)?.wait(COMMAND_LIMIT)?.ended_with(POLICY)?;
    stopped.says(&["clock"])?;

    // While it stays: what is edited goes on to arrive, or it ends and says the same.
    clock.set(NOW)?;
    let watching = ["--json", "sync", "Projets", &utf8(&here)?, "--watch"];
    let mut one = start(&clock, &laptop, &watching, logs)?;
    event(&mut one, "synced")?;
    let other = watch(&desktop, &there)?;
    clock.set(A_YEAR_AGO)?;
    folder::write(&here, "from here", b"made a year ago")?;
    folder::write(&there, "from there", b"made now")?;
    folder::write(&there, "before", b"edited there")?;
    let both = [(there.join("from here"), "made a year ago"), (here.join("from there"), "made now")];
    wait::until("the edits, or its end", COMMAND_LIMIT, || {
        let is_there = |(path, content): &(PathBuf, &str)| fs::read(path).is_ok_and(|is| is == content.as_bytes());
        Ok((one.has_ended()? || both.iter().all(is_there)).then_some(()))
    })?;
    if one.has_ended()? {
        let ended = one.wait(COMMAND_LIMIT)?.ended_with(POLICY)?;
        assert!(ended.stderr.contains("clock"), "{}", ended.stderr);
    } else {
        one.kill()?;
    }

    // By the right clock again: whatever was written with the other one is no older for it.
    let one = watch(&laptop, &here)?;
    for (root, path, content) in
        [(&there, "from here", "made a year ago"), (&here, "from there", "made now"), (&here, "before", "edited there")]
    {
        arrives(root, path, content.as_bytes())?;
    }
    for running in [one, other] {
        running.terminate(COMMAND_LIMIT)?.success()?;
    }
    folder::ensure_same(&here, &there)?;
    assert_eq!(folder::files_now(&here).len(), 4, "no conflict copy, nothing removed");
    assert!(!here.join(".vauban/trash").exists() || folder::files(&here.join(".vauban/trash"))?.is_empty());
    node.stop()?;
    Ok(())
}

/// Cluster time never goes back; a node whose clock does serves on, or says why it does not.
#[test]
fn a_node_whose_clock_is_a_year_behind_loses_nothing() -> anyhow::Result<()> {
    let (agency, node) = Agency::found()?;
    let Some(clock) = Clock::new(agency.folder())? else { return Ok(()) };
    let laptop = agency.enrol("alice")?;
    let desktop = agency.add_device(&laptop, "desktop")?;
    let (here, there) = (agency.folder().join("here"), agency.folder().join("there"));
    fs::create_dir_all(&there)?;
    laptop.run(&["space", "create", "Projets"])?;
    folder::write(&here, "before", b"before")?;
    sync(&laptop, &here)?;

    let home = node.stop()?;
    let node = home.clone().run_under(|command| clock.under(command))?;
    clock.set(A_YEAR_AGO)?;
    folder::write(&here, "after", b"after")?;
    sync(&laptop, &here)?;
    sync(&desktop, &there)?;
    folder::ensure_same(&here, &there)?;
    node.stop()?;

    // Started by it, it is not let begin: its certificate is not valid yet, and the operator is told.
    let refused = Running::start(clock.under(home.run_command()?), home.logs())?.wait(COMMAND_LIMIT)?;
    anyhow::ensure!(refused.code() != Some(0), "it ran:\n{}", refused.stderr);
    refused.says(&["clock"])?;
    let node = home.run()?;
    folder::write(&there, "later", b"later")?;
    sync(&desktop, &there)?;
    sync(&laptop, &here)?;
    folder::ensure_same(&here, &there)?;
    node.stop()?;
    Ok(())
}
