//! What can go wrong between two nodes, by who is at fault.

use vauban_protocol::canonical::DecodeError;
use vauban_protocol::organisation::{OrganisationError, PolicyBreach};
use vauban_protocol::wire::{FrameError, ListError};

use crate::peers::wire::PeerRefusal;

/// Why another node did not do what it was asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PeerError {
    /// The chain says no address of it.
    #[error("no address of it is known: it has no seat")]
    NoAddress,
    /// It does not answer: it is down, or the network is.
    #[error("it cannot be reached: {0}")]
    Unreachable(String),
    /// It took too long.
    #[error("it took too long")]
    Slow,
    /// It is not one that the organisation lets hold its bytes.
    #[error("it is not trusted: {0}")]
    Untrusted(#[from] Untrusted),
    /// It says no.
    #[error("it refuses: {0}")]
    Refused(#[from] PeerRefusal),
    /// Its chain is another one: one of the two was made up by somebody with an admin's keys.
    #[error("its chain of the organisation is not ours")]
    OtherChain,
    /// It holds nothing, although the cluster counts on what it held.
    #[error("it has come back empty")]
    Emptied,
    /// It breaks the protocol.
    #[error("it breaks the protocol: {0}")]
    Misbehaved(String),
}

/// Which rule of trust a node breaks (invariant 6).
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Untrusted {
    /// Its certificate does not come from the organisation's authority, has ended, or is not this node's.
    #[error("its certificate is not of this organisation, has ended, or names another node")]
    Certificate,
    /// No charter in force names its key.
    #[error("no charter in force names its key")]
    NoCharter,
    /// Its charter was revoked.
    #[error("its charter was revoked")]
    Revoked,
    /// Its charter does not satisfy the policy.
    #[error("its charter does not satisfy the policy: {0}")]
    Policy(#[from] PolicyBreach),
}

impl From<quinn::ConnectionError> for PeerError {
    fn from(error: quinn::ConnectionError) -> Self {
        Self::Unreachable(error.to_string())
    }
}

impl From<quinn::WriteError> for PeerError {
    fn from(error: quinn::WriteError) -> Self {
        Self::Unreachable(error.to_string())
    }
}

impl From<std::io::Error> for PeerError {
    fn from(error: std::io::Error) -> Self {
        Self::Unreachable(error.to_string())
    }
}

impl From<FrameError> for PeerError {
    fn from(error: FrameError) -> Self {
        Self::Misbehaved(error.to_string())
    }
}

impl From<ListError> for PeerError {
    fn from(error: ListError) -> Self {
        Self::Misbehaved(error.to_string())
    }
}

impl From<DecodeError> for PeerError {
    fn from(error: DecodeError) -> Self {
        Self::Misbehaved(error.to_string())
    }
}

impl From<OrganisationError> for PeerError {
    fn from(error: OrganisationError) -> Self {
        match error {
            OrganisationError::NotHead => Self::OtherChain,
            other => Self::Misbehaved(other.to_string()),
        }
    }
}
