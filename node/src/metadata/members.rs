//! Who makes up the group: the leader brings the engine's membership to what the seats of the applied chain say, step by step.
//!
//! A node comes in as a learner, and votes once it has caught up and supports the group's feature level; it goes the other way round.
//! Nothing else changes the membership. What the next step is, is a pure function; a leader that is lost between two steps is followed
//! by one that goes on. The feature level rises here, too, so that nobody votes who does not support it.
//!
//! A node that was taken out stays, without a vote, until no layout names it and it has applied that: so it goes on with its copies
//! as the layouts say, others may still take them from it, and it can say itself when it may be stopped.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use openraft::error::{ClientWriteError, RaftError};
use openraft::{ChangeMembers, EmptyNode, Raft, RaftMetrics};
use tokio::time::{Instant, MissedTickBehavior, timeout};
use vauban_protocol::id::NodeId;
use vauban_protocol::limit::VOTERS_MAX;
use vauban_protocol::organisation::{Organisation, Seated};

use super::command::Command;
use super::level;
use super::proposer::Proposer;
use super::raft::{Group, Voter};
use super::store::Replica;
use crate::limit::{
    CAUGHT_UP_ENTRIES, DISMISSAL_SECONDS_MAX, MEMBERS_MILLISECONDS, PEER_STATUS_SECONDS_MAX, PROPOSAL_SECONDS_MAX,
};
use crate::peers::{PeerRequest, PeerResponse, Peers};

/// The membership as the engine has it.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Present {
    /// Who votes, or will once a change that is under way has ended.
    voters: BTreeSet<NodeId>,
    /// Everybody.
    members: BTreeSet<NodeId>,
    /// Whether a change is under way.
    is_changing: bool,
    /// Learners that have nearly all that the leader has.
    caught_up: BTreeSet<NodeId>,
}

/// One change of it.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Step {
    /// A node comes in, without a vote.
    Admit(NodeId),
    /// These vote.
    Vote(BTreeSet<NodeId>),
    /// A node without a vote goes.
    Dismiss(NodeId),
}

/// What looks after the membership, while this node leads.
pub(super) struct Looking {
    pub(super) raft: Raft<Group>,
    pub(super) me: Voter,
    pub(super) replica: Arc<Replica>,
    pub(super) peers: Option<Peers>,
    pub(super) proposer: Proposer,
    /// The feature level that this node supports.
    pub(super) supports: Arc<AtomicU32>,
}

/// A node that was taken out, and that no layout names any more.
#[derive(Debug, Clone, Copy)]
struct Leaving {
    /// Since when this leader knows.
    since: Instant,
    /// What the node must have applied to know, too; set at the look after the first one, by when all that the first saw is counted.
    index: Option<u64>,
}

/// Does it until the engine stops.
pub(super) async fn look_after(looking: Looking) {
    let Looking { raft, me, replica, .. } = &looking;
    let mut leaving: BTreeMap<NodeId, Leaving> = BTreeMap::new();
    let mut beats = tokio::time::interval(Duration::from_millis(MEMBERS_MILLISECONDS));
    beats.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        beats.tick().await;
        let metrics = raft.metrics().borrow().clone();
        if metrics.running_state.is_err() {
            return;
        }
        let Some(organisation) = replica.core().organisation else { continue };
        let leads = metrics.current_leader == Some(*me);
        let present = Present::of(&metrics);
        // A leader that votes no more falls silent, so that the others elect one of them; until then it still orders what comes.
        let falls_silent = leads && !present.is_changing && !present.voters.contains(&NodeId::from(*me));
        raft.runtime_config().heartbeat(!falls_silent);
        if !leads || !organisation.was_seated() {
            continue;
        }
        let step = next(&organisation, &present);
        let is_held = match &step {
            Some(Step::Dismiss(node)) => !looking.may_dismiss(*node, &organisation, &mut leaving).await,
            _ => false,
        };
        let Some(step) = step.filter(|_| !is_held) else {
            looking.raise(&present).await;
            continue;
        };
        if looking.can_be_read(&step, &present).await {
            tracing::info!(?step, "the membership of the group changes");
            take(raft, step).await;
        }
    }
}

impl Looking {
    /// Whether all who would vote then can read what the group writes.
    async fn can_be_read(&self, step: &Step, present: &Present) -> bool {
        let Step::Vote(voters) = step else { return true };
        let fresh: Vec<NodeId> = voters.difference(&present.voters).copied().collect();
        let current = self.replica.core().feature_level;
        // Every version reads what the first level writes.
        if fresh.is_empty() || current <= 1 {
            return true;
        }
        let common = level::common(current, &fresh, self.peers.as_ref()).await;
        if common != Some(current) {
            tracing::warn!(current, "a node does not support the group's feature level, and gets no vote: update it");
        }
        common == Some(current)
    }

    /// Whether a node that was taken out has nothing more to hear, or does not listen any more.
    async fn may_dismiss(
        &self,
        node: NodeId,
        organisation: &Organisation,
        leaving: &mut BTreeMap<NodeId, Leaving>,
    ) -> bool {
        // Nobody speaks with a node whose charter was revoked; and a group without a way to others has none to hear.
        let Some(peers) = self.peers.as_ref().filter(|_| !organisation.is_charter_revoked(node)) else { return true };
        if self.replica.core().layouts.names(node) {
            leaving.remove(&node);
            return false;
        }
        let Some(known) = leaving.get_mut(&node) else {
            leaving.insert(node, Leaving { since: Instant::now(), index: None });
            return false;
        };
        // What this node says is named no more, it knows itself.
        if node == NodeId::from(self.me) {
            return true;
        }
        let index = *known.index.get_or_insert_with(|| *self.replica.applied().borrow());
        if known.since.elapsed() >= Duration::from_secs(DISMISSAL_SECONDS_MAX) {
            return true;
        }
        let limit = Duration::from_secs(PEER_STATUS_SECONDS_MAX);
        match timeout(limit, peers.call(node, &PeerRequest::Status, &[])).await {
            Ok(Ok((PeerResponse::Status(status), _))) => status.applied >= index,
            _ => false,
        }
    }

    /// Raises the group's feature level to what every voter supports, if this node supports more than it is.
    async fn raise(&self, present: &Present) {
        let current = self.replica.core().feature_level;
        let own = self.supports.load(Ordering::Relaxed);
        if own <= current {
            return;
        }
        let me = NodeId::from(self.me);
        let others: Vec<NodeId> = present.voters.iter().copied().filter(|voter| *voter != me).collect();
        let Some(level) = level::common(own, &others, self.peers.as_ref()).await.filter(|level| *level > current)
        else {
            return;
        };
        tracing::info!(level, "every voter supports a higher feature level");
        if let Err(error) = self.proposer.propose(Command::Raise(level)).await {
            tracing::warn!(%error, "the feature level was not raised");
        }
    }
}

async fn take(raft: &Raft<Group>, step: Step) {
    let change = match step {
        Step::Admit(node) => ChangeMembers::AddNodes(BTreeMap::from([(Voter::from(node), EmptyNode {})])),
        Step::Vote(voters) => ChangeMembers::ReplaceAllVoters(voters.into_iter().map(Voter::from).collect()),
        Step::Dismiss(node) => ChangeMembers::RemoveNodes(BTreeSet::from([Voter::from(node)])),
    };
    // A change whose end is not waited for goes on, or is taken up again.
    let limit = Duration::from_secs(PROPOSAL_SECONDS_MAX);
    match timeout(limit, raft.change_membership(change, true)).await {
        Ok(Ok(_)) => {}
        Ok(Err(RaftError::APIError(ClientWriteError::ForwardToLeader(_)))) => {}
        Ok(Err(error)) => tracing::warn!(%error, "the membership could not be changed"),
        Err(_) => tracing::warn!("a change of the membership waits for a majority"),
    }
}

impl Present {
    fn of(metrics: &RaftMetrics<Voter, EmptyNode>) -> Self {
        let membership = metrics.membership_config.membership();
        let configs = membership.get_joint_config();
        let voters = configs.last().into_iter().flatten().copied().map(NodeId::from).collect();
        let last = metrics.last_log_index.unwrap_or_default();
        let is_near = |matching: u64| matching.saturating_add(CAUGHT_UP_ENTRIES) >= last;
        let caught_up = metrics.replication.iter().flatten();
        let caught_up = caught_up.filter(|(_, matching)| matching.is_some_and(|matching| is_near(matching.index)));
        Self {
            voters,
            members: membership.nodes().map(|(voter, _)| NodeId::from(*voter)).collect(),
            is_changing: configs.len() > 1,
            caught_up: caught_up.map(|(voter, _)| NodeId::from(*voter)).collect(),
        }
    }
}

/// What brings the membership nearer to the seats; nothing if it is there, or must wait.
fn next(organisation: &Organisation, present: &Present) -> Option<Step> {
    if present.is_changing {
        return Some(Step::Vote(present.voters.clone()));
    }
    let is_out = |node: &NodeId| organisation.is_dismissed(*node);
    let comes = organisation.seats().map(|seated| seated.seat.node).find(|node| !present.members.contains(node));
    if let Some(node) = comes {
        return Some(Step::Admit(node));
    }
    let voters = voters(organisation, present);
    if voters != present.voters {
        return Some(Step::Vote(voters));
    }
    present.members.difference(&present.voters).copied().find(is_out).map(Step::Dismiss)
}

/// Who should vote now. An odd number, since an even one survives no more losses; but two voters are not made one: what is
/// acknowledged would then rest on one disk.
fn voters(organisation: &Organisation, present: &Present) -> BTreeSet<NodeId> {
    let is_out = |node: &NodeId| organisation.is_dismissed(*node);
    let mut seats: Vec<Seated<'_>> = organisation.seats().filter(|seated| seated.seat.voter).collect();
    seats.sort_by_key(|seated| seated.since);
    let of = |wanted: &dyn Fn(&Seated<'_>) -> bool| -> Vec<NodeId> {
        seats.iter().filter(|seated| wanted(seated)).map(|seated| seated.seat.node).collect()
    };
    let votes = |seated: &Seated<'_>| present.voters.contains(&seated.seat.node);
    // The founding node, as long as it has no seat, goes on as it began.
    let unseated = present.voters.iter().copied().filter(|node| !is_out(node) && organisation.seat(*node).is_none());
    let staying: Vec<NodeId> = unseated.chain(of(&|seated| votes(seated) && !seated.draining)).collect();
    let can_come = |seated: &Seated<'_>| !votes(seated) && !seated.draining;
    let fresh = of(&|seated| can_come(seated) && present.caught_up.contains(&seated.seat.node));
    // A node that is being emptied votes until another can.
    let leaving = of(&|seated| votes(seated) && seated.draining);

    let mut chosen: Vec<NodeId> = staying;
    while chosen.len() < VOTERS_MAX
        && let Some(node) = farthest(organisation, &chosen, &fresh)
    {
        chosen.push(node);
    }
    chosen.extend(leaving);
    if chosen.is_empty() {
        return present.voters.clone();
    }
    let is_pair = chosen.len() == 2 && chosen.iter().all(|node| present.voters.contains(node));
    let odd = chosen.len().min(VOTERS_MAX).saturating_sub(1) | 1;
    chosen.truncate(if is_pair { 2 } else { odd });
    chosen.into_iter().collect()
}

/// Of the nodes that could vote, the first one at the site that has the fewest voters.
fn farthest(organisation: &Organisation, chosen: &[NodeId], fresh: &[NodeId]) -> Option<NodeId> {
    let site = |node: NodeId| organisation.charter(node).map(|charter| charter.site.as_str());
    let neighbours = |node: NodeId| chosen.iter().filter(|other| site(**other) == site(node)).count();
    fresh.iter().copied().filter(|node| !chosen.contains(node)).min_by_key(|node| neighbours(*node))
}

#[cfg(test)]
mod tests;
