//! Many certificates at once are what they are one by one: the same fold, the same one at fault, nothing believed before it was verified.
#![allow(missing_docs, clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may fail")]

mod signer;

use std::collections::BTreeMap;

use bytes::Bytes;
use signer::{Signer, Town, certificate, kem};
use vauban_protocol::id::{Digest, UserId};
use vauban_protocol::organisation::{Issuer, NotExtended, Organisation, OrganisationError, PlacementPolicy, Statement};
use vauban_protocol::signature::HYBRID_SIGNATURE_BYTES;

/// More than are taken at once.
const COUNT: usize = 300;
/// Where something is wrong: at both ends, and around where the next ones are taken.
const PLACES: [usize; 6] = [0, 1, 100, 255, 256, COUNT - 1];

/// A town, and the certificates of people who come after it was founded.
struct Scene {
    town: Town,
    start: Organisation,
    certificates: Vec<Bytes>,
    /// The organisation before the certificate at each of [`PLACES`].
    before: BTreeMap<usize, Organisation>,
}

impl Scene {
    fn new() -> Self {
        let mut town = Town::new();
        let start = town.organisation.clone();
        let (mut certificates, mut before) = (Vec::new(), BTreeMap::new());
        for place in 0..COUNT {
            if PLACES.contains(&place) {
                before.insert(place, town.organisation.clone());
            }
            let bytes = town.by_admin(person(place));
            town.organisation.extend(bytes.clone()).unwrap();
            certificates.push(bytes);
        }
        Self { town, start, certificates, before }
    }

    /// The certificates with another one at a place.
    fn with(&self, place: usize, bytes: Bytes) -> Vec<Bytes> {
        let mut changed = self.certificates.clone();
        changed[place] = bytes;
        changed
    }

    /// All that can be wrong with a certificate at a place, by name.
    fn faults(&self, place: usize) -> Vec<(&'static str, Bytes)> {
        let (good, head) = (&self.certificates[place], self.before[&place].head());
        let admin =
            |statement| certificate(&self.town.admin, Issuer::Device(self.town.admin.device()), head, statement);
        let stranger = Signer::new(77);
        let unauthorised = admin(Statement::Policy(PlacementPolicy::default()));
        vec![
            ("junk", Bytes::from_static(b"junk")),
            ("no signature", good.slice(..good.len() - HYBRID_SIGNATURE_BYTES)),
            ("half a signature", flipped(good, good.len() - HYBRID_SIGNATURE_BYTES)),
            ("the other half", flipped(good, good.len() - 1)),
            ("another place", self.certificates[(place + 1) % COUNT].clone()),
            ("a stranger", certificate(&stranger, Issuer::Device(stranger.device()), head, person(place))),
            ("by another's keys", certificate(&stranger, Issuer::Root, head, person(place))),
            ("no authority, forged", flipped(&unauthorised, unauthorised.len() - 1)),
            ("no authority", unauthorised),
            ("a contradiction", admin(Town::user_statement(1, None))),
        ]
    }
}

fn person(number: usize) -> Statement {
    let mut user = [9; 16];
    user[..8].copy_from_slice(&(number as u64).to_le_bytes());
    Statement::User {
        user: UserId(user),
        kem: kem(1),
        wrapped_directory: vec![7; 40],
        sealed_name: vec![7; 40],
        invite: None,
    }
}

fn flipped(bytes: &Bytes, at: usize) -> Bytes {
    let mut bytes = bytes.to_vec();
    bytes[at] ^= 1;
    bytes.into()
}

/// All of a fold.
fn all(organisation: &Organisation) -> String {
    format!("{organisation:?}")
}

/// Fails if what is verified on all cores, or taken up again, is another fold than the one made certificate by certificate.
#[test]
fn many_at_once_make_the_same_fold() {
    let Scene { town, start, certificates, .. } = Scene::new();
    let extended = start.extended(&certificates).unwrap();
    assert_eq!(all(&extended), all(&town.organisation));
    let mut resumed = start.clone();
    resumed.resume(&certificates, town.organisation.head()).unwrap();
    assert_eq!(all(&resumed), all(&town.organisation));
    assert_eq!(all(&start.extended(&[]).unwrap()), all(&start));
}

/// Fails if another certificate is blamed than the first one at fault, or for another reason, or if the fault is not found.
#[test]
fn among_many_the_first_at_fault_is_found() {
    let scene = Scene::new();
    for place in PLACES {
        for (fault, bytes) in scene.faults(place) {
            let before = &scene.before[&place];
            let error = before.clone().extend(bytes.clone()).unwrap_err();
            let expected = NotExtended { seq: before.head().seq + 1, error };
            let found = scene.start.extended(&scene.with(place, bytes)).err();
            assert_eq!(found, Some(expected), "{fault} at place {place}");
        }
    }
}

/// Fails if a forged certificate gives authority to those behind it.
#[test]
fn a_forged_certificate_speaks_for_none_behind_it() {
    let town = Town::new();
    let (head, mallory) = (town.organisation.head(), Signer::new(66));
    let enrolled = Town::device_statement(1, &mallory, None);
    let forged = certificate(&mallory, Issuer::Root, head, enrolled.clone());
    let mut many = vec![forged];
    let mut at = head.after(Digest::of(&many[0]));
    for number in 0..20 {
        let next = certificate(&mallory, Issuer::Device(mallory.device()), at, person(number));
        at = at.after(Digest::of(&next));
        many.push(next);
    }
    let error = OrganisationError::Signature;
    assert_eq!(town.organisation.extended(&many).err(), Some(NotExtended { seq: head.seq + 1, error }));
    // The control: the signature is all that stands in the way.
    let mut organisation = town.organisation.clone();
    organisation.extend(town.by_root(enrolled)).unwrap();
    let next = certificate(&mallory, Issuer::Device(mallory.device()), organisation.head(), person(0));
    organisation.extended(&[next]).unwrap();
}

/// Fails if anything else than what was verified is taken up for it, without signatures.
#[test]
fn what_is_damaged_is_not_taken_up_again() {
    let scene = Scene::new();
    let head = scene.town.organisation.head();
    let refuses = |certificates: &[Bytes], what: &str| {
        let mut resumed = scene.start.clone();
        assert!(resumed.resume(certificates, head).is_err(), "{what}");
        assert_eq!(all(&resumed), all(&scene.start), "{what}");
    };
    for place in PLACES {
        let good = &scene.certificates[place];
        for at in [0, 3, 4, 8, good.len() / 2, good.len() - 1] {
            refuses(&scene.with(place, flipped(good, at)), &format!("byte {at} of the one at place {place}"));
        }
        refuses(&scene.certificates[..place], &format!("cut at place {place}"));
        for (fault, bytes) in scene.faults(place) {
            refuses(&scene.with(place, bytes), &format!("{fault} at place {place}"));
        }
    }
    let doubled = [&scene.certificates[..1], &scene.certificates[..]].concat();
    refuses(&doubled, "one of them twice");
}
