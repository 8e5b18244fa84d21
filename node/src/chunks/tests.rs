//! The store on a real disk. Objects are made from a number, so that a test can name what it expects.

pub(crate) mod bad_places;
mod blocks;
mod damage;
mod disk_full;
mod durability;
mod kill;
mod model;
mod reclaiming;
mod sweeping;
mod unreadable;

use std::path::Path;

use bytes::Bytes;
use vauban_protocol::id::{ChunkId, SpaceId};

use super::{ChunkStore, Duty, Need, Purpose, RowState, Stamp, StoreError, StoreOptions, VerifiedChunk};

const SPACE: SpaceId = SpaceId([0xa1; 16]);
const OTHER_SPACE: SpaceId = SpaceId([0xb2; 16]);

/// An object of `bytes` bytes that no other number gives.
fn object(number: u64, bytes: usize) -> VerifiedChunk {
    let mut body = vec![0; bytes];
    blake3::Hasher::new().update(&number.to_le_bytes()).finalize_xof().fill(&mut body);
    let id = ChunkId::of(&body);
    VerifiedChunk::verify(id, Bytes::from(body)).unwrap()
}

/// Some objects of some sizes, the same for the same range.
fn objects(numbers: std::ops::Range<u64>) -> Vec<VerifiedChunk> {
    numbers.map(|number| object(number, 1 + (number as usize * 977) % 9000)).collect()
}

fn ids(chunks: &[VerifiedChunk]) -> Vec<ChunkId> {
    chunks.iter().map(VerifiedChunk::id).collect()
}

fn open(root: &Path) -> ChunkStore {
    ChunkStore::open(root, StoreOptions::default()).unwrap()
}

async fn put(store: &ChunkStore, chunks: &[VerifiedChunk], at: u64) -> Result<(), StoreError> {
    store.put(SPACE, chunks.to_vec(), Stamp(at), Purpose::Upload).await
}

/// Asserts that every one of these chunks comes back byte for byte.
async fn assert_held(store: &ChunkStore, chunks: &[VerifiedChunk]) {
    for chunk in chunks {
        assert_eq!(store.get(SPACE, chunk.id()).await.unwrap().as_ref(), Some(chunk.object()));
    }
}

/// What a state says of a chunk that no commit names.
fn unneeded(floor: u64) -> Need {
    Need { row: RowState::Absent, floor: Stamp(floor), duty: Duty::Assigned, as_of: Stamp(floor) }
}

/// The stamp that the index has for a chunk.
async fn stamp_of(store: &ChunkStore, id: ChunkId) -> Option<Stamp> {
    let page = store.ids_in(super::Partition::of(&id), None).await.unwrap();
    page.into_iter().find(|held| held.id == id && held.space == SPACE).map(|held| held.stamp)
}

/// The one segment file of a small store.
fn first_segment(root: &Path) -> std::path::PathBuf {
    root.join("segments/0000000001.segment")
}
