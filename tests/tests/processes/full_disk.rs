//! A full disk on the client's side: said clearly, nothing lost on either side, and finished once there is room.

use std::fs;
use std::path::Path;

use vauban_tests::agency::{Agency, utf8};
use vauban_tests::folder::{self, noise};
use vauban_tests::mount::Mount;

use super::slice::sync;

/// Exit code of a problem with this machine's files.
const LOCAL: i32 = 10;
/// Kibibytes of the small disk, and of the one that takes all.
const SMALL_KIB: u64 = 6 * 1024;
const LARGE_KIB: u64 = 64 * 1024;
/// Bytes of each file that comes.
const BYTES: usize = 1_500_000;
/// How many do.
const FILES: u64 = 8;

#[test]
fn a_full_disk_under_the_synced_folder_loses_nothing() -> anyhow::Result<()> {
    let (agency, node) = Agency::found()?;
    let laptop = agency.enrol("alice")?;
    let desktop = agency.add_device(&laptop, "desktop")?;
    let (here, small) = (agency.folder().join("here"), agency.folder().join("small"));
    let Some(disk) = Mount::small(&small, SMALL_KIB)? else { return Ok(()) };
    let there = small.join("there");
    fs::create_dir_all(&there)?;
    laptop.run(&["space", "create", "Projets"])?;
    folder::write(&here, "shared", b"as both had it")?;
    sync(&laptop, &here)?;
    sync(&desktop, &there)?;

    for number in 0..FILES {
        folder::write(&here, &format!("coming/{number}"), &noise(number, BYTES))?;
    }
    folder::write(&here, "shared", b"edited on the laptop")?;
    sync(&laptop, &here)?;
    folder::write(&there, "mine", b"only on the desktop")?;
    let arguments = ["sync", "Projets", &utf8(&there)?, "--once"];
    let stopped = desktop.attempt(&arguments)?.ended_with(LOCAL)?.says(&["space"])?;
    assert!(stopped.stderr.contains("No space left"), "{}", stopped.stderr);

    // What stands is whole, whichever version it is; nothing half-written stands under a name.
    for file in folder::files(&there.join("coming")).unwrap_or_default() {
        assert_eq!(fs::metadata(&file)?.len(), BYTES as u64, "{}", file.display());
    }
    let shared = fs::read(there.join("shared"))?;
    assert!(shared == b"as both had it" || shared == b"edited on the laptop", "{shared:?}");
    assert_eq!(fs::read(there.join("mine"))?, b"only on the desktop");
    // Whoever tries again without room is told again, and nothing of it reaches the others.
    desktop.attempt(&arguments)?.ended_with(LOCAL)?;
    sync(&laptop, &here)?;
    assert_eq!(folder::files(&here.join("coming"))?.len() as u64, FILES, "nothing was removed for it");

    disk.resize(LARGE_KIB)?;
    sync(&desktop, &there)?;
    sync(&laptop, &here)?;
    folder::ensure_same(&here, &there)?;
    assert_eq!(fs::read(here.join("mine"))?, b"only on the desktop");
    assert_eq!(left_in(&there.join(".vauban/tmp"))?, 0, "nothing is left of what did not fit");
    node.stop()?;
    Ok(())
}

/// The disk of keys and state: without room for a commit's promise nothing is sent, and no counter is used twice.
#[test]
fn a_full_disk_under_the_client_s_home_loses_nothing() -> anyhow::Result<()> {
    let (agency, node) = Agency::found()?;
    let laptop = agency.enrol("alice")?;
    let (here, there) = (agency.folder().join("here"), agency.folder().join("there"));
    let place = agency.folder().join("desktop");
    let Some(_disk) = Mount::small(&place, LARGE_KIB)? else { return Ok(()) };
    let desktop = agency.add_device(&laptop, "desktop")?;
    fs::create_dir_all(&there)?;
    laptop.run(&["space", "create", "Projets"])?;
    folder::write(&here, "before", b"before")?;
    sync(&laptop, &here)?;
    sync(&desktop, &there)?;

    // Whatever the home has room for beside this: the run stops where the disk does, at another place each time.
    let filler = place.join("filler");
    for (number, left_kib) in [0, 4, 16, 40, 100, 250].into_iter().enumerate() {
        fill(&filler, left_kib * 1024)?;
        for file in 0..30 {
            folder::write(&there, &format!("round {number}/{file}"), &noise(file, 2_000))?;
        }
        let stopped = desktop.attempt(&["sync", "Projets", &utf8(&there)?, "--once"])?;
        match stopped.code() {
            Some(0) => {}
            Some(LOCAL) => drop(stopped.says(&["space"])?),
            other => anyhow::bail!("{other:?} with {left_kib} KiB left:\n{}", stopped.stderr),
        }
        fs::remove_file(&filler)?;
        sync(&desktop, &there)?;
    }
    sync(&laptop, &here)?;
    folder::ensure_same(&here, &there)?;
    let conflicts = folder::files_with(&here, "conflit".as_bytes())?;
    assert!(conflicts.is_empty(), "nobody else edited anything: {conflicts:?}");
    assert_eq!(folder::files_now(&here).len(), 6 * 30 + 1);
    node.stop()?;
    Ok(())
}

/// Fills a disk until only `left` bytes are free.
fn fill(filler: &Path, left: u64) -> anyhow::Result<()> {
    let disk = rustix::fs::statvfs(filler.parent().unwrap_or(filler))?;
    let free = disk.f_bavail * disk.f_frsize;
    fs::write(filler, vec![0; usize::try_from(free.saturating_sub(left))?])?;
    Ok(())
}

fn left_in(folder: &Path) -> anyhow::Result<usize> {
    if folder.exists() { Ok(folder::files(folder)?.len()) } else { Ok(0) }
}
