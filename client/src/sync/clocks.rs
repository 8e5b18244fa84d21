//! This machine's clock beside a node's. What is deleted for good because it is old is not deleted by a clock that may be wrong: that of
//! an empty battery, or a stolen one. A node that lies about its time keeps things longer, and deletes none.

use vauban_protocol::wire::{Request, Response};

use super::OpenSpace;
use crate::content::Nodes;
use crate::limit::CLOCK_TRUST_SECONDS_MAX;

impl<N: Nodes> OpenSpace<N> {
    /// Whether a node's clock says about the same as this machine's. It is not, where no node says.
    pub(super) fn is_clock_confirmed(&self) -> bool {
        match self.ask(Request::Status, Vec::new()) {
            Ok((Response::Status(status), _)) => {
                let off = self.now().0.abs_diff(status.node_time.0);
                if off > CLOCK_TRUST_SECONDS_MAX {
                    tracing::warn!(off, "this machine's clock is not the node's: nothing is deleted for being old");
                }
                off <= CLOCK_TRUST_SECONDS_MAX
            }
            _ => false,
        }
    }
}
