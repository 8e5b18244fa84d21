//! The example of SPEC.md is true.

#![allow(clippy::expect_used, clippy::indexing_slicing, clippy::panic, reason = "a test may panic")]

use data_encoding::HEXLOWER;
use vauban_crypto::chunk::Frame;
use vauban_crypto::epoch::EpochRoot;
use vauban_crypto::secret::Secret;
use vauban_protocol::id::SpaceId;

const SPECIFICATION: &str = include_str!("../SPEC.md");

/// A field of the example.
fn field(name: &str) -> Vec<u8> {
    let (_, example) = SPECIFICATION.split_once("## Example").expect("an example");
    let line = example.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    HEXLOWER.decode(line.unwrap_or_else(|| panic!("no `{name}`")).trim().as_bytes()).expect("hexadecimal")
}

fn array<const N: usize>(name: &str) -> [u8; N] {
    field(name).try_into().unwrap_or_else(|_| panic!("`{name}` has another length"))
}

#[test]
fn the_example_is_what_the_crate_computes() {
    let root = EpochRoot::new(Secret::new(array("root")));
    let keys = root.keys(SpaceId(array("space")), u32::from_le_bytes(array("epoch")));
    let frame = Frame::of(&field("plain")).expect("within bounds");
    let sealed = keys.content.seal_frame_with(frame, &array("randomness"));
    assert_eq!(sealed.secret.expose().as_slice(), field("secret"));
    assert_eq!(&sealed.object[4..36], field("commitment"));
    assert_eq!(&sealed.object[..52], field("object_start"));
    assert_eq!(&sealed.object[sealed.object.len() - 16..], field("object_end"));
    assert_eq!(sealed.object.len(), 4148);
    assert_eq!(sealed.id.as_bytes().as_slice(), field("id"));
    assert_eq!(sealed.tag.as_bytes().as_slice(), field("tag"));
    assert_eq!(sealed.secret.open(sealed.id, &sealed.object), Ok(field("plain")));
}

/// Bounds that the text says in figures are those of the code.
#[test]
fn the_figures_are_those_of_the_code() {
    use vauban_crypto::limit;
    let figures = [
        limit::CUT_BYTES_MIN,
        limit::CUT_BYTES_MAX,
        limit::CUT_FIXED_BYTES,
        limit::RECIPIENTS_MAX,
        limit::ARGON2_MEMORY_KIB_MIN as usize,
        limit::ARGON2_MEMORY_KIB_MAX as usize,
        limit::LINK_PASSWORD_ROUNDS as usize,
    ];
    for figure in figures {
        let text = grouped(figure);
        assert!(SPECIFICATION.contains(&text), "{text} stands nowhere in SPEC.md");
    }
}

/// A number with a comma before each group of three digits.
fn grouped(number: usize) -> String {
    let digits = number.to_string();
    let grouped = digits.bytes().enumerate().flat_map(|(at, digit)| {
        let comma = at > 0 && (digits.len() - at).is_multiple_of(3);
        comma.then_some(',').into_iter().chain([char::from(digit)])
    });
    grouped.collect()
}
