//! The examples of SPEC.md are what the code computes.
#![allow(missing_docs, reason = "tests document themselves by their names")]

use vauban_protocol::chain::Head;
use vauban_protocol::id::Digest;
use vauban_protocol::wire::{Request, encode_head};

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
}
