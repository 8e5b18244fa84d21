//! Whether the node does its work, in the words of `/healthz`.

use axum::http::StatusCode;
use serde::Serialize;
use vauban_protocol::time::Timestamp;

use crate::chunks::Fill;
use crate::leaving::Parting;

/// How the node is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Health {
    /// The first thing that is wrong; `serving` if nothing is.
    pub(super) state: State,
    /// The node's identifier, in full.
    pub(super) node: String,
    /// Its version.
    pub(super) version: &'static str,
    /// The Raft index applied.
    pub(super) applied: u64,
    /// The cluster's time, in seconds since 1970.
    pub(super) cluster_time: u64,
}

/// What a node does, or why not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum State {
    /// It serves.
    Serving,
    /// Its charter has ended or was revoked: clients refuse it.
    NoCharter,
    /// It waits for its place in the cluster.
    Waiting,
    /// It was restored from a backup, and the organisation's root has not said yet that the cluster goes on from there.
    NotInForce,
    /// It takes no uploads: the disk of the chunks has passed a limit.
    DiskFull,
    /// It takes no commits that add chunks: the disk of the metadata is nearly full.
    MetadataDiskFull,
    /// It finishes what is under way.
    Stopping,
    /// It was taken out of the cluster, and others may still need its copies: it must not be stopped.
    Leaving,
    /// It was taken out of the cluster, and may be stopped.
    Left,
}

/// What the state is judged from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Facts {
    pub(super) stopping: bool,
    pub(super) parting: Parting,
    pub(super) is_member: bool,
    pub(super) is_in_force: bool,
    pub(super) charter_ends: Option<Timestamp>,
    pub(super) now: Timestamp,
    pub(super) fill: Fill,
    pub(super) is_metadata_short: bool,
}

impl State {
    /// The most pressing truth.
    pub(super) fn judge(facts: &Facts) -> Self {
        if facts.stopping {
            Self::Stopping
        } else if facts.charter_ends.is_none_or(|ends| ends < facts.now) {
            Self::NoCharter
        } else if facts.parting == Parting::Needed {
            Self::Leaving
        } else if facts.parting == Parting::Free {
            Self::Left
        } else if !facts.is_member {
            Self::Waiting
        } else if !facts.is_in_force {
            Self::NotInForce
        } else if facts.is_metadata_short {
            Self::MetadataDiskFull
        } else if facts.fill != Fill::Roomy {
            Self::DiskFull
        } else {
            Self::Serving
        }
    }

    /// 200 while clients can read and write; a full disk still reads, so it is no reason to restart the node.
    pub(super) fn code(self) -> StatusCode {
        match self {
            Self::Serving | Self::DiskFull | Self::MetadataDiskFull => StatusCode::OK,
            Self::NoCharter | Self::Waiting | Self::NotInForce | Self::Stopping | Self::Leaving | Self::Left => {
                StatusCode::SERVICE_UNAVAILABLE
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_most_pressing_truth_is_told() {
        let well = Facts {
            stopping: false,
            parting: Parting::Stays,
            is_member: true,
            is_in_force: true,
            charter_ends: Some(Timestamp(200)),
            now: Timestamp(100),
            fill: Fill::Roomy,
            is_metadata_short: false,
        };
        assert_eq!(State::judge(&well), State::Serving);
        assert_eq!(State::judge(&Facts { fill: Fill::RepairOnly, ..well }), State::DiskFull);
        assert_eq!(State::judge(&Facts { fill: Fill::Full, ..well }), State::DiskFull);
        let short = Facts { fill: Fill::Full, is_metadata_short: true, ..well };
        assert_eq!(State::judge(&short), State::MetadataDiskFull);
        assert_eq!(State::judge(&short).code(), StatusCode::OK, "it reads: no reason to restart it");
        assert_eq!(State::judge(&Facts { charter_ends: None, ..well }), State::NoCharter);
        assert_eq!(State::judge(&Facts { now: Timestamp(201), ..well }), State::NoCharter);
        assert_eq!(State::judge(&Facts { is_member: false, fill: Fill::Full, ..well }), State::Waiting);
        assert_eq!(State::judge(&Facts { is_in_force: false, ..short }), State::NotInForce);
        assert_eq!(State::judge(&Facts { parting: Parting::Needed, ..well }), State::Leaving);
        assert_eq!(State::judge(&Facts { parting: Parting::Free, is_member: false, ..well }), State::Left);
        assert_eq!(State::judge(&Facts { stopping: true, charter_ends: None, ..well }), State::Stopping);
    }
}
