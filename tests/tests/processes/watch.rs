//! Two clients that stay: what changes on one arrives at the other, whatever becomes of the node meanwhile, and a signal ends
//! them well.

use std::fs;
use std::path::Path;
use std::time::Duration;

use anyhow::Context;
use serde_json::Value;
use vauban_tests::agency::{Agency, utf8};
use vauban_tests::folder::{self, noise};
use vauban_tests::home::{COMMAND_LIMIT, Home};
use vauban_tests::process::{Outcome, Running};
use vauban_tests::wait;

/// Longest that a change may take to arrive: a wait for the node to be found again is within it.
const ARRIVAL_LIMIT: Duration = Duration::from_secs(60);

#[test]
fn edits_arrive_both_ways_and_across_a_lost_node() -> anyhow::Result<()> {
    let (agency, node) = Agency::found()?;
    let laptop = agency.enrol("alice")?;
    let desktop = agency.add_device(&laptop, "desktop")?;
    let (here, there) = (agency.folder().join("here"), agency.folder().join("there"));
    fs::create_dir_all(&there)?;
    folder::write(&here, "before/first", b"first")?;
    laptop.run(&["space", "create", "Projets"])?;
    let mut one = watch(&laptop, &here)?;
    let mut other = watch(&desktop, &there)?;

    folder::write(&here, "new/deep/file", b"from the laptop")?;
    arrives(&there, "new/deep/file", b"from the laptop")?;
    folder::write(&there, "new/deep/answer", b"from the desktop")?;
    arrives(&here, "new/deep/answer", b"from the desktop")?;
    folder::write(&there, "new/deep/file", b"edited on the desktop")?;
    arrives(&here, "new/deep/file", b"edited on the desktop")?;
    let large = noise(5, 3_000_000);
    folder::write(&here, "large", &large)?;
    arrives(&there, "large", &large)?;

    let node = node.kill()?;
    folder::write(&here, "while away/one", b"1")?;
    folder::write(&there, "while away/other", b"2")?;
    for running in [&mut one, &mut other] {
        event(running, "offline")?;
    }
    let node = node.run()?;
    arrives(&there, "while away/one", b"1")?;
    arrives(&here, "while away/other", b"2")?;
    folder::write(&here, "after", b"3")?;
    arrives(&there, "after", b"3")?;

    for running in [one, other] {
        let events = ended(running)?;
        let count = |name: &str| events.iter().filter(|event| event["event"] == name).count();
        // Lost once and found once: each is said once.
        assert_eq!((count("offline"), count("online"), count("stopped")), (1, 1, 1), "{events:?}");
    }
    folder::ensure_same(&here, &there)?;
    node.stop()?;
    Ok(())
}

/// Fails if a client that finds no node when it starts gives up, or if a node waits for those who follow when it stops.
#[test]
fn a_client_waits_for_its_node_and_a_node_for_nobody() -> anyhow::Result<()> {
    let (agency, node) = Agency::found()?;
    let laptop = agency.enrol("alice")?;
    let here = agency.folder().join("here");
    folder::write(&here, "file", b"x")?;
    laptop.run(&["space", "create", "Projets"])?;
    let node = node.stop()?;
    let mut running = start(&laptop, &here)?;
    event(&mut running, "offline")?;
    let node = node.run()?;
    let synced = event(&mut running, "synced")?;
    assert_eq!(synced["uploaded"], 1, "{synced}");
    node.stop()?;
    ended(running)?;
    Ok(())
}

/// Fails if a choice or a rule waits for the next look at everything, or changes the space.
#[test]
fn rules_and_choices_take_effect_while_watching() -> anyhow::Result<()> {
    let (agency, node) = Agency::found()?;
    let laptop = agency.enrol("alice")?;
    let desktop = agency.add_device(&laptop, "desktop")?;
    let (here, there) = (agency.folder().join("here"), agency.folder().join("there"));
    fs::create_dir_all(&there)?;
    for path in ["photos/a", "photos/old/b", "docs/x"] {
        folder::write(&here, path, path.as_bytes())?;
    }
    laptop.run(&["space", "create", "Projets"])?;
    let one = watch(&laptop, &here)?;
    let other = watch(&desktop, &there)?;
    arrives(&there, "photos/old/b", b"photos/old/b")?;

    desktop.attempt(&["select", "Projets", "--without", "nowhere"])?.ended_with(13)?.says(&["nowhere"])?;
    desktop.run(&["select", "Projets", "--without", "photos"])?;
    leaves(&there, "photos")?;
    folder::write(&here, ".vaubanignore", b"*.log\nbuild/\n")?;
    arrives(&there, ".vaubanignore", b"*.log\nbuild/\n")?;
    folder::write(&there, "docs/x.log", b"a log")?;
    folder::write(&there, "build/y", b"a build")?;
    folder::write(&there, "docs/y", b"sent")?;
    arrives(&here, "docs/y", b"sent")?;
    let told = desktop.json(&["ignored", "Projets", "docs"])?;
    let listed = told.first().and_then(|report| report["listed"].as_array()).context("no list")?;
    assert_eq!(listed.len(), 1, "{listed:?}");
    assert_eq!((&listed[0]["path"], &listed[0]["line"]), (&Value::from("docs/x.log"), &Value::from(1)));
    desktop.run(&["select", "Projets", "--all"])?;
    arrives(&there, "photos/a", b"photos/a")?;
    assert!(here.join("photos/old/b").exists() && !here.join("docs/x.log").exists() && !here.join("build").exists());

    for running in [one, other] {
        let events = ended(running)?;
        let removed = events.iter().filter_map(|event| event["removed_there"].as_u64()).sum::<u64>();
        assert_eq!(removed, 0, "{events:?}");
    }
    node.stop()?;
    Ok(())
}

/// Waits until something is gone.
fn leaves(root: &Path, path: &str) -> anyhow::Result<()> {
    let file = root.join(path);
    wait::until(&format!("the end of {}", file.display()), ARRIVAL_LIMIT, || Ok((!file.exists()).then_some(())))
}

/// Begins to watch, and waits until both sides agree.
pub(crate) fn watch(device: &Home, folder: &Path) -> anyhow::Result<Running> {
    let mut running = start(device, folder)?;
    event(&mut running, "synced")?;
    Ok(running)
}

pub(crate) fn start(device: &Home, folder: &Path) -> anyhow::Result<Running> {
    device.start(&["--json", "sync", "Projets", &utf8(folder)?, "--watch"])
}

/// Waits for the first event of a kind.
pub(crate) fn event(running: &mut Running, name: &str) -> anyhow::Result<Value> {
    let line = running.line(&format!("{{\"event\":\"{name}\""), ARRIVAL_LIMIT)?;
    serde_json::from_str(&line).context(line)
}

/// Waits until a file has this content.
pub(crate) fn arrives(root: &Path, path: &str, content: &[u8]) -> anyhow::Result<()> {
    let file = root.join(path);
    wait::until(&format!("{}", file.display()), ARRIVAL_LIMIT, || {
        Ok(fs::read(&file).is_ok_and(|is| is == content).then_some(()))
    })
}

/// Asks a client to end, which it does with success; all that it said.
pub(crate) fn ended(running: Running) -> anyhow::Result<Vec<Value>> {
    let Outcome { stdout, .. } = running.terminate(COMMAND_LIMIT)?.success()?;
    stdout.lines().map(|line| serde_json::from_str(line).with_context(|| line.to_owned())).collect()
}
