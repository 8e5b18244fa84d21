//! What nodes do: disks that fill, chunks that rot, deaths in mid-upload. The client says so, and loses nothing.

use std::fs;
use std::path::Path;

use vauban_tests::agency::{Agency, utf8};
use vauban_tests::folder::{self, noise};
use vauban_tests::{http, wait};

use super::super::slice::{RECEIVED, sync};
use super::exit;

#[test]
fn a_full_disk_is_said_and_nothing_is_lost() -> anyhow::Result<()> {
    let (agency, node) = Agency::found()?;
    let laptop = agency.enrol("alice")?;
    let here = agency.folder().join("here");
    laptop.run(&["space", "create", "Projets"])?;
    folder::write(&here, "before", &noise(1, 100_000))?;
    sync(&laptop, &here)?;

    let home = node.stop()?;
    home.configure("upload_percent_max = 90", "upload_percent_max = 1")?;
    let node = home.run()?;
    folder::write(&here, "after", &noise(2, 100_000))?;
    laptop.attempt(&["sync", "Projets", &utf8(&here)?, "--once"])?.ended_with(exit::REFUSED)?.says(&["full"])?;
    laptop.run(&["cat", "Projets:before"])?;

    let home = node.stop()?;
    home.configure("upload_percent_max = 1", "upload_percent_max = 90")?;
    let node = home.run()?;
    sync(&laptop, &here)?;
    laptop.run(&["cat", "Projets:after"])?;
    node.stop()?;
    Ok(())
}

#[test]
fn a_rotten_chunk_is_said_and_the_rest_comes() -> anyhow::Result<()> {
    let (agency, node) = Agency::found()?;
    let laptop = agency.enrol("alice")?;
    let desktop = agency.add_device(&laptop, "desktop")?;
    let (here, there) = (agency.folder().join("here"), agency.folder().join("there"));
    fs::create_dir_all(&there)?;
    laptop.run(&["space", "create", "Projets"])?;
    for number in 0..20 {
        folder::write(&here, &format!("file-{number}"), &noise(number, 200_000))?;
    }
    sync(&laptop, &here)?;

    let home = node.stop()?;
    rot(&home.data().join("chunks"))?;
    let node = home.run()?;
    let outcome = desktop.attempt(&["sync", "Projets", &utf8(&there)?, "--once"])?;
    let outcome = outcome.ended_with(exit::PARTIAL)?;
    assert!(outcome.stderr.contains("file-"), "the file is named: {}", outcome.stderr);
    let (came, _) = folder::size(&there)?;
    assert!(came >= 19, "only {came} files came");

    // Who asks for that file alone is told, too, and gets no bytes that would pass for it.
    let missing = (0..20).map(|number| format!("file-{number}")).find(|name| !there.join(name).exists());
    let missing = missing.ok_or_else(|| anyhow::anyhow!("nothing was rotten"))?;
    laptop.attempt(&["cat", &format!("Projets:{missing}")])?.ended_with(exit::MISBEHAVED)?;
    node.stop()?;
    Ok(())
}

#[test]
fn a_node_killed_in_mid_upload_is_resumed() -> anyhow::Result<()> {
    let (agency, node) = Agency::found()?;
    let laptop = agency.enrol("alice")?;
    let here = agency.folder().join("here");
    let content = noise(5, 300 << 20);
    folder::write(&here, "large", &content)?;
    laptop.run(&["space", "create", "Projets"])?;

    let arguments = ["sync", "Projets", &utf8(&here)?, "--once"];
    let running = laptop.start(&arguments)?;
    let enough = f64::from(60 << 20);
    let received = wait::until("a part of the upload", vauban_tests::home::COMMAND_LIMIT, || {
        let received = http::metric(node.web(), RECEIVED)?;
        Ok((received > enough).then_some(received))
    })?;
    let home = node.kill()?;
    running.wait(vauban_tests::home::COMMAND_LIMIT)?.ended_with(exit::UNREACHABLE)?.says(&["node"])?;

    // What was acknowledged is not sent again.
    let node = home.run()?;
    laptop.run(&arguments)?;
    let again = http::metric(node.web(), RECEIVED)?;
    let whole = f64::from(300 << 20);
    assert!(again < whole * 1.05 - received * 0.5, "{received} bytes, then {again} again");
    let shown = laptop.command(&["cat", "Projets:large"])?.output()?;
    assert!(shown.stdout == content);
    node.stop()?;
    Ok(())
}

/// Flips a byte in the middle of the largest file under `chunks`.
fn rot(chunks: &Path) -> anyhow::Result<()> {
    let mut largest = None;
    for file in folder::files(chunks)? {
        let bytes = fs::metadata(&file)?.len();
        if largest.as_ref().is_none_or(|(most, _)| bytes > *most) {
            largest = Some((bytes, file));
        }
    }
    let (_, file) = largest.ok_or_else(|| anyhow::anyhow!("no file under {}", chunks.display()))?;
    let mut content = fs::read(&file)?;
    let middle = content.len() / 2;
    if let Some(byte) = content.get_mut(middle) {
        *byte ^= 1;
    }
    Ok(fs::write(&file, content)?)
}
