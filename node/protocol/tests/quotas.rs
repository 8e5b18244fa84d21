//! Quotas: who may set them, and for whom.
#![allow(missing_docs, clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may fail")]

mod signer;

use signer::{Signer, Town, certificate, user};
use vauban_protocol::canonical::encode;
use vauban_protocol::id::SpaceId;
use vauban_protocol::organisation::{Issuer, OrganisationError, Quota, QuotaOf, Statement};

const SPACE: QuotaOf = QuotaOf::Space(SpaceId([0x11; 16]));

fn quota(of: QuotaOf, bytes_max: Option<u64>) -> Statement {
    Statement::Quota(Quota { of, bytes_max })
}

fn says(town: &mut Town, statement: Statement) -> Result<(), OrganisationError> {
    let bytes = town.by_admin(statement);
    town.organisation.extend(bytes)
}

#[test]
fn the_last_word_holds_and_none_takes_it_away() {
    let mut town = Town::new();
    assert_eq!(town.organisation.quota(SPACE), None);
    says(&mut town, quota(SPACE, Some(100))).unwrap();
    says(&mut town, quota(SPACE, Some(0))).unwrap();
    assert_eq!(town.organisation.quota(SPACE), Some(0), "nothing may be stored");
    says(&mut town, quota(SPACE, Some(7))).unwrap();
    assert_eq!(town.organisation.quotas().collect::<Vec<_>>(), [(SPACE, 7)]);
    says(&mut town, quota(SPACE, None)).unwrap();
    says(&mut town, quota(SPACE, None)).unwrap();
    assert_eq!((town.organisation.quota(SPACE), town.organisation.quotas().count()), (None, 0));
}

#[test]
fn only_admins_and_the_root_set_them_and_only_for_people_who_are_there() {
    let mut town = Town::new();
    let nobody = QuotaOf::User(user(9));
    assert_eq!(says(&mut town, quota(nobody, Some(1))), Err(OrganisationError::Contradiction));
    let by_root = town.by_root(quota(SPACE, Some(5)));
    town.organisation.extend(by_root).unwrap();
    let device = Signer::new(9);
    says(&mut town, Town::user_statement(9, None)).unwrap();
    says(&mut town, Town::device_statement(9, &device, None)).unwrap();
    says(&mut town, quota(nobody, Some(3))).unwrap();
    assert_eq!(town.organisation.quota(nobody), Some(3));
    let head = town.organisation.head();
    let own = certificate(&device, Issuer::Device(device.device()), head, quota(nobody, None));
    assert_eq!(town.organisation.extend(own), Err(OrganisationError::Authority));
}

/// The bytes that SPEC.md gives.
#[test]
fn the_bytes_of_a_quota_are_frozen() {
    assert_eq!(encode(&quota(SPACE, Some(300))), [&[12, 0][..], &[0x11; 16], &[1, 0xac, 0x02]].concat());
    assert_eq!(encode(&quota(QuotaOf::User(user(2)), None)), [&[12, 1][..], &user(2).0, &[0]].concat());
}
