//! Ops, epochs and names: everything that is sealed under a long-lived key and a salt.

use vauban_crypto::epoch::{EarlierRoots, EpochRoot};
use vauban_crypto::name::DirectoryKey;
use vauban_crypto::secret::Secret;
use vauban_protocol::id::SpaceId;

use super::{damages, downgrades};
use crate::case::{Case, Vectors};
use crate::{kinds, reference};

const ROOT: [u8; 32] = [0x11; 32];
const SPACE: [u8; 16] = [0x22; 16];
const SALT: [u8; 32] = [0x66; 32];
const DEVICE: [u8; 16] = [0x77; 16];
const KEY: [u8; 32] = [0x88; 32];
/// Where a salted object's parts lie.
const PLACES: [(&str, usize); 2] = [("salt", 4), ("ciphertext", 36)];

pub(super) fn ops() -> Vectors {
    let case = Case::named("ops")
        .with("root", &ROOT)
        .with("space", &SPACE)
        .count("epoch", 7)
        .with("place_space", &SPACE)
        .count("place_epoch", 7)
        .with("device", &DEVICE)
        .count("counter", 9)
        .with("salt", &SALT)
        .with("plain", b"some ops");
    let object = kinds::keys_of(&case).log.seal_ops_with(kinds::place_of(&case), b"some ops", &SALT);
    let mut reject = downgrades("ops", b"VBN");
    reject.extend(damages("ops", &object, &PLACES));
    reject.extend([
        Case::defect("shown as another space's", "ops").with("place_space", &[0x23; 16]),
        Case::defect("shown as another epoch's", "ops").count("place_epoch", 8),
        Case::defect("shown as another device's", "ops").with("device", &[0x78; 16]),
        Case::defect("shown at another counter", "ops").count("counter", 10),
        Case::defect("another epoch's key", "ops").count("epoch", 6),
        Case::defect("another root's key", "ops").with("root", &[0x12; 32]),
    ]);
    let key = reference::epoch_key(&ROOT, "log", &SPACE, 7);
    let context = [SPACE.as_slice(), &7u32.to_le_bytes(), &DEVICE, &9u64.to_le_bytes()].concat();
    let own = |defect: &str, object: &[u8]| Case::defect(defect, "ops").with("object", object);
    assert!(kinds::ops(&own("", &reference::salted(b"VBP", "ops", &key, &context, b"x")).over(&case)).is_ok());
    reject.push(own("place not authenticated", &reference::salted(b"VBP", "ops", &key, &[], b"x")));
    reject.push(own("key of another purpose", &reference::salted(b"VBP", "directory name", &key, &context, b"x")));
    Vectors { accept: vec![case.with("object", &object)], reject }
}

pub(super) fn epoch() -> Vectors {
    let root = EpochRoot::new(Secret::new(ROOT));
    let previous = EpochRoot::new(Secret::new([0x10; 32]));
    let only = EarlierRoots::only(6, previous.clone());
    let numbered = |epochs: &[u32]| -> Vec<u8> {
        epochs.iter().flat_map(|epoch| [&epoch.to_le_bytes()[..], &[0x10; 32]].concat()).collect()
    };
    let object = root.seal_earlier_with(SpaceId(SPACE), 7, &only, &SALT);
    let commitment = root.commitment(SpaceId(SPACE), 7);
    assert_eq!(commitment.0, reference::epoch_key(&ROOT, "commit", &SPACE, 7), "the reference commits alike");
    let case = Case::named("previous root")
        .with("root", &ROOT)
        .with("space", &SPACE)
        .count("epoch", 7)
        .with("commitment", &commitment.0)
        .with("salt", &SALT)
        .with("plain", &numbered(&[6]))
        .with("object", &object);
    let mut reject = downgrades("previous root", b"VBP");
    reject.extend(damages("previous root", &object, &PLACES));
    let recommitted = |case: Case, root: [u8; 32], space: [u8; 16], epoch: u32| {
        let commitment = EpochRoot::new(Secret::new(root)).commitment(SpaceId(space), epoch);
        case.with("root", &root)
            .with("space", &space)
            .count("epoch", u64::from(epoch))
            .with("commitment", &commitment.0)
    };
    let context = [SPACE.as_slice(), &7u32.to_le_bytes()].concat();
    let sealed = |plain: &[u8]| reference::salted(b"VBR", "epoch previous", &ROOT, &context, plain);
    let several = EarlierRoots::of([3, 5, 6].map(|epoch| (epoch, previous.clone())));
    let accept = [
        ("previous root, and two that are mended", several, &[3, 5, 6][..]),
        ("no root", EarlierRoots::default(), &[]),
    ];
    let accept = accept.map(|(name, earlier, epochs)| {
        let object = root.seal_earlier_with(SpaceId(SPACE), 7, &earlier, &SALT);
        Case::named(name).with("plain", &numbered(epochs)).with("object", &object).over(&case)
    });
    let own = |defect: &str, plain: &[u8]| Case::defect(defect, "previous root").with("object", &sealed(plain));
    let (one, ten) = (numbered(&[6]), numbered(&(0..10).collect::<Vec<_>>()));
    reject.extend([
        Case::defect("root that does not fit the commitment", "previous root")
            .with("root", &[0x12; 32])
            .say("error", "Commitment"),
        Case::defect("commitment of another epoch", "previous root").count("epoch", 8).say("error", "Commitment"),
        Case::defect("commitment of another space", "previous root")
            .with("space", &[0x23; 16])
            .say("error", "Commitment"),
        recommitted(Case::defect("sealed under another root", "previous root"), [0x12; 32], SPACE, 7),
        recommitted(Case::defect("shown in another epoch", "previous root"), ROOT, SPACE, 8),
        recommitted(Case::defect("shown in another space", "previous root"), ROOT, [0x23; 16], 7),
        own("root of 31 bytes", one.get(..35).unwrap_or_default()),
        own("root of 33 bytes", &[one.as_slice(), &[0x10]].concat()),
        own("roots out of order", &numbered(&[5, 3])),
        own("a root twice", &numbered(&[3, 3])),
        own("the epoch's own root", &numbered(&[7])),
        own("more roots than an epoch brings", &ten),
    ]);
    Vectors { accept: std::iter::once(case).chain(accept).collect(), reject }
}

pub(super) fn name() -> Vectors {
    let case = Case::named("name")
        .with("key", &KEY)
        .say("named", "user")
        .with("of_id", &[0x99; 16])
        .with("salt", &SALT)
        .with("plain", "Élodie".as_bytes());
    let key = DirectoryKey::new(Secret::new(KEY));
    let object = key.seal_name_with(kinds::named_of(&case), "Élodie", &SALT).expect("short");
    let mut reject = downgrades("name", b"VBP");
    reject.extend(damages("name", &object, &PLACES));
    reject.extend([
        Case::defect("shown for another user", "name").with("of_id", &[0x98; 16]),
        Case::defect("shown for a device", "name").say("named", "device"),
        Case::defect("shown for a space", "name").say("named", "space"),
        Case::defect("another organisation's key", "name").with("key", &[0x89; 32]),
    ]);
    let context = [[1].as_slice(), &[0x99; 16]].concat();
    let sealed = |plain: &[u8]| reference::salted(b"VBN", "directory name", &KEY, &context, plain);
    let padded = |length: u8, text: &[u8], size: usize| {
        let mut plain = [&[length], text].concat();
        plain.resize(size, 0);
        plain
    };
    let mut dirty = padded(3, b"abc", 64);
    dirty[63] = 1;
    let plains = [
        ("not UTF-8", padded(2, &[0xc3, 0x28], 64)),
        ("length beyond the bytes", padded(64, b"abc", 64)),
        ("padding that is not zero", dirty),
        ("padded further than its length asks", padded(3, b"abc", 128)),
        ("not padded", padded(3, b"abc", 4)),
        ("no bytes", Vec::new()),
    ];
    reject.extend(plains.map(|(defect, plain)| Case::defect(defect, "name").with("object", &sealed(&plain))));
    Vectors { accept: vec![case.with("object", &object)], reject }
}
