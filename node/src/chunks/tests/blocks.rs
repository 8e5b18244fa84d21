//! Groups fill whole blocks, whichever way they go to the disk; a torn one harms nothing before it.

use std::fs::OpenOptions;
use std::os::unix::fs::FileExt as _;
use std::path::Path;

use super::damage::{append, record};
use super::{SPACE, assert_held, first_segment, object, objects, open, put};
use crate::chunks::block::BLOCK_BYTES;
use crate::chunks::record::RecordHeader;
use crate::chunks::{ChunkStore, DiskAccess, StoreOptions, VerifiedChunk};

const BLOCK: u64 = BLOCK_BYTES as u64;

fn open_with(root: &Path, disk_access: DiskAccess) -> ChunkStore {
    ChunkStore::open(root, StoreOptions { disk_access, ..StoreOptions::default() }).unwrap()
}

fn segment(root: &Path) -> Vec<u8> {
    std::fs::read(first_segment(root)).unwrap()
}

/// Chunks small and large, so that reads go both ways as well.
fn mixed(numbers: std::ops::Range<u64>) -> Vec<VerifiedChunk> {
    numbers.map(|number| object(number, 1 + (number as usize * 77_777) % 600_000)).collect()
}

#[tokio::test]
async fn both_ways_write_the_same_bytes_and_read_each_other() {
    let (direct, cached) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let chunks = mixed(0..30);
    for (turn, some) in chunks.chunks(6).enumerate() {
        let accesses = [DiskAccess::Direct, DiskAccess::Cached];
        put(&open_with(direct.path(), accesses[0]), some, 1).await.unwrap();
        put(&open_with(cached.path(), accesses[1]), some, 1).await.unwrap();
        // And by turns in one store.
        put(&open_with(direct.path(), accesses[turn % 2]), &mixed(100 + turn as u64..101 + turn as u64), 1)
            .await
            .unwrap();
        put(&open_with(cached.path(), accesses[turn % 2]), &mixed(100 + turn as u64..101 + turn as u64), 1)
            .await
            .unwrap();
    }
    assert!(segment(direct.path()) == segment(cached.path()));
    for access in [DiskAccess::Direct, DiskAccess::Cached] {
        assert_held(&open_with(direct.path(), access), &chunks).await;
    }
}

#[tokio::test]
async fn a_group_begins_a_block_and_touches_none_before_it() {
    let root = tempfile::tempdir().unwrap();
    let store = open(root.path());
    let mut before = Vec::new();
    for number in 0..20 {
        let chunk = object(number, 1 + number as usize * 611);
        put(&store, std::slice::from_ref(&chunk), 1).await.unwrap();
        let bytes = segment(root.path());
        assert!(bytes.len().is_multiple_of(BLOCK_BYTES));
        assert_eq!(bytes[..before.len()], before);
        let group = &bytes[before.len()..];
        let whole = record(&chunk, 1);
        assert_eq!(group[..whole.len()], whole);
        assert!(group.len() - whole.len() < BLOCK_BYTES && group[whole.len()..].iter().all(|byte| *byte == 0));
        assert_eq!(store.stats().unwrap().segment_bytes, bytes.len() as u64);
        before = bytes;
    }
}

/// A closed store with some acknowledged chunks.
async fn closed(root: &Path) -> Vec<VerifiedChunk> {
    let chunks = objects(0..5);
    put(&open(root), &chunks, 1).await.unwrap();
    chunks
}

/// Two groups as the writer leaves them if their rows never reach the disk, cut at any byte: what is whole is adopted, the
/// rest is cut off, and the store goes on from a block.
#[tokio::test]
async fn groups_torn_at_any_place_are_adopted_as_far_as_they_are_whole() {
    let extra = [object(50, 700), object(51, 3000), object(52, 5000)];
    let mut groups = [record(&extra[0], 1), record(&extra[1], 1)].concat();
    let first_end = groups.len();
    groups.resize(groups.len().next_multiple_of(BLOCK_BYTES), 0);
    let second_start = groups.len();
    groups.extend(record(&extra[2], 1));
    let second_end = groups.len();
    groups.resize(groups.len().next_multiple_of(BLOCK_BYTES), 0);
    let one = RecordHeader::BYTES + 700;
    let places = [
        (1, 0),
        (one - 1, 0),
        (one, 1),
        (first_end - 1, 1),
        (first_end, 2),
        (first_end + 1, 2),
        (second_start, 2),
        (second_start + RecordHeader::BYTES, 2),
        (second_end - 1, 2),
        (second_end, 3),
        (second_end + 1, 3),
        (groups.len(), 3),
    ];
    for (place, adopted) in places {
        let root = tempfile::tempdir().unwrap();
        let chunks = closed(root.path()).await;
        append(&first_segment(root.path()), &groups[..place]);
        for _ in 0..2 {
            let store = open(root.path());
            assert_held(&store, &chunks).await;
            assert_held(&store, &extra[..adopted]).await;
            assert_eq!(store.stats().unwrap().chunks, (chunks.len() + adopted) as u64, "cut at {place}");
            assert!(segment(root.path()).len().is_multiple_of(BLOCK_BYTES));
        }
        let store = open(root.path());
        put(&store, &extra, 2).await.unwrap();
        assert_held(&store, &extra).await;
        drop(store);
        let store = open(root.path());
        assert_held(&store, &chunks).await;
        assert_held(&store, &extra).await;
    }
}

/// What fills a block up is zeros. Anything else was not written by a group, and hides what follows.
#[tokio::test]
async fn other_bytes_than_zeros_end_what_is_adopted() {
    let (first, second) = (object(50, 700), object(51, 700));
    let mut groups = record(&first, 1);
    let end = groups.len();
    groups.resize(BLOCK_BYTES, 0);
    groups.extend(record(&second, 1));
    for place in [end, end + 1, BLOCK_BYTES - 1] {
        let root = tempfile::tempdir().unwrap();
        closed(root.path()).await;
        let mut groups = groups.clone();
        groups[place] = 1;
        append(&first_segment(root.path()), &groups);
        let store = open(root.path());
        assert_held(&store, std::slice::from_ref(&first)).await;
        assert_eq!(store.get(SPACE, second.id()).await.unwrap(), None);
        // They are gone, and will not be taken for part of a later group.
        assert!(segment(root.path())[segment(root.path()).len() - (BLOCK_BYTES - end)..].iter().all(|byte| *byte == 0));
    }
}

/// A write that failed may leave anything after the tail; the next group takes its place.
#[tokio::test]
async fn what_lies_after_the_tail_is_written_over() {
    let root = tempfile::tempdir().unwrap();
    let store = open(root.path());
    let chunks = objects(0..3);
    put(&store, &chunks, 1).await.unwrap();
    let tail = segment(root.path()).len() as u64;
    let file = OpenOptions::new().write(true).open(first_segment(root.path())).unwrap();
    file.write_all_at(&vec![0x5a; 5 * BLOCK_BYTES], tail).unwrap();
    let chunk = object(9, 3000);
    put(&store, std::slice::from_ref(&chunk), 1).await.unwrap();
    drop(store);
    let store = open(root.path());
    assert_held(&store, &chunks).await;
    assert_held(&store, &[chunk]).await;
    assert_eq!(segment(root.path()).len() as u64, tail + BLOCK);
}
