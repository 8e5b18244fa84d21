//! What people without an account open.

use vauban_crypto::secret::Secret;
use vauban_crypto::shared_link::LinkSecret;
use vauban_protocol::id::LinkId;

use super::{damages, downgrades};
use crate::case::{Case, Vectors};

const LINK: [u8; 16] = [0x33; 16];
const SECRET: [u8; 32] = [0x44; 32];
const SALT: [u8; 32] = [0x55; 32];
const PASSWORD: &str = "été à la plage";

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
