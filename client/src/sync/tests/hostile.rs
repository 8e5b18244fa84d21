//! A member who writes what no honest client writes.

use vauban_crypto::chunk::ChunkTag;
use vauban_protocol::id::Digest;
use vauban_protocol::space::Cutting;
use vauban_protocol::wire::{ChunkHead, Request};

use super::world::{World, noise};
use crate::limit::DEPTH_MAX;
use crate::log::{ChunkList, ChunkRef, EntryId, Kind, Op, Version};
use crate::sync::author::{Draft, Sent};
use crate::sync::{find_at, now};
use crate::tree::TreePath;

fn id(n: usize) -> EntryId {
    let mut id = [9; 16];
    id[..8].copy_from_slice(&n.to_le_bytes());
    EntryId(id)
}

fn create(n: usize, parent: EntryId, name: &[u8], kind: Kind) -> Op {
    Op::Create { entry: id(n), parent, name: name.to_vec(), kind }
}

fn empty() -> Version {
    Version {
        content: Digest::of(b""),
        bytes: 0,
        mtime_ns: 0,
        executable: false,
        cutter_epoch: 1,
        chunks: ChunkList::Inline(Vec::new()),
    }
}

fn inject(world: &World, ops: Vec<Op>) {
    let mut space = world.b().open().unwrap();
    space.settle().unwrap();
    let draft = Draft { ops, ..Draft::default() };
    assert_eq!(space.send(&draft).unwrap(), Sent::Committed);
    space.write_record().unwrap();
}

/// Names that would escape, hide or overwrite; links that would lead out; folders without end.
#[test]
fn hostile_name_corpus_never_escapes_root() {
    let world = World::new(&["poste", "portable"], Cutting::Keyed);
    world.a().write("honest", "x");
    world.a().sync();
    let corpus: [&[u8]; 12] = [
        b"..",
        b".",
        b"",
        b"/etc/passwd",
        b"../escape",
        b"a/b",
        b"a\0b",
        b"\xff\xfe",
        b"..\\..\\x",
        b".vauban",
        b".VAUBAN",
        &[b'a'; 300],
    ];
    let mut ops = Vec::new();
    for (n, name) in corpus.iter().enumerate() {
        ops.push(create(n, EntryId::ROOT, name, Kind::File));
        ops.push(Op::Write { entry: id(n), version: empty() });
    }
    let mut parent = EntryId::ROOT;
    for n in 0..DEPTH_MAX + 5 {
        ops.push(create(1000 + n, parent, b"d", Kind::Folder));
        parent = id(1000 + n);
    }
    inject(&world, ops);
    // Two links with real content, written as a client would write them.
    for (n, target) in ["../../outside", "/etc"].iter().enumerate() {
        world.b().write(&format!("target{n}"), target);
    }
    world.b().sync();
    let mut space = world.b().open().unwrap();
    space.settle().unwrap();
    let mut ops = Vec::new();
    for n in 0..2 {
        let path = TreePath::parse(&format!("target{n}")).unwrap();
        let entry = find_at(&space, &path, now(&space).unwrap()).unwrap().unwrap().entry;
        let version = space.cache().version(entry).unwrap().unwrap();
        ops.push(create(2000 + n, EntryId::ROOT, format!("link{n}").as_bytes(), Kind::Symlink));
        ops.push(Op::Write { entry: id(2000 + n), version });
    }
    assert_eq!(space.send(&Draft { ops, ..Draft::default() }).unwrap(), Sent::Committed);

    let outside = world.a().path("..").canonicalize().unwrap();
    let around = || std::fs::read_dir(&outside).unwrap().filter_map(Result::ok).count();
    let before = around();
    let summary = world.a().sync();
    assert!(summary.agreed && !summary.issues.is_empty(), "{summary:?}");
    assert!(summary.void_ops > 0);
    assert!(around().abs_diff(before) <= 4, "tests beside this one make folders, too");
    let tree = world.a().tree();
    assert!(tree.contains_key("honest") && tree.contains_key("target0"));
    assert!(!tree.keys().any(|name| name.contains("link") || name.contains("..")), "{tree:?}");
    assert!(tree.keys().all(|name| name.matches('/').count() <= DEPTH_MAX));
    assert!(!world.a().path(".vauban").join("tmp").read_dir().unwrap().any(|_| true));
    assert!(world.a().path(".vauban/root").is_file());
}

/// A tag that names another content: the honest upload is sealed anew, once, and reads back.
#[test]
fn false_tag_costs_one_sealing() {
    let world = World::new(&["poste", "portable"], Cutting::Keyed);
    let honest = noise(1, 50_000);
    let mut space = world.b().open().unwrap();
    space.settle().unwrap();
    let sealed = space.current().unwrap().keys.content.seal(b"another content").unwrap();
    let head = ChunkHead { id: sealed.id, object_bytes: u32::try_from(sealed.object.len()).unwrap() };
    let put = Request::PutChunks { space: world.space, chunks: vec![head] };
    space.ask(put, vec![sealed.object.into()]).unwrap();
    let lie = ChunkRef {
        id: sealed.id,
        secret: sealed.secret,
        tag: ChunkTag::of(&honest).unwrap(),
        plain_bytes: u32::try_from(honest.len()).unwrap(),
    };
    let version = Version { bytes: 50_000, chunks: ChunkList::Inline(vec![lie]), ..empty() };
    let draft = Draft {
        ops: vec![create(1, EntryId::ROOT, b"lie", Kind::File), Op::Write { entry: id(1), version }],
        adds: vec![sealed.id],
        stored_at: u64::MAX,
        ..Draft::default()
    };
    assert_eq!(space.send(&draft).unwrap(), Sent::Committed);

    world.a().write("honest", &honest);
    let summary = world.a().sync();
    assert!(summary.sent_bytes >= 50_000 && summary.sent_bytes < 70_000, "{}", summary.sent_bytes);
    assert_eq!(summary.issues.len(), 1, "the lie itself can't be read: {summary:?}");
    world.a().write("again", &honest);
    assert_eq!(world.a().sync().sent_bytes, 0, "the lie is forgotten, the honest chunk is found");
    world.b().sync();
    assert_eq!(world.b().read("honest"), honest);
}
