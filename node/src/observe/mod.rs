//! What operators see of a node: its metrics, and its log.

mod gauges;
mod log;
mod metrics;
mod resident;

pub use gauges::{Reading, refresh};
pub use log::{LogError, start_log};
pub use metrics::{Counted, Metrics};
