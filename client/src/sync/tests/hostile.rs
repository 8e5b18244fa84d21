//! A member who writes what no honest client writes.

use vauban_crypto::chunk::{ChunkSecret, ChunkTag};
use vauban_protocol::id::Digest;
use vauban_protocol::space::Cutting;
use vauban_protocol::wire::{ChunkHead, Request};

use super::world::{World, noise};
use crate::limit::DEPTH_MAX;
use crate::log::{ChunkList, ChunkRef, EntryId, Kind, Op, Version};
use crate::sync::author::{Draft, Sent};
use crate::sync::{ReadFile, find_at, now};
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

/// Whoever lands names as they come writes beside the root, and anywhere else.
#[test]
fn control_of_hostile_name_corpus_never_escapes_root() {
    let machine = tempfile::tempdir().unwrap();
    let root = machine.path().join("synced");
    std::fs::create_dir(&root).unwrap();
    std::fs::write(root.join("../escape"), "x").unwrap();
    assert!(machine.path().join("escape").is_file());
    let elsewhere = std::path::Path::new("/etc/passwd");
    assert_eq!(root.join(elsewhere), elsewhere);
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

/// Whoever takes a tag's word for what a chunk holds commits the lie in its place, and what was honest does not read back.
#[test]
fn control_of_false_tag_costs_one_sealing() {
    let world = World::new(&["poste", "portable"], Cutting::Keyed);
    world.a().sync();
    poison(&world, Poison::OtherContent, None);
    assert!(!reads_back(&world, believed(&world)));
}

/// How a member lies about a chunk. Each says the tag of a content that is not what the rest leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Poison {
    /// Another content, rightly sealed.
    OtherContent,
    /// The same, many times over.
    Crowd,
    /// The very chunk that the honest one uploaded, with another secret.
    OtherSecret,
    /// The honest content, rightly sealed, with another length: sealing again gives the same chunk, and the length is still a lie.
    OtherLength,
}

/// What the poison would shadow.
const HONEST_BYTES: usize = 50_000;
const CROWD: u8 = 10;

/// Commits a file whose chunks lie; `honest` is the chunk that is already there, if it is.
fn poison(world: &World, poison: Poison, honest: Option<&ChunkRef>) -> Vec<ChunkRef> {
    let mut space = world.b().open().unwrap();
    space.settle().unwrap();
    let tag = ChunkTag::of(&noise(1, HONEST_BYTES)).unwrap();
    let plain_bytes = u32::try_from(HONEST_BYTES).unwrap();
    let mut adds = Vec::new();
    let mut sealed = |content: u8| {
        let sealed = space.current().unwrap().keys.content.seal(&noise(content, HONEST_BYTES)).unwrap();
        let head = ChunkHead { id: sealed.id, object_bytes: u32::try_from(sealed.object.len()).unwrap() };
        space.ask(Request::PutChunks { space: world.space, chunks: vec![head] }, vec![sealed.object.into()]).unwrap();
        adds.push(sealed.id);
        ChunkRef { id: sealed.id, secret: sealed.secret, tag, plain_bytes }
    };
    let lies = match (poison, honest) {
        (Poison::OtherContent, _) => vec![sealed(2)],
        (Poison::Crowd, _) => (0..CROWD).map(|n| sealed(10 + n)).collect(),
        (Poison::OtherSecret, Some(honest)) => {
            vec![ChunkRef { secret: ChunkSecret::from_bytes([3; 32]), ..honest.clone() }]
        }
        (Poison::OtherSecret, None) => unreachable!("there is nothing to lie about"),
        (Poison::OtherLength, honest) => {
            let honest = honest.cloned().unwrap_or_else(|| sealed(1));
            vec![ChunkRef { plain_bytes: plain_bytes + 1, ..honest }]
        }
    };
    let mut ops = Vec::new();
    for (n, lie) in lies.iter().enumerate() {
        let bytes = u64::from(lie.plain_bytes);
        let version = Version { bytes, chunks: ChunkList::Inline(vec![lie.clone()]), ..empty() };
        ops.push(create(n, EntryId::ROOT, format!("lie{n}").as_bytes(), Kind::File));
        ops.push(Op::Write { entry: id(n), version });
    }
    adds.sort_unstable();
    let draft = Draft { ops, adds, stored_at: u64::MAX, ..Draft::default() };
    assert_eq!(space.send(&draft).unwrap(), Sent::Committed);
    lies
}

/// The chunk that a device finds for the honest content, as a client would take it that believed what it finds.
fn believed(world: &World) -> ChunkRef {
    let mut space = world.a().open().unwrap();
    space.settle().unwrap();
    let tag = ChunkTag::of(&noise(1, HONEST_BYTES)).unwrap();
    space.cache().tag_reader().unwrap().find(tag).unwrap().expect("something is found")
}

/// What a believer would have committed, read back.
fn reads_back(world: &World, chunk: ChunkRef) -> bool {
    let honest = noise(1, HONEST_BYTES);
    let mut space = world.a().open().unwrap();
    space.settle().unwrap();
    let (content, bytes) = (Digest::of(&honest), honest.len() as u64);
    let version = Version { content, bytes, chunks: ChunkList::Inline(vec![chunk]), ..empty() };
    let Ok(mut file) = ReadFile::of(&space, version) else { return false };
    let mut read = Vec::new();
    loop {
        match file.next_chunk() {
            Ok(Some(piece)) => read.extend_from_slice(piece.as_ref()),
            Ok(None) => return read == honest,
            Err(_) => return false,
        }
    }
}

/// A member plants chunks under the tag of a content, before somebody honest stores it, and after. What is stored honestly reads back,
/// everywhere and for ever; the poison costs its victims a sealing each, and nothing else.
#[test]
fn poisoned_chunk_cannot_shadow_honest_upload() {
    let honest = noise(1, HONEST_BYTES);
    for kind in [Poison::OtherContent, Poison::Crowd, Poison::OtherLength] {
        let world = World::new(&["poste", "portable"], Cutting::Keyed);
        world.a().sync();
        let lies = poison(&world, kind, None);
        honest_content_reads_back(&world, kind, &honest, lies.len());
    }
    for kind in [Poison::OtherContent, Poison::Crowd, Poison::OtherSecret, Poison::OtherLength] {
        let world = World::new(&["poste", "portable"], Cutting::Keyed);
        world.a().write("first", &honest);
        world.a().sync();
        let stored = believed(&world);
        assert!(reads_back(&world, stored.clone()), "an honest tag may be believed");
        let lies = poison(&world, kind, Some(&stored));
        honest_content_reads_back(&world, kind, &honest, lies.len());
        assert_eq!(world.b().read("first"), honest, "{kind:?}: what was there before");
    }
}

/// Whoever believed the tag would store nothing, and lose the content.
#[test]
fn control_of_poisoned_chunk_cannot_shadow_honest_upload() {
    for kind in [Poison::OtherContent, Poison::Crowd, Poison::OtherLength] {
        let world = World::new(&["poste", "portable"], Cutting::Keyed);
        world.a().sync();
        let lies = poison(&world, kind, None);
        let found = believed(&world);
        assert!(lies.iter().any(|lie| lie.id == found.id) && !reads_back(&world, found), "{kind:?}");
    }
}

/// The content is stored again and again, by the device that was lied to and by one that has lost its cache, until no lie is left.
fn honest_content_reads_back(world: &World, kind: Poison, honest: &[u8], lies: usize) {
    let mut sealings = 0;
    let rounds = lies + 2;
    for round in 0..rounds {
        world.a().write(&format!("honest{round}"), honest);
        let sent = world.a().sync().sent_bytes;
        assert!(sent < 2 * HONEST_BYTES as u64, "{kind:?}: {sent} bytes");
        sealings += usize::from(sent >= HONEST_BYTES as u64);
    }
    assert!(sealings <= lies + 1, "{kind:?}: {sealings} sealings for {lies} lies");
    world.b().lose_cache();
    world.b().sync();
    world.b().write("of b", honest);
    world.b().sync();
    world.a().sync();
    for reader in &world.devices {
        for round in 0..rounds {
            assert_eq!(reader.read(&format!("honest{round}")), honest, "{kind:?}: on {}", reader.name);
        }
        assert_eq!(reader.read("of b"), honest, "{kind:?}: on {}", reader.name);
        assert!(!reader.has("lie0") || reader.read("lie0") != honest, "{kind:?}");
    }
}
