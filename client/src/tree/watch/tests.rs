//! On real folders. The kernel queues an event before the call that causes it returns: so nothing here waits, but where the
//! whole watch is under test.

use std::collections::BTreeSet;
use std::fs;
use std::io::ErrorKind;
use std::path::Path;
use std::time::Duration;

use tempfile::TempDir;

use super::kernel;
use super::quiet::QuietPace;
use super::watches::Watches;
use super::{Coverage, Pace, Seen, TreeWatch};
use crate::limit::WATCHES_MAX;
use crate::tree::{Scope, TreePath};

/// Longer than anything here takes, shorter than a person waits for a broken test.
const PATIENCE: Duration = Duration::from_secs(20);
/// Where the kernel says how many events it keeps.
const QUEUED_MAX: &str = "/proc/sys/fs/inotify/max_queued_events";

/// A tree with a folder in a folder, watched.
fn watched() -> (TempDir, Watches) {
    let root = tempfile::tempdir().unwrap();
    fs::create_dir_all(root.path().join("a/b")).unwrap();
    fs::create_dir_all(root.path().join(".vauban/tmp")).unwrap();
    let watches = Watches::over(root.path(), WATCHES_MAX).unwrap();
    assert_eq!(watches.coverage(), Coverage::Whole);
    (root, watches)
}

/// All that has happened until now.
fn drain(watches: &mut Watches) -> Scope {
    let mut scope = Scope::nothing();
    loop {
        match kernel::read(watches.queue()) {
            Ok(happened) => watches.take_in(&happened, &mut scope),
            Err(error) if error.kind() == ErrorKind::WouldBlock => return scope,
            Err(error) => panic!("{error}"),
        }
    }
}

fn folders(paths: &[&str]) -> Scope {
    Scope::Folders(paths.iter().map(|path| TreePath::parse(path).unwrap()).collect::<BTreeSet<_>>())
}

fn write(root: &TempDir, path: &str) {
    fs::write(root.path().join(path), path).unwrap();
}

fn write_text(root: &TempDir, path: &str, text: &str) {
    fs::write(root.path().join(path), text).unwrap();
}

#[test]
fn each_kind_of_change_names_its_folder() {
    let (root, mut watches) = watched();
    let path = |name: &str| root.path().join(name);
    assert_eq!(drain(&mut watches), Scope::nothing());
    write(&root, "a/file");
    assert_eq!(drain(&mut watches), folders(&["a"]));
    fs::write(path("a/file"), "longer than before").unwrap();
    assert_eq!(drain(&mut watches), folders(&["a"]));
    let executable = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    fs::set_permissions(path("a/file"), executable).unwrap();
    assert_eq!(drain(&mut watches), folders(&["a"]));
    fs::rename(path("a/file"), path("a/b/file")).unwrap();
    assert_eq!(drain(&mut watches), folders(&["a", "a/b"]));
    std::os::unix::fs::symlink("nowhere", path("link")).unwrap();
    assert_eq!(drain(&mut watches), folders(&[""]));
    fs::remove_file(path("a/b/file")).unwrap();
    assert_eq!(drain(&mut watches), folders(&["a/b"]));
    // Who only reads changes nothing.
    fs::read_dir(path("a")).unwrap().for_each(drop);
    fs::read_link(path("link")).unwrap();
    assert_eq!(drain(&mut watches), Scope::nothing());
}

#[test]
fn own_folder_is_not_told() {
    let (root, mut watches) = watched();
    write(&root, ".vauban/tmp/x");
    fs::rename(root.path().join(".vauban/tmp"), root.path().join(".vauban/aside")).unwrap();
    fs::create_dir(root.path().join(".vauban/tmp")).unwrap();
    assert_eq!(drain(&mut watches), Scope::nothing());
    fs::remove_dir_all(root.path().join(".vauban")).unwrap();
    fs::create_dir_all(root.path().join(".vauban/tmp")).unwrap();
    write(&root, ".vauban/tmp/x");
    assert_eq!(drain(&mut watches), Scope::nothing());
}

/// Fails if what is put in a folder before its watch is set is missed, or if the watch is never set.
#[test]
fn a_folder_filled_at_once_is_told_to_its_depth() {
    let (root, mut watches) = watched();
    fs::create_dir_all(root.path().join("new/deep/er")).unwrap();
    write(&root, "new/deep/er/file");
    assert_eq!(drain(&mut watches), folders(&["", "new", "new/deep", "new/deep/er"]));
    write(&root, "new/deep/er/later");
    assert_eq!(drain(&mut watches), folders(&["new/deep/er"]));
}

#[test]
fn a_moved_folder_is_told_by_its_new_name() {
    let (root, mut watches) = watched();
    let path = |name: &str| root.path().join(name);
    fs::rename(path("a"), path("z")).unwrap();
    assert_eq!(drain(&mut watches), folders(&["", "z", "z/b"]));
    write(&root, "z/b/file");
    assert_eq!(drain(&mut watches), folders(&["z/b"]));
    // Two folders that change places, and what was moved out and in again.
    fs::create_dir_all(path("y")).unwrap();
    drain(&mut watches);
    fs::rename(path("y"), path("t")).unwrap();
    fs::rename(path("z"), path("y")).unwrap();
    fs::rename(path("t"), path("z")).unwrap();
    drain(&mut watches);
    write(&root, "y/b/file");
    write(&root, "z/file");
    assert_eq!(drain(&mut watches), folders(&["y/b", "z"]));
}

/// Fails if a folder that left is still told of, by its old name.
#[test]
fn what_has_left_is_not_told() {
    let (root, mut watches) = watched();
    let elsewhere = tempfile::tempdir_in(root.path().parent().unwrap()).unwrap();
    fs::rename(root.path().join("a"), elsewhere.path().join("a")).unwrap();
    assert_eq!(drain(&mut watches), folders(&[""]));
    fs::write(elsewhere.path().join("a/b/file"), "x").unwrap();
    assert_eq!(drain(&mut watches), Scope::nothing());
    fs::create_dir_all(root.path().join("a/b")).unwrap();
    drain(&mut watches);
    fs::remove_dir_all(root.path().join("a")).unwrap();
    drain(&mut watches);
    fs::create_dir_all(root.path().join("a/b")).unwrap();
    drain(&mut watches);
    write(&root, "a/b/file");
    assert_eq!(drain(&mut watches), folders(&["a/b"]));
}

#[test]
fn no_link_is_followed() {
    let (root, mut watches) = watched();
    let elsewhere = tempfile::tempdir().unwrap();
    std::os::unix::fs::symlink(elsewhere.path(), root.path().join("link")).unwrap();
    assert_eq!(drain(&mut watches), folders(&[""]));
    fs::create_dir(elsewhere.path().join("x")).unwrap();
    watches.look_around();
    fs::write(elsewhere.path().join("x/file"), "x").unwrap();
    assert_eq!(drain(&mut watches), Scope::nothing());
}

/// Fails if lost events are taken for no events, or a folder that came meanwhile stays unwatched.
#[test]
fn an_overflow_means_everything() {
    let (root, mut watches) = watched();
    let kept: usize = fs::read_to_string(QUEUED_MAX).unwrap().trim().parse().unwrap();
    assert!(kept < 10_000_000, "{QUEUED_MAX} says {kept}: too many to overflow in a test");
    let paths = ["a/one", "a/two"].map(|name| root.path().join(name));
    // Equal events that follow each other are one: so two files take turns.
    for number in 0..=kept {
        fs::File::options().append(true).create(true).open(&paths[number % 2]).unwrap();
    }
    fs::create_dir_all(root.path().join("late")).unwrap();
    assert_eq!(drain(&mut watches), Scope::Everything);
    write(&root, "late/file");
    assert_eq!(drain(&mut watches), folders(&["late"]));
}

#[test]
fn too_few_watches_are_said_and_end_when_there_are_enough() {
    let (root, _watches) = watched();
    let mut watches = Watches::over(root.path(), 2).unwrap();
    assert_eq!(watches.coverage(), Coverage::Part);
    fs::remove_dir(root.path().join("a/b")).unwrap();
    drain(&mut watches);
    watches.look_around();
    assert_eq!(watches.coverage(), Coverage::Whole);
    fs::create_dir(root.path().join("c")).unwrap();
    assert_eq!(drain(&mut watches), folders(&[""]));
    assert_eq!(watches.coverage(), Coverage::Part);
}

#[test]
fn a_root_that_is_gone_means_everything() {
    let (root, mut watches) = watched();
    let aside = root.path().with_extension("aside");
    fs::rename(root.path(), &aside).unwrap();
    assert_eq!(drain(&mut watches), Scope::Everything);
    assert_eq!(watches.coverage(), Coverage::Part);
    watches.look_around();
    assert_eq!(watches.coverage(), Coverage::Part);
    fs::rename(&aside, root.path()).unwrap();
    watches.look_around();
    assert_eq!(watches.coverage(), Coverage::Whole);
    drain(&mut watches);
    write(&root, "a/file");
    assert_eq!(drain(&mut watches), folders(&["a"]));
}

fn pace(watches_max: usize) -> Pace {
    let soon = Duration::from_millis(1);
    Pace { quiet: QuietPace { changed: soon, removed: soon, postponed_max: 50 * soon }, poll: soon, watches_max }
}

async fn next(watch: &mut TreeWatch) -> Seen {
    tokio::time::timeout(PATIENCE, watch.next()).await.expect("something is seen")
}

#[tokio::test]
async fn changes_are_told_as_they_come() {
    let root = tempfile::tempdir().unwrap();
    let mut watch = TreeWatch::start_at(root.path(), pace(WATCHES_MAX)).unwrap();
    for name in ["one", "two"] {
        fs::create_dir(root.path().join(name)).unwrap();
        let mut told = Scope::nothing();
        while told != folders(&["", name]) {
            let Seen { scope, coverage } = next(&mut watch).await;
            assert_eq!(coverage, Coverage::Whole);
            told.merge(scope);
        }
    }
}

/// Fails if a tree that is not watched as a whole is not looked at by itself.
#[tokio::test]
async fn without_enough_watches_everything_is_told_again_and_again() {
    let root = tempfile::tempdir().unwrap();
    fs::create_dir(root.path().join("unwatched")).unwrap();
    let mut watch = TreeWatch::start_at(root.path(), pace(1)).unwrap();
    let mut times = 0;
    while times < 3 {
        let Seen { scope, coverage } = next(&mut watch).await;
        assert_eq!(coverage, Coverage::Part);
        times += usize::from(scope == Scope::Everything);
    }
}

#[test]
fn a_folder_that_is_not_there_is_an_error() {
    assert!(TreeWatch::start(Path::new("/nowhere/at/all")).is_err());
}

/// Fails if a watch, of which there are few, is spent on what nobody looks at, or if its noise begins rounds.
#[test]
fn what_is_ignored_is_neither_watched_nor_told() {
    let root = tempfile::tempdir().unwrap();
    fs::create_dir_all(root.path().join("a/node_modules/x/y")).unwrap();
    fs::create_dir_all(root.path().join("a/src")).unwrap();
    write_text(&root, ".vaubanignore", "node_modules/\n*.log\n");
    let mut watches = Watches::over(root.path(), WATCHES_MAX).unwrap();
    let covered = |watches: &Watches| watches.places_count();
    assert_eq!(covered(&watches), 3, "the root, a and a/src");
    write(&root, "a/node_modules/x/file");
    write(&root, "a/x.log");
    write(&root, "a/src/.file.swp");
    fs::create_dir_all(root.path().join("a/src/node_modules/z")).unwrap();
    assert_eq!(drain(&mut watches), Scope::nothing());
    write(&root, "a/src/file");
    assert_eq!(drain(&mut watches), folders(&["a/src"]));
    // What is ignored no longer is watched, and looked at; the other way round, too.
    write_text(&root, ".vaubanignore", "src/\n");
    assert_eq!(drain(&mut watches), folders(&["", "a", "a/node_modules", "a/node_modules/x", "a/node_modules/x/y"]));
    assert_eq!(covered(&watches), 5);
    write(&root, "a/src/file2");
    assert_eq!(drain(&mut watches), Scope::nothing());
    write(&root, "a/node_modules/x/y/file");
    assert_eq!(drain(&mut watches), folders(&["a/node_modules/x/y"]));
    fs::remove_file(root.path().join(".vaubanignore")).unwrap();
    drain(&mut watches);
    assert_eq!(covered(&watches), 8);
    fs::rename(root.path().join("a/src"), root.path().join("a/._src")).unwrap();
    assert_eq!(drain(&mut watches), folders(&["a"]), "it went, to where it is ignored");
    assert_eq!(covered(&watches), 5);
}

/// How another process asks for a look: see `vauban select`.
#[test]
fn a_touch_of_the_root_is_told() {
    let (root, mut watches) = watched();
    let touch = |path: &str| {
        let folder = fs::File::open(root.path().join(path)).unwrap();
        folder.set_modified(std::time::SystemTime::now()).unwrap();
    };
    touch("a/b");
    assert_eq!(drain(&mut watches), folders(&["a"]), "below, the folder around tells");
    touch("");
    assert_eq!(drain(&mut watches), folders(&[""]));
}
