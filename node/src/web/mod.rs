//! HTTP for operators: `/metrics` for Prometheus, `/healthz` for whatever restarts or watches the node.
//!
//! It reads and changes nothing, holds nothing secret, and listens on loopback unless told otherwise.

mod health;
mod serve;

pub use serve::{Web, WebError, WebParts};
