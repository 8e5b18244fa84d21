//! A stolen device asks the node to forget everything; the next device that syncs keeps it, and names the thief.

use std::fs;

use anyhow::Context;
use tokio::runtime::Runtime;
use vauban_tests::agency::{Agency, utf8};
use vauban_tests::folder::{self, noise};
use vauban_tests::http;

use crate::device::{Device, only_space};

/// How a command ends that has raised an alarm.
const ALARM: i32 = 8;

#[test]
fn what_a_stolen_device_releases_is_kept_and_the_device_named() -> anyhow::Result<()> {
    let (agency, node) = Agency::found()?;
    let laptop = agency.enrol("alice")?;
    let stolen = agency.add_device(&laptop, "perdu")?;
    let (here, there) = (agency.folder().join("here"), agency.folder().join("there"));
    fs::create_dir_all(&there)?;
    for number in 0..20 {
        folder::write(&here, &format!("dossier/{number}"), &noise(number, 50_000))?;
    }
    laptop.run(&["space", "create", "Projets"])?;
    laptop.run(&["sync", "Projets", &utf8(&here)?, "--once"])?;
    stolen.run(&["sync", "Projets", &utf8(&there)?, "--once"])?;
    assert!(http::metric(node.web(), "vauban_rows_released")? < 1.0);

    let released = Runtime::new()?.block_on(async {
        let device = Device::open(&stolen)?;
        let link = device.link().await?;
        let space = only_space(&link).await?;
        device.release_everything(&link, space).await
    })?;
    assert!(released >= 20, "{released} chunks");
    assert!(http::metric(node.web(), "vauban_rows_released")? >= 20.0);

    let alarmed = laptop.attempt(&["sync", "Projets", &utf8(&here)?, "--once"])?.ended_with(ALARM)?;
    alarmed.says(&["ALARM", "\"perdu\""])?;
    laptop.run(&["sync", "Projets", &utf8(&here)?, "--once"])?;
    let status = laptop.json(&["status"])?;
    let space = status.first().and_then(|status| status["spaces"].get(0)).context("status tells of no space")?;
    assert_eq!(space["contested"][0]["device"], "perdu", "{space}");

    let policy = laptop.json(&["space", "policy", "Projets", "--retention", "90"])?;
    assert_eq!(policy[0]["retention_days"], 90);
    laptop.run(&["space", "policy", "Projets", "--archive"])?;
    let policy = laptop.json(&["space", "policy", "Projets"])?;
    assert_eq!(policy[0]["archive"], true);
    laptop.attempt(&["space", "policy", "Projets", "--retention", "1"])?.ended_with(2)?;
    node.stop()?;
    Ok(())
}
