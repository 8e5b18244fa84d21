//! Files of Vauban's own, damaged at rest: each is named, with what to do; what can be rebuilt is.

use std::fs::{self, OpenOptions};
use std::path::{Path, PathBuf};

use vauban_tests::agency::{Agency, utf8};
use vauban_tests::folder::{self, noise};
use vauban_tests::node::NODE_LIMIT;

use super::super::slice::sync;
use super::exit;

#[test]
fn a_truncated_node_database_is_named() -> anyhow::Result<()> {
    let (agency, node) = Agency::found()?;
    let laptop = agency.enrol("alice")?;
    laptop.run(&["space", "create", "Projets"])?;
    let home = node.stop()?;
    truncate(&with_name(&home.data().join("meta"), "MANIFEST")?)?;
    let refused = home.start()?.wait(NODE_LIMIT)?;
    assert_ne!(refused.code(), Some(0));
    refused.says(&["meta"])?;
    Ok(())
}

#[test]
fn a_truncated_keystore_is_named() -> anyhow::Result<()> {
    let (agency, node) = Agency::found()?;
    let laptop = agency.enrol("alice")?;
    let keystore = with_name(laptop.folder(), "keystore")?;
    let whole = fs::read(&keystore)?;
    truncate(&keystore)?;
    laptop.attempt(&["device", "list"])?.ended_with(exit::LOCAL)?.says(&["keystore"])?;
    fs::write(&keystore, whole)?;
    laptop.run(&["device", "list"])?;
    node.stop()?;
    Ok(())
}

#[test]
fn a_lost_or_truncated_cache_is_rebuilt_and_deletes_nothing() -> anyhow::Result<()> {
    let (agency, node) = Agency::found()?;
    let laptop = agency.enrol("alice")?;
    let here = agency.folder().join("here");
    laptop.run(&["space", "create", "Projets"])?;
    for number in 0..30 {
        folder::write(&here, &format!("file-{number}"), &noise(number, 20_000))?;
    }
    sync(&laptop, &here)?;
    let before = agency.folder().join("before");
    copy(&here, &before)?;

    let cache = laptop.folder().join("cache");
    let (files, bytes) = folder::size(&cache)?;
    assert!(files > 0 && bytes > 10_000, "a cache of {bytes} bytes");
    for file in folder::files(&cache)? {
        truncate(&file)?;
    }
    sync(&laptop, &here)?;
    folder::ensure_same(&before, &here)?;

    fs::remove_dir_all(&cache)?;
    sync(&laptop, &here)?;
    folder::ensure_same(&before, &here)?;
    let listed = laptop.run(&["ls", "Projets"])?;
    assert_eq!(listed.stdout.matches("file-").count(), 30, "{}", listed.stdout);
    node.stop()?;
    Ok(())
}

/// Fails if a node that shows less than was seen before passes for one that has nothing new.
#[test]
fn a_node_that_was_set_back_is_named() -> anyhow::Result<()> {
    let (agency, node) = Agency::found()?;
    let laptop = agency.enrol("alice")?;
    let here = agency.folder().join("here");
    laptop.run(&["space", "create", "Projets"])?;
    folder::write(&here, "file", b"first")?;
    sync(&laptop, &here)?;
    let home = node.stop()?;
    let kept = agency.folder().join("kept");
    copy(home.data(), &kept)?;

    let node = home.run()?;
    folder::write(&here, "file", b"second, and longer")?;
    sync(&laptop, &here)?;
    let home = node.stop()?;
    fs::remove_dir_all(home.data())?;
    copy(&kept, home.data())?;
    let node = home.run()?;
    let arguments = ["sync", "Projets", &utf8(&here)?, "--once"];
    laptop.attempt(&arguments)?.ended_with(exit::UNREACHABLE)?.says(&["older space"])?;
    laptop.attempt(&["ls", "Projets"])?.ended_with(exit::UNREACHABLE)?.says(&["older space"])?;
    let doctor = laptop.attempt(&["doctor"])?.ended_with(exit::WARNING)?;
    assert!(doctor.stdout.contains("older space"), "{}", doctor.stdout);
    assert_eq!(fs::read(here.join("file"))?, b"second, and longer", "nothing was touched");
    node.stop()?;
    Ok(())
}

/// The first file under `root` whose name begins with `start`.
fn with_name(root: &Path, start: &str) -> anyhow::Result<PathBuf> {
    folder::files(root)?
        .into_iter()
        .find(|file| file.file_name().is_some_and(|name| name.to_string_lossy().starts_with(start)))
        .ok_or_else(|| anyhow::anyhow!("no {start}… under {}", root.display()))
}

/// Cuts a file in half.
fn truncate(file: &Path) -> anyhow::Result<()> {
    let half = fs::metadata(file)?.len() / 2;
    Ok(OpenOptions::new().write(true).open(file)?.set_len(half)?)
}

fn copy(from: &Path, to: &Path) -> anyhow::Result<()> {
    for file in folder::files(from)? {
        let copied = to.join(file.strip_prefix(from)?);
        fs::create_dir_all(copied.parent().unwrap_or(to))?;
        // With its permissions: keys that others may read are refused.
        fs::copy(&file, copied)?;
    }
    Ok(())
}
