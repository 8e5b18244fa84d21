//! The contract between a node and its clients.
//!
//! Pure: no socket, clock, disk or secret. In the order in which data meets it: identifiers and sizes, canonical bytes,
//! signatures, the organisation's chain, a space's chain, receipts, and last the wire.

pub mod label;
pub mod limit;
pub mod size;

mod byte_string;
pub mod canonical;
pub mod id;
pub mod signature;
pub mod signed;
pub mod time;

mod spread;

pub mod chain;
pub mod organisation;
pub mod page;
pub mod receipt;
pub mod space;
pub mod wire;
