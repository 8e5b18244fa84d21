//! The synced folder goes away under a client that stays: emptied, deleted, or its disk unmounted. Nothing is removed on the other
//! side for it, and the client says what holds it back.

use std::fs;
use std::path::{Path, PathBuf};

use vauban_tests::agency::{Agency, utf8};
use vauban_tests::folder::{self, noise};
use vauban_tests::home::{COMMAND_LIMIT, Home};
use vauban_tests::mount::Mount;
use vauban_tests::node::Node;
use vauban_tests::process::Running;

use super::slice::sync;
use super::watch::{arrives, ended, event, watch};

/// Exit code of a problem with this machine's files.
const LOCAL: i32 = 10;
/// Files that both have.
const FILES: u64 = 60;

/// Two devices that share a folder; `there` is the other one's, and stays as it is.
struct Shared {
    agency: Agency,
    node: Node,
    laptop: Home,
    desktop: Home,
    here: PathBuf,
    there: PathBuf,
}

impl Shared {
    fn begin() -> anyhow::Result<Self> {
        let (agency, node) = Agency::found()?;
        let laptop = agency.enrol("alice")?;
        let desktop = agency.add_device(&laptop, "desktop")?;
        let (here, there) = (agency.folder().join("here"), agency.folder().join("there"));
        for folder in [&here, &there] {
            fs::create_dir_all(folder)?;
        }
        laptop.run(&["space", "create", "Projets"])?;
        for number in 0..FILES {
            folder::write(&there, &format!("{}/{number}", number % 7), &noise(number, 3_000))?;
        }
        sync(&desktop, &there)?;
        Ok(Self { agency, node, laptop, desktop, here, there })
    }

    /// Fails if the other side lost anything, or does so when it syncs again.
    fn ensure_untouched(&self) -> anyhow::Result<()> {
        sync(&self.desktop, &self.there)?;
        let files = folder::files_now(&self.there).len();
        let trash = self.there.join(".vauban/trash");
        anyhow::ensure!(!trash.exists() || folder::files(&trash)?.is_empty(), "something went to the trash");
        anyhow::ensure!(files as u64 >= FILES, "{files} of {FILES} files are left on the other side");
        Ok(())
    }
}

#[test]
fn a_folder_emptied_under_a_watching_client_is_held_by_the_brake() -> anyhow::Result<()> {
    let shared = Shared::begin()?;
    let Shared { laptop, desktop, here, there, .. } = &shared;
    let mut one = watch(laptop, here)?;
    let other = watch(desktop, there)?;
    empty(here, |name| name != ".vauban")?;
    event(&mut one, "held")?;
    // The brake holds removals, and nothing else.
    folder::write(here, "new", b"made afterwards")?;
    arrives(there, "new", b"made afterwards")?;
    folder::write(there, "back", b"from the other side")?;
    arrives(here, "back", b"from the other side")?;
    for running in [one, other] {
        ended(running)?;
    }
    shared.ensure_untouched()?;
    // It still waits for a person, on either side: approved, it goes, and lies in the other side's trash.
    for (device, folder) in [(laptop, here), (desktop, there)] {
        device.run(&["sync", "Projets", &utf8(folder)?, "--once", "--approve"])?;
    }
    folder::ensure_same(here, there)?;
    assert_eq!(folder::files_now(here).len(), 2);
    shared.node.stop()?;
    Ok(())
}

/// Also without Vauban's own folder: the mark is gone, and with it all that could be taken for removals.
#[test]
fn a_folder_deleted_under_a_watching_client_removes_nothing() -> anyhow::Result<()> {
    for does_stand in [true, false] {
        let shared = Shared::begin()?;
        let one = watch(&shared.laptop, &shared.here)?;
        // In whatever order it goes, it is looked at again once it has been quiet: here the mark is gone first.
        empty(&shared.here, |name| name == ".vauban")?;
        empty(&shared.here, |_| true)?;
        if !does_stand {
            fs::remove_dir(&shared.here)?;
        }
        let stopped = one.wait(COMMAND_LIMIT)?.ended_with(LOCAL)?;
        assert!(stopped.stderr.contains("mark"), "{}", stopped.stderr);
        shared.ensure_untouched()?;
        let again = start_once(&shared.laptop, &shared.here)?.wait(COMMAND_LIMIT)?;
        again.ended_with(LOCAL)?.says(&["here"])?;
        shared.ensure_untouched()?;
        shared.node.stop()?;
        drop(shared.agency);
    }
    Ok(())
}

#[test]
fn a_disk_unmounted_under_a_watching_client_removes_nothing() -> anyhow::Result<()> {
    let mut shared = Shared::begin()?;
    let disk = shared.agency.folder().join("disk");
    let place = shared.agency.folder().join("mounted");
    fs::create_dir_all(&disk)?;
    let Some(mounted) = Mount::of(&disk, &place)? else { return Ok(()) };
    shared.here.clone_from(&place);
    let mut one = watch(&shared.laptop, &place)?;
    mounted.leave()?;
    // What the client looks at next is an empty folder without a mark; a change on the other side makes it look.
    folder::write(&shared.there, "meanwhile", b"written meanwhile")?;
    sync(&shared.desktop, &shared.there)?;
    let is_over = vauban_tests::wait::until("the client's word", COMMAND_LIMIT, || {
        Ok((one.has_ended()? || one.stdout()?.contains("\"left_out\"")).then_some(()))
    });
    is_over?;
    let stopped = one.wait(COMMAND_LIMIT)?.ended_with(LOCAL)?;
    assert!(stopped.stderr.contains("mark"), "{}", stopped.stderr);
    assert!(fs::read_dir(&place)?.next().is_none(), "nothing is written where the disk should be");
    shared.ensure_untouched()?;

    // Mounted again, it goes on.
    let Some(mounted) = Mount::of(&disk, &place)? else { return Ok(()) };
    sync(&shared.laptop, &place)?;
    folder::ensure_same(&place, &shared.there)?;
    mounted.leave()?;
    shared.node.stop()?;
    Ok(())
}

fn start_once(device: &Home, folder: &Path) -> anyhow::Result<Running> {
    device.start(&["sync", "Projets", &utf8(folder)?, "--once"])
}

/// Removes what is in a folder, as far as its name is `wanted`.
fn empty(folder: &Path, wanted: impl Fn(&str) -> bool) -> anyhow::Result<()> {
    for item in fs::read_dir(folder)? {
        let path = item?.path();
        if !wanted(&path.file_name().unwrap_or_default().to_string_lossy()) {
            continue;
        }
        // A client at work may put something into it meanwhile.
        let mut removed = Ok(());
        for _ in 0..50 {
            removed = if path.is_dir() { fs::remove_dir_all(&path) } else { fs::remove_file(&path) };
            if removed.is_ok() || !path.exists() {
                removed = Ok(());
                break;
            }
        }
        removed?;
    }
    Ok(())
}
