//! What a file request lets come, as far as this device can tell by itself: the organisation's chain and the log say who may ask for files, the
//! signed request says how much, and until when. Nodes hold to it, too; one that does not has strangers, or somebody who was shut out, write
//! into the space by the hands of its members. A request ends with the epoch of its keys, whoever made it: all who were shut out by the next one
//! may know its address. When a drop came is a node's word alone, so what comes by an ended request waits for a person; whoever begins an
//! epoch takes first what has come.
//!
//! What has come is added up over one look at all drops, and forgotten after it: what was taken is not counted at the next.

use std::collections::BTreeMap;
use std::sync::Arc;

use vauban_protocol::id::LinkId;
use vauban_protocol::limit::DROPS_KEPT_DAYS;
use vauban_protocol::organisation::Organisation;
use vauban_protocol::space::{FileRequest, Role, Space};
use vauban_protocol::time::{DAY_SECONDS, Timestamp};
use vauban_protocol::wire::DropSummary;

use super::received::WhyWaiting;

/// Seconds by which this device's clock and cluster time may differ.
const CLOCKS_DIFFER_SECONDS: u64 = DAY_SECONDS;

/// See the module.
pub(super) struct Reckoning {
    pub(super) organisation: Arc<Organisation>,
    pub(super) space: Space,
    pub(super) now: Timestamp,
    /// A request that a person vouches for, whatever became of its maker and its epoch.
    pub(super) although: Option<LinkId>,
    /// What nodes say has come by each request, and waits.
    pub(super) came: BTreeMap<LinkId, Came>,
}

#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Came {
    drops: u32,
    bytes: u64,
}

impl Reckoning {
    /// Why a drop is not to be taken, whatever is in it. Each drop is asked about once.
    pub(super) fn objection(&mut self, request: &FileRequest, dropped: &DropSummary) -> Option<WhyWaiting> {
        let came = self.came.entry(request.id).or_default();
        came.drops = came.drops.saturating_add(1);
        came.bytes = came.bytes.saturating_add(dropped.bytes);
        let is_beyond = came.drops > request.drops_max || came.bytes > request.bytes_max;
        let kept_seconds = DROPS_KEPT_DAYS.saturating_mul(DAY_SECONDS).saturating_add(CLOCKS_DIFFER_SECONDS);
        let is_late = dropped.finished_at >= request.expires_at || request.expires_at.plus(kept_seconds) <= self.now;
        if is_beyond || is_late {
            return Some(WhyWaiting::Beyond);
        }
        if self.although == Some(request.id) {
            return None;
        }
        if !self.may_ask(request) {
            return Some(WhyWaiting::Maker);
        }
        (request.epoch != self.space.epoch()).then_some(WhyWaiting::Epoch)
    }

    /// Whether the device that made a request is not revoked, and its person still writes to the space.
    fn may_ask(&self, request: &FileRequest) -> bool {
        let person = self.organisation.live_device(request.device).map(|device| device.user);
        person.is_some_and(|person| self.space.role(person) >= Some(Role::Writer))
    }
}
