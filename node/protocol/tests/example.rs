//! The examples of SPEC.md are what the code computes.
#![allow(missing_docs, reason = "tests document themselves by their names")]

use data_encoding::HEXLOWER;
use vauban_protocol::canonical::encode;
use vauban_protocol::chain::Head;
use vauban_protocol::id::{Digest, SpaceId};
use vauban_protocol::wire::{Request, Response, encode_head};

const SPEC: &str = include_str!("../SPEC.md");

#[test]
fn the_chain_in_the_specification_is_right() {
    let start = Head::of_genesis(Digest::of(b"abc"));
    let next = start.after(Digest::of(b"def"));
    for head in [start, next] {
        let line = format!("head_{0}  {0} {1}", head.seq, head.digest.to_hex());
        assert!(SPEC.contains(&line), "SPEC.md should say: {line}");
    }
}

#[test]
fn the_request_in_the_specification_is_right() {
    let bytes = encode_head(&Request::Status, 0);
    assert_eq!(bytes, [1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
    let follow = encode_head(&Request::Follow { space: SpaceId([0xab; 16]), from: 300 }, 0);
    let line = format!("`{}`", HEXLOWER.encode(&follow));
    assert!(SPEC.contains(&line), "SPEC.md should say: {line}");
}

/// Numbers of variants are the wire: a variant that moved would be read as another.
#[test]
fn what_was_added_stands_at_the_end() {
    let follow = encode(&Request::Follow { space: SpaceId([0; 16]), from: 0 });
    let following = encode(&Response::Following { head: Head::of_genesis(Digest([0; 32])) });
    assert_eq!((follow[0], following[0]), (13, 15));
}
