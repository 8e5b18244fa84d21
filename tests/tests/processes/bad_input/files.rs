//! What disks do: files that cannot be read or stored, on the client's side.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::Path;

use vauban_tests::agency::{Agency, utf8};
use vauban_tests::folder::{self, noise};
use vauban_tests::home::COMMAND_LIMIT;
use vauban_tests::process::Running;
use vauban_tests::program::Program;

use super::super::slice::sync;
use super::exit;

/// An account without rights, by convention.
const NOBODY: u32 = 65_534;

#[test]
fn unreadable_files_are_said_and_the_rest_goes_on() -> anyhow::Result<()> {
    let (agency, node) = Agency::found()?;
    let laptop = agency.enrol("alice")?;
    let desktop = agency.add_device(&laptop, "desktop")?;
    let (here, there) = (agency.folder().join("here"), agency.folder().join("there"));
    fs::create_dir_all(&there)?;
    laptop.run(&["space", "create", "Projets"])?;
    folder::write(&here, "readable", b"this one goes")?;
    let closed = folder::write(&here, "closed", b"this one does not")?;
    fs::set_permissions(&closed, fs::Permissions::from_mode(0o000))?;

    // The superuser reads everything, so the test steps down where it is one.
    let arguments = ["sync", "Projets", &utf8(&here)?, "--once"];
    let mut command = laptop.command(&arguments)?;
    if rustix::process::geteuid().is_root() {
        let program = agency.folder().join("vauban");
        fs::copy(Program::Client.path()?, &program)?;
        command = laptop.command_of(&program, &arguments);
        fs::set_permissions(agency.folder(), fs::Permissions::from_mode(0o755))?;
        for root in [laptop.folder(), &here] {
            give(root, NOBODY)?;
        }
        chown(laptop.passphrase_file(), Some(NOBODY), Some(NOBODY))?;
        command.uid(NOBODY).gid(NOBODY);
    }
    let outcome = Running::start(command, node.home().logs())?.wait(COMMAND_LIMIT)?;
    let outcome = outcome.ended_with(exit::PARTIAL)?;
    assert!(outcome.stderr.contains("closed"), "{}", outcome.stderr);

    sync(&desktop, &there)?;
    assert_eq!(fs::read(there.join("readable"))?, b"this one goes");
    assert!(!there.join("closed").exists());
    node.stop()?;
    Ok(())
}

#[test]
fn names_that_are_no_text_are_said_and_the_rest_goes_on() -> anyhow::Result<()> {
    let (agency, node) = Agency::found()?;
    let laptop = agency.enrol("alice")?;
    let here = agency.folder().join("here");
    laptop.run(&["space", "create", "Projets"])?;
    folder::write(&here, "plain", b"this one goes")?;
    fs::write(here.join(OsStr::from_bytes(b"not-\xff-text")), b"this one does not")?;
    let outcome = laptop.attempt(&["sync", "Projets", &utf8(&here)?, "--once"])?.ended_with(exit::PARTIAL)?;
    assert!(outcome.stderr.contains("not-"), "{}", outcome.stderr);
    let listed = laptop.run(&["ls", "Projets"])?;
    assert!(listed.stdout.contains("plain") && !listed.stdout.contains("not-"));
    node.stop()?;
    Ok(())
}

/// Fails if the keys of a device can become a space's files, or another device's keys can land on them.
#[test]
fn the_keys_of_a_device_are_never_synced() -> anyhow::Result<()> {
    let (agency, node) = Agency::found()?;
    let laptop = agency.enrol("alice")?;
    laptop.run(&["space", "create", "Projets"])?;
    let below = laptop.folder().join("below");
    fs::create_dir_all(&below)?;
    for folder in [agency.folder(), laptop.folder(), &below] {
        let refused = laptop.attempt(&["sync", "Projets", &utf8(folder)?, "--once"])?;
        refused.ended_with(exit::LOCAL)?.says(&["keys", "VAUBAN_HOME"])?;
    }
    let listed = laptop.run(&["ls", "Projets"])?;
    assert!(listed.stdout.trim().is_empty(), "{}", listed.stdout);
    node.stop()?;
    Ok(())
}

#[test]
fn only_ordinary_files_are_put_and_got() -> anyhow::Result<()> {
    let (agency, node) = Agency::found()?;
    let laptop = agency.enrol("alice")?;
    laptop.run(&["space", "create", "Projets"])?;
    let file = utf8(&folder::write(agency.folder(), "file", b"content")?)?;
    laptop.attempt(&["put", "/dev/zero", "Projets:zero"])?.ended_with(exit::USAGE)?.says(&["ordinary"])?;
    laptop.run(&["put", &file, "Projets:file"])?;
    let target = utf8(&folder::write(agency.folder(), "target", b"kept")?)?;
    let link = agency.folder().join("link");
    std::os::unix::fs::symlink(&target, &link)?;
    for place in [utf8(&link)?, utf8(agency.folder())?] {
        laptop.attempt(&["get", "Projets:file", &place])?.ended_with(exit::USAGE)?.says(&["ordinary"])?;
    }
    assert_eq!(fs::read(&target)?, b"kept");
    node.stop()?;
    Ok(())
}

#[test]
fn a_folder_without_its_marker_is_left_alone() -> anyhow::Result<()> {
    let (agency, node) = Agency::found()?;
    let laptop = agency.enrol("alice")?;
    let here = agency.folder().join("here");
    laptop.run(&["space", "create", "Projets"])?;
    folder::write(&here, "file", &noise(1, 10_000))?;
    sync(&laptop, &here)?;
    // An unmounted disk looks like this: the folder is there, and empty.
    fs::remove_dir_all(&here)?;
    fs::create_dir(&here)?;
    laptop.attempt(&["sync", "Projets", &utf8(&here)?, "--once"])?.ended_with(exit::LOCAL)?.says(&["here"])?;
    let listed = laptop.run(&["ls", "Projets"])?;
    assert!(listed.stdout.contains("file"), "{}", listed.stdout);
    node.stop()?;
    Ok(())
}

fn give(root: &Path, owner: u32) -> anyhow::Result<()> {
    chown(root, Some(owner), Some(owner))?;
    if root.is_dir() {
        for entry in fs::read_dir(root)? {
            give(&entry?.path(), owner)?;
        }
    }
    Ok(())
}
