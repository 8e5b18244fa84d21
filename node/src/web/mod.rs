//! HTTP for operators: `/metrics` for Prometheus, `/healthz` for whatever restarts or watches the node, and
//! a [dashboard] for people.
//!
//! It reads and changes nothing, holds nothing secret, and listens on loopback unless told otherwise.

mod dashboard;
mod health;
mod serve;

pub use serve::{Web, WebError, WebParts};
