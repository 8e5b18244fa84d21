//! Damaged files: the node refuses to start, says which folder, and what to do. It never takes them for an older state.

use std::fs::{self, OpenOptions};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use super::group::{NODE, begun, founded};
use super::town::Town;
use crate::message::{Explain as _, Explanation};
use crate::metadata::{Metadata, MetadataError};

/// A stopped node's folder.
async fn stopped() -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    let town = Town::new();
    let metadata = founded(dir.path(), &town).await;
    begun(&metadata, &town, 5).await;
    metadata.stop().await;
    dir
}

fn files(dir: &Path, is_wanted: impl Fn(&str) -> bool) -> Vec<PathBuf> {
    let mut files: Vec<_> = fs::read_dir(dir.join("db"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| is_wanted(path.file_name().unwrap().to_str().unwrap()))
        .collect();
    files.sort();
    files
}

fn tables(dir: &Path) -> Vec<PathBuf> {
    files(dir, |name| name.ends_with(".sst"))
}

async fn assert_damaged(dir: &Path, what: &str) {
    match Metadata::open(dir, NODE, None).await {
        Err(error @ MetadataError::Damaged { .. }) => {
            let Explanation { what, next } = error.explain();
            assert!(what.contains(&dir.display().to_string()), "{what}");
            assert!(next.contains("restore") || next.contains("restaurez"), "{next}");
        }
        other => panic!("{what}: {other:?}"),
    }
    assert!(Metadata::exist(dir), "nothing is begun anew");
}

fn cut(path: &Path, bytes: u64) {
    let file = OpenOptions::new().write(true).open(path).unwrap();
    file.set_len(bytes).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_truncated_table_is_damage() {
    for keep_percent in [0, 50, 99] {
        let dir = stopped().await;
        let tables = tables(dir.path());
        assert!(!tables.is_empty(), "closed in order, so all is in tables");
        for table in tables {
            let bytes = fs::metadata(&table).unwrap().len();
            cut(&table, bytes * keep_percent / 100);
        }
        assert_damaged(dir.path(), &format!("{keep_percent} % left")).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_table_or_manifest_is_damage() {
    let dir = stopped().await;
    fs::remove_file(&tables(dir.path())[0]).unwrap();
    assert_damaged(dir.path(), "a table is gone").await;

    let dir = stopped().await;
    for manifest in files(dir.path(), |name| name.starts_with("MANIFEST")) {
        fs::remove_file(manifest).unwrap();
    }
    assert_damaged(dir.path(), "the manifest is gone").await;

    let dir = stopped().await;
    for manifest in files(dir.path(), |name| name.starts_with("MANIFEST")) {
        cut(&manifest, 10);
    }
    assert_damaged(dir.path(), "the manifest is cut").await;
}

/// Fails if the storage engine may begin anew in a folder that has lost its first file: it would delete the rest.
#[tokio::test(flavor = "multi_thread")]
async fn a_folder_without_its_first_file_is_damage_and_stays_as_it_is() {
    let dir = stopped().await;
    fs::remove_file(dir.path().join("db/CURRENT")).unwrap();
    let before = tables(dir.path());
    assert_damaged(dir.path(), "CURRENT is gone").await;
    assert_eq!(tables(dir.path()), before);
}

/// A flipped bit in the log of writes is damage, even if everything before it could be read.
#[tokio::test(flavor = "multi_thread")]
async fn a_flipped_bit_in_the_write_ahead_log_is_damage() {
    let dir = tempfile::tempdir().unwrap();
    let copy = tempfile::tempdir().unwrap();
    let town = Town::new();
    let metadata = founded(dir.path(), &town).await;
    begun(&metadata, &town, 5).await;
    // As a crash would leave it: the folder is copied while the node runs.
    fs::create_dir_all(copy.path().join("db")).unwrap();
    for file in files(dir.path(), |name| name != "LOCK") {
        let to = copy.path().join("db").join(file.file_name().unwrap());
        fs::copy(file, to).unwrap();
    }
    metadata.stop().await;
    let log = files(copy.path(), |name| name.ends_with(".log"));
    let log = log.last().unwrap();
    let file = OpenOptions::new().read(true).write(true).open(log).unwrap();
    let middle = file.metadata().unwrap().len() / 2;
    let mut byte = [0];
    file.read_exact_at(&mut byte, middle).unwrap();
    byte[0] ^= 1;
    file.write_all_at(&byte, middle).unwrap();
    assert_damaged(copy.path(), "a flipped bit").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn rotten_records_stop_the_node() {
    let dir = stopped().await;
    for table in tables(dir.path()) {
        let file = OpenOptions::new().write(true).open(&table).unwrap();
        file.write_all_at(&[0xff; 64], 0).unwrap();
    }
    let error = Metadata::open(dir.path(), NODE, None).await.unwrap_err();
    assert!(matches!(error, MetadataError::Damaged { .. } | MetadataError::Failed(_)), "{error}");
}
