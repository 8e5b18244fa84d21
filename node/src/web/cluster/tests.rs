//! What `cluster status` says.

use super::*;

fn cluster() -> Cluster {
    let member = Member {
        node: "00".repeat(16),
        site: "Paris-1".to_owned(),
        country: "FR".to_owned(),
        addresses: Vec::new(),
        capacity_bytes: 1,
        role: Role::Voter,
        draining: false,
        reached: true,
        applied: None,
        lag: None,
        version: None,
        charter_ends: u64::MAX,
        partitions: 0,
        fetching: true,
        held: None,
        upkeep: Some(Upkeep { missing: Some(71), unavailable: 72, damaged: 73, failing: vec!["scrub".to_owned()] }),
    };
    Cluster {
        node: member.node.clone(),
        leader: None,
        term: 1,
        voters_change: false,
        applied: 1,
        in_force: true,
        feature_level: 1,
        cluster_time: 1,
        layout: 2,
        settled: false,
        late: true,
        lost: 0,
        taken_out: false,
        nodes: vec![member],
    }
}

#[test]
fn what_is_wrong_with_copies_stands_beside_their_node() {
    let text = cluster().text();
    for said in ["71", "72", "73", "scrub"] {
        assert!(text.contains(said), "{said}: {text}");
    }
    assert!(
        text.lines().next_back().is_some_and(|last| last.contains("000000000000")),
        "whom the layout waits for: {text}"
    );
    assert!(found(&Upkeep { missing: Some(0), ..Upkeep::default() }).is_empty());
}

/// While a cluster is being updated, the program on the disk is newer than the node that runs.
#[test]
fn what_an_earlier_version_says_is_read() {
    let mut page = serde_json::to_value(cluster()).unwrap();
    page.as_object_mut().unwrap().remove("late").unwrap();
    page["nodes"][0].as_object_mut().unwrap().remove("upkeep").unwrap();
    let read: Cluster = serde_json::from_value(page).unwrap();
    assert!(!read.late && read.nodes[0].upkeep.is_none());
}
