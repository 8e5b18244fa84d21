//! Nothing is negotiated with whoever stores bytes: each format names its version, and any other one is refused.
//!
//! The formats of the contract and of this crate stand in one list, which is held against the sources: a format that is added
//! there, and not here, fails the test.

#![allow(clippy::expect_used, clippy::indexing_slicing, clippy::panic, reason = "a test may panic")]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use aes_gcm::aead::inout::InOutBuf;
use aes_gcm::{AeadInOut, Aes256Gcm, KeyInit};
use argon2::{Algorithm, Argon2, Params, Version};
use hkdf::Hkdf;
use sha2::Sha256;
use vauban_crypto::bundle::{EpochBinding, open_bundle, seal_bundle};
use vauban_crypto::epoch::{EarlierRoots, EpochRoot};
use vauban_crypto::kem::KemSecret;
use vauban_crypto::keystore::{KeystoreError, Purpose, lock, unlock, unlock_for};
use vauban_crypto::limit::{
    ARGON2_LANES_MAX, ARGON2_MEMORY_KIB_MAX, ARGON2_MEMORY_KIB_MIN, ARGON2_PASSES_MAX, ARGON2_PASSES_MIN,
};
use vauban_crypto::name::{DirectoryKey, Named};
use vauban_crypto::ops::OpsPlace;
use vauban_crypto::shared_link::LinkSecret;
use vauban_crypto::signing::SigningKeys;
use vauban_protocol::canonical::DecodeError;
use vauban_protocol::chain::Head;
use vauban_protocol::id::{
    ChunkId, DeviceId, Digest, DropId, Fingerprint, Incarnation, InviteId, LinkId, NodeId, SpaceId, UserId,
};
use vauban_protocol::label;
use vauban_protocol::organisation::{
    Certificate, Invite, InviteKind, Issuer, Join, NodeAdmission, NodeRequest, ReanchorRequest, Statement,
};
use vauban_protocol::signed::{Payload, SUITE, Signed};
use vauban_protocol::space::{
    Commit, Cutting, DropsTaken, EpochCertificate, FileRequest, LinkEnd, Seen, SharedLink, SpaceGenesis,
};
use vauban_protocol::time::Timestamp;
use vauban_protocol::wire::{ALPN_DEVICE, ALPN_GUEST, ALPN_NODE};

const SPACE: SpaceId = SpaceId([1; 16]);
const USER: UserId = UserId([2; 16]);
const DEVICE: DeviceId = DeviceId([3; 16]);
const LINK: LinkId = LinkId([4; 16]);
const HEAD: Head = Head { seq: 5, digest: Digest([5; 32]) };

/// Whether a reader takes bytes.
type Reads = Box<dyn Fn(&[u8]) -> bool>;

/// A format: an object of it, and its reader.
struct Format {
    magic: [u8; 3],
    object: Vec<u8>,
    reads: Reads,
}

impl Format {
    fn new(object: Vec<u8>, reads: impl Fn(&[u8]) -> bool + 'static) -> Self {
        let magic = *object.first_chunk().expect("an object begins with its magic");
        Self { magic, object, reads: Box::new(reads) }
    }

    fn signed<T: Payload + 'static>(keys: &SigningKeys, payload: T) -> Self {
        let object = keys.seal(payload).expect("the library works").bytes().to_vec();
        let key = keys.public().ed25519;
        Self::new(object, move |bytes| {
            Signed::<T>::parse(bytes.to_vec().into()).is_ok_and(|object| object.verify(&key).is_ok())
        })
    }

    fn name(&self) -> String {
        String::from_utf8_lossy(&self.magic).into_owned()
    }
}

/// Every format that is stored or sent, but for the keystore, whose reader is slow and is asked by itself.
fn formats() -> Vec<Format> {
    let mut formats = signed_formats();
    formats.extend(sealed_formats());
    formats
}

fn signed_formats() -> Vec<Format> {
    let keys = SigningKeys::generate().expect("the library works");
    let (public, kem) = (keys.public().clone(), KemSecret::generate().public().clone());
    let admission = NodeAdmission { chain: vec![vec![1, 2, 3]], tls_certificate: vec![4, 5] };
    vec![
        Format::signed(
            &keys,
            Certificate {
                prev: Some(HEAD),
                issuer: Issuer::Root,
                issued_at: Timestamp(1),
                statement: Statement::Admin { user: USER },
            },
        ),
        Format::signed(
            &keys,
            SpaceGenesis {
                org: HEAD,
                owner: USER,
                device: DEVICE,
                created_at: Timestamp(1),
                nonce: [6; 16],
                fold_version: 1,
                cutting: Cutting::Keyed,
                sealed_name: vec![],
            },
        ),
        Format::signed(
            &keys,
            EpochCertificate {
                space: SPACE,
                epoch: 1,
                prev: HEAD,
                org: HEAD,
                device: DEVICE,
                commitment: HEAD.digest,
                recipients: HEAD.digest,
                bundle: ChunkId([7; 32]),
                sealed_earlier: vec![],
            },
        ),
        Format::signed(
            &keys,
            Commit {
                space: SPACE,
                prev: HEAD,
                org: HEAD,
                epoch: 1,
                device: DEVICE,
                counter: 1,
                stored_at: 1,
                adds: vec![],
                control: None,
                sealed_ops: vec![8],
            },
        ),
        Format::signed(
            &keys,
            Invite {
                id: InviteId([9; 16]),
                kind: InviteKind::User,
                device: DEVICE,
                expires_at: Timestamp(2),
                sealed_name: vec![],
                wrapped_secrets: vec![],
            },
        ),
        Format::signed(
            &keys,
            Join {
                invite: InviteId([9; 16]),
                keys: public.clone(),
                device_kem: kem,
                user_kem: None,
                sealed_name: vec![],
            },
        ),
        Format::signed(&keys, Seen { space: SPACE, device: DEVICE, head: HEAD, org: HEAD, time: Timestamp(1) }),
        Format::signed(
            &keys,
            SharedLink {
                id: LINK,
                space: SPACE,
                device: DEVICE,
                epoch: 1,
                created_at: Timestamp(1),
                expires_at: Timestamp(2),
                token: HEAD.digest,
                manifest: vec![ChunkId([7; 32])],
                stored_at: 1,
                parts: vec![],
                page: HEAD.digest,
                sealed_head: vec![],
                sealed_label: vec![],
            },
        ),
        Format::signed(
            &keys,
            FileRequest {
                id: LINK,
                space: SPACE,
                device: DEVICE,
                epoch: 3,
                created_at: Timestamp(1),
                expires_at: Timestamp(2),
                token: HEAD.digest,
                bytes_max: 1,
                drops_max: 1,
                page: HEAD.digest,
                sealed_words: vec![1],
                sealed_keys: vec![2],
            },
        ),
        Format::signed(
            &keys,
            DropsTaken { request: LINK, space: SPACE, device: DEVICE, drops: vec![DropId([5; 16])], at: Timestamp(1) },
        ),
        Format::signed(&keys, LinkEnd { link: LINK, space: SPACE, device: DEVICE, at: Timestamp(1) }),
        Format::signed(
            &keys,
            NodeRequest { receipt_key: public.ed25519, tls_request: vec![], address: "node.example:4433".to_owned() },
        ),
        Format::signed(
            &keys,
            ReanchorRequest {
                organisation: Fingerprint([1; 32]),
                node: NodeId([1; 16]),
                incarnation: Incarnation([1; 16]),
                backed_up_at: Timestamp(1),
                spaces: vec![],
            },
        ),
        // Nothing signs the whole: its parts carry their own signatures.
        Format::new(admission.to_bytes(), move |bytes| {
            NodeAdmission::parse(&bytes.to_vec().into()).is_ok_and(|read| read == admission)
        }),
    ]
}

fn sealed_formats() -> Vec<Format> {
    let (root, member) = (EpochRoot::random(), KemSecret::generate());
    let keys = root.keys(SPACE, 3);
    let place = OpsPlace { space: SPACE, epoch: 3, device: DEVICE, counter: 5 };
    let binding = EpochBinding {
        space: SPACE,
        epoch: 3,
        prev: HEAD.digest,
        commitment: root.commitment(SPACE, 3),
        recipients: HEAD.digest,
    };
    let chunk = keys.content.seal(b"content").expect("within bounds");
    let ops = keys.log.seal_ops(place, b"ops");
    let label = keys.log.seal_link_label(SPACE, 3, LINK, b"label");
    let previous = root.seal_earlier(SPACE, 3, &EarlierRoots::only(2, EpochRoot::random()));
    let bundle = seal_bundle(&root, &binding, &[(USER, member.public().clone())]).expect("one member");
    let directory = DirectoryKey::random();
    let name = directory.seal_name(Named::User(USER), "Élodie").expect("short");
    let secret = LinkSecret::random();
    let link = secret.keys(LINK, None);
    let (head, words) = (link.seal_head(b"head"), link.seal_words(b"words"));
    let link_of_words = LinkSecret::new(secret.secret().clone()).keys(LINK, None);
    let log = keys.log;
    let request = log.seal_request_keys(SPACE, 3, LINK, b"keys");
    let (log_of_labels, log_of_requests) = (log.clone(), log.clone());
    vec![
        // Whoever changes a chunk may also change the address that it is asked for by.
        Format::new(chunk.object, move |object| chunk.secret.open(ChunkId::of(object), object).is_ok()),
        Format::new(ops, move |sealed| log.open_ops(place, sealed).is_ok()),
        Format::new(label, move |sealed| log_of_labels.open_link_label(SPACE, 3, LINK, sealed).is_ok()),
        Format::new(previous, move |sealed| root.open_earlier(SPACE, 3, sealed).is_ok()),
        Format::new(bundle, move |bundle| open_bundle(bundle, &binding, USER, &member).is_ok()),
        Format::new(name, move |sealed| directory.open_name(Named::User(USER), sealed).is_ok()),
        Format::new(head, move |sealed| link.open_head(sealed).is_ok()),
        Format::new(words, move |sealed| link_of_words.open_words(sealed).is_ok()),
        Format::new(request, move |sealed| log_of_requests.open_request_keys(SPACE, 3, LINK, sealed).is_ok()),
    ]
}

#[test]
fn downgrade_fuzz_every_version_field() {
    let formats = formats();
    for format in &formats {
        let name = format.name();
        assert!((format.reads)(&format.object), "{name}: the control, as it is");
        assert_eq!(format.object[3], SUITE, "{name}: the suite");
        // Every other value of each byte of magic and suite.
        for at in 0..4 {
            let mut changed = format.object.clone();
            for by in 1..=u8::MAX {
                changed[at] = format.object[at] ^ by;
                assert!(!(format.reads)(&changed), "{name}: byte {at} is {:#04x}", changed[at]);
            }
            // The control: what is refused is the version alone. A reader that took it for its own would read the rest.
            changed[..4].copy_from_slice(&format.object[..4]);
            assert!((format.reads)(&changed), "{name}");
        }
        // A format of another kind under this one's suite, and this one under every other magic.
        for other in formats.iter().filter(|other| other.magic != format.magic) {
            assert!(!(format.reads)(&other.object), "{} is read as {name}", other.name());
            let renamed = [other.magic.as_slice(), &format.object[3..]].concat();
            assert!(!(other.reads)(&renamed), "{name} is read as {}", other.name());
        }
    }
    no_format_is_missing(&formats);
    suites_are_refused_by_their_name();
    everything_else_names_its_version();
    keystores_of_less_are_refused();
}

/// A version that is not known is said to be one: whoever reads it knows to update, not that bytes were damaged.
fn suites_are_refused_by_their_name() {
    let keys = SigningKeys::generate().expect("the library works");
    let end = keys.seal(LinkEnd { link: LINK, space: SPACE, device: DEVICE, at: Timestamp(1) });
    let object = end.expect("the library works").bytes().to_vec();
    let with = |at: usize, byte: u8| {
        let mut changed = object.clone();
        changed[at] = byte;
        Signed::<LinkEnd>::parse(changed.into()).map(drop)
    };
    for suite in (0..=u8::MAX).filter(|suite| *suite != SUITE) {
        assert_eq!(with(3, suite), Err(DecodeError::Suite));
    }
    assert_eq!(with(0, b'W'), Err(DecodeError::Magic));
}

/// Holds the list against the sources of both crates: the magic of each format stands there as `*b"VB…"`.
fn no_format_is_missing(formats: &[Format]) {
    let listed: BTreeSet<String> = formats.iter().map(Format::name).chain([keystore_magic()]).collect();
    let package =
        PathBuf::from(std::env::var_os("CARGO_MANIFEST_DIR").unwrap_or_else(|| env!("CARGO_MANIFEST_DIR").into()));
    let mut written = BTreeSet::new();
    for sources in [package.join("src"), package.join("../node/protocol/src")] {
        read_magics(&sources, &mut written);
    }
    assert_eq!(written, listed, "a format of the sources is not in the list, or the other way round");
}

fn read_magics(folder: &Path, found: &mut BTreeSet<String>) {
    for item in std::fs::read_dir(folder).expect("the sources are beside the tests") {
        let path = item.expect("a readable folder").path();
        if path.is_dir() {
            read_magics(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = std::fs::read_to_string(&path).expect("a source file");
            let magics = text.split("*b\"VB").skip(1).filter_map(|rest| rest.split_once('"'));
            found.extend(magics.map(|(last, _)| format!("VB{last}")));
        }
    }
}

/// What has no suite byte: labels and protocols of TLS bear their version in their names, so another one's keys, signatures and
/// connections are others.
fn everything_else_names_its_version() {
    assert!(label::ALL.iter().all(|label| label.starts_with("vauban/1 ")));
    for alpn in [ALPN_DEVICE, ALPN_NODE, ALPN_GUEST] {
        assert!(alpn.ends_with(b"/1") && alpn.starts_with(b"vauban-"));
    }
}

/// Where each field of a locked file lies (`SPEC.md`, "Keystore and backup").
const PASSES_AT: usize = 5;
const MEMORY_AT: usize = 9;
const LANES_AT: usize = 13;
const SALT_AT: usize = 17;
const COMMITMENT_AT: usize = SALT_AT + 32;
const PASSPHRASE: &str = "correct horse";

fn keystore_magic() -> String {
    String::from_utf8_lossy(&lock(PASSPHRASE, b"keys").expect("enough memory")[..3]).into_owned()
}

/// A keystore that says of itself that it is easier to guess, or costs too much; each is refused before any memory is taken.
fn keystores_of_less_are_refused() {
    let locked = lock(PASSPHRASE, b"keys").expect("enough memory");
    assert_eq!(unlock(PASSPHRASE, &locked).expect("the control, as it is").as_slice(), b"keys");
    let with = |at: usize, field: &[u8]| {
        let mut changed = locked.clone();
        changed[at..at + field.len()].copy_from_slice(field);
        unlock(PASSPHRASE, &changed).err()
    };
    for (at, byte) in locked.iter().enumerate().take(PASSES_AT) {
        for by in 1..=u8::MAX {
            let changed = byte ^ by;
            assert_eq!(with(at, &[changed]), Some(KeystoreError::Malformed), "byte {at} is {changed:#04x}");
        }
    }
    assert_eq!(unlock_for(Purpose::Backup, PASSPHRASE, &locked).err(), Some(KeystoreError::Malformed));
    let fields = [
        (PASSES_AT, ARGON2_PASSES_MIN, ARGON2_PASSES_MAX),
        (MEMORY_AT, ARGON2_MEMORY_KIB_MIN, ARGON2_MEMORY_KIB_MAX),
        (LANES_AT, 1, ARGON2_LANES_MAX),
    ];
    for (at, least, most) in fields {
        let below = (0..least).step_by(usize::try_from(least.div_ceil(512)).expect("small")).chain([least - 1]);
        for value in below {
            assert_eq!(with(at, &value.to_le_bytes()), Some(KeystoreError::Weak), "{value} at {at}");
        }
        for value in (0..32).map(|shift| most.saturating_add(1 << shift)).chain([u32::MAX]) {
            assert_eq!(with(at, &value.to_le_bytes()), Some(KeystoreError::Excessive), "{value} at {at}");
        }
        // Another value that is allowed stretches to another key.
        assert_eq!(with(at, &(least + 1).to_le_bytes()), Some(KeystoreError::WrongPassphrase), "at {at}");
    }
    // A file that somebody has locked anew with a hundredth of the work, for whoever knows the passphrase; and with enough of it.
    assert_eq!(unlock(PASSPHRASE, &relock(1, 1024, b"keys")).err(), Some(KeystoreError::Weak));
    let enough = relock(ARGON2_PASSES_MIN, ARGON2_MEMORY_KIB_MIN, b"keys");
    assert_eq!(unlock(PASSPHRASE, &enough).expect("the same file, of enough").as_slice(), b"keys");
}

/// A reader that takes any parameters opens the keystore that is a hundred times easier to guess.
#[test]
fn control_of_downgrade_fuzz_every_version_field() {
    assert_eq!(open_anyhow(&relock(1, 1024, b"keys")), b"keys");
}

/// A locked file with these parameters, by an implementation of the format that shares no code with the crate.
fn relock(passes: u32, memory_kib: u32, plain: &[u8]) -> Vec<u8> {
    let parameters = [passes, memory_kib, 1].map(u32::to_le_bytes);
    let mut locked = [b"VBV".as_slice(), &[SUITE, 1], parameters.as_flattened(), &[7; 32]].concat();
    let (key, commitment) = stretched(&locked);
    locked.extend_from_slice(&commitment);
    let mut body = plain.to_vec();
    let tag = Aes256Gcm::new(&key.into())
        .encrypt_inout_detached(&[0; 12].into(), &locked, InOutBuf::from(body.as_mut_slice()))
        .expect("short");
    [locked.as_slice(), &body, tag.as_slice()].concat()
}

/// What a locked file holds, whatever its parameters.
fn open_anyhow(locked: &[u8]) -> Vec<u8> {
    let (key, commitment) = stretched(locked);
    let (associated, rest) = locked.split_at(COMMITMENT_AT + 32);
    assert_eq!(associated[COMMITMENT_AT..], commitment);
    let (body, tag) = rest.split_last_chunk::<16>().expect("a tag");
    let mut body = body.to_vec();
    Aes256Gcm::new(&key.into())
        .decrypt_inout_detached(&[0; 12].into(), associated, InOutBuf::from(body.as_mut_slice()), &(*tag).into())
        .expect("the file's own key");
    body
}

fn stretched(locked: &[u8]) -> ([u8; 32], [u8; 32]) {
    let number = |at: usize| u32::from_le_bytes(locked[at..at + 4].try_into().expect("four bytes"));
    let params = Params::new(number(MEMORY_AT), number(PASSES_AT), number(LANES_AT), Some(32)).expect("allowed by RFC");
    let mut key = [0; 32];
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
        .hash_password_into(PASSPHRASE.as_bytes(), &locked[SALT_AT..COMMITMENT_AT], &mut key)
        .expect("enough memory");
    let mut both = [0; 64];
    let info = [label::KEYSTORE.as_bytes(), &[0]].concat();
    Hkdf::<Sha256>::from_prk(&key).expect("long enough").expand(&info, &mut both).expect("short enough");
    (both[..32].try_into().expect("half"), both[32..].try_into().expect("half"))
}
