//! Quotas, by real processes: reached, said, raised, raced for; and what makes room is never refused.

use std::fs;
use std::time::Duration;

use vauban_tests::agency::{Agency, utf8};
use vauban_tests::folder::{self, noise};
use vauban_tests::home::{COMMAND_LIMIT, Home};
use vauban_tests::wait;

use super::slice::sync;
use super::watch::{arrives, ended, event, start};

/// Exit code of a refusal.
const REFUSED: i32 = 5;
/// Longest until the group's feature level allows quotas.
const LEVEL_LIMIT: Duration = Duration::from_secs(60);
const MIB: usize = 1 << 20;

fn set(agency: &Agency, arguments: &[&str]) -> anyhow::Result<()> {
    let arguments: Vec<&str> = ["admin", "quota", "set"].iter().chain(arguments).copied().collect();
    wait::until("the quota to be set", LEVEL_LIMIT, || {
        let done = agency.admin().attempt(&arguments)?;
        Ok((done.code() == Some(0)).then_some(()))
    })
}

pub(crate) fn space_id(laptop: &Home) -> anyhow::Result<String> {
    let listed = laptop.json(&["space", "list"])?;
    let id = listed.first().and_then(|space| space["space"].as_str());
    id.map(str::to_owned).ok_or_else(|| anyhow::anyhow!("no space: {listed:?}"))
}

fn used(laptop: &Home) -> anyhow::Result<(u64, u64)> {
    let shown = laptop.json(&["space", "quota", "Projets"])?;
    let figure = |name: &str| {
        shown.first().and_then(|shown| shown.get(name)?.as_u64()).ok_or_else(|| anyhow::anyhow!("no {name}: {shown:?}"))
    };
    Ok((figure("used_bytes")?, figure("own_used_bytes")?))
}

/// Whoever reaches the quota of a space is told, in words; removals still go; it goes on once the quota is raised.
#[test]
fn a_quota_is_reached_said_and_raised() -> anyhow::Result<()> {
    let (agency, node) = Agency::found()?;
    let laptop = agency.enrol("alice")?;
    laptop.run(&["space", "create", "Projets"])?;
    let here = agency.folder().join("here");
    folder::write(&here, "before", &noise(1, MIB))?;
    folder::write(&here, "removed", &noise(2, MIB))?;
    sync(&laptop, &here)?;
    let (stored, own) = used(&laptop)?;
    anyhow::ensure!(stored >= 2 * MIB as u64 && stored == own, "{stored} and {own}");

    let id = space_id(&laptop)?;
    laptop.attempt(&["admin", "quota", "set", "--space", "Projets", "1TB"])?.ended_with(REFUSED)?;
    set(&agency, &["--space", &id, "3MiB"])?;
    let mut running = start(&laptop, &here)?;
    event(&mut running, "synced")?;
    fs::remove_file(here.join("removed"))?;
    folder::write(&here, "large", &noise(3, 4 * MIB))?;
    let waits = event(&mut running, "waiting")?;
    let said = format!("{} {}", waits["error"], waits["now"]);
    anyhow::ensure!(said.contains("quota of the space") && said.contains("3.00 MiB"), "{said}");
    anyhow::ensure!(said.contains("admin quota set"), "{said}");

    // The removal went, and what others send still comes.
    let desktop = agency.add_device(&laptop, "desktop")?;
    let there = agency.folder().join("there");
    fs::create_dir_all(&there)?;
    sync(&desktop, &there)?;
    anyhow::ensure!(there.join("before").exists() && !there.join("removed").exists() && !there.join("large").exists());
    folder::write(&there, "small", b"fits")?;
    sync(&desktop, &there)?;
    arrives(&here, "small", b"fits")?;

    set(&agency, &["--space", &id, "30MiB"])?;
    event(&mut running, "online")?;
    ended(running)?;
    sync(&desktop, &there)?;
    folder::ensure_same(&here, &there)?;
    let shown = agency.admin().run(&["admin", "quota", "show"])?;
    anyhow::ensure!(shown.stdout.contains("30.00 MiB"), "{}", shown.stdout);
    set(&agency, &["--space", &id, "--none"])?;
    let shown = laptop.run(&["space", "quota", "Projets"])?;
    anyhow::ensure!(shown.stdout.contains("without a limit"), "{}", shown.stdout);
    node.stop()?;
    Ok(())
}

/// A file that is larger than what is left is not even begun; a person's quota counts in every space.
#[test]
fn nobody_sends_for_hours_what_is_refused_in_the_end() -> anyhow::Result<()> {
    let (agency, node) = Agency::found()?;
    let laptop = agency.enrol("alice")?;
    laptop.run(&["space", "create", "Projets"])?;
    set(&agency, &["--user", "alice", "10MiB"])?;
    let here = agency.folder().join("here");
    folder::write(&here, "huge", &noise(1, 40 * MIB))?;
    folder::write(&here, "small", b"fits")?;
    let arguments = ["sync", "Projets", &utf8(&here)?, "--once"];
    laptop.attempt(&arguments)?.ended_with(REFUSED)?.says(&["quota", "10.00 MiB"])?;
    let received = vauban_tests::http::metric(node.web(), super::slice::RECEIVED)?;
    anyhow::ensure!(received < MIB as f64, "{received} bytes were sent in vain");
    laptop.run(&["cat", "Projets:small"])?;
    set(&agency, &["--user", "alice", "100MiB"])?;
    sync(&laptop, &here)?;
    laptop.run(&["cat", "Projets:huge"])?;
    node.stop()?;
    Ok(())
}

/// Two devices of one person race for what is left: one gets it, never both; and nothing of the other's is lost.
#[test]
fn two_devices_never_pass_a_quota_together() -> anyhow::Result<()> {
    let (agency, nodes) = Agency::with_nodes(3)?;
    let laptop = agency.enrol("alice")?;
    laptop.run(&["space", "create", "Projets"])?;
    let desktop = agency.add_device(&laptop, "desktop")?;
    let (here, there) = (agency.folder().join("here"), agency.folder().join("there"));
    folder::write(&here, "before", b"before")?;
    fs::create_dir_all(&there)?;
    sync(&laptop, &here)?;
    sync(&desktop, &there)?;
    let most = 8 * MIB as u64;
    set(&agency, &["--user", "alice", "8MiB"])?;
    for number in 0..6 {
        folder::write(&here, &format!("here-{number}"), &noise(number, MIB))?;
        folder::write(&there, &format!("there-{number}"), &noise(100 + number, MIB))?;
    }
    let one = laptop.start(&["sync", "Projets", &utf8(&here)?, "--once"])?;
    let other = desktop.start(&["sync", "Projets", &utf8(&there)?, "--once"])?;
    let codes = [one.wait(COMMAND_LIMIT)?.code(), other.wait(COMMAND_LIMIT)?.code()];
    anyhow::ensure!(codes.contains(&Some(REFUSED)), "{codes:?}");
    anyhow::ensure!(codes.iter().all(|code| [Some(0), Some(REFUSED)].contains(code)), "{codes:?}");
    let (_, own) = used(&laptop)?;
    anyhow::ensure!(own <= most, "{own} bytes of {most}");

    set(&agency, &["--user", "alice", "80MiB"])?;
    sync(&laptop, &here)?;
    sync(&desktop, &there)?;
    sync(&laptop, &here)?;
    folder::ensure_same(&here, &there)?;
    anyhow::ensure!(folder::files_now(&here).len() == 13);
    nodes.into_iter().try_for_each(|node| node.stop().map(drop))
}
