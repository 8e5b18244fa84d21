use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;

use vauban_protocol::id::SpaceId;

use super::*;
use crate::tree::{ThisDisk, TreePath};

const ENTRY: EntryId = EntryId([7; 16]);

fn root(path: &Path) -> SyncRoot {
    SyncRoot::claim(&ThisDisk, path, SpaceId([1; 16]), [2; 16]).unwrap()
}

fn name(text: &str) -> EntryName {
    EntryName::parse(text.as_bytes()).unwrap()
}

fn stamp() -> ConflictStamp {
    ConflictStamp { device: "poste".to_owned(), date: "2026-11-23".to_owned() }
}

fn ready<'a>(root: &'a SyncRoot, content: &[u8]) -> Ready<'a> {
    let mut temporary = Temporary::file(root, 1, false, content.len() as u64).unwrap();
    temporary.writer().unwrap().write_all(content).unwrap();
    temporary.finish(1_000_000_001).unwrap();
    temporary.flush().unwrap();
    temporary.ready(ENTRY).unwrap()
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap()
}

fn is_clean(path: &Path) -> bool {
    std::fs::read_dir(path.join(".vauban/tmp")).unwrap().count() == 0
}

#[test]
fn a_new_file_lands() {
    let folder = tempfile::tempdir().unwrap();
    let root = root(folder.path());
    let landed = ready(&root, b"new").land(root.folder(), &name("f"), None, &stamp()).unwrap();
    assert_eq!(landed.conflict, None);
    assert_eq!(landed.identity.mtime_ns, 1_000_000_001);
    assert_eq!(read(&folder.path().join("f")), "new");
    assert!(is_clean(folder.path()));
}

#[test]
fn the_base_version_is_replaced() {
    let folder = tempfile::tempdir().unwrap();
    let root = root(folder.path());
    std::fs::write(folder.path().join("f"), "old").unwrap();
    let base = root.folder().child(&name("f")).unwrap().unwrap().identity;
    let landed = ready(&root, b"new").land(root.folder(), &name("f"), Some(&base), &stamp()).unwrap();
    assert_eq!(landed.conflict, None);
    assert_eq!(read(&folder.path().join("f")), "new");
    assert!(is_clean(folder.path()));
}

#[test]
fn save_between_check_and_rename_is_kept() {
    let folder = tempfile::tempdir().unwrap();
    let root = root(folder.path());
    std::fs::write(folder.path().join("f.txt"), "old").unwrap();
    let base = root.folder().child(&name("f.txt")).unwrap().unwrap().identity;
    std::fs::write(folder.path().join("f.txt"), "edited meanwhile").unwrap();
    let landed = ready(&root, b"new").land(root.folder(), &name("f.txt"), Some(&base), &stamp()).unwrap();
    let copy = landed.conflict.unwrap();
    assert_eq!(copy.as_str(), "f (conflit poste 2026-11-23).txt");
    assert_eq!(read(&folder.path().join("f.txt")), "new");
    assert_eq!(read(&folder.path().join(copy.as_str())), "edited meanwhile");
}

#[test]
fn a_file_where_none_was_expected_is_kept() {
    let folder = tempfile::tempdir().unwrap();
    let root = root(folder.path());
    std::fs::write(folder.path().join("f"), "mine").unwrap();
    std::fs::write(folder.path().join("f (conflit poste 2026-11-23)"), "an earlier one").unwrap();
    let landed = ready(&root, b"new").land(root.folder(), &name("f"), None, &stamp()).unwrap();
    assert_eq!(landed.conflict.unwrap().as_str(), "f (conflit poste 2026-11-23 2)");
    assert_eq!(read(&folder.path().join("f (conflit poste 2026-11-23 2)")), "mine");
}

/// Crash after the exchange and before anything was decided about what it displaced.
#[test]
fn what_a_crash_left_is_told_apart() {
    let folder = tempfile::tempdir().unwrap();
    let root = root(folder.path());
    std::fs::write(folder.path().join("f"), "edited").unwrap();
    let crashed = ready(&root, b"new");
    crashed.exchange(root.folder(), &name("f")).unwrap();
    std::mem::forget(crashed);
    std::mem::forget(Temporary::file(&root, 9, false, 0).unwrap());
    let whole = Temporary::file(&root, 10, false, 0).unwrap().ready(EntryId([8; 16])).unwrap();
    std::mem::forget(whole);

    let found = Leftover::find(&root).unwrap();
    assert_eq!(found.iter().map(|leftover| leftover.entry).collect::<Vec<_>>(), [ENTRY]);
    let leftover = found.into_iter().next().unwrap();
    assert_eq!(leftover.origin, Origin::Displaced);
    let copy = root.temporary().unwrap().set_aside(&leftover.name, root.folder(), &name("f"), &stamp()).unwrap();
    assert_eq!(read(&folder.path().join(copy.as_str())), "edited");
    assert_eq!(read(&folder.path().join("f")), "new");
    assert!(is_clean(folder.path()));
}

#[test]
fn links_on_the_way_lead_nowhere() {
    let folder = tempfile::tempdir().unwrap();
    let outside = tempfile::tempdir().unwrap();
    let root = root(folder.path());
    symlink(outside.path(), folder.path().join("link")).unwrap();
    std::fs::write(outside.path().join("secret"), "x").unwrap();
    symlink(outside.path().join("secret"), folder.path().join("file")).unwrap();
    assert!(root.open(&TreePath::parse("link").unwrap()).is_err());
    assert!(root.open(&TreePath::parse("link/deeper").unwrap()).is_err());
    assert!(root.folder().open_file(&name("file")).is_err());
    let landed = ready(&root, b"new").land(root.folder(), &name("file"), None, &stamp()).unwrap();
    assert!(landed.conflict.is_some(), "the link itself was set aside");
    assert_eq!(read(&outside.path().join("secret")), "x", "and what it points to is as it was");
}

#[test]
fn permissions_and_links_are_written_as_recorded() {
    let folder = tempfile::tempdir().unwrap();
    let root = root(folder.path());
    let run = Temporary::file(&root, 1, true, 0).unwrap().ready(ENTRY).unwrap();
    run.land(root.folder(), &name("run"), None, &stamp()).unwrap();
    assert_eq!(std::fs::metadata(folder.path().join("run")).unwrap().permissions().mode() & 0o100, 0o100);
    let link = Temporary::link(&root, 2, b"run").unwrap().ready(ENTRY).unwrap();
    link.land(root.folder(), &name("link"), None, &stamp()).unwrap();
    assert_eq!(root.folder().read_link(&name("link")).unwrap(), b"run");
}

#[test]
fn another_space_is_refused_and_a_mark_is_kept() {
    let folder = tempfile::tempdir().unwrap();
    assert!(!SyncRoot::is_marked(&ThisDisk, folder.path()).unwrap());
    drop(root(folder.path()));
    assert!(SyncRoot::is_marked(&ThisDisk, folder.path()).unwrap());
    let again = SyncRoot::claim(&ThisDisk, folder.path(), SpaceId([1; 16]), [9; 16]).unwrap();
    assert_eq!(again.key()[..16], [2; 16]);
    let other = SyncRoot::claim(&ThisDisk, folder.path(), SpaceId([3; 16]), [9; 16]);
    assert!(matches!(other, Err(TreeError::OtherSpace(_))));
}

/// Written past the page cache: what is seen at the name has exactly its length and bytes.
#[test]
fn a_large_file_lands_whole() {
    let folder = tempfile::tempdir().unwrap();
    let root = root(folder.path());
    let mut content = vec![0; 16 * 1024 * 1024 + 4097];
    blake3::Hasher::new().finalize_xof().fill(&mut content);
    let landed = ready(&root, &content).land(root.folder(), &name("f"), None, &stamp()).unwrap();
    assert_eq!(landed.identity.bytes, content.len() as u64);
    assert!(std::fs::read(folder.path().join("f")).unwrap() == content);
    assert!(is_clean(folder.path()));
}
