//! What is signed as one thing is nothing else: not another kind of object, not another object of its kind.
//!
//! Whoever stores signed objects can cut them up and paste them together. Two matrices try all of it: every signature where every
//! other one belongs ([`contexts`]), and every field of one valid object in another valid one of its kind ([`fields`]).
#![allow(missing_docs, clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may fail")]

mod contexts;
mod fields;
mod samples;
#[path = "../signer/mod.rs"]
mod signer;
