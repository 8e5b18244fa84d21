//! Sweep: what goes, what stays, and when.

use rustix::io::Errno;
use vauban_protocol::organisation::Statement;
use vauban_protocol::time::Timestamp;

use super::*;

/// Fails if a segment that cannot be read keeps the others from being given back, or a pass from its end.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_unreadable_segment_stops_no_sweep() {
    let mut cluster = Cluster::settled(&[0, 1, 2]).await;
    cluster.split_segments(0);
    let (space, kept, loose, later) = (cluster.space(), objects(0..1), objects(1..9), objects(9..20));
    for chunks in [[kept.clone(), loose].concat(), later.clone()] {
        cluster.nodes[0].chunks().put(space, chunks, Stamp(1), Purpose::Upload).await.unwrap();
    }
    cluster.upload(0, &kept).await;
    let drained = cluster.nodes[2].node();
    cluster.certify(Statement::DrainNode { node: drained }).await;
    let (unreadable, _) = bad_places::find(&cluster.segments(0), kept[0].object());
    let (garbage, _) = bad_places::find(&cluster.segments(0), later[0].object());
    let bad = bad_places::spoil(&unreadable, 0..u64::MAX, Errno::IO);
    let mut sweep = Sweep::new(cluster.nodes[0].clone(), SELDOM);
    assert_eq!(pass(&mut sweep).await.unwrap().changed, 8 + 11);
    assert!(unreadable.exists() && !garbage.exists());
    assert!(!sweep.is_due(), "its pass is over");
    drop(bad);
    cluster.stop().await;
}

/// Whatever keeps space from being given back: the next pass begins when it is due, and deletes.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_failure_to_give_space_back_ends_the_pass() {
    let cluster = Cluster::settled(&[0, 1, 2]).await;
    let mut sweep = Sweep::new(cluster.nodes[0].clone(), SELDOM);
    let (folder, away) = (cluster.store_path(0), cluster.store_path(0).with_extension("away"));
    // The system does not say any more how full the disk is.
    std::fs::rename(&folder, &away).unwrap();
    let failed = pass(&mut sweep).await;
    std::fs::rename(&away, &folder).unwrap();
    assert!(matches!(failed, Err(JobError::Store(_))), "{failed:?}");
    assert!(!sweep.is_due());
    cluster.stop().await;
}

/// A drained node ends empty, and what it held is on the others.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_drained_node_ends_empty() {
    let mut cluster = Cluster::settled(&[0, 1, 2, 2]).await;
    let chunks = objects(0..200);
    cluster.upload(3, &chunks).await;
    cluster.settle().await;
    let drained = cluster.nodes[1].node();
    cluster.certify(Statement::DrainNode { node: drained }).await;
    let mut sweep = Sweep::new(cluster.nodes[1].clone(), SELDOM);
    assert_eq!(pass(&mut sweep).await.unwrap().changed, 0, "others may still copy from it");
    cluster.settle().await;
    assert!(sweep.is_due(), "the layout has settled");
    pass(&mut sweep).await.unwrap();
    assert_eq!(cluster.nodes[1].chunks().stats().unwrap().chunks, 0);
    for number in [0, 2, 3] {
        pass(&mut Sweep::new(cluster.nodes[number].clone(), SELDOM)).await.unwrap();
    }
    let copies = cluster.held(0, &chunks).await + cluster.held(2, &chunks).await + cluster.held(3, &chunks).await;
    assert_eq!(copies, 3 * 200, "two sites are left, and each chunk has three copies on them");
    cluster.stop().await;
}

/// A layout may have settled while a disk was not there: what is on it then is the last copy. Fails if it goes before a replica has it, or never.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_turns_up_on_a_relieved_node_stays_until_a_replica_has_it() {
    let mut cluster = Cluster::settled(&[0, 1, 2, 2]).await;
    let chunks = objects(0..24);
    cluster.upload(3, &chunks).await;
    cluster.settle().await;
    let drained = cluster.nodes[1].node();
    cluster.certify(Statement::DrainNode { node: drained }).await;
    cluster.settle().await;
    assert!(cluster.held(1, &chunks).await > 0);
    [0, 2, 3].into_iter().for_each(|number| cluster.empty(number));
    let mut sweep = Sweep::new(cluster.nodes[1].clone(), SELDOM);
    assert_eq!(pass(&mut sweep).await.unwrap().changed, 0, "no other node has any of it");
    for number in [0, 2, 3] {
        repair(&cluster.nodes[number], &cluster.metadata).await;
    }
    let mut again = Sweep::new(cluster.nodes[1].clone(), SELDOM);
    pass(&mut again).await.unwrap();
    assert_eq!(cluster.held(1, &chunks).await, 0);
    cluster.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sweep_takes_what_has_no_row_once_the_floor_has_passed_it() {
    let mut cluster = Cluster::settled(&[0, 1, 2]).await;
    let (space, kept, loose) = (cluster.space(), objects(0..10), objects(10..15));
    cluster.upload(0, &kept).await;
    cluster.nodes[0].store(space, loose.clone()).await.unwrap();
    let sweep = |cluster: &Cluster| Sweep::new(cluster.nodes[0].clone(), SELDOM);
    assert_eq!(pass(&mut sweep(&cluster)).await.unwrap().changed, 0, "promised, and not old");
    // A change of layout raises the floor: no commit can rest on those receipts any more.
    let drained = cluster.nodes[2].node();
    cluster.certify(Statement::DrainNode { node: drained }).await;
    let (held, _) = cluster.nodes[0].have(space, &ids(&loose[..2])).await.unwrap();
    assert_eq!(held, [true, true]);
    assert_eq!(pass(&mut sweep(&cluster)).await.unwrap().changed, 3, "but for those promised again");
    assert_eq!((cluster.held(0, &kept).await, cluster.held(0, &loose[..2]).await), (10, 2));
    cluster.stop().await;
}

/// A leader that lies can end every retention at once; then rows are gone, and bytes must not be. Fails if a node deletes or reclaims
/// while the cluster's time is far ahead of its own clock, in mid-pass, too; or if it never goes on.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sweep_holds_while_the_clusters_time_is_far_ahead() {
    let behind = || Timestamp(crate::clock::now().0 - 2 * SWEEP_LEAD_SECONDS_MAX);
    let mut cluster = Cluster::settled(&[0, 1, 2]).await;
    let (space, loose) = (cluster.space(), objects(0..5));
    cluster.nodes[0].store(space, loose.clone()).await.unwrap();
    let drained = cluster.nodes[2].node();
    cluster.certify(Statement::DrainNode { node: drained }).await;
    let mut sweep = Sweep::new(cluster.nodes[0].clone(), SELDOM).by(behind);
    assert!(!sweep.is_due() && sweep.is_held_back());
    let mut sweep = sweep.by(crate::clock::now);
    assert!(sweep.is_due() && !sweep.is_held_back());
    let first = sweep.step().await.unwrap();
    let mut sweep = sweep.by(behind);
    assert!(!sweep.is_due() && sweep.is_held_back(), "in mid-pass");
    let mut sweep = sweep.by(crate::clock::now);
    assert_eq!(first.changed + pass(&mut sweep).await.unwrap().changed, 5);
    cluster.stop().await;
}

/// `sweep_after_reupload`: what is sent again after it was swept is there again, with its promise.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sweep_after_reupload() {
    let mut cluster = Cluster::settled(&[0, 1, 2]).await;
    let (space, chunk) = (cluster.space(), object(1, 900));
    cluster.nodes[0].store(space, vec![chunk.clone()]).await.unwrap();
    let drained = cluster.nodes[2].node();
    cluster.certify(Statement::DrainNode { node: drained }).await;
    for number in 0..2 {
        pass(&mut Sweep::new(cluster.nodes[number].clone(), SELDOM)).await.unwrap();
    }
    assert_eq!(cluster.nodes[0].have(space, &[chunk.id()]).await.unwrap().0, [false]);
    cluster.upload(0, std::slice::from_ref(&chunk)).await;
    for number in 0..2 {
        pass(&mut Sweep::new(cluster.nodes[number].clone(), SELDOM)).await.unwrap();
        assert_eq!(cluster.held(number, std::slice::from_ref(&chunk)).await, 1);
    }
    cluster.stop().await;
}

/// `pending_sweep_races_commit`: sweep has read a state and not acted yet, when a client is promised the chunk and commits.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pending_sweep_races_commit() {
    let mut cluster = Cluster::settled(&[0, 1, 2]).await;
    let (space, chunk) = (cluster.space(), object(1, 900));
    cluster.nodes[0].store(space, vec![chunk.clone()]).await.unwrap();
    let drained = cluster.nodes[2].node();
    cluster.certify(Statement::DrainNode { node: drained }).await;
    let node = &cluster.nodes[0];
    let need = cluster.metadata.view().need(space, chunk.id(), node.node()).unwrap();
    let (held, receipts) = node.have(space, &[chunk.id()]).await.unwrap();
    assert_eq!(held, [true]);
    let deletion = node.chunks().delete_if(space, chunk.id(), need).await.unwrap();
    assert_eq!(deletion, Deletion::Needed, "the promise came first");
    cluster.commit(&[chunk.id()], stored_at(&receipts)).await.unwrap();
    assert_eq!(cluster.held(0, std::slice::from_ref(&chunk)).await, 1);
    cluster.stop().await;
}
