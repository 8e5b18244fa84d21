//! Sealed objects are no mosaics: a part of one pasted into another of its kind opens for neither's reader.

#![allow(clippy::expect_used, clippy::indexing_slicing, reason = "a test may panic")]

use std::ops::Range;

use vauban_crypto::bundle::{EpochBinding, open_bundle, seal_bundle};
use vauban_crypto::epoch::{EarlierRoots, EpochRoot};
use vauban_crypto::kem::{KemSecret, wrap};
use vauban_crypto::keystore::{lock, unlock};
use vauban_crypto::name::{DirectoryKey, Named};
use vauban_crypto::ops::OpsPlace;
use vauban_crypto::shared_link::LinkSecret;
use vauban_protocol::id::{ChunkId, DeviceId, Digest, LinkId, SpaceId, UserId};
use vauban_protocol::label;

const SPACE: SpaceId = SpaceId([1; 16]);
const USER: UserId = UserId([2; 16]);
const LINK: LinkId = LinkId([3; 16]);
const PLACE: OpsPlace = OpsPlace { space: SPACE, epoch: 3, device: DeviceId([4; 16]), counter: 5 };

/// Opens an object; what is in it.
type Open<'a> = Box<dyn Fn(&[u8]) -> Option<Vec<u8>> + 'a>;

/// Two objects of one kind and length, with different contents, and their reader.
struct Pair<'a> {
    kind: &'static str,
    objects: [Vec<u8>; 2],
    /// Where each part ends; the last one ends with the object.
    parts: Vec<usize>,
    open: Open<'a>,
}

impl Pair<'_> {
    /// Every mixture of the two: for each part, which object it is of. Opened are the two themselves, and nothing else.
    fn check(&self) {
        let [one, other] = &self.objects;
        assert_eq!(one.len(), other.len(), "{}", self.kind);
        let parts: Vec<Range<usize>> = self.ranges();
        assert!(
            parts.iter().all(|part| one[part.clone()] != other[part.clone()]),
            "{}: parts that are alike",
            self.kind
        );
        let opened = |mixture: u32| {
            let object: Vec<u8> = parts
                .iter()
                .enumerate()
                .flat_map(|(at, part)| &self.objects[usize::from(mixture >> at & 1 == 1)][part.clone()])
                .copied()
                .collect();
            (self.open)(&[&one[..parts[0].start], object.as_slice()].concat())
        };
        let all = (1 << parts.len()) - 1;
        // The controls: pasted whole, both open, to two different things.
        let (first, last) = (opened(0).expect("the one"), opened(all).expect("the other"));
        assert_ne!(first, last, "{}", self.kind);
        for mixture in 1..all {
            assert_eq!(opened(mixture), None, "{}: {mixture:b}", self.kind);
        }
    }

    fn ranges(&self) -> Vec<Range<usize>> {
        let ends = self.parts.iter().skip(1).copied().chain([self.objects[0].len()]);
        self.parts.iter().copied().zip(ends).map(|(start, end)| start..end).collect()
    }
}

/// A salted object: salt, ciphertext, tag.
fn salted<'a>(kind: &'static str, objects: [Vec<u8>; 2], open: Open<'a>) -> Pair<'a> {
    let tag_at = objects[0].len() - 16;
    Pair { kind, objects, parts: vec![4, 36, tag_at], open }
}

#[test]
fn field_swap_matrix() {
    let (root, member, directory) = (EpochRoot::random(), KemSecret::generate(), DirectoryKey::random());
    let keys = root.keys(SPACE, 3);
    let roots = [EpochRoot::random(), EpochRoot::random()];
    let link = LinkSecret::random().keys(LINK, None);
    let texts: [&[u8]; 2] = [b"the one", b"another"];

    salted(
        "ops",
        texts.map(|text| keys.log.seal_ops(PLACE, text)),
        Box::new(|sealed| keys.log.open_ops(PLACE, sealed).ok()),
    )
    .check();
    salted(
        "name",
        ["the one", "another"].map(|text| directory.seal_name(Named::User(USER), text).expect("short")),
        Box::new(|sealed| directory.open_name(Named::User(USER), sealed).ok().map(String::into_bytes)),
    )
    .check();
    salted(
        "previous root",
        [&roots[0], &roots[1]].map(|previous| root.seal_earlier(SPACE, 3, &EarlierRoots::only(2, previous.clone()))),
        Box::new(|sealed| Some(root.open_earlier(SPACE, 3, sealed).ok()?.iter().next()?.1.secret().expose().to_vec())),
    )
    .check();
    salted("head", texts.map(|text| link.seal_head(text)), Box::new(|sealed| link.open_head(sealed).ok())).check();
    salted(
        "label",
        texts.map(|text| keys.log.seal_link_label(SPACE, 3, LINK, text)),
        Box::new(|sealed| keys.log.open_link_label(SPACE, 3, LINK, sealed).ok()),
    )
    .check();

    // Each chunk has a secret and an address of its own; whoever mixes them may choose both.
    let chunks = texts.map(|text| keys.content.seal(text).expect("short"));
    let tag_at = chunks[0].object.len() - 16;
    Pair {
        kind: "chunk",
        objects: [0, 1].map(|at: usize| chunks[at].object.clone()),
        parts: vec![4, 36, tag_at],
        open: Box::new(|object| {
            let opened = |at: usize| chunks[at].secret.open(ChunkId::of(object), object).ok();
            opened(0).or_else(|| opened(1))
        }),
    }
    .check();

    let wrapped = [[7; 32], [8; 32]]
        .map(|secret: [u8; 32]| wrap(member.public(), label::WRAP_DIRECTORY, b"place", &secret).expect("a valid key"));
    Pair {
        kind: "wrapped secret",
        objects: wrapped,
        parts: vec![0, 1120, 1120 + 32],
        open: Box::new(|wrapped| {
            member.unwrap(label::WRAP_DIRECTORY, b"place", wrapped).ok().map(|plain| plain.to_vec())
        }),
    }
    .check();

    bundles_are_whole(&roots, &member);
    keystores_are_whole();
}

/// Two epochs' bundles for one member, each read as what its own certificate says, or the other's.
fn bundles_are_whole(roots: &[EpochRoot; 2], member: &KemSecret) {
    let binding = |at: usize| EpochBinding {
        space: SPACE,
        epoch: u32::try_from(at).expect("small"),
        prev: Digest([at.to_le_bytes()[0]; 32]),
        commitment: roots[at].commitment(SPACE, u32::try_from(at).expect("small")),
        recipients: Digest([9; 32]),
    };
    let sealed = |at: usize| seal_bundle(&roots[at], &binding(at), &[(USER, member.public().clone())]).expect("one");
    let objects = [sealed(0), sealed(1)];
    let copy_at = objects[0].len() - 1120 - 32 - 16;
    Pair {
        kind: "bundle",
        objects,
        parts: vec![copy_at, copy_at + 1120, copy_at + 1120 + 32],
        open: Box::new(|bundle| {
            let opened = |at: usize| open_bundle(bundle, &binding(at), USER, member).ok();
            Some(opened(0).or_else(|| opened(1))?.secret().expose().to_vec())
        }),
    }
    .check();
}

/// Two states of one keystore, under one passphrase: salt, commitment, ciphertext, tag.
fn keystores_are_whole() {
    let objects = [b"the one", b"another"].map(|plain| lock("correct horse", plain).expect("enough memory"));
    let tag_at = objects[0].len() - 16;
    let open = |locked: &[u8]| unlock("correct horse", locked).ok().map(|plain| plain.to_vec());
    Pair { kind: "keystore", objects, parts: vec![17, 49, 81, tag_at], open: Box::new(open) }.check();
}
