//! Invites: who opens them, what a post may and may not do.

use bytes::Bytes;
use vauban_protocol::id::{Digest, InviteId};
use vauban_protocol::limit::{INVITES_MAX, JOIN_POSTS_MAX};
use vauban_protocol::organisation::{GuardianShare, Guardians, Invite, InviteKind, Recover, Statement};
use vauban_protocol::signed::Signed;
use vauban_protocol::time::Timestamp;
use vauban_protocol::wire::Refusal;

use super::Memory;
use crate::limit::{DEVICE_INVITES_MAX, INVITE_GRACE_SECONDS, TICK_STEP_SECONDS_MAX};
use crate::metadata::command::{Applied, Blob, Command, Outcome};
use crate::metadata::state::invites::InviteEntry;
use crate::metadata::tests::{Signer, Town, user};

const NOON: Timestamp = Timestamp(1_790_000_000);
const INVITE: InviteId = InviteId([5; 16]);

impl Memory {
    fn open(&mut self, invite: &Signed<Invite>) -> Outcome {
        self.run(Command::OpenInvite(Blob(invite.bytes().clone())))
    }

    fn join(&mut self, invite: InviteId, post: &Bytes) -> Outcome {
        let post = Blob(post.clone());
        self.run(Command::Join { invite, post })
    }

    fn pass(&mut self, seconds: u64) {
        let end = self.core.clock.time().plus(seconds);
        while self.core.clock.time() < end {
            let next = self.core.clock.time().plus(TICK_STEP_SECONDS_MAX);
            self.tick(next.min(end));
        }
    }
}

/// A founded state at noon, with one open invite that ends in an hour.
fn invited() -> (Town, Memory) {
    let town = Town::new();
    let mut memory = Memory::founded(&town);
    memory.tick(NOON);
    let opened = memory.open(&town.invite(5, NOON.plus(3600)));
    assert_eq!(opened, Ok(Applied::InviteOpened));
    (town, memory)
}

/// What is no post takes no place; what is one takes a place, and nothing more: the invite stays open, the true post
/// beside the junk is kept, and the certificate that answers it is taken. Fails if a post closes or replaces anything.
#[test]
fn junk_posts_do_not_burn_invite() {
    let (mut town, mut memory) = invited();
    for byte in 0..=255 {
        let garbage = Bytes::from(vec![byte; 200]);
        assert_eq!(memory.join(INVITE, &garbage), Err(Refusal::Malformed));
        let elsewhere = Town::post(InviteId([6; 16]), &Signer::new(byte), [0; 32]);
        if byte < 4 {
            assert_eq!(memory.join(INVITE, &elsewhere), Err(Refusal::Malformed));
            let mut stolen = Town::post(INVITE, &Signer::new(byte), [0; 32]).to_vec();
            *stolen.last_mut().unwrap() ^= 1;
            assert_eq!(memory.join(INVITE, &stolen.into()), Err(Refusal::Proof));
        }
    }
    assert!(memory.posts.is_empty());
    for seed in 100..106 {
        let junk = Town::post(INVITE, &Signer::new(seed), [seed; 32]);
        for _ in 0..3 {
            assert_eq!(memory.join(INVITE, &junk), Ok(Applied::Joined));
        }
    }
    assert_eq!(memory.posts.len(), 6, "a repeated post takes no second place");
    let alice = Signer::new(50);
    let post = Town::post(INVITE, &alice, [1; 32]);
    assert_eq!(memory.join(INVITE, &post), Ok(Applied::Joined));
    assert!(memory.posts.values().any(|kept| *kept == post));
    for statement in [Town::person(9, Some(INVITE)), Town::machine(9, &alice, None)] {
        let certificate = town.by_admin(statement);
        memory.certify(std::slice::from_ref(&certificate)).unwrap();
        town.take(certificate);
    }
    assert!(memory.posts.is_empty() && memory.invites.is_empty(), "answered");
    assert_eq!(memory.join(INVITE, &post), Err(Refusal::UnknownInvite));
    let again = memory.open(&town.invite(5, NOON.plus(3600)));
    assert_eq!(again, Err(Refusal::UnknownInvite), "used for ever");
}

#[test]
fn a_full_invite_says_so_and_keeps_its_posts() {
    let (_, mut memory) = invited();
    let seeds = 100..100 + u8::try_from(JOIN_POSTS_MAX).unwrap();
    let posts: Vec<_> = seeds.map(|seed| Town::post(INVITE, &Signer::new(seed), [0; 32])).collect();
    for post in &posts {
        assert_eq!(memory.join(INVITE, post), Ok(Applied::Joined));
    }
    let one_more = Town::post(INVITE, &Signer::new(99), [0; 32]);
    assert_eq!(memory.join(INVITE, &one_more), Err(Refusal::InviteFull));
    assert_eq!(memory.join(INVITE, &posts[0]), Ok(Applied::Joined), "kept before");
    assert!(posts.iter().eq(memory.posts.values()), "in order");
}

#[test]
fn an_invite_expires_by_cluster_time_and_is_forgotten_later() {
    let (town, mut memory) = invited();
    let post = Town::post(INVITE, &Signer::new(50), [1; 32]);
    memory.pass(3600);
    assert_eq!(memory.join(INVITE, &post), Ok(Applied::Joined), "to the second");
    memory.pass(1);
    let late = Town::post(INVITE, &Signer::new(51), [1; 32]);
    assert_eq!(memory.join(INVITE, &late), Err(Refusal::InviteExpired));
    assert_eq!(memory.invites.len(), 1, "its inviter can still see why");
    memory.pass(INVITE_GRACE_SECONDS);
    assert!(memory.invites.is_empty() && memory.posts.is_empty());
    assert_eq!(memory.join(INVITE, &late), Err(Refusal::UnknownInvite));
    let past = memory.open(&town.invite(6, NOON));
    assert_eq!(past, Err(Refusal::InviteExpired));
}

#[test]
fn an_invite_is_opened_by_who_may_and_only_once() {
    let (mut town, mut memory) = invited();
    let same = town.invite(5, NOON.plus(3600));
    assert_eq!(memory.open(&same), Ok(Applied::InviteOpened), "its answer was lost");
    let other = town.invite(5, NOON.plus(7200));
    assert_eq!(memory.open(&other), Err(Refusal::UnknownInvite));
    let bob = Signer::new(60);
    let stranger = bob.seal(Invite { device: bob.device(), ..town.invite(7, NOON.plus(60)).payload().clone() });
    assert_eq!(memory.open(&stranger), Err(Refusal::UnknownDevice));
    for statement in [Town::person(8, None), Town::machine(8, &bob, None)] {
        let certificate = town.by_root(statement);
        memory.certify(std::slice::from_ref(&certificate)).unwrap();
        town.take(certificate);
    }
    assert_eq!(memory.open(&stranger), Err(Refusal::Forbidden), "no admin");
    let forged = Signer::new(61).seal(town.invite(7, NOON.plus(60)).payload().clone());
    assert_eq!(memory.open(&forged), Err(Refusal::Proof));
    let of = |owner: u8| Invite { kind: InviteKind::Device(user(owner)), ..stranger.payload().clone() };
    assert_eq!(memory.open(&bob.seal(of(1))), Err(Refusal::Forbidden));
    assert_eq!(memory.open(&bob.seal(of(8))), Ok(Applied::InviteOpened));

    let revoke = town.by_root(Statement::RevokeDevice { device: bob.device() });
    memory.certify(&[revoke]).unwrap();
    assert_eq!(memory.open(&bob.seal(of(8))), Err(Refusal::Revoked));
    let post = Town::post(InviteId([7; 16]), &Signer::new(62), [0; 32]);
    let refused = memory.join(InviteId([7; 16]), &post);
    assert_eq!(refused, Err(Refusal::UnknownInvite), "it goes with its device");
}

/// Fails if anybody but an admin asks for somebody's keys, or if the device that answers leaves the invite open.
#[test]
fn a_recovery_is_invited_by_admins_alone_and_closed_by_its_certificate() {
    let (mut town, mut memory) = invited();
    let (bob, carol) = (Signer::new(60), Signer::new(61));
    let people = [(8, &bob), (9, &carol)].into_iter();
    for statement in people.flat_map(|(who, device)| [Town::person(who, None), Town::machine(who, device, None)]) {
        take(&mut town, &mut memory, statement);
    }
    let asked = Invite { kind: InviteKind::Recovery(user(1)), ..town.invite(7, NOON.plus(60)).payload().clone() };
    let by_bob = bob.seal(Invite { device: bob.device(), ..asked.clone() });
    assert_eq!(memory.open(&by_bob), Err(Refusal::Forbidden));
    let of_nobody = Invite { kind: InviteKind::Recovery(user(77)), ..asked.clone() };
    assert_eq!(memory.open(&town.admin.seal(of_nobody)), Err(Refusal::Forbidden));
    assert_eq!(memory.open(&town.admin.seal(asked)), Ok(Applied::InviteOpened));

    let kem = town.organisation.user(user(1)).unwrap().kem.clone();
    let share = |who| GuardianShare { guardian: user(who), commitment: Digest([who; 32]), wrapped: vec![1; 1168] };
    let shares = vec![share(8), share(9)];
    let guardians = Guardians { user: user(1), kem: kem.digest(), threshold: 2, shares };
    take(&mut town, &mut memory, Statement::Guardians(guardians));
    let phone = Signer::new(62);
    let recover = Recover {
        user: user(1),
        keys: phone.public(),
        kem,
        wrapped_directory: vec![],
        sealed_name: vec![],
        invite: InviteId([7; 16]),
    };
    take(&mut town, &mut memory, Statement::Recover(recover));
    assert!(memory.core.invites.find(InviteId([7; 16])).is_none(), "answered");
    assert!(memory.core.invites.find(INVITE).is_some());
}

/// Has the admin say it, to the town and to the state.
fn take(town: &mut Town, memory: &mut Memory, statement: Statement) {
    let certificate = town.by_admin(statement);
    memory.certify(std::slice::from_ref(&certificate)).unwrap();
    town.take(certificate);
}

#[test]
fn places_are_bounded_and_no_person_takes_them_all() {
    let (town, mut memory) = invited();
    let own = |number: u16| {
        let mut invite = town.invite(0, NOON.plus(60)).payload().clone();
        invite.kind = InviteKind::Device(user(1));
        invite.id.0[..2].copy_from_slice(&number.to_be_bytes());
        town.admin.seal(invite)
    };
    for number in 0..u16::try_from(DEVICE_INVITES_MAX).unwrap() {
        assert_eq!(memory.open(&own(number)), Ok(Applied::InviteOpened));
    }
    assert_eq!(memory.open(&own(1000)), Err(Refusal::Limit));
    let book = std::sync::Arc::make_mut(&mut memory.core.invites);
    let mut number = 0u16;
    while book.len() < INVITES_MAX {
        number += 1;
        let mut id = InviteId([0xee; 16]);
        id.0[..2].copy_from_slice(&number.to_be_bytes());
        let entry = InviteEntry {
            user: user(2),
            device: town.admin.device(),
            kind: InviteKind::User,
            expires_at: NOON,
            digest: Digest([0; 32]),
            posts: vec![],
        };
        book.open(id, entry);
    }
    let refused = memory.open(&town.invite(9, NOON.plus(60)));
    assert_eq!(refused, Err(Refusal::Limit));
}
