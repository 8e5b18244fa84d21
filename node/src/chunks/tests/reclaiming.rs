//! Dropped copies give their space back, and nothing live goes with them.

use std::path::Path;

use rustix::io::Errno;

use super::bad_places::{find, spoil};
use super::{SPACE, assert_held, first_segment, objects, put, stamp_of, unneeded};
use crate::chunks::{
    ChunkStore, Corrupt, Deletion, DiskLimits, ReadError, Reclaimed, Stamp, StoreOptions, VerifiedChunk,
};

const STEPS_MAX: usize = 1000;

fn open(root: &Path) -> ChunkStore {
    ChunkStore::open(root, StoreOptions { segment_bytes: 64 * 1024, ..StoreOptions::default() }).unwrap()
}

/// Stores 300 chunks and drops all but every tenth; returns those kept.
async fn store_with_garbage(store: &ChunkStore) -> Vec<VerifiedChunk> {
    let chunks = objects(0..300);
    for some in chunks.chunks(10) {
        put(store, some, 7).await.unwrap();
    }
    for (place, chunk) in chunks.iter().enumerate() {
        if place % 10 != 0 {
            assert_eq!(store.delete_if(SPACE, chunk.id(), unneeded(8)).await.unwrap(), Deletion::Deleted);
        }
    }
    chunks.into_iter().step_by(10).collect()
}

async fn reclaim_all(store: &ChunkStore) -> Reclaimed {
    let mut total = Reclaimed::default();
    for _ in 0..STEPS_MAX {
        let step = store.reclaim().await.unwrap();
        total.moved_bytes += step.moved_bytes;
        total.freed_bytes += step.freed_bytes;
        if !step.more {
            return total;
        }
    }
    panic!("reclaiming did not end");
}

fn bytes_on_disk(root: &Path) -> u64 {
    let segments = std::fs::read_dir(root.join("segments")).unwrap();
    segments.map(|entry| entry.unwrap().metadata().unwrap().len()).sum()
}

#[tokio::test]
async fn emptied_segments_are_given_back() {
    let root = tempfile::tempdir().unwrap();
    let kept;
    {
        let store = open(root.path());
        kept = store_with_garbage(&store).await;
        let before = bytes_on_disk(root.path());
        let total = reclaim_all(&store).await;
        assert!(total.freed_bytes > total.moved_bytes);
        let after = bytes_on_disk(root.path());
        assert!(after < before / 3, "{before} → {after}");
        assert_eq!(store.stats().unwrap().segment_bytes, after);
        assert_held(&store, &kept).await;
        assert_eq!(stamp_of(&store, kept[0].id()).await, Some(Stamp(7)));
    }
    let store = open(root.path());
    assert_held(&store, &kept).await;
    assert_eq!(store.stats().unwrap().chunks, kept.len() as u64);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn reads_go_on_while_chunks_move() {
    let root = tempfile::tempdir().unwrap();
    let store = open(root.path());
    let kept = store_with_garbage(&store).await;
    let (reading, expected) = (store.clone(), kept.clone());
    let reads = tokio::spawn(async move {
        for _ in 0..20 {
            assert_held(&reading, &expected).await;
        }
    });
    reclaim_all(&store).await;
    reads.await.unwrap();
    assert_eq!(store.stats().unwrap().quarantined, 0);
}

#[tokio::test]
async fn a_damaged_header_keeps_its_segment_and_what_follows() {
    let root = tempfile::tempdir().unwrap();
    let store = open(root.path());
    let kept = store_with_garbage(&store).await;
    // The first record is live (0 is a multiple of ten), so its header is damaged, and the walk cannot pass it.
    let path = first_segment(root.path());
    let mut bytes = std::fs::read(&path).unwrap();
    bytes[0] ^= 1;
    std::fs::write(&path, bytes).unwrap();
    reclaim_all(&store).await;
    assert!(path.exists());
    assert_held(&store, &kept[1..]).await;
}

/// Fails if one place that cannot be read keeps the other segments from being emptied, or its own for good.
#[tokio::test]
async fn a_segment_that_cannot_be_read_is_stepped_over_until_its_copies_are_set_aside() {
    for is_whole in [true, false] {
        let root = tempfile::tempdir().unwrap();
        let store = open(root.path());
        let kept = store_with_garbage(&store).await;
        // All of the first segment, or a byte of the second live record in it, whose header can be read.
        let (path, at) = find(&root.path().join("segments"), kept[1].object());
        assert_eq!(path, first_segment(root.path()));
        let _bad = spoil(&path, if is_whole { 0..u64::MAX } else { at..at + 1 }, Errno::IO);
        assert!(reclaim_all(&store).await.freed_bytes > 0);
        assert!(path.exists());
        let mut lost = 0;
        for chunk in &kept {
            match store.get(SPACE, chunk.id()).await {
                Ok(object) => assert_eq!(object.as_ref(), Some(chunk.object())),
                Err(ReadError::Corrupt { cause: Corrupt::Unreadable { .. }, .. }) => lost += 1,
                Err(other) => panic!("{other}"),
            }
        }
        assert_eq!(lost, if is_whole { 2 } else { 1 });
        reclaim_all(&store).await;
        assert!(!path.exists());
    }
}

/// Fails if a disk past its limits cannot be emptied, or if what is mostly live is left there for good.
#[tokio::test]
async fn a_full_disk_gives_space_back() {
    let root = tempfile::tempdir().unwrap();
    let kept;
    {
        let store = open(root.path());
        let chunks = objects(0..300);
        for some in chunks.chunks(10) {
            put(&store, some, 7).await.unwrap();
        }
        for chunk in chunks.iter().step_by(4) {
            assert_eq!(store.delete_if(SPACE, chunk.id(), unneeded(8)).await.unwrap(), Deletion::Deleted);
        }
        kept = chunks
            .into_iter()
            .enumerate()
            .filter(|(place, _)| place % 4 != 0)
            .map(|(_, chunk)| chunk)
            .collect::<Vec<_>>();
        assert_eq!(reclaim_all(&store).await.freed_bytes, 0, "most is live: not worth it while there is room");
    }
    let disk_limits = DiskLimits { upload_percent: 0, repair_percent: 0 };
    let options = StoreOptions { segment_bytes: 64 * 1024, disk_limits, ..StoreOptions::default() };
    let store = ChunkStore::open(root.path(), options).unwrap();
    let before = bytes_on_disk(root.path());
    let total = reclaim_all(&store).await;
    assert!(total.freed_bytes > total.moved_bytes && total.moved_bytes > 0, "{total:?}");
    assert!(bytes_on_disk(root.path()) < before);
    assert_held(&store, &kept).await;
}
