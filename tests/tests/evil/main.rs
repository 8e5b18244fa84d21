//! evil-node: the hostile server of SECURITY.md's table, and what it gets.
//!
//! ```text
//! vauban, or its engine ──QUIC──► EvilNode ─── a Lie for each request ───► the real vauban-node
//!                                 with the real node's TLS key and charter
//! ```
//! Clients trust it as they trust the real node, since nothing tells the two apart. Each of their requests is decoded and handed to
//! a [`lie::Lie`], which asks the real node what it likes, and says what it likes: it drops, replays, swaps, forks and withholds. What
//! no server has, it has not: keys of devices, of people, of the root. One thing of a device's it borrows, as a shortcut: each device's
//! proof to the real node, where a hostile operator would read the database. Nothing else is ever done with it.
//!
//! Each attack has its positive control beside it, `control_of_` and its name: the same scenario succeeds against a client without the
//! one check that stands in its way, so that no attack fails for another reason. A check is taken out by implementing a second time
//! what it stands behind: `Nodes`, [`taking::TakesRoot`], the clock. A signature is taken out by giving the server the key that it asks
//! for: the check is then there, and has nothing to object to.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, reason = "tests may fail")]

mod lie;
mod node;
mod real;
mod stage;

mod forged;
mod spoils;
mod taking;

mod charter;
mod cut_chain;
mod epoch_keys;
mod file_requests;
mod fork;
mod membership;
mod policy;
mod recipient_key;
