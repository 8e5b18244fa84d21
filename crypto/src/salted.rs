//! AES-256-GCM under a key of its own for each sealing, drawn from a long-lived key by a random salt.
//!
//! ```text
//! magic(3) ‖ suite(1) ‖ salt(32) ‖ ciphertext ‖ tag(16)
//! ```
//! A random salt of 256 bits never repeats, so each AES key meets one message, and the nonce is constant: no counter is
//! kept, and a restored or cloned machine repeats nothing (`formats#11`). The magic, the suite and the caller's context are
//! authenticated, so an object neither opens as another kind nor in another place.
//!
//! Deliberately absent: key commitment. The long-lived key is fixed by an epoch's commitment, or has one holder.

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use vauban_protocol::signed::SUITE;

use crate::derive;
use crate::error::OpenError;
use crate::secret::{Secret, random_salt};

/// Bytes of an AES-GCM authentication tag.
pub(crate) const TAG_BYTES: usize = 16;
/// Bytes before the ciphertext.
const PREFIX_BYTES: usize = 4 + 32;
/// Bytes that sealing adds.
pub(crate) const SALTED_OVERHEAD_BYTES: usize = PREFIX_BYTES + TAG_BYTES;

/// What a sealed object is: its magic, and the label that its keys are derived with.
#[derive(Clone, Copy)]
pub(crate) struct Kind {
    pub(crate) magic: [u8; 3],
    pub(crate) label: &'static str,
}

/// Seals `plain` in place `context`, whose parts have fixed lengths.
pub(crate) fn seal(kind: Kind, key: &Secret<32>, context: &[&[u8]], plain: &[u8]) -> Vec<u8> {
    seal_with(kind, key, context, plain, &random_salt())
}

/// Seals with a salt that the caller must never use twice.
pub(crate) fn seal_with(kind: Kind, key: &Secret<32>, context: &[&[u8]], plain: &[u8], salt: &[u8; 32]) -> Vec<u8> {
    let mut object = Vec::with_capacity(plain.len().saturating_add(SALTED_OVERHEAD_BYTES));
    object.extend_from_slice(&kind.magic);
    object.push(SUITE);
    object.extend_from_slice(salt);
    object.extend_from_slice(plain);
    let (_, body) = object.split_at_mut(PREFIX_BYTES);
    let key = derive::extract(salt, key.expose(), kind.label, &[]);
    let tag = encrypt_once(&key, &associated(kind, context), body);
    object.extend_from_slice(&tag);
    object
}

/// Opens what [`seal`] made with the same kind, key and context.
pub(crate) fn open(kind: Kind, key: &Secret<32>, context: &[&[u8]], object: &[u8]) -> Result<Vec<u8>, OpenError> {
    let (magic, rest) = object.split_first_chunk::<3>().ok_or(OpenError)?;
    let (suite, rest) = rest.split_first().ok_or(OpenError)?;
    let (salt, rest) = rest.split_first_chunk::<32>().ok_or(OpenError)?;
    let (body, tag) = rest.split_last_chunk::<TAG_BYTES>().ok_or(OpenError)?;
    if *magic != kind.magic || *suite != SUITE {
        return Err(OpenError);
    }
    let key = derive::extract(salt, key.expose(), kind.label, &[]);
    let mut plain = body.to_vec();
    decrypt_once(&key, &associated(kind, context), &mut plain, tag)?;
    Ok(plain)
}

fn associated(kind: Kind, context: &[&[u8]]) -> Vec<u8> {
    let mut associated = kind.magic.to_vec();
    associated.push(SUITE);
    context.iter().for_each(|part| associated.extend_from_slice(part));
    associated
}

/// Encrypts `body` in place under a key that seals nothing else, hence with a constant nonce.
#[expect(clippy::expect_used, reason = "AES-GCM refuses only messages over 64 GiB, and every kind here is bounded")]
pub(crate) fn encrypt_once(key: &Secret<32>, associated: &[u8], body: &mut [u8]) -> [u8; TAG_BYTES] {
    let tag = cipher(key).seal_in_place_separate_tag(nonce(), Aad::from(associated), body);
    tag.ok().and_then(|tag| tag.as_ref().try_into().ok()).expect("the message is far below 64 GiB")
}

/// Decrypts `body` in place; on failure its content is unspecified, and not the message.
pub(crate) fn decrypt_once(
    key: &Secret<32>,
    associated: &[u8],
    body: &mut [u8],
    tag: &[u8; TAG_BYTES],
) -> Result<(), OpenError> {
    let opened = cipher(key).open_in_place_separate_tag(nonce(), Aad::from(associated), tag, body);
    opened.map(|_| ()).map_err(|_| OpenError)
}

/// The cipher under a key; its own copy of the key is wiped when it is dropped.
#[expect(clippy::expect_used, reason = "the key has the one length that the cipher takes")]
fn cipher(key: &Secret<32>) -> LessSafeKey {
    LessSafeKey::new(UnboundKey::new(&AES_256_GCM, key.expose()).expect("a key of 32 bytes"))
}

fn nonce() -> Nonce {
    Nonce::assume_unique_for_key([0; 12])
}
