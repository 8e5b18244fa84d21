//! Each job, unit after unit, on nodes in one process.

use std::time::Duration;

use rustix::io::Errno;
use vauban_protocol::organisation::Statement;
use vauban_protocol::time::Timestamp;

use super::{Job, JobError, Repair, Scrub, Step, Sweep};
use crate::chunks::tests::bad_places;
use crate::chunks::{Deletion, Partition, Purpose, Stamp};
use crate::limit::{REPAIR_STEP_BYTES, SWEEP_LEAD_SECONDS_MAX};
use crate::metadata::Metadata;
use crate::replication::Replication;
use crate::replication::tests::cluster::{Cluster, ids, object, objects, stored_at};

/// Units until a job has ended a pass; more than any test needs is a job that never ends.
const UNITS_MAX: usize = 100_000;
const SELDOM: Duration = Duration::from_secs(3600);

/// One pass; what it did in all.
async fn pass<J: Job>(job: &mut J) -> Result<Step, JobError> {
    let mut total = Step::default();
    for _ in 0..UNITS_MAX {
        if !job.is_due() {
            return Ok(total);
        }
        let step = job.step().await?;
        total.seen += step.seen;
        total.changed += step.changed;
        total.bytes += step.bytes;
        total.wanting = step.wanting.or(total.wanting);
        if step.wanting.is_some() {
            return Ok(total);
        }
    }
    panic!("{} never ends", J::NAME);
}

/// One pass of repair on a node.
pub(crate) async fn repair(node: &Replication, metadata: &Metadata) -> Step {
    pass(&mut Repair::new(node.clone(), metadata.clone())).await.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_emptied_node_is_filled_again() {
    let mut cluster = Cluster::settled(&[0, 1, 2]).await;
    let chunks = objects(0..700);
    cluster.upload(0, &chunks).await;
    cluster.empty(1);
    assert_eq!(cluster.held(1, &chunks).await, 0);
    let step = repair(&cluster.nodes[1], &cluster.metadata).await;
    assert_eq!((step.changed, step.wanting), (701, Some(0)), "the chunks, and the epoch's bundle");
    assert_eq!(cluster.held(1, &chunks).await, 700);
    let again = repair(&cluster.nodes[1], &cluster.metadata).await;
    assert_eq!((again.seen, again.changed), (701, 0));
    cluster.stop().await;
}

/// One unit is what a throttle lets pass at once. Fails if it brings more, or if what is under way from one unit to the next is lost or
/// counted twice.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_unit_of_repair_brings_no_more_than_it_may() {
    let mut cluster = Cluster::settled(&[0, 1, 2]).await;
    let chunks: Vec<_> = (0..24).map(|number| object(number, 4 << 20)).collect();
    for some in chunks.chunks(3) {
        cluster.upload(0, some).await;
    }
    cluster.empty(1);
    let mut repairing = Repair::new(cluster.nodes[1].clone(), cluster.metadata.clone());
    assert!(repairing.is_due());
    let first = repairing.step().await.unwrap();
    assert!(first.bytes <= REPAIR_STEP_BYTES as u64 && first.wanting.is_none(), "{first:?}");
    let rest = pass(&mut repairing).await.unwrap();
    assert_eq!((first.changed + rest.changed, rest.wanting), (25, Some(0)), "the chunks, and the epoch's bundle");
    assert_eq!(cluster.held(1, &chunks).await, 24);
    cluster.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_nobody_has_is_said_and_brought_once_it_is_there() {
    let mut cluster = Cluster::settled(&[0, 1, 2]).await;
    let chunks = objects(0..5);
    cluster.set_down(2, true);
    cluster.upload(0, &chunks).await;
    cluster.set_down(2, false);
    cluster.set_down(0, true);
    cluster.set_down(1, true);
    assert_eq!(repair(&cluster.nodes[2], &cluster.metadata).await.wanting, Some(5));
    cluster.set_down(1, false);
    let step = repair(&cluster.nodes[2], &cluster.metadata).await;
    assert_eq!((step.changed, step.wanting), (5, Some(0)));
    cluster.stop().await;
}

/// A node that was cut off, or slept, looks for what it missed once it meets another again, however long the next pass is off.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_missed_is_brought_when_nodes_meet_again() {
    let mut cluster = Cluster::settled(&[0, 1, 2]).await;
    let chunks = objects(0..5);
    let mut repairing = Repair::new(cluster.nodes[2].clone(), cluster.metadata.clone());
    pass(&mut repairing).await.unwrap();
    cluster.set_down(2, true);
    cluster.upload(0, &chunks).await;
    cluster.set_down(2, false);
    assert!(!repairing.is_due(), "nothing has told it yet");
    cluster.meet();
    assert!(!repairing.is_due(), "lines that come and go are no reason to look all the time");
    let mut repairing = repairing.rested();
    let step = pass(&mut repairing).await.unwrap();
    assert_eq!((step.changed, step.wanting), (5, Some(0)));
    assert!(!repairing.rested().is_due(), "once for each meeting");
    cluster.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rotten_byte_is_found_and_healed() {
    let mut cluster = Cluster::settled(&[0, 1, 2]).await;
    let chunks = objects(0..30);
    cluster.upload(0, &chunks).await;
    cluster.settle().await;
    cluster.rot(2, &chunks[17]);
    let mut repairing = Repair::new(cluster.nodes[2].clone(), cluster.metadata.clone());
    pass(&mut repairing).await.unwrap();
    assert!(!repairing.is_due(), "nothing has told it yet");
    let (folder, begun) = (tempfile::tempdir().unwrap(), crate::clock::now());
    let noted = folder.path().join("scrubbed.json");
    let mut scrub = Scrub::new(cluster.nodes[2].chunks().clone(), SELDOM, &noted).rested();
    let found = pass(&mut scrub).await.unwrap();
    assert_eq!((found.seen, found.changed, found.wanting), (31, 1, Some(1)));
    assert!(!scrub.is_due());
    let started_again = Scrub::new(cluster.nodes[2].chunks().clone(), SELDOM, &noted);
    assert!(started_again.verified().and_then(|verified| verified.since).is_some_and(|since| since >= begun));
    assert_eq!(cluster.held(2, &chunks).await, 29);
    assert!(repairing.is_due(), "at once");
    pass(&mut repairing).await.unwrap();
    assert_eq!(
        cluster.nodes[2].chunks().get(cluster.space(), chunks[17].id()).await.unwrap().as_ref(),
        Some(chunks[17].object())
    );
    cluster.stop().await;
}

/// A place that the disk cannot read is a copy less, which is found and brought again. One that it could not be asked about is read
/// later: fails if a pass leaves it out.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_unreadable_place_is_found_and_healed() {
    let mut cluster = Cluster::settled(&[0, 1, 2]).await;
    let chunks: Vec<_> = (0..10).map(|number| object(number, 20_000)).collect();
    cluster.upload(0, &chunks).await;
    cluster.settle().await;
    let mut repairing = Repair::new(cluster.nodes[2].clone(), cluster.metadata.clone());
    pass(&mut repairing).await.unwrap();
    let unasked = cluster.spoil(2, &chunks[7], Errno::MFILE, 1);
    let bad = cluster.spoil(2, &chunks[7], Errno::IO, usize::MAX);
    let folder = tempfile::tempdir().unwrap();
    let noted = folder.path().join("scrubbed.json");
    let mut scrub = Scrub::new(cluster.nodes[2].chunks().clone(), SELDOM, &noted).rested();
    assert!(matches!(pass(&mut scrub).await, Err(JobError::Store(_))));
    assert_eq!(cluster.held(2, &chunks).await, 10);
    let found = pass(&mut scrub).await.unwrap();
    assert_eq!((found.changed, found.wanting), (1, Some(1)));
    assert_eq!(cluster.held(2, &chunks).await, 9);
    assert!(repairing.is_due(), "at once");
    assert_eq!(pass(&mut repairing).await.unwrap().changed, 1);
    assert_eq!(
        cluster.nodes[2].chunks().get(cluster.space(), chunks[7].id()).await.unwrap().as_ref(),
        Some(chunks[7].object())
    );
    drop((unasked, bad));
    cluster.stop().await;
}

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

/// A node that fails a promise is brought a copy that is stamped anew: an older state's word does not take it away.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_copy_that_comes_back_is_stamped_as_of_now() {
    let mut cluster = Cluster::settled(&[0, 1, 2]).await;
    let chunks = objects(0..3);
    cluster.upload(0, &chunks).await;
    cluster.empty(1);
    repair(&cluster.nodes[1], &cluster.metadata).await;
    let mut stamps = Vec::new();
    for partition in Partition::all() {
        stamps.extend(cluster.nodes[1].chunks().ids_in(partition, None).await.unwrap());
    }
    let at = cluster.metadata.view().floor();
    assert!(stamps.len() == 4 && stamps.iter().all(|held| held.stamp >= Stamp(at)), "{stamps:?}");
    cluster.stop().await;
}

/// Past the first limit only clients are refused; past the second nothing is fetched in vain, what is missing is counted, no report
/// is given, and once there is room it is brought without any other cause.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn repair_writes_past_the_first_limit_and_waits_past_the_second() {
    let mut cluster = Cluster::settled(&[0, 1, 2]).await;
    let chunks = objects(0..30);
    cluster.limit_disk(2, 0, 97);
    cluster.upload(0, &chunks).await;
    assert_eq!(cluster.held(2, &chunks).await, 0);
    let step = repair(&cluster.nodes[2], &cluster.metadata).await;
    assert_eq!((step.changed, step.wanting, cluster.held(2, &chunks).await), (30, Some(0), 30));

    cluster.limit_disk(2, 0, 0);
    let more = objects(30..50);
    cluster.upload(0, &more).await;
    let mut repairing = Repair::new(cluster.nodes[2].clone(), cluster.metadata.clone());
    let step = pass(&mut repairing).await.unwrap();
    assert_eq!((step.changed, step.bytes, step.wanting), (0, 0, Some(20)));
    assert!(!repairing.is_due(), "there is no room yet");
    drop(repairing);
    cluster.limit_disk(2, 90, 97);
    let step = repair(&cluster.nodes[2], &cluster.metadata).await;
    assert_eq!((step.changed, step.wanting, cluster.held(2, &more).await), (20, Some(0), 20));
    cluster.stop().await;
}
