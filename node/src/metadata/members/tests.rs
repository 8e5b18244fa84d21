//! The next step, for clusters that come, go and break.

use std::num::NonZeroU64;

use vauban_protocol::organisation::{Seat, Statement};
use vauban_protocol::signature::Ed25519Key;

use super::*;
use crate::metadata::tests::town::{Town, charter};

fn key(byte: u8) -> Ed25519Key {
    Ed25519Key([byte; 32])
}

fn node(byte: u8) -> NodeId {
    key(byte).node_id()
}

fn nodes(bytes: &[u8]) -> BTreeSet<NodeId> {
    bytes.iter().copied().map(node).collect()
}

/// A town whose nodes 1 to `count` are chartered, each at the site that `site` names.
fn town(count: u8, site: impl Fn(u8) -> u8) -> Town {
    let mut town = Town::new();
    for byte in 1..=count {
        let certificate = town.by_root(Statement::Charter(charter(key(byte), format!("site {}", site(byte)))));
        town.take(certificate);
    }
    town
}

fn says(town: &mut Town, statement: Statement) {
    let certificate = town.by_admin(statement);
    town.take(certificate);
}

fn seat(town: &mut Town, byte: u8, voter: bool) {
    let capacity_bytes = NonZeroU64::MIN;
    says(town, Statement::SeatNode(Seat { node: node(byte), addresses: vec!["n:1".into()], capacity_bytes, voter }));
}

/// The membership, every learner of which has caught up.
fn present(voters: &[u8], learners: &[u8]) -> Present {
    let caught_up: BTreeSet<NodeId> = nodes(&[voters, learners].concat());
    Present { voters: nodes(voters), members: caught_up.clone(), is_changing: false, caught_up }
}

/// Takes steps until none is left, as the engine would, and counts them.
fn settle(town: &Town, mut present: Present) -> (Present, usize) {
    for steps in 0..100 {
        match next(&town.organisation, &present) {
            None => return (present, steps),
            Some(Step::Admit(node)) => {
                assert!(present.members.insert(node));
                present.caught_up.insert(node);
            }
            Some(Step::Vote(voters)) => {
                assert!(!voters.is_empty() && voters.is_subset(&present.caught_up), "{voters:?}");
                (present.voters, present.is_changing) = (voters, false);
            }
            Some(Step::Dismiss(node)) => {
                assert!(!present.voters.contains(&node) && present.members.remove(&node));
                present.caught_up.remove(&node);
            }
        }
    }
    panic!("no end");
}

#[test]
fn a_second_node_learns_and_a_third_makes_both_vote() {
    let mut town = town(3, |byte| byte);
    seat(&mut town, 1, true);
    let (alone, steps) = settle(&town, present(&[1], &[]));
    assert_eq!((&alone, steps), (&present(&[1], &[]), 0));
    seat(&mut town, 2, true);
    let (two, _) = settle(&town, alone);
    assert_eq!(two, present(&[1], &[2]), "an even number survives no more");
    seat(&mut town, 3, true);
    let (three, _) = settle(&town, two);
    assert_eq!(three, present(&[1, 2, 3], &[]));
}

#[test]
fn a_learner_that_lags_has_no_vote() {
    let mut town = town(3, |byte| byte);
    (1..=3).for_each(|byte| seat(&mut town, byte, true));
    let mut lagging = present(&[1], &[2, 3]);
    lagging.caught_up.remove(&node(3));
    assert_eq!(next(&town.organisation, &lagging), None);
}

#[test]
fn a_change_that_was_interrupted_is_ended_first() {
    let mut town = town(4, |byte| byte);
    (1..=4).for_each(|byte| seat(&mut town, byte, true));
    let changing = Present { is_changing: true, ..present(&[1, 2, 3], &[]) };
    assert_eq!(next(&town.organisation, &changing), Some(Step::Vote(nodes(&[1, 2, 3]))));
}

#[test]
fn a_removed_voter_loses_its_vote_before_it_goes() {
    let mut town = town(4, |byte| byte);
    (1..=4).for_each(|byte| seat(&mut town, byte, true));
    let (four, _) = settle(&town, present(&[1], &[]));
    assert_eq!(four, present(&[1, 2, 3], &[4]));
    says(&mut town, Statement::RemoveNode { node: node(2) });
    assert_eq!(next(&town.organisation, &four), Some(Step::Vote(nodes(&[1, 3, 4]))));
    let (after, steps) = settle(&town, four);
    assert_eq!((after, steps), (present(&[1, 3, 4], &[]), 2));
}

/// Fails if removing one of three makes what is acknowledged rest on one disk.
#[test]
fn two_voters_are_not_made_one() {
    let mut town = town(3, |byte| byte);
    (1..=3).for_each(|byte| seat(&mut town, byte, true));
    says(&mut town, Statement::RemoveNode { node: node(3) });
    let (two, _) = settle(&town, present(&[1, 2, 3], &[]));
    assert_eq!(two, present(&[1, 2], &[]));
}

#[test]
fn a_draining_voter_votes_until_another_can() {
    let mut town = town(4, |byte| byte);
    (1..=3).for_each(|byte| seat(&mut town, byte, true));
    says(&mut town, Statement::DrainNode { node: node(2) });
    let three = present(&[1, 2, 3], &[]);
    assert_eq!(next(&town.organisation, &three), None);
    seat(&mut town, 4, true);
    let (after, _) = settle(&town, three);
    assert_eq!(after, present(&[1, 3, 4], &[2]), "it stays, without a vote");
}

#[test]
fn a_revoked_charter_ends_a_membership() {
    let mut town = town(3, |byte| byte);
    (1..=3).for_each(|byte| seat(&mut town, byte, true));
    let certificate = town.by_root(Statement::RevokeCharter { node: node(1) });
    town.take(certificate);
    let (after, _) = settle(&town, present(&[1, 2, 3], &[]));
    assert_eq!(after, present(&[2, 3], &[]));
}

#[test]
fn learners_by_choice_stay_learners() {
    let mut town = town(3, |byte| byte);
    seat(&mut town, 1, true);
    (2..=3).for_each(|byte| seat(&mut town, byte, false));
    let (after, _) = settle(&town, present(&[1], &[]));
    assert_eq!(after, present(&[1], &[2, 3]));
    seat(&mut town, 1, false);
    let (after, _) = settle(&town, after);
    assert_eq!(after, present(&[1], &[2, 3]), "somebody votes");
}

#[test]
fn voters_are_seven_at_most_and_spread_over_sites() {
    let mut town = town(12, |byte| byte % 4);
    (1..=12).for_each(|byte| seat(&mut town, byte, true));
    let everybody: Vec<u8> = (2..=12).collect();
    let (after, _) = settle(&town, present(&[1], &everybody));
    assert_eq!(after.voters.len(), VOTERS_MAX);
    let at = |site: u8| after.voters.iter().filter(|id| (1..=12).any(|b| node(b) == **id && b % 4 == site)).count();
    assert!((0..4).all(|site| (1..=2).contains(&at(site))));
}

/// A founding node that nobody has seated yet goes on.
#[test]
fn the_founding_node_votes_without_a_seat() {
    let mut town = town(3, |byte| byte);
    seat(&mut town, 2, true);
    let (after, _) = settle(&town, present(&[1], &[]));
    assert_eq!(after, present(&[1], &[2]));
}

/// Whatever is said, in whatever order: steps come to an end, somebody votes, and the number of voters is odd or two.
#[test]
fn every_history_settles() {
    let mut draws = 7u64;
    let mut draw = |below: u64| {
        draws = draws.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (draws >> 33) % below
    };
    for _ in 0..20 {
        let mut town = town(9, |byte| byte % 3);
        let mut now = present(&[1], &[]);
        for _ in 0..12 {
            let byte = u8::try_from(1 + draw(9)).unwrap();
            let (node, voter) = (node(byte), draw(4) > 0);
            let statement = match draw(5) {
                0 => Statement::DrainNode { node },
                1 => Statement::RemoveNode { node },
                _ => Statement::SeatNode(Seat {
                    node,
                    addresses: vec!["n:1".into()],
                    capacity_bytes: NonZeroU64::MIN,
                    voter,
                }),
            };
            let certificate = town.by_admin(statement);
            if town.organisation.clone().extend(certificate.clone()).is_ok() {
                town.take(certificate);
            }
            if !town.organisation.was_seated() {
                continue;
            }
            now = settle(&town, now).0;
            assert!(now.voters.len() % 2 == 1 || now.voters.len() == 2, "{now:?}");
        }
    }
}
