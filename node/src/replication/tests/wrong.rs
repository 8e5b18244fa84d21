//! Replicas that lie, or hang: one alone stops nothing that the others can do, and makes nothing untrue.

use std::time::{Duration, Instant};

use vauban_protocol::id::ChunkId;
use vauban_protocol::limit::{CHUNKS_BYTES_MAX, OBJECT_BYTES_MAX};

use super::cluster::{Cluster, Wrong, ids, object, objects};
use crate::chunks::{Purpose, Stamp, VerifiedChunk};
use crate::limit::{FETCH_SILENCE_SECONDS_MAX, PEER_CALL_SECONDS_MAX};
use crate::replication::{Fetched, ReplicationError};

/// Nodes 0 and 1 have the chunks, for sure, and the last one not yet.
async fn stored_on_two(cluster: &Cluster, chunks: &[VerifiedChunk]) {
    cluster.set_down(2, true);
    cluster.nodes[0].store(cluster.space(), chunks.to_vec()).await.unwrap();
    cluster.set_down(2, false);
}

/// Fails if one node's word about a layout that nobody has makes gateways unable to say what is missing, or that too few answer.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_layout_that_never_comes_is_one_nodes_word_alone() {
    let cluster = Cluster::settled(&[0, 1, 2]).await;
    let (space, stored, none) = (cluster.space(), objects(0..3), object(9, 500));
    stored_on_two(&cluster, &stored).await;
    cluster.nodes[2].chunks().put(space, stored.clone(), Stamp(1), Purpose::Upload).await.unwrap();
    cluster.go_wrong(2, Wrong::NamesTheFuture);
    let asked = [stored[0].id(), none.id(), stored[2].id()];
    let (held, receipts) = cluster.nodes[0].have(space, &asked).await.unwrap();
    assert_eq!(held, [true, false, true]);
    assert!(receipts.len() == 2 && receipts.iter().all(|receipt| receipt.claim.node != cluster.nodes[2].node()));

    cluster.set_down(1, true);
    let refused = cluster.nodes[0].store(space, objects(20..22)).await;
    assert!(matches!(refused, Err(ReplicationError::TooFew { is_full: false, .. })), "{refused:?}");
    cluster.set_down(1, false);
    cluster.nodes[0].store(space, objects(20..22)).await.unwrap();
    cluster.stop().await;
}

/// Fails if a replica alone can have a commit refused, or have its author pay for more than there is.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_replica_alone_makes_a_chunk_heavier() {
    let cluster = Cluster::settled(&[0, 1, 2]).await;
    let (space, chunk) = (cluster.space(), object(1, 900));
    stored_on_two(&cluster, std::slice::from_ref(&chunk)).await;
    let most = u32::try_from(OBJECT_BYTES_MAX).unwrap();
    for (liar, bytes) in [(0, u32::MAX), (0, most), (1, u32::MAX), (1, most)] {
        cluster.go_wrong(liar, Wrong::Weighs(bytes));
        cluster.go_wrong(1 - liar, Wrong::Weighs(900));
        assert_eq!(cluster.nodes[2].weigh(space, &[chunk.id()]).await.unwrap(), [Some(900)], "{liar} says {bytes}");
    }
    cluster.stop().await;
}

/// Fails if a node whose disk hangs is waited for as long as a call may take, or asked first again and again.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hung_replica_is_passed_over_and_then_asked_last() {
    let mut cluster = Cluster::settled(&[0, 1, 2]).await;
    let chunks = objects(0..24);
    cluster.upload(0, &chunks).await;
    cluster.settle().await;
    cluster.empty(0);
    cluster.go_wrong(1, Wrong::Hangs);
    let asked: Vec<ChunkId> = ids(&chunks);
    let mut took = Vec::new();
    for _ in 0..2 {
        let begun = Instant::now();
        let fetched = cluster.nodes[0].fetch(cluster.space(), &asked, CHUNKS_BYTES_MAX).await;
        took.push(begun.elapsed());
        assert!(fetched.iter().all(|fetched| matches!(fetched, Fetched::Whole(_))), "{fetched:?}");
    }
    assert!(took[0] < Duration::from_secs(PEER_CALL_SECONDS_MAX / 2), "{took:?}");
    assert!(took[1] < Duration::from_secs(FETCH_SILENCE_SECONDS_MAX), "it is known by now: {took:?}");
    cluster.stop().await;
}
