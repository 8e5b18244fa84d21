//! What is moved: it keeps its entry, its content, and everything in it.

use std::sync::Arc;

use vauban_protocol::space::Cutting;

use super::world::{Device, World, noise, settle};
use crate::sync::{Problem, find_at, now};
use crate::tree::TreePath;

/// Two devices that share what `names` say, each file holding its own name.
fn shared(names: &[&str]) -> World {
    let world = World::new(&["poste", "portable"], Cutting::Keyed);
    names.iter().for_each(|name| world.a().write(name, name));
    settle(world.a(), world.b());
    world
}

#[test]
fn a_folder_of_many_files_moves_as_one() {
    const FILES: usize = 500;
    let world = World::new(&["poste", "portable"], Cutting::Keyed);
    for n in 0..FILES {
        world.a().write(&format!("folder/{}/{n}", n % 7), n.to_le_bytes());
    }
    settle(world.a(), world.b());
    world.a().rename("folder", "other/name");
    let puts = world.node.with(|state| state.put_bytes);
    let up = world.a().sync();
    assert_eq!((up.moved_there, up.folders, up.commits), (1, 1, 1), "{up:?}");
    assert_eq!((up.uploaded, up.removed_there, up.unchanged), (0, 0, FILES as u64));
    assert_eq!(world.node.with(|state| state.put_bytes), puts, "no chunk was sent");
    let down = world.b().sync();
    assert_eq!((down.moved_here, down.downloaded, down.removed_here), (1, 0, 0), "{down:?}");
    settle(world.a(), world.b());
}

#[test]
fn a_file_moves_and_keeps_its_entry() {
    let world = shared(&["f", "folder/g"]);
    let entry = |name: &str| {
        let mut space = world.a().open().unwrap();
        space.settle().unwrap();
        find_at(&space, &TreePath::parse(name).unwrap(), now(&space).unwrap()).unwrap().unwrap().entry
    };
    let before = entry("f");
    world.a().rename("f", "new folder/deep/f2");
    let up = world.a().sync();
    assert_eq!((up.moved_there, up.folders, up.uploaded, up.removed_there), (1, 2, 0, 0), "{up:?}");
    assert_eq!(entry("new folder/deep/f2"), before);
    let down = world.b().sync();
    assert_eq!((down.moved_here, down.folders, down.downloaded), (1, 2, 0), "{down:?}");
    settle(world.a(), world.b());
    assert_eq!(world.b().read("new folder/deep/f2"), b"f");
}

/// Fails if folders that change places in a ring too large for one commit are dropped without a word, or shown half-way.
#[test]
fn a_ring_of_more_than_one_commit_is_said_and_left() {
    const FOLDERS: usize = 1000;
    let world = World::new(&["poste", "portable"], Cutting::Keyed);
    let name = |n: usize| format!("{:0>240}", n % FOLDERS);
    (0..FOLDERS).for_each(|n| world.a().write(&format!("{}/f", name(n)), n.to_le_bytes()));
    world.a().write("other", "1");
    settle(world.a(), world.b());
    world.a().rename(&name(0), "aside");
    (1..FOLDERS).for_each(|n| world.a().rename(&name(n), &name(n - 1)));
    world.a().rename("aside", &name(FOLDERS - 1));
    world.a().write("other", "2");
    let summary = world.a().sync();
    assert!(summary.agreed && !summary.is_complete(), "{summary:?}");
    let knots = summary.issues.iter().filter(|issue| issue.problem == Problem::Knot).count();
    assert_eq!((knots, summary.moved_there, summary.uploaded), (FOLDERS, 0, 1), "the rest is done");
    assert_eq!(world.b().sync().moved_here, 0);
    let held = |device: &Device, n: usize| device.read(&format!("{}/f", name(n)));
    assert_eq!(
        (held(world.b(), 5), held(world.a(), 4)),
        (5usize.to_le_bytes().to_vec(), 5usize.to_le_bytes().to_vec())
    );
    assert_eq!(world.b().read("other"), b"2");
}

/// A disk gives the number of a removed file to the next one: only what it holds tells.
#[test]
fn a_new_file_with_an_old_number_is_new() {
    let world = shared(&["f"]);
    let when = std::fs::metadata(world.a().path("f")).unwrap().modified().unwrap();
    world.a().rename("f", "g");
    world.a().write("g", "G");
    std::fs::File::options().write(true).open(world.a().path("g")).unwrap().set_modified(when).unwrap();
    let up = world.a().sync();
    assert_eq!((up.moved_there, up.uploaded, up.removed_there), (0, 1, 1), "{up:?}");
    settle(world.a(), world.b());
    assert_eq!(world.b().read("g"), b"G");
}

#[test]
fn two_files_are_swapped() {
    let world = World::new(&["poste", "portable"], Cutting::Keyed);
    world.a().write("a", noise(1, 50_000));
    world.a().write("b", noise(2, 50_000));
    settle(world.a(), world.b());
    world.a().rename("a", "c");
    world.a().rename("b", "a");
    world.a().rename("c", "b");
    let up = world.a().sync();
    assert_eq!((up.sent_bytes, up.conflicts.len()), (0, 0), "{up:?}");
    assert!(world.b().sync().conflicts.is_empty());
    settle(world.a(), world.b());
    assert_eq!(world.b().read("a"), noise(2, 50_000));
}

#[test]
fn two_folders_are_swapped() {
    let world = shared(&["a/of a", "a/both", "b/of b", "b/both", "c/of c"]);
    world.a().rename("a", "d");
    world.a().rename("b", "a");
    world.a().rename("d", "b");
    let up = world.a().sync();
    assert_eq!((up.moved_there, up.uploaded, up.removed_there, up.commits), (2, 0, 0, 1), "{up:?}");
    let down = world.b().sync();
    assert_eq!((down.moved_here, down.downloaded, down.removed_here, down.conflicts.len()), (2, 0, 0, 0), "{down:?}");
    settle(world.a(), world.b());
    assert_eq!(world.b().read("b/of a"), b"a/of a");
    assert_eq!(world.b().read("a/both"), b"b/both");
}

#[test]
fn outer_and_inner_folder_trade_places() {
    let world = shared(&["p/p/inner", "p/outer"]);
    world.a().rename("p/p", "q");
    world.a().rename("p", "q/p");
    world.a().rename("q", "p");
    let up = world.a().sync();
    assert_eq!((up.moved_there, up.removed_there, up.uploaded), (2, 0, 0), "{up:?}");
    world.b().sync();
    settle(world.a(), world.b());
    assert_eq!(world.b().read("p/inner"), b"p/p/inner");
    assert_eq!(world.b().read("p/p/outer"), b"p/outer");
}

#[test]
fn the_move_in_the_log_stands() {
    let world = shared(&["f", "folder/g"]);
    world.a().rename("f", "of a");
    world.a().rename("folder", "folder of a");
    world.b().rename("f", "of b");
    world.b().rename("folder", "folder of b");
    world.a().sync();
    let summary = world.b().sync();
    assert_eq!((summary.moved_here, summary.moved_there, summary.conflicts.len()), (2, 0, 0), "{summary:?}");
    settle(world.a(), world.b());
    assert_eq!(world.b().tree().into_keys().collect::<Vec<_>>(), ["folder of a", "folder of a/g", "of a"]);
}

#[test]
fn both_moved_alike() {
    let world = shared(&["f", "folder/g"]);
    for device in &world.devices {
        device.rename("f", "new");
        device.rename("folder", "other");
    }
    world.a().sync();
    let summary = world.b().sync();
    assert!(summary.is_quiet(), "{summary:?}");
    settle(world.a(), world.b());
}

#[test]
fn an_edit_follows_a_move() {
    let world = shared(&["f", "folder/g"]);
    world.a().rename("f", "moved");
    world.a().rename("folder", "elsewhere");
    world.b().write("f", "edited, and longer");
    world.b().write("folder/g", "edited, and longer");
    world.a().sync();
    let summary = world.b().sync();
    assert_eq!((summary.uploaded, summary.moved_here, summary.conflicts.len()), (2, 2, 0), "{summary:?}");
    settle(world.a(), world.b());
    assert_eq!(world.a().read("moved"), b"edited, and longer");
    assert_eq!(world.a().read("elsewhere/g"), b"edited, and longer");
    world.b().write("moved", "edited there, then moved here");
    world.b().sync();
    world.a().rename("moved", "again");
    settle(world.a(), world.b());
    assert_eq!(world.b().read("again"), b"edited there, then moved here");
}

#[test]
fn what_was_moved_is_not_removed() {
    let world = shared(&["f", "folder/g", "stays"]);
    world.a().rename("f", "kept");
    world.a().rename("folder", "kept folder");
    world.a().sync();
    world.b().remove("f");
    world.b().remove("folder");
    world.b().sync();
    settle(world.a(), world.b());
    assert_eq!(world.b().read("kept"), b"f");
    assert_eq!(world.b().read("kept folder/g"), b"folder/g");
    world.a().remove("kept");
    world.a().remove("kept folder");
    world.a().sync();
    world.b().rename("kept", "kept again");
    world.b().rename("kept folder", "kept folder again");
    settle(world.b(), world.a());
    assert_eq!(world.a().read("kept again"), b"f");
    assert_eq!(world.a().read("kept folder again/g"), b"folder/g");
}

#[test]
fn two_who_take_one_name_keep_both() {
    let world = shared(&["f", "g", "folder/h", "other/i"]);
    world.a().rename("f", "same");
    world.b().rename("g", "same");
    world.a().rename("folder", "one");
    world.b().rename("other", "one");
    world.a().sync();
    let summary = world.b().sync();
    assert_eq!(summary.conflicts.len(), 2, "{summary:?}");
    settle(world.a(), world.b());
    assert_eq!(world.a().read("same"), b"f");
    assert_eq!(world.a().read("one/h"), b"folder/h");
    let copies: Vec<_> = world.a().tree().into_keys().filter(|name| name.contains("conflit")).collect();
    assert_eq!(copies.len(), 3, "{copies:?}");
}

#[test]
fn a_move_meets_something_unknown() {
    let world = shared(&["f", "folder/g"]);
    world.a().rename("f", "new");
    world.a().rename("folder", "new folder");
    world.a().sync();
    world.b().write("new", "unknown");
    world.b().write("new folder/unknown", "unknown");
    let summary = world.b().sync();
    assert_eq!(summary.conflicts.len(), 2, "{summary:?}");
    settle(world.a(), world.b());
    assert_eq!(world.a().read("new"), b"f");
    assert_eq!(world.a().read("new folder/g"), b"folder/g");
    assert_eq!(world.a().tree().keys().filter(|name| name.contains("conflit")).count(), 3);
}

#[test]
fn only_the_case_changes() {
    let world = shared(&["readme", "folder/g"]);
    world.a().rename("readme", "README");
    world.a().rename("folder", "Folder");
    assert_eq!(world.a().sync().moved_there, 2);
    assert_eq!(world.b().sync().moved_here, 2);
    settle(world.a(), world.b());
    assert_eq!(world.b().tree().into_keys().collect::<Vec<_>>(), ["Folder", "Folder/g", "README"]);
}

#[test]
fn a_hard_link_is_no_move() {
    let world = shared(&["f"]);
    std::fs::hard_link(world.a().path("f"), world.a().path("g")).unwrap();
    let up = world.a().sync();
    assert_eq!((up.moved_there, up.removed_there, up.uploaded), (0, 0, 1), "{up:?}");
    settle(world.a(), world.b());
    world.a().remove("f");
    let up = world.a().sync();
    assert_eq!((up.moved_there, up.removed_there), (0, 1), "{up:?}");
    settle(world.a(), world.b());
}

#[test]
fn a_commit_in_between_makes_a_move_think_again() {
    let world = Arc::new(shared(&["f", "folder/g", "stays"]));
    world.a().rename("f", "moved");
    world.a().remove("folder");
    world.b().rename("f", "first");
    world.b().write("folder/g", "edited, and longer");
    let other = Arc::clone(&world);
    world.node.with(|state| {
        state.before_commit = Some(Box::new(move || {
            other.b().sync();
        }));
    });
    let summary = world.a().sync();
    assert!(summary.is_complete() && summary.void_ops == 0, "{summary:?}");
    settle(world.a(), world.b());
    assert_eq!(world.a().read("first"), b"f");
    assert_eq!(world.a().read("folder/g"), b"edited, and longer");
}

#[test]
fn two_folders_moved_into_each_other() {
    let world = shared(&["one/deep/f", "two/deep/g"]);
    world.a().rename("one", "two/deep/one");
    world.b().rename("two", "one/deep/two");
    world.a().sync();
    let summary = world.b().sync();
    assert!(summary.is_complete() && summary.conflicts.is_empty(), "{summary:?}");
    settle(world.a(), world.b());
    assert_eq!(world.b().read("two/deep/one/deep/f"), b"one/deep/f");
}

/// Fails if a folder that was renamed is taken for a new one that has its old name, whichever of the names comes first.
#[test]
fn the_name_of_a_renamed_folder_is_given_to_another() {
    for to in ["before", "zoo"] {
        let world = World::new(&["poste", "portable"], Cutting::Keyed);
        let (a, b) = (world.a(), world.b());
        a.write("photos/a", "a");
        settle(a, b);
        b.rename("photos", to);
        b.write("photos/new", "new");
        settle(b, a);
        assert_eq!(a.tree().into_keys().filter(|name| name.contains('/')).count(), 2);
        assert!(a.read(&format!("{to}/a")) == b"a" && a.read("photos/new") == b"new", "{:?}", a.tree());
    }
}

/// Fails if both are taken for the folder that stood there: what is in them would get the same names.
#[test]
fn a_folder_that_was_moved_is_not_what_took_its_place() {
    let world = World::new(&["poste", "portable"], Cutting::Keyed);
    let (a, b) = (world.a(), world.b());
    a.write("b/inside/old", "one");
    settle(a, b);
    // By name, the new place comes before the old one; and the other way round.
    a.rename("b", "a");
    a.write("b/inside/new", "two");
    settle(a, b);
    a.rename("b", "c");
    a.write("b/inside/newer", "three");
    settle(a, b);
    assert_eq!((b.read("a/inside/old"), b.read("c/inside/new")), (b"one".to_vec(), b"two".to_vec()));
    assert_eq!(b.read("b/inside/newer"), b"three");
}
