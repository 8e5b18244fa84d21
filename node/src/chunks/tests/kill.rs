//! A process that writes as fast as it can is killed, again and again, on the same store.

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};

use super::{StoreOptions, assert_held, object, open, put};
use crate::chunks::{ChunkStore, DiskAccess};

const CHILD_ROOT: &str = "VAUBAN_TEST_KILL_ROOT";
const CHILD_FIRST: &str = "VAUBAN_TEST_KILL_FIRST";
const CHILD_CACHED: &str = "VAUBAN_TEST_KILL_CACHED";
const ROUNDS: u64 = 12;
const NUMBERS_A_ROUND: u64 = 1_000_000;
/// Chunks one put of the child carries.
const CHUNKS_A_PUT: u64 = 8;
/// Writers in the child, so that the kill meets groups of several requests.
const WRITERS: u64 = 4;

fn chunk(number: u64) -> super::VerifiedChunk {
    object(number, 1000 + (number as usize * 7919) % 60_000)
}

#[test]
fn kill9_loses_nothing_acknowledged() {
    let root = tempfile::tempdir().unwrap();
    let mut acknowledged = BTreeSet::new();
    for round in 0..ROUNDS {
        let before = acknowledged.len();
        write_and_kill(root.path(), round, &mut acknowledged);
        assert!(acknowledged.len() > before, "round {round} acknowledged nothing");
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let store = open(root.path());
            for number in &acknowledged {
                assert_held(&store, &[chunk(*number)]).await;
            }
            assert!(store.stats().unwrap().chunks >= acknowledged.len() as u64);
        });
    }
}

/// Reads acknowledgements until there are enough, kills the child, and reads those still in the pipe.
fn write_and_kill(root: &Path, round: u64, acknowledged: &mut BTreeSet<u64>) {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--ignored", "--exact", "--nocapture", "chunks::tests::kill::child_writes_for_ever"])
        .env(CHILD_ROOT, root)
        .env(CHILD_FIRST, (round * NUMBERS_A_ROUND).to_string())
        .env(CHILD_CACHED, (round % 2).to_string())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap());
    let mut line = String::new();
    let mut wanted = 1 + round * 3 % 17;
    while lines.read_line(&mut line).unwrap() > 0 {
        // A line cut short by the kill says nothing.
        if let Some(first) =
            line.strip_prefix("acknowledged ").and_then(|rest| rest.strip_suffix('\n')?.parse::<u64>().ok())
        {
            acknowledged.extend(first..first + CHUNKS_A_PUT);
            wanted = wanted.saturating_sub(1);
            if wanted == 0 {
                child.kill().unwrap();
            }
        }
        line.clear();
    }
    assert!(!child.wait().unwrap().success());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "the child of kill9_loses_nothing_acknowledged"]
async fn child_writes_for_ever() {
    let root = std::env::var(CHILD_ROOT).unwrap();
    let first: u64 = std::env::var(CHILD_FIRST).unwrap().parse().unwrap();
    let disk_access = match std::env::var(CHILD_CACHED).unwrap().as_str() {
        "0" => DiskAccess::Direct,
        _ => DiskAccess::Cached,
    };
    let options = StoreOptions { disk_access, ..StoreOptions::default() };
    let store = ChunkStore::open(Path::new(&root), options).unwrap();
    println!();
    let writers: Vec<_> = (0..WRITERS)
        .map(|writer| {
            let store = store.clone();
            tokio::spawn(async move {
                for turn in 0..NUMBERS_A_ROUND / CHUNKS_A_PUT / WRITERS {
                    let from = first + (turn * WRITERS + writer) * CHUNKS_A_PUT;
                    let chunks: Vec<_> = (from..from + CHUNKS_A_PUT).map(chunk).collect();
                    put(&store, &chunks, 1).await.unwrap();
                    let mut out = std::io::stdout().lock();
                    writeln!(out, "acknowledged {from}").and_then(|()| out.flush()).unwrap();
                }
            })
        })
        .collect();
    for writer in writers {
        writer.await.unwrap();
    }
}
