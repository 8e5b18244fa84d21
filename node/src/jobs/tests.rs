//! Each job, unit after unit, on nodes in one process.

mod sweeping;

use std::time::Duration;

use rustix::io::Errno;
use vauban_protocol::organisation::Statement;
use vauban_protocol::time::Timestamp;

use super::{Backup, Job, JobError, Repair, Scrub, Step, Sweep};
use crate::chunks::tests::bad_places;
use crate::chunks::{Deletion, Duty, Partition, Purpose, Stamp};
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
        total.lost = step.lost.or(total.lost);
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

/// Two passes in a row on a node that lets lost chunks hold up a layout for so long; the second one's end.
async fn repair_twice(cluster: &Cluster, number: usize, lost_after: Duration) -> Step {
    let repairing = Repair::new(cluster.nodes[number].clone(), cluster.metadata.clone());
    let mut repairing = repairing.lost_after(lost_after);
    pass(&mut repairing).await.unwrap();
    cluster.meet();
    pass(&mut repairing.rested()).await.unwrap()
}

fn is_settled(cluster: &Cluster) -> bool {
    cluster.metadata.view().layouts().is_settled()
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
    assert_eq!(repairing.owed(), Some(25 - first.changed), "known while they are brought, not only at the end");
    let rest = pass(&mut repairing).await.unwrap();
    assert_eq!((first.changed + rest.changed, rest.wanting), (25, Some(0)), "the chunks, and the epoch's bundle");
    assert_eq!((repairing.owed(), cluster.held(1, &chunks).await), (Some(0), 24));
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

/// A row without any copy, as two failed disks leave it, or a device that makes an id up. Fails if it holds up a layout for ever; or if the
/// layout goes on while one that may have a copy is silent, before the wait is over, or after a single pass.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_no_node_has_holds_up_no_layout() {
    let mut cluster = Cluster::settled(&[0, 1, 2, 2]).await;
    let (chunks, made_up) = (objects(0..50), object(1_000, 900));
    cluster.upload(0, &chunks).await;
    let at = cluster.metadata.view().applied();
    cluster.commit(&[made_up.id()], at).await.unwrap();
    let drained = cluster.nodes[1].node();
    cluster.certify(Statement::DrainNode { node: drained }).await;
    let newcomers = [2, 3];

    cluster.set_down(1, true);
    for number in newcomers {
        let step = repair_twice(&cluster, number, Duration::ZERO).await;
        assert_eq!((step.wanting, step.lost), (Some(1), Some(0)), "the silent one may have it");
    }
    cluster.set_down(1, false);
    for number in newcomers {
        let step = repair_twice(&cluster, number, SELDOM).await;
        assert_eq!((step.wanting, step.lost), (Some(1), Some(1)));
        let hasty = Repair::new(cluster.nodes[number].clone(), cluster.metadata.clone());
        pass(&mut hasty.lost_after(Duration::ZERO)).await.unwrap();
    }
    assert!(!is_settled(&cluster), "not before the wait is over, nor after one pass");
    for number in newcomers {
        let step = repair_twice(&cluster, number, Duration::ZERO).await;
        assert_eq!((step.wanting, step.lost), (Some(1), Some(1)), "it is said all the same");
        assert_eq!(cluster.held(number, &chunks).await, 50);
    }
    assert!(is_settled(&cluster));

    // It is looked for as before: once a device has sent it, every replica gets it.
    cluster.upload(0, std::slice::from_ref(&made_up)).await;
    for number in newcomers {
        let step = repair(&cluster.nodes[number], &cluster.metadata).await;
        assert_eq!((step.wanting, step.lost), (Some(0), Some(0)));
        assert_eq!(cluster.held(number, std::slice::from_ref(&made_up)).await, 1);
    }
    cluster.stop().await;
}

/// Fails if repair asks the replicas alone: the last copy may lie where an earlier layout has left it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_last_copy_is_found_wherever_it_is() {
    let mut cluster = Cluster::settled(&[0, 1, 2, 2]).await;
    let chunk = object(1, 900);
    cluster.upload(0, std::slice::from_ref(&chunk)).await;
    cluster.settle().await;
    let (layouts, partition) = (cluster.metadata.view().layouts(), Partition::of(&chunk.id()));
    let is_stranger = |number: &usize| layouts.duty(cluster.nodes[*number].node(), partition) != Duty::Assigned;
    let stranger = [2, 3].into_iter().find(is_stranger).expect("a site holds it once");
    let stamp = Stamp(cluster.metadata.view().applied());
    let left = cluster.nodes[stranger].chunks().put(cluster.space(), vec![chunk.clone()], stamp, Purpose::Repair).await;
    left.unwrap();
    for number in (0..4).filter(|number| *number != stranger) {
        cluster.empty(number);
    }
    repair(&cluster.nodes[0], &cluster.metadata).await;
    assert_eq!(cluster.held(0, std::slice::from_ref(&chunk)).await, 1);
    cluster.stop().await;
}

/// A node is taken out that alone has what was acknowledged. Fails if those who stay do not take it from there, or if they wait for a
/// machine for ever that an admin has called lost; or if such a machine deletes what it has, or is not asked once it is found again.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_was_taken_out_gives_what_it_alone_has_or_is_gone_with_it() {
    for comes_back in [true, false] {
        let mut cluster = Cluster::settled(&[0, 1, 2]).await;
        let chunks = objects(0..20);
        cluster.upload(0, &chunks).await;
        cluster.settle().await;
        let staying = [0, 2];
        staying.into_iter().for_each(|number| cluster.empty(number));
        let taken_out = cluster.nodes[1].node();
        cluster.certify(Statement::RemoveNode { node: taken_out }).await;
        cluster.set_down(1, true);
        for number in staying {
            let step = repair_twice(&cluster, number, SELDOM).await;
            assert_eq!((step.wanting, step.lost), (Some(21), Some(21)), "the chunks, and the epoch's bundle");
        }
        assert!(!is_settled(&cluster), "it may come back");
        cluster.set_down(1, !comes_back);
        for number in staying {
            let step = repair_twice(&cluster, number, Duration::ZERO).await;
            let expected = if comes_back { Some(0) } else { Some(21) };
            assert_eq!((step.wanting, step.lost), (expected, expected));
            assert_eq!(cluster.held(number, &chunks).await, if comes_back { 20 } else { 0 });
        }
        assert!(is_settled(&cluster) && !cluster.metadata.view().layouts().names(taken_out));

        // It is found again after all: nothing was deleted there, and it is asked.
        assert!(!Sweep::new(cluster.nodes[1].clone(), SELDOM).is_due());
        cluster.set_down(1, false);
        repair(&cluster.nodes[0], &cluster.metadata).await;
        assert_eq!(cluster.held(0, &chunks).await, 20);
        cluster.stop().await;
    }
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

/// Fails if a node that starts again and again pushes the backups of other days out with those of the last minutes.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_that_starts_often_keeps_older_backups() {
    let cluster = Cluster::settled(&[0]).await;
    let (folder, node, now) =
        (tempfile::tempdir().unwrap(), cluster.nodes[0].node(), cluster.metadata.view().cluster_time());
    let hour = SELDOM.as_secs();
    for hours in [5, 3, 2] {
        cluster.metadata.back_up_to(folder.path(), Timestamp(now.0 - hours * hour)).unwrap();
    }
    let start = || Backup::new(cluster.metadata.clone(), node, folder.path().to_owned(), SELDOM, 3).rested();
    let ages = || {
        let written = Metadata::backups(folder.path(), node).unwrap();
        written.iter().map(|(at, _)| now.0.saturating_sub(at.0) / hour).collect::<Vec<_>>()
    };
    assert_eq!(pass(&mut start()).await.unwrap().changed, 1);
    assert_eq!(ages(), [3, 2, 0]);
    for _ in 0..3 {
        let mut started = start();
        assert_eq!(pass(&mut started).await.unwrap().changed, 0, "the newest one is young");
        assert!(!started.is_due());
    }
    assert_eq!(ages(), [3, 2, 0]);
    cluster.stop().await;
}

/// Fails if what is written after a clock was set back counts as older than all that there is, and goes first.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_backup_written_later_is_kept_longer() {
    let cluster = Cluster::settled(&[0]).await;
    let (folder, node) = (tempfile::tempdir().unwrap(), cluster.nodes[0].node());
    let ahead = cluster.metadata.view().cluster_time().plus(365 * 86_400);
    cluster.metadata.back_up_to(folder.path(), ahead).unwrap();
    // It has always run for long enough.
    let mut backup = Backup::new(cluster.metadata.clone(), node, folder.path().to_owned(), Duration::ZERO, 2).rested();
    for _ in 0..2 {
        assert_eq!(backup.step().await.unwrap().changed, 1);
    }
    let kept: Vec<_> = Metadata::backups(folder.path(), node).unwrap().into_iter().map(|(at, _)| at).collect();
    assert_eq!(kept, [ahead.plus(1), ahead.plus(2)]);
    cluster.stop().await;
}
