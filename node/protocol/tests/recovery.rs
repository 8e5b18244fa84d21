//! Guardians and recoveries: who may say what, when a device becomes a person's, and what ends it all.
#![allow(missing_docs, clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may fail")]

mod signer;

use bytes::Bytes;
use signer::{Signer, Town, certificate, kem, user};
use vauban_protocol::id::{DeviceId, Digest, InviteId};
use vauban_protocol::limit::{GUARD_CHANGES_MAX, GUARDIANS_MAX, USER_DEVICES_MAX};
use vauban_protocol::organisation::{
    Approval, GuardianShare, Guardians, Issuer, Organisation, OrganisationError, Recover, Recovery, Renewal, Statement,
    device_fingerprint,
};

/// Alice (2), who has a laptop, and her guardians (3, 4, 5), with a device each.
struct Circle {
    town: Town,
    laptop: Signer,
    guardians: Vec<Signer>,
}

const ALICE: u8 = 2;
const REFUSED: [OrganisationError; 2] = [OrganisationError::Authority, OrganisationError::Contradiction];

impl Circle {
    fn new() -> Self {
        let mut town = Town::new();
        let laptop = Signer::new(10);
        let guardians: Vec<Signer> = (3..=5).map(|person| Signer::new(10 + person)).collect();
        for (person, device) in (2u8..).zip([&laptop].into_iter().chain(&guardians)) {
            town.organisation.extend(town.by_admin(Town::user_statement(person, None))).unwrap();
            town.organisation.extend(town.by_admin(Town::device_statement(person, device, None))).unwrap();
        }
        Self { town, laptop, guardians }
    }

    /// The same, with guardians named.
    fn guarded() -> Self {
        let mut circle = Self::new();
        circle.by_laptop(named(&[3, 4, 5], 2, 2)).unwrap();
        circle
    }

    fn organisation(&self) -> &Organisation {
        &self.town.organisation
    }

    fn by(&mut self, signer: &Signer, statement: Statement) -> Result<(), OrganisationError> {
        let head = self.town.organisation.head();
        self.town.organisation.extend(certificate(signer, Issuer::Device(signer.device()), head, statement))
    }

    fn by_laptop(&mut self, statement: Statement) -> Result<(), OrganisationError> {
        let laptop = Signer::new(10);
        self.by(&laptop, statement)
    }

    fn by_admin(&mut self, statement: Statement) -> Result<(), OrganisationError> {
        let bytes: Bytes = self.town.by_admin(statement);
        self.town.organisation.extend(bytes)
    }

    fn by_root(&mut self, statement: Statement) -> Result<(), OrganisationError> {
        let bytes: Bytes = self.town.by_root(statement);
        self.town.organisation.extend(bytes)
    }

    /// The approval of the guardian at a place, of a device.
    fn approve(&mut self, at: usize, device: DeviceId) -> Result<(), OrganisationError> {
        let signer = Signer::new(13 + u8::try_from(at).unwrap());
        self.by(&signer, approval(device))
    }

    fn asked(&self) -> Option<&Recovery> {
        self.organisation().user(user(ALICE)).unwrap().recovery.as_deref()
    }
}

fn named(people: &[u8], threshold: u8, key: u8) -> Statement {
    Statement::Guardians(guardians_of(people, threshold, key))
}

/// Alice's, and their shares of a key of hers.
fn guardians_of(people: &[u8], threshold: u8, key: u8) -> Guardians {
    let share = |person: &u8| GuardianShare {
        guardian: user(*person),
        commitment: Digest([*person; 32]),
        wrapped: vec![1; 1168],
    };
    let shares = people.iter().map(share).collect();
    Guardians { user: user(ALICE), kem: kem(key).digest(), threshold, shares }
}

fn recover(device: &Signer, invite: u8) -> Statement {
    Statement::Recover(Recover {
        user: user(ALICE),
        keys: device.public(),
        kem: kem(9),
        wrapped_directory: vec![2; 1168],
        sealed_name: vec![],
        invite: InviteId([invite; 16]),
    })
}

fn approval(device: DeviceId) -> Statement {
    Statement::Approve(Approval { user: user(ALICE), device, wrapped: vec![3; 1168] })
}

fn renewal(key: u8, devices: &[DeviceId]) -> Statement {
    let mut wrapped_for: Vec<_> = devices.iter().map(|device| (*device, vec![1; 1168])).collect();
    wrapped_for.sort_unstable();
    Statement::Renew(Renewal { user: user(ALICE), kem: kem(key), wrapped_previous: vec![2; 1168], wrapped_for })
}

/// Fails if a device that an admin certifies is the person's before enough guardians have approved that very device: admins alone
/// would then be given each person's next keys.
#[test]
fn a_device_is_nobodys_until_guardians_have_approved_it() {
    let mut circle = Circle::guarded();
    let phone = Signer::new(30);
    circle.by_admin(recover(&phone, 1)).unwrap();
    assert!(circle.organisation().is_invite_used(InviteId([1; 16])));
    assert_eq!(circle.organisation().device(phone.device()), None);
    let live: Vec<_> = circle.organisation().live_devices_of(user(ALICE)).collect();
    assert_eq!(live, [circle.laptop.device()]);
    // It says nothing, not even that it was approved.
    assert_eq!(circle.by(&phone, approval(phone.device())), Err(OrganisationError::Authority));
    assert_eq!(circle.by(&phone, named(&[3, 4], 2, 2)), Err(OrganisationError::Authority));

    circle.approve(0, phone.device()).unwrap();
    assert!(!circle.asked().unwrap().is_approved());
    assert_eq!(circle.organisation().device(phone.device()), None);
    assert_eq!(circle.approve(0, phone.device()), Err(OrganisationError::Contradiction), "one guardian counts once");
    circle.approve(2, phone.device()).unwrap();
    let position = circle.organisation().head().seq;
    let record = circle.organisation().live_device(phone.device()).unwrap();
    assert_eq!((record.user, record.since), (user(ALICE), position), "not before it was approved");
    assert!(circle.asked().unwrap().is_approved());
    // Where a share was bad, another guardian makes up for it.
    circle.approve(1, phone.device()).unwrap();
    assert_eq!(circle.asked().unwrap().approvals.len(), 3);
    // It revokes what was lost, and renews the keys; the recovery is over.
    let laptop = circle.laptop.device();
    circle.by(&phone, Statement::RevokeDevice { device: laptop }).unwrap();
    circle.by(&phone, renewal(8, &[phone.device()])).unwrap();
    assert!(circle.asked().is_none());
    circle.by(&phone, named(&[3, 4, 5], 2, 8)).unwrap();
}

#[test]
fn only_guardians_approve_and_only_the_device_that_asks() {
    let mut circle = Circle::guarded();
    let (phone, other) = (Signer::new(30), Signer::new(31));
    assert_eq!(circle.approve(0, phone.device()), Err(OrganisationError::Contradiction), "nobody asks");
    circle.by_admin(recover(&phone, 1)).unwrap();
    assert_eq!(circle.approve(0, other.device()), Err(OrganisationError::Contradiction));
    assert_eq!(circle.by_admin(approval(phone.device())), Err(OrganisationError::Authority));
    assert_eq!(circle.by_root(approval(phone.device())), Err(OrganisationError::Authority));
    assert_eq!(circle.by_laptop(approval(phone.device())), Err(OrganisationError::Authority));
    // Another device in its place begins anew: what was approved was the first one.
    circle.approve(0, phone.device()).unwrap();
    circle.by_admin(recover(&other, 2)).unwrap();
    assert_eq!(circle.approve(1, phone.device()), Err(OrganisationError::Contradiction));
    assert_eq!(circle.asked().unwrap().approvals.len(), 0);
    // A guardian who has left the organisation approves nothing.
    circle.by_admin(Statement::RevokeUser { user: user(3) }).unwrap();
    assert_eq!(circle.approve(0, other.device()), Err(OrganisationError::Authority));
}

#[test]
fn only_admins_certify_a_device_for_whoever_has_guardians() {
    let mut circle = Circle::new();
    let phone = Signer::new(30);
    assert_eq!(circle.by_admin(recover(&phone, 1)), Err(OrganisationError::Contradiction), "no guardians");
    circle.by_laptop(named(&[3, 4, 5], 2, 2)).unwrap();
    let guardian = Signer::new(13);
    assert_eq!(circle.by(&guardian, recover(&phone, 1)), Err(OrganisationError::Authority));
    assert_eq!(circle.by_laptop(recover(&phone, 1)), Err(OrganisationError::Authority));
    let known = Signer::new(13);
    assert_eq!(circle.by_admin(recover(&known, 1)), Err(OrganisationError::Contradiction), "somebody's device");
    circle.by_admin(Statement::RevokeUser { user: user(3) }).unwrap();
    circle.by_root(recover(&phone, 1)).unwrap();
    circle.by_admin(Statement::RevokeUser { user: user(4) }).unwrap();
    let other = Signer::new(31);
    assert_eq!(circle.by_admin(recover(&other, 2)), Err(OrganisationError::Contradiction), "too few are left");
    assert_eq!(circle.by_admin(recover(&other, 1)), Err(OrganisationError::Contradiction), "the invite was used");
}

/// Fails if the approval of a guardian's device counts that was revoked since: its thief has given it, and gives no second one.
#[test]
fn what_a_revoked_device_has_approved_does_not_count() {
    let mut circle = Circle::guarded();
    let counted = |circle: &Circle| circle.organisation().approvals_of(circle.asked().unwrap()).count();
    let (phone, stolen, desktop) = (Signer::new(30), Signer::new(13), Signer::new(33));
    circle.by(&stolen, Town::device_statement(3, &desktop, None)).unwrap();
    circle.by_admin(recover(&phone, 1)).unwrap();
    circle.approve(0, phone.device()).unwrap();
    assert_eq!(counted(&circle), 1);
    circle.by(&desktop, Statement::RevokeDevice { device: stolen.device() }).unwrap();
    assert_eq!(counted(&circle), 0);
    circle.approve(1, phone.device()).unwrap();
    assert_eq!((circle.organisation().device(phone.device()), counted(&circle)), (None, 1));
    // The guardian says it with a device that is theirs.
    circle.by(&desktop, approval(phone.device())).unwrap();
    assert_eq!(circle.organisation().live_device(phone.device()).map(|record| record.user), Some(user(ALICE)));
    // The device is the person's now, whatever becomes of those who said so; and their shares still count.
    circle.by_admin(Statement::RevokeDevice { device: desktop.device() }).unwrap();
    circle.approve(2, phone.device()).unwrap();
    assert_eq!(counted(&circle), 3);
}

/// Fails if a member, by enrolling the device that asks as their own, or an admin, by having it ask for somebody else, too, keeps it from ever
/// being the person's.
#[test]
fn a_device_that_asks_is_nobody_elses() {
    let mut circle = Circle::guarded();
    let (phone, mallory) = (Signer::new(30), Signer::new(13));
    let guards = Guardians { user: user(3), kem: kem(3).digest(), ..guardians_of(&[2, 4], 2, 2) };
    circle.by(&mallory, Statement::Guardians(guards)).unwrap();
    circle.by_admin(recover(&phone, 1)).unwrap();
    circle.approve(0, phone.device()).unwrap();
    let before = circle.organisation().head();
    let enrolled = |person| Town::device_statement(person, &Signer::new(30), None);
    assert_eq!(circle.by(&mallory, enrolled(3)), Err(OrganisationError::Contradiction));
    assert_eq!(circle.by_root(enrolled(3)), Err(OrganisationError::Contradiction));
    assert_eq!(circle.by_laptop(enrolled(ALICE)), Err(OrganisationError::Contradiction), "hers once guardians say so");
    let Statement::Recover(asks) = recover(&phone, 2) else { unreachable!() };
    let decoy = Statement::Recover(Recover { user: user(3), ..asks });
    assert_eq!(circle.by_admin(decoy), Err(OrganisationError::Contradiction));
    // Nor does anybody who does not answer for Alice end what it asks for.
    let revoke = Statement::RevokeDevice { device: phone.device() };
    assert_eq!(circle.by(&mallory, revoke.clone()), Err(OrganisationError::Authority));
    assert_eq!(circle.organisation().head(), before);
    circle.approve(1, phone.device()).unwrap();
    assert_eq!(circle.organisation().live_device(phone.device()).map(|record| record.user), Some(user(ALICE)));

    // The control: what has ended holds no identifier back.
    let mut circle = Circle::guarded();
    circle.by_admin(recover(&phone, 1)).unwrap();
    circle.by_laptop(revoke).unwrap();
    circle.by(&mallory, enrolled(3)).unwrap();
    let other = Signer::new(31);
    circle.by_admin(recover(&other, 2)).unwrap();
    circle.by_admin(recover(&Signer::new(32), 3)).unwrap();
    circle.by(&mallory, Town::device_statement(3, &other, None)).unwrap();
}

#[test]
fn only_a_person_names_their_guardians_and_only_of_the_key_in_force() {
    let mut circle = Circle::new();
    let good = named(&[3, 4, 5], 2, 2);
    let guardian = Signer::new(13);
    assert_eq!(circle.by_admin(good.clone()), Err(OrganisationError::Authority));
    assert_eq!(circle.by_root(good.clone()), Err(OrganisationError::Authority));
    assert_eq!(circle.by(&guardian, good.clone()), Err(OrganisationError::Authority));
    for (people, threshold, key, why) in [
        (&[3, 4, 5][..], 1, 2, "one alone could read everything"),
        (&[3, 4, 5][..], 0, 2, "guardians, and nothing to do for them"),
        (&[3, 4, 5][..], 4, 2, "more than there are"),
        (&[][..], 0, 2, "there is nothing to end"),
        (&[][..], 2, 2, "nobody"),
        (&[2, 3, 4][..], 2, 2, "one of them is the person"),
        (&[3, 4, 77][..], 2, 2, "one of them is nobody"),
        (&[3, 4, 5][..], 2, 3, "another key"),
    ] {
        assert_eq!(circle.by_laptop(named(people, threshold, key)), Err(OrganisationError::Contradiction), "{why}");
    }
    // Who has no device could be given one by an admin, who would then approve in their name.
    circle.by_admin(Town::user_statement(6, None)).unwrap();
    assert_eq!(circle.by_laptop(named(&[3, 4, 6], 2, 2)), Err(OrganisationError::Contradiction));
    for out_of_order in [&[4, 3, 5][..], &[3, 3, 4]] {
        assert!(matches!(circle.by_laptop(named(out_of_order, 2, 2)), Err(OrganisationError::Decode(_))));
    }
    circle.by_laptop(good).unwrap();
}

/// Fails if what one person can have the chain keep has no bound.
#[test]
fn nobody_fills_the_chain_with_guardians() {
    let people: Vec<u8> = (0..=GUARDIANS_MAX).map(|n| 100 + u8::try_from(n).unwrap()).collect();
    let mut circle = Circle::new();
    assert!(matches!(circle.by_laptop(named(&people, 2, 2)), Err(OrganisationError::Decode(_))), "too many");
    for change in 0..GUARD_CHANGES_MAX {
        let people: &[u8] = if change % 2 == 0 { &[3, 4] } else { &[3, 4, 5] };
        circle.by_laptop(named(people, 2, 2)).unwrap();
    }
    assert_eq!(circle.by_laptop(named(&[3, 4], 2, 2)), Err(OrganisationError::Contradiction));
    // Renewed keys are split again all the same: once, and among no others.
    let laptop = circle.laptop.device();
    circle.by_laptop(renewal(8, &[laptop])).unwrap();
    assert_eq!(circle.by_laptop(named(&[3, 4, 5], 3, 8)), Err(OrganisationError::Contradiction));
    circle.by_laptop(named(&[3, 4], 2, 8)).unwrap();
    assert_eq!(circle.by_laptop(named(&[3, 4], 2, 8)), Err(OrganisationError::Contradiction));
    // They are ended at any time: shares must not stay in force because somebody has used a number up.
    circle.by_laptop(named(&[], 0, 8)).unwrap();
    assert_eq!(circle.by_laptop(named(&[], 0, 8)), Err(OrganisationError::Contradiction), "there is nothing to end");
    assert_eq!(circle.by_laptop(named(&[3, 4], 2, 8)), Err(OrganisationError::Contradiction));
    // Nor has a device that was stolen used up the times of another one.
    let phone = Signer::new(30);
    circle.by_laptop(Town::device_statement(ALICE, &phone, None)).unwrap();
    circle.by(&phone, named(&[3, 4], 2, 8)).unwrap();
}

/// Fails if the chain does not say whose choice guardians are: a thief's are given no shares of the keys that follow.
#[test]
fn guardians_are_the_choice_of_the_device_that_named_them() {
    let chosen_by = |circle: &Circle| circle.organisation().user(user(ALICE)).unwrap().guard.as_ref().unwrap().by;
    let left = |circle: &Circle| {
        let organisation = circle.organisation();
        organisation.guardians_left(organisation.user(user(ALICE)).unwrap().guard.as_ref().unwrap())
    };
    let mut circle = Circle::new();
    let (laptop, phone) = (Signer::new(10).device(), Signer::new(30));
    circle.by_laptop(Town::device_statement(ALICE, &phone, None)).unwrap();
    circle.by(&phone, named(&[3, 4, 5], 2, 2)).unwrap();
    assert_eq!(chosen_by(&circle), phone.device());
    // Another device splits renewed keys again, and chooses nobody by that.
    circle.by_admin(Statement::RevokeUser { user: user(5) }).unwrap();
    circle.by_laptop(renewal(8, &[laptop, phone.device()])).unwrap();
    circle.by_laptop(named(&[3, 4], 2, 8)).unwrap();
    assert_eq!((chosen_by(&circle), left(&circle)), (phone.device(), Some(vec![user(3), user(4)])));
    circle.by_laptop(Statement::RevokeDevice { device: phone.device() }).unwrap();
    assert_eq!(left(&circle), None, "the choice of a device that was revoked");
    // Who names the same ones after that has chosen them.
    circle.by_laptop(renewal(7, &[laptop])).unwrap();
    circle.by_laptop(named(&[3, 4], 2, 7)).unwrap();
    assert_eq!((chosen_by(&circle), left(&circle)), (laptop, Some(vec![user(3), user(4)])));

    // A thief who has fewer of them suffice has chosen, whatever was renewed.
    let mut circle = Circle::new();
    circle.by_laptop(Town::device_statement(ALICE, &phone, None)).unwrap();
    circle.by_laptop(named(&[3, 4, 5], 3, 2)).unwrap();
    circle.by_laptop(Town::device_statement(ALICE, &Signer::new(31), None)).unwrap();
    circle.by_laptop(Statement::RevokeDevice { device: Signer::new(31).device() }).unwrap();
    circle.by(&phone, renewal(8, &[laptop, phone.device()])).unwrap();
    circle.by(&phone, named(&[3, 4], 2, 8)).unwrap();
    assert_eq!(chosen_by(&circle), phone.device());
}

/// Fails if somebody who holds a share and should not leaves the keys in force.
#[test]
fn keys_are_renewed_when_a_guardian_leaves() {
    let is_due = |circle: &Circle| circle.organisation().is_renewal_due(user(ALICE));
    let mut circle = Circle::guarded();
    let laptop = circle.laptop.device();
    assert!(!is_due(&circle));
    assert_eq!(circle.by_laptop(renewal(8, &[laptop])), Err(OrganisationError::Contradiction), "without a cause");
    circle.by_admin(Statement::RevokeUser { user: user(5) }).unwrap();
    assert!(is_due(&circle));
    circle.by_laptop(renewal(8, &[laptop])).unwrap();
    let record = circle.organisation().user(user(ALICE)).unwrap();
    assert!(!is_due(&circle) && record.guard_in_force().is_none(), "shares of the key before");
    circle.by_laptop(named(&[3, 4], 2, 8)).unwrap();
    assert!(!is_due(&circle));
    // One is dropped, or all are.
    circle.by_admin(Town::user_statement(6, None)).unwrap();
    circle.by_admin(Town::device_statement(6, &Signer::new(16), None)).unwrap();
    circle.by_laptop(named(&[3, 4, 6], 2, 8)).unwrap();
    assert!(!is_due(&circle), "nobody has left");
    circle.by_laptop(named(&[3, 6], 2, 8)).unwrap();
    assert!(is_due(&circle));
    circle.by_laptop(renewal(7, &[laptop])).unwrap();
    circle.by_laptop(named(&[3, 6], 2, 7)).unwrap();
    circle.by_laptop(named(&[], 0, 7)).unwrap();
    assert!(is_due(&circle));
}

#[test]
fn a_recovery_is_refused_by_the_person_or_an_admin_and_ends_with_other_shares() {
    let mut circle = Circle::guarded();
    let phone = Signer::new(30);
    let guardian = Signer::new(13);
    let revoke = Statement::RevokeDevice { device: phone.device() };
    circle.by_admin(recover(&phone, 1)).unwrap();
    assert_eq!(circle.by(&guardian, revoke.clone()), Err(OrganisationError::Authority));
    circle.by_laptop(revoke.clone()).unwrap();
    assert!(circle.asked().is_none());
    assert_eq!(circle.approve(0, phone.device()), Err(OrganisationError::Contradiction));
    circle.by_admin(recover(&phone, 2)).unwrap();
    circle.by_admin(revoke).unwrap();
    assert!(circle.asked().is_none());
    circle.by_admin(recover(&phone, 3)).unwrap();
    circle.approve(0, phone.device()).unwrap();
    circle.by_laptop(named(&[3, 4, 5], 3, 2)).unwrap();
    assert!(circle.asked().is_none(), "shares of two splits do not go together");
    circle.by_admin(recover(&phone, 4)).unwrap();
    circle.by_admin(Statement::RevokeUser { user: user(ALICE) }).unwrap();
    for at in 0..3 {
        assert!(circle.approve(at, phone.device()).is_err_and(|error| REFUSED.contains(&error)));
    }
    assert_eq!(circle.by_admin(recover(&Signer::new(31), 5)), Err(OrganisationError::Contradiction));
}

#[test]
fn there_is_room_for_the_device_or_it_is_refused() {
    let mut circle = Circle::guarded();
    for n in 1..USER_DEVICES_MAX {
        let device = Signer::new(40 + u8::try_from(n).unwrap());
        circle.by_laptop(Town::device_statement(ALICE, &device, None)).unwrap();
    }
    let phone = Signer::new(30);
    assert_eq!(circle.by_admin(recover(&phone, 1)), Err(OrganisationError::Contradiction));
    circle.by_admin(Statement::RevokeDevice { device: Signer::new(41).device() }).unwrap();
    circle.by_admin(recover(&phone, 1)).unwrap();
    circle.approve(0, phone.device()).unwrap();
    circle.by_laptop(Town::device_statement(ALICE, &Signer::new(90), None)).unwrap();
    assert_eq!(circle.approve(1, phone.device()), Err(OrganisationError::Contradiction));
    circle.by_admin(Statement::RevokeDevice { device: Signer::new(42).device() }).unwrap();
    circle.approve(1, phone.device()).unwrap();
}

/// Every key counts: an admin who certifies the right signing keys beside another KEM key is found out by the words.
#[test]
fn the_fingerprint_covers_every_key() {
    let (one, other) = (Signer::new(30).public(), Signer::new(31).public());
    let fingerprint = device_fingerprint(&one, &kem(9));
    assert_ne!(fingerprint, device_fingerprint(&one, &kem(8)));
    assert_ne!(fingerprint, device_fingerprint(&other, &kem(9)));
    let mixed = vauban_protocol::signature::HybridKey { ed25519: one.ed25519, ml_dsa_65: other.ml_dsa_65 };
    assert_ne!(fingerprint, device_fingerprint(&mixed, &kem(9)));
}

#[test]
fn guardians_are_those_of_the_circle() {
    let circle = Circle::guarded();
    let guard = circle.organisation().user(user(ALICE)).unwrap().guard_in_force().unwrap();
    let numbers: Vec<_> = [3, 4, 5, 6].map(|one| guard.said.share_of(user(one)).map(|(number, _)| number)).into();
    assert_eq!(numbers, [Some(1), Some(2), Some(3), None]);
    assert_eq!(circle.guardians.len(), 3);
}
