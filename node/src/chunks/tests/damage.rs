//! Disks that changed, lost or invented bytes: each a clear answer, and never wrong bytes.

use std::fs::OpenOptions;
use std::io::Write;
use std::path::{Path, PathBuf};

use super::{SPACE, Stamp, StoreError, StoreOptions, assert_held, first_segment, object, objects, open, put};
use crate::chunks::key::ChunkKey;
use crate::chunks::record::RecordHeader;
use crate::chunks::{ChunkStore, Corrupt, ReadError, VerifiedChunk};

fn flip(path: &Path, offset: usize) {
    let mut bytes = std::fs::read(path).unwrap();
    bytes[offset] ^= 0x10;
    std::fs::write(path, bytes).unwrap();
}

pub(super) fn record(chunk: &VerifiedChunk, at: u64) -> Vec<u8> {
    let key = ChunkKey { id: chunk.id(), space: SPACE };
    let header = RecordHeader { key, object_bytes: chunk.object().len() as u32, stamp: Stamp(at) };
    [header.encode().as_slice(), chunk.object()].concat()
}

pub(super) fn append(path: &Path, bytes: &[u8]) {
    OpenOptions::new().append(true).open(path).unwrap().write_all(bytes).unwrap();
}

async fn a_flipped_byte_is_quarantined(offset: usize, expected: impl Fn(&Corrupt) -> bool) {
    let root = tempfile::tempdir().unwrap();
    let store = open(root.path());
    let (bad, good) = (object(1, 5000), object(2, 5000));
    put(&store, &[bad.clone(), good.clone()], 1).await.unwrap();
    flip(&first_segment(root.path()), offset);

    match store.get(SPACE, bad.id()).await {
        Err(ReadError::Corrupt { id, cause, .. }) => {
            assert!(id == bad.id() && expected(&cause), "{cause:?}")
        }
        other => panic!("{other:?}"),
    }
    // It no longer counts as held, so that repair or a client replaces it; the evidence is kept.
    assert_eq!(store.have(SPACE, vec![bad.id(), good.id()], Stamp(1)).await.unwrap(), [false, true]);
    assert_eq!(store.get(SPACE, bad.id()).await.unwrap(), None);
    assert_eq!(store.stats().unwrap().quarantined, 1);
    assert_eq!(std::fs::read_dir(root.path().join("quarantine")).unwrap().count(), 1);
    put(&store, std::slice::from_ref(&bad), 2).await.unwrap();
    assert_held(&store, &[bad, good]).await;
}

/// The second copy may be better than the first, where there is no other: neither takes the other's place.
#[tokio::test]
async fn both_copies_of_a_chunk_that_is_damaged_twice_are_kept() {
    let root = tempfile::tempdir().unwrap();
    let store = open(root.path());
    let (chunk, path) = (object(1, 5000), first_segment(root.path()));
    let mut damaged = Vec::new();
    for _ in 0..2 {
        put(&store, std::slice::from_ref(&chunk), 1).await.unwrap();
        // Each is a group, which begins a block.
        let begin = std::fs::metadata(&path).unwrap().len() as usize - 8192;
        flip(&path, begin + RecordHeader::BYTES + 100);
        let record = begin..begin + RecordHeader::BYTES + 5000;
        damaged.push(std::fs::read(&path).unwrap()[record].to_vec());
        assert!(matches!(store.get(SPACE, chunk.id()).await, Err(ReadError::Corrupt { .. })));
    }
    let files = std::fs::read_dir(root.path().join("quarantine")).unwrap();
    let mut kept: Vec<_> = files.map(|entry| entry.unwrap().path()).collect();
    kept.sort();
    let kept: Vec<_> = kept.iter().map(|path| std::fs::read(path).unwrap()).collect();
    assert_eq!(kept, damaged);
}

#[tokio::test]
async fn a_flipped_body_byte_is_found_and_quarantined() {
    a_flipped_byte_is_quarantined(RecordHeader::BYTES + 2500, |cause| matches!(cause, Corrupt::Mismatch { .. })).await;
}

#[tokio::test]
async fn a_flipped_header_byte_is_found_and_quarantined() {
    a_flipped_byte_is_quarantined(20, |cause| matches!(cause, Corrupt::Header { .. })).await;
}

#[tokio::test]
async fn a_segment_cut_short_while_open_is_quarantined_chunk_by_chunk() {
    let root = tempfile::tempdir().unwrap();
    let store = open(root.path());
    let chunks = [object(1, 5000), object(2, 5000)];
    put(&store, &chunks, 1).await.unwrap();
    OpenOptions::new().write(true).open(first_segment(root.path())).unwrap().set_len(6000).unwrap();
    assert_held(&store, &chunks[..1]).await;
    let lost = store.get(SPACE, chunks[1].id()).await;
    assert!(matches!(lost, Err(ReadError::Corrupt { cause: Corrupt::Truncated { .. }, .. })), "{lost:?}");
}

/// A closed store with ten acknowledged chunks.
async fn closed_store(root: &Path) -> Vec<VerifiedChunk> {
    let chunks = objects(0..10);
    put(&open(root), &chunks, 1).await.unwrap();
    chunks
}

fn refusal(root: &Path) -> StoreError {
    match ChunkStore::open(root, StoreOptions::default()) {
        Ok(_) => panic!("opened"),
        Err(error) => error,
    }
}

#[tokio::test]
async fn a_torn_record_after_the_tail_is_cut_off() {
    for torn_bytes in [1, RecordHeader::BYTES - 1, RecordHeader::BYTES, RecordHeader::BYTES + 4000] {
        let root = tempfile::tempdir().unwrap();
        let chunks = closed_store(root.path()).await;
        let bytes = std::fs::metadata(first_segment(root.path())).unwrap().len();
        append(&first_segment(root.path()), &record(&object(99, 5000), 1)[..torn_bytes]);
        let store = open(root.path());
        assert_eq!(std::fs::metadata(first_segment(root.path())).unwrap().len(), bytes);
        assert_held(&store, &chunks).await;
        put(&store, &[object(99, 5000)], 1).await.unwrap();
        assert_held(&store, &[object(99, 5000)]).await;
    }
}

#[tokio::test]
async fn a_whole_record_after_the_tail_is_adopted() {
    let root = tempfile::tempdir().unwrap();
    let chunks = closed_store(root.path()).await;
    let (extra, doubled) = (object(99, 5000), &chunks[3]);
    append(&first_segment(root.path()), &record(&extra, 4));
    append(&first_segment(root.path()), &record(doubled, 4));
    let store = open(root.path());
    assert_held(&store, &chunks).await;
    assert_held(&store, std::slice::from_ref(&extra)).await;
    assert_eq!(super::stamp_of(&store, extra.id()).await, Some(Stamp(4)));
    assert_eq!(store.stats().unwrap().chunks, 11);
}

#[tokio::test]
async fn a_segment_begun_but_unknown_to_the_index_is_adopted() {
    let root = tempfile::tempdir().unwrap();
    let chunks = closed_store(root.path()).await;
    let extra = object(99, 5000);
    std::fs::write(root.path().join("segments/0000000002.segment"), record(&extra, 1)).unwrap();
    for _ in 0..2 {
        let store = open(root.path());
        assert_held(&store, &chunks).await;
        assert_held(&store, std::slice::from_ref(&extra)).await;
    }
}

#[tokio::test]
async fn a_segment_that_lost_acknowledged_bytes_is_named() {
    let root = tempfile::tempdir().unwrap();
    closed_store(root.path()).await;
    let path = first_segment(root.path());
    let bytes = std::fs::metadata(&path).unwrap().len();
    OpenOptions::new().write(true).open(&path).unwrap().set_len(bytes - 1).unwrap();
    match refusal(root.path()) {
        StoreError::SegmentTruncated { path: named, expected_bytes, found_bytes } => {
            assert_eq!((named, expected_bytes, found_bytes), (path.clone(), bytes, bytes - 1));
        }
        other => panic!("{other}"),
    }
    std::fs::remove_file(&path).unwrap();
    assert!(matches!(refusal(root.path()), StoreError::SegmentTruncated { found_bytes: 0, .. }));
}

#[tokio::test]
async fn segments_without_an_index_are_left_alone() {
    let root = tempfile::tempdir().unwrap();
    closed_store(root.path()).await;
    let bytes = std::fs::read(first_segment(root.path())).unwrap();
    std::fs::remove_dir_all(root.path().join("index")).unwrap();
    assert!(matches!(refusal(root.path()), StoreError::IndexMissing { .. }));
    assert_eq!(std::fs::read(first_segment(root.path())).unwrap(), bytes);
}

#[tokio::test]
async fn a_damaged_index_is_named() {
    let root = tempfile::tempdir().unwrap();
    closed_store(root.path()).await;
    std::fs::write(root.path().join("index/CURRENT"), "MANIFEST-nothing\n").unwrap();
    let error = refusal(root.path());
    assert!(matches!(error, StoreError::Index { .. }), "{error}");
    assert!(error.to_string().contains("index"));
}

/// Every file of the index is cut to half in turn. Some cuts hit nothing that mattered; none may go unseen.
#[tokio::test]
async fn a_truncated_index_is_refused_or_loses_nothing() {
    let mut refused = 0;
    for place in 0.. {
        let root = tempfile::tempdir().unwrap();
        // The first rows are moved to a table when the store is opened again; later ones lie in a log.
        let mut chunks = closed_store(root.path()).await;
        chunks.push(object(99, 5000));
        put(&open(root.path()), &chunks[10..], 2).await.unwrap();
        let files = files_in(&root.path().join("index"));
        let Some(path) = files.get(place) else { break };
        let bytes = std::fs::metadata(path).unwrap().len();
        OpenOptions::new().write(true).open(path).unwrap().set_len(bytes / 2).unwrap();
        match ChunkStore::open(root.path(), StoreOptions::default()) {
            Ok(store) => assert_held(&store, &chunks).await,
            Err(StoreError::Index { .. } | StoreError::IndexMissing { .. }) => refused += 1,
            Err(other) => panic!("{}: {other}", path.display()),
        }
    }
    assert!(refused >= 3, "CURRENT, the manifest and a table each make the index unreadable; {refused} did");
}

/// The database's files, but for its own diary, in a fixed order.
fn files_in(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut files: Vec<_> =
        entries.filter(|path| !path.file_name().unwrap().to_str().unwrap().starts_with("LOG")).collect();
    files.sort();
    files
}

#[tokio::test]
async fn an_old_segment_that_the_index_does_not_know_is_not_removed() {
    let root = tempfile::tempdir().unwrap();
    {
        let options = StoreOptions { segment_bytes: 4096, ..StoreOptions::default() };
        let store = ChunkStore::open(root.path(), options).unwrap();
        for chunk in objects(0..10) {
            put(&store, &[chunk], 1).await.unwrap();
        }
    }
    let stray = root.path().join("segments/0000000000.segment");
    std::fs::write(&stray, record(&object(99, 100), 1)).unwrap();
    assert!(matches!(refusal(root.path()), StoreError::Index { .. }));
    assert!(stray.exists());
}

#[tokio::test]
async fn rows_lost_with_a_write_ahead_log_come_back_from_the_segment() {
    let root = tempfile::tempdir().unwrap();
    {
        let store = open(root.path());
        put(&store, &objects(0..5), 1).await.unwrap();
    }
    // Reopening moves the first rows from the log to a table, and begins a new log.
    {
        let store = open(root.path());
        put(&store, &objects(5..10), 2).await.unwrap();
    }
    for entry in std::fs::read_dir(root.path().join("index")).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "log") {
            OpenOptions::new().write(true).open(path).unwrap().set_len(0).unwrap();
        }
    }
    assert_held(&open(root.path()), &objects(0..10)).await;
}

#[tokio::test]
async fn a_store_in_use_is_not_opened_twice() {
    let root = tempfile::tempdir().unwrap();
    let _store = open(root.path());
    let error = refusal(root.path());
    assert!(matches!(error, StoreError::Locked { .. }), "{error}");
}

/// Fails if the index opens as an older one, without what was promised since.
#[tokio::test]
async fn damage_inside_the_write_ahead_log_is_not_passed_over() {
    let root = tempfile::tempdir().unwrap();
    {
        let store = open(root.path());
        for at in 1..20 {
            put(&store, &objects(0..4), at).await.unwrap();
        }
    }
    let is_log = |path: &PathBuf| path.extension().is_some_and(|extension| extension == "log");
    let files = std::fs::read_dir(root.path().join("index")).unwrap();
    let log = files.map(|entry| entry.unwrap().path()).find(is_log).unwrap();
    let middle = std::fs::metadata(&log).unwrap().len() as usize / 2;
    flip(&log, middle);
    let refused = ChunkStore::open(root.path(), StoreOptions::default());
    assert!(matches!(refused.map(|_| ()), Err(StoreError::Index { .. })));
}
