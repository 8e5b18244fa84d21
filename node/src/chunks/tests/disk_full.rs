//! No room, and disks that fail: what was acknowledged stays, what was not is refused, and doubt stops the store.

use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;

use super::{SPACE, Stamp, StoreError, assert_held, object, objects, open, put};
use crate::chunks::{ChunkStore, DiskLimits, Purpose, StoreOptions};

const CHILD_ROOT: &str = "VAUBAN_TEST_DISK_FULL_ROOT";
/// The file size, in blocks of 512 bytes, at which the child's disk is "full": more than its index needs.
const CHILD_FILE_BLOCKS: u64 = 16 * 1024;
const CHILD_CHUNK_BYTES: usize = 100_000;

#[tokio::test]
async fn the_last_percents_of_the_disk_are_refused_before_any_write() {
    let root = tempfile::tempdir().unwrap();
    let limits = DiskLimits { upload_percent: 0, repair_percent: 100 };
    let store = ChunkStore::open(root.path(), StoreOptions { disk_limits: limits, ..StoreOptions::default() }).unwrap();
    let chunks = objects(0..3);
    assert!(matches!(put(&store, &chunks, 1).await, Err(StoreError::DiskFull { .. })));
    assert_eq!((store.stats().unwrap().chunks, store.stats().unwrap().segment_bytes), (0, 0));

    // Repair still may, and what is held can still be promised anew.
    store.put(SPACE, chunks.clone(), Stamp(1), Purpose::Repair).await.unwrap();
    put(&store, &chunks, 2).await.unwrap();
    assert_held(&store, &chunks).await;
}

/// A new store whose first segment is really a device.
fn store_on_device(root: &Path, device: &str) -> ChunkStore {
    std::fs::create_dir_all(root.join("segments")).unwrap();
    symlink(device, super::first_segment(root)).unwrap();
    open(root)
}

#[tokio::test]
async fn a_disk_that_fills_in_the_middle_of_a_write_refuses_it_and_goes_on() {
    let root = tempfile::tempdir().unwrap();
    let store = store_on_device(root.path(), "/dev/full");
    for _ in 0..2 {
        assert!(matches!(put(&store, &objects(0..3), 1).await, Err(StoreError::DiskFull { .. })));
    }
    assert_eq!(store.stats().unwrap().chunks, 0);
    assert_eq!(store.have(SPACE, vec![object(0, 1).id()], Stamp(1)).await.unwrap(), [false]);
}

/// Writes go to /dev/null, which takes them and cannot be synced.
#[tokio::test]
async fn fsync_error_is_fatal() {
    let root = tempfile::tempdir().unwrap();
    let store = store_on_device(root.path(), "/dev/null");
    let chunk = object(1, 100);
    assert!(matches!(put(&store, std::slice::from_ref(&chunk), 1).await, Err(StoreError::Poisoned { .. })));
    assert!(store.poisoned().await.contains("sync"));
    assert!(matches!(put(&store, std::slice::from_ref(&chunk), 1).await, Err(StoreError::Poisoned { .. })));
    assert!(matches!(store.have(SPACE, vec![chunk.id()], Stamp(1)).await, Err(StoreError::Poisoned { .. })));
    assert!(store.get(SPACE, chunk.id()).await.is_err());
    assert!(matches!(store.reclaim().await, Err(StoreError::Poisoned { .. })));
}

/// The child may not write files beyond a size, so that a write ends in its middle, as on a full disk.
#[test]
fn what_was_acknowledged_survives_a_full_disk() {
    let root = tempfile::tempdir().unwrap();
    let output = Command::new("sh")
        .arg("-c")
        .arg(format!("trap '' XFSZ; ulimit -f {CHILD_FILE_BLOCKS}; exec \"$0\" \"$@\""))
        .arg(std::env::current_exe().unwrap())
        .args(["--ignored", "--exact", "--nocapture", "chunks::tests::disk_full::child_fills_its_disk"])
        .env(CHILD_ROOT, root.path())
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{text}{}", String::from_utf8_lossy(&output.stderr));
    let acknowledged: u64 =
        text.lines().find_map(|line| line.split("acknowledged ").nth(1)?.trim().parse().ok()).unwrap();
    assert!(acknowledged > 10, "{acknowledged}");

    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        let store = open(root.path());
        for number in 0..acknowledged {
            assert_held(&store, &[object(number, CHILD_CHUNK_BYTES)]).await;
        }
        assert_eq!(store.stats().unwrap().chunks, acknowledged);
        put(&store, &[object(acknowledged, CHILD_CHUNK_BYTES)], 1).await.unwrap();
    });
}

#[tokio::test]
#[ignore = "the child of what_was_acknowledged_survives_a_full_disk"]
async fn child_fills_its_disk() {
    let root = std::env::var(CHILD_ROOT).unwrap();
    let store = open(Path::new(&root));
    let mut acknowledged = 0;
    loop {
        match put(&store, &[object(acknowledged, CHILD_CHUNK_BYTES)], 1).await {
            Ok(()) => acknowledged += 1,
            Err(StoreError::DiskFull { .. }) => break,
            Err(other) => panic!("{other}"),
        }
    }
    // It still answers, and still says no.
    for number in 0..acknowledged {
        assert_held(&store, &[object(number, CHILD_CHUNK_BYTES)]).await;
    }
    assert!(matches!(
        put(&store, &[object(acknowledged, CHILD_CHUNK_BYTES)], 1).await,
        Err(StoreError::DiskFull { .. })
    ));
    println!("\nacknowledged {acknowledged}");
}
