//! Shares of a person's secret, written from the text of the specification: the field by a table of logarithms, the contexts by hand.

use vauban_crypto::kem::{KemSecret, wrap_with};
use vauban_crypto::secret::Secret;
use vauban_crypto::share::split_with;

use super::damages;
use super::people::{Fixed, key};
use crate::case::{Case, Vectors};

const SECRET: [u8; 32] = [0x5e; 32];
/// The coefficients of the first and the second power.
const COEFFICIENTS: [[u8; 32]; 2] = [[0xc1; 32], [0x0f; 32]];

pub(super) fn share() -> Vectors {
    let value = value_at(1);
    let place = Case::default()
        .with("organisation", &[0x0a; 32])
        .with("user", &[0xa1; 16])
        .with("kem", &[0x4e; 32])
        .with("guardian", &[0xb0; 16])
        .count("number", 1);
    let context = [&[0x0a; 32][..], &[0xa1; 16], &[0x4e; 32], &[0xb0; 16], &[1]].concat();
    let commitment = expand(&value, "vauban/1 share commit", &context);
    let info = [&context[..], &commitment].concat();
    let back = [&info[..], blake3::hash(key(2).as_ref()).as_bytes()].concat();
    let wrapped = |holder: u8, label: &str, info: &[u8], value: &[u8]| {
        wrap_with(&key(holder), label, info, value, &mut Fixed::new("share")).expect("a valid key")
    };
    let given = wrapped(1, "vauban/1 wrap share", &info, &value);
    let given_back = wrapped(2, "vauban/1 wrap share back", &back, &value);
    let case = |name: &str, holder: u8, of: &str, object: &[u8]| {
        let own = Case::named(name).say("for", of).with("seed", &[holder; 32]).with("object", object);
        own.with("commitment", &commitment).with("plain", &value).over(&place)
    };
    let mut reject = damages("given", &given, &[("ciphertext", 1120)]);
    reject.extend(damages("given back", &given_back, &[("ciphertext", 1120)]));
    for of in ["given", "given back"] {
        reject.extend([
            Case::defect("of another organisation", of).with("organisation", &[0x0b; 32]),
            Case::defect("of another person", of).with("user", &[0xa2; 16]),
            Case::defect("of another key", of).with("kem", &[0x4f; 32]),
            Case::defect("of another guardian", of).with("guardian", &[0xb1; 16]),
            Case::defect("at another number", of).count("number", 2),
            Case::defect("with another commitment", of).with("commitment", &[0; 32]),
            Case::defect("for another holder", of).with("seed", &[3; 32]),
        ]);
    }
    let other = |name: &str, object: &[u8]| Case::defect(name, "given back").with("object", object);
    reject.extend([
        Case::defect("one for the guardian shown to a device", "given").say("for", "device"),
        Case::defect("one for a device shown to the guardian", "given back").say("for", "guardian"),
        other(
            "another share than the one that was given",
            &wrapped(2, "vauban/1 wrap share back", &back, &value_at(2)),
        ),
        other("a share of 31 bytes", &wrapped(2, "vauban/1 wrap share back", &back, &value[..31])),
        other("nothing", &wrapped(2, "vauban/1 wrap share back", &back, &[])),
    ]);
    let accept = vec![case("given", 1, "guardian", &given), case("given back", 2, "device", &given_back)];
    Vectors { accept, reject }
}

pub(super) fn split() -> Vectors {
    let secret = KemSecret::from_seed(Secret::new(SECRET));
    let ours = split_with(&secret, 3, 5, COEFFICIENTS.into_iter().map(Secret::new)).expect("three of five");
    for (number, share) in (1..).zip(&ours) {
        assert_eq!(*share.expose(), value_at(number), "two implementations");
    }
    let shares = |numbers: &[u8]| {
        numbers.iter().flat_map(|number| std::iter::once(*number).chain(value_at(*number))).collect::<Vec<u8>>()
    };
    let case = |name: &str, numbers: &[u8]| {
        let own = Case::named(name).with("object", &shares(numbers));
        own.with("kem", &secret.public().digest().0).with("plain", &SECRET)
    };
    let other = |defect: &str, object: &[u8]| Case::defect(defect, "three").with("object", object);
    let renumbered = [&[2u8][..], &value_at(1), &shares(&[3, 5])].concat();
    let reject = vec![
        other("two of three", &shares(&[1, 3])),
        other("one of three", &shares(&[4])),
        other("none", &[]),
        other("one twice", &shares(&[1, 3, 3])),
        other("one at another number", &renumbered),
        other("number 0", &[&[0u8][..], &SECRET].concat()),
        other("seventeen", &shares(&(1..=17).collect::<Vec<u8>>())),
        Case::defect("one bit of a share flipped", "three").splice(1, 1, &[value_at(1)[0] ^ 1]),
        Case::defect("last byte gone", "three").splice(98, 1, &[]),
        Case::defect("another key", "three").with("kem", &[0; 32]),
    ];
    Vectors { accept: vec![case("three", &[1, 3, 5]), case("five", &[5, 4, 3, 2, 1])], reject }
}

/// The polynomial's value.
fn value_at(number: u8) -> [u8; 32] {
    let [first, second] = COEFFICIENTS;
    std::array::from_fn(|at| SECRET[at] ^ times(first[at], number) ^ times(second[at], times(number, number)))
}

/// By logarithms to the base 3.
fn times(a: u8, b: u8) -> u8 {
    let (mut powers, mut power) = (Vec::new(), 1u16);
    for _ in 0..255 {
        powers.push(u8::try_from(power).expect("a byte"));
        power ^= power << 1;
        if power > 255 {
            power ^= 0x11b;
        }
    }
    let logarithm = |of: u8| powers.iter().position(|power| *power == of);
    match (logarithm(a), logarithm(b)) {
        (Some(a), Some(b)) => powers[(a + b) % 255],
        _ => 0,
    }
}

/// HKDF-Expand of one block (RFC 5869).
fn expand(key: &[u8; 32], label: &str, context: &[u8]) -> [u8; 32] {
    use hmac::{Hmac, KeyInit, Mac};
    let mut mac = Hmac::<sha2::Sha256>::new_from_slice(key).expect("any length is a key");
    for part in [label.as_bytes(), &[0], context, &[1]] {
        mac.update(part);
    }
    mac.finalize().into_bytes().into()
}
