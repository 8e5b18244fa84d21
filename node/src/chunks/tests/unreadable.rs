//! Disks that cannot read a place, and disks that cannot read at all: the one costs a copy its row, the other costs none.

use std::path::Path;

use rustix::io::Errno;

use super::bad_places::{Spoilt, spoil, spoil_object};
use super::{SPACE, Stamp, StoreError, StoreOptions, VerifiedChunk, assert_held, first_segment, object, open, put};
use crate::chunks::{ChunkStore, Corrupt, ReadError};

/// By these a disk or its file system says that it cannot read.
const FAULTS: [Errno; 5] = [Errno::IO, Errno::NODATA, Errno::ILSEQ, Errno::UCLEAN, Errno::BADMSG];
/// Bytes of an object that is read through the page cache, and of one that is read past it.
const SIZES: [usize; 2] = [20_000, 200_000];

fn spoil_middle(root: &Path, chunk: &VerifiedChunk, error: Errno, times: usize) -> Spoilt {
    spoil_object(&root.join("segments"), chunk.object(), error, times)
}

async fn assert_unreadable(store: &ChunkStore, chunk: &VerifiedChunk) {
    match store.get(SPACE, chunk.id()).await {
        Err(ReadError::Corrupt { cause: Corrupt::Unreadable { id, .. }, .. }) => assert_eq!(id, chunk.id()),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_copy_that_cannot_be_read_is_set_aside() {
    for (error, bytes) in FAULTS.into_iter().flat_map(|error| SIZES.map(|bytes| (error, bytes))) {
        let root = tempfile::tempdir().unwrap();
        let store = open(root.path());
        let (bad, good) = (object(1, bytes), object(2, bytes));
        put(&store, &[bad.clone(), good.clone()], 1).await.unwrap();
        let _bad = spoil_middle(root.path(), &bad, error, usize::MAX);
        assert_unreadable(&store, &bad).await;
        // It no longer counts as held, so that repair or a client replaces it.
        assert_eq!(store.have(SPACE, vec![bad.id(), good.id()], Stamp(1)).await.unwrap(), [false, true]);
        assert_eq!(store.get(SPACE, bad.id()).await.unwrap(), None);
        assert_eq!(store.stats().unwrap().quarantined, 1);
        put(&store, std::slice::from_ref(&bad), 2).await.unwrap();
        assert_held(&store, &[bad, good]).await;
    }
}

/// A cable that was loose for a moment is no damage; nor is a process with too many open files.
#[tokio::test]
async fn what_is_not_the_disks_word_about_a_copy_costs_it_nothing() {
    let root = tempfile::tempdir().unwrap();
    let store = open(root.path());
    let chunk = object(1, 20_000);
    put(&store, std::slice::from_ref(&chunk), 1).await.unwrap();
    let once = spoil_middle(root.path(), &chunk, Errno::IO, 1);
    assert_held(&store, std::slice::from_ref(&chunk)).await;
    drop(once);
    let full = spoil_middle(root.path(), &chunk, Errno::MFILE, usize::MAX);
    let refused = store.get(SPACE, chunk.id()).await;
    assert!(matches!(refused, Err(ReadError::Store(StoreError::Io { .. }))), "{refused:?}");
    drop(full);
    assert_held(&store, std::slice::from_ref(&chunk)).await;
    assert_eq!(store.stats().unwrap().quarantined, 0);
}

/// A store whose chunks have a segment each.
async fn spread(root: &Path, chunks: &[VerifiedChunk]) -> ChunkStore {
    let options = StoreOptions { segment_bytes: 1, ..StoreOptions::default() };
    let store = ChunkStore::open(root, options).unwrap();
    for chunk in chunks {
        put(&store, std::slice::from_ref(chunk), 1).await.unwrap();
    }
    store
}

fn spoil_segment_of(root: &Path, chunk: &VerifiedChunk) -> Spoilt {
    let (path, _) = super::bad_places::find(&root.join("segments"), chunk.object());
    spoil(&path, 0..u64::MAX, Errno::IO)
}

/// Fails if a controller that dies makes a node throw away what lies behind it, one row with each read.
#[tokio::test]
async fn a_disk_of_which_nothing_can_be_read_costs_no_row() {
    let root = tempfile::tempdir().unwrap();
    let chunks: Vec<_> = (0..5).map(|number| object(number, 20_000)).collect();
    let store = spread(root.path(), &chunks).await;
    let bad: Vec<_> = chunks.iter().map(|chunk| spoil_segment_of(root.path(), chunk)).collect();
    for chunk in &chunks {
        let refused = store.get(SPACE, chunk.id()).await;
        assert!(matches!(refused, Err(ReadError::Store(StoreError::Poisoned { .. }))), "{refused:?}");
    }
    assert!(store.poisoned().await.contains("nothing can be read"));
    // It promises nothing either.
    let promised = store.have(SPACE, vec![chunks[0].id()], Stamp(2)).await;
    assert!(matches!(promised, Err(StoreError::Poisoned { .. })), "{promised:?}");
    drop((store, bad));
    assert_held(&open(root.path()), &chunks).await;
}

/// The same where the folder is another one all of a sudden: a disk that was unmounted.
#[tokio::test]
async fn segments_that_are_all_gone_cost_no_row() {
    let root = tempfile::tempdir().unwrap();
    let chunks: Vec<_> = (0..5).map(|number| object(number, 20_000)).collect();
    let store = spread(root.path(), &chunks).await;
    let (folder, away) = (root.path().join("segments"), root.path().join("away"));
    std::fs::rename(&folder, &away).unwrap();
    std::fs::create_dir(&folder).unwrap();
    let refused = store.get(SPACE, chunks[0].id()).await;
    assert!(matches!(refused, Err(ReadError::Store(StoreError::Poisoned { .. }))), "{refused:?}");
    drop(store);
    std::fs::remove_dir(&folder).unwrap();
    std::fs::rename(&away, &folder).unwrap();
    assert_held(&open(root.path()), &chunks).await;
}

/// The other side of the rule: while the disk answers, each copy that it cannot read is set aside, however many there are.
#[tokio::test]
async fn a_disk_that_answers_at_all_is_believed() {
    let root = tempfile::tempdir().unwrap();
    let chunks: Vec<_> = (0..10).map(|number| object(number, 20_000)).collect();
    let store = spread(root.path(), &chunks).await;
    let _bad: Vec<_> = chunks[1..].iter().map(|chunk| spoil_segment_of(root.path(), chunk)).collect();
    for chunk in &chunks[1..] {
        assert_unreadable(&store, chunk).await;
    }
    assert_held(&store, &chunks[..1]).await;
    assert_eq!(store.stats().unwrap().quarantined, 9);
}

/// Fails if one bad place in the last segment keeps a node from starting.
#[tokio::test]
async fn a_header_that_cannot_be_read_is_left_to_scrub() {
    let root = tempfile::tempdir().unwrap();
    let chunks = [object(1, 20_000), object(2, 20_000)];
    put(&open(root.path()), &chunks, 1).await.unwrap();
    let _bad = spoil(&first_segment(root.path()), 0..1, Errno::IO);
    let store = open(root.path());
    assert_unreadable(&store, &chunks[0]).await;
    assert_held(&store, &chunks[1..]).await;
}
