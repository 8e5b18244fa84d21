use proptest::prelude::{Just, ProptestConfig, Strategy, prop, prop_oneof, proptest};
use vauban_crypto::chunk::{ChunkSecret, ChunkTag};
use vauban_protocol::chain::Head;
use vauban_protocol::id::{ChunkId, DeviceId, Digest};
use vauban_protocol::time::Timestamp;

use super::*;
use crate::log::{ChunkList, ChunkRef, EntryId, EntryName, Kind, MapTree, Op, Tree, Version, apply};
use crate::tree::{FileType, Identity};

const SPACE: SpaceId = SpaceId([1; 16]);

fn id(n: u8) -> EntryId {
    EntryId([n; 16])
}

fn name(text: &str) -> EntryName {
    EntryName::parse(text.as_bytes()).unwrap()
}

fn chunk(n: u8) -> ChunkRef {
    ChunkRef {
        id: ChunkId([n; 32]),
        secret: ChunkSecret::from_bytes([n; 32]),
        tag: ChunkTag::new([n; 16]),
        plain_bytes: 1,
    }
}

fn version(n: u8) -> Version {
    Version {
        content: Digest([n; 32]),
        bytes: 1,
        mtime_ns: -1,
        executable: n.is_multiple_of(2),
        cutter_epoch: 1,
        chunks: ChunkList::Inline(vec![chunk(n)]),
    }
}

fn any_op() -> impl Strategy<Value = Op> {
    let entry = || (0u8..5).prop_map(id);
    let name = || prop_oneof![Just(b"a".to_vec()), Just(b"b".to_vec())];
    let kind = prop_oneof![Just(Kind::File), Just(Kind::Folder)];
    prop_oneof![
        3 => (entry(), entry(), name(), kind)
            .prop_map(|(entry, parent, name, kind)| Op::Create { entry, parent, name, kind }),
        2 => (entry(), 0u8..4).prop_map(|(entry, n)| Op::Write { entry, version: version(n) }),
        2 => (entry(), entry(), name()).prop_map(|(entry, parent, name)| Op::Move { entry, parent, name }),
        1 => entry().prop_map(|entry| Op::Remove { entry }),
    ]
}

proptest! {
    // Each case makes a database on disk.
    #![proptest_config(ProptestConfig::with_cases(16))]

    /// The database is the same tree as the map, op by op.
    #[test]
    fn the_cache_folds_as_the_map_does(ops in prop::collection::vec(any_op(), 0..40)) {
        let folder = tempfile::tempdir().unwrap();
        let mut cache = Cache::open(&folder.path().join("c"), SPACE).unwrap();
        let mut map = MapTree::default();
        let mut folding = cache.begin().unwrap();
        for op in &ops {
            assert_eq!(apply(&mut folding, op).unwrap(), apply(&mut map, op).unwrap(), "{op:?}");
        }
        folding.commit().unwrap();
        for (entry, place) in map.entries() {
            assert_eq!(cache.place(entry).unwrap().as_ref(), Some(place));
            assert_eq!(cache.version(entry).unwrap().as_ref(), map.version(entry));
            let child = cache.child(place.parent, &place.name).unwrap().unwrap();
            assert_eq!(child.content, map.version(entry).map(|version| version.content));
        }
        let mut count = cache.children(EntryId::ROOT).unwrap().len();
        count += map.entries().filter(|(_, place)| place.parent != EntryId::ROOT).count();
        assert_eq!(count, map.entries().count());
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]

    /// The tree of every moment is the one that stood when that commit had been folded.
    #[test]
    fn every_moment_is_kept(ops in prop::collection::vec(any_op(), 1..30)) {
        let folder = tempfile::tempdir().unwrap();
        let mut cache = Cache::open(&folder.path().join("c"), SPACE).unwrap();
        let mut map = MapTree::default();
        let mut moments = Vec::new();
        let mut folding = cache.begin().unwrap();
        for (op, seq) in ops.iter().zip(1..) {
            // An identifier is never used again by honest clients: what a removed entry held stays its history.
            if matches!(op, Op::Create { .. }) && moments.iter().any(|past: &MapTree| past.has(op.entry())) {
                moments.push(map.clone());
                continue;
            }
            let (head, time) = (Head { seq, digest: Digest([0; 32]) }, Timestamp(seq * 10));
            folding.file_commit(head, DeviceId([1; 16]), time, time).unwrap();
            apply(&mut folding, op).unwrap();
            apply(&mut map, op).unwrap();
            moments.push(map.clone());
        }
        folding.commit().unwrap();
        for (past, seq) in moments.iter().zip(1..) {
            let moment = Moment(seq);
            for (entry, place) in past.entries() {
                assert_eq!(cache.place_at(entry, moment).unwrap().as_ref(), Some(place));
                assert_eq!(cache.version_at(entry, moment).unwrap().as_ref(), past.version(entry));
                assert_eq!(cache.last_at(place.parent, &place.name, moment).unwrap(), Some(entry));
            }
            let folders = (0..5).map(id);
            let there: usize = folders.map(|folder| cache.children_at(folder, moment).unwrap().len()).sum();
            assert_eq!(there, past.entries().count());
            assert!(cache.moment_at(Timestamp(seq * 10 + 9)).unwrap() <= Some(moment));
        }
        assert_eq!(cache.moment_at(Timestamp(9)).unwrap(), None);
    }
}

#[test]
fn a_transaction_that_is_dropped_never_was() {
    let folder = tempfile::tempdir().unwrap();
    let mut cache = Cache::open(&folder.path().join("c"), SPACE).unwrap();
    let create = Op::Create { entry: id(1), parent: EntryId::ROOT, name: b"a".to_vec(), kind: Kind::File };
    let mut folding = cache.begin().unwrap();
    apply(&mut folding, &create).unwrap();
    assert!(folding.place(id(1)).unwrap().is_some());
    drop(folding);
    assert!(cache.place(id(1)).unwrap().is_none());
}

#[test]
fn caches_that_cannot_be_used_are_built_anew() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("c");
    let root = |cache: &Cache| cache.root([9; 32]).unwrap();
    let fill = |cache: &mut Cache| {
        let root = root(cache);
        let row = BaseRow {
            entry: id(1),
            parent: EntryId::ROOT,
            name: name("a"),
            kind: Kind::File,
            content: Some(Digest([1; 32])),
            executable: true,
            identity: Identity { device: u64::MAX, inode: 2, bytes: 3, mtime_ns: -4, ctime_ns: 5 },
            file_type: Some(FileType::Pdf),
        };
        cache.agree(root, std::slice::from_ref(&row), &[]).unwrap();
        assert_eq!(cache.base(root, id(1)).unwrap(), Some(row.clone()));
        assert_eq!(cache.base_by_inode(root, 2).unwrap(), std::slice::from_ref(&row));
        assert_eq!(cache.base_children(root, EntryId::ROOT).unwrap(), [row]);
    };
    fill(&mut Cache::open(&path, SPACE).unwrap());
    let kept = Cache::open(&path, SPACE).unwrap();
    assert!(kept.has_base(root(&kept)).unwrap(), "a sound cache is kept");
    drop(kept);
    let other = Cache::open(&path, SpaceId([2; 16])).unwrap();
    assert!(!other.has_base(root(&other)).unwrap(), "another space's is not");
    drop(other);
    fill(&mut Cache::open(&path, SPACE).unwrap());
    std::fs::write(&path, b"not a database at all, but as long as one may be").unwrap();
    let rebuilt = Cache::open(&path, SPACE).unwrap();
    assert!(!rebuilt.has_base(root(&rebuilt)).unwrap());
}

#[test]
fn the_first_description_of_a_chunk_stands() {
    let folder = tempfile::tempdir().unwrap();
    let mut cache = Cache::open(&folder.path().join("c"), SPACE).unwrap();
    let reader = cache.tag_reader().unwrap();
    let write = |cache: &mut Cache, entry: u8, name: &str, chunk: ChunkRef, is_added: bool| {
        let mut folding = cache.begin().unwrap();
        if is_added {
            folding.add_chunk(chunk.id).unwrap();
        }
        let create = Op::Create { entry: id(entry), parent: EntryId::ROOT, name: name.into(), kind: Kind::File };
        let version = Version { chunks: ChunkList::Inline(vec![chunk]), ..version(1) };
        apply(&mut folding, &create).unwrap();
        apply(&mut folding, &Op::Write { entry: id(entry), version }).unwrap();
        folding.commit().unwrap();
    };
    write(&mut cache, 1, "a", chunk(1), true);
    assert_eq!(reader.find(chunk(1).tag).unwrap(), Some(chunk(1)));
    write(&mut cache, 2, "b", ChunkRef { tag: chunk(2).tag, ..chunk(1) }, false);
    assert_eq!(reader.find(chunk(2).tag).unwrap(), None, "a later op can't bend it");
    write(&mut cache, 3, "c", chunk(3), false);
    assert_eq!(reader.find(chunk(3).tag).unwrap(), None, "a chunk that no commit added is no chunk of the space");
    cache.forget_tag(chunk(1).id, chunk(1).tag).unwrap();
    assert_eq!(reader.find(chunk(1).tag).unwrap(), None);
    assert!(cache.begin().unwrap().is_live(chunk(1).id).unwrap());
}

fn row(n: u8) -> BaseRow {
    BaseRow {
        entry: id(n),
        parent: EntryId::ROOT,
        name: name("a"),
        kind: Kind::File,
        content: Some(Digest([n; 32])),
        executable: false,
        identity: Identity::default(),
        file_type: None,
    }
}

/// A power cut may bring an older promise back than that of the commit which the log then has, under the same counter.
#[test]
fn a_promise_holds_for_its_own_commit_alone() {
    let head = |n| Head { seq: 3, digest: Digest([n; 32]) };
    for (promised, is_kept) in [(1, true), (2, false)] {
        let folder = tempfile::tempdir().unwrap();
        let mut cache = Cache::open(&folder.path().join("c"), SPACE).unwrap();
        let root = cache.root([9; 32]).unwrap();
        cache.agree(root, &[row(7)], &[]).unwrap();
        cache.promise(root, head(promised), &[row(8)], &[id(7)]).unwrap();
        let mut folding = cache.begin().unwrap();
        folding.file_commit(head(1), DeviceId([1; 16]), Timestamp(1), Timestamp(1)).unwrap();
        folding.commit().unwrap();
        for _ in 0..2 {
            cache.keep_promise().unwrap();
            assert_eq!(cache.base(root, id(8)).unwrap(), is_kept.then(|| row(8)));
            assert_eq!(cache.base(root, id(7)).unwrap(), (!is_kept).then(|| row(7)));
        }
    }
}

#[test]
fn a_promise_waits_for_a_process_that_folds() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("c");
    let mut cache = Cache::open(&path, SPACE).unwrap();
    let root = cache.root([9; 32]).unwrap();
    cache.promise(root, Head { seq: 3, digest: Digest([1; 32]) }, &[row(8)], &[]).unwrap();
    let mut other = Cache::open(&path, SPACE).unwrap();
    let folding = other.begin().unwrap();
    let keeping = std::thread::spawn(move || cache.keep_promise());
    std::thread::sleep(std::time::Duration::from_millis(50));
    drop(folding);
    keeping.join().unwrap().unwrap();
}

#[test]
fn entries_are_counted_as_they_come_and_go() {
    let folder = tempfile::tempdir().unwrap();
    let mut cache = Cache::open(&folder.path().join("c"), SPACE).unwrap();
    let roots = [cache.root([9; 32]).unwrap(), cache.root([8; 32]).unwrap()];
    let counts = |cache: &Cache| roots.map(|root| cache.base_count(root).unwrap());
    assert_eq!(counts(&cache), [0, 0]);
    cache.agree(roots[0], &[row(1), row(2), row(1)], &[]).unwrap();
    cache.agree(roots[1], &[row(1)], &[id(5)]).unwrap();
    assert_eq!(counts(&cache), [2, 1], "what is agreed on again is the same entry");
    cache.agree(roots[0], &[row(2), row(3)], &[id(1)]).unwrap();
    assert_eq!(counts(&cache), [2, 1]);
    cache.agree(roots[0], &[], &[id(2), id(3), id(3)]).unwrap();
    assert_eq!(counts(&cache), [0, 1]);
}

#[test]
fn the_toll_is_that_of_the_last_hour() {
    let folder = tempfile::tempdir().unwrap();
    let cache = Cache::open(&folder.path().join("c"), SPACE).unwrap();
    let root = cache.root([9; 32]).unwrap();
    let hour = |now| cache.toll(root, Direction::ToLog, Timestamp(now)).unwrap();
    cache.add_toll(root, Direction::ToLog, Timestamp(1_000), Toll { removed: 3, damaged: 1, tree: 100 }).unwrap();
    cache.add_toll(root, Direction::ToLog, Timestamp(2_000), Toll { removed: 2, damaged: 0, tree: 97 }).unwrap();
    cache.add_toll(root, Direction::ToDisk, Timestamp(2_000), Toll { removed: 9, damaged: 0, tree: 7 }).unwrap();
    assert_eq!(hour(2_000), Some(Toll { removed: 5, damaged: 1, tree: 100 }), "the tree is that of its start");
    assert_eq!(hour(5_000), Some(Toll { removed: 2, damaged: 0, tree: 97 }));
    assert_eq!(hour(6_000), None);
    cache.clear_toll(root).unwrap();
    assert_eq!(hour(2_000), None);
}

/// A stolen device, or one whose clock is wrong, dates its commit back; or ahead.
#[test]
fn a_commit_dated_back_is_not_before_what_came_first() {
    for (seen_at_once, said, after_it) in [(false, 50, 3), (true, 50, 2), (false, 1_000_000, 3)] {
        let folder = tempfile::tempdir().unwrap();
        let mut cache = Cache::open(&folder.path().join("cache"), SpaceId([1; 16])).unwrap();
        for (seq, made_at, seen) in [(1u64, 100u64, 100u64), (2, 200, 200), (3, said, 300), (4, 400, 400)] {
            let mut folding = cache.begin().unwrap();
            folding.observe(Timestamp(if seen_at_once { 1000 } else { seen }));
            let head = Head { seq, digest: Digest([0; 32]) };
            let at = made_at.min(if seen_at_once { 1000 } else { seen });
            folding.file_commit(head, DeviceId([1; 16]), Timestamp(made_at), Timestamp(at)).unwrap();
            folding.commit().unwrap();
        }
        let at = |time| cache.moment_at(Timestamp(time)).unwrap().map(|moment| moment.0);
        assert_eq!((at(99), at(100), at(250)), (None, Some(1), Some(2)), "said {said}");
        assert_eq!((at(350), at(400)), (Some(after_it), Some(4)), "said {said}");
    }
}
