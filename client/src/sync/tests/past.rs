//! The space as it once was: read, told, compared, and brought back.

use vauban_protocol::space::Cutting;

use super::world::{Device, World, noise, settle};
use crate::log::{EntryId, Kind, Op};
use crate::state::cache::{Change, Moment};
use crate::sync::author::{Draft, Sent};
use crate::sync::{Differs, differences, find_at, history, list_at, now, read_at, restore};
use crate::tree::{ConflictStamp, TreePath};

fn path(text: &str) -> TreePath {
    TreePath::parse(text).unwrap()
}

fn stamp() -> ConflictStamp {
    ConflictStamp { device: "poste".to_owned(), date: "2026-11-23".to_owned() }
}

/// The moment that a device's log stands at.
fn moment(device: &Device) -> Moment {
    let mut space = device.open().unwrap();
    space.settle().unwrap();
    now(&space).unwrap()
}

/// Says `ops` in a device's name.
fn say(device: &Device, ops: Vec<Op>) {
    let mut space = device.open().unwrap();
    space.settle().unwrap();
    assert_eq!(space.send(&Draft { ops, ..Draft::default() }).unwrap(), Sent::Committed);
    space.write_record().unwrap();
}

fn entry(device: &Device, text: &str) -> EntryId {
    let mut space = device.open().unwrap();
    space.settle().unwrap();
    find_at(&space, &path(text), now(&space).unwrap()).unwrap().unwrap().entry
}

fn content(device: &Device, text: &str, moment: Moment) -> Vec<u8> {
    let mut space = device.open().unwrap();
    space.settle().unwrap();
    let entry = find_at(&space, &path(text), moment).unwrap().unwrap().entry;
    let mut file = read_at(&space, entry, moment).unwrap().unwrap();
    let mut content = Vec::new();
    while let Some(piece) = file.next_chunk().unwrap() {
        content.extend_from_slice(piece.as_ref());
    }
    content
}

/// A world of one device in which a file was written twice, a folder came, and both went: with the moments in between.
fn eventful() -> (World, [Moment; 3]) {
    let world = World::new(&["poste"], Cutting::Keyed);
    let a = world.a();
    a.write("note", "first");
    a.write("folder/deep/large", noise(1, 3_000_000));
    a.sync();
    let first = moment(a);
    a.write("note", "second, longer");
    a.sync();
    let second = moment(a);
    let entries = ["folder/deep/large", "folder/deep", "folder", "note"].map(|text| entry(a, text));
    say(a, entries.map(|entry| Op::Remove { entry }).to_vec());
    a.write("new", "came later");
    let third = moment(a);
    (world, [first, second, third])
}

#[test]
fn every_version_is_read_as_it_was() {
    let (world, [first, second, third]) = eventful();
    assert_eq!(content(world.a(), "note", first), b"first");
    assert_eq!(content(world.a(), "note", second), b"second, longer");
    assert_eq!(content(world.a(), "folder/deep/large", second), noise(1, 3_000_000));
    let mut space = world.a().open().unwrap();
    space.settle().unwrap();
    assert!(find_at(&space, &path("note"), third).unwrap().is_none());
    assert_eq!(list_at(&space, &TreePath::root(), second).unwrap().unwrap().len(), 2);
    assert!(list_at(&space, &TreePath::root(), third).unwrap().unwrap().is_empty());
}

#[test]
fn history_tells_what_happened_even_of_what_is_gone() {
    let (world, _) = eventful();
    let mut space = world.a().open().unwrap();
    space.settle().unwrap();
    let events = history(&space, &path("note")).unwrap().unwrap();
    let told: Vec<_> = events
        .iter()
        .map(|(_, event)| match &event.change {
            Change::Written(version) => format!("written {}", version.bytes),
            Change::Placed(place) => format!("placed {}", place.name),
            Change::Removed => "removed".to_owned(),
        })
        .collect();
    assert_eq!(told, ["removed", "written 14", "written 5", "placed note"]);
    assert!(history(&space, &path("never")).unwrap().is_none());
}

#[test]
fn differences_are_told_once() {
    let (world, [first, second, third]) = eventful();
    let moved = {
        let mut space = world.a().open().unwrap();
        space.settle().unwrap();
        restore(&mut space, &TreePath::root(), second, &stamp()).unwrap().unwrap();
        let folder = find_at(&space, &path("folder"), now(&space).unwrap()).unwrap().unwrap().entry;
        drop(space);
        say(world.a(), vec![Op::Move { entry: folder, parent: EntryId::ROOT, name: b"renamed".to_vec() }]);
        moment(world.a())
    };
    let mut space = world.a().open().unwrap();
    space.settle().unwrap();
    let told = |from, to| {
        differences(&space, &TreePath::root(), from, to)
            .unwrap()
            .into_iter()
            .map(|difference| (difference.path.to_string(), difference.what))
            .collect::<Vec<_>>()
    };
    assert_eq!(told(first, second), [("note".to_owned(), Differs::Edited)]);
    assert_eq!(told(first, first), []);
    let gone = told(second, third);
    assert_eq!(gone.len(), 4, "{gone:?}");
    assert!(gone.iter().all(|(_, what)| *what == Differs::Removed));
    assert_eq!(told(second, moved), [("renamed".to_owned(), Differs::Moved(path("folder")))]);
}

#[test]
fn what_was_removed_and_rewritten_comes_back_without_sending() {
    let (world, [first, second, _]) = eventful();
    let a = world.a();
    a.sync();
    let mut space = a.open().unwrap();
    let puts = world.node.with(|node| node.put_bytes);
    let restored = restore(&mut space, &TreePath::root(), second, &stamp()).unwrap().unwrap();
    assert_eq!((restored.created, restored.folders, restored.rewritten), (2, 2, 0));
    drop(space);
    assert_eq!(content(a, "note", moment(a)), b"second, longer");
    assert_eq!(content(a, "folder/deep/large", moment(a)), noise(1, 3_000_000));
    let mut space = a.open().unwrap();
    let restored = restore(&mut space, &path("note"), first, &stamp()).unwrap().unwrap();
    assert_eq!((restored.created, restored.rewritten), (0, 1));
    drop(space);
    assert_eq!(content(a, "note", moment(a)), b"first");
    assert_eq!(world.node.with(|node| node.put_bytes), puts, "nothing is sent");
    let mut space = a.open().unwrap();
    assert!(restore(&mut space, &path("never"), first, &stamp()).unwrap().is_none());
    // Said again, nothing is left to do.
    let again = restore(&mut space, &path("note"), first, &stamp()).unwrap().unwrap();
    assert_eq!((again.unchanged, again.rewritten), (1, 0));
}

#[test]
fn what_stands_in_the_way_stays() {
    let (world, [first, ..]) = eventful();
    let a = world.a();
    let folder = EntryId([9; 16]);
    say(a, vec![Op::Create { entry: folder, parent: EntryId::ROOT, name: b"note".to_vec(), kind: Kind::Folder }]);
    let mut space = a.open().unwrap();
    restore(&mut space, &path("note"), first, &stamp()).unwrap().unwrap();
    let names: Vec<_> = list_at(&space, &TreePath::root(), now(&space).unwrap())
        .unwrap()
        .unwrap()
        .into_iter()
        .map(|child| (child.name.to_string(), child.kind))
        .collect();
    assert_eq!(names, [("note".to_owned(), Kind::Folder), ("note (conflit poste 2026-11-23)".to_owned(), Kind::File)]);
}

/// Fails if a file that came back as an entry of its own hides what it was before.
#[test]
fn history_goes_on_behind_what_came_back() {
    let world = World::new(&["poste", "portable"], Cutting::Keyed);
    // A folder that is emptied altogether would wait for the brake.
    world.a().write("stays", "x");
    for content in ["1", "22"] {
        world.a().write("folder/f", content);
        settle(world.a(), world.b());
    }
    let before = entry(world.a(), "folder/f");
    world.a().remove("folder");
    world.a().sync();
    world.b().write("folder/f", "333, edited meanwhile");
    settle(world.a(), world.b());
    assert_ne!(entry(world.a(), "folder/f"), before);
    let mut space = world.a().open().unwrap();
    space.settle().unwrap();
    let events = history(&space, &path("folder/f")).unwrap().unwrap();
    let written = events.iter().filter_map(|(_, event)| match &event.change {
        Change::Written(version) => Some(version.bytes),
        _ => None,
    });
    assert_eq!(written.collect::<Vec<_>>(), [21, 2, 1]);
    assert!(events.is_sorted_by(|(_, later), (_, earlier)| later.moment >= earlier.moment));
}
