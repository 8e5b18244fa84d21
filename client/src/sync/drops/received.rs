//! What came of looking at all drops, as people and scripts are told it.

use serde::{Deserialize, Serialize};
use vauban_protocol::wire::DropSummary;

use crate::file_request::Junk;
use crate::limit::DROPS_NAMED_MAX;

/// What came of looking at all drops.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Received {
    /// Files that are in the space now.
    pub files: Vec<ReceivedFile>,
    /// Drops that these came by.
    #[serde(default)]
    pub taken: Vec<TakenDrop>,
    /// Drops that do not open.
    pub junk: Vec<JunkDrop>,
    /// Drops that stay with the nodes for now, counted by file request and reason.
    pub waiting: Vec<WaitingDrops>,
}

/// A dropped file that is in the space now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReceivedFile {
    /// Where it is.
    pub path: String,
    /// Its bytes.
    pub bytes: u64,
    /// Whether its sender calls it otherwise.
    pub renamed: bool,
    /// By which drop, in hexadecimal digits.
    #[serde(default)]
    pub drop: String,
}

/// A drop whose files are in the space now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TakenDrop {
    /// By which file request, in hexadecimal digits.
    pub request: String,
    /// Which, in hexadecimal digits. The first twelve of them are the reference that the page shows to whoever dropped it.
    pub drop: String,
    /// How many files.
    pub files: u64,
    /// Bytes of them.
    pub bytes: u64,
    /// Where the first of them is.
    pub first: String,
}

/// A drop that does not open.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct JunkDrop {
    /// By which file request, in hexadecimal digits.
    pub request: String,
    /// Which, in hexadecimal digits.
    pub drop: String,
    /// Bytes of it, sealed.
    pub bytes: u64,
    /// What is wrong with it.
    pub why: Junk,
    /// Whether nodes were told to let go of it.
    pub discarded: bool,
}

/// Drops of one file request that wait for one reason.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WaitingDrops {
    /// By which file request, in hexadecimal digits.
    pub request: String,
    /// What they wait for.
    pub why: WhyWaiting,
    /// How many.
    pub drops: u64,
    /// Which, in hexadecimal digits: the first [`DROPS_NAMED_MAX`] of them.
    #[serde(default)]
    pub named: Vec<String>,
}

/// What a drop waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WhyWaiting {
    /// This device lacks the keys of the epoch in which the request was made, or what opens its drops is none.
    Keys,
    /// A node that has a chunk does not answer, or another device takes it.
    Elsewhere,
    /// The nodes, or a quota, have no room for its files.
    Room,
    /// This machine's disk cannot hold it.
    Disk,
    /// No place was found for its files: others change the space, or too many things have their names.
    Place,
    /// The nodes refuse what it comes to.
    Refused,
    /// Whoever made the request may not write to the space any more, or the device that made it was revoked.
    Maker,
    /// The space's keys have changed since the request was made: somebody who was shut out may know what drops are sealed to.
    Epoch,
    /// It came after the request's end, or is more than the request lets come.
    Beyond,
}

impl Received {
    /// Whether nothing was dropped.
    #[must_use]
    pub fn is_nothing(&self) -> bool {
        self.files.is_empty() && self.junk.is_empty() && self.waiting.is_empty()
    }

    /// Counts a drop that stays where it is.
    pub(super) fn wait(&mut self, dropped: &DropSummary, why: WhyWaiting) {
        let request = dropped.request.to_hex();
        let drop = dropped.drop.to_hex();
        match self.waiting.iter_mut().find(|waiting| waiting.request == request && waiting.why == why) {
            Some(waiting) => {
                waiting.drops = waiting.drops.saturating_add(1);
                if waiting.named.len() < DROPS_NAMED_MAX {
                    waiting.named.push(drop);
                }
            }
            None => self.waiting.push(WaitingDrops { request, why, drops: 1, named: vec![drop] }),
        }
    }
}
