//! Chunks from elsewhere: the next replica after a failure or a damaged copy.

use rustix::io::Errno;
use vauban_protocol::limit::CHUNKS_BYTES_MAX;
use vauban_protocol::wire::ChunkState;

use super::cluster::{Cluster, ids, object, objects};
use crate::chunks::{Purpose, Stamp};
use crate::replication::Fetched;

fn count(fetched: &[Fetched]) -> usize {
    fetched.iter().filter(|fetched| matches!(fetched, Fetched::Whole(_))).count()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_chunk_comes_from_whoever_has_it_whole() {
    let mut cluster = Cluster::settled(&[0, 1, 2]).await;
    let (space, chunks) = (cluster.space(), objects(0..12));
    cluster.upload(0, &chunks).await;
    cluster.settle().await;
    cluster.empty(0);
    for chunk in &chunks[..6] {
        cluster.rot(1, chunk);
    }
    cluster.rot(2, &chunks[11]);
    let fetched = cluster.nodes[0].fetch(space, &ids(&chunks), CHUNKS_BYTES_MAX).await;
    assert_eq!(count(&fetched), 12, "each is whole somewhere");
    cluster.set_down(1, true);
    let fetched = cluster.nodes[0].fetch(space, &ids(&chunks), CHUNKS_BYTES_MAX).await;
    assert_eq!(count(&fetched), 11);
    assert!(matches!(fetched[11], Fetched::Missing { .. }), "{:?}", fetched[11]);
    cluster.stop().await;
}

/// Fails if a place that one replica cannot read costs whoever asks it for a batch more than that chunk, or hides that it is lost there.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_chunk_comes_from_whoever_can_read_it() {
    let mut cluster = Cluster::settled(&[0, 1, 2]).await;
    let (space, chunks) = (cluster.space(), (0..6).map(|number| object(number, 20_000)).collect::<Vec<_>>());
    cluster.upload(0, &chunks).await;
    cluster.settle().await;
    cluster.empty(0);
    let bad = [(1, 2), (2, 4)].map(|(node, place)| cluster.spoil(node, &chunks[place], Errno::IO, usize::MAX));
    cluster.set_down(2, true);
    let fetched = cluster.nodes[0].fetch(space, &ids(&chunks), CHUNKS_BYTES_MAX).await;
    assert_eq!(count(&fetched), 5);
    assert!(matches!(fetched[2], Fetched::Missing { damaged: true, .. }), "{:?}", fetched[2]);
    assert_eq!(cluster.held(1, &chunks).await, 5, "repair brings it another one");
    cluster.set_down(2, false);
    assert_eq!(count(&cluster.nodes[0].fetch(space, &ids(&chunks), CHUNKS_BYTES_MAX).await), 6);
    drop(bad);
    cluster.stop().await;
}

/// Who did not answer is asked again, and else is said to be unheard: nothing is denied that it may have.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lost_line_denies_nothing() {
    let mut cluster = Cluster::settled(&[0, 1, 2]).await;
    let (space, chunks) = (cluster.space(), objects(0..4));
    cluster.set_down(2, true);
    cluster.upload(1, &chunks).await;
    cluster.set_down(2, false);
    cluster.empty(0);
    cluster.lose_lines(1, 1);
    assert_eq!(count(&cluster.nodes[0].fetch(space, &ids(&chunks), CHUNKS_BYTES_MAX).await), 4);
    cluster.lose_lines(1, 2);
    let fetched = cluster.nodes[0].fetch(space, &ids(&chunks[..1]), CHUNKS_BYTES_MAX).await;
    let is_unheard = |fetched: &Fetched| matches!(fetched, Fetched::Missing { unheard: 1, damaged: false });
    assert!(fetched.iter().all(is_unheard), "it was asked twice, for one chunk");
    cluster.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_holds_no_more_than_it_may() {
    let mut cluster = Cluster::settled(&[0, 1, 2]).await;
    let chunks: Vec<_> = (0..10).map(|number| object(number, 100_000)).collect();
    cluster.upload(1, &chunks).await;
    cluster.empty(0);
    let fetched = cluster.nodes[0].fetch(cluster.space(), &ids(&chunks), 350_000).await;
    assert_eq!(count(&fetched), 3);
    assert!(fetched.iter().all(|fetched| matches!(fetched, Fetched::Whole(_) | Fetched::NoRoom)));
    cluster.stop().await;
}

/// Fails if a node that is down makes chunks look lost, or a chunk that is lost look held.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_replica_may_have_that_is_down_is_not_lost() {
    let cluster = Cluster::settled(&[0, 1, 2]).await;
    let (space, stored, single, none) = (cluster.space(), object(1, 900), object(2, 500), object(3, 700));
    cluster.nodes[0].store(space, vec![stored.clone()]).await.unwrap();
    cluster.nodes[1].chunks().put(space, vec![single.clone()], Stamp(1), Purpose::Upload).await.unwrap();
    let asked = [stored.id(), single.id(), none.id()];
    let states = cluster.nodes[0].check(space, &asked).await.unwrap();
    assert_eq!(states, [ChunkState::There, ChunkState::There, ChunkState::Lost]);
    assert_eq!(cluster.nodes[2].weigh(space, &asked).await.unwrap(), [Some(900), Some(500), None]);
    cluster.set_down(1, true);
    let states = cluster.nodes[0].check(space, &asked).await.unwrap();
    assert_eq!(states, [ChunkState::Unheard; 3]);
    assert_eq!(cluster.nodes[2].weigh(space, &asked).await.unwrap(), [Some(900), None, None]);
    cluster.stop().await;
}
