//! What two honest devices live through.

use std::os::unix::fs::{PermissionsExt, symlink};

use vauban_protocol::space::Cutting;
use vauban_protocol::wire::ChunkAnswer;

use super::node::Lie;
use super::world::{Device, World, noise};
use crate::log::{ChunkList, Kind};
use crate::sync::{Trust, find_at, list_at, now, read_at};
use crate::tree::TreePath;

const MIB: usize = 1024 * 1024;

/// A tree with one of everything.
fn furnish(device: &Device) {
    device.write("note.txt", "bonjour");
    device.write("empty", "");
    device.write("folder/deep/er/file", "deep");
    device.write("run.sh", "#!/bin/sh");
    std::fs::set_permissions(device.path("run.sh"), PermissionsExt::from_mode(0o755)).unwrap();
    device.write("Été 2026 – bilan.odt", noise(1, 100_000));
    device.write("big", noise(2, 11 * MIB + 5));
    std::fs::create_dir_all(device.path("folder/nothing in it")).unwrap();
    symlink("note.txt", device.path("link")).unwrap();
}

#[test]
fn a_folder_comes_back_on_another_device() {
    for cutting in [Cutting::Keyed, Cutting::Fixed] {
        let world = World::new(&["poste", "portable"], cutting);
        furnish(world.a());
        let up = world.a().sync();
        assert!(up.is_complete(), "{up:?}");
        assert_eq!((up.uploaded, up.folders, up.void_ops), (7, 4, 0));
        let down = world.b().sync();
        assert!(down.is_complete(), "{down:?}");
        assert_eq!((down.downloaded, down.folders, down.uploaded), (7, 4, 0));
        assert_eq!(world.a().tree(), world.b().tree());
        for device in &world.devices {
            let again = device.sync();
            assert_eq!((again.uploaded, again.downloaded, again.commits, again.sent_bytes), (0, 0, 0, 0));
            assert_eq!(again.unchanged, 7);
        }
    }
}

#[test]
fn edits_travel_both_ways() {
    let world = World::new(&["poste", "portable"], Cutting::Keyed);
    furnish(world.a());
    world.a().sync();
    world.b().sync();
    world.b().write("note.txt", "salut, et plus long");
    world.b().write("new", "from b");
    world.a().write("folder/deep/er/file", "edited");
    std::fs::set_permissions(world.a().path("run.sh"), PermissionsExt::from_mode(0o644)).unwrap();
    world.b().sync();
    world.a().sync();
    world.b().sync();
    assert_eq!(world.a().tree(), world.b().tree());
    assert_eq!(world.a().read("note.txt"), b"salut, et plus long");
    assert_eq!(world.b().read("folder/deep/er/file"), b"edited");
}

#[test]
fn one_byte_at_the_start_sends_little() {
    let world = World::new(&["poste"], Cutting::Keyed);
    let content = noise(3, 24 * MIB);
    world.a().write("big", &content);
    world.a().sync();
    world.a().write("big", [b"x", content.as_slice()].concat());
    let again = world.a().sync();
    assert_eq!(again.uploaded, 1);
    assert!(again.sent_bytes < 5 * MIB as u64, "{} bytes", again.sent_bytes);
}

#[test]
fn equal_content_is_sent_once() {
    let world = World::new(&["poste", "portable"], Cutting::Keyed);
    let content = noise(4, 3 * MIB);
    world.a().write("one", &content);
    world.a().write("two", &content);
    let first = world.a().sync();
    assert!(first.sent_bytes < 4 * MIB as u64, "{}", first.sent_bytes);
    world.b().write("three", &content);
    let second = world.b().sync();
    assert_eq!((second.uploaded, second.sent_bytes), (1, 0), "another device of the space finds it, too");
    assert_eq!(second.downloaded, 2);
}

#[test]
fn a_touched_file_is_not_a_new_version() {
    let world = World::new(&["poste"], Cutting::Keyed);
    world.a().write("f", "same");
    world.a().sync();
    world.a().write("f", "same");
    let again = world.a().sync();
    assert_eq!((again.uploaded, again.commits), (0, 0));
    assert!(again.is_complete());
}

#[test]
fn both_edits_are_kept() {
    let world = World::new(&["poste", "portable"], Cutting::Keyed);
    world.a().write("f.txt", "base");
    world.a().sync();
    world.b().sync();
    world.a().write("f.txt", "from a");
    world.b().write("f.txt", "from b, longer");
    world.a().sync();
    let summary = world.b().sync();
    assert_eq!(summary.conflicts.len(), 1);
    let copy = &summary.conflicts[0];
    assert!(copy.starts_with("f (conflit portable ") && copy.ends_with(").txt"), "{copy}");
    assert_eq!(world.b().read("f.txt"), b"from a");
    assert_eq!(world.b().read(copy), b"from b, longer");
    world.a().sync();
    assert_eq!(world.a().tree(), world.b().tree(), "the copy is an entry like any other");
}

#[test]
fn a_file_and_a_folder_of_one_name_are_both_kept() {
    let world = World::new(&["poste", "portable"], Cutting::Keyed);
    world.a().write("x", "a file");
    world.b().write("x/inside", "a folder's");
    world.a().sync();
    let summary = world.b().sync();
    assert_eq!(summary.conflicts.len(), 1, "{summary:?}");
    assert_eq!(world.b().read("x"), b"a file");
    assert_eq!(world.b().read(&format!("{}/inside", summary.conflicts[0])), b"a folder's");
    world.a().sync();
    assert_eq!(world.a().tree(), world.b().tree());
}

#[test]
fn equal_files_on_both_sides_join() {
    let world = World::new(&["poste", "portable"], Cutting::Keyed);
    world.a().write("f", "the same");
    world.b().write("f", "the same");
    world.a().sync();
    let summary = world.b().sync();
    assert_eq!((summary.uploaded, summary.downloaded, summary.conflicts.len()), (0, 0, 0));
}

#[test]
fn lost_client_cache_deletes_nothing() {
    let world = World::new(&["poste", "portable"], Cutting::Keyed);
    furnish(world.a());
    world.a().sync();
    world.b().sync();
    let before = world.b().tree();
    world.b().lose_cache();
    let summary = world.b().sync();
    assert!(summary.is_complete());
    assert_eq!((summary.uploaded, summary.downloaded, summary.conflicts.len()), (0, 0, 0));
    assert_eq!(world.b().tree(), before);
    world.b().lose_cache();
    world.b().write("note.txt", "edited while the cache was lost");
    let summary = world.b().sync();
    assert_eq!(summary.conflicts.len(), 1, "without a base, an edit can't be told from an old version: both are kept");
}

#[test]
fn many_small_files_take_few_requests() {
    const FILES: usize = 5000;
    let world = World::new(&["poste", "portable"], Cutting::Keyed);
    for n in 0..FILES {
        world.a().write(&format!("folder {}/file {n}", n % 20), n.to_le_bytes());
    }
    let before = world.node.with(|state| state.requests);
    let up = world.a().sync();
    let requests = world.node.with(|state| state.requests) - before;
    assert_eq!(up.uploaded, FILES as u64);
    assert!(requests < 30, "{requests} requests");
    assert!(up.commits < 10, "{} commits", up.commits);
    assert_eq!(world.b().sync().downloaded, FILES as u64);
    assert_eq!(world.a().tree(), world.b().tree());
}

#[test]
fn a_space_is_read_without_a_folder() {
    let world = World::new(&["poste", "portable"], Cutting::Keyed);
    furnish(world.a());
    world.a().sync();
    let mut space = world.b().open().unwrap();
    space.follow().unwrap();
    let moment = now(&space).unwrap();
    let names: Vec<_> =
        list_at(&space, &TreePath::root(), moment).unwrap().unwrap().into_iter().map(|c| c.name.to_string()).collect();
    assert!(names.contains(&"big".to_owned()) && names.len() == 7, "{names:?}");
    assert!(list_at(&space, &TreePath::parse("nowhere").unwrap(), moment).unwrap().is_none());
    let child = find_at(&space, &TreePath::parse("big").unwrap(), moment).unwrap().unwrap();
    assert_eq!(child.kind, Kind::File);
    let mut file = read_at(&space, child.entry, moment).unwrap().unwrap();
    assert!(matches!(&file.version.chunks, ChunkList::Inline(chunks) if chunks.len() > 2));
    let mut content = Vec::new();
    while let Some(piece) = file.next_chunk().unwrap() {
        content.extend_from_slice(piece.as_ref());
    }
    assert_eq!(content, noise(2, 11 * MIB + 5));
}

#[test]
fn what_cannot_be_synced_is_said_and_the_rest_goes_on() {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;

    let world = World::new(&["poste"], Cutting::Keyed);
    world.a().write("good", "x");
    std::fs::write(world.a().path("x").with_file_name(OsStr::from_bytes(b"bad \xff")), "x").unwrap();
    std::fs::write(world.a().path("back\\slash"), "x").unwrap();
    let _socket = std::os::unix::net::UnixListener::bind(world.a().path("socket")).unwrap();
    let summary = world.a().sync();
    assert_eq!((summary.uploaded, summary.issues.len()), (1, 3), "{summary:?}");
    assert!(summary.agreed && !summary.is_complete());
}

/// Fails if whoever changes the keys fetches what they have just sent: among a thousand members, more than a MiB.
#[test]
fn new_keys_are_not_fetched_by_whoever_has_sent_them() {
    let world = World::new(&["poste", "portable"], Cutting::Keyed);
    world.a().write("note.txt", "bonjour");
    world.a().sync();
    let lost: Lie = Box::new(|found| found.iter_mut().for_each(|answer| *answer = Err(ChunkAnswer::Missing)));
    world.node.with(|state| state.lie = Some(lost));
    let mut space = world.a().open().unwrap();
    space.rotate_now(Trust::Unconfirmed).unwrap();
    assert_eq!(space.current().unwrap().epoch, 2);
    assert!(space.own_bundle.is_none(), "what was read is not kept");
    drop(space);
    // The control: another device has them from the node alone.
    assert!(world.b().try_sync().is_err());
    world.node.with(|state| state.lie = None);
    world.b().sync();
    assert_eq!(world.a().tree(), world.b().tree());
}
