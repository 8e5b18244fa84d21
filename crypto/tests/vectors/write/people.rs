//! What is wrapped for people, and what they lock.

use std::convert::Infallible;

use hpke::rand_core::{TryCryptoRng, TryRng};
use vauban_crypto::bundle::{EpochBinding, seal_bundle_with};
use vauban_crypto::epoch::EpochRoot;
use vauban_crypto::invite::InviteSecret;
use vauban_crypto::kem::{KemSecret, wrap_with};
use vauban_crypto::keystore::{Purpose, lock_with};
use vauban_crypto::limit::{
    ARGON2_LANES_MAX, ARGON2_MEMORY_KIB_MAX, ARGON2_MEMORY_KIB_MIN, ARGON2_PASSES_MAX, ARGON2_PASSES_MIN,
};
use vauban_crypto::secret::Secret;
use vauban_protocol::id::{InviteId, SpaceId, UserId};
use vauban_protocol::signature::KemKey;

use super::{damages, downgrades};
use crate::case::{Case, Vectors};
use crate::kinds;

const ALICE: [u8; 16] = [0xa1; 16];
const BOB: [u8; 16] = [0xb0; 16];
const LABEL: &str = "vauban/1 vector";

pub(super) fn wrap() -> Vectors {
    let object = wrap_with(&key(1), LABEL, b"info", b"secret", &mut Fixed::new("wrap")).expect("a valid key");
    let case = Case::named("wrapped")
        .with("seed", &[1; 32])
        .say("label", LABEL)
        .with("info", b"info")
        .with("plain", b"secret")
        .with("object", &object);
    let places =
        [("ML-KEM ciphertext", 0), ("X25519 key", 1088), ("X25519 key's ignored bit", 1119), ("ciphertext", 1120)];
    let mut reject = damages("wrapped", &object, &places);
    reject.extend([
        Case::defect("another label", "wrapped").say("label", "vauban/1 other"),
        Case::defect("another info", "wrapped").with("info", b"inf"),
        Case::defect("label and info shifted", "wrapped").say("label", "vauban/1 vecto").with("info", b"r\0info"),
        Case::defect("another holder", "wrapped").with("seed", &[2; 32]),
    ]);
    Vectors { accept: vec![case], reject }
}

pub(super) fn bundle() -> Vectors {
    let root = EpochRoot::new(Secret::new([0x11; 32]));
    let case = Case::named("bundle")
        .with("space", &[0x22; 16])
        .count("epoch", 7)
        .with("prev", &[0x31; 32])
        .with("commitment", &root.commitment(SpaceId([0x22; 16]), 7).0)
        .with("recipients", &[0x32; 32])
        .with("user", &ALICE)
        .with("seed", &[1; 32])
        .with("plain", &[0x11; 32]);
    let binding = kinds::binding_of(&case);
    let seal = |root: &EpochRoot, binding: &EpochBinding| {
        let members = [(UserId(ALICE), key(1)), (UserId(BOB), key(2))];
        seal_bundle_with(root, binding, &members, &mut Fixed::new("bundle")).expect("two members")
    };
    let object = seal(&root, &binding);
    // After magic and suite: how many, then for each the user, the length in two bytes, the copy.
    let (copy, second) = (16 + 2 + 1168, 5 + 16 + 2 + 1168);
    let swapped = [&object[..5], &object[second..], &object[5..second]].concat();
    let twice = [&object[..5], &object[5..second], &object[5..second]].concat();
    let exchanged = [&object[..21], &object[second + 16..], &object[second..second + 16], &object[21..second]].concat();
    let own = |defect: &str, object: &[u8]| Case::defect(defect, "bundle").with("object", object);

    let mut reject = downgrades("bundle", b"VBC");
    reject.extend(damages("bundle", &object, &[("user", 5), ("length", 21), ("copy", 23)]));
    reject.extend([
        Case::defect("shown in another space", "bundle").with("space", &[0x23; 16]),
        Case::defect("shown in another epoch", "bundle").count("epoch", 8),
        Case::defect("shown at another head", "bundle").with("prev", &[0x30; 32]),
        Case::defect("shown with another commitment", "bundle").with("commitment", &[0x30; 32]),
        Case::defect("shown with other recipients", "bundle").with("recipients", &[0x30; 32]),
        Case::defect("no copy for the user", "bundle").with("user", &[0xcc; 16]),
        Case::defect("another member's copy", "bundle").with("user", &BOB),
        Case::defect("another holder", "bundle").with("seed", &[3; 32]),
        Case::defect("count written in two bytes", "bundle").splice(4, 1, &[0x82, 0]),
        Case::defect("more copies than there are", "bundle").splice(4, 1, &[3]),
        Case::defect("billions of copies", "bundle").splice(4, 1, &[0xff, 0xff, 0xff, 0xff, 0x0f]),
        Case::defect("fewer copies than there are", "bundle").splice(4, 1, &[1]),
        Case::defect("no copies", "bundle").splice(4, 2 * copy + 1, &[0]),
        own("members out of order", &swapped),
        own("one member twice", &twice),
        own("copies exchanged between members", &exchanged),
        own("a root that does not fit the commitment", &seal(&EpochRoot::new(Secret::new([0x12; 32])), &binding)),
    ]);
    Vectors { accept: vec![case.with("object", &object)], reject }
}

pub(super) fn invite() -> Vectors {
    let mac = InviteSecret::new(Secret::new([0xc0; 16])).mac(InviteId([0xc1; 16]), b"post");
    let case = Case::named("post")
        .with("secret", &[0xc0; 16])
        .with("invite", &[0xc1; 16])
        .with("plain", b"post")
        .with("object", &mac);
    let mut reject = damages("post", &mac, &[("first byte", 0), ("last byte", 31)]);
    reject.extend([
        Case::defect("another secret", "post").with("secret", &[0xc2; 16]),
        Case::defect("another invite", "post").with("invite", &[0xc2; 16]),
        Case::defect("another post", "post").with("plain", b"Post"),
        Case::defect("an empty post", "post").with("plain", b""),
    ]);
    Vectors { accept: vec![case], reject }
}

pub(super) fn keystore() -> Vectors {
    let object = lock_with(Purpose::Keystore, "correct horse", b"keys", &[0xd0; 32]).expect("enough memory");
    let case = Case::named("keystore")
        .say("purpose", "keystore")
        .say("passphrase", "correct horse")
        .with("plain", b"keys")
        .with("object", &object);
    let refused = |defect: &str, error: &str| Case::defect(defect, "keystore").say("error", error);
    let with_number =
        |defect: &str, error: &str, at: usize, number: u32| refused(defect, error).splice(at, 4, &number.to_le_bytes());
    let (passes, memory, lanes) = (5, 9, 13);
    let reject = vec![
        refused("wrong passphrase", "WrongPassphrase").say("passphrase", "correct horsf"),
        refused("commitment damaged", "WrongPassphrase").splice(49, 1, &[object[49] ^ 1]),
        refused("ciphertext damaged", "Damaged").splice(81, 1, &[object[81] ^ 1]),
        refused("one byte more", "Damaged").splice(object.len(), 0, &[0]),
        refused("opened as a backup", "Malformed").say("purpose", "backup"),
        refused("purpose that does not exist", "Malformed").splice(4, 1, &[3]),
        refused("magic of another kind", "Malformed").splice(0, 3, b"VBC"),
        refused("suite 0, below the floor", "Malformed").splice(3, 1, &[0]),
        refused("suite 2, which does not exist", "Malformed").splice(3, 1, &[2]),
        refused("nothing left", "Malformed").splice(0, object.len(), &[]),
        refused("cut in the salt", "Malformed").splice(48, object.len() - 48, &[]),
        refused("cut in the tag", "Malformed").splice(96, object.len() - 96, &[]),
        with_number("too few passes", "Weak", passes, ARGON2_PASSES_MIN - 1),
        with_number("too little memory", "Weak", memory, ARGON2_MEMORY_KIB_MIN - 1),
        with_number("no lanes", "Weak", lanes, 0),
        with_number("too many passes", "Excessive", passes, ARGON2_PASSES_MAX + 1),
        with_number("too much memory", "Excessive", memory, ARGON2_MEMORY_KIB_MAX + 1),
        with_number("all memory", "Excessive", memory, u32::MAX),
        with_number("too many lanes", "Excessive", lanes, ARGON2_LANES_MAX + 1),
    ];
    Vectors { accept: vec![case], reject }
}

pub(super) fn key(seed: u8) -> KemKey {
    KemSecret::from_seed(Secret::new([seed; 32])).public().clone()
}

/// Randomness that is the same each time.
pub(super) struct Fixed(blake3::OutputReader);

impl Fixed {
    pub(super) fn new(seed: &str) -> Self {
        Self(blake3::Hasher::new().update(seed.as_bytes()).finalize_xof())
    }
}

impl TryRng for Fixed {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        let mut bytes = [0; 4];
        self.0.fill(&mut bytes);
        Ok(u32::from_le_bytes(bytes))
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        let mut bytes = [0; 8];
        self.0.fill(&mut bytes);
        Ok(u64::from_le_bytes(bytes))
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Infallible> {
        self.0.fill(bytes);
        Ok(())
    }
}

impl TryCryptoRng for Fixed {}
