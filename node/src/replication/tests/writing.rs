//! What is acknowledged, and what is not.

use std::collections::BTreeSet;

use vauban_protocol::id::NodeId;
use vauban_protocol::organisation::Statement;
use vauban_protocol::wire::Refusal;

use super::cluster::{Cluster, ids, object, objects, stored_at};
use crate::chunks::{Partition, Purpose, Stamp};
use crate::metadata::ProposeError;
use crate::replication::ReplicationError;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_node_alone_is_the_store() {
    let mut cluster = Cluster::new(&[0]).await;
    let chunks = objects(0..5);
    let receipts = cluster.nodes[0].store(cluster.space(), chunks.clone()).await.unwrap();
    assert_eq!((receipts.len(), receipts[0].claim.layout), (1, 0));
    cluster.commit(&ids(&chunks), stored_at(&receipts)).await.unwrap();
    // Its seat changes nothing but the number, and the floor: what was promised before is promised again.
    let late = objects(5..7);
    let before = cluster.nodes[0].store(cluster.space(), late.clone()).await.unwrap();
    cluster.seat(0).await;
    let refused = cluster.commit(&ids(&late), stored_at(&before)).await;
    assert!(matches!(refused, Err(ProposeError::Refused(Refusal::ReceiptsTooOld { .. }))), "{refused:?}");
    let (held, again) = cluster.nodes[0].have(cluster.space(), &ids(&late)).await.unwrap();
    assert_eq!((held, again[0].claim.layout), (vec![true, true], 1));
    cluster.commit(&ids(&late), stored_at(&again)).await.unwrap();
    cluster.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_majority_suffices_and_less_does_not() {
    let cluster = Cluster::settled(&[0, 1, 2]).await;
    let (space, chunks) = (cluster.space(), objects(0..20));
    cluster.set_down(2, true);
    let receipts = cluster.nodes[0].store(space, chunks.clone()).await.unwrap();
    let holders: BTreeSet<NodeId> = receipts.iter().map(|receipt| receipt.claim.node).collect();
    assert_eq!(holders, BTreeSet::from([cluster.nodes[0].node(), cluster.nodes[1].node()]));
    for receipt in &receipts {
        let charter = cluster.town.organisation.charter(receipt.claim.node).unwrap();
        receipt.verify(&charter.receipt_key, space, &ids(&chunks)).unwrap();
    }
    assert_eq!((cluster.held(0, &chunks).await, cluster.held(1, &chunks).await), (20, 20));
    cluster.set_down(1, true);
    let refused = cluster.nodes[0].store(space, objects(20..22)).await;
    assert!(matches!(refused, Err(ReplicationError::TooFew { is_full: false, .. })), "{refused:?}");
    cluster.stop().await;
}

/// Each node holds a part, and each receipt says which: together they cover every chunk with a majority on two sites.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn receipts_cover_what_their_nodes_hold() {
    let cluster = Cluster::settled(&[0, 1, 2, 0, 1]).await;
    let (space, chunks) = (cluster.space(), objects(0..60));
    let asked = ids(&chunks);
    let receipts = cluster.nodes[3].store(space, chunks.clone()).await.unwrap();
    let layouts = cluster.metadata.view().layouts();
    for receipt in &receipts {
        let charter = cluster.town.organisation.charter(receipt.claim.node).unwrap();
        receipt.verify(&charter.receipt_key, space, &asked).unwrap();
    }
    for (place, id) in asked.iter().enumerate() {
        let covers =
            |node: NodeId| receipts.iter().any(|receipt| receipt.claim.node == node && receipt.covers.has(place));
        assert!(layouts.suffice(Partition::of(id), covers, cluster.nodes[3].node()), "chunk {place}");
    }
    let (held, again) = cluster.nodes[4].have(space, &asked).await.unwrap();
    assert!(held.iter().all(|held| *held));
    for receipt in &again {
        let charter = cluster.town.organisation.charter(receipt.claim.node).unwrap();
        receipt.verify(&charter.receipt_key, space, &asked).unwrap();
    }
    cluster.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_too_few_hold_is_missing() {
    let cluster = Cluster::settled(&[0, 1, 2]).await;
    let (space, stored, single) = (cluster.space(), objects(0..3), object(9, 500));
    cluster.nodes[0].store(space, stored.clone()).await.unwrap();
    cluster.nodes[1].chunks().put(space, vec![single.clone()], Stamp(1), Purpose::Upload).await.unwrap();
    let asked = [single.id(), stored[0].id(), object(10, 5).id(), stored[2].id()];
    let (held, receipts) = cluster.nodes[2].have(space, &asked).await.unwrap();
    assert_eq!(held, [false, true, false, true]);
    assert!(receipts.len() >= 2);
    for receipt in &receipts {
        let charter = cluster.town.organisation.charter(receipt.claim.node).unwrap();
        receipt.verify(&charter.receipt_key, space, &[stored[0].id(), stored[2].id()]).unwrap();
    }
    cluster.stop().await;
}

/// Fails if receipts of the old layout still count after the change, or if the new one alone would do while it has not settled.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn upload_spans_layout_change() {
    let mut cluster = Cluster::settled(&[0, 1, 2]).await;
    let (space, chunks) = (cluster.space(), objects(0..40));
    let before = cluster.nodes[0].store(space, chunks[..20].to_vec()).await.unwrap();
    let drained = cluster.nodes[2].node();
    cluster.certify(Statement::DrainNode { node: drained }).await;
    assert!(!cluster.metadata.view().layouts().is_settled());
    let after = cluster.nodes[1].store(space, chunks[20..].to_vec()).await.unwrap();
    let oldest = stored_at(&before).min(stored_at(&after));
    let refused = cluster.commit(&ids(&chunks), oldest).await;
    assert!(matches!(refused, Err(ProposeError::Refused(Refusal::ReceiptsTooOld { .. }))), "{refused:?}");
    let (held, again) = cluster.nodes[1].have(space, &ids(&chunks)).await.unwrap();
    assert!(held.iter().all(|held| *held), "no bytes move");
    cluster.commit(&ids(&chunks), stored_at(&again)).await.unwrap();
    cluster.settle().await;
    assert_eq!((cluster.held(0, &chunks).await, cluster.held(1, &chunks).await), (40, 40));
    cluster.stop().await;
}

/// Invariant 6: the client counts such a node's receipts for nothing, and so does a gateway, which sends it nothing.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn site_outside_policy_gets_no_chunk() {
    let mut cluster = Cluster::settled(&[0, 1, 2]).await;
    let mut policy = cluster.town.organisation.policy().clone();
    policy.secnumcloud = true;
    let certificate = cluster.town.by_root(Statement::Policy(policy));
    let proposal = crate::metadata::Proposal::Certify(vec![certificate.clone()]);
    cluster.metadata.propose(proposal).await.unwrap();
    cluster.town.take(certificate);
    let (space, chunks) = (cluster.space(), objects(0..3));
    let refused = cluster.nodes[0].store(space, chunks.clone()).await;
    assert!(matches!(refused, Err(ReplicationError::TooFew { .. })), "{refused:?}");
    assert_eq!((cluster.held(1, &chunks).await, cluster.held(2, &chunks).await), (0, 0));
    cluster.stop().await;
}

/// Where the policy asks for nothing that these nodes lack, the same chunks go to all of them.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn control_of_site_outside_policy_gets_no_chunk() {
    let cluster = Cluster::settled(&[0, 1, 2]).await;
    let (space, chunks) = (cluster.space(), objects(0..3));
    cluster.nodes[0].store(space, chunks.clone()).await.unwrap();
    cluster.settle().await;
    assert_eq!((cluster.held(1, &chunks).await, cluster.held(2, &chunks).await), (3, 3));
    cluster.stop().await;
}

/// Fails if a full gateway, or a full replica, stops what others have room for; if it is called full when it is not that which is
/// wanting; or if what it holds already is refused, too.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_disk_is_one_replica_that_does_not_count() {
    let mut cluster = Cluster::settled(&[0, 1, 2]).await;
    let (space, chunks) = (cluster.space(), objects(0..20));
    cluster.limit_disk(0, 0, 97);
    // By itself, and by another: it is a gateway like any.
    cluster.nodes[0].store(space, chunks[..10].to_vec()).await.unwrap();
    cluster.nodes[1].store(space, chunks[10..].to_vec()).await.unwrap();
    assert_eq!((cluster.held(0, &chunks).await, cluster.held(1, &chunks).await), (0, 20));
    let receipts = cluster.nodes[0].have(space, &ids(&chunks)).await.unwrap();
    assert!(receipts.0.iter().all(|held| *held));

    cluster.set_down(2, true);
    let full = cluster.nodes[1].store(space, objects(20..22)).await;
    assert!(matches!(full, Err(ReplicationError::TooFew { is_full: true, .. })), "room would do: {full:?}");
    cluster.set_down(1, true);
    let cut_off = cluster.nodes[0].store(space, objects(20..22)).await;
    assert!(matches!(cut_off, Err(ReplicationError::TooFew { is_full: false, .. })), "room would not do: {cut_off:?}");
    cluster.set_down(1, false);
    cluster.set_down(2, false);
    cluster.limit_disk(1, 0, 97);
    let both = cluster.nodes[2].store(space, objects(30..32)).await;
    assert!(matches!(both, Err(ReplicationError::TooFew { is_full: true, failed: 2, .. })), "{both:?}");
    cluster.nodes[2].store(space, chunks).await.unwrap();
    cluster.limit_disk(1, 90, 97);
    cluster.nodes[2].store(space, objects(30..32)).await.unwrap();
    cluster.stop().await;
}
