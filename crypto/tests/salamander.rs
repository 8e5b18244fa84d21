//! One ciphertext, two keys: AES-GCM does not commit to its key (Dodis et al. 2018, Len et al. 2021), so a lying author could
//! give two members of a space two contents under one chunk id. The commitment in each object refuses the second key.

#![allow(clippy::expect_used, clippy::indexing_slicing, reason = "a test may panic")]

use aes_gcm::aead::inout::InOutBuf;
use aes_gcm::aes::cipher::{BlockCipherEncrypt, KeyInit};
use aes_gcm::aes::{Aes256Enc, Block};
use aes_gcm::{AeadInOut, Aes256Gcm};
use data_encoding::HEXLOWER;
use hkdf::Hkdf;
use sha2::Sha256;
use vauban_crypto::chunk::ChunkSecret;
use vauban_crypto::error::OpenError;
use vauban_protocol::id::ChunkId;
use vauban_protocol::label;

/// Bytes of a small chunk's frame, and of the content that fills it.
const FRAME_BYTES: usize = 4096;
const CONTENT_BYTES: u32 = 4092;
/// The ciphertext block that is solved for: somewhere in the content.
const FREE_BLOCK: usize = 100;
/// The secrets of the two members.
const FIRST: [u8; 32] = [1; 32];
const SECOND: [u8; 32] = [2; 32];

#[test]
fn salamander_vector_rejected() {
    published_vector_opens_under_both_keys();

    let object = salamander(FIRST, SECOND);
    let id = ChunkId::of(&object);
    assert!(ChunkSecret::from_bytes(FIRST).open(id, &object).is_ok(), "the key that the object commits to");
    assert_eq!(ChunkSecret::from_bytes(SECOND).open(id, &object), Err(OpenError), "the other one");
}

/// Without the commitment, which AES-GCM alone is, the same object opens under each key, to two contents.
#[test]
fn control_of_salamander_vector_rejected() {
    let object = salamander(FIRST, SECOND);
    let (header, sealed) = object.split_at(36);
    let [one, other] = [FIRST, SECOND].map(|secret| open_plainly(&keys_of(secret).0, header, sealed));
    assert!(one.is_some() && other.is_some() && one != other);
}

/// The vector of the attack table, for AES-256-GCM as such.
fn published_vector_opens_under_both_keys() {
    let hex = |text: &str| HEXLOWER.decode(text.as_bytes()).expect("hexadecimal");
    let sealed = hex(concat!(
        "999f24df1dcf29984e7ba8f4736c92372d3e7a058b75adbacef9fe2d4e9c53a37ec8d2fa81bc14b77b6c90340f9377c0",
        "bea07e76cbaa5995115f62bda435753100000000000000000000000000000000b931fc135f398cd32d27388691b8baa2",
        "41de48d449fdb547a455b9601303672e"
    ));
    let open = |key: &str| open_plainly(&hex(key).try_into().expect("32 bytes"), &hex("6368756e6b207631"), &sealed);
    let one = open("fad5a0b3c98d0676fe94bc50e504d92d9e5c792050e82402a8b1bd585cc309bb");
    let other = open("46f1d33df15d6942caa26472f68f96134920249bdd6218f5f38959e9fbadaa84");
    assert!(one.is_some() && other.is_some() && one != other);
}

/// An object that commits to `first`'s key and holds a valid frame under it, and whose tag verifies under both keys.
///
/// The tag is `E(J₀) ⊕ Σ Xᵢ·Hⁱ` over the blocks of associated data, ciphertext and lengths. Both keys' tags are equal when one
/// equation in the free block holds: `C·(H₁ᵉ ⊕ H₂ᵉ)` = all the rest.
fn salamander(first: [u8; 32], second: [u8; 32]) -> Vec<u8> {
    let (key, commitment) = keys_of(first);
    let (other_key, _) = keys_of(second);
    let header = [b"VBC".as_slice(), &[1], &commitment].concat();
    let mut body = vec![b'a'; FRAME_BYTES];
    body[..4].copy_from_slice(&CONTENT_BYTES.to_le_bytes());
    gcm(&key).encrypt_inout_detached(&[0; 12].into(), &header, InOutBuf::from(body.as_mut_slice())).expect("short");
    let free = FREE_BLOCK * 16..FREE_BLOCK * 16 + 16;
    body[free.clone()].fill(0);

    let (tag, power) = tag_and_power(&key, &header, &body);
    let (other_tag, other_power) = tag_and_power(&other_key, &header, &body);
    let block = multiply(tag ^ other_tag, inverse(power ^ other_power));
    body[free].copy_from_slice(&block.to_be_bytes());
    let (tag, _) = tag_and_power(&key, &header, &body);
    [header, body, tag.to_be_bytes().to_vec()].concat()
}

/// The GCM tag, and the power of the hash key that the free block is multiplied with.
fn tag_and_power(key: &[u8; 32], associated: &[u8], body: &[u8]) -> (u128, u128) {
    let encrypt = |block: u128| {
        let mut block = Block::from(block.to_be_bytes());
        Aes256Enc::new(&(*key).into()).encrypt_block(&mut block);
        u128::from_be_bytes(block.into())
    };
    let hash_key = encrypt(0);
    let lengths = ((associated.len() as u128 * 8) << 64) | (body.len() as u128 * 8);
    let blocks = blocks_of(associated).chain(blocks_of(body)).chain([lengths]);
    let hash = blocks.fold(0, |hash, block| multiply(hash ^ block, hash_key));
    let exponent = body.len() / 16 - FREE_BLOCK + 1;
    let power = (1..exponent).fold(hash_key, |power, _| multiply(power, hash_key));
    (hash ^ encrypt(1), power)
}

fn blocks_of(bytes: &[u8]) -> impl Iterator<Item = u128> {
    bytes.chunks(16).map(|chunk| {
        let mut block = [0; 16];
        block[..chunk.len()].copy_from_slice(chunk);
        u128::from_be_bytes(block)
    })
}

/// Multiplication in GCM's field (NIST SP 800-38D, section 6.3): the highest bit is the coefficient of one.
fn multiply(x: u128, mut y: u128) -> u128 {
    let mut product = 0;
    for bit in (0..128).rev() {
        if x >> bit & 1 == 1 {
            product ^= y;
        }
        y = y >> 1 ^ if y & 1 == 1 { 0xe1 << 120 } else { 0 };
    }
    product
}

/// `x` to the power `2^128 − 2`.
fn inverse(x: u128) -> u128 {
    let square = multiply(x, x);
    (2..128)
        .fold((square, square), |(power, result), _| {
            let power = multiply(power, power);
            (power, multiply(result, power))
        })
        .1
}

/// What formats#5 makes of a chunk's secret: cipher key and commitment.
fn keys_of(secret: [u8; 32]) -> ([u8; 32], [u8; 32]) {
    let mut keys = [0; 64];
    let info = [label::CHUNK.as_bytes(), &[0]].concat();
    Hkdf::<Sha256>::from_prk(&secret).expect("long enough").expand(&info, &mut keys).expect("short enough");
    (keys[..32].try_into().expect("half"), keys[32..].try_into().expect("half"))
}

fn gcm(key: &[u8; 32]) -> Aes256Gcm {
    Aes256Gcm::new(&(*key).into())
}

fn open_plainly(key: &[u8; 32], associated: &[u8], sealed: &[u8]) -> Option<Vec<u8>> {
    let (body, tag) = sealed.split_last_chunk::<16>()?;
    let mut body = body.to_vec();
    gcm(key)
        .decrypt_inout_detached(&[0; 12].into(), associated, InOutBuf::from(body.as_mut_slice()), &(*tag).into())
        .ok()?;
    Some(body)
}
