//! What is sealed for one place opens in no other: a node cannot give a person another's name, a commit another's changes, a file
//! another's place, nor show what is old as new.
//!
//! Each family below is sealed under one and the same key, so that it is the place alone which refuses.

#![allow(clippy::expect_used, clippy::indexing_slicing, reason = "a test may panic")]

use std::fmt::Debug;

use vauban_crypto::epoch::{EarlierRoots, EpochRoot};
use vauban_crypto::error::OpenError;
use vauban_crypto::invite::InviteSecret;
use vauban_crypto::name::{DirectoryKey, Named};
use vauban_crypto::ops::OpsPlace;
use vauban_crypto::secret::Secret;
use vauban_crypto::shared_link::LinkSecret;
use vauban_protocol::id::{DeviceId, InviteId, LinkId, SpaceId, UserId};

/// Two of each identifier.
const SPACES: [SpaceId; 2] = [SpaceId([1; 16]), SpaceId([2; 16])];
const DEVICES: [DeviceId; 2] = [DeviceId([1; 16]), DeviceId([2; 16])];
const LINKS: [LinkId; 2] = [LinkId([1; 16]), LinkId([2; 16])];
const INVITES: [InviteId; 2] = [InviteId([1; 16]), InviteId([2; 16])];
const EPOCHS: [u32; 2] = [1, 2];

/// What a format binds.
#[derive(Clone, Copy)]
enum Binds {
    ThePlace,
    Nothing,
}

/// Seals one thing for each place, and shows each to the readers of all the others. `seal` and `open` get a place; where nothing is
/// bound they get the same one for all, and everything opens everywhere.
fn is_shown_elsewhere<P: Copy + Debug + PartialEq>(
    binds: Binds,
    family: &str,
    places: &[P],
    seal: impl Fn(P, &[u8]) -> Vec<u8>,
    open: impl Fn(P, &[u8]) -> Result<Vec<u8>, OpenError>,
) {
    assert!(places.len() > 1, "{family}");
    let plain = |at: usize| vec![b'a' + u8::try_from(at).expect("few places"); 20];
    let elsewhere = |bind: &dyn Fn(P) -> P| {
        let mut found = Vec::new();
        for (at, place) in places.iter().enumerate() {
            let sealed = seal(bind(*place), &plain(at));
            assert_eq!(open(bind(*place), &sealed), Ok(plain(at)), "{family}: at its own place, {place:?}");
            for other in places.iter().filter(|other| *other != place) {
                match open(bind(*other), &sealed) {
                    Ok(opened) => assert_eq!(opened, plain(at), "{family}: opened to something else"),
                    Err(OpenError) => continue,
                }
                found.push((*place, *other));
            }
        }
        found
    };
    match binds {
        Binds::ThePlace => {
            let moved = elsewhere(&|place| place);
            assert!(moved.is_empty(), "{family}: opens elsewhere: {moved:?}");
        }
        Binds::Nothing => assert_eq!(elsewhere(&|_| places[0]).len(), places.len() * (places.len() - 1), "{family}"),
    }
}

#[test]
fn relocate_ciphertext_rejected() {
    names_name_one_thing(Binds::ThePlace);
    ops_are_of_one_commit(Binds::ThePlace);
    keys_are_of_one_epoch(Binds::ThePlace);
    links_are_themselves(Binds::ThePlace);
    chunks_have_one_address();
}

/// The same families, sealed without their place: everything that is moved opens where it was moved to.
#[test]
fn control_of_relocate_ciphertext_rejected() {
    names_name_one_thing(Binds::Nothing);
    ops_are_of_one_commit(Binds::Nothing);
    keys_are_of_one_epoch(Binds::Nothing);
    links_are_themselves(Binds::Nothing);
}

/// Sealed names: a node that shows one person's name for another's, a device's for a person's, a space's for all of them.
fn names_name_one_thing(binds: Binds) {
    let key = DirectoryKey::random();
    let places = [
        Named::Organisation,
        Named::User(UserId([0; 16])),
        Named::User(UserId([1; 16])),
        Named::Device(DEVICES[0]),
        Named::Device(DEVICES[1]),
        Named::Space([1; 16]),
        Named::Space([2; 16]),
    ];
    let text = |plain: &[u8]| String::from_utf8(plain.to_vec()).expect("ASCII");
    is_shown_elsewhere(
        binds,
        "names",
        &places,
        |named, plain| key.seal_name(named, &text(plain)).expect("short"),
        |named, sealed| key.open_name(named, sealed).map(String::into_bytes),
    );
    let secret = InviteSecret::random();
    is_shown_elsewhere(
        binds,
        "names on join posts",
        &pairs(INVITES, DEVICES),
        |(invite, device), plain| secret.seal_name(invite, device, &text(plain)).expect("short"),
        |(invite, device), sealed| secret.open_name(invite, device, sealed).map(String::into_bytes),
    );
    // The same name under the other key of the same invite, and under the organisation's.
    let sealed = secret.seal_name(INVITES[0], DEVICES[0], "portable").expect("short");
    assert_eq!(key.open_name(Named::Device(DEVICES[0]), &sealed), Err(OpenError));
}

/// Ops hold all that is said of a tree: names, times, where entries lie. They open in their own commit, so a node cannot have a file
/// renamed, moved or dated by what was said elsewhere, earlier, or by somebody else.
fn ops_are_of_one_commit(binds: Binds) {
    let places: Vec<OpsPlace> = pairs(SPACES, EPOCHS)
        .into_iter()
        .flat_map(|(space, epoch)| {
            pairs(DEVICES, [1, 2]).into_iter().map(move |(device, counter)| OpsPlace { space, epoch, device, counter })
        })
        .collect();
    // One log key for all: whatever an honest client's epochs, it is the place that is asked.
    let log = EpochRoot::new(Secret::new([7; 32])).keys(SPACES[0], 1).log;
    is_shown_elsewhere(
        binds,
        "ops",
        &places,
        |place, plain| log.seal_ops(place, plain),
        |place, sealed| log.open_ops(place, sealed),
    );
}

/// A previous root is of one space and epoch; and what one root derives for two places are different keys throughout.
fn keys_are_of_one_epoch(binds: Binds) {
    let root = EpochRoot::new(Secret::new([7; 32]));
    let previous = |plain: &[u8]| {
        let mut bytes = [0; 32];
        bytes[..plain.len()].copy_from_slice(plain);
        EpochRoot::new(Secret::new(bytes))
    };
    is_shown_elsewhere(
        binds,
        "previous roots",
        &pairs(SPACES, EPOCHS),
        |(space, epoch), plain| root.seal_earlier(space, epoch, &EarlierRoots::only(0, previous(plain))),
        |(space, epoch), sealed| {
            let opened = root.open_earlier(space, epoch, sealed)?;
            let (_, previous) = opened.iter().next().ok_or(OpenError)?;
            Ok(previous.secret().expose()[..20].to_vec())
        },
    );
    // The same root, misused for two epochs: not even then is anything of one at home in the other.
    let place = OpsPlace { space: SPACES[0], epoch: 1, device: DEVICES[0], counter: 1 };
    let (here, there) = (root.keys(SPACES[0], 1), root.keys(SPACES[1], 1));
    let sealed = here.log.seal_ops(place, b"ops");
    assert!(here.log.open_ops(place, &sealed).is_ok(), "the control");
    assert_eq!(there.log.open_ops(place, &sealed), Err(OpenError));
}

/// What a link shows, and what opens it, of one link of one space and epoch.
fn links_are_themselves(binds: Binds) {
    let log = EpochRoot::new(Secret::new([7; 32])).keys(SPACES[0], 1).log;
    let places: Vec<_> = pairs(pairs(SPACES, EPOCHS), LINKS);
    is_shown_elsewhere(
        binds,
        "labels",
        &places,
        |((space, epoch), link), plain| log.seal_link_label(space, epoch, link, plain),
        |((space, epoch), link), sealed| log.open_link_label(space, epoch, link, sealed),
    );
    let secret = LinkSecret::random();
    is_shown_elsewhere(
        binds,
        "heads",
        &LINKS,
        |link, plain| secret.keys(link, None).seal_head(plain),
        |link, sealed| secret.keys(link, None).open_head(sealed),
    );
    // A label is sealed under the same key as ops: neither is the other.
    let label = log.seal_link_label(SPACES[0], 1, LINKS[0], b"label");
    let place = OpsPlace { space: SPACES[0], epoch: 1, device: DEVICES[0], counter: 1 };
    assert_eq!(log.open_ops(place, &label), Err(OpenError));
    assert_eq!(log.open_link_label(SPACES[0], 1, LINKS[0], &log.seal_ops(place, b"ops")), Err(OpenError));
}

/// A chunk, and so a page of a list of chunks or of a checkpoint, is what its address and secret in the sealed ops say. One that is
/// stored under another's address does not open, nor under its own address with the other's secret.
fn chunks_have_one_address() {
    let keys = EpochRoot::new(Secret::new([7; 32])).keys(SPACES[0], 1);
    let chunks: Vec<_> = [keys.content.clone(), keys.content, keys.checkpoint.clone(), keys.checkpoint]
        .iter()
        .zip(0_u8..)
        .map(|(key, n)| key.seal(&[n; 50]).expect("short"))
        .collect();
    for (at, chunk) in chunks.iter().enumerate() {
        assert!(chunk.secret.open(chunk.id, &chunk.object).is_ok(), "the control");
        for (_, other) in chunks.iter().enumerate().filter(|(other, _)| *other != at) {
            assert_eq!(chunk.secret.open(chunk.id, &other.object), Err(OpenError));
            assert_eq!(chunk.secret.open(other.id, &other.object), Err(OpenError));
            // The control: it is the bytes that are misplaced. With the secret that belongs to them, they open.
            assert!(other.secret.open(other.id, &other.object).is_ok());
        }
    }
}

fn pairs<A: Copy, B: Copy>(
    ones: impl IntoIterator<Item = A>,
    others: impl IntoIterator<Item = B> + Clone,
) -> Vec<(A, B)> {
    ones.into_iter().flat_map(|one| others.clone().into_iter().map(move |other| (one, other))).collect()
}
