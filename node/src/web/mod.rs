//! HTTP for operators: `/metrics` for Prometheus, `/healthz` for whatever restarts or watches the node, `/cluster.json` for
//! `vauban-node cluster status`, and a `dashboard` for people.
//!
//! It reads and changes nothing, holds nothing secret, listens on loopback unless told otherwise, and answers to its own `hosts` alone.

mod ask;
mod cluster;
mod dashboard;
mod health;
mod hosts;
mod serve;

pub use ask::{AskError, ask};
pub use cluster::{Cluster, Member, Role};
pub use hosts::Hosts;
pub use serve::{CLUSTER_PAGE, Web, WebError, WebParts};
