//! Several nodes in one process: each with its own store and keys, one applied state, and a way between them that can be cut.

pub(crate) mod cluster;

mod reading;
mod writing;
mod wrong;
