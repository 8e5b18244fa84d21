//! What is wrong with a node, or with any other, is said on its page, the worst first.

use std::time::Duration;

use vauban_protocol::organisation::Charter;
use vauban_protocol::signature::Ed25519Key;
use vauban_protocol::time::Timestamp;

use super::*;
use crate::chunks::{DiskLimits, StoreStats};
use crate::jobs::{JobState, JobStatus, Verified};
use crate::metadata::tests::town;
use crate::reserve::Standing;
use crate::web::dashboard::situation::{Job, Quorum};

fn charter(byte: u8) -> Charter {
    town::charter(Ed25519Key([byte; 32]), format!("Site-{byte}"))
}

/// A node that answers, and whose jobs have found nothing wrong.
fn member(byte: u8) -> Member {
    Member {
        charter: charter(byte),
        votes: Some(true),
        is_draining: false,
        is_leader: byte == 1,
        is_reached: Some(true),
        lag: Some(0),
        held: None,
        upkeep: Some(Upkeep { missing: Some(0), ..Upkeep::default() }),
    }
}

/// Three of them, on a site each, as the first one sees them; these found by the jobs of one.
fn three(whose: u8, found: Upkeep) -> Situation {
    let mut nodes = vec![member(1), member(2), member(3)];
    nodes[usize::from(whose) - 1].upkeep = Some(found);
    Situation { nodes, copies: 3, ..situation() }
}

fn situation() -> Situation {
    let disk = DiskUse { used_bytes: 10, total_bytes: 100 };
    let store =
        StoreStats { chunks: 1, object_bytes: 1, segment_bytes: 1, quarantined: 0, groups: 1, disk, fill: Fill::Roomy };
    Situation {
        now: Timestamp(1_000),
        node: charter(1).node(),
        applied: 1,
        lag_seconds: 0,
        purge_late_seconds: 0,
        disk_limits: DiskLimits::default(),
        reserve: Standing::default(),
        store: Some(store),
        nodes: Vec::new(),
        copies_min: 0,
        sites_min: 0,
        quorum: None,
        copies: 0,
        waiting: 0,
        is_layout_late: false,
        jobs: Vec::new(),
        rates: None,
    }
}

fn told(situation: &Situation) -> String {
    let all = concerns(situation, Language::English);
    assert!(all.is_sorted_by_key(|concern| concern.level), "the worst first: {all:?}");
    all.into_iter().map(|concern| concern.what).collect::<Vec<_>>().join("\n")
}

#[test]
fn what_is_known_to_be_wrong_is_said() {
    let well = situation();
    let revoked = "This node has no charter";
    assert_eq!(told(&well).lines().count(), 1, "{}", told(&well));
    assert!(told(&well).contains(revoked));
    let store = |used_bytes, quarantined| {
        let disk = DiskUse { used_bytes, total_bytes: 100 };
        let fill = well.disk_limits.fill(disk);
        well.store.map(|store| StoreStats { disk, fill, quarantined, ..store })
    };
    for (situation, said) in [
        (Situation { store: None, ..well.clone() }, "storage does not answer"),
        (Situation { store: store(90, 0), ..well.clone() }, "uploads are refused from 90%"),
        (Situation { store: store(97, 0), ..well.clone() }, "from 97%, nothing is written"),
        (
            Situation { reserve: Standing { is_short: true, ..Standing::default() }, ..well.clone() },
            "reserve is given up",
        ),
        (Situation { store: store(80, 0), ..well.clone() }, "at 90% uploads are refused"),
        (Situation { store: store(10, 3), ..well.clone() }, "3 damaged"),
        (Situation { lag_seconds: 181, ..well.clone() }, "181 s from the cluster's time"),
        (Situation { lag_seconds: -3_600, ..well.clone() }, "-3600 s from the cluster's time"),
        (Situation { lag_seconds: -7_200, ..well.clone() }, "2 h ahead of this node's clock"),
        (Situation { purge_late_seconds: 90_000, ..well.clone() }, "is 1 days late"),
        (Situation { copies_min: 3, sites_min: 2, ..well.clone() }, "3 copies on 2 site(s)"),
        (
            Situation { quorum: Some(Quorum { voters: 3, reached: 1, has_leader: false }), ..well.clone() },
            "No majority: 1 of 3",
        ),
    ] {
        assert!(told(&situation).contains(said), "{said}: {}", told(&situation));
    }
    let scrub = |age: u64| {
        let verified = Verified { since: Some(Timestamp(well.now.0 - age)), every: Duration::from_secs(100) };
        let status = JobStatus { verified: Some(verified), ..JobStatus::default() };
        Situation { jobs: vec![Job::of("scrub", status)], ..well.clone() }
    };
    assert!(told(&scrub(201)).contains("was read again for 3 min"), "{}", told(&scrub(201)));
    assert_eq!(told(&scrub(199)), told(&well));
    assert_eq!(scrub(199).unread_seconds(), Some(199));
}

/// Fails if what any node misses, or has found damaged, is told on its own page alone, or only once a pass is over.
#[test]
fn what_a_node_has_found_of_its_copies_is_said_on_every_page() {
    let well = three(1, Upkeep::default());
    assert_eq!(told(&well), "");
    let missing = Upkeep { missing: Some(700), ..Upkeep::default() };
    assert!(told(&three(1, missing.clone())).contains("700 copy(ies) are missing on this node"));
    let node = charter(2).node();
    for (found, said) in [
        (missing.clone(), format!("700 copy(ies) are missing on node {node} (Site-2)")),
        (Upkeep { unavailable: 4, missing: Some(4), ..Upkeep::default() }, format!("4 chunk(s) of which node {node}")),
        (Upkeep { damaged: 3, ..Upkeep::default() }, format!("3 damaged copy(ies) on node {node}")),
        (Upkeep { failing: vec!["scrub".to_owned()], ..Upkeep::default() }, "this fails: scrub".to_owned()),
    ] {
        let told = told(&three(2, found));
        assert!(told.contains(&said) && told.lines().count() == 1, "{said}: {told}");
    }
    let late = Situation { is_layout_late: true, waiting: 2, ..well };
    assert!(told(&late).contains("2 node(s) do not have all of theirs yet"));
    let french = concerns(&three(2, missing), Language::French);
    assert!(french.iter().any(|concern| concern.what.contains("700 copie(s) manquent sur le nœud")), "{french:?}");
}

/// Fails if data that one more loss may take are called safe.
#[test]
fn missing_copies_are_a_danger_where_one_may_be_left() {
    let missing = || Upkeep { missing: Some(1), ..Upkeep::default() };
    let worst = |situation: &Situation| concerns(situation, Language::English).first().map(|concern| concern.level);
    assert_eq!(worst(&three(2, missing())), Some(Level::Warning), "two others have theirs");
    let mut two_lack = three(2, missing());
    two_lack.nodes[2].upkeep = Some(missing());
    assert_eq!(worst(&two_lack), Some(Level::Danger));
    let two_copies = Situation { copies: 2, ..three(2, missing()) };
    assert_eq!(worst(&two_copies), Some(Level::Danger));
}

/// A job that has failed is said to fail until it does not, not only while it waits for its next try.
#[test]
fn a_job_fails_until_it_has_gone_on() {
    let status = JobStatus { state: JobState::Working, failure: Some("no room".to_owned()), ..JobStatus::default() };
    let failing = Situation { jobs: vec![Job::of("sweep", status)], ..three(1, Upkeep::default()) };
    assert_eq!(told(&failing), "Job \"sweep\" fails: no room");
}
