//! The feature level: what entries every voter can read. A leader raises it once all of them say that they can; before, it proposes
//! nothing that an older one would stop at, and takes no older one in afterwards.

use std::time::Duration;

use futures::future::join_all;
use tokio::time::timeout;
use vauban_protocol::id::NodeId;

use crate::limit::PEER_STATUS_SECONDS_MAX;
use crate::peers::{PeerRequest, PeerResponse, Peers};

/// The feature level of this build.
pub(super) const FEATURE_LEVEL: u32 = SHARED;
/// From this level on commits are weighed, and quotas are kept.
pub(super) const WEIGHED: u32 = 2;
/// From this level on the members of spaces change, people's keys are renewed and recovered, there are links, and two admins may be needed.
pub(super) const SHARED: u32 = 3;

/// The level that all of these nodes support, this one's being `own`; nothing if one of them does not say.
pub(super) async fn common(own: u32, others: &[NodeId], peers: Option<&Peers>) -> Option<u32> {
    let asked = others.iter().copied().map(|node| async move { supported(node, peers?).await });
    join_all(asked).await.into_iter().try_fold(own, |least, level| Some(least.min(level?)))
}

/// What a node says that it supports. One that does not know the question is of a version that had no second level.
async fn supported(node: NodeId, peers: &Peers) -> Option<u32> {
    let limit = Duration::from_secs(PEER_STATUS_SECONDS_MAX);
    match timeout(limit, peers.call(node, &PeerRequest::Level, &[])).await {
        Ok(Ok((PeerResponse::Level { supported }, _))) => Some(supported),
        _ => None,
    }
}
