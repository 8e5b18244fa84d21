//! How a case of each kind is opened.

use vauban_crypto::bundle::{EpochBinding, open_bundle};
use vauban_crypto::chunk::ChunkSecret;
use vauban_crypto::cut::{Cutter, CutterKey};
use vauban_crypto::epoch::{EpochKeys, EpochRoot};
use vauban_crypto::file_request::{RequestKey, RequestSecret};
use vauban_crypto::invite::InviteSecret;
use vauban_crypto::kem::KemSecret;
use vauban_crypto::keystore::{Purpose, unlock_for};
use vauban_crypto::name::{DirectoryKey, Named};
use vauban_crypto::ops::OpsPlace;
use vauban_crypto::secret::Secret;
use vauban_crypto::share::{Share, SharePlace, combine};
use vauban_crypto::shared_link::LinkSecret;
use vauban_protocol::id::{ChunkId, DeviceId, Digest, DropId, Fingerprint, InviteId, LinkId, SpaceId, UserId};

use crate::case::Case;

/// Opens an object under its recorded secret; without an `id`, under the id that its bytes have.
pub(crate) fn chunk(case: &Case) -> Result<Vec<u8>, String> {
    let object = case.hex("object");
    let id = case.optional("id").map_or_else(|| ChunkId::of(&object), |_| ChunkId(case.array("id")));
    ChunkSecret::from_bytes(case.array("secret")).open(id, &object).map_err(|error| format!("{error:?}"))
}

pub(crate) fn ops(case: &Case) -> Result<Vec<u8>, String> {
    keys_of(case).log.open_ops(place_of(case), &case.hex("object")).map_err(|error| format!("{error:?}"))
}

pub(crate) fn name(case: &Case) -> Result<Vec<u8>, String> {
    let key = DirectoryKey::new(Secret::new(case.array("key")));
    key.open_name(named_of(case), &case.hex("object")).map(String::into_bytes).map_err(|error| format!("{error:?}"))
}

/// Opens the roots of earlier epochs, and compares the root's own commitment, as a client does.
pub(crate) fn epoch(case: &Case) -> Result<Vec<u8>, String> {
    let (space, epoch) = (SpaceId(case.array("space")), epoch_of(case));
    let root = EpochRoot::new(Secret::new(case.array("root")));
    if root.commitment(space, epoch) != Digest(case.array("commitment")) {
        return Err(String::from("Commitment"));
    }
    let earlier = root.open_earlier(space, epoch, &case.hex("object")).map_err(|error| format!("{error:?}"))?;
    Ok(earlier.iter().flat_map(|(epoch, root)| [&epoch.to_le_bytes()[..], root.secret().expose()].concat()).collect())
}

pub(crate) fn wrap(case: &Case) -> Result<Vec<u8>, String> {
    let holder = KemSecret::from_seed(Secret::new(case.array("seed")));
    let opened = holder.unwrap(&case.text("label"), &case.hex("info"), &case.hex("object"));
    opened.map(|plain| plain.to_vec()).map_err(|error| format!("{error:?}"))
}

pub(crate) fn bundle(case: &Case) -> Result<Vec<u8>, String> {
    let holder = KemSecret::from_seed(Secret::new(case.array("seed")));
    let root = open_bundle(&case.hex("object"), &binding_of(case), UserId(case.array("user")), &holder);
    root.map(|root| root.secret().expose().to_vec()).map_err(|error| format!("{error:?}"))
}

/// A MAC has no plain bytes: an accepted one gives the post.
pub(crate) fn invite(case: &Case) -> Result<Vec<u8>, String> {
    let (secret, post) = (InviteSecret::new(Secret::new(case.array("secret"))), case.hex("plain"));
    let verified = secret.verify(InviteId(case.array("invite")), &post, &case.hex("object"));
    verified.map(|()| post).map_err(|error| format!("{error:?}"))
}

/// Opens a share, wrapped for its guardian or back for a device.
pub(crate) fn share(case: &Case) -> Result<Vec<u8>, String> {
    let place = SharePlace {
        organisation: Fingerprint(case.array("organisation")),
        user: UserId(case.array("user")),
        kem: Digest(case.array("kem")),
        guardian: UserId(case.array("guardian")),
        number: u8::try_from(case.number("number")).expect("small"),
    };
    let holder = KemSecret::from_seed(Secret::new(case.array("seed")));
    let open = if case.text("for") == "guardian" { Share::unwrap } else { Share::unwrap_back };
    let opened = open(&place, &Digest(case.array("commitment")), &holder, &case.hex("object"));
    opened.map(|share| share.expose().to_vec()).map_err(|error| format!("{error:?}"))
}

/// Puts shares together, and compares the secret's public key with the one that was split, as a client does. A share is its number and its
/// 32 bytes.
pub(crate) fn split(case: &Case) -> Result<Vec<u8>, String> {
    let object = case.hex("object");
    let shares: Vec<(u8, Share)> = object
        .chunks(33)
        .map(|share| Ok((share[0], Share::from_bytes(share[1..].try_into().map_err(|_| String::from("Length"))?))))
        .collect::<Result<_, String>>()?;
    let secret = combine(&shares).map_err(|error| format!("{error:?}"))?;
    if secret.public().digest() != Digest(case.array("kem")) {
        return Err(String::from("Other"));
    }
    Ok(secret.seed().expose().to_vec())
}

pub(crate) fn keystore(case: &Case) -> Result<Vec<u8>, String> {
    let purpose = if case.text("purpose") == "backup" { Purpose::Backup } else { Purpose::Keystore };
    let opened = unlock_for(purpose, &case.text("passphrase"), &case.hex("object"));
    opened.map(|plain| plain.to_vec()).map_err(|error| format!("{error:?}"))
}

/// Opens a link's head; whoever holds the address must come to the very token whose hash nodes have.
pub(crate) fn link(case: &Case) -> Result<Vec<u8>, String> {
    let secret = LinkSecret::new(Secret::new(case.array("secret")));
    let keys = secret.keys(LinkId(case.array("link")), case.optional("password").as_deref());
    if keys.token() != &case.array::<32>("token") {
        return Err(String::from("Token"));
    }
    keys.open_head(&case.hex("object")).map_err(|error| format!("{error:?}"))
}

/// Opens a record of a drop, as members do.
pub(crate) fn drop(case: &Case) -> Result<Vec<u8>, String> {
    let request = LinkId(case.array("request"));
    let base =
        LinkSecret::new(Secret::new(case.array("secret"))).keys(request, case.optional("password").as_deref()).base;
    let members = RequestSecret::new(Secret::new(case.array("members")));
    let place = (request, DropId(case.array("drop")));
    let key = members.open(&base, place, &RequestKey(case.array("head"))).map_err(|error| format!("{error:?}"))?;
    let (object, number) = (case.hex("object"), u32::from_le_bytes(case.array("number")));
    key.record(number).open(ChunkId::of(&object), &object).map_err(|error| format!("{error:?}"))
}

/// The file is BLAKE3's output for a seed; the chunks must end where the case says.
pub(crate) fn cut(case: &Case) -> Result<Vec<u8>, String> {
    let ends = ends(&CutterKey::from_bytes(case.array("key")), &file_of(case));
    if ends == case.text("ends") { Ok(Vec::new()) } else { Err(String::from("Elsewhere")) }
}

pub(crate) fn ends(key: &CutterKey, data: &[u8]) -> String {
    let cutter = Cutter::keyed(key);
    let lengths = cutter.chunks(data).map(<[u8]>::len);
    let ends = lengths.scan(0, |end, length| {
        *end += length;
        Some(end.to_string())
    });
    ends.collect::<Vec<_>>().join(" ")
}

pub(crate) fn file_of(case: &Case) -> Vec<u8> {
    let mut data = vec![0; usize::try_from(case.number("length")).expect("small")];
    blake3::Hasher::new().update(case.text("seed").as_bytes()).finalize_xof().fill(&mut data);
    data
}

pub(crate) fn keys_of(case: &Case) -> EpochKeys {
    EpochRoot::new(Secret::new(case.array("root"))).keys(SpaceId(case.array("space")), epoch_of(case))
}

pub(crate) fn place_of(case: &Case) -> OpsPlace {
    OpsPlace {
        space: SpaceId(case.array("place_space")),
        epoch: u32::try_from(case.number("place_epoch")).expect("small"),
        device: DeviceId(case.array("device")),
        counter: case.number("counter"),
    }
}

pub(crate) fn named_of(case: &Case) -> Named {
    match case.text("named").as_str() {
        "organisation" => Named::Organisation,
        "user" => Named::User(UserId(case.array("of_id"))),
        "device" => Named::Device(DeviceId(case.array("of_id"))),
        _ => Named::Space(case.array("of_id")),
    }
}

pub(crate) fn binding_of(case: &Case) -> EpochBinding {
    EpochBinding {
        space: SpaceId(case.array("space")),
        epoch: epoch_of(case),
        prev: Digest(case.array("prev")),
        commitment: Digest(case.array("commitment")),
        recipients: Digest(case.array("recipients")),
    }
}

pub(crate) fn epoch_of(case: &Case) -> u32 {
    u32::try_from(case.number("epoch")).expect("small")
}
