//! The organisation's story without a network: founded, joined, attacked.

use bytes::Bytes;
use vauban_crypto::invite::InviteSecret;
use vauban_protocol::chain::Head;
use vauban_protocol::id::Digest;
use vauban_protocol::limit::JOIN_POSTS_MAX;
use vauban_protocol::organisation::{
    Grant, Invite, InviteKind, JoinPost, Organisation, PlacementPolicy, Rule, Statement,
};
use vauban_protocol::signed::Signed;
use vauban_protocol::time::{DAY_SECONDS, Timestamp};

use super::{
    Chain, ChainError, Draft, Founder, Founding, Granted, InviteError, Roster, Standing, accept, certified, found,
    invite_device, invite_user, is_stale, joining_keys, judge_posts, open_secret, organisation_name, standing,
    verify_invite,
};
use crate::keys::{Identity, InviteCode};

pub(super) const NOW: Timestamp = Timestamp(1_800_000_000);

/// An organisation with its founding admin.
pub(super) fn founding() -> Founding {
    founded_at(NOW)
}

/// The same, founded at another time; for tests of whatever needs an organisation.
pub(crate) fn founded_at(now: Timestamp) -> Founding {
    let founder = Founder {
        organisation: "Mairie".into(),
        user: "Claire".into(),
        device: "poste".into(),
        policy: PlacementPolicy::default(),
    };
    found(&founder, now).expect("an organisation is founded")
}

fn invitation(founding: &Founding, name: &str) -> (Signed<Invite>, InviteCode) {
    let organisation = founding.chain.organisation();
    let servers = vec!["node:1".to_owned()];
    let made = invite_user(organisation, &founding.identity, name, NOW.plus(60), servers).expect("an invite");
    (Signed::parse(made.record).expect("a record"), made.code)
}

/// A post on `code`, and the keys behind it.
pub(super) fn answer(code: &InviteCode, kind: InviteKind) -> crate::keys::JoiningKeys {
    joining_keys(code, "code", kind, "portable").expect("keys")
}

/// Finishes an invite as `identity`, and extends the chain.
pub(super) fn finish(
    chain: &mut Chain,
    identity: &Identity,
    invite: &Invite,
    posts: Vec<JoinPost>,
) -> Result<(), InviteError> {
    let secret = open_secret(invite, chain.organisation(), identity)?;
    let post = judge_posts(invite, &secret, posts)?.ok_or(InviteError::Unfinished)?;
    let mut draft = Draft::new(chain.organisation(), NOW);
    accept(&mut draft, identity, invite, &secret, post.join.payload())?;
    chain.extend(&draft.finish().0)?;
    Ok(())
}

/// A person who has joined, and the chain that says so.
fn joined(founding: &Founding, name: &str) -> (Chain, Identity) {
    let mut chain = founding.chain.clone();
    let identity = joined_to(&mut chain, founding, name);
    (chain, identity)
}

/// A person who has joined, in this chain.
pub(super) fn joined_to(chain: &mut Chain, founding: &Founding, name: &str) -> Identity {
    let (invite, code) = invitation(founding, name);
    let keys = answer(&code, InviteKind::User);
    finish(chain, &founding.identity, invite.payload(), vec![keys.post.clone()]).expect("finished");
    certified(chain.organisation(), &keys).expect("fits").expect("is certified")
}

#[test]
fn people_and_their_devices_join() {
    let founding = founding();
    let (mut chain, alice) = joined(&founding, "Alice");
    assert!(!chain.organisation().is_admin(alice.user()));

    let made = invite_device(chain.organisation(), &alice, NOW.plus(60), vec!["node:1".into()]).unwrap();
    let invite: Signed<Invite> = Signed::parse(made.record).unwrap();
    verify_invite(&invite, chain.organisation(), NOW).unwrap();
    let keys = answer(&made.code, invite.payload().kind);
    assert!(certified(chain.organisation(), &keys).unwrap().is_none());
    finish(&mut chain, &alice, invite.payload(), vec![keys.post.clone()]).unwrap();
    let second = certified(chain.organisation(), &keys).unwrap().unwrap();

    assert_eq!(second.user(), alice.user());
    assert_eq!(second.user_kem().public(), alice.user_kem().public());
    let roster = Roster::new(chain.organisation(), second.directory());
    assert_eq!(roster.user(alice.user()), "Alice");
    assert_eq!(roster.user(founding.identity.user()), "Claire");
    assert_eq!(roster.device(second.device()), "portable");
    assert_eq!(organisation_name(chain.organisation().tls_authority()).as_deref(), Some("Mairie"));
}

/// Fails if posts without the secret's MAC count for anything, in whatever number and place.
#[test]
fn junk_posts_do_not_burn_invite() {
    let founding = founding();
    let (invite, code) = invitation(&founding, "Alice");
    let keys = answer(&code, InviteKind::User);
    let stranger = InviteCode { secret: InviteSecret::random(), ..code.clone() };
    let junk = || answer(&stranger, InviteKind::User).post;
    let mut swapped = junk();
    swapped.mac = keys.post.mac;
    let posts = vec![junk(), swapped, keys.post.clone(), junk(), keys.post.clone()];
    let chosen = judge_posts(invite.payload(), &code.secret, posts).unwrap().unwrap();
    assert_eq!(chosen, keys.post);
    assert!(judge_posts(invite.payload(), &code.secret, vec![junk(), junk()]).unwrap().is_none());
    // Nobody waits for an answer that finds no place any more; one that came in time counts.
    let full = |last: JoinPost| (1..JOIN_POSTS_MAX).map(|_| junk()).chain([last]).collect();
    assert_eq!(judge_posts(invite.payload(), &code.secret, full(junk())), Err(InviteError::Junk));
    assert_eq!(judge_posts(invite.payload(), &code.secret, full(keys.post.clone())), Ok(Some(keys.post)));
}

/// For whoever does not go by the invite's own secret, junk is as good as an answer, and two of it are an alarm that ends the invite.
#[test]
fn control_of_junk_posts_do_not_burn_invite() {
    let founding = founding();
    let (invite, code) = invitation(&founding, "Alice");
    let stranger = InviteCode { secret: InviteSecret::random(), ..code };
    let junk = || answer(&stranger, InviteKind::User).post;
    let one = junk();
    assert_eq!(judge_posts(invite.payload(), &stranger.secret, vec![one.clone()]), Ok(Some(one)));
    assert_eq!(judge_posts(invite.payload(), &stranger.secret, vec![junk(), junk()]), Err(InviteError::TwoAnswers));
}

#[test]
fn two_answers_are_an_alarm() {
    let founding = founding();
    let (invite, code) = invitation(&founding, "Alice");
    let posts = vec![answer(&code, InviteKind::User).post, answer(&code, InviteKind::User).post];
    assert_eq!(judge_posts(invite.payload(), &code.secret, posts), Err(InviteError::TwoAnswers));
}

#[test]
fn answer_of_another_kind_is_refused() {
    let founding = founding();
    let (invite, code) = invitation(&founding, "Alice");
    let post = answer(&code, InviteKind::Device(founding.identity.user())).post;
    assert_eq!(judge_posts(invite.payload(), &code.secret, vec![post]), Err(InviteError::BadAnswer));
}

#[test]
fn invites_count_for_their_time_and_once() {
    let founding = founding();
    let (invite, code) = invitation(&founding, "Alice");
    let mut chain = founding.chain.clone();
    assert_eq!(verify_invite(&invite, chain.organisation(), NOW.plus(60)), Ok(()));
    assert_eq!(verify_invite(&invite, chain.organisation(), NOW.plus(61)), Err(InviteError::Expired));
    let post = answer(&code, InviteKind::User).post;
    finish(&mut chain, &founding.identity, invite.payload(), vec![post]).unwrap();
    assert_eq!(verify_invite(&invite, chain.organisation(), NOW), Err(InviteError::Used));
    let again = answer(&code, InviteKind::User).post;
    assert!(finish(&mut chain, &founding.identity, invite.payload(), vec![again]).is_err());
}

/// Fails if a record is believed for anything but the signature of somebody who may invite.
#[test]
fn only_admins_invite_people_and_only_oneself_to_one_s_devices() {
    let founding = founding();
    let (chain, alice) = joined(&founding, "Alice");
    let organisation = chain.organisation();
    let by_alice = invite_user(organisation, &alice, "Mallory", NOW.plus(60), vec!["node:1".into()]).unwrap();
    let by_alice: Signed<Invite> = Signed::parse(by_alice.record).unwrap();
    assert_eq!(verify_invite(&by_alice, organisation, NOW), Err(InviteError::Issuer));

    let mut for_claire = by_alice.payload().clone();
    for_claire.kind = InviteKind::Device(founding.identity.user());
    let for_claire = alice.signing().seal(for_claire).unwrap();
    assert_eq!(verify_invite(&for_claire, organisation, NOW), Err(InviteError::Issuer));

    // In an admin's name, but by other keys.
    let mut claimed = by_alice.payload().clone();
    claimed.device = founding.identity.device();
    let claimed = alice.signing().seal(claimed).unwrap();
    assert_eq!(verify_invite(&claimed, organisation, NOW), Err(InviteError::Issuer));
}

/// A certificate that names this device's signing keys beside somebody else's KEM key gives it nothing.
#[test]
fn certificate_with_other_keys_is_refused() {
    let founding = founding();
    let (invite, code) = invitation(&founding, "Alice");
    let (keys, other) = (answer(&code, InviteKind::User), answer(&code, InviteKind::User));
    let mut chain = founding.chain.clone();
    let mut join = keys.post.join.payload().clone();
    join.user_kem = other.post.join.payload().user_kem.clone();
    let mut draft = Draft::new(chain.organisation(), NOW);
    accept(&mut draft, &founding.identity, invite.payload(), &code.secret, &join).unwrap();
    chain.extend(&draft.finish().0).unwrap();
    assert_eq!(certified(chain.organisation(), &keys).err(), Some(InviteError::BadCertificate));
}

#[test]
fn other_genesis_is_refused() {
    let (ours, theirs) = (founding(), founding());
    let pinned = ours.chain.organisation().fingerprint();
    let genesis = theirs.chain.certificates()[0].clone();
    assert!(matches!(Chain::begin(genesis.clone(), pinned), Err(ChainError::Forged(_))));
    assert!(matches!(Chain::load(vec![genesis], pinned, None), Err(ChainError::Missing)));
    assert!(matches!(Chain::load(Vec::new(), pinned, None), Err(ChainError::Missing)));
}

/// Two continuations of one chain: whoever has one and is shown the other holds proof of a fork.
#[test]
fn fork_is_told_from_lag() {
    let founding = founding();
    let (one, other) = (joined(&founding, "Alice").0, joined(&founding, "Bob").0);
    let ours = one.organisation();
    let start = founding.chain.organisation().head();
    assert_eq!(standing(ours, ours.head()), Ok(Standing::Level));
    assert_eq!(standing(ours, start), Ok(Standing::Behind));
    assert_eq!(standing(founding.chain.organisation(), ours.head()), Ok(Standing::Ahead));
    assert_eq!(standing(ours, other.organisation().head()), Err(ChainError::Fork { at: ours.head().seq }));
    let elsewhere = Head { seq: start.seq, digest: Digest([7; 32]) };
    assert_eq!(standing(ours, elsewhere), Err(ChainError::Fork { at: start.seq }));

    let surplus: Vec<Bytes> = other.certificates_from(start.seq + 1).to_vec();
    let mut followed = one.clone();
    assert_eq!(followed.extend(&surplus), Err(ChainError::Fork { at: ours.head().seq + 1 }));
    assert_eq!(followed.organisation().head(), ours.head(), "nothing of it was taken");
}

#[test]
fn damaged_tail_of_the_file_is_left_out() {
    let founding = founding();
    let mut certificates = founding.chain.certificates().to_vec();
    let fingerprint = founding.chain.organisation().fingerprint();
    let last = certificates.pop().unwrap();
    let mut damaged = last.to_vec();
    *damaged.last_mut().unwrap() ^= 1;
    certificates.push(damaged.into());
    let loaded = Chain::load(certificates, fingerprint, None).unwrap();
    assert_eq!(loaded.organisation().head().seq, founding.chain.organisation().head().seq - 1);
}

/// Fails if a file that was changed since is taken for what this device has verified.
#[test]
fn what_was_verified_is_known_by_its_head() {
    let founding = founding();
    let (chain, _) = joined(&founding, "Alice");
    let (head, pinned) = (chain.organisation().head(), chain.organisation().fingerprint());
    let load = |certificates: &[Bytes], verified| Chain::load(certificates.to_vec(), pinned, verified).unwrap();
    let certificates = chain.certificates();
    assert_eq!(load(certificates, Some(head)).certificates(), certificates);
    // A head before the file's end: the rest is verified. A head beyond it: all is.
    let earlier = founding.chain.organisation().head();
    assert_eq!(load(certificates, Some(earlier)).organisation().head(), head);
    assert_eq!(load(founding.chain.certificates(), Some(head)).organisation().head(), earlier);
    for position in 1..certificates.len() {
        let mut forged = certificates.to_vec();
        let mut bytes = forged[position].to_vec();
        *bytes.last_mut().unwrap() ^= 1;
        forged[position] = bytes.into();
        let loaded = load(&forged, Some(head));
        assert_eq!(loaded.certificates(), &certificates[..position], "what follows a forged signature is left out");
    }
    let others = joined(&founding, "Mallory").0;
    let loaded = load(others.certificates(), Some(head));
    assert_eq!(loaded.organisation().head(), others.organisation().head(), "verified, and then held to the anchor");
}

/// Fails if certificates that are verified at once are taken up further, or less far, than they are one by one.
#[test]
fn a_long_file_is_taken_up_as_far_as_it_verifies() {
    let founding = founding();
    let mut draft = Draft::new(founding.chain.organisation(), NOW);
    for _ in 0..40 {
        draft.say((&founding.root).into(), Statement::Policy(PlacementPolicy::default())).unwrap();
    }
    let mut whole = founding.chain.clone();
    whole.extend(&draft.finish().0).unwrap();
    let (head, pinned) = (whole.organisation().head(), whole.organisation().fingerprint());
    let certificates = whole.certificates();
    let mut one_by_one = Organisation::found_pinned(certificates[0].clone(), pinned).unwrap();
    for position in 1..certificates.len() {
        let mut damaged = certificates.to_vec();
        let mut bytes = damaged[position].to_vec();
        *bytes.last_mut().unwrap() ^= 1;
        damaged[position] = bytes.into();
        for verified in [None, Some(head), Some(one_by_one.head())] {
            let loaded = Chain::load(damaged.clone(), pinned, verified).unwrap();
            assert_eq!(loaded.certificates(), &certificates[..position]);
            assert_eq!(format!("{:?}", loaded.organisation()), format!("{one_by_one:?}"));
        }
        one_by_one.extend(certificates[position].clone()).unwrap();
    }
    let loaded = Chain::load(certificates.to_vec(), pinned, Some(head)).unwrap();
    assert_eq!(format!("{:?}", loaded.organisation()), format!("{one_by_one:?}"));
}

#[test]
fn drafts_say_only_what_the_chain_accepts() {
    let founding = founding();
    let (chain, alice) = joined(&founding, "Alice");
    let mut draft = Draft::new(chain.organisation(), NOW);
    let admin = Statement::Admin { user: alice.user() };
    assert!(matches!(draft.say((&alice).into(), admin.clone()), Err(ChainError::Refused(_))));
    draft.say((&founding.root).into(), admin).unwrap();
    assert_eq!(draft.finish().0.len(), 1);
}

/// Fails if this client says at once what takes two admins, proposes it twice, or signs twice in one admin's name.
#[test]
fn what_takes_two_admins_is_proposed_once_and_signed_by_each() {
    let founding = founding();
    let (mut chain, alice) = joined(&founding, "Alice");
    let root = || (&founding.root).into();
    let grant = |chain: &mut Chain, by: &Identity, grant: Grant| {
        let mut draft = Draft::new(chain.organisation(), NOW);
        let granted = draft.grant(root(), by, grant).unwrap();
        let said = draft.finish().0;
        chain.extend(&said).unwrap();
        (granted, said.len())
    };
    let claire = &founding.identity;
    assert_eq!(grant(&mut chain, claire, Grant::Admin { user: alice.user() }), (Granted::InForce, 1));
    let (Granted::Waits(rule), 2) = grant(&mut chain, claire, Grant::Rule(Rule::TwoAdmins)) else {
        panic!("the rule begins by two")
    };
    let approve = |chain: &mut Chain, by: &Identity, number: u64| {
        let mut draft = Draft::new(chain.organisation(), NOW);
        let granted = draft.approve(by, number).unwrap();
        chain.extend(&draft.finish().0).unwrap();
        granted
    };
    assert_eq!(approve(&mut chain, claire, rule), Granted::Waits(rule), "signed already");
    assert_eq!(approve(&mut chain, &alice, rule), Granted::InForce);

    let policy = PlacementPolicy { copies_min: 2, ..PlacementPolicy::default() };
    let (first, said) = grant(&mut chain, claire, Grant::Policy(policy.clone()));
    let again = grant(&mut chain, claire, Grant::Policy(policy.clone()));
    assert_eq!((said, again), (2, (first, 0)), "proposed already");
    assert_ne!(chain.organisation().policy(), &policy);
    // The second admin has the root, too, and says the same: that is a signature.
    assert_eq!(grant(&mut chain, &alice, Grant::Policy(policy.clone())), (Granted::InForce, 1));
    assert_eq!(chain.organisation().policy(), &policy);
}

#[test]
fn lag_becomes_an_alarm_after_days() {
    assert!(!is_stale(NOW, NOW.plus(7 * DAY_SECONDS)));
    assert!(is_stale(NOW, NOW.plus(7 * DAY_SECONDS + 1)));
}
