//! Every kind of key blob that a node stores, changed and misplaced.
//!
//! Keys that open are the same wherever two places could have the same: so it is the place that refuses, and not a key that happens to
//! be another one.

use vauban_crypto::bundle::{EpochBinding, open_bundle, seal_bundle};
use vauban_crypto::epoch::{EarlierRoots, EpochRoot};
use vauban_crypto::error::OpenError;
use vauban_crypto::invite::InviteSecret;
use vauban_crypto::kem::{KemSecret, wrap};
use vauban_crypto::name::DirectoryKey;
use vauban_crypto::secret::Secret;
use vauban_crypto::shared_link::LinkSecret;
use vauban_protocol::canonical::{decode, encode};
use vauban_protocol::id::{DeviceId, Digest, Fingerprint, InviteId, LinkId, SpaceId, UserId};

use crate::keys::{
    unwrap_directory, unwrap_invite_secret, unwrap_previous_secret, unwrap_user_secret, wrap_directory,
    wrap_invite_secret, wrap_previous_secret, wrap_user_secret,
};

type Opened = Result<Vec<u8>, OpenError>;
type Open<'a> = Box<dyn Fn(&[u8]) -> Opened + 'a>;

/// A place for a key blob: the blob that belongs there, what it holds, and its reader.
struct Place<'a> {
    name: String,
    blob: Vec<u8>,
    holds: Vec<u8>,
    open: Open<'a>,
}

/// Two of each.
const ORGANISATIONS: [Fingerprint; 2] = [Fingerprint([1; 32]), Fingerprint([2; 32])];
const USERS: [UserId; 2] = [UserId([1; 16]), UserId([2; 16])];
const DEVICES: [DeviceId; 2] = [DeviceId([1; 16]), DeviceId([2; 16])];
const INVITES: [InviteId; 2] = [InviteId([1; 16]), InviteId([2; 16])];
const SPACES: [SpaceId; 2] = [SpaceId([1; 16]), SpaceId([2; 16])];
const LINKS: [LinkId; 2] = [LinkId([1; 16]), LinkId([2; 16])];
const DIGESTS: [Digest; 2] = [Digest([1; 32]), Digest([2; 32])];

/// Hands out secrets, all different.
struct Secrets(u8);

impl Secrets {
    fn fresh<const N: usize>(&mut self) -> [u8; N] {
        self.0 += 1;
        [self.0; N]
    }
}

/// What nodes store of one person's keys, with everything else that it could be mistaken for.
fn places<'a>(holder: &'a KemSecret, other: &'a KemSecret, link: &'a LinkSecret) -> Vec<Place<'a>> {
    let mut secrets = Secrets(0);
    let mut places = Vec::new();
    for (at, organisation) in ORGANISATIONS.into_iter().enumerate() {
        for (person, user) in USERS.into_iter().enumerate() {
            let key: [u8; 32] = secrets.fresh();
            let directory = DirectoryKey::new(Secret::new(key));
            places.push(Place {
                name: format!("directory key, organisation {at}, user {person}"),
                blob: wrap_directory(organisation, user, holder.public(), &directory).unwrap(),
                holds: key.to_vec(),
                open: Box::new(move |blob| {
                    unwrap_directory(organisation, user, holder, blob).map(|key| key.secret().expose().to_vec())
                }),
            });
            let key: [u8; 32] = secrets.fresh();
            let previous = KemSecret::from_seed(Secret::new(key));
            places.push(Place {
                name: format!("previous secret, organisation {at}, user {person}"),
                blob: wrap_previous_secret(organisation, user, holder.public(), &previous).unwrap(),
                holds: key.to_vec(),
                open: Box::new(move |blob| unwrap_previous_secret(organisation, user, holder, blob).map(seed)),
            });
            for (machine, device) in DEVICES.into_iter().enumerate() {
                places.push(renewed(&mut secrets, (at, person, machine), (organisation, user, device), holder));
                places.push(renewed(&mut secrets, (at, person, machine), (organisation, user, device), holder));
            }
            for (number, invite) in INVITES.into_iter().enumerate() {
                let key: [u8; 16] = secrets.fresh();
                let secret = InviteSecret::new(Secret::new(key));
                places.push(Place {
                    name: format!("secret of invite {number}, organisation {at}, user {person}"),
                    blob: wrap_invite_secret(organisation, invite, user, holder.public(), &secret).unwrap(),
                    holds: key.to_vec(),
                    open: Box::new(move |blob| {
                        unwrap_invite_secret(organisation, invite, user, holder, blob)
                            .map(|secret| secret.secret().expose().to_vec())
                    }),
                });
            }
        }
    }
    places.extend(epochs(&mut secrets, holder, other));
    for (number, link_id) in LINKS.into_iter().enumerate() {
        let key: [u8; 32] = secrets.fresh();
        places.push(Place {
            name: format!("head of link {number}"),
            blob: link.keys(link_id, None).seal_head(&key),
            holds: key.to_vec(),
            open: Box::new(move |blob| link.keys(link_id, None).open_head(blob)),
        });
    }
    places
}

/// A person's secret, wrapped for a device: where the chain says it, with the public key that it must be the secret of. There are as
/// many for one device as the person had keys, all of the same place but for that.
fn renewed<'a>(
    secrets: &mut Secrets,
    (at, person, machine): (usize, usize, usize),
    (organisation, user, device): (Fingerprint, UserId, DeviceId),
    holder: &'a KemSecret,
) -> Place<'a> {
    let key: [u8; 32] = secrets.fresh();
    let secret = KemSecret::from_seed(Secret::new(key));
    let public = secret.public().clone();
    Place {
        name: format!("secret of user {person} for device {machine}, organisation {at}, key {}", key[0]),
        blob: wrap_user_secret(organisation, user, device, holder.public(), &secret).unwrap(),
        holds: key.to_vec(),
        open: Box::new(move |blob| {
            let secret = unwrap_user_secret(organisation, user, device, holder, blob)?;
            if *secret.public() == public { Ok(seed(secret)) } else { Err(OpenError) }
        }),
    }
}

/// Bundles of two spaces, epochs, places in their chains, and lists of members; and the roots that new roots seal.
fn epochs<'a>(secrets: &mut Secrets, holder: &'a KemSecret, other: &'a KemSecret) -> Vec<Place<'a>> {
    let mut places = Vec::new();
    for (at, space) in SPACES.into_iter().enumerate() {
        for epoch in [2, 3] {
            for (prev, recipients) in [(0, 0), (0, 1), (1, 0)] {
                let key: [u8; 32] = secrets.fresh();
                let root = EpochRoot::new(Secret::new(key));
                let binding = EpochBinding {
                    space,
                    epoch,
                    prev: DIGESTS[prev],
                    commitment: root.commitment(space, epoch),
                    recipients: DIGESTS[recipients],
                };
                places.push(Place {
                    name: format!("bundle, space {at}, epoch {epoch}, head {prev}, members {recipients}"),
                    blob: seal_bundle(&root, &binding, &[(USERS[0], holder.public().clone())]).unwrap(),
                    holds: key.to_vec(),
                    open: Box::new(move |blob| open_bundle(blob, &binding, USERS[0], holder).map(bytes)),
                });
            }
            // The same new root for all of them, as no honest client has it.
            let (key, new): ([u8; 32], _) = (secrets.fresh(), EpochRoot::new(Secret::new([0xaa; 32])));
            let old = EpochRoot::new(Secret::new(key));
            let expected = old.commitment(space, epoch - 1);
            places.push(Place {
                name: format!("previous root, space {at}, epoch {epoch}"),
                blob: new.seal_earlier(space, epoch, &EarlierRoots::only(epoch - 1, old.clone())),
                holds: key.to_vec(),
                open: Box::new(move |blob| {
                    let opened = new.open_earlier(space, epoch, blob)?;
                    let (_, opened) = opened.iter().next().ok_or(OpenError)?;
                    if opened.commitment(space, epoch - 1) == expected {
                        Ok(bytes(opened.clone()))
                    } else {
                        Err(OpenError)
                    }
                }),
            });
        }
    }
    // Whoever is named beside the holder in a bundle has no more than their own copy.
    let key: [u8; 32] = secrets.fresh();
    let root = EpochRoot::new(Secret::new(key));
    let commitment = root.commitment(SPACES[0], 9);
    let binding = EpochBinding { space: SPACES[0], epoch: 9, prev: DIGESTS[0], commitment, recipients: DIGESTS[0] };
    let members = [(USERS[0], holder.public().clone()), (USERS[1], other.public().clone())];
    let bundle = seal_bundle(&root, &binding, &members).unwrap();
    let swapped = exchanged(&bundle);
    for (user, kem) in [(USERS[0], holder), (USERS[1], other)] {
        assert_eq!(open_bundle(&swapped, &binding, user, kem).err(), Some(OpenError), "the copies have changed places");
        assert_eq!(open_bundle(&bundle, &binding, user, kem).map(bytes), Ok(key.to_vec()), "the control");
    }
    assert_eq!(open_bundle(&exchanged(&swapped), &binding, USERS[0], holder).map(bytes), Ok(key.to_vec()));
    places
}

/// A bundle of two, each of whom is given the other's copy.
fn exchanged(bundle: &[u8]) -> Vec<u8> {
    let (prefix, body) = bundle.split_at(4);
    let mut copies: Vec<(UserId, Vec<u8>)> = decode(body).unwrap();
    let [(_, one), (_, other)] = copies.as_mut_slice() else { panic!("two members") };
    std::mem::swap(one, other);
    [prefix, &encode(&copies)].concat()
}

fn seed(secret: KemSecret) -> Vec<u8> {
    secret.seed().expose().to_vec()
}

fn bytes(root: EpochRoot) -> Vec<u8> {
    root.secret().expose().to_vec()
}

/// The places at which another place's blob was taken.
fn swaps(places: &[Place<'_>]) -> Vec<String> {
    let mut found = Vec::new();
    for place in places {
        assert_eq!((place.open)(&place.blob), Ok(place.holds.clone()), "{}: the control, as it is", place.name);
        for other in places.iter().filter(|other| other.blob != place.blob) {
            if (place.open)(&other.blob) != Err(OpenError) {
                found.push(format!("{} took {}", place.name, other.name));
            }
        }
    }
    found
}

/// The bytes of a blob that can be changed without its being refused.
fn unheld_bytes(place: &Place<'_>) -> usize {
    let mut blob = place.blob.clone();
    let mut unheld = 0;
    for at in 0..blob.len() {
        for by in [1 << (at % 8), 0xff] {
            blob[at] ^= by;
            unheld += usize::from((place.open)(&blob).is_ok());
            blob[at] ^= by;
        }
    }
    for cut in [0, 1, blob.len() / 2, blob.len() - 1] {
        assert_eq!((place.open)(&blob[..cut]), Err(OpenError), "{}: cut to {cut}", place.name);
    }
    blob.push(0);
    assert_eq!((place.open)(&blob), Err(OpenError), "{}: one byte longer", place.name);
    unheld
}

#[test]
fn key_blob_bitflip_and_swap_matrix() {
    let (holder, other, link) = (KemSecret::generate(), KemSecret::generate(), LinkSecret::random());
    let places = places(&holder, &other, &link);
    assert!(places.len() > 40, "{} places", places.len());
    let taken = swaps(&places);
    assert!(taken.is_empty(), "{taken:#?}");
    // One of each kind: their bytes lie alike.
    let mut kinds: Vec<&str> = Vec::new();
    for place in &places {
        let kind = place.name.split([',', '0', '1']).next().unwrap_or_default();
        if !kinds.contains(&kind) {
            kinds.push(kind);
            assert_eq!(unheld_bytes(place), 0, "{}", place.name);
        }
    }
    assert_eq!(kinds.len(), 7, "{kinds:?}");
}

/// The same walks over keys that are wrapped without a place, without the key that a secret must fit, and without authentication.
#[test]
fn control_of_key_blob_bitflip_and_swap_matrix() {
    let holder = &KemSecret::generate();
    let unbound: Vec<Place<'_>> = (0..3_u8)
        .map(|n| Place {
            name: format!("unbound {n}"),
            blob: wrap(holder.public(), "vauban/1 any", b"", &[n; 32]).unwrap(),
            holds: vec![n; 32],
            open: Box::new(move |blob| holder.unwrap("vauban/1 any", b"", blob).map(|plain| plain.to_vec())),
        })
        .collect();
    assert_eq!(swaps(&unbound).len(), 6);

    // An older secret of the same person for the same device opens as the newer one, but for the public key in the chain.
    let (organisation, user, device) = (ORGANISATIONS[0], USERS[0], DEVICES[0]);
    let replayed: Vec<Place<'_>> = (0..2_u8)
        .map(|n| {
            let secret = KemSecret::from_seed(Secret::new([n; 32]));
            Place {
                name: format!("generation {n}"),
                blob: wrap_user_secret(organisation, user, device, holder.public(), &secret).unwrap(),
                holds: vec![n; 32],
                open: Box::new(move |blob| unwrap_user_secret(organisation, user, device, holder, blob).map(seed)),
            }
        })
        .collect();
    assert_eq!(swaps(&replayed).len(), 2);

    // As MEGA's were: whatever is changed opens, to something else.
    let pad = blake3::derive_key("vauban/1 test", b"pad");
    let open = move |blob: &[u8]| match blob.len() {
        32 => Ok(blob.iter().zip(pad).map(|(byte, pad)| byte ^ pad).collect::<Vec<u8>>()),
        _ => Err(OpenError),
    };
    let holds = vec![7; 32];
    let blob = open(&holds).unwrap();
    let malleable = Place { name: "unauthenticated".to_owned(), blob, holds, open: Box::new(open) };
    assert_eq!(unheld_bytes(&malleable), 2 * 32);
}
