//! Everything that needs a person's secret: seal, open, wrap, cut, sign. `SPEC.md` beside this crate is its format.
//!
//! Sync and without I/O: bytes in, bytes out. Randomness is the system's alone; functions that take it as an argument
//! exist for vectors, and are hidden. Nodes never link this crate (`tests/tests/tidy.rs` holds that).
//!
//! In the order in which a file meets it: secrets and the one place that derives them; a space's epoch keys; cutting a file
//! into chunks; sealing a chunk; sealing the log and names; then keys of people: signing, wrapping, invites, the keystore, shares of guardians.

pub mod error;
pub mod limit;
pub mod secret;

mod derive;
mod salted;

pub mod chunk;
pub mod cut;
pub mod epoch;
pub mod name;
pub mod ops;

pub mod bundle;
pub mod file_request;
pub mod invite;
pub mod kem;
pub mod keystore;
pub mod share;
pub mod shared_link;
pub mod signing;
