//! The whole way of a folder: sealed on one device, stored on a node, and back on another, byte for byte.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use anyhow::Context;
use vauban_tests::agency::{Agency, utf8};
use vauban_tests::folder::{self, noise};
use vauban_tests::home::Home;
use vauban_tests::http;

/// Bytes that may be sent again for one byte inserted into a large file: the chunks around it, and the commit.
const INSERTION_BYTES_MAX: f64 = 9.0 * 1024.0 * 1024.0;
/// Chunks that the node received, in bytes.
pub(crate) const RECEIVED: &str = "vauban_uploaded_bytes_total";

#[test]
fn a_folder_comes_back_on_another_device() -> anyhow::Result<()> {
    let (agency, node) = Agency::found()?;
    let laptop = agency.enrol("alice")?;
    let desktop = agency.add_device(&laptop, "desktop")?;
    let (here, there) = (agency.folder().join("here"), agency.folder().join("there"));
    fs::create_dir_all(&there)?;
    tree(&here)?;

    laptop.run(&["space", "create", "Projets"])?;
    sync(&laptop, &here)?;
    sync(&desktop, &there)?;
    folder::ensure_same(&here, &there)?;

    // And the other way, with a change of a file that was there.
    folder::write(&there, "notes/réponse.txt", b"from the desktop")?;
    folder::write(&there, "small/1", b"another content")?;
    sync(&desktop, &there)?;
    sync(&laptop, &here)?;
    folder::ensure_same(&here, &there)?;

    node.stop()?;
    Ok(())
}

#[test]
fn one_byte_inserted_sends_little() -> anyhow::Result<()> {
    let (agency, node) = Agency::found()?;
    let laptop = agency.enrol("alice")?;
    let here = agency.folder().join("here");
    let content = noise(7, 64 << 20);
    let big = folder::write(&here, "big", &content)?;
    laptop.run(&["space", "create", "Projets"])?;
    sync(&laptop, &here)?;
    let before = http::metric(node.web(), RECEIVED)?;
    assert!(before >= f64::from(64 << 20), "all was sent once: {before}");

    fs::write(&big, [b"x", content.as_slice()].concat())?;
    sync(&laptop, &here)?;
    let sent = http::metric(node.web(), RECEIVED)? - before;
    assert!(sent > 0.0 && sent < INSERTION_BYTES_MAX, "{sent} bytes sent");

    // Nothing changed: nothing is sent.
    let before = http::metric(node.web(), RECEIVED)?;
    sync(&laptop, &here)?;
    assert!(http::metric(node.web(), RECEIVED)? <= before);
    node.stop()?;
    Ok(())
}

#[test]
fn single_files_go_and_come() -> anyhow::Result<()> {
    let (agency, node) = Agency::found()?;
    let laptop = agency.enrol("alice")?;
    let content = noise(3, 5_000_000);
    let file = utf8(&folder::write(agency.folder(), "report.bin", &content)?)?;
    laptop.run(&["space", "create", "Projets"])?;
    laptop.run(&["put", &file, "Projets:2026/rapport.bin"])?;
    let listed = laptop.run(&["ls", "Projets:2026"])?;
    assert!(listed.stdout.contains("rapport.bin"), "{}", listed.stdout);

    let back = agency.folder().join("back.bin");
    laptop.run(&["get", "Projets:2026/rapport.bin", &utf8(&back)?])?;
    assert!(fs::read(&back)? == content, "get");
    laptop.run(&["cat", "Projets:2026/rapport.bin"])?;
    let shown = laptop.command(&["cat", "Projets:2026/rapport.bin"])?.output()?;
    assert!(shown.stdout == content, "cat");
    laptop.attempt(&["get", "Projets:2026/absent", &utf8(&back)?])?.ended_with(13)?.says(&["absent"])?;
    node.stop()?;
    Ok(())
}

#[test]
fn both_programs_speak_two_languages() -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let home = Home::new(folder.path(), "home")?;
    let french = home.run(&["--lang", "fr", "--help"])?.stdout;
    let english = home.run(&["--lang", "en", "--help"])?.stdout;
    assert!(french.contains("Utilisation") && english.contains("Usage"));
    assert!(french.contains("130") && english.contains("130"), "the table of exit codes");
    Ok(())
}

/// One synchronisation of a folder with the space, to its end.
pub(crate) fn sync(device: &Home, folder: &Path) -> anyhow::Result<()> {
    device.run(&["sync", "Projets", &utf8(folder)?, "--once"]).with_context(|| folder.display().to_string())?;
    Ok(())
}

/// Files of every kind that matters: empty, tiny, around the bounds of chunks, large; deep; oddly named; executable.
fn tree(root: &Path) -> anyhow::Result<()> {
    folder::write(root, "empty", b"")?;
    folder::write(root, "one byte", b"1")?;
    folder::write(root, "été/à la plage/🏖 photo.jpg", &noise(1, 100_000))?;
    folder::write(root, "a/b/c/d/e/f/g/h/deep", &noise(2, 4096))?;
    for (seed, bytes) in [4_091, 4_092, 4_093, 262_143, 262_144, 262_145, 4_194_304, 4_194_305].into_iter().enumerate()
    {
        folder::write(root, &format!("bounds/{bytes}"), &noise(seed as u64, bytes))?;
    }
    folder::write(root, "zeros", &vec![0; 9_000_000])?;
    folder::write(root, "large", &noise(99, 30_000_000))?;
    for number in 0..300 {
        folder::write(root, &format!("small/{number}"), &noise(number, 700))?;
    }
    let script = folder::write(root, "run.sh", b"#!/bin/sh\n")?;
    fs::set_permissions(script, fs::Permissions::from_mode(0o755))?;
    Ok(())
}
