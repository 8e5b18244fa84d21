//! A person decides about conflict copies: on what was seen, and without losing the other version.

use vauban_protocol::space::Cutting;

use super::world::{World, settle};
use crate::sync::{Conflict, Keep, Resolved, Verdict, conflicts, history, resolve};
use crate::tree::TreePath;

/// Both have edited the same file; the copy holds the second one's.
fn quarrel() -> World {
    let world = World::new(&["poste", "portable"], Cutting::Keyed);
    world.a().write("notes/a.txt", "first");
    settle(world.a(), world.b());
    world.a().write("notes/a.txt", "mine");
    world.b().write("notes/a.txt", "theirs, longer");
    settle(world.a(), world.b());
    world
}

fn only(world: &World) -> Conflict {
    let mut space = world.a().open().unwrap();
    space.follow().unwrap();
    let [conflict] = conflicts(&space, 10).unwrap().try_into().unwrap();
    conflict
}

fn verdict(conflict: &Conflict, keep: Keep) -> Verdict {
    let original = conflict.original.as_ref().map(|original| (original.entry, original.content.unwrap()));
    Verdict { copy: (conflict.copy.entry, conflict.copy.content.unwrap()), original, keep }
}

fn decide(world: &World, verdict: &Verdict) -> Resolved {
    resolve(&mut world.a().open().unwrap(), verdict).unwrap()
}

/// The contents of both, as the conflict has them: the original's, and the copy's.
fn contents(world: &World, conflict: &Conflict) -> (Vec<u8>, Vec<u8>) {
    let name = |name: &crate::log::EntryName| format!("notes/{}", name.as_str());
    (world.a().read("notes/a.txt"), world.a().read(&name(&conflict.copy.name)))
}

#[test]
fn either_version_may_stay_and_the_other_is_kept_in_history() {
    for keep in [Keep::Original, Keep::Copy] {
        let world = quarrel();
        let conflict = only(&world);
        assert_eq!(conflict.said.original.as_str(), "a.txt");
        let (original, copy) = contents(&world, &conflict);
        assert_eq!(decide(&world, &verdict(&conflict, keep)), Resolved::Done);
        settle(world.a(), world.b());
        let expected = if keep == Keep::Original { &original } else { &copy };
        for device in [world.a(), world.b()] {
            assert_eq!(&device.read("notes/a.txt"), expected);
            assert_eq!(device.tree().len(), 2, "{:?}", device.tree());
        }
        let mut space = world.a().open().unwrap();
        space.follow().unwrap();
        let path = TreePath::parse("notes").unwrap().join(&conflict.copy.name);
        assert!(history(&space, &path).unwrap().unwrap().len() >= 3, "created, written, removed");
        assert!(conflicts(&space, 10).unwrap().is_empty());
    }
}

#[test]
fn what_has_changed_since_it_was_seen_is_not_decided_on() {
    let world = quarrel();
    let conflict = only(&world);
    let seen = verdict(&conflict, Keep::Copy);
    world.b().write("notes/a.txt", "once more");
    settle(world.a(), world.b());
    assert_eq!(decide(&world, &seen), Resolved::Changed);
    world.b().remove("notes/a.txt");
    settle(world.a(), world.b());
    assert_eq!(decide(&world, &seen), Resolved::Changed);
    let gone = only(&world);
    assert_eq!(decide(&world, &verdict(&gone, Keep::Original)), Resolved::Changed, "there is no original to keep");
    assert_eq!(decide(&world, &verdict(&gone, Keep::Copy)), Resolved::Done);
    settle(world.a(), world.b());
    assert!(world.b().has("notes/a.txt") && only_files(&world) == 1);
}

fn only_files(world: &World) -> usize {
    world.b().tree().values().filter(|what| *what != "folder").count()
}
