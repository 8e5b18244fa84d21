//! New keys for a person: who may give them, to which devices, and what they are at each position of the chain.
#![allow(missing_docs, clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may fail")]

mod signer;

use signer::{Signer, Town, certificate, kem, user};
use vauban_protocol::id::DeviceId;
use vauban_protocol::limit::USER_DEVICES_MAX;
use vauban_protocol::organisation::{Issuer, OrganisationError, Renewal, Statement};

/// A person with two devices, one of them revoked.
fn cut() -> (Town, Signer, Signer) {
    let mut town = Town::new();
    let (laptop, desktop) = (Signer::new(3), Signer::new(4));
    town.organisation.extend(town.by_admin(Town::user_statement(2, None))).unwrap();
    for device in [&laptop, &desktop] {
        town.organisation.extend(town.by_root(Town::device_statement(2, device, None))).unwrap();
    }
    town.organisation.extend(town.by_root(Statement::RevokeDevice { device: laptop.device() })).unwrap();
    (town, laptop, desktop)
}

fn renewal(person: u8, key: u8, devices: &[DeviceId]) -> Renewal {
    let mut wrapped_for: Vec<_> = devices.iter().map(|device| (*device, vec![1; 1168])).collect();
    wrapped_for.sort_unstable();
    Renewal { user: user(person), kem: kem(key), wrapped_previous: vec![2; 1168], wrapped_for }
}

fn by(signer: &Signer, town: &Town, renewal: Renewal) -> bytes::Bytes {
    certificate(signer, Issuer::Device(signer.device()), town.organisation.head(), Statement::Renew(renewal))
}

#[test]
fn a_person_renews_what_a_revoked_device_held() {
    let (mut town, _, desktop) = cut();
    assert!(town.organisation.is_renewal_due(user(2)) && !town.organisation.is_renewal_due(user(1)));
    let before = town.organisation.head().seq;
    let bytes = by(&desktop, &town, renewal(2, 9, &[desktop.device()]));
    town.organisation.extend(bytes).unwrap();
    let record = town.organisation.user(user(2)).unwrap();
    assert_eq!((&record.kem, record.kem_at(before), record.kem_at(before + 1)), (&kem(9), &kem(2), &kem(9)));
    assert!(!town.organisation.is_renewal_due(user(2)));
    assert!(town.organisation.cut_since(before, |asked| asked == user(2)), "spaces are to follow");
    assert!(!town.organisation.cut_since(before + 1, |_| true));
    let again = by(&desktop, &town, renewal(2, 8, &[desktop.device()]));
    assert_eq!(town.organisation.extend(again), Err(OrganisationError::Contradiction), "without a cause");
}

/// Nobody could wrap an epoch's root for members of whom one has such a key: every space of theirs would stand still.
#[test]
fn a_key_that_is_none_is_nobodys() {
    let (mut town, _, desktop) = cut();
    for key in [13, 255] {
        assert!(!kem(key).is_well_formed() && kem(12).is_well_formed());
        let bytes = by(&desktop, &town, renewal(2, key, &[desktop.device()]));
        assert_eq!(town.organisation.extend(bytes), Err(OrganisationError::Contradiction));
    }
    let mut statement = Town::user_statement(3, None);
    if let Statement::User { kem: of_user, .. } = &mut statement {
        *of_user = kem(255);
    }
    let bytes = town.by_admin(statement);
    assert_eq!(town.organisation.extend(bytes), Err(OrganisationError::Contradiction));
    let again = by(&desktop, &town, renewal(2, 2, &[desktop.device()]));
    assert_eq!(town.organisation.extend(again), Err(OrganisationError::Contradiction), "a key that was theirs before");
}

#[test]
fn nobody_else_gives_a_person_keys() {
    let (mut town, laptop, desktop) = cut();
    let mine = renewal(2, 9, &[desktop.device()]);
    let by_root = town.by_root(Statement::Renew(mine.clone()));
    let by_admin = by(&town.admin, &town, mine.clone());
    let by_thief = by(&laptop, &town, mine);
    for bytes in [by_root, by_admin, by_thief] {
        assert_eq!(town.organisation.extend(bytes), Err(OrganisationError::Authority));
    }
}

#[test]
fn a_secret_is_wrapped_for_all_devices_that_are_left_and_no_other() {
    let (mut town, laptop, desktop) = cut();
    for devices in [vec![], vec![laptop.device()], vec![laptop.device(), desktop.device()]] {
        let bytes = by(&desktop, &town, renewal(2, 9, &devices));
        assert_eq!(town.organisation.extend(bytes), Err(OrganisationError::Contradiction), "{devices:?}");
    }
}

#[test]
fn a_person_has_so_many_devices_as_one_renewal_serves() {
    let mut town = Town::new();
    town.organisation.extend(town.by_admin(Town::user_statement(2, None))).unwrap();
    let devices: Vec<Signer> = (0..USER_DEVICES_MAX).map(|n| Signer::new(10 + u8::try_from(n).unwrap())).collect();
    for device in &devices {
        town.organisation.extend(town.by_root(Town::device_statement(2, device, None))).unwrap();
    }
    let one_more = town.by_root(Town::device_statement(2, &Signer::new(99), None));
    assert_eq!(town.organisation.extend(one_more.clone()), Err(OrganisationError::Contradiction));
    town.organisation.extend(town.by_root(Statement::RevokeDevice { device: devices[0].device() })).unwrap();
    let left: Vec<_> = devices[1..].iter().map(Signer::device).collect();
    let bytes = by(&devices[1], &town, renewal(2, 9, &left));
    town.organisation.extend(bytes).unwrap();
    town.organisation.extend(town.by_root(Town::device_statement(2, &Signer::new(99), None))).unwrap();
}
