//! Recovery without a network: set up, lost, given back; and guardians, admins and people who do it wrong.

use vauban_crypto::kem::wrap;
use vauban_protocol::label;
use vauban_protocol::organisation::{Invite, InviteKind, Recover};
use vauban_protocol::signed::Signed;

use super::super::tests::{NOW, answer, finish, founding, joined_to};
use super::super::{Chain, Founding, InviteError, certified, invite_device, invite_recovery, renew_if_due};
use super::*;
use crate::session::News;

/// Alice, and three guardians; Claire is the admin.
struct Circle {
    claire: Founding,
    chain: Chain,
    alice: Identity,
    guardians: Vec<Identity>,
}

impl Circle {
    /// Two of three.
    fn guarded() -> Self {
        let claire = founding();
        let mut chain = claire.chain.clone();
        let alice = joined_to(&mut chain, &claire, "Alice");
        let guardians: Vec<_> =
            ["Bob", "Carole", "David"].map(|name| joined_to(&mut chain, &claire, name)).into_iter().collect();
        let mut circle = Self { claire, chain, alice, guardians };
        let users: Vec<UserId> = circle.guardians.iter().map(Identity::user).collect();
        circle.say(|draft, circle| name_guardians(draft, &circle.alice, &users, 2)).unwrap();
        circle
    }

    fn organisation(&self) -> &Organisation {
        self.chain.organisation()
    }

    fn say<T, E>(&mut self, draw_up: impl FnOnce(&mut Draft, &Self) -> Result<T, E>) -> Result<T, E> {
        let mut draft = Draft::new(self.chain.organisation(), NOW);
        let said = draw_up(&mut draft, self)?;
        self.chain.extend(&draft.finish().0).expect("what was drafted fits");
        Ok(said)
    }

    /// A device that asks for Alice's keys, certified by Claire.
    fn asked(&mut self) -> JoiningKeys {
        let (organisation, claire) = (self.chain.organisation(), &self.claire.identity);
        let made =
            invite_recovery(organisation, claire, self.alice.user(), NOW.plus(60), vec!["node:1".into()]).unwrap();
        let invite: Signed<Invite> = Signed::parse(made.record).unwrap();
        let keys = answer(&made.code, invite.payload().kind);
        finish(&mut self.chain, &self.claire.identity, invite.payload(), vec![keys.post.clone()]).unwrap();
        keys
    }

    fn approve(&mut self, at: usize) -> Result<(), RecoveryError> {
        let compared = self.words();
        self.say(|draft, circle| approve(draft, &circle.guardians[at], circle.alice.user(), compared))
    }

    /// A further device of Alice.
    fn second_device(&mut self) -> Identity {
        let organisation = self.chain.organisation();
        let made = invite_device(organisation, &self.alice, NOW.plus(60), vec!["node:1".into()]).unwrap();
        let invite: Signed<Invite> = Signed::parse(made.record).unwrap();
        let keys = answer(&made.code, invite.payload().kind);
        finish(&mut self.chain, &self.alice, invite.payload(), vec![keys.post.clone()]).unwrap();
        certified(self.chain.organisation(), &keys).unwrap().unwrap()
    }

    /// How many guard Alice's keys in force.
    fn guarding(&self) -> usize {
        let record = self.organisation().user(self.alice.user()).unwrap();
        record.guard_in_force().map_or(0, |guard| guard.said.shares.len())
    }

    /// How much of the last certificates Alice is told.
    fn told_of(&self, count: usize) -> usize {
        let (news, certificates) = (News::default(), self.chain.certificates());
        for certificate in &certificates[certificates.len() - count..] {
            news.hear(certificate, self.organisation(), &self.alice);
        }
        news.take().len()
    }

    /// What guardians compare: of the device that asks now, or of none.
    fn words(&self) -> Digest {
        recovery_of(self.organisation(), self.alice.user())
            .map_or(Digest([0; 32]), |recovery| device_fingerprint(&recovery.record.keys, &recovery.record.kem))
    }

    /// Claire has the device with these keys certified once more, with a KEM key of hers beside its signing keys.
    fn swapped(&mut self, keys: &JoiningKeys) {
        let (organisation, claire) = (self.chain.organisation(), &self.claire.identity);
        let made =
            invite_recovery(organisation, claire, self.alice.user(), NOW.plus(60), vec!["node:1".into()]).unwrap();
        let invite: Signed<Invite> = Signed::parse(made.record).unwrap();
        let swapped = Statement::Recover(Recover {
            user: self.alice.user(),
            keys: keys.signing.public().clone(),
            kem: KemSecret::generate().public().clone(),
            wrapped_directory: Vec::new(),
            sealed_name: Vec::new(),
            invite: invite.payload().id,
        });
        self.say(|draft, circle| draft.say((&circle.claire.identity).into(), swapped)).unwrap();
    }

    /// The guardian at a place gives back something else.
    fn approve_badly(&mut self, at: usize, keys: &JoiningKeys, wrapped: Vec<u8>) {
        let (user, device) = (self.alice.user(), keys.signing.public().device_id());
        let approval = Statement::Approve(Approval { user, device, wrapped });
        self.say(|draft, circle| draft.say((&circle.guardians[at]).into(), approval)).unwrap();
    }
}

#[test]
fn enough_guardians_give_the_secret_back_to_a_new_device() {
    let mut circle = Circle::guarded();
    let keys = circle.asked();
    let missing = |have| Err(RecoveryError::Missing { have, need: 2, bad: vec![] });
    assert_eq!(recovered(circle.organisation(), &keys).map(drop), missing(0));
    circle.approve(2).unwrap();
    assert_eq!(recovered(circle.organisation(), &keys).map(drop), missing(1));
    assert_eq!(circle.approve(2), Err(RecoveryError::Said));
    circle.approve(0).unwrap();
    let Recovered { identity, bad } = recovered(circle.organisation(), &keys).unwrap();
    assert!(bad.is_empty());
    assert_eq!(identity.user(), circle.alice.user());
    assert_eq!(identity.user_kem().public(), circle.alice.user_kem().public());
    assert_ne!(identity.device(), circle.alice.device(), "what signs is new");
    let roster = Roster::new(circle.organisation(), identity.directory());
    assert_eq!(roster.user(identity.user()), "Alice");

    // What was lost is revoked, the keys renewed, and split among those whom she names: the next recovery works as this one did.
    let lost = Statement::RevokeDevice { device: circle.alice.device() };
    circle.say(|draft, _| draft.say((&identity).into(), lost)).unwrap();
    assert!(circle.say(|draft, _| renew_if_due(draft, &identity)).unwrap());
    assert_eq!(circle.guarding(), 0, "the device that chose them is lost");
    let users: Vec<UserId> = circle.guardians.iter().map(Identity::user).collect();
    circle.say(|draft, _| name_guardians(draft, &identity, &users, 2)).unwrap();
    assert_eq!(circle.guarding(), 3);
    circle.alice = identity;
    let again = circle.asked();
    circle.approve(1).unwrap();
    circle.approve(2).unwrap();
    let renewed = UserKeys::of(&circle.alice, circle.organisation()).newest().public().clone();
    let Recovered { identity, .. } = recovered(circle.organisation(), &again).unwrap();
    assert_eq!(*identity.user_kem().public(), renewed);
}

/// A guardian who gives back something else is named, by name, and does no harm where others make up for it.
#[test]
fn bad_share_identified() {
    let mut circle = Circle::guarded();
    let keys = circle.asked();
    // Junk; and junk that is wrapped for the device as a share would be.
    let user = circle.alice.user();
    let (place, share) = own_share(circle.organisation(), &circle.guardians[0], user).unwrap();
    let (_, other) = own_share(circle.organisation(), &circle.guardians[1], user).unwrap();
    let wrapped = Share::from_bytes(*other.expose()).wrap_back(&place, keys.device_kem.public()).unwrap();
    assert_ne!(share.expose(), other.expose());
    circle.approve_badly(0, &keys, wrapped);
    circle.approve(1).unwrap();
    let bad = vec!["Bob".to_owned()];
    assert_eq!(
        recovered(circle.organisation(), &keys).map(drop),
        Err(RecoveryError::Missing { have: 1, need: 2, bad })
    );
    circle.approve(2).unwrap();
    let Recovered { identity, bad } = recovered(circle.organisation(), &keys).unwrap();
    assert_eq!(bad, [circle.guardians[0].user()]);
    assert_eq!(identity.user_kem().public(), circle.alice.user_kem().public());
    // The positive control: all three in order, nobody is named.
    let mut circle = Circle::guarded();
    let keys = circle.asked();
    (0..3).for_each(|at| circle.approve(at).unwrap());
    assert!(recovered(circle.organisation(), &keys).unwrap().bad.is_empty());
}

#[test]
fn a_share_for_one_device_is_none_for_another() {
    let mut circle = Circle::guarded();
    let first = circle.asked();
    circle.approve(0).unwrap();
    let user = circle.alice.user();
    let wrapped = recovery_of(circle.organisation(), user).unwrap().approvals[0].wrapped.clone();
    let second = circle.asked();
    assert_eq!(recovered(circle.organisation(), &first).map(drop), Err(RecoveryError::Refused));
    // Somebody shows it again for the second device.
    circle.approve_badly(0, &second, wrapped);
    circle.approve(1).unwrap();
    let bad = vec!["Bob".to_owned()];
    assert_eq!(
        recovered(circle.organisation(), &second).map(drop),
        Err(RecoveryError::Missing { have: 1, need: 2, bad })
    );
}

/// An admin who certifies another KEM key beside the device's own signing keys is given nothing by the device, and other words by guardians.
#[test]
fn a_certificate_with_another_key_is_an_alarm() {
    let mut circle = Circle::guarded();
    let admins = KemSecret::generate();
    let (organisation, claire) = (circle.organisation(), &circle.claire.identity);
    let made = invite_recovery(organisation, claire, circle.alice.user(), NOW.plus(60), vec!["node:1".into()]).unwrap();
    let keys = answer(&made.code, InviteKind::Recovery(circle.alice.user()));
    let mut join = keys.post.join.payload().clone();
    join.device_kem = admins.public().clone();
    let invite: Signed<Invite> = Signed::parse(made.record).unwrap();
    let accepted = circle.say(|draft, circle| {
        super::super::accept(draft, &circle.claire.identity, invite.payload(), &made.code.secret, &join)
    });
    assert!(accepted.is_ok());
    circle.approve(0).unwrap();
    circle.approve(1).unwrap();
    assert_eq!(recovered(circle.organisation(), &keys).map(drop), Err(RecoveryError::BadCertificate));
    let shown = recovery_of(circle.organisation(), circle.alice.user()).unwrap();
    assert_ne!(
        device_fingerprint(&shown.record.keys, &shown.record.kem),
        device_fingerprint(keys.signing.public(), keys.device_kem.public())
    );
}

/// Fails if a share goes to a KEM key that an admin, with a node that lets others come first, has put under a recovery after the words were
/// compared: the device's identifier is the same, and a draft is drawn up anew when the chain has moved on.
#[test]
fn nothing_is_given_to_keys_that_came_after_the_words() {
    let mut circle = Circle::guarded();
    let keys = circle.asked();
    let compared = circle.words();
    let user = circle.alice.user();
    circle.swapped(&keys);
    assert_eq!(recovery_of(circle.organisation(), user).unwrap().device, keys.signing.public().device_id());
    let approved = circle.say(|draft, circle| approve(draft, &circle.guardians[0], user, compared));
    assert_eq!(approved, Err(RecoveryError::Words));
    // The positive control: whoever compares the words of these keys may approve them.
    circle.approve(0).unwrap();
}

/// A person's device that hands out shares that are none, or that do not go together.
#[test]
fn a_bad_split_is_told_from_a_bad_share() {
    let mut circle = Circle::guarded();
    let user = circle.alice.user();
    let mut said = circle.organisation().user(user).unwrap().guard_in_force().unwrap().said.clone();
    let place = |at: usize, circle: &Circle| SharePlace {
        organisation: circle.organisation().fingerprint(),
        user,
        kem: said.kem,
        guardian: said.shares[at].guardian,
        number: u8::try_from(at + 1).unwrap(),
    };
    let at_places: Vec<_> = (0..3).map(|at| place(at, &circle)).collect();
    // Each fits its commitment, and together they give another secret.
    for (at, (place, share)) in at_places.iter().zip(&mut said.shares).enumerate() {
        let junk = Share::from_bytes([u8::try_from(at).unwrap() + 1; 32]);
        let guardian = circle.guardians.iter().find(|one| one.user() == share.guardian).unwrap();
        share.commitment = junk.commitment(place);
        share.wrapped = junk.wrap(place, guardian.user_kem().public()).unwrap();
    }
    let bad = Statement::Guardians(said.clone());
    circle.say(|draft, circle| draft.say((&circle.alice).into(), bad)).unwrap();
    let keys = circle.asked();
    (0..3).for_each(|at| circle.approve(at).unwrap());
    assert_eq!(recovered(circle.organisation(), &keys).map(drop), Err(RecoveryError::BadSplit));

    // One does not even fit its commitment: the guardian says so, and passes nothing on.
    let guardian = circle.guardians.iter().find(|one| one.user() == said.shares[0].guardian).unwrap();
    said.shares[0].wrapped = wrap(guardian.user_kem().public(), label::WRAP_SHARE, b"", &[7; 32]).unwrap();
    let first = circle.guardians.iter().position(|one| one.user() == said.shares[0].guardian).unwrap();
    circle.say(|draft, circle| draft.say((&circle.alice).into(), Statement::Guardians(said))).unwrap();
    circle.asked();
    assert_eq!(circle.approve(first), Err(RecoveryError::BadSplit));
}

/// Fails if a guardian who has left, or was dropped, still holds a share of the keys in force once the person's client has come by.
#[test]
fn a_guardian_who_leaves_is_left_behind() {
    let mut circle = Circle::guarded();
    let before = circle.organisation().user(circle.alice.user()).unwrap().kem.clone();
    let gone = Statement::RevokeUser { user: circle.guardians[0].user() };
    circle.say(|draft, circle| draft.say((&circle.claire.identity).into(), gone)).unwrap();
    assert!(circle.say(|draft, circle| renew_if_due(draft, &circle.alice)).unwrap());
    let record = circle.organisation().user(circle.alice.user()).unwrap();
    assert_ne!(record.kem, before);
    let guardians: Vec<_> = record.guard_in_force().unwrap().said.guardians().collect();
    assert!(guardians.len() == 2 && !guardians.contains(&circle.guardians[0].user()));
    assert!(!circle.say(|draft, circle| renew_if_due(draft, &circle.alice)).unwrap(), "once is enough");
    let keys = circle.asked();
    circle.approve(1).unwrap();
    circle.approve(2).unwrap();
    assert!(recovered(circle.organisation(), &keys).is_ok());

    // Too few are left: nothing is split, and a recovery that nobody could finish is not begun.
    let gone = Statement::RevokeUser { user: circle.guardians[1].user() };
    circle.say(|draft, circle| draft.say((&circle.claire.identity).into(), gone)).unwrap();
    assert!(circle.say(|draft, circle| renew_if_due(draft, &circle.alice)).unwrap());
    assert!(circle.organisation().user(circle.alice.user()).unwrap().guard_in_force().is_none());
    let (organisation, claire) = (circle.organisation(), &circle.claire.identity);
    let made = invite_recovery(organisation, claire, circle.alice.user(), NOW.plus(60), vec!["node:1".into()]).unwrap();
    let invite: Signed<Invite> = Signed::parse(made.record).unwrap();
    let keys = answer(&made.code, invite.payload().kind);
    let accepted = finish(&mut circle.chain, &circle.claire.identity, invite.payload(), vec![keys.post.clone()]);
    assert!(matches!(accepted, Err(InviteError::Chain(ChainError::Refused(_)))), "{accepted:?}");
}

/// Fails if guardians whom a thief has named from a stolen device are given shares of the keys that follow its revocation.
#[test]
fn guardians_whom_a_thief_has_named_get_no_fresh_shares() {
    let mut circle = Circle::guarded();
    let stolen = circle.second_device();
    let accomplices: Vec<UserId> = circle.guardians[1..].iter().map(Identity::user).collect();
    circle.say(|draft, _| name_guardians(draft, &stolen, &accomplices, 2)).unwrap();
    let revoked = Statement::RevokeDevice { device: stolen.device() };
    circle.say(|draft, circle| draft.say((&circle.alice).into(), revoked)).unwrap();
    assert!(circle.say(|draft, circle| renew_if_due(draft, &circle.alice)).unwrap());
    assert_eq!(circle.guarding(), 0);
    assert_eq!(circle.told_of(1), 1, "she is to name others");

    // The control: those whom she names are given shares, also of the keys that follow another device's revocation.
    let users: Vec<UserId> = circle.guardians.iter().map(Identity::user).collect();
    circle.say(|draft, circle| name_guardians(draft, &circle.alice, &users, 2)).unwrap();
    let lost = circle.second_device();
    let revoked = Statement::RevokeDevice { device: lost.device() };
    circle.say(|draft, circle| draft.say((&circle.alice).into(), revoked)).unwrap();
    assert!(circle.say(|draft, circle| renew_if_due(draft, &circle.alice)).unwrap());
    assert_eq!(circle.guarding(), 3);
    assert_eq!(circle.told_of(2), 0);
}

/// Fails if a device that renews the keys, and gives no shares of them to guardians who are left, ends those without a word.
#[test]
fn who_renews_and_does_not_split_again_is_told_of() {
    let mut circle = Circle::guarded();
    let other = circle.second_device();
    let gone = Statement::RevokeUser { user: circle.guardians[0].user() };
    circle.say(|draft, circle| draft.say((&circle.claire.identity).into(), gone)).unwrap();
    let mut draft = Draft::new(circle.organisation(), NOW);
    assert!(renew_if_due(&mut draft, &other).unwrap());
    let (certificates, _) = draft.finish();
    let (renewal, shares) = certificates.split_at(1);
    circle.chain.extend(renewal).unwrap();
    assert_eq!(circle.guarding(), 0);
    assert_eq!(circle.told_of(1), 1, "nobody guards them any more");
    // The control: with their shares nothing has ended, and she is told who guards, as by each other device of hers.
    circle.chain.extend(shares).unwrap();
    assert_eq!(circle.guarding(), 2);
    assert_eq!(circle.told_of(2), 1);
}

/// A device that was approved, and whose person's keys another device renews before it has put the shares together, is given the new ones.
#[test]
fn keys_that_are_renewed_meanwhile_reach_the_new_device() {
    let mut circle = Circle::guarded();
    let keys = circle.asked();
    circle.approve(0).unwrap();
    circle.approve(1).unwrap();
    let gone = Statement::RevokeUser { user: circle.guardians[2].user() };
    circle.say(|draft, circle| draft.say((&circle.claire.identity).into(), gone)).unwrap();
    assert!(circle.say(|draft, circle| renew_if_due(draft, &circle.alice)).unwrap());
    let Recovered { identity, .. } = recovered(circle.organisation(), &keys).unwrap();
    let newest = UserKeys::of(&circle.alice, circle.organisation()).newest().public().clone();
    assert_eq!(*identity.user_kem().public(), newest);
    assert_eq!(UserKeys::of(&identity, circle.organisation()).newest().public(), &newest);
}

#[test]
fn who_has_nothing_to_give_gives_nothing() {
    let mut circle = Circle::guarded();
    let user = circle.alice.user();
    assert_eq!(circle.approve(0), Err(RecoveryError::Unasked));
    let keys = circle.asked();
    let compared = circle.words();
    let by_claire = circle.say(|draft, circle| approve(draft, &circle.claire.identity, user, compared));
    assert_eq!(by_claire, Err(RecoveryError::NoGuardian));
    let bobs = circle.guardians[0].user();
    let for_bob = circle.say(|draft, circle| approve(draft, &circle.guardians[1], bobs, compared));
    assert_eq!(for_bob, Err(RecoveryError::Unguarded));
    let refused = Statement::RevokeDevice { device: keys.signing.public().device_id() };
    circle.say(|draft, circle| draft.say((&circle.alice).into(), refused)).unwrap();
    assert_eq!(circle.approve(0), Err(RecoveryError::Unasked));
    assert_eq!(recovered(circle.organisation(), &keys).map(drop), Err(RecoveryError::Refused));
}
