//! The two-admin rule: what gives trust takes the root and two admins, whatever becomes of them meanwhile.
#![allow(missing_docs, clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may fail")]

mod signer;

use bytes::Bytes;
use signer::{Signer, Town, certificate, user};
use vauban_protocol::chain::Head;
use vauban_protocol::id::{Digest, Incarnation, NodeId, SpaceId};
use vauban_protocol::limit::PROPOSALS_MAX;
use vauban_protocol::organisation::{
    Charter, Grant, Issuer, LinkPolicy, Operator, Organisation, OrganisationError, PlacementPolicy, Reanchor, Rule,
    Statement,
};
use vauban_protocol::time::Timestamp;

/// A town with three admins: 1 from the start, 2 and 3 since.
struct Council {
    town: Town,
    second: Signer,
    third: Signer,
}

impl Council {
    fn new() -> Self {
        let (mut town, second, third) = (Town::new(), Signer::new(20), Signer::new(30));
        for (byte, device) in [(2, &second), (3, &third)] {
            for statement in [
                Town::user_statement(byte, None),
                Town::device_statement(byte, device, None),
                Statement::Admin { user: user(byte) },
            ] {
                town.organisation.extend(town.by_root(statement)).unwrap();
            }
        }
        Self { town, second, third }
    }

    /// The same under the rule.
    fn bound() -> Self {
        let mut council = Self::new();
        let number = council.propose(Grant::Rule(Rule::TwoAdmins));
        council.first_approves(number).unwrap();
        council.second_approves(number).unwrap();
        assert!(council.organisation().takes_two_admins());
        council
    }

    fn organisation(&self) -> &Organisation {
        &self.town.organisation
    }

    fn take(&mut self, bytes: Bytes) -> Result<(), OrganisationError> {
        self.town.organisation.extend(bytes)
    }

    fn root(&mut self, statement: Statement) -> Result<(), OrganisationError> {
        self.take(self.town.by_root(statement))
    }

    fn says(&self, device: &Signer, statement: Statement) -> Bytes {
        certificate(device, Issuer::Device(device.device()), self.organisation().head(), statement)
    }

    /// The number of what the root proposes.
    fn propose(&mut self, grant: Grant) -> u64 {
        self.root(Statement::Propose(grant)).unwrap();
        self.organisation().head().seq
    }

    fn first_approves(&mut self, proposal: u64) -> Result<(), OrganisationError> {
        self.take(self.town.by_admin(Statement::Cosign { proposal }))
    }

    fn second_approves(&mut self, proposal: u64) -> Result<(), OrganisationError> {
        self.take(self.says(&self.second, Statement::Cosign { proposal }))
    }

    fn third_approves(&mut self, proposal: u64) -> Result<(), OrganisationError> {
        self.take(self.says(&self.third, Statement::Cosign { proposal }))
    }
}

fn abroad() -> PlacementPolicy {
    PlacementPolicy { countries: vec!["US".to_owned()], ..PlacementPolicy::default() }
}

fn charter(byte: u8) -> Charter {
    Charter {
        receipt_key: Signer::new(byte).public().ed25519,
        tls_keys: vec![Digest([byte; 32])],
        site: "Paris-1".into(),
        department: "75".into(),
        country: "FR".into(),
        operator: Operator { name: "DSI".into(), siren: "110000015".into() },
        regime: "droit français".into(),
        secnumcloud: None,
        not_before: Timestamp(0),
        not_after: Timestamp(1000),
    }
}

/// Fails if the root, or the root with one admin and all of that admin's devices, gives trust to anything.
#[test]
fn one_admin_is_not_enough_and_two_are() {
    let mut council = Council::bound();
    let grants = [
        Grant::Policy(abroad()),
        Grant::Charter(charter(7)),
        Grant::Admin { user: user(4) },
        Grant::Links(LinkPolicy::Forbidden),
    ];
    for statement in [Town::user_statement(4, None), Town::device_statement(4, &Signer::new(40), None)] {
        council.root(statement).unwrap();
    }
    for grant in grants {
        let directly = grant.clone().into_statement().unwrap();
        assert_eq!(council.root(directly), Err(OrganisationError::TwoAdmins));
        let number = council.propose(grant);
        assert_eq!(council.root(Statement::Cosign { proposal: number }), Err(OrganisationError::Authority));
        council.first_approves(number).unwrap();
        assert_eq!(council.first_approves(number), Err(OrganisationError::Contradiction), "signed twice");
        let proposal = council.organisation().proposals().find(|proposal| proposal.number == number).unwrap();
        assert_eq!((proposal.number, proposal.approved_by.into_iter().collect()), (number, vec![user(1)]));
    }
    // Another device of the first admin adds nothing.
    let another = Signer::new(5);
    let added = council.town.by_admin(Town::device_statement(1, &another, None));
    council.take(added).unwrap();
    let numbers: Vec<u64> = council.organisation().proposals().map(|proposal| proposal.number).collect();
    assert_eq!(numbers.len(), 4);
    for number in &numbers {
        let again = council.says(&another, Statement::Cosign { proposal: *number });
        assert_eq!(council.take(again), Err(OrganisationError::Contradiction));
    }
    assert_eq!(council.organisation().policy(), &PlacementPolicy::default());
    assert!(council.organisation().link_policy().allows_links());
    assert!(!council.organisation().is_admin(user(4)) && council.organisation().charters().next().is_none());

    numbers.iter().for_each(|number| council.second_approves(*number).unwrap());
    assert_eq!(council.organisation().policy(), &abroad());
    assert_eq!(council.organisation().link_policy(), &LinkPolicy::Forbidden);
    assert!(council.organisation().is_admin(user(4)));
    assert!(council.organisation().charter(charter(7).node()).is_some());
    assert_eq!(council.organisation().proposals().count(), 0);
    assert_eq!(council.third_approves(numbers[0]), Err(OrganisationError::Contradiction), "it is done");
}

/// Fails if the rule begins or ends by fewer than two.
#[test]
fn the_rule_begins_and_ends_by_two() {
    let mut council = Council::new();
    let number = council.propose(Grant::Rule(Rule::TwoAdmins));
    council.first_approves(number).unwrap();
    assert!(!council.organisation().takes_two_admins());
    council.root(Statement::Policy(abroad())).unwrap();
    council.third_approves(number).unwrap();
    assert_eq!(council.root(Statement::Policy(PlacementPolicy::default())), Err(OrganisationError::TwoAdmins));

    let end = council.propose(Grant::Rule(Rule::Root));
    council.second_approves(end).unwrap();
    assert!(council.organisation().takes_two_admins());
    assert_eq!(council.root(Statement::Policy(PlacementPolicy::default())), Err(OrganisationError::TwoAdmins));
    council.first_approves(end).unwrap();
    council.root(Statement::Policy(PlacementPolicy::default())).unwrap();
}

/// Fails if the signature counts of somebody who is no admin any more, or of a device that was revoked, when the second one comes.
#[test]
fn whoever_is_revoked_in_between_has_not_signed() {
    let mut council = Council::bound();
    let number = council.propose(Grant::Policy(abroad()));
    council.second_approves(number).unwrap();
    council.root(Statement::RevokeUser { user: user(2) }).unwrap();
    council.first_approves(number).unwrap();
    assert_eq!(council.organisation().policy(), &PlacementPolicy::default(), "one of the two is gone");
    assert_eq!(council.second_approves(number), Err(OrganisationError::Authority));
    council.third_approves(number).unwrap();
    assert_eq!(council.organisation().policy(), &abroad());

    // A device that was stolen had signed; its person signs again with another one.
    let next = council.propose(Grant::Policy(PlacementPolicy::default()));
    let desktop = Signer::new(31);
    let added = council.says(&council.third, Town::device_statement(3, &desktop, None));
    council.take(added).unwrap();
    council.third_approves(next).unwrap();
    council.root(Statement::RevokeDevice { device: council.third.device() }).unwrap();
    council.first_approves(next).unwrap();
    assert_eq!(council.organisation().policy(), &abroad());
    let again = council.says(&desktop, Statement::Cosign { proposal: next });
    council.take(again).unwrap();
    assert_eq!(council.organisation().policy(), &PlacementPolicy::default());
}

/// Fails if revoking the other admins, or becoming two by devices that one gives, gets around the rule.
#[test]
fn nobody_becomes_two_admins_alone() {
    let mut council = Council::bound();
    for byte in [2, 3] {
        council.root(Statement::RevokeUser { user: user(byte) }).unwrap();
    }
    let puppet = Signer::new(40);
    // A person with a device of the root's making is no admin yet, and an admin gets no device from the root.
    council.root(Town::user_statement(4, None)).unwrap();
    council.root(Town::device_statement(4, &puppet, None)).unwrap();
    assert_eq!(council.root(Statement::Admin { user: user(4) }), Err(OrganisationError::TwoAdmins));
    for byte in [1, 4] {
        let implanted = Town::device_statement(byte, &Signer::new(41), None);
        assert_eq!(council.root(implanted), Err(OrganisationError::TwoAdmins));
    }
    let number = council.propose(Grant::Admin { user: user(4) });
    council.first_approves(number).unwrap();
    let approves = council.says(&puppet, Statement::Cosign { proposal: number });
    assert_eq!(council.take(approves), Err(OrganisationError::Authority));
    assert!(!council.organisation().is_admin(user(4)));
    // Nor does anybody become an admin who has no device yet, which one of the two could then make.
    let mut council = Council::bound();
    council.root(Town::user_statement(5, None)).unwrap();
    let number = council.propose(Grant::Admin { user: user(5) });
    council.first_approves(number).unwrap();
    assert_eq!(council.second_approves(number), Err(OrganisationError::Contradiction));
}

/// Fails if a stolen node or device has to wait for a second signature.
#[test]
fn what_takes_trust_away_needs_nobody_else() {
    let mut council = Council::new();
    council.root(Statement::Charter(charter(7))).unwrap();
    let number = council.propose(Grant::Rule(Rule::TwoAdmins));
    council.first_approves(number).unwrap();
    council.second_approves(number).unwrap();
    let node: NodeId = charter(7).node();
    council.root(Statement::RevokeCharter { node }).unwrap();
    council.root(Statement::RevokeDevice { device: council.third.device() }).unwrap();
    council.root(Statement::RevokeUser { user: user(2) }).unwrap();
    assert!(council.organisation().charters().next().is_none() && !council.organisation().is_admin(user(2)));
}

/// Fails if an approval that cannot be carried out leaves anything behind, or if a proposal cannot be taken away.
#[test]
fn what_contradicts_the_chain_stays_a_proposal_until_withdrawn() {
    let mut council = Council::bound();
    let number = council.propose(Grant::Admin { user: user(9) });
    council.first_approves(number).unwrap();
    let before = council.organisation().head();
    assert_eq!(council.second_approves(number), Err(OrganisationError::Contradiction), "there is no such person");
    assert_eq!(council.organisation().head(), before);
    assert_eq!(council.organisation().proposals().next().unwrap().approved_by.len(), 1);
    let bob = Signer::new(40);
    council.root(Town::user_statement(4, None)).unwrap();
    council.root(Town::device_statement(4, &bob, None)).unwrap();
    for statement in [Statement::Withdraw { proposal: number }, Statement::Cosign { proposal: number }] {
        let bytes = council.says(&bob, statement);
        assert_eq!(council.take(bytes), Err(OrganisationError::Authority), "bob is no admin");
    }
    let proposed = council.town.by_admin(Statement::Propose(Grant::Rule(Rule::Root)));
    assert_eq!(council.take(proposed), Err(OrganisationError::Authority), "no admin proposes, the root does");
    let withdrawn = council.says(&council.second, Statement::Withdraw { proposal: number });
    council.take(withdrawn).unwrap();
    assert_eq!(council.organisation().proposals().count(), 0);
    assert_eq!(council.first_approves(number), Err(OrganisationError::Contradiction));
}

/// Fails if a restored cluster goes on without the spaces of a part that nobody has approved.
#[test]
fn the_parts_of_a_reanchoring_are_approved_in_their_order() {
    let mut council = Council::bound();
    let part = |byte: u8, is_last| {
        let space = SpaceId([byte; 16]);
        let head = Head { seq: 5, digest: Digest([byte; 32]) };
        let incarnation = Incarnation([9; 16]);
        Grant::Reanchor(Reanchor { incarnation, time: Timestamp(5), spaces: vec![(space, head)], is_last })
    };
    assert_eq!(council.root(part(1, true).into_statement().unwrap()), Err(OrganisationError::TwoAdmins));
    let numbers = [council.propose(part(1, false)), council.propose(part(2, true))];
    for number in numbers {
        council.first_approves(number).unwrap();
    }
    assert_eq!(council.second_approves(numbers[1]), Err(OrganisationError::Contradiction));
    assert_eq!(council.organisation().incarnation(), Incarnation::FIRST);
    for number in numbers {
        council.second_approves(number).unwrap();
    }
    assert_eq!(council.organisation().incarnation(), Incarnation([9; 16]));
    // One part taken away takes the others with it.
    let mut council = Council::bound();
    let numbers = [council.propose(part(1, false)), council.propose(part(2, true))];
    council.root(Statement::Withdraw { proposal: numbers[0] }).unwrap();
    assert_eq!(council.organisation().proposals().count(), 0);
}

/// Fails if two clusters whose parts are approved in turns lose the spaces of those that were approved first; or if a part that was withdrawn
/// after others of its cluster leaves theirs behind.
#[test]
fn reanchorings_that_are_approved_in_turns_lose_no_space() {
    let part = |incarnation: u8, byte: u8, is_last| {
        let (incarnation, space) = (Incarnation([incarnation; 16]), SpaceId([byte; 16]));
        let head = Head { seq: 5, digest: Digest([byte; 32]) };
        Grant::Reanchor(Reanchor { incarnation, time: Timestamp(5), spaces: vec![(space, head)], is_last })
    };
    let approve = |council: &mut Council, number| {
        council.first_approves(number).unwrap();
        council.second_approves(number).unwrap();
    };
    let is_restored =
        |council: &Council, byte: u8| council.organisation().restored_since(SpaceId([byte; 16]), 0).is_some();
    let mut council = Council::bound();
    let one = [part(8, 1, false), part(8, 2, true)].map(|part| council.propose(part));
    let other = [part(9, 3, false), part(9, 4, true)].map(|part| council.propose(part));
    for number in [one[0], other[0], one[1], other[1]] {
        approve(&mut council, number);
    }
    assert_eq!(council.organisation().incarnation(), Incarnation([9; 16]));
    assert_eq!([1, 2, 3, 4].map(|byte| is_restored(&council, byte)), [true; 4]);

    let given_up = [part(7, 5, false), part(7, 6, true)].map(|part| council.propose(part));
    approve(&mut council, given_up[0]);
    let signed: Vec<SpaceId> =
        council.organisation().reanchoring(Incarnation([7; 16])).map(|(space, _)| space).collect();
    assert_eq!(signed, [SpaceId([5; 16])]);
    council.root(Statement::Withdraw { proposal: given_up[1] }).unwrap();
    assert_eq!(council.organisation().reanchoring(Incarnation([7; 16])).count(), 0);
    let anew = council.propose(part(7, 6, true));
    approve(&mut council, anew);
    assert_eq!([5, 6].map(|byte| is_restored(&council, byte)), [false, true]);
}

/// Fails if an admin who has no device when the rule begins can be given the first one by one admin, who would then be two.
#[test]
fn an_admin_without_a_device_is_none_under_the_rule() {
    let mut council = Council::new();
    council.root(Town::user_statement(4, None)).unwrap();
    council.root(Statement::Admin { user: user(4) }).unwrap();
    assert!(council.organisation().is_admin(user(4)));
    let rule = council.propose(Grant::Rule(Rule::TwoAdmins));
    council.first_approves(rule).unwrap();
    council.second_approves(rule).unwrap();
    assert_eq!(council.organisation().admins().collect::<Vec<_>>(), [1, 2, 3].map(user));
    // One gives them a device, and is one still.
    let puppet = Signer::new(40);
    let given = council.town.by_admin(Town::device_statement(4, &puppet, None));
    council.take(given).unwrap();
    let policy = council.propose(Grant::Policy(abroad()));
    council.first_approves(policy).unwrap();
    let approves = council.says(&puppet, Statement::Cosign { proposal: policy });
    assert_eq!(council.take(approves), Err(OrganisationError::Authority));
    // The control: two have made them an admin.
    let seat = council.propose(Grant::Admin { user: user(4) });
    council.first_approves(seat).unwrap();
    council.third_approves(seat).unwrap();
    let approves = council.says(&puppet, Statement::Cosign { proposal: policy });
    council.take(approves).unwrap();
    assert_eq!(council.organisation().policy(), &abroad());
}

#[test]
fn proposals_have_a_bound() {
    let mut council = Council::new();
    for _ in 0..PROPOSALS_MAX {
        council.propose(Grant::Policy(abroad()));
    }
    assert_eq!(council.root(Statement::Propose(Grant::Policy(abroad()))), Err(OrganisationError::Contradiction));
}
