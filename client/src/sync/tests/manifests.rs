//! Lists of chunks that nobody wrote so: reordered, dropped, doubled, cut short, spliced; and lists without end.

use proptest::prelude::{Strategy, prop, prop_oneof, proptest};
use proptest::test_runner::Config;
use vauban_protocol::id::Digest;
use vauban_protocol::limit::COMMIT_OPS_BYTES_MAX;
use vauban_protocol::space::Cutting;

use super::node::ModelNode;
use super::world::{World, noise};
use crate::content::{ChunkStream, FetchError, chunks_of, every_id};
use crate::limit::{CHUNKS_INLINE_MAX, FILE_CHUNKS_MAX, PAGE_CHUNKS_MAX};
use crate::log::{
    ChunkList, ChunkRef, EntryId, Kind, OPS_PLAIN_BYTES_MAX, Op, Version, decode_ops, decode_page, decode_rows,
    encode_ops, encode_page,
};
use crate::shared_link::{Head, Label, LinkAddress, Manifest};
use crate::sync::author::{Draft, Sent};
use crate::sync::{OpenSpace, ReadFile, SyncError};

/// Bytes of a chunk here: as few as a chunk within a file has.
const CHUNK_BYTES: usize = 256 * 1024;
/// Chunks of each of the two files; four on each page, if they are paged.
const CHUNKS: usize = 8;
const PAGED: usize = 2;

/// Two files of a space, on a node that does what it is told.
struct Files {
    world: World,
    space: OpenSpace<ModelNode>,
    plain: Vec<u8>,
    chunks: Vec<ChunkRef>,
    others: Vec<ChunkRef>,
}

// A bound that bounds something: pages of pages could list so many times as much.
const _: () = assert!(CHUNKS_INLINE_MAX * PAGE_CHUNKS_MAX * PAGE_CHUNKS_MAX / FILE_CHUNKS_MAX >= 256);

/// What is done to a list.
#[derive(Debug, Clone)]
enum Tamper {
    Swap(usize, usize),
    Reverse,
    Rotate(usize),
    Drop(usize),
    Double(usize),
    Truncate(usize),
    Splice(usize, usize),
    Replace(usize, usize),
}

fn tampers() -> impl Strategy<Value = Vec<Tamper>> {
    let at = || 0..CHUNKS;
    let tamper = prop_oneof![
        (at(), at()).prop_map(|(one, other)| Tamper::Swap(one, other)),
        (0..1_usize).prop_map(|_| Tamper::Reverse),
        at().prop_map(Tamper::Rotate),
        at().prop_map(Tamper::Drop),
        at().prop_map(Tamper::Double),
        at().prop_map(Tamper::Truncate),
        (at(), at()).prop_map(|(at, from)| Tamper::Splice(at, from)),
        (at(), at()).prop_map(|(at, from)| Tamper::Replace(at, from)),
    ];
    prop::collection::vec(tamper, 1..4)
}

impl Tamper {
    fn apply<T: Clone>(&self, list: &mut Vec<T>, others: &[T]) {
        let length = list.len();
        let other = |from: usize| others[from % others.len()].clone();
        match *self {
            _ if length == 0 => {}
            Self::Swap(one, other) => list.swap(one % length, other % length),
            Self::Reverse => list.reverse(),
            Self::Rotate(by) => list.rotate_left(by % length),
            Self::Drop(at) => drop(list.remove(at % length)),
            Self::Double(at) => list.insert(at % length, list[at % length].clone()),
            Self::Truncate(to) => list.truncate(to % length),
            Self::Splice(at, from) => list.insert(at % length, other(from)),
            Self::Replace(at, from) => list[at % length] = other(from),
        }
    }
}

impl Files {
    fn new() -> Self {
        let world = World::new(&["poste"], Cutting::Keyed);
        let mut space = world.a().open().unwrap();
        space.settle().unwrap();
        let plain = noise(1, CHUNKS * CHUNK_BYTES);
        let mut files = Self { world, space, plain: Vec::new(), chunks: Vec::new(), others: Vec::new() };
        files.chunks = plain.chunks(CHUNK_BYTES).map(|piece| files.store(piece)).collect();
        files.others = noise(2, CHUNKS * CHUNK_BYTES).chunks(CHUNK_BYTES).map(|piece| files.store(piece)).collect();
        files.plain = plain;
        files
    }

    /// Seals a piece of content, and has the node hold it.
    fn store(&self, piece: &[u8]) -> ChunkRef {
        let sealed = self.space.current().unwrap().keys.content.seal(piece).unwrap();
        let key = (self.world.space, sealed.id);
        self.world.node.with(|state| state.chunks.insert(key, sealed.object.into()));
        let plain_bytes = u32::try_from(piece.len()).unwrap();
        ChunkRef { id: sealed.id, secret: sealed.secret, tag: sealed.tag, plain_bytes }
    }

    /// The version that its author recorded, but for the list.
    fn version(&self, chunks: ChunkList) -> Version {
        Version {
            content: Digest::of(&self.plain),
            bytes: self.plain.len() as u64,
            mtime_ns: 0,
            executable: false,
            cutter_epoch: 1,
            chunks,
        }
    }

    /// Pages of these chunks, stored.
    fn pages(&self, chunks: &[ChunkRef]) -> Vec<ChunkRef> {
        chunks.chunks(CHUNKS / PAGED).map(|span| self.store(&encode_page(span))).collect()
    }

    /// What the client's reader makes of a list.
    fn read(&self, list: ChunkList) -> Result<Vec<u8>, SyncError> {
        let mut file = ReadFile::of(&self.space, self.version(list))?;
        let mut read = Vec::new();
        while let Some(piece) = file.next_chunk()? {
            read.extend_from_slice(piece.as_ref());
        }
        Ok(read)
    }

    /// The same reader without its check of the whole: each chunk is what the list says, and that is all.
    fn read_piecemeal(&self, chunks: &[ChunkRef]) -> Vec<u8> {
        let (nodes, runtime) = (self.world.node.clone(), self.space.runtime.clone());
        let mut stream = ChunkStream::start(nodes, &runtime, self.world.space, Vec::from(chunks).into_iter());
        let mut read = Vec::new();
        while let Some(piece) = stream.next_chunk().unwrap() {
            read.extend_from_slice(piece.unwrap().as_ref());
        }
        read
    }

    /// Reads a list that was tampered with: it gives the recorded content or an error, and never anything else.
    fn judge(&self, what: &[Tamper], list: ChunkList, leaves: &[ChunkRef]) {
        let is_whole = leaves == self.chunks;
        match self.read(list) {
            Ok(read) => assert!(is_whole && read == self.plain, "{what:?} was read"),
            Err(SyncError::Fetch(FetchError::Length | FetchError::Content)) if !is_whole => {}
            Err(error) => panic!("{what:?}: {error:?}"),
        }
        // The control: every chunk of the list is genuine. Without the check of the whole, something else is read.
        assert_eq!(self.read_piecemeal(leaves) == self.plain, is_whole, "{what:?}");
    }
}

#[test]
fn manifest_permutation_proptest() {
    let files = Files::new();
    let (pages, other_pages) = (files.pages(&files.chunks), files.pages(&files.others));
    let outer = vec![files.store(&encode_page(&pages))];
    let paged = |levels: u8, pages: &[ChunkRef]| ChunkList::Paged { levels, pages: pages.to_vec() };
    for (list, leaves) in [
        (ChunkList::Inline(files.chunks.clone()), &files.chunks),
        (paged(1, &pages), &files.chunks),
        (paged(2, &outer), &files.chunks),
    ] {
        files.judge(&[], list, leaves);
    }
    proptest!(Config { cases: 48, failure_persistence: None, ..Config::default() }, |(changes in tampers())| {
        let tampers = changes;
        let mut list = files.chunks.clone();
        tampers.iter().for_each(|tamper| tamper.apply(&mut list, &files.others));
        files.judge(&tampers, ChunkList::Inline(list.clone()), &list);

        // The same on pages, on what they list, and on the page that lists them.
        let mut swapped: Vec<usize> = (0..PAGED).collect();
        let others: Vec<usize> = (PAGED..2 * PAGED).collect();
        tampers.iter().for_each(|tamper| tamper.apply(&mut swapped, &others));
        if !swapped.is_empty() {
            let all: Vec<_> = pages.iter().chain(&other_pages).cloned().collect();
            let spans: Vec<_> = files.chunks.chunks(CHUNKS / PAGED).chain(files.others.chunks(CHUNKS / PAGED)).collect();
            let page = |at: &usize| all[*at].clone();
            let named: Vec<ChunkRef> = swapped.iter().map(page).collect();
            let leaves: Vec<ChunkRef> = swapped.iter().flat_map(|at| spans[*at].to_vec()).collect();
            files.judge(&tampers, paged(1, &named), &leaves);
            files.judge(&tampers, paged(2, &[files.store(&encode_page(&named))]), &leaves);
        }
        if !list.is_empty() {
            files.judge(&tampers, paged(1, &files.pages(&list)), &list);
        }
    });
    nothing_is_read_on_another_level(&files, &pages, &outer);
    fields_of_a_list_belong_together(&files);
    a_node_answers_for_what_it_was_asked(&files);
}

/// Without the check of the whole, each way to tamper with a list of genuine chunks is read as another content.
#[test]
fn control_of_manifest_permutation_proptest() {
    let files = Files::new();
    for tamper in [
        Tamper::Swap(0, 1),
        Tamper::Reverse,
        Tamper::Rotate(1),
        Tamper::Drop(0),
        Tamper::Double(0),
        Tamper::Truncate(1),
        Tamper::Splice(0, 0),
        Tamper::Replace(0, 0),
    ] {
        let mut list = files.chunks.clone();
        tamper.apply(&mut list, &files.others);
        let read = files.read_piecemeal(&list);
        assert!(!read.is_empty() && read != files.plain, "{tamper:?}");
    }
    assert_eq!(files.read_piecemeal(&files.chunks), files.plain, "as it was written");
}

/// Pages taken for content, content for pages, and either for a level more or less.
fn nothing_is_read_on_another_level(files: &Files, pages: &[ChunkRef], outer: &[ChunkRef]) {
    for (levels, list) in [(1, &files.chunks[..]), (2, pages), (2, &files.chunks), (1, outer)] {
        let read = files.read(ChunkList::Paged { levels, pages: list.to_vec() });
        let error = read.expect_err("another level");
        let expected = matches!(error, SyncError::Fetch(FetchError::Page(_) | FetchError::Length));
        assert!(expected, "{levels} levels: {error:?}");
    }
    for list in [pages, outer] {
        assert!(matches!(files.read(ChunkList::Inline(list.to_vec())), Err(SyncError::Fetch(FetchError::Length))));
    }
}

/// An address with another chunk's secret or length.
fn fields_of_a_list_belong_together(files: &Files) {
    let exchanges: [fn(&mut ChunkRef, &mut ChunkRef); 2] = [
        |one, other| std::mem::swap(&mut one.id, &mut other.id),
        |one, other| {
            std::mem::swap(&mut one.secret, &mut other.secret);
        },
    ];
    for exchange in exchanges {
        let mut list = files.chunks.clone();
        let (first, rest) = list.split_at_mut(1);
        exchange(&mut first[0], &mut rest[0]);
        assert!(matches!(files.read(ChunkList::Inline(list)), Err(SyncError::Fetch(FetchError::Chunk(_)))));
    }
    // Lengths that add up, and are not those of the chunks.
    let mut list = files.chunks.clone();
    list[0].plain_bytes += 1;
    list[1].plain_bytes -= 1;
    assert!(matches!(files.read(ChunkList::Inline(list)), Err(SyncError::Fetch(FetchError::Chunk(_)))));
}

/// The list is as it was written, and the node sends its chunks in another order, twice, not at all, or those of another file.
fn a_node_answers_for_what_it_was_asked(files: &Files) {
    let list = || ChunkList::Inline(files.chunks.clone());
    let lie = |lie: super::node::Lie| files.world.node.with(|state| state.lie = Some(lie));
    lie(Box::new(|_| {}));
    assert_eq!(files.read(list()).unwrap(), files.plain, "the control");
    let key = (files.world.space, files.others[0].id);
    let foreign = files.world.node.with(|state| state.chunks[&key].clone());
    let lies: [super::node::Lie; 7] = [
        Box::new(|found| found.reverse()),
        Box::new(|found| found.rotate_left(1)),
        Box::new(|found| {
            let first = found[0].clone();
            found.fill(first);
        }),
        Box::new(|found| drop(found.remove(0))),
        Box::new(|found| found.push(found[0].clone())),
        Box::new(|found| found.truncate(1)),
        Box::new(move |found| found[0] = Ok(foreign.clone())),
    ];
    for (number, told) in lies.into_iter().enumerate() {
        lie(told);
        assert!(files.read(list()).is_err(), "lie {number}");
    }
    files.world.node.with(|state| state.lie = None);
    assert_eq!(files.read(list()).unwrap(), files.plain);
}

/// A page named a thousand times, that names a page a thousand times, that names a chunk a thousand times: three objects that list
/// a thousand million chunks. And what claims to be long, deep, or both.
#[test]
fn manifest_limits_fuzz() {
    let files = Files::new();
    lists_without_end_are_left_early(&files);
    announced_lengths_are_not_believed();
    trees_without_end_are_folded();
    parsers_take_anything();
}

fn lists_without_end_are_left_early(files: &Files) {
    let leaf = files.store(&encode_page(&vec![files.chunks[0].clone(); PAGE_CHUNKS_MAX]));
    let middle = files.store(&encode_page(&vec![leaf.clone(); PAGE_CHUNKS_MAX]));
    // The control: a page that lists as much as the content has is read.
    let whole = vec![files.store(&encode_page(&files.chunks))];
    let runtime = &files.space.runtime;
    let (nodes, space) = (&files.world.node, files.world.space);
    let whole = files.version(ChunkList::Paged { levels: 1, pages: whole });
    assert_eq!(runtime.block_on(chunks_of(nodes, space, &whole)).unwrap(), files.chunks);
    // Claimed lengths: the content's own; that of all that is listed, which no memory holds; and what lets a level pass, no more.
    let listed = (CHUNK_BYTES * PAGE_CHUNKS_MAX * PAGE_CHUNKS_MAX) as u64 * CHUNKS_INLINE_MAX as u64;
    let a_level = (CHUNK_BYTES * PAGE_CHUNKS_MAX * CHUNKS_INLINE_MAX) as u64;
    let bombs = [
        (2, &middle, files.plain.len() as u64, 64),
        (1, &leaf, files.plain.len() as u64, 64),
        (2, &middle, a_level, 256),
        (2, &middle, listed, 512),
    ];
    for (levels, page, bytes, requests_max) in bombs {
        let pages = vec![page.clone(); CHUNKS_INLINE_MAX];
        let version = Version { bytes, ..files.version(ChunkList::Paged { levels, pages }) };
        assert!(version.is_bounded(), "it passes the fold: what it lists is not known there");
        for read in [
            |files: &Files, version: &Version| {
                let found = chunks_of(&files.world.node, files.world.space, version);
                files.space.runtime.block_on(found).map(drop)
            },
            |files: &Files, version: &Version| {
                let found = every_id(&files.world.node, files.world.space, version);
                files.space.runtime.block_on(found).map(drop)
            },
        ] {
            let before = nodes.with(|state| state.requests);
            let read = read(files, &version);
            assert!(matches!(read, Err(FetchError::Length)), "{levels} levels, {bytes} bytes: {read:?}");
            let requests = nodes.with(|state| state.requests) - before;
            assert!(requests <= requests_max, "{levels} levels, {bytes} bytes: {requests} requests");
        }
    }
}

/// A few bytes that announce a list of four thousand million are refused for what they are.
fn announced_lengths_are_not_believed() {
    let endless = [0xff, 0xff, 0xff, 0xff, 0x0f];
    let announce = |before: &[u8]| [before, &endless].concat();
    assert!(decode_ops(&announce(&[1, 0])).is_err());
    assert!(decode_page(&announce(&[1])).is_err());
    assert!(decode_rows(&announce(&[1])).is_err());
    assert!(Head::parse(&announce(&[1])).is_err());
    assert!(Manifest::parse(&announce(&[1, 1, b'a'])).is_err());
    assert!(Label::parse(&announce(&[1])).is_err());
    assert!(decode_ops(&vec![1; OPS_PLAIN_BYTES_MAX + 1]).is_err());
}

/// As deep a tree as one commit holds, then moves of its top to its bottom, and of its bottom to its top.
fn trees_without_end_are_folded() {
    let world = World::new(&["poste", "portable"], Cutting::Keyed);
    let entry = |n: usize| {
        let mut id = [9; 16];
        id[..8].copy_from_slice(&n.to_le_bytes());
        EntryId(id)
    };
    let name = b"d".to_vec();
    let create = |n: usize| {
        let parent = if n == 0 { EntryId::ROOT } else { entry(n - 1) };
        Op::Create { entry: entry(n), parent, name: name.clone(), kind: Kind::Folder }
    };
    let one = create(0).encoded_bytes();
    let depth = (COMMIT_OPS_BYTES_MAX - 1024) / one;
    let mut space = world.b().open().unwrap();
    space.settle().unwrap();
    let deep: Vec<Op> = (0..depth).map(create).collect();
    assert_eq!(space.send(&Draft { ops: deep, ..Draft::default() }).unwrap(), Sent::Committed);
    let moves = vec![
        Op::Move { entry: entry(0), parent: entry(depth - 1), name: name.clone() },
        Op::Move { entry: entry(depth - 1), parent: EntryId::ROOT, name: b"bottom".to_vec() },
        Op::Remove { entry: entry(0) },
    ];
    assert_eq!(space.send(&Draft { ops: moves, ..Draft::default() }).unwrap(), Sent::Committed);
    drop(space);
    world.a().write("honest", "x");
    let summary = world.a().sync();
    assert!(summary.agreed && summary.void_ops == 2, "{summary:?}");
    assert!(world.a().has("bottom") && world.a().has("honest"));
    let deepest = world.a().tree().keys().map(|path| path.matches('/').count()).max();
    assert!(deepest <= Some(crate::limit::DEPTH_MAX), "{deepest:?}");
}

/// Any bytes, and any bytes behind a plausible beginning: none panics, and what is accepted encodes to itself.
fn parsers_take_anything() {
    let time = std::time::Duration::from_secs(2);
    bolero::check!().with_test_time(time).with_type::<(u8, Vec<u8>)>().for_each(|(format, rest)| {
        for bytes in [rest.clone(), [&[*format % 4][..], rest].concat()] {
            if let Ok(changes) = decode_ops(&bytes) {
                assert_eq!(encode_ops(changes.made_at, &changes.ops), bytes);
            }
            if let Ok(page) = decode_page(&bytes) {
                assert_eq!(encode_page(&page), bytes);
            }
            if let Ok(manifest) = Manifest::parse(&bytes) {
                assert_eq!(manifest.to_bytes(), bytes);
            }
            if let Ok(head) = Head::parse(&bytes) {
                assert_eq!(head.to_bytes(), bytes);
            }
            if let Ok(label) = Label::parse(&bytes) {
                assert_eq!(label.to_bytes(), bytes);
            }
            drop(decode_rows(&bytes));
            drop(LinkAddress::parse(&String::from_utf8_lossy(&bytes)));
        }
    });
}
