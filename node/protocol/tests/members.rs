//! Members of a space: who may change whom, and that keys follow, for every client and node alike.
#![allow(missing_docs, clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may fail")]

mod signer;

use signer::{Signer, Town, certificate, kem, user};
use vauban_protocol::canonical::DecodeError;
use vauban_protocol::id::{ChunkId, Digest, UserId};
use vauban_protocol::limit::MEMBERS_MAX;
use vauban_protocol::organisation::{Issuer, Renewal, Statement};
use vauban_protocol::signature::KemKey;
use vauban_protocol::signed::Signed;
use vauban_protocol::space::{
    Commit, CommitError, CommitPlace, Control, Cutting, EpochCertificate, KeysChange, MembersChange, Outline,
    Recipient, Role, Space, SpaceGenesis, recipients_digest,
};
use vauban_protocol::time::Timestamp;

const BUNDLE: ChunkId = ChunkId([9; 32]);
const ALICE: u8 = 1;
const BOB: u8 = 2;
const CAROL: u8 = 3;
const DAVE: u8 = 4;

/// A space that alice owns, and people with a device each, who are no members yet.
struct Scene {
    town: Town,
    space: Space,
    log: Vec<Signed<Commit>>,
    genesis: Signed<SpaceGenesis>,
}

fn signer(person: u8) -> Signer {
    if person == ALICE { Signer::new(2) } else { Signer::new(100 + person) }
}

impl Scene {
    fn new() -> Self {
        let mut town = Town::new();
        for person in [BOB, CAROL, DAVE] {
            for statement in [Town::user_statement(person, None), Town::device_statement(person, &signer(person), None)]
            {
                town.organisation.extend(town.by_root(statement)).unwrap();
            }
        }
        let genesis = town.admin.seal_hybrid(SpaceGenesis {
            org: town.organisation.head(),
            owner: user(ALICE),
            device: town.admin.device(),
            created_at: Timestamp(3),
            nonce: [5; 16],
            fold_version: 1,
            cutting: Cutting::Keyed,
            sealed_name: vec![],
        });
        let space = Space::found(&genesis, &town.organisation).unwrap();
        let mut scene = Self { town, space, log: Vec::new(), genesis };
        let first = scene.commit(ALICE, Some(Control::Epoch(scene.certificate(ALICE))));
        scene.take(first).unwrap();
        scene
    }

    /// A certificate for the members as they are.
    fn certificate(&self, author: u8) -> Vec<u8> {
        self.certificate_after(author, &[])
    }

    /// A certificate for the members as they will be.
    fn certificate_after(&self, author: u8, roles: &[(u8, Option<Role>)]) -> Vec<u8> {
        let roles = roles.iter().map(|(person, role)| (user(*person), *role)).collect();
        let change = MembersChange { at: Timestamp(9), roles, keys: KeysChange::Unchanged };
        let after = self.space.with_members(&change, signer(author).device());
        let recipients = after.recipients(&self.town.organisation, self.town.organisation.head().seq);
        self.certificate_for(author, recipients.map(|(user, kem)| Recipient { user, kem: kem.digest() }).collect())
    }

    fn certificate_for(&self, author: u8, recipients: Vec<Recipient>) -> Vec<u8> {
        let signer = signer(author);
        let epoch = self.space.epoch() + 1;
        let certificate = signer.seal_hybrid(EpochCertificate {
            space: self.space.id(),
            epoch,
            prev: self.space.head(),
            org: self.town.organisation.head(),
            device: signer.device(),
            commitment: Digest([1; 32]),
            recipients: recipients_digest(recipients),
            bundle: BUNDLE,
            sealed_earlier: if epoch == 1 { vec![] } else { vec![7; 84] },
        });
        certificate.bytes().to_vec()
    }

    fn commit(&self, author: u8, control: Option<Control>) -> Commit {
        let device = signer(author).device();
        let begins = control.as_ref().is_some_and(|control| control.epoch().is_some());
        let shares = matches!(&control, Some(Control::Members(MembersChange { keys: KeysChange::Shared(_), .. })));
        Commit {
            space: self.space.id(),
            prev: self.space.head(),
            org: self.town.organisation.head(),
            epoch: self.space.epoch() + u32::from(begins),
            device,
            counter: self.space.last_commit(device).map_or(0, |last| last.counter) + 1,
            stored_at: 0,
            adds: if begins || shares { vec![BUNDLE] } else { vec![] },
            control,
            sealed_ops: vec![],
        }
    }

    fn take(&mut self, commit: Commit) -> Result<(), CommitError> {
        let author = [ALICE, BOB, CAROL, DAVE].into_iter().find(|one| signer(*one).device() == commit.device).unwrap();
        let commit = signer(author).seal(commit);
        assert_eq!(self.space.judge(&commit, &self.town.organisation)?, CommitPlace::Next);
        Space::verify(&commit, &self.town.organisation)?;
        self.space.append(&commit);
        self.log.push(commit);
        Ok(())
    }

    fn change(&mut self, author: u8, roles: &[(u8, Option<Role>)], keys: KeysChange) -> Result<(), CommitError> {
        let roles: Vec<(UserId, Option<Role>)> = roles.iter().map(|(person, role)| (user(*person), *role)).collect();
        self.take(self.commit(author, Some(Control::Members(MembersChange { at: Timestamp(9), roles, keys }))))
    }

    fn admit(&mut self, author: u8, person: u8, role: Role) -> Result<(), CommitError> {
        self.change(author, &[(person, Some(role))], KeysChange::Shared(BUNDLE))
    }

    fn remove(&mut self, author: u8, person: u8) -> Result<(), CommitError> {
        let roles = [(person, None)];
        let keys = KeysChange::Epoch(self.certificate_after(author, &roles));
        self.change(author, &roles, keys)
    }

    fn revoke(&mut self, person: u8) {
        self.say(Statement::RevokeUser { user: user(person) });
    }

    fn say(&mut self, statement: Statement) {
        self.town.organisation.extend(self.town.by_root(statement)).unwrap();
    }

    fn is_pending(&self) -> bool {
        self.space.is_rotation_pending(&self.town.organisation)
    }

    /// For whom an epoch would be that begins now, and by which key.
    fn recipients(&self) -> Vec<(UserId, KemKey)> {
        let organisation = &self.town.organisation;
        self.space.recipients(organisation, organisation.head().seq).map(|(user, key)| (user, key.clone())).collect()
    }

    fn authority(&self, person: u8) -> Option<Role> {
        let organisation = &self.town.organisation;
        self.space.authority(user(person), organisation, organisation.head().seq)
    }
}

#[test]
fn whoever_is_admitted_may_do_what_the_role_says() {
    let mut scene = Scene::new();
    let write = |scene: &mut Scene, person| scene.take(Commit { sealed_ops: vec![1], ..scene.commit(person, None) });
    assert_eq!(write(&mut scene, BOB), Err(CommitError::Role), "a stranger");
    scene.admit(ALICE, BOB, Role::Reader).unwrap();
    assert_eq!(write(&mut scene, BOB), Err(CommitError::Role), "a reader");
    scene.change(ALICE, &[(BOB, Some(Role::Writer))], KeysChange::Unchanged).unwrap();
    write(&mut scene, BOB).unwrap();
    assert_eq!(scene.admit(BOB, CAROL, Role::Reader), Err(CommitError::Role), "a writer admits nobody");
    let member = *scene.space.members().find(|(member, _)| *member == user(BOB)).unwrap().1;
    assert_eq!(
        (member.since, member.by, member.at),
        (2, signer(ALICE).device(), Timestamp(9)),
        "another role is no coming"
    );
    scene.remove(ALICE, BOB).unwrap();
    assert_eq!((scene.space.role(user(BOB)), scene.space.epoch()), (None, 2));
    assert_eq!(write(&mut scene, BOB), Err(CommitError::Role));
}

#[test]
fn managers_rule_over_readers_and_writers_alone() {
    let mut scene = Scene::new();
    scene.admit(ALICE, BOB, Role::Manager).unwrap();
    assert_eq!(scene.admit(BOB, CAROL, Role::Manager), Err(CommitError::Role));
    scene.admit(BOB, CAROL, Role::Writer).unwrap();
    assert_eq!(scene.change(BOB, &[(CAROL, Some(Role::Owner))], KeysChange::Unchanged), Err(CommitError::Role));
    assert_eq!(scene.change(BOB, &[(BOB, Some(Role::Owner))], KeysChange::Unchanged), Err(CommitError::Role));
    assert_eq!(scene.remove(BOB, ALICE), Err(CommitError::Role));
    scene.change(ALICE, &[(CAROL, Some(Role::Manager))], KeysChange::Unchanged).unwrap();
    assert_eq!(scene.remove(BOB, CAROL), Err(CommitError::Role));
    assert_eq!(scene.change(BOB, &[(CAROL, Some(Role::Reader))], KeysChange::Unchanged), Err(CommitError::Role));
    scene.change(BOB, &[(BOB, None)], KeysChange::Unchanged).unwrap();
    scene.remove(ALICE, CAROL).unwrap();
}

#[test]
fn keys_go_to_those_who_come_and_change_when_somebody_goes() {
    let mut scene = Scene::new();
    let role = Some(Role::Writer);
    assert_eq!(scene.change(ALICE, &[(BOB, role)], KeysChange::Unchanged), Err(CommitError::Members), "without keys");
    let other = KeysChange::Shared(ChunkId([8; 32]));
    assert_eq!(scene.change(ALICE, &[(BOB, role)], other), Err(CommitError::Members), "in a chunk that is not added");
    scene.admit(ALICE, BOB, Role::Writer).unwrap();
    let keys = || KeysChange::Shared(BUNDLE);
    assert_eq!(scene.change(ALICE, &[(BOB, Some(Role::Reader))], keys()), Err(CommitError::Members), "nobody comes");
    assert_eq!(scene.change(ALICE, &[(BOB, None)], KeysChange::Unchanged), Err(CommitError::Members), "old keys");
    assert_eq!(scene.change(ALICE, &[(BOB, None), (CAROL, role)], keys()), Err(CommitError::Members), "old keys");
    let roles = [(BOB, None), (CAROL, role)];
    let for_others = KeysChange::Epoch(scene.certificate(ALICE));
    assert_eq!(
        scene.change(ALICE, &roles, for_others),
        Err(CommitError::Recipients),
        "for those who were members before"
    );
    let certificate = KeysChange::Epoch(scene.certificate_after(ALICE, &roles));
    scene.change(ALICE, &roles, certificate).unwrap();
    assert_eq!((scene.space.role(user(CAROL)), scene.space.epoch()), (role, 2));
    // A certificate that was made for the position before.
    let stale = KeysChange::Epoch(scene.certificate(ALICE));
    scene.admit(ALICE, BOB, Role::Reader).unwrap();
    assert_eq!(scene.change(ALICE, &[(BOB, None)], stale), Err(CommitError::Epoch));
}

#[test]
fn a_change_says_nothing_else() {
    let mut scene = Scene::new();
    scene.admit(ALICE, BOB, Role::Reader).unwrap();
    let leaving = MembersChange { at: Timestamp(9), roles: vec![(user(BOB), None)], keys: KeysChange::Unchanged };
    let commit = scene.commit(BOB, Some(Control::Members(leaving)));
    for said in [
        Commit { sealed_ops: vec![1], ..commit.clone() },
        Commit { adds: vec![ChunkId([3; 32])], stored_at: 1, ..commit.clone() },
    ] {
        assert_eq!(scene.take(said), Err(CommitError::Members), "a reader writes by leaving");
    }
    scene.take(commit).unwrap();
}

#[test]
fn nobody_comes_twice_or_from_elsewhere_and_somebody_owns() {
    let mut scene = Scene::new();
    assert_eq!(scene.admit(ALICE, ALICE, Role::Owner), Err(CommitError::Members), "nothing changes");
    assert_eq!(scene.remove(ALICE, BOB), Err(CommitError::Members), "who is no member goes nowhere");
    assert_eq!(scene.admit(ALICE, 77, Role::Reader), Err(CommitError::Members), "a stranger to the organisation");
    scene.revoke(CAROL);
    assert_eq!(scene.admit(ALICE, CAROL, Role::Reader), Err(CommitError::Members), "revoked");
    assert_eq!(
        scene.change(ALICE, &[(ALICE, None)], KeysChange::Unchanged),
        Err(CommitError::Members),
        "the last owner"
    );
    let demoted = &[(ALICE, Some(Role::Writer))];
    assert_eq!(scene.change(ALICE, demoted, KeysChange::Unchanged), Err(CommitError::Members), "the last owner");
    scene.admit(ALICE, DAVE, Role::Manager).unwrap();
    assert_eq!(
        scene.change(ALICE, demoted, KeysChange::Unchanged),
        Err(CommitError::Members),
        "a manager is no owner yet"
    );
    scene.admit(ALICE, BOB, Role::Owner).unwrap();
    scene.change(ALICE, demoted, KeysChange::Unchanged).unwrap();
    assert_eq!(scene.authority(ALICE), Some(Role::Writer));
    scene.remove(BOB, ALICE).unwrap();
}

/// Whoever leaves cannot draw the keys that come after: nothing would be pending, and they would read on.
#[test]
fn whoever_leaves_draws_no_keys() {
    let mut scene = Scene::new();
    scene.admit(ALICE, BOB, Role::Manager).unwrap();
    let alone = [(BOB, None)];
    let keys = KeysChange::Epoch(scene.certificate_after(BOB, &alone));
    assert_eq!(scene.change(BOB, &alone, keys), Err(CommitError::Members));
    scene.admit(ALICE, CAROL, Role::Reader).unwrap();
    let both = [(BOB, None), (CAROL, None)];
    let keys = KeysChange::Epoch(scene.certificate_after(BOB, &both));
    assert_eq!(scene.change(BOB, &both, keys), Err(CommitError::Members));
    let other = Commit {
        adds: vec![ChunkId([3; 32]), BUNDLE],
        ..scene.commit(ALICE, Some(Control::Epoch(scene.certificate(ALICE))))
    };
    assert_eq!(scene.take(other), Err(CommitError::Epoch), "chunks beside the bundle, which no quota would count");
}

/// A person who was certified after the organisation's head that a commit names is no member of it there, for whoever reads it late.
#[test]
fn a_commit_is_judged_where_it_stands() {
    let mut scene = Scene::new();
    let before = scene.town.organisation.clone();
    let change = MembersChange {
        at: Timestamp(9),
        roles: vec![(user(7), Some(Role::Reader))],
        keys: KeysChange::Shared(BUNDLE),
    };
    let commit = scene.commit(ALICE, Some(Control::Members(change)));
    let late = scene.town.by_root(Town::user_statement(7, None));
    scene.town.organisation.extend(late).unwrap();
    let signed = scene.town.admin.seal(commit);
    for organisation in [&before, &scene.town.organisation] {
        assert_eq!(scene.space.judge(&signed, organisation), Err(CommitError::Members));
    }
}

#[test]
fn the_oldest_manager_owns_a_space_whose_owners_were_revoked() {
    let mut scene = Scene::new();
    scene.admit(ALICE, CAROL, Role::Manager).unwrap();
    scene.admit(ALICE, BOB, Role::Manager).unwrap();
    assert_eq!((scene.authority(ALICE), scene.authority(CAROL)), (Some(Role::Owner), Some(Role::Manager)));
    scene.revoke(ALICE);
    assert_eq!((scene.authority(CAROL), scene.authority(BOB)), (Some(Role::Owner), Some(Role::Manager)));
    assert_eq!(scene.admit(BOB, DAVE, Role::Owner), Err(CommitError::Role));
    scene.admit(CAROL, DAVE, Role::Owner).unwrap();
    assert_eq!(scene.authority(CAROL), Some(Role::Manager), "there is an owner again");
}

#[test]
fn keys_are_pending_until_somebody_rotates() {
    let mut scene = Scene::new();
    let is_pending = |scene: &Scene| scene.space.is_rotation_pending(&scene.town.organisation);
    scene.admit(ALICE, BOB, Role::Writer).unwrap();
    scene.admit(ALICE, CAROL, Role::Reader).unwrap();
    let statement = Statement::RevokeUser { user: user(DAVE) };
    scene.town.organisation.extend(scene.town.by_root(statement)).unwrap();
    assert!(!is_pending(&scene), "whoever is no member holds no keys");
    scene.change(CAROL, &[(CAROL, None)], KeysChange::Unchanged).unwrap();
    assert!(is_pending(&scene), "carol has left with the keys");
    let rotation = scene.commit(BOB, Some(Control::Epoch(scene.certificate(BOB))));
    scene.take(rotation).unwrap();
    assert!(!is_pending(&scene));
    let statement = Statement::RevokeDevice { device: signer(BOB).device() };
    scene.town.organisation.extend(scene.town.by_root(statement)).unwrap();
    assert!(is_pending(&scene), "a device of bob's was revoked");
    let rotation = scene.commit(ALICE, Some(Control::Epoch(scene.certificate(ALICE))));
    scene.take(rotation).unwrap();
    assert!(!is_pending(&scene));
    scene.revoke(BOB);
    assert!(is_pending(&scene));
}

/// An admin has revoked a device of bob's, who is away: nothing may be sealed for the key that it holds, by anybody, until bob has renewed it by
/// another device.
#[test]
fn nothing_is_sealed_for_a_key_that_a_revoked_device_holds() {
    let mut scene = Scene::new();
    scene.admit(ALICE, BOB, Role::Writer).unwrap();
    let desktop = Signer::new(50);
    scene.say(Town::device_statement(BOB, &desktop, None));
    scene.say(Town::device_statement(CAROL, &Signer::new(51), None));
    let (before, alice) = (scene.recipients(), (user(ALICE), kem(ALICE)));
    assert_eq!(before, [alice.clone(), (user(BOB), kem(BOB))]);
    for stolen in [BOB, CAROL] {
        scene.say(Statement::RevokeDevice { device: signer(stolen).device() });
    }
    assert!(scene.is_pending());
    assert_eq!(scene.recipients(), std::slice::from_ref(&alice));
    let listed = before.iter().map(|(user, key)| Recipient { user: *user, kem: key.digest() }).collect();
    let for_the_thief = scene.commit(ALICE, Some(Control::Epoch(scene.certificate_for(ALICE, listed))));
    assert_eq!(scene.take(for_the_thief), Err(CommitError::Recipients));
    assert_eq!(scene.admit(ALICE, CAROL, Role::Reader), Err(CommitError::Members), "carol's key is a thief's, too");
    let without = scene.commit(ALICE, Some(Control::Epoch(scene.certificate(ALICE))));
    scene.take(without).unwrap();
    assert!(!scene.is_pending(), "nobody holds what they should not");
    let roles = [(BOB, None), (CAROL, Some(Role::Reader))];
    let keys = KeysChange::Epoch(scene.certificate_after(ALICE, &roles));
    assert_eq!(scene.change(ALICE, &roles, keys), Err(CommitError::Members), "nor by a new epoch");

    let renewal = Renewal {
        user: user(BOB),
        kem: kem(9),
        wrapped_previous: vec![2; 1168],
        wrapped_for: vec![(desktop.device(), vec![1; 1168])],
    };
    let head = scene.town.organisation.head();
    let renewed = certificate(&desktop, Issuer::Device(desktop.device()), head, Statement::Renew(renewal));
    scene.town.organisation.extend(renewed).unwrap();
    assert!(scene.is_pending(), "bob is to be given the keys");
    assert_eq!(scene.recipients(), [alice, (user(BOB), kem(9))]);
    let organisation = &scene.town.organisation;
    assert_eq!(scene.space.recipients(organisation, head.seq).count(), 1, "at the position before, as it was");
    let with = scene.commit(ALICE, Some(Control::Epoch(scene.certificate(ALICE))));
    scene.take(with).unwrap();
    assert!(!scene.is_pending());

    // And whoever starts from a checkpoint judges all of it alike.
    let mut outline = Outline::of(Space::found(&scene.genesis, &scene.town.organisation).unwrap());
    for commit in &scene.log {
        outline.pass(commit, &scene.town.organisation).unwrap();
    }
    assert_eq!(outline.space().epoch(), 3);
}

/// A device that starts from a checkpoint judges changes of members without what lies between them, and comes to the same.
#[test]
fn an_outline_comes_to_the_same_members() {
    let mut scene = Scene::new();
    scene.admit(ALICE, BOB, Role::Manager).unwrap();
    let written = Commit { sealed_ops: vec![1], ..scene.commit(BOB, None) };
    scene.take(written).unwrap();
    scene.admit(BOB, CAROL, Role::Writer).unwrap();
    scene.remove(BOB, CAROL).unwrap();
    let mut outline = Outline::of(Space::found(&scene.genesis, &scene.town.organisation).unwrap());
    for commit in scene.log.iter().filter(|commit| commit.payload().control.is_some()) {
        outline.pass(commit, &scene.town.organisation).unwrap();
    }
    assert_eq!(outline.space().members().collect::<Vec<_>>(), scene.space.members().collect::<Vec<_>>());
    assert_eq!(outline.space().epoch(), 2);
}

#[test]
fn lists_are_bounded_and_in_order() {
    let scene = Scene::new();
    let with = |roles: Vec<(UserId, Option<Role>)>, keys| {
        let commit = scene.commit(ALICE, Some(Control::Members(MembersChange { at: Timestamp(9), roles, keys })));
        Signed::<Commit>::parse(scene.town.admin.seal(commit).bytes().clone()).map(drop)
    };
    let numbered = |count: usize| {
        (0..count).map(|number| (UserId((number as u128).to_be_bytes()), None)).collect::<Vec<(UserId, Option<Role>)>>()
    };
    assert_eq!(with(numbered(MEMBERS_MAX), KeysChange::Unchanged), Ok(()));
    assert_eq!(with(numbered(MEMBERS_MAX + 1), KeysChange::Unchanged), Err(DecodeError::TooLong));
    assert_eq!(with(vec![], KeysChange::Unchanged), Err(DecodeError::NotCanonical));
    let twice = vec![(user(1), None), (user(1), None)];
    assert_eq!(with(twice, KeysChange::Unchanged), Err(DecodeError::NotCanonical));
    assert_eq!(with(numbered(1), KeysChange::Epoch(vec![0; 40_000])), Err(DecodeError::TooLong));
}
