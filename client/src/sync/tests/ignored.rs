//! What a `.vaubanignore` keeps out, and what must not happen to it.

use vauban_protocol::space::Cutting;

use super::world::{Device, World, settle};
use crate::sync::{Problem, What, WhyApart};
use crate::tree::IGNORE_FILE;

/// Two devices that share what `names` say, each file holding its own name.
fn shared(names: &[&str]) -> World {
    let world = World::new(&["poste", "portable"], Cutting::Keyed);
    names.iter().for_each(|name| world.a().write(name, name));
    settle(world.a(), world.b());
    world
}

/// Syncs until nothing is left to do on either side; the trees need not be equal.
fn calm(one: &Device, other: &Device) {
    for _ in 0..6 {
        let (first, second) = (one.sync(), other.sync());
        assert_eq!((first.void_ops, second.void_ops), (0, 0));
        if first.is_quiet() && second.is_quiet() {
            return;
        }
    }
    panic!("never calm: {:?} {:?}", one.sync(), other.sync());
}

#[test]
fn what_becomes_ignored_is_left_alone_on_both_sides() {
    let world = shared(&["f.log", "build/x", "build/y", "stays"]);
    let (a, b) = (world.a(), world.b());
    a.write(IGNORE_FILE, "*.log\nbuild/\n");
    a.write("new.log", "new");
    a.write("build/new", "new");
    let up = a.sync();
    assert_eq!((up.uploaded, up.removed_there, up.ignored), (1, 0, 3), "{up:?}");
    b.sync();
    // Whatever becomes of it meanwhile, on either side, is no news to anybody.
    a.remove("f.log");
    a.remove("build/y");
    a.write("build/x", "edited by a");
    b.write("f.log", "edited by b");
    calm(a, b);
    assert!(
        !a.has("f.log") && b.read("f.log") == b"edited by b" && b.has("build/y") && b.read("build/x") == b"build/x"
    );
    assert!(!b.has("new.log") && !b.has("build/new"));
    // What stops being ignored joins again, and nothing is lost.
    a.remove(IGNORE_FILE);
    settle(a, b);
    assert_eq!(a.read("build/y"), b"build/y");
    let tree = a.tree();
    let copies: Vec<_> = tree.keys().filter(|name| name.contains("(conflit")).map(|name| a.read(name)).collect();
    assert_eq!(copies.len(), 2, "{tree:?}");
    assert!(copies.contains(&b"edited by a".to_vec()) && copies.contains(&b"edited by b".to_vec()), "{tree:?}");
    assert!(a.has("new.log") && b.has("build/new"));
}

/// Fails if a device sends or fetches under the rules that it had before.
#[test]
fn rules_of_the_other_side_come_first() {
    let world = World::new(&["poste", "portable", "tablette"], Cutting::Keyed);
    let (a, b, c) = (world.a(), world.b(), &world.devices[2]);
    a.write("old.log", "old");
    a.write("sub/deep/old.tmp", "old");
    a.write("build/x", "old");
    a.write("build/.vaubanignore", "never looked at");
    settle(a, b);
    a.write(IGNORE_FILE, "*.log\nbuild/\n");
    a.write("sub/.vaubanignore", "*.tmp\n");
    a.write("sub/deep/.vaubanignore", "[\n*.bak\n");
    a.sync();
    b.write("mine.log", "mine");
    b.write("sub/deep/mine.bak", "mine");
    let summary = b.sync();
    assert_eq!((summary.uploaded, summary.downloaded), (0, 3), "{summary:?}");
    // A device that comes new gets the rules, and not what they ignore.
    let summary = c.sync();
    assert_eq!((summary.uploaded, summary.ignored), (0, 3), "{summary:?}");
    let tree = c.tree().into_keys().collect::<Vec<_>>();
    assert_eq!(tree, [IGNORE_FILE, "sub", "sub/.vaubanignore", "sub/deep", "sub/deep/.vaubanignore"]);
    let mistake = &summary.issues[0];
    assert_eq!(mistake.path, "sub/deep/.vaubanignore");
    assert!(matches!(mistake.problem, Problem::Pattern { line: 1, .. }), "{mistake:?}");
    assert!(a.sync().removed_there == 0 && a.has("old.log"));
}

#[test]
fn a_tombstone_does_not_touch_what_is_ignored_here() {
    let world = shared(&["f.log", "folder/g.log", "stays"]);
    let (a, b) = (world.a(), world.b());
    a.write(IGNORE_FILE, "*.log\n");
    b.remove("f.log");
    b.remove("folder");
    assert_eq!(b.sync().removed_there, 3);
    let summary = a.sync();
    assert_eq!((summary.removed_here, summary.left), (0, 0), "{summary:?}");
    assert!(a.has("f.log") && a.has("folder/g.log") && a.trash().is_empty());
    calm(a, b);
    assert!(!b.has("folder"), "what stays here for what is ignored does not come back there");
    a.remove("folder/g.log");
    assert_eq!(a.sync().removed_here, 1, "the folder, now that it is empty");
    calm(a, b);
}

#[test]
fn a_removal_of_a_folder_spares_what_was_ignored_in_it() {
    let world = shared(&["folder/f.log", "folder/g", "stays"]);
    let (a, b) = (world.a(), world.b());
    a.write(IGNORE_FILE, "*.log\n");
    a.remove("folder");
    calm(a, b);
    assert!(b.has("folder/f.log") && !b.has("folder/g"), "the person removed g, and f.log is left alone");
    a.remove(IGNORE_FILE);
    settle(a, b);
    assert!(a.has("folder/f.log"));
}

/// Decided: who renames or moves something to an ignored place takes it out of the space, as who moves it out of the folder.
#[test]
fn a_move_to_an_ignored_place_is_a_removal_and_keeps_the_file() {
    let world = shared(&["f", "g", "stays"]);
    let (a, b) = (world.a(), world.b());
    a.rename("f", "f.swp");
    a.write(IGNORE_FILE, "build/\n");
    a.rename("g", "build/g");
    let summary = a.sync();
    assert_eq!((summary.removed_there, summary.ignored), (2, 2), "{summary:?}");
    calm(a, b);
    assert!(a.has("f.swp") && a.has("build/g"));
    assert_eq!((b.trash()["f"].as_slice(), b.trash()["g"].as_slice()), (b"f".as_slice(), b"g".as_slice()));
    a.rename("build/g", "g");
    calm(a, b);
    assert!(b.has("g"));
}

/// A signed move out of what is synced here: an unmodified copy goes to the trash, another one stays.
#[test]
fn what_is_moved_there_to_an_ignored_place_leaves() {
    let world = shared(&["f", "g", "stays"]);
    let (a, b) = (world.a(), world.b());
    b.rename("f", "build/f");
    b.rename("g", "build/g");
    b.sync();
    a.write(IGNORE_FILE, "build/\n");
    a.write("g", "edited");
    let summary = a.sync();
    assert_eq!((summary.removed_here, summary.removed_there), (1, 0), "{summary:?}");
    assert_eq!(a.trash()["f"], b"f");
    assert_eq!(a.read("g"), b"edited");
    assert!(summary.issues.iter().any(|issue| issue.path == "g" && issue.problem == Problem::Kept), "{summary:?}");
    calm(a, b);
    assert!(b.has("build/f") && !a.has("build"));
}

#[test]
fn names_that_the_ignored_has_are_not_taken() {
    let world = shared(&["build/x", "stays"]);
    let (a, b) = (world.a(), world.b());
    a.write(IGNORE_FILE, "build/\n");
    settle_ignored(a, b);
    // Here a file, there an ignored folder: the file makes way.
    b.remove("build");
    b.write("build", "a file");
    let summary = b.sync();
    assert_eq!((summary.conflicts.len(), summary.uploaded, summary.void_ops), (1, 1, 0), "{summary:?}");
    calm(a, b);
    assert!(a.has("build/x") && a.has(&summary.conflicts[0]));
    // Here an ignored folder, there a file: the folder stays where it is.
    let world = shared(&["stays", IGNORE_FILE]);
    let (a, b) = (world.a(), world.b());
    a.write(IGNORE_FILE, "build/\n");
    settle_ignored(a, b);
    b.write("build/mine", "mine");
    a.write("build", "a file");
    a.sync();
    let summary = b.sync();
    assert!(summary.issues.iter().any(|issue| issue.problem == Problem::InTheWay), "{summary:?}");
    assert_eq!(b.read("build/mine"), b"mine");
    assert!(summary.conflicts.is_empty() && b.sync().removed_there == 0);
}

fn settle_ignored(a: &Device, b: &Device) {
    calm(a, b);
    assert!(b.has(IGNORE_FILE));
}

#[test]
fn rules_that_cannot_be_read_stop_their_folder() {
    let world = shared(&["folder/f", "folder/g", "stays"]);
    let (a, b) = (world.a(), world.b());
    a.write("folder/.vaubanignore", [0xff, 0xfe]);
    a.remove("folder/g");
    a.write("folder/secret", "secret");
    let summary = a.sync();
    assert_eq!((summary.uploaded, summary.removed_there), (0, 0), "{summary:?}");
    assert_eq!(summary.issues.len(), 1, "{summary:?}");
    a.write("folder/.vaubanignore", "secret\n");
    calm(a, b);
    assert!(!b.has("folder/secret") && !b.has("folder/g"));
}

#[test]
fn both_sides_rules_hold_until_they_are_merged() {
    let world = shared(&["stays"]);
    let (a, b) = (world.a(), world.b());
    a.write(IGNORE_FILE, "*.log\n");
    b.write(IGNORE_FILE, "secret\n");
    b.write("secret", "secret");
    b.write("x.log", "x");
    calm(a, b);
    assert_eq!(a.tree().into_keys().filter(|name| name.starts_with(IGNORE_FILE)).count(), 2);
    assert!(!a.has("secret") && !a.has("x.log"));
}

#[test]
fn what_is_ignored_is_told_with_its_rule() {
    let world = shared(&["sub/f.log", "stays"]);
    let (a, b) = (world.a(), world.b());
    a.write("sub/.vaubanignore", "# logs\n*.log\n");
    a.write(".~lock.rapport.odt#", "me");
    settle_ignored_in(a, b, "sub/.vaubanignore");
    b.remove("sub/f.log");
    let told = |device: &Device| -> Vec<_> {
        let report = device.apart();
        let text = |why| match why {
            WhyApart::Ignored(rule) => format!("{:?}:{} {}", rule.folder, rule.line, rule.pattern),
            WhyApart::NotSelected => "not selected".to_owned(),
        };
        report.listed.into_iter().map(|item| (item.path, item.is_here, item.is_there, text(item.why))).collect()
    };
    let rule = || "Some(\"sub\"):2 *.log".to_owned();
    let last = a.preview().pop().unwrap();
    assert_eq!((last.what, last.path.as_str()), (What::Apart, "2"));
    let lock = told(a).remove(0);
    assert_eq!((lock.0.as_str(), lock.1, lock.2), (".~lock.rapport.odt#", true, false));
    assert_eq!(told(a)[1], ("sub/f.log".to_owned(), true, true, rule()));
    assert_eq!(told(b), [("sub/f.log".to_owned(), false, true, rule())]);
}

fn settle_ignored_in(a: &Device, b: &Device, file: &str) {
    calm(a, b);
    assert!(b.has(file));
}
