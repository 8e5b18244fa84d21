//! The organisation's chain: who may say what, and that nothing else is accepted.
#![allow(missing_docs, clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may fail")]

mod signer;

use bytes::Bytes;
use signer::{Signer, Town, certificate, user};
use vauban_protocol::canonical::DecodeError;
use vauban_protocol::chain::Head;
use vauban_protocol::id::{Digest, Fingerprint, InviteId};
use vauban_protocol::limit::{ADMINS_MAX, INVITE_BYTES_MAX};
use vauban_protocol::organisation::{
    Invite, InviteKind, Issuer, Organisation, OrganisationError, PlacementPolicy, Statement,
};
use vauban_protocol::signed::Signed;
use vauban_protocol::time::Timestamp;

#[test]
fn an_admin_enrols_a_person_and_the_person_a_second_device() {
    let mut town = Town::new();
    let (phone, laptop) = (Signer::new(3), Signer::new(4));
    town.organisation.extend(town.by_admin(Town::user_statement(2, None))).unwrap();
    town.organisation.extend(town.by_admin(Town::device_statement(2, &phone, None))).unwrap();
    let second = certificate(
        &phone,
        Issuer::Device(phone.device()),
        town.organisation.head(),
        Town::device_statement(2, &laptop, None),
    );
    town.organisation.extend(second).unwrap();
    assert_eq!(town.organisation.live_device(laptop.device()).unwrap().user, user(2));
}

#[test]
fn an_admin_adds_no_device_to_a_person_who_has_one() {
    let mut town = Town::new();
    town.organisation.extend(town.by_admin(Town::user_statement(2, None))).unwrap();
    town.organisation.extend(town.by_admin(Town::device_statement(2, &Signer::new(3), None))).unwrap();
    let implanted = town.by_admin(Town::device_statement(2, &Signer::new(4), None));
    assert_eq!(town.organisation.extend(implanted), Err(OrganisationError::Authority));
}

#[test]
fn an_invite_is_used_once() {
    let mut town = Town::new();
    let invite = Some(InviteId([7; 16]));
    town.organisation.extend(town.by_admin(Town::user_statement(2, invite))).unwrap();
    let again = town.by_admin(Town::user_statement(3, invite));
    assert_eq!(town.organisation.extend(again), Err(OrganisationError::Contradiction));
    assert!(town.organisation.live_user(user(3)).is_none());
}

#[test]
fn only_the_root_makes_admins_and_policies() {
    let mut town = Town::new();
    for statement in [Statement::Admin { user: user(1) }, Statement::Policy(PlacementPolicy::default())] {
        let bytes = town.by_admin(statement);
        assert_eq!(town.organisation.extend(bytes), Err(OrganisationError::Authority));
    }
    town.organisation.extend(town.by_root(Statement::Policy(PlacementPolicy::default()))).unwrap();
}

/// An admin without a device is no admin: so the devices of another are as safe as their office.
#[test]
fn an_admin_revokes_no_device_of_another() {
    let mut town = Town::new();
    let phone = Signer::new(3);
    town.organisation.extend(town.by_admin(Town::user_statement(2, None))).unwrap();
    town.organisation.extend(town.by_admin(Town::device_statement(2, &phone, None))).unwrap();
    let revocation = Statement::RevokeDevice { device: phone.device() };
    let mut before = town.organisation.clone();
    before.extend(town.by_admin(revocation.clone())).unwrap();
    town.organisation.extend(town.by_root(Statement::Admin { user: user(2) })).unwrap();
    let bytes = town.by_admin(revocation.clone());
    assert_eq!(town.organisation.extend(bytes), Err(OrganisationError::Authority));
    town.organisation.extend(town.by_root(revocation)).unwrap();
    assert!(town.organisation.live_device(phone.device()).is_none());
}

#[test]
fn a_revoked_device_says_nothing_more() {
    let mut town = Town::new();
    let revocation = town.by_root(Statement::RevokeDevice { device: town.admin.device() });
    town.organisation.extend(revocation).unwrap();
    let bytes = town.by_admin(Town::user_statement(2, None));
    assert_eq!(town.organisation.extend(bytes), Err(OrganisationError::Authority));
    let record = town.organisation.device(town.admin.device()).unwrap();
    assert!(record.is_valid_at(town.organisation.head().seq - 1));
    assert!(!record.is_valid_at(town.organisation.head().seq));
}

#[test]
fn a_certificate_has_one_place() {
    let mut town = Town::new();
    let first = town.by_admin(Town::user_statement(2, None));
    town.organisation.extend(first.clone()).unwrap();
    assert_eq!(town.organisation.extend(first), Err(OrganisationError::NotHead));
    let elsewhere = Head { seq: town.organisation.head().seq, digest: Digest([0; 32]) };
    let forked = certificate(&town.root, Issuer::Root, elsewhere, Town::user_statement(3, None));
    assert_eq!(town.organisation.extend(forked), Err(OrganisationError::NotHead));
}

#[test]
fn every_byte_of_a_certificate_is_authenticated() {
    let town = Town::new();
    let good = town.by_admin(Town::user_statement(2, None));
    for position in 0..good.len() {
        let mut bytes = good.to_vec();
        bytes[position] ^= 1;
        let mut organisation = town.organisation.clone();
        assert!(organisation.extend(Bytes::from(bytes)).is_err(), "byte {position} is not authenticated");
        assert_eq!(organisation.head(), town.organisation.head());
    }
    let mut organisation = town.organisation.clone();
    organisation.extend(good).unwrap();
}

#[test]
fn half_a_hybrid_signature_does_not_suffice() {
    let town = Town::new();
    let good = town.by_admin(Town::user_statement(2, None));
    let ed25519_only = good.slice(..good.len() - 3309);
    assert_eq!(town.organisation.clone().extend(ed25519_only), Err(OrganisationError::Signature));
}

#[test]
fn another_genesis_is_another_organisation() {
    let town = Town::new();
    let root = Signer::new(9);
    let genesis = root.seal_hybrid(vauban_protocol::organisation::Certificate {
        prev: None,
        issuer: Issuer::Root,
        issued_at: Timestamp(1),
        statement: Statement::Genesis { root: root.public(), tls_authority: vec![] },
    });
    let pinned: Fingerprint = town.organisation.fingerprint();
    let found = Organisation::found_pinned(genesis.bytes().clone(), pinned);
    assert_eq!(found.err(), Some(OrganisationError::OtherOrganisation));
}

/// Every way an object can be malformed, named by its defect.
#[test]
fn malformed_objects_are_refused_by_their_defect() {
    let town = Town::new();
    let good = town.admin.seal(invite(&town, 1)).bytes().to_vec();
    let parse = |bytes: Vec<u8>| Signed::<Invite>::parse(bytes.into()).map(drop);
    let changed = |at: usize, to: u8| {
        let mut bytes = good.clone();
        bytes[at] = to;
        bytes
    };
    assert_eq!(parse(good.clone()), Ok(()));
    assert_eq!(parse(changed(0, b'X')), Err(DecodeError::Magic));
    assert_eq!(parse(changed(3, 0)), Err(DecodeError::Suite));
    assert_eq!(parse(changed(3, 2)), Err(DecodeError::Suite));
    assert_eq!(parse(changed(7, 0xff)), Err(DecodeError::Malformed));
    assert_eq!(parse(good[..6].to_vec()), Err(DecodeError::Malformed));
    assert_eq!(parse(vec![0; INVITE_BYTES_MAX + 1]), Err(DecodeError::TooLong));
    let crowded = town.admin.seal(invite(&town, ADMINS_MAX + 1));
    assert_eq!(parse(crowded.bytes().to_vec()), Err(DecodeError::TooLong));
}

fn invite(town: &Town, recipients: usize) -> Invite {
    Invite {
        id: InviteId([1; 16]),
        kind: InviteKind::User,
        device: town.admin.device(),
        expires_at: Timestamp(100),
        sealed_name: vec![],
        wrapped_secrets: vec![(user(1), vec![0; 8]); recipients],
    }
}
