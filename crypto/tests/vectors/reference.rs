//! Chunk sealing once more, straight from the specification, sharing no code with the crate.

use aes_gcm::aead::inout::InOutBuf;
use aes_gcm::{AeadInOut, Aes256Gcm, KeyInit};
use hkdf::Hkdf;
use hmac::{Hmac, Mac};
use sha2::Sha256;

/// What `M` expands to.
pub(crate) struct Keys {
    pub(crate) cipher: [u8; 32],
    pub(crate) commitment: [u8; 32],
}

/// `plain_len ‖ plain ‖ zeros`, `padded` bytes long.
pub(crate) fn frame(plain_len: u32, plain: &[u8], padded: usize) -> Vec<u8> {
    let mut frame = plain_len.to_le_bytes().to_vec();
    frame.extend_from_slice(plain);
    frame.resize(padded, 0);
    frame
}

/// `M = HMAC-SHA256(content_key, r ‖ BLAKE3(frame))`.
pub(crate) fn secret(content_key: &[u8; 32], randomness: &[u8; 32], frame: &[u8]) -> [u8; 32] {
    let mut mac = Hmac::<Sha256>::new_from_slice(content_key).expect("any length is a key");
    mac.update(randomness);
    mac.update(blake3::hash(frame).as_bytes());
    mac.finalize().into_bytes().into()
}

/// `K ‖ com = HKDF-Expand(M, "vauban/1 chunk" ‖ 0x00, 64)`.
pub(crate) fn keys(secret: &[u8; 32]) -> Keys {
    let mut both = [0; 64];
    let hkdf = Hkdf::<Sha256>::from_prk(secret).expect("as long as the hash");
    hkdf.expand(b"vauban/1 chunk\0", &mut both).expect("two blocks");
    let half = |at: usize| both[at..at + 32].try_into().expect("half");
    Keys { cipher: half(0), commitment: half(32) }
}

/// `header ‖ AES-256-GCM(key, nonce, associated, frame)`.
pub(crate) fn seal(key: &[u8; 32], nonce: [u8; 12], header: &[u8], associated: &[u8], frame: &[u8]) -> Vec<u8> {
    let mut body = frame.to_vec();
    let tag = Aes256Gcm::new(&(*key).into())
        .encrypt_inout_detached(&nonce.into(), associated, InOutBuf::from(body.as_mut_slice()))
        .expect("short");
    [header, &body, &tag].concat()
}

/// `"VBC" ‖ suite ‖ com`.
pub(crate) fn header(commitment: &[u8; 32]) -> Vec<u8> {
    [b"VBC".as_slice(), &[1], commitment].concat()
}

/// First half of `BLAKE3-derive-key("vauban/1 chunk tag", h)`.
pub(crate) fn tag(frame: &[u8]) -> Vec<u8> {
    blake3::derive_key("vauban/1 chunk tag", blake3::hash(frame).as_bytes())[..16].to_vec()
}

/// A key of an epoch: `HKDF-Expand(root, label ‖ 0x00 ‖ space ‖ epoch, 32)`.
pub(crate) fn epoch_key(root: &[u8; 32], purpose: &str, space: &[u8; 16], epoch: u32) -> [u8; 32] {
    let info = [b"vauban/1 epoch ", purpose.as_bytes(), &[0], space, &epoch.to_le_bytes()].concat();
    let mut key = [0; 32];
    Hkdf::<Sha256>::from_prk(root).expect("as long as the hash").expand(&info, &mut key).expect("one block");
    key
}

/// `magic ‖ suite ‖ salt ‖ AES-256-GCM(HKDF(key, salt, label ‖ 0x00), 0, magic ‖ suite ‖ context, plain)`.
pub(crate) fn salted(magic: &[u8; 3], label: &str, key: &[u8; 32], context: &[u8], plain: &[u8]) -> Vec<u8> {
    let salt = [0x55; 32];
    let mut once = [0; 32];
    let info = [b"vauban/1 ", label.as_bytes(), &[0]].concat();
    Hkdf::<Sha256>::new(Some(&salt), key).expand(&info, &mut once).expect("one block");
    let header = [magic.as_slice(), &[1], &salt].concat();
    seal(&once, [0; 12], &header, &[magic.as_slice(), &[1], context].concat(), plain)
}
