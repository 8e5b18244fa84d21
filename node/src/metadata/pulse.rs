//! What the group does unasked: the leader's ticks, and the watch over the engine.

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use openraft::error::Fatal;
use openraft::{EmptyNode, RaftMetrics};
use tokio::sync::watch;
use tokio::time::MissedTickBehavior;
use vauban_protocol::time::Timestamp;

use super::command::Command;
use super::level::FEATURE_LEVEL;
use super::proposer::Proposer;
use super::raft::Voter;
use super::store::Database;
use crate::limit::TICK_SECONDS;

type Metrics = watch::Receiver<RaftMetrics<Voter, EmptyNode>>;

/// What the founder proposes of its own: its clock, and what it supports, since nobody else votes.
pub(super) fn duties(feature_level: u32) -> Vec<Command> {
    let mut commands = vec![Command::Tick(now())];
    if feature_level < FEATURE_LEVEL {
        commands.push(Command::Raise(FEATURE_LEVEL));
    }
    commands
}

/// Proposes a tick each [`TICK_SECONDS`], while this node leads.
pub(super) async fn beat(metrics: Metrics, me: Voter, proposer: Proposer) {
    let mut beats = tokio::time::interval(Duration::from_secs(TICK_SECONDS));
    beats.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        beats.tick().await;
        if metrics.borrow().current_leader != Some(me) {
            continue;
        }
        if let Err(error) = proposer.propose(Command::Tick(now())).await {
            tracing::warn!(%error, "cluster time stands still");
        }
    }
}

/// Marks the database as failed when the engine has stopped for any reason but being told to: the node then stops.
pub(super) async fn supervise(mut metrics: Metrics, database: Arc<Database>) {
    loop {
        match &metrics.borrow_and_update().running_state {
            Ok(()) => {}
            Err(Fatal::Stopped) => return,
            Err(error) => {
                database.fail("ran the consensus engine", error);
                return;
            }
        }
        if metrics.changed().await.is_err() {
            return;
        }
    }
}

fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    Timestamp(since.map_or(0, |since| since.as_secs()))
}
