//! A power cut after each step on the disk, in turn: the next run finishes, and nothing is lost.

use std::collections::BTreeSet;

use vauban_protocol::space::Cutting;

use super::world::{Device, World, settle};

/// Every content that a device can show: at its name, in a conflict copy, in the trash.
fn contents(device: &Device) -> BTreeSet<Vec<u8>> {
    let files = device.tree().into_iter().filter(|(_, what)| what != "folder").map(|(name, _)| device.read(&name));
    files.chain(device.trash().into_values()).collect()
}

/// Stops the second device after each of its steps, then lets it run again. `prepare` makes the tree that both have, `change` what
/// the second has to carry out, and `edited` what it may replace, since the log's history has it.
fn stopped_everywhere(prepare: impl Fn(&Device), change: impl Fn(&Device, &Device), edited: &[&str]) {
    for steps in 0.. {
        let world = World::new(&["poste", "portable"], Cutting::Keyed);
        prepare(world.a());
        settle(world.a(), world.b());
        change(world.a(), world.b());
        let mut mine = contents(world.b());
        mine.retain(|content| !edited.iter().any(|edited| edited.as_bytes() == content));
        world.a().sync();
        world.b().machine.stop_after(steps);
        let stopped = world.b().try_sync();
        if !world.b().machine.stop_never() {
            assert!(stopped.unwrap().agreed && steps > 2, "{steps} steps are none");
            return;
        }
        let again = world.b().sync();
        assert!(again.agreed && again.issues.is_empty(), "after {steps}: {again:?}");
        settle(world.a(), world.b());
        let after = contents(world.b());
        assert!(mine.is_subset(&after), "after {steps}, {:?} is lost", mine.difference(&after));
        let is_clean = world.b().path(".vauban/tmp").read_dir().unwrap().next().is_none();
        assert!(is_clean, "after {steps}, something is left over");
    }
}

#[test]
fn removals_survive_every_stop() {
    stopped_everywhere(
        |a| {
            for name in ["stays", "f", "folder/g", "folder/deep/h", "other/i"] {
                a.write(name, name);
            }
        },
        |a, b| {
            for name in ["f", "folder", "other"] {
                a.remove(name);
            }
            b.write("other/new", "mine");
            b.write("f", "edited");
        },
        &[],
    );
}

#[test]
fn moves_survive_every_stop() {
    stopped_everywhere(
        |a| {
            for name in ["f", "g", "one/inside", "two/inside", "three/deep/inside"] {
                a.write(name, name);
            }
        },
        |a, b| {
            // A swap, a chain, a file into a new folder; and something unknown in the way.
            a.rename("one", "tmp");
            a.rename("two", "one");
            a.rename("tmp", "two");
            a.rename("f", "new folder/f");
            a.rename("g", "f");
            a.rename("three/deep", "deep");
            b.write("deep", "mine");
            b.write("g", "edited here, and longer");
        },
        &[],
    );
}

#[test]
fn new_versions_survive_every_stop() {
    stopped_everywhere(
        |a| {
            for name in ["f", "g", "folder/h"] {
                a.write(name, name);
            }
        },
        |a, b| {
            a.write("f", "new f");
            a.write("g", "new g, and longer");
            a.write("new/file", "new");
            a.rename("folder/h", "moved");
            b.write("g", "mine");
        },
        &["f"],
    );
}
