//! What is known of the node and its cluster at one moment. `None` is what nobody knows: it is not shown.

use std::collections::BTreeSet;
use std::sync::Arc;

use vauban_protocol::id::NodeId;
use vauban_protocol::organisation::{Charter, Organisation};
use vauban_protocol::time::Timestamp;

use super::rates::Rates;
use crate::chunks::{DiskLimits, StoreStats};
use crate::clock;
use crate::jobs::{JobState, JobStatus, Upkeep, Verified};
use crate::reserve::Standing;
use crate::web::cluster::{Cluster, Held, Role};
use crate::web::serve::WebParts;

/// See the module.
#[derive(Debug, Clone)]
pub(super) struct Situation {
    pub(super) now: Timestamp,
    pub(super) node: NodeId,
    pub(super) applied: u64,
    /// The node's clock less the cluster's time.
    pub(super) lag_seconds: i128,
    /// Seconds for which purging is late.
    pub(super) purge_late_seconds: u64,
    /// Used shares of the disk above which chunks are refused.
    pub(super) disk_limits: DiskLimits,
    /// The disk of the metadata, and their reserve.
    pub(super) reserve: Standing,
    /// This node's chunks; none while its store does not answer.
    pub(super) store: Option<StoreStats>,
    /// Every node with a charter, this one first.
    pub(super) nodes: Vec<Member>,
    /// Copies that the organisation's policy asks for, at least.
    pub(super) copies_min: u8,
    /// Sites that they must stand on, at least.
    pub(super) sites_min: u8,
    pub(super) quorum: Option<Quorum>,
    /// Copies of each chunk that was acknowledged, once none is missing.
    pub(super) copies: usize,
    /// Nodes that have not yet all copies of a layout that is taking effect.
    pub(super) waiting: usize,
    /// Whether it has been taking effect for more than a day.
    pub(super) is_layout_late: bool,
    pub(super) jobs: Vec<Job>,
    pub(super) rates: Option<Rates>,
}

/// One node of the organisation.
#[derive(Debug, Clone)]
pub(super) struct Member {
    pub(super) charter: Charter,
    /// Whether its seat lets it vote; none without a seat.
    pub(super) votes: Option<bool>,
    /// Whether it is to be emptied.
    pub(super) is_draining: bool,
    /// Whether it orders what the others propose.
    pub(super) is_leader: bool,
    /// Whether it answers; none without a place in the cluster.
    pub(super) is_reached: Option<bool>,
    /// Entries of the group's log that it lacks.
    pub(super) lag: Option<u64>,
    /// What it holds, and how full its disks are, if it says so.
    pub(super) held: Option<Held>,
    /// What its jobs have found of its copies, if it says so.
    pub(super) upkeep: Option<Upkeep>,
}

/// Whether the group can decide.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Quorum {
    pub(super) voters: usize,
    /// Those that answer.
    pub(super) reached: usize,
    pub(super) has_leader: bool,
}

/// What a node does for its chunks unasked.
#[derive(Debug, Clone)]
pub(super) struct Job {
    pub(super) name: &'static str,
    pub(super) is_working: bool,
    pub(super) is_paused: bool,
    pub(super) is_held_back: bool,
    pub(super) seen: u64,
    pub(super) changed: u64,
    pub(super) bytes: u64,
    /// How old its verification is, if it verifies.
    pub(super) verified: Option<Verified>,
    pub(super) failure: Option<String>,
}

impl Situation {
    /// What the parts say now. Reads a disk's figures: may wait.
    pub(super) fn of(parts: &WebParts, cluster: &Cluster, rates: Option<Rates>) -> Self {
        let (view, now) = (parts.metadata.view(), clock::now());
        let organisation = view.organisation();
        let members = |of: &Arc<Organisation>| {
            let charters = of.charters().filter(|charter| !of.is_seat_removed(charter.node()));
            charters.map(|charter| Member::of(of, charter, cluster)).collect()
        };
        let mut nodes: Vec<_> = organisation.as_ref().map(members).unwrap_or_default();
        nodes.sort_by_key(|member| {
            (member.charter.node() != parts.node, member.charter.site.clone(), member.charter.node())
        });
        let policy = organisation.as_ref().map(|organisation| organisation.policy());
        let layouts = view.layouts();
        let due = view.next_purge().ok().flatten().map(|(due, _)| due);
        Self {
            now,
            node: parts.node,
            applied: view.applied(),
            lag_seconds: i128::from(now.0).saturating_sub(i128::from(view.cluster_time().0)),
            purge_late_seconds: due.map_or(0, |due| view.cluster_time().0.saturating_sub(due.0)),
            disk_limits: parts.disk_limits,
            reserve: parts.reserve.standing(),
            store: parts.chunks.stats().ok(),
            nodes,
            copies_min: policy.map_or(1, |policy| policy.copies_min),
            sites_min: policy.map_or(1, |policy| policy.sites_min),
            quorum: Quorum::of(cluster),
            jobs: parts.jobs.all().into_iter().map(|(name, status)| Job::of(name, status)).collect(),
            copies: layouts.copies(),
            waiting: layouts.waiting().count(),
            is_layout_late: layouts.is_late(view.floor()),
            rates,
        }
    }

    /// The nodes that have a place in the cluster; others only wait for one.
    pub(super) fn placed(&self) -> impl Iterator<Item = &Member> {
        self.nodes.iter().filter(|member| member.is_reached.is_some())
    }

    /// Seconds since the oldest chunk of this node was last read whole; none before everything was read once.
    pub(super) fn unread_seconds(&self) -> Option<u64> {
        let since = self.jobs.iter().find_map(|job| job.verified)?.since?;
        Some(self.now.0.saturating_sub(since.0))
    }

    /// Sites of these nodes.
    pub(super) fn sites(&self) -> BTreeSet<&str> {
        self.placed().map(|member| member.charter.site.as_str()).collect()
    }
}

impl Job {
    pub(super) fn of(name: &'static str, status: JobStatus) -> Self {
        // What is wanting, lost or owed is said of the node (`Upkeep`), whichever it is.
        let JobStatus { state, seen, changed, bytes, verified, failure, .. } = status;
        Self {
            name,
            is_working: state == JobState::Working,
            is_paused: state == JobState::Paused,
            is_held_back: state == JobState::HeldBack,
            seen,
            changed,
            bytes,
            verified,
            failure,
        }
    }
}

impl Quorum {
    /// None before the group has begun.
    fn of(cluster: &Cluster) -> Option<Self> {
        let voters = || cluster.nodes.iter().filter(|member| matches!(member.role, Role::Leader | Role::Voter));
        let reached = voters().filter(|member| member.reached).count();
        (voters().count() > 0).then(|| Self { voters: voters().count(), reached, has_leader: cluster.leader.is_some() })
    }
}

impl Member {
    fn of(organisation: &Organisation, charter: &Charter, cluster: &Cluster) -> Self {
        let seated = organisation.seat(charter.node());
        let node = charter.node().to_hex();
        // Nobody asks a node that has no seat.
        let seen = cluster.nodes.iter().find(|member| member.node == node && member.role != Role::Waiting);
        Self {
            charter: charter.clone(),
            votes: seated.map(|seated| seated.seat.voter),
            is_draining: seated.is_some_and(|seated| seated.draining),
            is_leader: seen.is_some_and(|member| member.role == Role::Leader),
            is_reached: seen.map(|member| member.reached),
            lag: seen.and_then(|member| member.lag),
            held: seen.and_then(|member| member.held),
            upkeep: seen.and_then(|member| member.upkeep.clone()),
        }
    }
}
