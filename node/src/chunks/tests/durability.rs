//! What was acknowledged is there: after reopening, for every space, with the highest stamp.

use super::{OTHER_SPACE, SPACE, Stamp, assert_held, ids, object, objects, open, put, stamp_of};
use crate::chunks::{Partition, Purpose, StoreError};

#[tokio::test]
async fn chunks_survive_reopening() {
    let root = tempfile::tempdir().unwrap();
    let chunks = objects(0..200);
    {
        let store = open(root.path());
        put(&store, &chunks, 1).await.unwrap();
        assert_held(&store, &chunks).await;
    }
    let store = open(root.path());
    assert_held(&store, &chunks).await;
    let stats = store.stats().unwrap();
    assert_eq!(stats.chunks, 200);
    assert_eq!(stats.object_bytes, chunks.iter().map(|chunk| chunk.object().len() as u64).sum::<u64>());
}

#[tokio::test]
async fn a_space_does_not_see_the_chunks_of_another() {
    let root = tempfile::tempdir().unwrap();
    let store = open(root.path());
    let chunks = objects(0..3);
    put(&store, &chunks, 1).await.unwrap();
    assert_eq!(store.have(OTHER_SPACE, ids(&chunks), Stamp(1)).await.unwrap(), [false; 3]);
    assert_eq!(store.get(OTHER_SPACE, chunks[0].id()).await.unwrap(), None);

    // The same bytes in a second space are a second copy, which lives and dies by itself.
    store.put(OTHER_SPACE, chunks.clone(), Stamp(1), Purpose::Upload).await.unwrap();
    assert_eq!(store.stats().unwrap().chunks, 6);
}

#[tokio::test]
async fn a_held_chunk_moves_no_bytes_and_its_stamp_only_rises() {
    let root = tempfile::tempdir().unwrap();
    let chunks = objects(5..6);
    let id = chunks[0].id();
    {
        let store = open(root.path());
        put(&store, &chunks, 5).await.unwrap();
        let bytes = store.stats().unwrap().segment_bytes;
        put(&store, &chunks, 9).await.unwrap();
        assert_eq!(stamp_of(&store, id).await, Some(Stamp(9)));
        put(&store, &chunks, 3).await.unwrap();
        assert_eq!(store.have(SPACE, vec![id], Stamp(7)).await.unwrap(), [true]);
        assert_eq!(stamp_of(&store, id).await, Some(Stamp(9)));
        assert_eq!(store.stats().unwrap().segment_bytes, bytes);
        assert_eq!(store.have(SPACE, vec![id], Stamp(11)).await.unwrap(), [true]);
    }
    assert_eq!(stamp_of(&open(root.path()), id).await, Some(Stamp(11)));
}

#[tokio::test]
async fn one_request_may_name_a_chunk_twice() {
    let root = tempfile::tempdir().unwrap();
    let store = open(root.path());
    let chunk = object(1, 100);
    put(&store, &[chunk.clone(), chunk.clone()], 1).await.unwrap();
    assert_eq!(store.stats().unwrap().chunks, 1);
    let held = store.have(SPACE, vec![chunk.id(), object(2, 9).id(), chunk.id()], Stamp(1)).await.unwrap();
    assert_eq!(held, [true, false, true]);
}

#[tokio::test]
async fn concurrent_writers_share_an_fsync() {
    const WRITERS: u64 = 64;
    let root = tempfile::tempdir().unwrap();
    let store = open(root.path());
    let puts: Vec<_> = (0..WRITERS)
        .map(|number| {
            let store = store.clone();
            tokio::spawn(async move { put(&store, &[object(number, 4096)], 1).await })
        })
        .collect();
    for put in puts {
        put.await.unwrap().unwrap();
    }
    let stats = store.stats().unwrap();
    assert_eq!(stats.chunks, WRITERS);
    assert!(stats.groups < WRITERS, "{} groups", stats.groups);
}

#[tokio::test]
async fn a_partition_lists_its_copies_page_by_page() {
    let root = tempfile::tempdir().unwrap();
    let store = open(root.path());
    let chunks = objects(0..500);
    put(&store, &chunks, 1).await.unwrap();
    let mut listed = Vec::new();
    for partition in Partition::all() {
        let page = store.ids_in(partition, None).await.unwrap();
        assert!(page.iter().all(|held| Partition::of(&held.id) == partition));
        if let Some(first) = page.first() {
            let rest = store.ids_in(partition, Some((first.id, first.space))).await.unwrap();
            assert_eq!(rest, page[1..]);
        }
        listed.extend(page.into_iter().map(|held| held.id));
    }
    let mut expected = ids(&chunks);
    expected.sort();
    assert_eq!(listed, expected);
}

#[tokio::test]
async fn a_request_over_the_contract_is_refused() {
    let root = tempfile::tempdir().unwrap();
    let store = open(root.path());
    let large: Vec<_> = (0..5).map(|number| object(number, 4 << 20)).collect();
    assert!(matches!(put(&store, &large, 1).await, Err(StoreError::Oversized { .. })));
    assert_eq!(store.stats().unwrap().chunks, 0);
}

#[tokio::test]
async fn segments_roll_over_and_all_of_them_are_read() {
    let root = tempfile::tempdir().unwrap();
    let options = super::StoreOptions { segment_bytes: 32 * 1024, ..Default::default() };
    let chunks = objects(0..100);
    {
        let store = super::ChunkStore::open(root.path(), options).unwrap();
        for some in chunks.chunks(4) {
            put(&store, some, 1).await.unwrap();
        }
    }
    assert!(std::fs::read_dir(root.path().join("segments")).unwrap().count() > 5);
    assert_held(&super::ChunkStore::open(root.path(), options).unwrap(), &chunks).await;
}
