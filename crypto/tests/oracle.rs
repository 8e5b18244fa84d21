//! No decryption oracle: whoever chooses sealed bytes learns nothing from whether, or how, they fail to open.
//!
//! What the oracle would be. MEGA's server (Backendal, Haller, Paterson 2023; Albrecht, Haller, Mareková, Paterson 2023) kept each
//! user's keys in ECB without authentication. It changed some of their blocks, and a client that logged in decrypted a session number with
//! what had become of its keys, and sent it back: so each login told the server some bits, or merely whether decryption had failed,
//! until it had the key. Three things keep that away here, and each is held below:
//!
//! 1. nothing that was changed opens at all, and all the ways in which it may fail to are one answer;
//! 2. no verb of a node takes an opened value: a node that asks for one has nothing to ask with;
//! 3. a device shows who it is by a signature over the connection. Nothing is decrypted to log in.

#![allow(clippy::expect_used, clippy::indexing_slicing, reason = "a test may panic")]

use std::collections::BTreeSet;

use aes_gcm::aead::inout::InOutBuf;
use aes_gcm::{AeadInOut, Aes256Gcm, KeyInit};
use hkdf::Hkdf;
use sha2::Sha256;
use vauban_crypto::bundle::{EpochBinding, open_bundle, seal_bundle};
use vauban_crypto::chunk::{ChunkSecret, Frame};
use vauban_crypto::epoch::{EarlierRoots, EpochRoot};
use vauban_crypto::error::OpenError;
use vauban_crypto::kem::{KemSecret, wrap};
use vauban_crypto::name::{DirectoryKey, Named};
use vauban_crypto::ops::OpsPlace;
use vauban_crypto::shared_link::LinkSecret;
use vauban_protocol::canonical::encode;
use vauban_protocol::id::{ChunkId, DeviceId, Digest, InviteId, LinkId, SpaceId, UserId};
use vauban_protocol::label;
use vauban_protocol::size::padded_bytes;
use vauban_protocol::wire::{GuestRequest, Request};

const SPACE: SpaceId = SpaceId([1; 16]);
const USER: UserId = UserId([2; 16]);
const SECRET: [u8; 32] = [3; 32];
/// Bytes before a chunk's ciphertext.
const PREFIX_BYTES: usize = 36;

#[test]
fn no_decryption_oracle() {
    every_way_to_fail_is_one_answer();
    changed_bytes_tell_nothing();
    // The exhaustive lists below are what holds this; one verb of each shows that they are asked.
    assert_eq!(what_answers(&Request::Status), Answer::Counters);
    assert_eq!(what_answers_guests(&GuestRequest::Join { invite: InviteId([0; 16]) }), Answer::Record);
}

/// Every opener, every cause, by whoever made the bytes: the storage that changed them, or a member who sealed what no honest client
/// seals, with the right key. The value is the same, and so is what is printed of it.
fn every_way_to_fail_is_one_answer() {
    let mut answers = BTreeSet::new();
    let mut failed = |what: &str, opened: Result<(), OpenError>| {
        let error = opened.expect_err(what);
        answers.insert(format!("{error} {error:?}"));
    };
    let secret = ChunkSecret::from_bytes(SECRET);
    let opened = |object: &[u8]| secret.open(ChunkId::of(object), object).map(drop);
    let (id, object) = secret.reseal(Frame::of(b"content").expect("short"));
    assert!(opened(&object).is_ok(), "the control: the chunk itself");
    assert!(
        opened(&sealed_frame(&frame_of(b"content"))).is_ok(),
        "the control: frames that are made by hand open, too"
    );
    failed("chunk: another address", secret.open(ChunkId([0; 32]), &object).map(drop));
    failed("chunk: nothing", secret.open(ChunkId::of(b""), b"").map(drop));
    for (what, at) in
        [("magic", 0), ("suite", 3), ("commitment", 4), ("ciphertext", PREFIX_BYTES), ("tag", object.len() - 1)]
    {
        let mut changed = object.clone();
        changed[at] ^= 1;
        failed(&format!("chunk: {what}, under the address that it has now"), opened(&changed));
        failed(&format!("chunk: {what}, under the one that it had"), secret.open(id, &changed).map(drop));
    }
    failed("chunk: cut short", opened(&object[..object.len() - 1]));
    failed("chunk: another key", ChunkSecret::from_bytes([4; 32]).open(id, &object).map(drop));
    let frames: [(&str, Vec<u8>); 6] = [
        ("no length", vec![]),
        ("no content", with_length(0, &frame_of(b"content"))),
        ("a length that passes the frame", with_length(u32::MAX, &frame_of(b"content"))),
        ("a length that leaves padding that is not zero", with_length(3, &frame_of(b"content"))),
        ("padding that is not zero", [&frame_of(b"content")[..4095], &[1]].concat()),
        ("another size than the padded one", frame_of(b"content")[..4000].to_vec()),
    ];
    for (what, frame) in frames {
        failed(&format!("chunk: {what}"), opened(&sealed_frame(&frame)));
    }

    let (root, member, other) = (EpochRoot::random(), KemSecret::generate(), KemSecret::generate());
    let keys = root.keys(SPACE, 3);
    let place = OpsPlace { space: SPACE, epoch: 3, device: DeviceId([5; 16]), counter: 7 };
    let directory = DirectoryKey::random();
    let link = LinkSecret::random().keys(LinkId([6; 16]), None);
    let commitment = root.commitment(SPACE, 3);
    let binding =
        EpochBinding { space: SPACE, epoch: 3, prev: Digest([7; 32]), commitment, recipients: Digest([8; 32]) };
    let bundle = seal_bundle(&root, &binding, &[(USER, member.public().clone())]).expect("one member");
    let wrapped = wrap(member.public(), label::WRAP_DIRECTORY, b"place", &[9; 32]).expect("a valid key");

    type Open<'a> = Box<dyn Fn(&[u8]) -> Result<(), OpenError> + 'a>;
    let openers: [(&str, Vec<u8>, Open<'_>); 7] = [
        ("ops", keys.log.seal_ops(place, b"ops"), Box::new(|sealed| keys.log.open_ops(place, sealed).map(drop))),
        (
            "name",
            directory.seal_name(Named::User(USER), "name").expect("short"),
            Box::new(|sealed| directory.open_name(Named::User(USER), sealed).map(drop)),
        ),
        (
            "previous root",
            root.seal_earlier(SPACE, 3, &EarlierRoots::only(2, EpochRoot::random())),
            Box::new(|sealed| root.open_earlier(SPACE, 3, sealed).map(drop)),
        ),
        ("link's head", link.seal_head(b"head"), Box::new(|sealed| link.open_head(sealed).map(drop))),
        (
            "link's label",
            keys.log.seal_link_label(SPACE, 3, LinkId([6; 16]), b"label"),
            Box::new(|sealed| keys.log.open_link_label(SPACE, 3, LinkId([6; 16]), sealed).map(drop)),
        ),
        ("bundle", bundle.clone(), Box::new(|bundle| open_bundle(bundle, &binding, USER, &member).map(drop))),
        (
            "wrapped secret",
            wrapped.clone(),
            Box::new(|wrapped| member.unwrap(label::WRAP_DIRECTORY, b"place", wrapped).map(drop)),
        ),
    ];
    for (what, object, open) in &openers {
        assert_eq!(open(object), Ok(()), "{what}: the control");
        for at in [0, 3, 4, object.len() / 2, object.len() - 1] {
            let mut changed = object.clone();
            changed[at] ^= 1;
            failed(&format!("{what}: byte {at}"), open(&changed));
        }
        for length in [0, 3, 4, 35, 36, object.len() - 1] {
            failed(&format!("{what}: cut to {length}"), open(&object[..length]));
        }
        for (other, object, _) in openers.iter().filter(|(other, ..)| other != what) {
            failed(&format!("{what}: a {other}"), open(object));
        }
    }
    // What opens and is nothing: a name that is no text, a root of another length, a root that is not the certified one.
    let not_text = salted(
        b"VBN",
        label::DIRECTORY_NAME,
        directory.secret().expose(),
        &[&[1], &USER.0],
        &[&[1, 0xff][..], &[0; 62]].concat(),
    );
    failed("name: no text", directory.open_name(Named::User(USER), &not_text).map(drop));
    let too_short =
        salted(b"VBR", label::EPOCH_PREVIOUS, root.secret().expose(), &[&SPACE.0, &3_u32.to_le_bytes()], &[0; 35]);
    failed("previous root: 31 bytes", root.open_earlier(SPACE, 3, &too_short).map(drop));
    let copy =
        |info: &[u8], plain: &[u8]| wrap(member.public(), label::WRAP_EPOCH_ROOT, info, plain).expect("a valid key");
    let bundled = |copies: &[(UserId, Vec<u8>)]| [b"VBK\x01".as_slice(), &encode(&copies)].concat();
    let info = [SPACE.as_bytes().as_slice(), &3_u32.to_le_bytes(), &[7; 32], &commitment.0, &[8; 32]].concat();
    let rightly = bundled(&[(USER, copy(&info, root.secret().expose()))]);
    assert!(open_bundle(&rightly, &binding, USER, &member).is_ok(), "the control: a bundle that is made by hand");
    let bundles: [(&str, Vec<u8>); 5] = [
        ("nobody in it", bundled(&[])),
        ("the user twice", bundled(&[(USER, copy(&info, &[0; 32])), (USER, copy(&info, &[0; 32]))])),
        ("wrapped for another place", bundled(&[(USER, copy(b"elsewhere", root.secret().expose()))])),
        ("another root than the certified one", bundled(&[(USER, copy(&info, &[0; 32]))])),
        ("a root of 31 bytes", bundled(&[(USER, copy(&info, &[0; 31]))])),
    ];
    for (what, bundle) in &bundles {
        failed(&format!("bundle: {what}"), open_bundle(bundle, &binding, USER, &member).map(drop));
    }
    failed("bundle: somebody else's key", open_bundle(&bundle, &binding, USER, &other).map(drop));
    failed("bundle: not for this one", open_bundle(&bundle, &binding, UserId([9; 16]), &member).map(drop));
    failed("wrapped secret: another label", member.unwrap(label::WRAP_INVITE, b"place", &wrapped).map(drop));
    failed("wrapped secret: another place", member.unwrap(label::WRAP_DIRECTORY, b"elsewhere", &wrapped).map(drop));

    assert_eq!(answers.len(), 1, "{answers:?}");
    // Not on this list: a keystore, whose reader tells a wrong passphrase from damage. Only its owner asks, at their own keyboard.
}

/// Lengths that padding hides.
const HIDDEN: [usize; 5] = [1, 3, 200, 1234, 4092];

/// The length that padding hides, by an attack on whatever opens changed bytes: a byte of the content may be anything, and a byte of the
/// padding may not. None of its questions is answered.
fn changed_bytes_tell_nothing() {
    for plain_bytes in HIDDEN {
        let object = sealed_frame(&frame_of(&vec![b'x'; plain_bytes]));
        let real = |object: &[u8]| ChunkSecret::from_bytes(SECRET).open(ChunkId::of(object), object).is_ok();
        assert!(real(&object), "as it is");
        assert_eq!(length_by(&object, real), None, "an oracle");
    }
}

/// A reader that leaves the tag out answers a dozen of the same questions, which tell the length.
#[test]
fn control_of_no_decryption_oracle() {
    for plain_bytes in HIDDEN {
        let object = sealed_frame(&frame_of(&vec![b'x'; plain_bytes]));
        assert!(opens_without_tag(&object), "as it is");
        assert_eq!(length_by(&object, opens_without_tag), Some(plain_bytes));
    }
}

/// What the attack finds by asking `opens` alone: nothing, if no changed byte is ever taken.
fn length_by(object: &[u8], opens: impl Fn(&[u8]) -> bool) -> Option<usize> {
    let is_content = |at: usize| {
        let mut changed = object.to_vec();
        changed[PREFIX_BYTES + 4 + at] ^= 1;
        opens(&changed)
    };
    let (mut least, mut most) = (0, object.len() - PREFIX_BYTES - 4 - 16);
    while least < most {
        let middle = least.midpoint(most);
        if is_content(middle) { least = middle + 1 } else { most = middle }
    }
    (least > 0).then_some(least)
}

/// A reader that leaves the GCM tag out, and keeps every other check: AES-CTR, as GCM encrypts.
fn opens_without_tag(object: &[u8]) -> bool {
    let (key, _) = keys_of(SECRET);
    // Counter mode is its own inverse: encrypting the ciphertext decrypts it.
    let mut frame = object[PREFIX_BYTES..object.len() - 16].to_vec();
    Aes256Gcm::new(&key.into())
        .encrypt_inout_detached(&[0; 12].into(), b"", InOutBuf::from(frame.as_mut_slice()))
        .expect("short");
    let (length, rest) = frame.split_first_chunk::<4>().expect("a frame");
    let length = usize::try_from(u32::from_le_bytes(*length)).expect("32 bits");
    let padding = rest.get(length..);
    length > 0
        && padded_bytes(length) == frame.len()
        && padding.is_some_and(|zeros| zeros.iter().all(|byte| *byte == 0))
}

fn frame_of(content: &[u8]) -> Vec<u8> {
    let mut frame = u32::try_from(content.len()).expect("small").to_le_bytes().to_vec();
    frame.extend_from_slice(content);
    frame.resize(padded_bytes(content.len()), 0);
    frame
}

fn with_length(length: u32, frame: &[u8]) -> Vec<u8> {
    [length.to_le_bytes().as_slice(), &frame[4..]].concat()
}

/// A frame of any bytes, sealed as a member could, by an implementation that shares no code with the crate.
fn sealed_frame(frame: &[u8]) -> Vec<u8> {
    let (key, commitment) = keys_of(SECRET);
    let header = [b"VBC".as_slice(), &[1], &commitment].concat();
    sealed(&key, &header, frame, &header)
}

/// A salted object (`SPEC.md`, rule 13), likewise.
fn salted(magic: &[u8; 3], label: &str, key: &[u8; 32], context: &[&[u8]], plain: &[u8]) -> Vec<u8> {
    let mut once = [0; 32];
    let salt = [7; 32];
    Hkdf::<Sha256>::new(Some(&salt), key).expand(&[label.as_bytes(), &[0]].concat(), &mut once).expect("short");
    let head = [magic.as_slice(), &[1]].concat();
    sealed(&once, &[head.as_slice(), &context.concat()].concat(), plain, &[head.as_slice(), &salt].concat())
}

fn sealed(key: &[u8; 32], associated: &[u8], plain: &[u8], before: &[u8]) -> Vec<u8> {
    let mut body = plain.to_vec();
    let tag = Aes256Gcm::new(&(*key).into())
        .encrypt_inout_detached(&[0; 12].into(), associated, InOutBuf::from(body.as_mut_slice()))
        .expect("short");
    [before, &body, tag.as_slice()].concat()
}

fn keys_of(secret: [u8; 32]) -> ([u8; 32], [u8; 32]) {
    let mut keys = [0; 64];
    let info = [label::CHUNK.as_bytes(), &[0]].concat();
    Hkdf::<Sha256>::from_prk(&secret).expect("long enough").expand(&info, &mut keys).expect("short enough");
    (keys[..32].try_into().expect("half"), keys[32..].try_into().expect("half"))
}

/// What decides a node's answer. A verb that needed another word here would be a defect: none is for something opened, and a node has
/// no code that opens (`tests/tests/tidy/dependencies.rs`).
#[derive(Debug, PartialEq, Eq)]
enum Answer {
    /// What the node counts, and its clock.
    Counters,
    /// What is signed in clear, and stored: records, and who may have them.
    Record,
    /// Whether a chunk of this id is held, and its bytes, sealed.
    Held,
    /// What the client sent: its signature, its place in a chain, its length, and whether bytes have the id that they are sent under.
    Signature,
    /// A hash: of an access token, which a client derives and never decrypts.
    Token,
}

fn what_answers(request: &Request) -> Answer {
    match request {
        Request::Status | Request::Usage { .. } | Request::NodeStanding { .. } => Answer::Counters,
        Request::Organisation { .. }
        | Request::Spaces
        | Request::Log { .. }
        | Request::Follow { .. }
        | Request::Outline { .. }
        | Request::Turns { .. }
        | Request::Seens { .. }
        | Request::Links { .. }
        | Request::FileRequests { .. }
        | Request::SpacesOf { .. }
        | Request::Drops { .. }
        | Request::DropChunks { .. }
        | Request::Invites
        | Request::JoinPosts { .. } => Answer::Record,
        Request::PutChunks { .. }
        | Request::HaveChunks { .. }
        | Request::GetChunks { .. }
        | Request::CheckChunks { .. }
        | Request::HoldLink { .. } => Answer::Held,
        Request::Certify
        | Request::CreateSpace
        | Request::Commit { .. }
        | Request::OpenInvite
        | Request::Seen { .. }
        | Request::CreateLink
        | Request::EndLink
        | Request::CreateFileRequest
        | Request::TakeDrops => Answer::Signature,
    }
}

fn what_answers_guests(request: &GuestRequest) -> Answer {
    match request {
        GuestRequest::Organisation { .. }
        | GuestRequest::Invite { .. }
        | GuestRequest::LinkOrganisation { .. }
        // The post's MAC is under a secret that no node has: any post is kept, true or junk.
        | GuestRequest::Join { .. } => Answer::Record,
        GuestRequest::OpenLink { .. } | GuestRequest::LinkChunks { .. } => Answer::Token,
    }
}
