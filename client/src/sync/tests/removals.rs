//! What is removed on one side, and what must not be.

use std::os::unix::fs::PermissionsExt;

use vauban_protocol::space::Cutting;

use super::world::{World, settle};
use crate::sync::{Approval, What};

/// Two devices that share what `names` say, each file holding its own name.
fn shared(names: &[&str]) -> World {
    let world = World::new(&["poste", "portable"], Cutting::Keyed);
    names.iter().for_each(|name| world.a().write(name, name));
    settle(world.a(), world.b());
    world
}

#[test]
fn a_removal_travels_and_lies_in_the_trash() {
    let world = shared(&["f", "folder/deep/g", "stays"]);
    world.a().remove("f");
    world.a().remove("folder");
    let up = world.a().sync();
    assert_eq!((up.removed_there, up.left, up.sent_bytes, up.commits), (4, 0, 0, 1), "{up:?}");
    assert!(up.is_complete());
    let down = world.b().sync();
    assert_eq!((down.removed_here, down.uploaded, down.conflicts.len()), (4, 0, 0), "{down:?}");
    assert_eq!(world.b().tree(), world.a().tree());
    assert_eq!(world.b().tree().into_keys().collect::<Vec<_>>(), ["stays"]);
    let trash = world.b().trash();
    assert_eq!(trash["f"], b"f");
    assert_eq!(trash["folder/deep/g"], b"folder/deep/g");
    assert!(world.a().trash().is_empty(), "what a person removed is that person's business");
    settle(world.a(), world.b());
}

#[test]
fn an_edit_wins_over_a_removal_there() {
    let world = shared(&["folder/f", "folder/g", "stays"]);
    world.a().remove("folder");
    world.b().write("folder/f", "edited, and longer");
    world.a().sync();
    let summary = world.b().sync();
    assert_eq!((summary.removed_here, summary.uploaded), (1, 1), "{summary:?}");
    settle(world.a(), world.b());
    assert_eq!(world.a().read("folder/f"), b"edited, and longer");
    assert!(!world.a().has("folder/g") && world.b().trash().contains_key("folder/g"));
}

#[test]
fn an_edit_wins_over_a_removal_here() {
    let world = shared(&["folder/f", "folder/g", "stays"]);
    world.b().write("folder/f", "edited, and longer");
    world.b().sync();
    world.a().remove("folder");
    let summary = world.a().sync();
    assert_eq!((summary.removed_there, summary.downloaded), (1, 1), "{summary:?}");
    settle(world.a(), world.b());
    assert_eq!(world.b().read("folder/f"), b"edited, and longer");
    assert!(!world.b().has("folder/g"));
}

#[test]
fn what_both_removed_is_forgotten() {
    let world = shared(&["f", "stays"]);
    world.a().remove("f");
    world.b().remove("f");
    world.a().sync();
    let summary = world.b().sync();
    assert!(summary.is_quiet() && world.b().trash().is_empty(), "{summary:?}");
    settle(world.a(), world.b());
}

#[test]
fn a_folder_removed_here_stays_for_what_was_added_there() {
    let world = shared(&["folder/old", "stays"]);
    world.b().write("folder/new", "new");
    world.b().sync();
    world.a().remove("folder");
    let summary = world.a().sync();
    assert_eq!((summary.removed_there, summary.downloaded, summary.folders), (1, 1, 1), "{summary:?}");
    settle(world.a(), world.b());
    assert_eq!(world.b().tree().into_keys().collect::<Vec<_>>(), ["folder", "folder/new", "stays"]);
}

#[test]
fn a_folder_removed_there_stays_for_what_was_added_here() {
    let world = shared(&["folder/old", "stays"]);
    world.a().remove("folder");
    world.a().sync();
    world.b().write("folder/deep/new", "new");
    let summary = world.b().sync();
    assert_eq!((summary.removed_here, summary.uploaded), (1, 1), "{summary:?}");
    settle(world.a(), world.b());
    assert_eq!(world.a().tree().into_keys().collect::<Vec<_>>(), ["folder", "folder/deep", "folder/deep/new", "stays"]);
}

#[test]
fn a_name_is_taken_again_after_a_removal() {
    let world = shared(&["f", "folder/g", "stays"]);
    world.a().remove("f");
    world.a().write("f/inside", "a folder now");
    world.a().remove("folder");
    world.a().write("folder", "a file now");
    let summary = world.a().sync();
    assert!(summary.is_complete() && summary.conflicts.is_empty(), "{summary:?}");
    let summary = world.b().sync();
    assert!(summary.is_complete() && summary.conflicts.is_empty(), "{summary:?}");
    settle(world.a(), world.b());
    assert_eq!(world.b().read("f/inside"), b"a folder now");
    assert_eq!(world.b().read("folder"), b"a file now");
    assert_eq!(world.b().trash()["f"], b"f");
}

#[test]
fn an_emptied_or_missing_folder_removes_nothing() {
    let world = shared(&["f", "folder/g"]);
    world.a().remove("f");
    world.a().remove("folder");
    let held = world.a().sync();
    assert!(held.held.removals_there && held.removed_there == 0 && !held.is_complete(), "{held:?}");
    assert!(world.b().sync().is_quiet());
    std::fs::remove_dir_all(world.a().path(".vauban")).unwrap();
    assert!(world.a().try_sync().is_err(), "without its mark, a folder is one whose disk is not there");
    assert!(world.b().sync().is_quiet());
}

#[test]
fn an_emptied_folder_can_be_meant() {
    let world = shared(&["f", "folder/g"]);
    world.a().remove("f");
    world.a().remove("folder");
    world.a().sync();
    assert!(world.a().sync_with(Approval::Given).unwrap().is_complete());
    world.b().sync();
    assert!(world.b().tree().is_empty());
}

/// What cannot be listed is not gone; root may read everything, and has nothing to learn here.
#[test]
fn an_unreadable_folder_removes_nothing() {
    let world = shared(&["folder/f", "stays"]);
    let lock = |mode| {
        std::fs::set_permissions(world.a().path("folder"), PermissionsExt::from_mode(mode)).unwrap();
    };
    lock(0o000);
    let is_readable = std::fs::read_dir(world.a().path("folder")).is_ok();
    let summary = world.a().sync();
    lock(0o755);
    assert_eq!(summary.removed_there, 0);
    assert_eq!(summary.issues.is_empty(), is_readable);
    settle(world.a(), world.b());
    assert!(world.b().has("folder/f"));
}

#[test]
fn a_lost_cache_removes_nothing_anywhere() {
    let world = shared(&["f", "folder/g", "stays"]);
    world.a().remove("f");
    world.b().remove("folder");
    world.a().lose_cache();
    world.b().lose_cache();
    let before = world.a().tree();
    assert_eq!(world.a().sync().removed_there, 0);
    assert_eq!(world.b().sync().removed_here, 0);
    settle(world.a(), world.b());
    assert!(world.a().has("f") && world.b().has("folder/g") && before.keys().all(|name| world.b().has(name)));
}

#[test]
fn a_preview_changes_nothing() {
    let world = shared(&["f", "folder/g", "stays"]);
    world.a().remove("f");
    world.a().rename("folder", "renamed");
    world.a().write("new", "x");
    let shown: Vec<_> = world.a().preview().into_iter().map(|change| change.path).collect();
    assert_eq!(shown, ["renamed", "f", "new"]);
    assert!(world.b().sync().is_quiet());
    // What the brake holds is listed, too, each thing as what would be done.
    let world = shared(&["f", "folder/g"]);
    world.a().remove("f");
    world.a().remove("folder");
    let shown: Vec<_> = world.a().preview().into_iter().map(|change| (change.held, change.what, change.path)).collect();
    let held = |path: &str| (true, What::RemoveThere, path.to_owned());
    assert_eq!(shown.len(), 3, "{shown:?}");
    assert!(["f", "folder", "folder/g"].iter().all(|path| shown.contains(&held(path))), "{shown:?}");
    let fresh = World::new(&["poste"], Cutting::Keyed);
    fresh.a().write("f", "x");
    assert_eq!(fresh.a().preview().len(), 1);
    assert!(!fresh.a().has(".vauban"));
}
