//! What people without an account open, and what they seal.

use vauban_crypto::chunk::Frame;
use vauban_crypto::file_request::RequestSecret;
use vauban_crypto::secret::Secret;
use vauban_crypto::shared_link::LinkSecret;
use vauban_protocol::id::{DropId, LinkId};

use super::{damages, downgrades};
use crate::case::{Case, Vectors};

const LINK: [u8; 16] = [0x33; 16];
const SECRET: [u8; 32] = [0x44; 32];
const SALT: [u8; 32] = [0x55; 32];
const PASSWORD: &str = "été à la plage";
const DROP: [u8; 16] = [0x66; 16];
/// Secret halves of a request's key, and of a drop's.
const REQUESTED: [u8; 32] = [0x61; 32];
const DROPPED: [u8; 32] = [0x62; 32];

pub(super) fn link() -> Vectors {
    let secret = LinkSecret::new(Secret::new(SECRET));
    let case = |name: &str, password: Option<&str>| {
        let keys = secret.keys(LinkId(LINK), password);
        let case = Case::named(name)
            .with("link", &LINK)
            .with("secret", &SECRET)
            .with("token", keys.token())
            .with("plain", b"head")
            .with("object", &keys.seal_head_with(b"head", &SALT));
        password.into_iter().fold(case, |case, password| case.say("password", password))
    };
    let open = case("head", None);
    let object = open.hex("object");
    let mut reject = damages("head", &object, &[("salt", 4), ("ciphertext", 36), ("tag", 40)]);
    reject.extend(downgrades("head", b"VBW"));
    reject.extend([
        Case::defect("another link", "head").with("link", &[0x34; 16]),
        Case::defect("another secret", "head").with("secret", &[0x45; 32]),
        Case::defect("a password where there is none", "head").say("password", PASSWORD),
        Case::defect("another password", "head under a password").say("password", "ete a la plage"),
        Case::defect("another token", "head under a password").with("token", &[0; 32]),
    ]);
    Vectors { accept: vec![open, case("head under a password", Some(PASSWORD))], reject }
}

/// Record 3 of a drop, as a page seals it.
pub(super) fn drop() -> Vectors {
    let (members, own) = (RequestSecret::new(Secret::new(REQUESTED)), RequestSecret::new(Secret::new(DROPPED)));
    let public = own.public().expect("a key");
    let case = |name: &str, password: Option<&str>| {
        let base = LinkSecret::new(Secret::new(SECRET)).keys(LinkId(LINK), password).base;
        let key = own.seal(&base, (LinkId(LINK), DropId(DROP)), &members.public().expect("a key"));
        let (_, object) = key.expect("both are keys").record(3).reseal(Frame::of(b"record").expect("within bounds"));
        let case = Case::named(name)
            .with("request", &LINK)
            .with("secret", &SECRET)
            .with("members", &REQUESTED)
            .with("drop", &DROP)
            .with("head", &public.0)
            .with("number", &3u32.to_le_bytes())
            .with("plain", b"record")
            .with("object", &object);
        password.into_iter().fold(case, |case, password| case.say("password", password))
    };
    let open = case("record", None);
    let object = open.hex("object");
    let mut off_the_curve = public.0;
    off_the_curve[64] ^= 1;
    let mut reject = damages("record", &object, &[("commitment", 4), ("ciphertext", 36), ("tag", object.len() - 1)]);
    reject.extend(downgrades("record", b"VBP"));
    reject.extend([
        Case::defect("another place", "record").with("number", &4u32.to_le_bytes()),
        Case::defect("another drop", "record").with("drop", &[0x67; 16]),
        Case::defect("another request", "record").with("request", &[0x34; 16]),
        Case::defect("another address", "record").with("secret", &[0x45; 32]),
        Case::defect("another key of the members", "record").with("members", &[0x63; 32]),
        Case::defect("the request's own key as the drop's", "record").with("head", &members.public().expect("a key").0),
        Case::defect("a point off the curve", "record").with("head", &off_the_curve),
        Case::defect("a compressed point", "record").with("head", &[&[2][..], &public.0[1..33], &[0; 32]].concat()),
        Case::defect("without the password", "record under a password").say("password", ""),
    ]);
    Vectors { accept: vec![open, case("record under a password", Some(PASSWORD))], reject }
}
