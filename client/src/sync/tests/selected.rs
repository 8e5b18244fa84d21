//! Partial sync: what a device keeps of a space, and that what it does not keep is nobody's loss.

use vauban_protocol::space::Cutting;

use super::world::{Device, World, settle};
use crate::state::SelectionMode::{Only, Without};
use crate::sync::{Problem, WhyApart};

/// Two devices that share what `names` say, each file holding its own name.
fn shared(names: &[&str]) -> World {
    let world = World::new(&["poste", "portable"], Cutting::Keyed);
    names.iter().for_each(|name| world.a().write(name, name));
    settle(world.a(), world.b());
    world
}

fn names(device: &Device) -> Vec<String> {
    device.tree().into_keys().collect()
}

/// Fails if what is selected no longer is removed from the space, is held by the brake, or does not come back.
#[test]
fn a_folder_that_is_not_selected_leaves_and_comes_back() {
    let many: Vec<_> = (0..60).map(|number| format!("photos/{number}")).collect();
    let world = shared(&many.iter().map(String::as_str).chain(["photos/raw/a", "docs/x"]).collect::<Vec<_>>());
    let (a, b) = (world.a(), world.b());
    a.select(Without, &["photos"]);
    let summary = a.sync();
    assert_eq!((summary.removed_here, summary.removed_there, summary.commits), (63, 0, 0), "{summary:?}");
    assert!(summary.is_complete() && summary.deselected > 0, "{summary:?}");
    assert_eq!(names(a), ["docs", "docs/x"]);
    assert_eq!(a.trash().len(), 61);
    assert!(a.sync().is_quiet() && b.sync().is_quiet());
    assert_eq!(b.tree().len(), 65);
    let told = a.apart();
    assert_eq!((told.deselected, told.listed[0].path.as_str()), (1, "photos"));
    assert_eq!(told.listed[0].why, WhyApart::NotSelected);
    // The brake counts none of it.
    b.remove("docs/x");
    b.sync();
    assert_eq!(a.sync().removed_here, 1);
    a.select(Without, &[]);
    assert_eq!(a.sync().downloaded, 61);
    settle(a, b);
}

#[test]
fn what_was_changed_here_stays_and_is_said() {
    let world = shared(&["photos/a", "photos/b", "docs/x"]);
    let (a, b) = (world.a(), world.b());
    a.write("photos/a", "edited here, not sent yet");
    a.write("photos/new", "never sent");
    a.select(Without, &["photos"]);
    let summary = a.sync();
    assert_eq!((summary.removed_here, summary.uploaded), (1, 0), "{summary:?}");
    let kept: Vec<_> = summary.issues.iter().map(|issue| (issue.path.as_str(), &issue.problem)).collect();
    assert_eq!(kept, [("photos/a", &Problem::Kept)]);
    assert_eq!(names(a), ["docs", "docs/x", "photos", "photos/a", "photos/new"]);
    assert!(b.sync().is_quiet() && a.sync().removed_here == 0);
    // Gone meanwhile is not removed.
    a.remove("photos/new");
    a.select(Without, &[]);
    settle(a, b);
    assert_eq!(b.read("photos/a"), b"edited here, not sent yet");
    assert!(a.has("photos/b"));
}

#[test]
fn what_is_kept_and_then_removed_here_stays_there() {
    let world = shared(&["photos/a", "docs/x"]);
    let (a, b) = (world.a(), world.b());
    a.write("photos/a", "edited");
    a.select(Without, &["photos"]);
    a.sync();
    a.remove("photos");
    let summary = a.sync();
    assert!(summary.removed_there == 0 && summary.is_complete(), "{summary:?}");
    assert!(b.sync().is_quiet() && b.has("photos/a"));
}

/// Fails if something made here takes, or overwrites, a name that the space has and this device does not keep.
#[test]
fn a_name_that_is_not_selected_is_not_taken() {
    let world = shared(&["photos/a", "docs/x"]);
    let (a, b) = (world.a(), world.b());
    a.select(Without, &["photos", "docs/x"]);
    a.sync();
    a.write("photos/a", "mine");
    a.write("docs/x", "mine too");
    let summary = a.sync();
    assert_eq!((summary.conflicts.len(), summary.void_ops, summary.uploaded), (2, 0, 2), "{summary:?}");
    b.sync();
    assert_eq!((b.read("photos/a"), b.read("docs/x")), (b"photos/a".to_vec(), b"docs/x".to_vec()));
    let copy = summary.conflicts.iter().find(|name| name.starts_with("photos")).unwrap();
    assert_eq!(b.read(&format!("{copy}/a")), b"mine");
    // The same by a rename.
    a.rename("docs", "photos");
    let summary = a.sync();
    assert_eq!((summary.conflicts.len(), summary.moved_there, summary.removed_there), (1, 1, 0), "{summary:?}");
    a.select(Without, &[]);
    settle(a, b);
    assert!(b.has("photos/a"));
}

#[test]
fn only_what_is_selected_comes_and_goes() {
    let world = shared(&["docs/sub/x", "docs/sub/y", "docs/z", "photos/a", "top"]);
    let (a, b) = (world.a(), world.b());
    a.lose_cache();
    a.select(Only, &["docs/sub"]);
    // Without a base, what is here is not known to be there: it stays, and nothing of it is sent.
    let fresh = World::new(&["poste"], Cutting::Keyed);
    fresh.a().select(Only, &[]);
    fresh.a().write("f", "f");
    assert_eq!((fresh.a().sync().uploaded, fresh.a().sync().deselected), (0, 1));
    a.sync();
    assert!(b.sync().is_quiet());
    b.select(Only, &["docs/sub"]);
    let summary = b.sync();
    assert_eq!((summary.removed_here, summary.removed_there), (4, 0), "{summary:?}");
    assert_eq!(names(b), ["docs", "docs/sub", "docs/sub/x", "docs/sub/y"]);
    a.select(Without, &[]);
    settle_but(a, b);
    a.write("docs/sub/new", "new");
    a.write("new top", "new");
    b.write("mine", "beside what is selected");
    settle_but(a, b);
    assert!(b.has("docs/sub/new") && !b.has("new top") && b.has("mine") && !a.has("mine"));
    // Removed with the way to it: what is not selected stays in the space.
    b.remove("docs");
    settle_but(a, b);
    assert!(a.has("docs/z") && !a.has("docs/sub/x"));
}

fn settle_but(one: &Device, other: &Device) {
    for _ in 0..6 {
        let (first, second) = (one.sync(), other.sync());
        assert_eq!((first.void_ops, second.void_ops), (0, 0));
        if first.is_quiet() && second.is_quiet() {
            return;
        }
    }
    panic!("never calm");
}

#[test]
fn moves_out_of_and_into_what_is_selected() {
    let world = shared(&["photos/a", "docs/x", "docs/y"]);
    let (a, b) = (world.a(), world.b());
    a.select(Without, &["photos"]);
    a.sync();
    b.rename("docs/x", "photos/x");
    b.rename("docs/y", "photos/y");
    b.sync();
    a.write("docs/y", "edited");
    let summary = a.sync();
    assert_eq!((summary.removed_here, summary.removed_there), (1, 0), "{summary:?}");
    assert_eq!(a.trash()["docs/x"], b"docs/x");
    assert_eq!(a.read("docs/y"), b"edited");
    b.rename("photos/x", "docs/x");
    b.rename("photos/y", "docs/y");
    settle_but(b, a);
    assert_eq!((a.read("docs/x"), b.read("docs/y")), (b"docs/x".to_vec(), b"edited".to_vec()));
    // It is the folder that was not selected, not its name.
    b.rename("photos", "images");
    b.write("photos/new", "another folder");
    settle_but(b, a);
    assert!(!a.has("images") && a.has("photos/new"));
    // What a person here moves into it goes there, and leaves.
    a.select(Without, &[]);
    settle(a, b);
    a.select(Without, &["images"]);
    a.rename("docs/x", "images/x");
    settle_but(a, b);
    assert!(b.has("images/x") && !a.has("images"));
}

/// Members that move everything to where it takes no part here empty this disk no faster than by removing it.
#[test]
fn moves_out_of_what_is_selected_are_braked() {
    let many: Vec<_> = (0..60).map(|number| format!("docs/{number}")).collect();
    let world = shared(&many.iter().map(String::as_str).chain(["photos/a"]).collect::<Vec<_>>());
    let (a, b) = (world.a(), world.b());
    a.select(Without, &["photos"]);
    a.sync();
    b.rename("docs", "photos/docs");
    b.sync();
    let summary = a.sync();
    assert!(summary.held.removals_here && summary.removed_here == 0, "{summary:?}");
    assert!(a.has("docs/0"));
}

#[test]
fn the_choice_outlives_the_cache() {
    let world = shared(&["photos/a", "docs/x"]);
    let (a, b) = (world.a(), world.b());
    a.select(Without, &["photos"]);
    a.sync();
    a.lose_cache();
    let summary = a.sync();
    assert_eq!((summary.downloaded, summary.uploaded, summary.removed_here), (0, 0, 0), "{summary:?}");
    assert!(b.sync().is_quiet() && !a.has("photos"));
}

#[test]
fn a_removed_folder_keeps_what_was_not_selected_in_it() {
    let world = shared(&["photos/raw/a", "photos/b", "stays"]);
    let (a, b) = (world.a(), world.b());
    a.select(Without, &["photos/raw"]);
    a.sync();
    a.remove("photos");
    settle_but(a, b);
    assert!(b.has("photos/raw/a") && !b.has("photos/b"));
}
