//! Seats: who may give them, to which nodes, and that a node which was taken out never comes back.
#![allow(missing_docs, clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may fail")]

mod signer;

use std::num::NonZeroU64;

use signer::{Signer, Town, certificate, user};
use vauban_protocol::canonical::{DecodeError, encode};
use vauban_protocol::id::{Digest, NodeId};
use vauban_protocol::limit::{SEAT_ADDRESSES_MAX, SEATS_MAX};
use vauban_protocol::organisation::{
    Certificate, Charter, Issuer, Operator, OrganisationError, Seat, Seated, Statement,
};
use vauban_protocol::signature::Ed25519Key;
use vauban_protocol::signed::Signed;
use vauban_protocol::time::Timestamp;

fn key(byte: u8) -> Ed25519Key {
    Ed25519Key([byte; 32])
}

fn node(byte: u8) -> NodeId {
    key(byte).node_id()
}

fn charter(byte: u8) -> Statement {
    Statement::Charter(Charter {
        receipt_key: key(byte),
        tls_keys: vec![Digest([byte; 32])],
        site: format!("site {byte}"),
        department: "75".into(),
        country: "FR".into(),
        operator: Operator { name: "DSI".into(), siren: "110000015".into() },
        regime: "droit français".into(),
        secnumcloud: None,
        not_before: Timestamp(0),
        not_after: Timestamp(1000),
    })
}

fn seat(byte: u8) -> Seat {
    Seat {
        node: node(byte),
        addresses: vec![format!("node{byte}.example:4433")],
        capacity_bytes: NonZeroU64::new(1 << 40).unwrap(),
        voter: true,
    }
}

fn says(town: &mut Town, statement: Statement) -> Result<(), OrganisationError> {
    let bytes = town.by_admin(statement);
    town.organisation.extend(bytes)
}

/// A town whose nodes 1 to `nodes` are chartered.
fn chartered(nodes: u8) -> Town {
    let mut town = Town::new();
    for byte in 1..=nodes {
        let bytes = town.by_root(charter(byte));
        town.organisation.extend(bytes).unwrap();
    }
    town
}

fn seated(town: &Town) -> Vec<NodeId> {
    town.organisation.seats().map(|seated| seated.seat.node).collect()
}

#[test]
fn an_admin_seats_drains_and_removes_a_chartered_node() {
    let mut town = chartered(2);
    assert_eq!((town.organisation.founder(), town.organisation.was_seated()), (Some(node(1)), false));
    says(&mut town, Statement::SeatNode(seat(1))).unwrap();
    let since = town.organisation.head().seq;
    says(&mut town, Statement::SeatNode(Seat { voter: false, ..seat(2) })).unwrap();
    assert_eq!((town.organisation.founder(), town.organisation.was_seated()), (None, true));

    says(&mut town, Statement::DrainNode { node: node(1) }).unwrap();
    assert!(town.organisation.seat(node(1)).unwrap().draining);
    let moved = Seat { addresses: vec!["elsewhere.example:1".into()], ..seat(1) };
    says(&mut town, Statement::SeatNode(moved.clone())).unwrap();
    let Seated { seat: kept, charter, draining, since: kept_since } = town.organisation.seat(node(1)).unwrap();
    assert_eq!((kept, charter.site.as_str(), draining, kept_since), (&moved, "site 1", false, since));

    says(&mut town, Statement::RemoveNode { node: node(1) }).unwrap();
    assert_eq!(seated(&town), [node(2)]);
    assert!(town.organisation.is_seat_removed(node(1)) && town.organisation.is_dismissed(node(1)));
    assert_eq!(town.organisation.addresses(node(1)), moved.addresses, "others may still copy from it");
    assert_eq!(town.organisation.removed().collect::<Vec<_>>(), [node(1)]);
    let again = says(&mut town, Statement::SeatNode(seat(1)));
    assert_eq!(again, Err(OrganisationError::Contradiction), "for good");
}

#[test]
fn a_seat_needs_a_charter() {
    let mut town = chartered(1);
    assert_eq!(says(&mut town, Statement::SeatNode(seat(2))), Err(OrganisationError::Contradiction));
    for statement in [Statement::DrainNode { node: node(1) }, Statement::RemoveNode { node: node(1) }] {
        assert_eq!(says(&mut town, statement), Err(OrganisationError::Contradiction), "no seat yet");
    }
    let bytes = town.by_root(charter(2));
    town.organisation.extend(bytes).unwrap();
    for byte in [1, 2] {
        says(&mut town, Statement::SeatNode(seat(byte))).unwrap();
    }
    let bytes = town.by_root(Statement::RevokeCharter { node: node(2) });
    town.organisation.extend(bytes).unwrap();
    assert_eq!(seated(&town), [node(1)], "a revoked charter takes the seat with it");
    assert!(town.organisation.is_dismissed(node(2)) && !town.organisation.is_dismissed(node(1)));
    assert!(town.organisation.addresses(node(2)).is_empty(), "nobody speaks with it");
    assert_eq!(says(&mut town, Statement::SeatNode(seat(2))), Err(OrganisationError::Contradiction));
}

#[test]
fn one_node_stays() {
    let mut town = chartered(2);
    says(&mut town, Statement::SeatNode(seat(1))).unwrap();
    for statement in [Statement::DrainNode { node: node(1) }, Statement::RemoveNode { node: node(1) }] {
        assert_eq!(says(&mut town, statement), Err(OrganisationError::Contradiction));
    }
    says(&mut town, Statement::SeatNode(seat(2))).unwrap();
    says(&mut town, Statement::DrainNode { node: node(2) }).unwrap();
    let last = says(&mut town, Statement::RemoveNode { node: node(1) });
    assert_eq!(last, Err(OrganisationError::Contradiction), "the other one is on its way out");
}

#[test]
fn only_admins_and_the_root_give_seats() {
    let mut town = chartered(1);
    let phone = Signer::new(3);
    for statement in [Town::user_statement(2, None), Town::device_statement(2, &phone, None)] {
        says(&mut town, statement).unwrap();
    }
    assert!(!town.organisation.is_admin(user(2)));
    let head = town.organisation.head();
    for statement in
        [Statement::SeatNode(seat(1)), Statement::DrainNode { node: node(1) }, Statement::RemoveNode { node: node(1) }]
    {
        let bytes = certificate(&phone, Issuer::Device(phone.device()), head, statement);
        assert_eq!(town.organisation.extend(bytes), Err(OrganisationError::Authority));
    }
    let bytes = town.by_root(Statement::SeatNode(seat(1)));
    town.organisation.extend(bytes).unwrap();
}

#[test]
fn the_founder_is_the_first_node_that_still_has_a_charter() {
    let mut town = chartered(0);
    assert_eq!(town.organisation.founder(), None);
    for statement in [charter(7), charter(3), charter(7)] {
        let bytes = town.by_root(statement);
        town.organisation.extend(bytes).unwrap();
    }
    assert_eq!(town.organisation.founder(), Some(node(7)));
    let bytes = town.by_root(Statement::RevokeCharter { node: node(7) });
    town.organisation.extend(bytes).unwrap();
    assert_eq!(town.organisation.founder(), Some(node(3)));
}

#[test]
fn a_seat_out_of_bounds_is_no_certificate() {
    let town = chartered(1);
    let parse = |seat: Seat| Signed::<Certificate>::parse(town.by_admin(Statement::SeatNode(seat))).map(drop);
    assert_eq!(parse(seat(1)), Ok(()));
    let addresses = |addresses: Vec<String>| Seat { addresses, ..seat(1) };
    assert_eq!(parse(addresses(vec![])), Err(DecodeError::TooLong));
    assert_eq!(parse(addresses(vec!["a:1".into(); SEAT_ADDRESSES_MAX + 1])), Err(DecodeError::TooLong));
    for address in ["nowhere", ":1", "a b:1", "a:0", "a,b:1"] {
        assert_eq!(parse(addresses(vec![address.into()])), Err(DecodeError::TooLong), "{address}");
    }
}

#[test]
fn a_cluster_has_a_bounded_number_of_nodes() {
    let many = u8::try_from(SEATS_MAX).unwrap();
    let mut town = chartered(many + 1);
    for byte in 1..=many {
        says(&mut town, Statement::SeatNode(seat(byte))).unwrap();
    }
    assert_eq!(says(&mut town, Statement::SeatNode(seat(many + 1))), Err(OrganisationError::Contradiction));
    says(&mut town, Statement::SeatNode(seat(1))).unwrap();
    says(&mut town, Statement::RemoveNode { node: node(1) }).unwrap();
    says(&mut town, Statement::SeatNode(seat(many + 1))).unwrap();
}

/// Numbers of variants are signed: a variant that moved would be another statement.
#[test]
fn the_bytes_of_seats_are_frozen() {
    let seat = Seat {
        node: NodeId([0x11; 16]),
        addresses: vec!["n:1".into()],
        capacity_bytes: NonZeroU64::new(300).unwrap(),
        voter: true,
    };
    let seated = [&[9][..], &[0x11; 16], &[1, 3], b"n:1", &[0xac, 0x02, 1]].concat();
    assert_eq!(encode(&Statement::SeatNode(seat)), seated);
    let node = NodeId([0x22; 16]);
    assert_eq!(encode(&Statement::DrainNode { node }), [&[10][..], &[0x22; 16]].concat());
    assert_eq!(encode(&Statement::RemoveNode { node }), [&[11][..], &[0x22; 16]].concat());
}
