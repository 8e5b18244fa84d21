//! What a member's device has signed, and is not so: a lie, or a defect. Whoever finds it names the device.

use serde::{Deserialize, Serialize};
use vauban_protocol::id::DeviceId;

/// A false word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Falsehood {
    /// The commit that carries it.
    pub seq: u64,
    /// Its author.
    pub device: DeviceId,
    /// What is false.
    pub of: FalsehoodOf,
}

/// What of a commit is false.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FalsehoodOf {
    /// The checkpoint: it is not the tree of the log.
    Checkpoint,
    /// The keys: what was to give this user an epoch's root opens to nothing that fits.
    Keys,
    /// The keys of epochs before: those who come later could not have them from there.
    EarlierKeys,
}
