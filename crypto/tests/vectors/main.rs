//! Vectors: what must be accepted, and above all what must be refused, named by its defect.
//!
//! Each file of `crypto/vectors` holds one kind. A refused case is an accepted one with other fields (`with`) and a changed
//! object (`splice`: where, how many bytes go, which come), or an object of its own. Accepted cases are also sealed again from their
//! randomness, by the crate and, for chunks, by an implementation of the format that shares no code with it.
//!
//! `cargo test -p vauban-crypto --test vectors -- --ignored write_vectors` writes the files anew; a change of theirs is a change
//! of the format.

#![allow(clippy::expect_used, clippy::indexing_slicing, clippy::panic, reason = "a test may panic")]

mod case;
mod kinds;
mod reference;
mod write;

use std::path::PathBuf;

use case::{Case, Vectors};

fn folder() -> PathBuf {
    // As it is where the tests run: the sources may have moved since they were compiled.
    let package = std::env::var_os("CARGO_MANIFEST_DIR").unwrap_or_else(|| env!("CARGO_MANIFEST_DIR").into());
    PathBuf::from(package).join("vectors")
}

/// Runs the vectors of one kind: `open` gives the plain bytes of a case, or the reason for which it is refused.
fn run(kind: &str, open: impl Fn(&Case) -> Result<Vec<u8>, String>) {
    let vectors = Vectors::read(&folder().join(format!("{kind}.json")));
    assert!(vectors.reject.len() > vectors.accept.len(), "{kind}: most vectors are rejections");
    for case in &vectors.accept {
        assert_eq!(open(case), Ok(case.hex("plain")), "{kind}: {}", case.text("name"));
    }
    for case in vectors.rejections() {
        let refused = open(&case).expect_err(&format!("{kind}: {}", case.text("defect")));
        if let Some(expected) = case.optional("error") {
            assert_eq!(refused, expected, "{kind}: {}", case.text("defect"));
        }
    }
}

#[test]
fn chunk() {
    run("chunk", kinds::chunk);
}

#[test]
fn ops() {
    run("ops", kinds::ops);
}

#[test]
fn name() {
    run("name", kinds::name);
}

#[test]
fn epoch() {
    run("epoch", kinds::epoch);
}

#[test]
fn wrap() {
    run("wrap", kinds::wrap);
}

#[test]
fn bundle() {
    run("bundle", kinds::bundle);
}

#[test]
fn invite() {
    run("invite", kinds::invite);
}

#[test]
fn share() {
    run("share", kinds::share);
}

#[test]
fn split() {
    run("split", kinds::split);
}

#[test]
fn keystore() {
    run("keystore", kinds::keystore);
}

#[test]
fn link() {
    run("link", kinds::link);
}

#[test]
fn drop() {
    run("drop", kinds::drop);
}

#[test]
fn cut() {
    run("cut", kinds::cut);
}

/// The format did not move: sealing the accepted cases again gives the files' bytes.
#[test]
fn vectors_are_what_this_crate_writes() {
    for (kind, vectors) in write::all() {
        let stored = Vectors::read(&folder().join(format!("{kind}.json")));
        assert!(stored == vectors, "{kind}.json differs from what is sealed now");
    }
}

#[test]
#[ignore = "writes the vectors; run by hand when the format changes"]
fn write_vectors() {
    for (kind, vectors) in write::all() {
        vectors.write(&folder().join(format!("{kind}.json")));
    }
}
