//! Chunks and cuts.

use vauban_crypto::chunk::Frame;
use vauban_crypto::cut::CutterKey;
use vauban_crypto::epoch::EpochRoot;
use vauban_crypto::secret::Secret;
use vauban_protocol::id::{ChunkId, SpaceId};

use super::{damages, downgrades};
use crate::case::{Case, Vectors};
use crate::{kinds, reference};

const ROOT: [u8; 32] = [0x11; 32];
const SPACE: [u8; 16] = [0x22; 16];
const EPOCH: u32 = 7;
const RANDOMNESS: [u8; 32] = [0x33; 32];

pub(super) fn chunk() -> Vectors {
    let three = accepted("three bytes", b"abc", 4096);
    let full = accepted("fills the smallest frame", &[b'f'; 4092], 4096);
    let more = accepted("one byte more than the smallest frame", &[b'm'; 4093], 4352);
    let secret: [u8; 32] = three.array("secret");
    let object = three.hex("object");

    let mut reject = downgrades("three bytes", b"VBP");
    let places =
        [("commitment", 4), ("length", 36), ("content", 40), ("padding", 44), ("last block", 4131), ("tag", 4147)];
    reject.extend(damages("three bytes", &object, &places));
    reject.push(Case::defect("prefix alone", "three bytes").splice(36, object.len() - 36, &[]));
    reject.push(Case::defect("bytes of another id", "three bytes").with("id", full.hex("id").as_slice()));
    reject.push(Case::defect("opened with another chunk's secret", "three bytes").with("secret", &full.hex("secret")));
    let other = reference::keys(&full.array("secret"));
    reject.push(Case::defect("commitment of another key", "three bytes").splice(4, 32, &other.commitment));
    reject.extend(hostile_frames(&secret));
    reject.extend(hostile_sealings(&secret));
    Vectors { accept: vec![three, full, more], reject }
}

/// Sealed by the crate and by the reference, which must agree.
fn accepted(name: &str, plain: &[u8], padded: usize) -> Case {
    let content = EpochRoot::new(Secret::new(ROOT)).keys(SpaceId(SPACE), EPOCH).content;
    let sealed = content.seal_frame_with(Frame::of(plain).expect("within bounds"), &RANDOMNESS);

    let frame = reference::frame(u32::try_from(plain.len()).expect("small"), plain, padded);
    let content_key = reference::epoch_key(&ROOT, "content", &SPACE, EPOCH);
    let secret = reference::secret(&content_key, &RANDOMNESS, &frame);
    let keys = reference::keys(&secret);
    let header = reference::header(&keys.commitment);
    let object = reference::seal(&keys.cipher, [0; 12], &header, &header, &frame);
    assert!(sealed.object == object, "{name}: the crate and the reference seal differently");
    assert_eq!(sealed.secret.expose(), &secret, "{name}");
    assert_eq!(sealed.tag.as_bytes().as_slice(), reference::tag(&frame), "{name}");

    Case::named(name)
        .with("root", &ROOT)
        .with("space", &SPACE)
        .count("epoch", u64::from(EPOCH))
        .with("content_key", &content_key)
        .with("randomness", &RANDOMNESS)
        .with("plain", plain)
        .with("secret", &secret)
        .with("tag", sealed.tag.as_bytes())
        .with("id", ChunkId::of(&object).as_bytes())
        .with("object", &object)
}

/// Properly sealed by a member of the space; but what was sealed is not what an honest client frames.
fn hostile_frames(secret: &[u8; 32]) -> Vec<Case> {
    let mut dirty = reference::frame(3, b"abc", 4096);
    dirty[4095] = 1;
    let frames = [
        ("no content", reference::frame(0, b"", 4096)),
        ("length beyond the frame", reference::frame(4093, b"abc", 4096)),
        ("length beyond any chunk", reference::frame(u32::MAX, b"abc", 4096)),
        ("length shorter than the content", reference::frame(2, b"abc", 4096)),
        ("padding that is not zero", dirty),
        ("padded further than its size asks", reference::frame(3, b"abc", 8192)),
        ("not padded", reference::frame(3, b"abc", 7)),
        ("no frame", Vec::new()),
        ("frame cut in its length", vec![3, 0, 0]),
    ];
    let keys = reference::keys(secret);
    let header = reference::header(&keys.commitment);
    let seal = |frame: &[u8]| reference::seal(&keys.cipher, [0; 12], &header, &header, frame);
    frames.map(|(defect, frame)| own(defect, &seal(&frame))).to_vec()
}

/// An honest frame, sealed in another way than the format's.
fn hostile_sealings(secret: &[u8; 32]) -> Vec<Case> {
    let frame = reference::frame(3, b"abc", 4096);
    let keys = reference::keys(secret);
    let header = reference::header(&keys.commitment);
    vec![
        own("commitment not authenticated", &reference::seal(&keys.cipher, [0; 12], &header, b"VBC\x01", &frame)),
        own("nonce that is not zero", &reference::seal(&keys.cipher, [1; 12], &header, &header, &frame)),
        own("sealed under the secret itself", &reference::seal(secret, [0; 12], &header, &header, &frame)),
        own("sealed under the commitment", &reference::seal(&keys.commitment, [0; 12], &header, &header, &frame)),
    ]
}

/// A defect whose object is no splice of the accepted one, and whose id is that of its bytes.
fn own(defect: &str, object: &[u8]) -> Case {
    Case::defect(defect, "three bytes").with("object", object).with("id", ChunkId::of(object).as_bytes())
}

pub(super) fn cut() -> Vectors {
    let case = Case::named("eight MiB").with("key", &[0x44; 32]).say("seed", "vauban").count("length", 8 << 20);
    let ends = kinds::ends(&CutterKey::from_bytes([0x44; 32]), &kinds::file_of(&case));
    let reject = vec![
        Case::defect("another key", "eight MiB").with("key", &[0x45; 32]),
        Case::defect("another file", "eight MiB").say("seed", "vauban!"),
    ];
    Vectors { accept: vec![case.say("ends", &ends).with("plain", &[])], reject }
}
