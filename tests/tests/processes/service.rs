//! One process that keeps several folders in step, asked and steered by others: nothing that a person can type is refused because
//! it runs, and nothing of it is in the way once it is gone.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context;
use serde_json::Value;
use vauban_tests::agency::{Agency, utf8};
use vauban_tests::folder::{self, noise};
use vauban_tests::home::{COMMAND_LIMIT, Home};
use vauban_tests::process::Running;
use vauban_tests::wait;

use super::slice::sync;

/// Longest that a change may take to arrive.
const ARRIVAL_LIMIT: Duration = Duration::from_secs(60);
/// A home that another process serves.
const LOCAL: i32 = 10;
/// No service runs.
const NO_SERVICE: i32 = 15;

#[test]
fn two_spaces_are_kept_in_step_and_every_command_works_beside() -> anyhow::Result<()> {
    let (agency, node) = Agency::found()?;
    let laptop = agency.enrol("alice")?;
    let desktop = agency.add_device(&laptop, "desktop")?;
    let [projects, payroll] = spaces(&agency, &laptop)?;
    laptop.attempt(&["log", "-f"])?.ended_with(NO_SERVICE)?.says(&["does not run"])?;
    let service = serve(&laptop, &[])?;
    let mut follower = laptop.start(&["--json", "log", "-f", "Projets"])?;
    folder::write(&payroll, "b", b"2")?;
    in_space(&desktop, "Paie", "b")?;
    folder::write(&projects, "a", b"1")?;
    in_space(&desktop, "Projets", "a")?;
    let told: Value = serde_json::from_str(&follower.line("{\"event\":\"synced\",\"uploaded\":1,", ARRIVAL_LIMIT)?)?;
    assert_eq!(told["name"], "Projets", "{told}");

    // Each of these needs the claim that the service has.
    let file = folder::write(agency.folder(), "file", b"put beside the service")?;
    for number in 0..5 {
        laptop.run(&["put", &utf8(&file)?, &format!("Projets:put-{number}")])?;
        arrives(&projects.join(format!("put-{number}")), b"put beside the service")?;
    }
    laptop.run(&["space", "create", "Une de plus"])?;
    laptop.run(&["sync", "Projets", "--once"])?;
    let put = laptop.json(&["history", "Projets:put-0"])?;
    fs::remove_file(projects.join("put-0"))?;
    not_in_space(&desktop, "Projets", "put-0")?;
    laptop.run(&["restore", "Projets:put-0", "--to", &format!("#{}", put[0]["commit"])])?;
    arrives(&projects.join("put-0"), b"put beside the service")?;

    laptop.attempt(&["sync", "--watch"])?.ended_with(LOCAL)?.says(&["already", "vauban status"])?;
    laptop.attempt(&["sync", "Projets", &utf8(&projects)?, "--watch"])?.ended_with(LOCAL)?;
    let state = state(&laptop)?;
    assert_eq!(state["spaces"].as_array().map(Vec::len), Some(2), "{state}");
    assert_eq!(fs::metadata(laptop.folder().join("service.sock"))?.permissions().mode() & 0o777, 0o600);

    service.terminate(COMMAND_LIMIT)?.success()?;
    follower.wait(COMMAND_LIMIT)?.success()?;
    assert!(!laptop.folder().join("service.sock").exists());
    let said = laptop.run(&["log", "Projets"])?.stdout;
    assert!(said.contains("Projets: 1 file(s) sent") && !said.contains("Paie"), "{said}");
    node.stop()?;
    Ok(())
}

#[test]
fn a_pause_holds_across_a_restart_and_loses_nothing() -> anyhow::Result<()> {
    let (agency, node) = Agency::found()?;
    let laptop = agency.enrol("alice")?;
    let [projects, payroll] = spaces(&agency, &laptop)?;
    let service = serve(&laptop, &[])?;
    laptop.run(&["pause", "Paie", "--for", "2h"])?;
    paused_while(&laptop, &projects, &payroll, "first")?;
    service.terminate(COMMAND_LIMIT)?.success()?;
    let service = laptop.start(&["--json", "sync", "--watch"])?;
    paused_while(&laptop, &projects, &payroll, "second")?;
    assert_eq!(phase(&laptop, "Paie")?, "paused");

    laptop.run(&["resume"])?;
    in_space(&laptop, "Paie", "held first")?;
    in_space(&laptop, "Paie", "held second")?;
    let said = laptop.run(&["log"])?.stdout;
    assert!(said.contains("Paie: paused until") && said.contains("Paie: resumed"), "{said}");
    service.terminate(COMMAND_LIMIT)?.success()?;
    node.stop()?;
    Ok(())
}

#[test]
fn the_brake_is_told_and_approved_through_the_service() -> anyhow::Result<()> {
    let (agency, node) = Agency::found()?;
    let laptop = agency.enrol("alice")?;
    let [projects, _] = spaces(&agency, &laptop)?;
    for number in 0..60 {
        folder::write(&projects, &format!("many/{number}"), &noise(number, 100))?;
    }
    // What stands in for the desktop keeps what it was told.
    let (bin, told) = (agency.folder().join("bin"), agency.folder().join("told"));
    let script = format!("#!/bin/sh\nprintf '%s\\n' \"$@\" >> {}\n", utf8(&told)?);
    let program = folder::write(&bin, "notify-send", script.as_bytes())?;
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755))?;
    let path = std::env::var("PATH").unwrap_or_default();
    let mut command = laptop.command(&["--json", "sync", "--watch"])?;
    command.env("PATH", format!("{}:{path}", utf8(&bin)?));
    let mut service = Running::start(command, &agency.folder().join("logs"))?;
    in_space(&laptop, "Projets", "many/59")?;

    fs::remove_dir_all(projects.join("many"))?;
    service.line("{\"event\":\"held\"", ARRIVAL_LIMIT)?;
    let said = laptop.run(&["status"])?.stdout;
    assert!(said.contains("vauban sync approve Projets"), "{said}");
    wait::until("a notice", ARRIVAL_LIMIT, || {
        let told = fs::read_to_string(&told).unwrap_or_default();
        Ok(told.contains("Projets: the brake holds").then_some(()))
    })?;
    in_space(&laptop, "Projets", "many/59")?;
    let approved = laptop.json(&["sync", "approve", "Projets"])?;
    assert_eq!(approved[0]["removed_there"], 61, "{approved:?}");
    not_in_space(&laptop, "Projets", "many/59")?;
    service.terminate(COMMAND_LIMIT)?.success()?;
    node.stop()?;
    Ok(())
}

/// Fails if a killed service leaves a socket or lock that stops the next one, or a counter that is used twice.
#[test]
fn a_killed_service_is_in_nobodys_way() -> anyhow::Result<()> {
    let (agency, node) = Agency::found()?;
    let laptop = agency.enrol("alice")?;
    let [projects, payroll] = spaces(&agency, &laptop)?;
    for round in 0..3u64 {
        let service = serve(&laptop, &[])?;
        folder::write(&projects, &format!("{round}"), &noise(round, 2_000_000))?;
        folder::write(&payroll, &format!("{round}"), &noise(round + 50, 2_000_000))?;
        let place = format!("Projets:{round}");
        wait::until("a round", ARRIVAL_LIMIT, || {
            let is_there =
                phase(&laptop, "Projets")? == "syncing" || laptop.attempt(&["ls", &place])?.code() == Some(0);
            Ok(is_there.then_some(()))
        })?;
        service.kill()?;
        assert!(laptop.folder().join("service.sock").exists(), "a kill leaves it");
        laptop.attempt(&["log", "-f"])?.ended_with(NO_SERVICE)?;
        assert!(laptop.json(&["status"])?[0]["service"].is_null());
    }
    sync(&laptop, &projects)?;
    let service = serve(&laptop, &[])?;
    in_space(&laptop, "Projets", "2")?;
    in_space(&laptop, "Paie", "2")?;
    service.terminate(COMMAND_LIMIT)?.success()?;
    node.stop()?;
    Ok(())
}

#[test]
fn a_space_that_fails_stops_no_other_and_is_tried_again() -> anyhow::Result<()> {
    let (agency, node) = Agency::found()?;
    let laptop = agency.enrol("alice")?;
    let [projects, payroll] = spaces(&agency, &laptop)?;
    serve(&laptop, &[])?.terminate(COMMAND_LIMIT)?.success()?;
    let away = agency.folder().join("away");
    fs::rename(&payroll, &away)?;
    let mut service = laptop.start(&["--json", "sync", "--watch"])?;
    service.line("{\"event\":\"failed\"", ARRIVAL_LIMIT)?;
    folder::write(&projects, "a", b"1")?;
    in_space(&laptop, "Projets", "a")?;
    assert_eq!(phase(&laptop, "Paie")?, "stopped");
    let said = laptop.run(&["status"])?.stdout;
    assert!(said.contains(&utf8(&payroll)?), "{said}");

    fs::rename(&away, &payroll)?;
    folder::write(&payroll, "b", b"2")?;
    laptop.run(&["resume", "Paie"])?;
    in_space(&laptop, "Paie", "b")?;
    service.terminate(COMMAND_LIMIT)?.success()?;
    node.stop()?;
    Ok(())
}

/// A transfer that would take minutes is limited, halts for a command within seconds, and is sped up while it runs.
#[test]
fn a_limit_is_kept_and_a_long_round_makes_way() -> anyhow::Result<()> {
    let (agency, node) = Agency::found()?;
    let laptop = agency.enrol("alice")?;
    let [projects, _] = spaces(&agency, &laptop)?;
    let service = serve(&laptop, &["--limit-up", "64KiB/s"])?;
    // More than ten minutes at that rate: what is seen of it below is no luck.
    let large = folder::write(agency.folder(), "large", &noise(7, 48_000_000))?;
    fs::rename(large, projects.join("large"))?;
    let syncing = wait::until("the upload", ARRIVAL_LIMIT, || {
        let space = space(&laptop, "Projets")?;
        Ok((space["pending"]["uploads"] == 1 && space["phase"] == "syncing").then_some(space))
    })?;
    assert_eq!(syncing["pending"]["upload_bytes"], 48_000_000, "{syncing}");
    laptop.run(&["space", "create", "Meanwhile"])?;
    laptop.run(&["pause"])?;
    wait::until("the pause", ARRIVAL_LIMIT, || Ok((phase(&laptop, "Projets")? == "paused").then_some(())))?;
    not_in_space(&laptop, "Projets", "large")?;
    laptop.run(&["limit", "--up", "100MB/s"])?;
    laptop.run(&["resume"])?;
    in_space(&laptop, "Projets", "large")?;
    service.terminate(COMMAND_LIMIT)?.success()?;
    node.stop()?;
    Ok(())
}

/// Where systemd can be asked, it finds nothing to say about the unit.
#[test]
fn the_unit_is_one_that_systemd_takes() -> anyhow::Result<()> {
    let (agency, node) = Agency::found()?;
    let laptop = agency.enrol("alice")?;
    let text = laptop.run(&["service", "install", "--print"])?.stdout;
    assert!(text.contains("sync --watch") && text.contains("LoadCredential=passphrase:"), "{text}");
    let unit = folder::write(agency.folder(), "vauban.service", text.as_bytes())?;
    let mut verify = std::process::Command::new("systemd-analyze");
    if let Ok(verified) = verify.args(["--user", "verify"]).arg(&unit).env("XDG_RUNTIME_DIR", agency.folder()).output()
    {
        let said = String::from_utf8_lossy(&verified.stderr).into_owned();
        let about: Vec<_> = said.lines().filter(|line| line.contains("vauban.service")).collect();
        assert!(about.is_empty(), "{about:?}");
    }
    // No manager of this user's answers here: the unit is written, and what to run is said.
    let said = laptop.run(&["service", "install"])?.stdout;
    assert!(said.contains("systemctl --user enable --now vauban.service"), "{said}");
    let installed = laptop.folder().join(".config/systemd/user/vauban.service");
    assert_eq!(fs::read_to_string(&installed)?.trim_end(), text.trim_end());
    laptop.run(&["service", "uninstall"])?;
    assert!(!installed.exists());
    node.stop()?;
    Ok(())
}

/// Two spaces with a folder each, given to the service.
fn spaces(agency: &Agency, device: &Home) -> anyhow::Result<[PathBuf; 2]> {
    let mut folders = Vec::new();
    for name in ["Projets", "Paie"] {
        device.run(&["space", "create", name])?;
        let folder = agency.folder().join(format!("folder {name}"));
        fs::create_dir_all(&folder)?;
        device.run(&["service", "add", name, &utf8(&folder)?])?;
        folders.push(folder);
    }
    folders.try_into().map_err(|_| anyhow::anyhow!("two folders"))
}

/// Starts the service, and waits until both spaces are in step.
fn serve(device: &Home, more: &[&str]) -> anyhow::Result<Running> {
    let service = device.start(&[&["--json", "sync", "--watch"], more].concat())?;
    for name in ["Projets", "Paie"] {
        wait::until(name, ARRIVAL_LIMIT, || {
            Ok(space(device, name)
                .is_ok_and(|is| is.get("phase").is_some_and(|phase| phase == "in_step"))
                .then_some(()))
        })?;
    }
    Ok(service)
}

/// What the service tells.
fn state(device: &Home) -> anyhow::Result<Value> {
    let status = device.json(&["status"])?;
    status.first().and_then(|status| status.get("service")).cloned().context("no status")
}

fn space(device: &Home, name: &str) -> anyhow::Result<Value> {
    let state = state(device)?;
    let mut spaces = state.get("spaces").and_then(Value::as_array).into_iter().flatten();
    spaces.find(|space| space["name"] == name).cloned().with_context(|| format!("{name} in {state}"))
}

fn phase(device: &Home, name: &str) -> anyhow::Result<String> {
    Ok(space(device, name)?.get("phase").and_then(Value::as_str).unwrap_or_default().to_owned())
}

/// Writes to both folders, the paused one first: when the other's file has arrived, the paused one's has not.
fn paused_while(device: &Home, runs: &Path, paused: &Path, name: &str) -> anyhow::Result<()> {
    folder::write(paused, &format!("held {name}"), b"1")?;
    folder::write(runs, &format!("free {name}"), b"2")?;
    in_space(device, "Projets", &format!("free {name}"))?;
    let listed = device.run(&["ls", "Paie"])?.stdout;
    anyhow::ensure!(!listed.contains(&format!("held {name}")), "{listed}");
    Ok(())
}

/// Waits until a space has a file.
fn in_space(device: &Home, space: &str, path: &str) -> anyhow::Result<()> {
    let place = format!("{space}:{path}");
    wait::until(&place, ARRIVAL_LIMIT, || Ok((device.attempt(&["ls", &place])?.code() == Some(0)).then_some(())))
}

/// Waits until a space no longer has a file.
fn not_in_space(device: &Home, space: &str, path: &str) -> anyhow::Result<()> {
    let place = format!("{space}:{path}");
    wait::until(&place, ARRIVAL_LIMIT, || Ok((device.attempt(&["ls", &place])?.code() == Some(13)).then_some(())))
}

/// Waits until a file has this content.
fn arrives(file: &Path, content: &[u8]) -> anyhow::Result<()> {
    wait::until(&format!("{}", file.display()), ARRIVAL_LIMIT, || {
        Ok(fs::read(file).is_ok_and(|is| is == content).then_some(()))
    })
}
