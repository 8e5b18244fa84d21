//! HTTP for operators: `/metrics` for Prometheus, `/healthz` for whatever restarts or watches the node, `/cluster.json` for
//! `vauban-node cluster status`, and a `dashboard` for people.
//!
//! It reads and changes nothing, holds nothing secret, and listens on loopback unless told otherwise.

mod ask;
mod cluster;
mod dashboard;
mod health;
mod serve;

pub use ask::{AskError, ask};
pub use cluster::{Cluster, Member, Role};
pub use serve::{CLUSTER_PAGE, Web, WebError, WebParts};
