//! The organisation's chain under apply.

use vauban_protocol::organisation::{Grant, PlacementPolicy, Rule, Statement};
use vauban_protocol::wire::Refusal;

use super::Memory;
use crate::metadata::command::{Applied, Blob, Command};
use crate::metadata::tests::{Signer, Town, user};

fn blobs(chain: &[bytes::Bytes]) -> Vec<Blob> {
    chain.iter().cloned().map(Blob).collect()
}

#[test]
fn nothing_happens_before_the_founding() {
    let town = Town::new();
    let mut memory = Memory::default();
    let refused = memory.certify(&town.chain[1..]);
    assert_eq!(refused, Err(Refusal::Unavailable));
    let genesis = Blob(town.genesis(1).bytes().clone());
    let refused = memory.run(Command::CreateSpace(genesis));
    assert_eq!(refused, Err(Refusal::Unavailable));
    memory.run(Command::Found(blobs(&town.chain[..1]))).unwrap();
    memory.run(Command::Found(blobs(&town.chain))).unwrap();
    let kept: Vec<_> = memory.certificates.values().cloned().collect();
    assert_eq!(kept, town.chain);
}

#[test]
fn another_organisations_chain_is_refused() {
    let mut memory = Memory::founded(&Town::new());
    let before = memory.certificates.clone();
    let other = Town::of_root(77);
    let refused = memory.run(Command::Found(blobs(&other.chain)));
    assert!(matches!(refused, Err(Refusal::Certificate { .. })));
    assert_eq!(memory.certificates, before);
}

#[test]
fn certificates_are_taken_all_or_none() {
    let mut town = Town::new();
    let mut memory = Memory::founded(&town);
    let head = town.organisation.head();
    let good = town.by_admin(Town::person(3, None));
    town.take(good.clone());
    let forged = {
        let statement = Town::person(4, None);
        let mut bytes = town.by_admin(statement).to_vec();
        *bytes.last_mut().unwrap() ^= 1;
        bytes.into()
    };
    let refused = memory.certify(&[good.clone(), forged]);
    assert_eq!(refused, Err(Refusal::Certificate { head }));
    let organisation = memory.core.organisation.clone().unwrap();
    assert_eq!(organisation.head(), head);
    assert!(organisation.live_user(user(3)).is_none());
    memory.certify(&[good]).unwrap();
}

/// The same certificates again are the same answer, also when others came after them.
#[test]
fn lost_certify_answer_is_idempotent() {
    let mut town = Town::new();
    let mut memory = Memory::founded(&town);
    let device = Signer::new(30);
    let mut batch = Vec::new();
    for statement in [Town::person(3, None), Town::machine(3, &device, None)] {
        let certificate = town.by_admin(statement);
        town.take(certificate.clone());
        batch.push(certificate);
    }
    let head = town.organisation.head();
    assert_eq!(memory.certify(&batch), Ok(Applied::Certified { head }));
    assert_eq!(memory.certify(&batch), Ok(Applied::Certified { head }));
    let later = town.by_admin(Town::person(4, None));
    memory.certify(&[later]).unwrap();
    assert_eq!(memory.certify(&batch), Ok(Applied::Certified { head }));
    let rival = town.by_admin(Town::person(5, None));
    assert!(memory.certify(&[rival]).is_err(), "beside the head");
}

/// Fails if the group takes what two admins are to sign from the root and one of them, whoever signed before and was revoked.
#[test]
fn what_takes_two_admins_is_refused_from_one() {
    let mut town = Town::new();
    let second = Signer::new(30);
    for statement in [Town::person(3, None), Town::machine(3, &second, None), Statement::Admin { user: user(3) }] {
        let certificate = town.by_root(statement);
        town.take(certificate);
    }
    let rule = town.by_root(Statement::Propose(Grant::Rule(Rule::TwoAdmins)));
    town.take(rule);
    let proposal = town.organisation.head().seq;
    for approval in 0..2 {
        let approve = Statement::Cosign { proposal };
        let certificate = if approval == 0 { town.by_admin(approve) } else { town.by_device(&second, approve) };
        town.take(certificate);
    }
    let mut memory = Memory::founded(&town);
    let policy = PlacementPolicy { countries: vec!["US".to_owned()], ..PlacementPolicy::default() };
    let refused = Err(Refusal::Certificate { head: town.organisation.head() });
    let alone = town.by_root(Statement::Policy(policy.clone()));
    assert_eq!(memory.certify(&[alone]), refused);

    let proposed = town.by_root(Statement::Propose(Grant::Policy(policy.clone())));
    town.take(proposed.clone());
    let proposal = town.organisation.head().seq;
    let first = town.by_device(&second, Statement::Cosign { proposal });
    town.take(first.clone());
    let revoked = town.by_root(Statement::RevokeUser { user: user(3) });
    town.take(revoked.clone());
    let other = town.by_admin(Statement::Cosign { proposal });
    memory.certify(&[proposed, first, revoked, other]).unwrap();
    let policy_of = |memory: &Memory| memory.core.organisation.as_ref().map(|org| org.policy().clone()).unwrap();
    assert_eq!(policy_of(&memory), PlacementPolicy::default());
    assert!(memory.core.organisation.as_ref().unwrap().takes_two_admins());
}
