//! QUIC in: listen, admit a peer, read its requests, route each to a verb, answer.
//!
//! In the order in which data meets it: the socket and its TLS (`tls`, `socket`, `transport`), the handshake that
//! makes a stranger a known device (`handshake`), the life of a connection (`connection`), one stream's request and
//! answer (`incoming`, `caller`, `requests`, `answer`), and the verbs; other nodes have theirs in `nodes`.
//!
//! Invariants: nothing is allocated for a length that has not been held to its bound; a request's memory is reserved
//! before its body is read; who a peer is comes from the handshake alone, and what it may do from the state applied at
//! that moment; each fault becomes a refusal in one place (`fault`).
//!
//! Deliberately absent: Raft (`metadata`), files on disk (`chunks`), and every key but the node's own.

mod tls;

mod farewell;
mod memory;
mod socket;
mod transport;

mod answer;
mod fault;
mod incoming;

mod handshake;

mod caller;
mod gateway;
mod links;
mod nodes;
mod requests;
mod verbs;

mod connection;
mod listen;
mod page;
mod stop;

#[cfg(test)]
mod tests;

pub use listen::{Edge, EdgeError, EdgeParts, Listener};
pub use page::PageListener;
pub use stop::{Stop, Stopper, stop_channel};
pub use tls::TlsError;
