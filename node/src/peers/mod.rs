//! Between the nodes of a cluster: QUIC under `vauban-node/1`, TLS with certificates both ways, one stream a request.
//!
//! In the order in which a connection meets it: TLS, by which both ends prove a key that the organisation's authority has
//! certified (`tls`, `trust`); a greeting, by which both come to know the same chain (`known`); the judgement whether a charter
//! in force names that key and satisfies the policy; then requests (`wire`). Here is the calling end ([`Peers`]); the edge
//! serves the other one.
//!
//! Invariants: nothing but the chain, which is its own proof, is told to or taken from a node before its charter is judged,
//! and that is judged again for each request that comes in. A peer has no authority: what it forwards was signed by a person's device.
//!
//! To add a verb: a variant of [`PeerRequest`] and one of [`PeerResponse`], with their bounds and its name, in `wire`; an arm in
//! `edge/nodes.rs`.

mod error;
mod known;
mod link;
mod stream;
mod tls;
mod trust;
mod wire;

pub use error::{PeerError, Untrusted};
pub use known::Known;
pub use link::Peers;
pub use wire::{Greeting, PeerCondition, PeerRefusal, PeerRequest, PeerResponse, PeerStatus};

pub(crate) use stream::{read_answer, within};
pub(crate) use trust::{judge, named_key};
