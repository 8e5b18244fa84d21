//! What a service tells of itself: plain data, as it travels over the socket and into `vauban status`.
//!
//! Moments are seconds since 1970, bytes are bytes, identifiers are hexadecimal. Names and paths in it are private.

use serde::{Deserialize, Serialize};

use super::settings::{Limits, Pause};
use crate::complaint::Complaint;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::log::Falsehood;
use crate::sync::{Contested, Held, Issue, told_falsehoods};

/// All that a service tells of itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServiceState {
    /// Its process.
    pub process: u32,
    /// Since when it runs.
    pub since: u64,
    /// Whether a command has the home's claim at the moment, so that no round can run.
    pub is_lent: bool,
    /// How fast it may be.
    pub limits: Limits,
    /// What keeps all of it from its work.
    pub trouble: Option<Trouble>,
    /// Its spaces, in the order of their names.
    pub spaces: Vec<SpaceState>,
}

/// One space that is kept in step with a folder.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SpaceState {
    /// The space.
    pub space: String,
    /// What people call it.
    pub name: String,
    /// The folder.
    pub folder: String,
    /// What it is about.
    pub phase: Phase,
    /// The pause that is in force.
    pub pause: Option<Pause>,
    /// What the round under way has to do.
    pub pending: Pending,
    /// Bytes sent in a second, lately.
    pub up_bytes_second: u64,
    /// Bytes received in a second, lately.
    pub down_bytes_second: u64,
    /// When both sides agreed last, as far as this process has seen.
    pub last_sync: Option<u64>,
    /// What the brake holds.
    pub held: Held,
    /// Changes that wait: held, or waiting for something else.
    pub left: u64,
    /// What is left out, the first of it.
    pub left_out: Vec<Issue>,
    /// How much is left out.
    pub left_out_count: u64,
    /// Conflict copies made since the service runs, the latest of them.
    pub conflicts: Vec<String>,
    /// Devices that released what is still needed, since the service runs: alarms.
    pub contested: Vec<Contested>,
    /// Checkpoints that are not the tree of the log, found since the service runs: alarms.
    #[serde(with = "told_falsehoods")]
    pub falsehoods: Vec<Falsehood>,
    /// Whether there are too many folders to watch each.
    pub is_partly_watched: bool,
    /// Why it is offline or stopped.
    pub trouble: Option<Trouble>,
}

impl SpaceState {
    /// A space of which nothing has happened yet.
    pub(crate) fn starting(space: String, name: String, folder: String) -> Self {
        Self {
            space,
            name,
            folder,
            phase: Phase::Starting,
            pause: None,
            pending: Pending::default(),
            up_bytes_second: 0,
            down_bytes_second: 0,
            last_sync: None,
            held: Held::default(),
            left: 0,
            left_out: Vec::new(),
            left_out_count: 0,
            conflicts: Vec::new(),
            contested: Vec::new(),
            falsehoods: Vec::new(),
            is_partly_watched: false,
            trouble: None,
        }
    }
}

/// What a space is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// It has not been looked at yet.
    Starting,
    /// A round is under way.
    Syncing,
    /// Nothing is to be done.
    InStep,
    /// No node answers.
    Offline,
    /// Nodes answer, and have no room for what is to be sent.
    Waiting,
    /// A person paused it.
    Paused,
    /// It failed in a way that time does not mend.
    Stopped,
}

/// What a round has to do.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pending {
    /// Files to send.
    pub uploads: u64,
    /// Bytes of those.
    pub upload_bytes: u64,
    /// Files to receive.
    pub downloads: u64,
    /// Bytes of those.
    pub download_bytes: u64,
    /// Bytes of either that are done.
    pub done_bytes: u64,
}

/// A failure, as people read it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trouble {
    /// What went wrong.
    pub error: String,
    /// What to do now.
    pub now: String,
    /// The exit code of its kind.
    pub exit: u8,
}

impl From<&Failure> for Trouble {
    fn from(failure: &Failure) -> Self {
        let Complaint { what, now } = Complaint::from(failure);
        Self { error: what, now, exit: Exit::from(failure) as u8 }
    }
}
