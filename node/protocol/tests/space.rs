//! A space's clear chain: every client and node judges every commit alike.
#![allow(missing_docs, clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may fail")]

mod signer;

use std::collections::BTreeMap;

use signer::{Signer, Town, user};
use vauban_protocol::canonical::DecodeError;
use vauban_protocol::chain::Head;
use vauban_protocol::id::{ChunkId, Digest, SpaceId};
use vauban_protocol::limit::{COMMIT_ADDS_MAX, RETENTION_DAYS_MAX, RETENTION_DAYS_MIN};
use vauban_protocol::organisation::Statement;
use vauban_protocol::signed::Signed;
use vauban_protocol::space::{
    Commit, CommitError, CommitPlace, Control, Cutting, EpochCertificate, LastCommit, Outline, Recipient, Retention,
    Seen, Space, SpaceGenesis, recipients_digest,
};
use vauban_protocol::time::Timestamp;

fn genesis(town: &Town) -> Signed<SpaceGenesis> {
    town.admin.seal_hybrid(SpaceGenesis {
        org: town.organisation.head(),
        owner: user(1),
        device: town.admin.device(),
        created_at: Timestamp(3),
        nonce: [5; 16],
        fold_version: 1,
        cutting: Cutting::Keyed,
        sealed_name: vec![],
    })
}

fn first_epoch(town: &Town, space: &Space) -> Signed<Commit> {
    let bundle = ChunkId([9; 32]);
    let certificate = town.admin.seal_hybrid(EpochCertificate {
        space: space.id(),
        epoch: 1,
        prev: space.head(),
        org: town.organisation.head(),
        device: town.admin.device(),
        commitment: Digest([1; 32]),
        recipients: recipients_of(space, town),
        bundle,
        sealed_earlier: vec![],
    });
    let mut commit = next(town, space, 1);
    commit.epoch = 1;
    commit.adds = vec![bundle];
    commit.control = Some(Control::Epoch(certificate.bytes().to_vec()));
    town.admin.seal(commit)
}

fn recipients_of(space: &Space, town: &Town) -> Digest {
    let recipients = space.recipients(&town.organisation, town.organisation.head().seq);
    recipients_digest(recipients.map(|(user, kem)| Recipient { user, kem: kem.digest() }).collect())
}

fn next(town: &Town, space: &Space, counter: u64) -> Commit {
    Commit {
        space: space.id(),
        prev: space.head(),
        org: town.organisation.head(),
        epoch: space.epoch(),
        device: town.admin.device(),
        counter,
        stored_at: 0,
        adds: vec![],
        control: None,
        sealed_ops: vec![1, 2, 3],
    }
}

fn begun() -> (Town, Space) {
    let town = Town::new();
    let mut space = Space::found(&genesis(&town), &town.organisation).unwrap();
    let epoch = first_epoch(&town, &space);
    assert_eq!(space.judge(&epoch, &town.organisation), Ok(CommitPlace::Next));
    Space::verify(&epoch, &town.organisation).unwrap();
    space.append(&epoch);
    (town, space)
}

#[test]
fn a_lost_answer_is_given_again() {
    let (town, mut space) = begun();
    let commit = town.admin.seal(next(&town, &space, 2));
    let head = space.append(&commit);
    assert_eq!(space.judge(&commit, &town.organisation), Ok(CommitPlace::Already(head)));
}

#[test]
fn a_used_counter_means_a_clone() {
    let (town, mut space) = begun();
    let mine = town.admin.seal(next(&town, &space, 2));
    let mut other = next(&town, &space, 2);
    other.sealed_ops = vec![4];
    space.append(&mine);
    other.prev = space.head();
    let judged = space.judge(&town.admin.seal(other), &town.organisation);
    assert_eq!(judged, Err(CommitError::CounterUsed));
}

#[test]
fn each_defect_has_its_name() {
    let (town, space) = begun();
    let good = next(&town, &space, 2);
    let judge = |commit: Commit| space.judge(&town.admin.seal(commit), &town.organisation);
    assert_eq!(judge(good.clone()), Ok(CommitPlace::Next));
    assert_eq!(judge(Commit { counter: 3, ..good.clone() }), Err(CommitError::CounterGap { expected: 2 }));
    assert_eq!(judge(Commit { space: SpaceId([0; 16]), ..good.clone() }), Err(CommitError::OtherSpace));
    assert_eq!(judge(Commit { epoch: 2, ..good.clone() }), Err(CommitError::Epoch));
    let stale = Head { seq: 0, digest: space.head().digest };
    assert_eq!(judge(Commit { prev: stale, ..good.clone() }), Err(CommitError::NotHead));
    assert_eq!(judge(Commit { org: stale, ..good.clone() }), Err(CommitError::OrganisationHead));
    let stranger = Signer::new(8);
    let foreign = Commit { device: stranger.device(), counter: 1, ..good };
    assert_eq!(space.judge(&stranger.seal(foreign), &town.organisation), Err(CommitError::Device));
}

#[test]
fn a_person_who_is_no_member_does_not_write() {
    let (mut town, space) = begun();
    let outsider = Signer::new(3);
    town.organisation.extend(town.by_admin(Town::user_statement(2, None))).unwrap();
    town.organisation.extend(town.by_admin(Town::device_statement(2, &outsider, None))).unwrap();
    let commit = Commit { device: outsider.device(), counter: 1, ..next(&town, &space, 1) };
    let judged = space.judge(&outsider.seal(commit), &town.organisation);
    assert_eq!(judged, Err(CommitError::Role));
}

#[test]
fn a_commit_is_judged_at_the_organisation_head_it_names() {
    let (mut town, mut space) = begun();
    let before = town.admin.seal(next(&town, &space, 2));
    town.organisation.extend(town.by_root(Statement::RevokeDevice { device: town.admin.device() })).unwrap();
    assert_eq!(space.judge(&before, &town.organisation), Ok(CommitPlace::Next));
    space.append(&before);
    let after = town.admin.seal(next(&town, &space, 3));
    assert_eq!(space.judge(&after, &town.organisation), Err(CommitError::Device));
}

#[test]
fn every_byte_of_a_commit_is_authenticated() {
    let (town, space) = begun();
    let good = town.admin.seal(next(&town, &space, 2));
    for position in 0..good.bytes().len() {
        let mut bytes = good.bytes().to_vec();
        bytes[position] ^= 0x10;
        let accepted = Signed::<Commit>::parse(bytes.into())
            .is_ok_and(|commit| Space::verify(&commit, &town.organisation).is_ok());
        assert!(!accepted, "byte {position} is not authenticated");
    }
}

#[test]
fn an_epoch_may_not_skip_or_forget_its_bundle() {
    let town = Town::new();
    let space = Space::found(&genesis(&town), &town.organisation).unwrap();
    let good = first_epoch(&town, &space).payload().clone();
    let without_bundle = Commit { adds: vec![], ..good.clone() };
    let judged = space.judge(&town.admin.seal(without_bundle), &town.organisation);
    assert_eq!(judged, Err(CommitError::Epoch));
    let without_epoch = Commit { control: None, ..good };
    let judged = space.judge(&town.admin.seal(without_epoch), &town.organisation);
    assert_eq!(judged, Err(CommitError::Epoch));
}

fn controlled(town: &Town, space: &Space, control: Control) -> Commit {
    Commit { control: Some(control), sealed_ops: vec![], ..next(town, space, 2) }
}

/// Every way a control can be malformed, named by its defect.
#[test]
fn malformed_controls_are_refused_by_their_defect() {
    let (town, space) = begun();
    let (one, two) = (ChunkId([1; 32]), ChunkId([2; 32]));
    let parse = |commit: Commit| Signed::<Commit>::parse(town.admin.seal(commit).bytes().clone()).map(drop);
    let lists: [fn(Vec<ChunkId>) -> Control; 2] = [Control::Release, Control::Keep];
    for list in lists {
        let of = |ids: Vec<ChunkId>| parse(controlled(&town, &space, list(ids)));
        assert_eq!(of(vec![one, two]), Ok(()));
        assert_eq!(of(vec![]), Err(DecodeError::NotCanonical), "nothing");
        assert_eq!(of(vec![two, one]), Err(DecodeError::NotCanonical), "out of order");
        assert_eq!(of(vec![one, one]), Err(DecodeError::NotCanonical), "twice");
        let ids = |count: usize| -> Vec<ChunkId> {
            (0..count).map(|n| ChunkId(*blake3::hash(&n.to_le_bytes()).as_bytes())).collect()
        };
        let mut many = ids(COMMIT_ADDS_MAX + 1);
        many.sort_unstable();
        assert_eq!(of(many.clone()), Err(DecodeError::TooLong));
        many.pop();
        assert_eq!(of(many.clone()), Ok(()));
        let with_adds = Commit { adds: vec![one], ..controlled(&town, &space, list(many)) };
        assert_eq!(parse(with_adds), Err(DecodeError::TooLong), "adds and control share one bound");
    }
    for days in [0, RETENTION_DAYS_MIN - 1, RETENTION_DAYS_MAX + 1] {
        let control = Control::Retention(Retention::Days(days));
        assert_eq!(parse(controlled(&town, &space, control)), Err(DecodeError::TooLong), "{days}");
    }
}

#[test]
fn an_owner_says_how_long_chunks_are_kept() {
    let (town, mut space) = begun();
    assert_eq!(space.retention(), Retention::Days(30));
    let archive = town.admin.seal(controlled(&town, &space, Control::Retention(Retention::Archive)));
    assert_eq!(space.judge(&archive, &town.organisation), Ok(CommitPlace::Next));
    space.append(&archive);
    assert_eq!(space.retention(), Retention::Archive);
}

#[test]
fn every_byte_of_what_was_seen_is_authenticated() {
    let (town, space) = begun();
    let head = space.head();
    let seen = Seen { space: space.id(), device: town.admin.device(), head, org: space.org(), time: Timestamp(5) };
    let good = town.admin.seal(seen);
    let key = town.admin.public().ed25519;
    good.verify(&key).unwrap();
    for position in 0..good.bytes().len() {
        let mut bytes = good.bytes().to_vec();
        bytes[position] ^= 0x10;
        let accepted = Signed::<Seen>::parse(bytes.into()).is_ok_and(|seen| seen.verify(&key).is_ok());
        assert!(!accepted, "byte {position} is not authenticated");
    }
}

/// A founded space, the chain after it, and of that what an outline shows: the epoch, and a marked commit three later.
fn outlined() -> (Town, Outline, Space, Signed<Commit>, Signed<Commit>) {
    let town = Town::new();
    let founded = Space::found(&genesis(&town), &town.organisation).unwrap();
    let mut whole = founded.clone();
    let epoch = first_epoch(&town, &whole);
    whole.append(&epoch);
    for counter in 2..4 {
        let commit = town.admin.seal(next(&town, &whole, counter));
        whole.append(&commit);
    }
    let marked = Commit { control: Some(Control::Checkpoint), ..next(&town, &whole, 4) };
    let marked = town.admin.seal(marked);
    (town, Outline::of(founded), whole, epoch, marked)
}

#[test]
fn an_outline_leads_to_the_space_that_the_log_leads_to() {
    let (town, mut outline, whole, epoch, marked) = outlined();
    outline.pass(&epoch, &town.organisation).unwrap();
    let at = |head, org, devices| outline.clone().at(head, org, devices, &town.organisation);
    let devices: BTreeMap<_, _> = whole.devices().collect();
    let space = at(whole.head(), whole.org(), devices.clone()).unwrap();
    assert_eq!(space, whole);
    assert_eq!(space.digest(), whole.digest());
    assert_eq!(space.judge(&marked, &town.organisation), Ok(CommitPlace::Next));
    assert_eq!(outline.clone().pass(&marked, &town.organisation), Ok(()));

    assert_eq!(at(whole.head(), whole.org(), BTreeMap::new()), Err(CommitError::CounterUsed), "a device is missing");
    let back = devices.iter().map(|(device, last)| (*device, LastCommit { counter: 1, ..*last })).collect();
    assert_eq!(at(whole.head(), whole.org(), back), Err(CommitError::CounterUsed), "another commit at a known counter");
    let early = Head { seq: 0, ..whole.head() };
    assert_eq!(at(early, whole.org(), devices.clone()), Err(CommitError::NotHead));
    let foreign = Head { seq: 0, digest: Digest([7; 32]) };
    assert_eq!(at(whole.head(), foreign, devices), Err(CommitError::OrganisationHead));
}

/// Fails if any of the judgements that a whole log makes is left out: only order and counters are looser.
#[test]
fn an_outline_admits_nobody_whom_the_log_would_not() {
    let (mut town, mut outline, whole, epoch, marked) = outlined();
    assert_eq!(outline.clone().pass(&marked, &town.organisation), Err(CommitError::Epoch), "its epoch was left out");
    outline.pass(&epoch, &town.organisation).unwrap();
    assert_eq!(outline.clone().pass(&epoch, &town.organisation), Err(CommitError::NotHead), "shown twice");
    let pass =
        |outline: &Outline, commit: &Signed<Commit>, town: &Town| outline.clone().pass(commit, &town.organisation);
    let good = marked.payload().clone();
    let fork = Commit { prev: Head { digest: Digest([9; 32]), ..outline.space().head() }, ..good.clone() };
    assert_eq!(pass(&outline, &town.admin.seal(fork), &town), Err(CommitError::NotHead), "another predecessor");
    let used = Commit { counter: 1, ..good.clone() };
    assert_eq!(pass(&outline, &town.admin.seal(used), &town), Err(CommitError::CounterUsed));
    let elsewhere = Commit { space: SpaceId([0; 16]), ..good.clone() };
    assert_eq!(pass(&outline, &town.admin.seal(elsewhere), &town), Err(CommitError::OtherSpace));
    let forged = Signer::new(66).seal(good.clone());
    assert_eq!(pass(&outline, &forged, &town), Err(CommitError::Signature));
    let stranger = Signer::new(8);
    let foreign = Commit { device: stranger.device(), counter: 1, ..good.clone() };
    assert_eq!(pass(&outline, &stranger.seal(foreign.clone()), &town), Err(CommitError::Device));
    town.organisation.extend(town.by_admin(Town::user_statement(2, None))).unwrap();
    town.organisation.extend(town.by_admin(Town::device_statement(2, &stranger, None))).unwrap();
    let enrolled = Commit { org: town.organisation.head(), ..foreign };
    assert_eq!(pass(&outline, &stranger.seal(enrolled), &town), Err(CommitError::Role), "no member");
    town.organisation.extend(town.by_root(Statement::RevokeDevice { device: town.admin.device() })).unwrap();
    let revoked = Commit { org: town.organisation.head(), prev: whole.head(), ..good };
    assert_eq!(pass(&outline, &town.admin.seal(revoked), &town), Err(CommitError::Device), "revoked since");
}
