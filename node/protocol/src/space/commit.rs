//! A commit: a signed batch of changes whose content only members can read (`formats#13`).

use serde::{Deserialize, Serialize};

use crate::canonical::DecodeError;
use crate::chain::Head;
use crate::id::{ChunkId, DeviceId, SpaceId};
use crate::label;
use crate::limit::{CERTIFICATE_BYTES_MAX, COMMIT_ADDS_MAX, COMMIT_BYTES_MAX, COMMIT_OPS_BYTES_MAX};
use crate::signed::Payload;
use crate::space::{KeysChange, MembersChange, Retention};

/// One device's batch of changes, at one place of a space's chain. Signed by the device (Ed25519).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Commit {
    /// The space.
    pub space: SpaceId,
    /// The head that the author knew everything up to; must be the space's head when it is applied.
    pub prev: Head,
    /// The organisation's head that the author had verified; never goes down along a space.
    pub org: Head,
    /// The epoch whose keys seal `sealed_ops`.
    pub epoch: u32,
    /// The author.
    pub device: DeviceId,
    /// Counts the author's commits in this space from 1, without gaps.
    pub counter: u64,
    /// The least Raft index that a receipt for `adds` names; ignored where `adds` is empty.
    pub stored_at: u64,
    /// Chunks that the ops refer to and that are not live at `prev`, in strictly ascending order.
    pub adds: Vec<ChunkId>,
    /// A change that nodes enforce, in clear.
    pub control: Option<Control>,
    /// The changes to the tree, sealed for members; empty for a commit that is control alone.
    pub sealed_ops: Vec<u8>,
}

/// A change that nodes enforce. New variants are added at the end only.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Control {
    /// Starts an epoch: a signed [`crate::space::EpochCertificate`].
    Epoch(Vec<u8>),
    /// Nothing that the author knows of refers to these chunks any more, in strictly ascending order: from here on nodes keep
    /// them for the space's retention only.
    Release(Vec<ChunkId>),
    /// Takes a release of these chunks back, in strictly ascending order.
    Keep(Vec<ChunkId>),
    /// How long released chunks are kept from now on.
    Retention(Retention),
    /// Says that the sealed ops are a checkpoint (`formats#19`), so that nodes can say where the last one is.
    Checkpoint,
    /// Members come, go, or get another role.
    Members(MembersChange),
}

impl Payload for Commit {
    const MAGIC: [u8; 3] = *b"VBL";
    const CONTEXT: &'static str = label::SIGN_COMMIT;
    const BYTES_MAX: usize = COMMIT_BYTES_MAX;

    fn bounded(&self) -> Result<(), DecodeError> {
        if self.adds.len() > COMMIT_ADDS_MAX || self.sealed_ops.len() > COMMIT_OPS_BYTES_MAX {
            return Err(DecodeError::TooLong);
        }
        if !self.adds.is_sorted_by(|a, b| a < b) {
            return Err(DecodeError::NotCanonical);
        }
        self.control.as_ref().map_or(Ok(()), |control| control.bounded(self.adds.len()))
    }
}

impl Control {
    /// Holds a control to its bounds, in a commit with so many adds: ids of both kinds share one bound.
    fn bounded(&self, adds: usize) -> Result<(), DecodeError> {
        match self {
            Self::Epoch(bytes) if bytes.len() > CERTIFICATE_BYTES_MAX => Err(DecodeError::TooLong),
            Self::Release(ids) | Self::Keep(ids) => {
                if ids.len().saturating_add(adds) > COMMIT_ADDS_MAX {
                    Err(DecodeError::TooLong)
                } else if ids.is_empty() || !ids.is_sorted_by(|a, b| a < b) {
                    Err(DecodeError::NotCanonical)
                } else {
                    Ok(())
                }
            }
            Self::Retention(retention) => retention.bounded(),
            Self::Members(change) => change.bounded(),
            Self::Epoch(_) | Self::Checkpoint => Ok(()),
        }
    }

    /// Whether it changes the space in clear: such commits are its outline.
    #[must_use]
    pub fn turns_space(&self) -> bool {
        match self {
            Self::Epoch(_) | Self::Retention(_) | Self::Members(_) => true,
            Self::Release(_) | Self::Keep(_) | Self::Checkpoint => false,
        }
    }

    /// The chunks that it names.
    #[must_use]
    pub fn ids(&self) -> &[ChunkId] {
        match self {
            Self::Release(ids) | Self::Keep(ids) => ids,
            Self::Epoch(_) | Self::Retention(_) | Self::Checkpoint | Self::Members(_) => &[],
        }
    }

    /// The signed certificate of the epoch that it starts, if it does.
    #[must_use]
    pub fn epoch(&self) -> Option<&[u8]> {
        match self {
            Self::Epoch(bytes) | Self::Members(MembersChange { keys: KeysChange::Epoch(bytes), .. }) => Some(bytes),
            _ => None,
        }
    }
}
