//! Every stored byte is authenticated: no bit of a sealed object can change, and none can go or come, unnoticed.

#![allow(clippy::expect_used, clippy::indexing_slicing, reason = "a test may panic")]

use aes_gcm::aead::inout::InOutBuf;
use aes_gcm::{AeadInOut, Aes256Gcm, KeyInit};
use hkdf::Hkdf;
use sha2::Sha256;
use vauban_crypto::bundle::{EpochBinding, open_bundle, seal_bundle};
use vauban_crypto::chunk::{ChunkSecret, Frame};
use vauban_crypto::epoch::{EarlierRoots, EpochRoot};
use vauban_crypto::kem::{KemSecret, wrap};
use vauban_crypto::keystore::{KeystoreError, lock, unlock};
use vauban_crypto::name::{DirectoryKey, Named};
use vauban_crypto::ops::OpsPlace;
use vauban_crypto::secret::Secret;
use vauban_protocol::id::{ChunkId, DeviceId, Digest, SpaceId, UserId};
use vauban_protocol::label;

const SPACE: SpaceId = SpaceId([1; 16]);
const USER: UserId = UserId([2; 16]);

/// `opens` is called with the bytes as they are, with every single bit flipped, with every shorter length, and one byte longer.
fn assert_authenticated(kind: &str, sealed: &[u8], opens: impl Fn(&[u8]) -> bool) {
    assert!(opens(sealed), "{kind}: the object itself");
    assert_eq!(unheld_bits(sealed, &opens), [0; 0], "{kind}: flipped");
    for length in 0..sealed.len() {
        assert!(!opens(&sealed[..length]), "{kind}: truncated to {length}");
    }
    assert!(!opens(&[sealed, &[0]].concat()), "{kind}: one byte longer");
}

/// The bits that can be flipped unnoticed.
fn unheld_bits(sealed: &[u8], opens: impl Fn(&[u8]) -> bool) -> Vec<usize> {
    let mut damaged = sealed.to_vec();
    let is_unheld = |bit: &usize| {
        damaged[bit / 8] ^= 1 << (bit % 8);
        let is_opened = opens(&damaged);
        damaged[bit / 8] ^= 1 << (bit % 8);
        is_opened
    };
    (0..sealed.len() * 8).filter(is_unheld).collect()
}

#[test]
fn every_stored_byte_is_authenticated() {
    let root = EpochRoot::random();
    let keys = root.keys(SPACE, 3);

    let chunk = keys.content.seal(b"content").expect("within bounds");
    assert_authenticated("chunk", &chunk.object, |object| chunk.secret.open(chunk.id, object).is_ok());
    // Without the address's help: as if an attacker could choose the id that stands in the sealed log.
    let readdressed = |object: &[u8]| chunk.secret.open(ChunkId::of(object), object).is_ok();
    assert_authenticated("chunk under its new id", &chunk.object, readdressed);

    let place = OpsPlace { space: SPACE, epoch: 3, device: DeviceId([4; 16]), counter: 5 };
    let ops = keys.log.seal_ops(place, b"ops");
    assert_authenticated("ops", &ops, |sealed| keys.log.open_ops(place, sealed).is_ok());

    let directory = DirectoryKey::random();
    let name = directory.seal_name(Named::User(USER), "Élodie").expect("short");
    assert_authenticated("name", &name, |sealed| directory.open_name(Named::User(USER), sealed).is_ok());

    let previous = root.seal_earlier(SPACE, 3, &EarlierRoots::only(2, EpochRoot::random()));
    assert_authenticated("previous root", &previous, |sealed| root.open_earlier(SPACE, 3, sealed).is_ok());
}

/// A reader of chunks that leaves the tag out, and keeps every other check of what it opens, takes any content for the one that was sealed.
#[test]
fn control_of_every_stored_byte_is_authenticated() {
    const PREFIX_BYTES: usize = 36;
    let secret = [3; 32];
    let (_, object) = ChunkSecret::from_bytes(secret).reseal(Frame::of(b"content").expect("within bounds"));
    let mut keys = [0; 64];
    let info = [label::CHUNK.as_bytes(), &[0]].concat();
    Hkdf::<Sha256>::from_prk(&secret).expect("long enough").expand(&info, &mut keys).expect("short enough");
    let key: [u8; 32] = *keys.first_chunk().expect("half");
    let opens_without_tag = |object: &[u8]| {
        let (header, commitment) = object[..PREFIX_BYTES].split_at(4);
        // Counter mode is its own inverse: encrypting the ciphertext decrypts it.
        let mut frame = object[PREFIX_BYTES..object.len() - 16].to_vec();
        let plain = InOutBuf::from(frame.as_mut_slice());
        Aes256Gcm::new(&key.into()).encrypt_inout_detached(&[0; 12].into(), b"", plain).expect("short");
        let is_padding_zero = frame[4 + b"content".len()..].iter().all(|byte| *byte == 0);
        header == b"VBC\x01" && commitment == &keys[32..] && frame[..4] == 7_u32.to_le_bytes() && is_padding_zero
    };
    assert!(opens_without_tag(&object), "the object itself");
    let content = (PREFIX_BYTES + 4) * 8..(PREFIX_BYTES + 4 + b"content".len()) * 8;
    let tag = (object.len() - 16) * 8..object.len() * 8;
    assert_eq!(unheld_bits(&object, opens_without_tag), content.chain(tag).collect::<Vec<_>>());
}

#[test]
fn every_wrapped_byte_is_authenticated() {
    let (root, member) = (EpochRoot::random(), KemSecret::generate());
    let wrapped = wrap(member.public(), "vauban/1 test", b"info", &[7; 32]).expect("a valid key");
    assert_authenticated("wrapped", &wrapped, |wrapped| member.unwrap("vauban/1 test", b"info", wrapped).is_ok());

    let commitment = root.commitment(SPACE, 3);
    let digest = Digest([5; 32]);
    let binding = EpochBinding { space: SPACE, epoch: 3, prev: digest, commitment, recipients: digest };
    let bundle = seal_bundle(&root, &binding, &[(USER, member.public().clone())]).expect("one member");
    assert_authenticated("bundle", &bundle, |bundle| open_bundle(bundle, &binding, USER, &member).is_ok());
}

/// What a key is stretched from: each of these costs a stretching, if it is not refused before. The salt is taken as one; and
/// all bytes, the header's again, are flipped one by one in the keystore's own tests, where the stretching is shared.
#[test]
fn every_parameter_of_a_keystore_is_authenticated() {
    const SALT_AT: usize = 17;
    let locked = lock("correct horse", Secret::<32>::random().expose()).expect("enough memory");
    for at in 0..=SALT_AT {
        let mut damaged = locked.clone();
        damaged[at] ^= 1;
        let error = unlock("correct horse", &damaged).err();
        assert!(error.is_some() && error != Some(KeystoreError::Memory), "byte {at}: {error:?}");
    }
}
