//! How the group is, as this node knows: for operators, never for decisions.

use std::collections::BTreeSet;

use vauban_protocol::id::NodeId;

use super::handle::Metadata;
use crate::limit::ELECTION_MILLISECONDS_MAX;

/// The group as one of its nodes sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    /// Who leads, if anybody is known to.
    pub leader: Option<NodeId>,
    /// The leader's number.
    pub term: u64,
    /// Who votes.
    pub voters: BTreeSet<NodeId>,
    /// Whether that is being changed: until it has ended, nothing is ordered without a majority of those who voted before, too.
    pub is_changing: bool,
    /// Who has a copy without a vote.
    pub learners: BTreeSet<NodeId>,
    /// The index of the last entry in this node's log.
    pub last: u64,
}

impl Metadata {
    /// How the group is.
    #[must_use]
    pub fn standing(&self) -> Standing {
        let metrics = self.raft().metrics();
        let metrics = metrics.borrow();
        let membership = metrics.membership_config.membership();
        // A leader whom no majority has heard for so long may have been followed by another, and orders nothing.
        let is_heard = metrics.millis_since_quorum_ack.is_none_or(|since| since <= ELECTION_MILLISECONDS_MAX);
        Standing {
            leader: metrics.current_leader.filter(|_| is_heard).map(NodeId::from),
            term: metrics.current_term,
            voters: membership.voter_ids().map(NodeId::from).collect(),
            is_changing: membership.get_joint_config().len() > 1,
            learners: membership.learner_ids().map(NodeId::from).collect(),
            last: metrics.last_log_index.unwrap_or_default(),
        }
    }
}
