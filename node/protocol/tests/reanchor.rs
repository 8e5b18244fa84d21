//! Reanchoring: by the root alone, in parts that count once they are whole, never one incarnation twice.
#![allow(missing_docs, clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may fail")]

mod signer;

use signer::Town;
use vauban_protocol::canonical::DecodeError;
use vauban_protocol::chain::Head;
use vauban_protocol::id::{Digest, Incarnation, SpaceId};
use vauban_protocol::limit::REANCHORED_SPACES_MAX;
use vauban_protocol::organisation::{Certificate, OrganisationError, Reanchor, Statement};
use vauban_protocol::signed::Signed;
use vauban_protocol::time::Timestamp;

const SPACE: SpaceId = SpaceId([1; 16]);
const OTHER: SpaceId = SpaceId([2; 16]);

fn head(seq: u64) -> Head {
    Head { seq, digest: Digest([seq as u8; 32]) }
}

fn part(incarnation: u8, spaces: &[(SpaceId, Head)], is_last: bool) -> Statement {
    let incarnation = Incarnation([incarnation; 16]);
    Statement::Reanchor(Reanchor { incarnation, time: Timestamp(50), spaces: spaces.to_vec(), is_last })
}

fn says(town: &mut Town, statement: Statement) -> Result<(), OrganisationError> {
    let bytes = town.by_root(statement);
    town.organisation.extend(bytes)
}

#[test]
fn parts_count_once_the_last_one_is_there() {
    let mut town = Town::new();
    let before = town.organisation.head().seq;
    assert_eq!(town.organisation.incarnation(), Incarnation::FIRST);
    says(&mut town, part(7, &[(SPACE, head(3))], false)).unwrap();
    assert_eq!(town.organisation.incarnation(), Incarnation::FIRST);
    assert_eq!(town.organisation.restored_since(SPACE, before), None);
    says(&mut town, part(7, &[(OTHER, head(4))], true)).unwrap();
    let org = &town.organisation;
    assert_eq!((org.incarnation(), org.reanchored_at()), (Incarnation([7; 16]), Some(Timestamp(50))));
    assert_eq!(org.restored_since(SPACE, before), Some(head(3)));
    assert_eq!(org.restored_since(OTHER, before), Some(head(4)));
    assert_eq!(org.restored_since(SpaceId([3; 16]), before), None);
    assert_eq!(org.restored_since(SPACE, org.reanchored_by()), None, "who has followed it need not again");
}

/// Fails if parts of an attempt that was given up count for the next one.
#[test]
fn an_attempt_that_was_given_up_leaves_nothing() {
    let mut town = Town::new();
    says(&mut town, part(7, &[(SPACE, head(3))], false)).unwrap();
    says(&mut town, part(8, &[(OTHER, head(4))], true)).unwrap();
    assert_eq!(town.organisation.restored_since(SPACE, 0), None);
    assert_eq!(town.organisation.restored_since(OTHER, 0), Some(head(4)));
}

/// Whoever missed several restores goes back to the least of what they left.
#[test]
fn of_several_restores_the_least_head_stands() {
    let mut town = Town::new();
    for (incarnation, seq) in [(7, 9), (8, 5), (9, 6)] {
        says(&mut town, part(incarnation, &[(SPACE, head(seq))], true)).unwrap();
    }
    assert_eq!(town.organisation.restored_since(SPACE, 0), Some(head(5)));
    let is_superseded = [0, 7, 8, 9, 10].map(|byte| town.organisation.is_superseded(Incarnation([byte; 16])));
    assert_eq!(is_superseded, [true, true, true, false, false]);
    let by = town.organisation.reanchored_by();
    assert_eq!(town.organisation.restored_since(SPACE, by - 1), Some(head(6)));
}

#[test]
fn neither_an_admin_nor_an_incarnation_used_before() {
    let mut town = Town::new();
    let bytes = town.by_admin(part(7, &[], true));
    assert_eq!(town.organisation.extend(bytes), Err(OrganisationError::Authority));
    says(&mut town, part(7, &[], true)).unwrap();
    for used in [0, 7] {
        assert_eq!(says(&mut town, part(used, &[], true)), Err(OrganisationError::Contradiction));
    }
}

#[test]
fn spaces_ascend_and_are_bounded() {
    let town = Town::new();
    let parse =
        |spaces: &[(SpaceId, Head)]| Signed::<Certificate>::parse(town.by_root(part(7, spaces, true))).map(drop);
    let many: Vec<_> = (0..REANCHORED_SPACES_MAX + 1)
        .map(|number| (SpaceId((number as u128).to_be_bytes()), Head { seq: u64::MAX, digest: Digest([9; 32]) }))
        .collect();
    assert_eq!(parse(&many[..REANCHORED_SPACES_MAX]), Ok(()));
    assert_eq!(parse(&many), Err(DecodeError::TooLong));
    assert_eq!(parse(&[(OTHER, head(1)), (SPACE, head(1))]), Err(DecodeError::TooLong));
    assert_eq!(parse(&[(SPACE, head(1)), (SPACE, head(2))]), Err(DecodeError::TooLong));
}
