//! Durable ingest of one node, as a ratio to raw sequential write with one fsync at the end, on the same disk.
//!
//! Beside the store as it is (segments, with an index on RocksDB), the alternative that was not taken: bodies in
//! RocksDB's BlobDB. Both answer each request only when it is durable. The three are run in turns, several rounds, and
//! the median counts, because disks of virtual machines are moody.
//!
//! `cargo bench -p vauban-benches --bench ingest --profile release`; `VAUBAN_BENCH_DIR` chooses the disk.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use bytes::Bytes;
use rocksdb::{DB, Options, WriteBatch, WriteOptions};
use vauban_benches::disk::{median, sequential_write};
use vauban_node::chunks::{ChunkStore, Purpose, Stamp, StoreOptions, VerifiedChunk};
use vauban_protocol::id::{ChunkId, SpaceId};

const ROUNDS: usize = 5;
const SPACE: SpaceId = SpaceId([7; 16]);

/// One shape of load.
struct Load {
    name: &'static str,
    chunks: usize,
    object_bytes: usize,
    /// Chunks in one request.
    request_chunks: usize,
    /// Requests under way at once.
    writers: usize,
}

const LOADS: [Load; 2] = [
    Load { name: "1 GiB in objects of 1 MiB", chunks: 1024, object_bytes: 1 << 20, request_chunks: 8, writers: 4 },
    Load { name: "10,000 objects of 4 KiB", chunks: 10_000, object_bytes: 4148, request_chunks: 256, writers: 4 },
];

fn main() -> Result<()> {
    let disk = std::env::var_os("VAUBAN_BENCH_DIR").map_or_else(|| ".".into(), std::path::PathBuf::from);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    for load in &LOADS {
        let requests = requests(load)?;
        let (mut raw, mut segments, mut blobs) = (Vec::new(), Vec::new(), Vec::new());
        for _ in 0..ROUNDS {
            raw.push(sequential_write(&disk, (load.chunks * load.object_bytes) as u64, 1)?);
            segments.push(runtime.block_on(write_segments(&disk, &requests, load.writers))?);
            blobs.push(write_blobs(&disk, &requests, load.writers)?);
        }
        report(load, median(raw), median(segments), median(blobs));
    }
    Ok(())
}

fn report(load: &Load, raw: Duration, segments: Duration, blobs: Duration) {
    let mib = (load.chunks * load.object_bytes) as f64 / f64::from(1 << 20);
    let line = |name: &str, took: Duration| {
        let (seconds, ratio) = (took.as_secs_f64(), raw.as_secs_f64() / took.as_secs_f64());
        println!("  {name:<34} {seconds:7.3} s  {:7.0} MiB/s  ratio to raw {ratio:.2}", mib / seconds);
    };
    println!("{}, {} a request, {} requests at once", load.name, load.request_chunks, load.writers);
    line("raw sequential write, one fsync", raw);
    line("segments (the store as it is)", segments);
    line("BlobDB (not taken)", blobs);
}

fn requests(load: &Load) -> Result<Vec<Vec<VerifiedChunk>>> {
    let mut chunks = Vec::with_capacity(load.chunks);
    for number in 0..load.chunks {
        let mut object = vec![0; load.object_bytes];
        blake3::Hasher::new().update(&number.to_le_bytes()).finalize_xof().fill(&mut object);
        chunks.push(VerifiedChunk::verify(ChunkId::of(&object), Bytes::from(object))?);
    }
    Ok(chunks.chunks(load.request_chunks).map(<[_]>::to_vec).collect())
}

async fn write_segments(disk: &Path, requests: &[Vec<VerifiedChunk>], writers: usize) -> Result<Duration> {
    let folder = tempfile::tempdir_in(disk)?;
    let store = ChunkStore::open(folder.path(), StoreOptions::default())?;
    let begun = Instant::now();
    let mut tasks = Vec::new();
    for writer in 0..writers {
        let (store, mine) = (store.clone(), share(requests, writer, writers));
        tasks.push(tokio::spawn(async move {
            for request in mine {
                store.put(SPACE, request, Stamp(1), Purpose::Upload).await?;
            }
            anyhow::Ok(())
        }));
    }
    for task in tasks {
        task.await??;
    }
    Ok(begun.elapsed())
}

fn write_blobs(disk: &Path, requests: &[Vec<VerifiedChunk>], writers: usize) -> Result<Duration> {
    let folder = tempfile::tempdir_in(disk)?;
    let mut options = Options::default();
    options.create_if_missing(true);
    options.set_enable_blob_files(true);
    options.set_min_blob_size(0);
    options.set_blob_file_size(256 << 20);
    options.set_write_buffer_size(64 << 20);
    let db = Arc::new(DB::open(&options, folder.path())?);
    let begun = Instant::now();
    let threads: Vec<_> = (0..writers)
        .map(|writer| {
            let (db, mine) = (Arc::clone(&db), share(requests, writer, writers));
            std::thread::spawn(move || -> Result<()> {
                let mut durably = WriteOptions::default();
                durably.set_sync(true);
                for request in mine {
                    let mut batch = WriteBatch::default();
                    for chunk in request {
                        batch.put(chunk.id(), chunk.object());
                    }
                    db.write_opt(batch, &durably)?;
                }
                Ok(())
            })
        })
        .collect();
    for thread in threads {
        thread.join().ok().context("a writer panicked")??;
    }
    Ok(begun.elapsed())
}

/// Every `writers`-th request, from the `writer`-th on.
fn share(requests: &[Vec<VerifiedChunk>], writer: usize, writers: usize) -> Vec<Vec<VerifiedChunk>> {
    requests.iter().skip(writer).step_by(writers).cloned().collect()
}
