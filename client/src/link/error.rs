//! What can go wrong between a client and a node, by who is at fault.

use bytes::Bytes;
use vauban_protocol::canonical::DecodeError;
use vauban_protocol::organisation::PolicyBreach;
use vauban_protocol::wire::{FrameError, ListError, Refusal};

/// A request that was not done.
#[derive(Debug, thiserror::Error)]
pub enum LinkError {
    /// No node answers: the network, or nodes that are down. Trying again later may help.
    #[error("{address} cannot be reached: {reason}")]
    Unreachable {
        /// Which address.
        address: String,
        /// How it failed.
        reason: Unreached,
    },
    /// A node answers, but it is not one that the organisation lets hold its bytes.
    #[error("{address} is not trusted: {reason}")]
    Untrusted {
        /// Which address.
        address: String,
        /// Which rule it breaks.
        reason: Untrusted,
    },
    /// The node is trusted, and says no.
    #[error("refused: {refusal}")]
    Refused {
        /// Why.
        refusal: Refusal,
        /// What follows the refusal: the missing commits after [`Refusal::NotHead`], else nothing.
        body: Bytes,
    },
    /// The node breaks the protocol.
    #[error("the node misbehaves: {0}")]
    Misbehaved(#[from] Misbehaviour),
    /// This machine: no socket, no memory for one.
    #[error("this machine: {0}")]
    Local(#[from] std::io::Error),
    /// A defect of the client's own.
    #[error("defect: {0}")]
    Bug(&'static str),
}

/// How reaching a node failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unreached {
    /// No address of a node is known.
    #[error("no address is known")]
    NoServer,
    /// Not a `host:port`, or the name does not resolve.
    #[error("the name does not resolve")]
    Name,
    /// Nothing came back in time: wrong address, a node that is down, or UDP that is not let through.
    #[error("nothing came back in time")]
    Silent,
    /// The connection ended: a node that stops or died.
    #[error("the connection was lost ({0})")]
    Lost(String),
    /// TLS could not agree: another kind of server, or versions that have nothing in common.
    #[error("no secure connection ({0})")]
    Handshake(String),
}

/// Which rule of trust a node breaks (invariant 6).
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Untrusted {
    /// Its certificate does not come from the organisation's authority, has ended, or is not this node's.
    #[error("its certificate is not of this organisation, or has ended")]
    Certificate,
    /// No charter in force names its key.
    #[error("no charter in force names its key")]
    NoCharter,
    /// Its charter was revoked: for good, and whatever else it shows.
    #[error("its charter was revoked")]
    Revoked,
    /// Its charter does not satisfy the policy.
    #[error("its charter does not satisfy the policy: {0}")]
    Policy(#[from] PolicyBreach),
}

/// How a node breaks the protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Misbehaviour {
    /// A message breaks its bounds or does not decode.
    #[error(transparent)]
    Frame(#[from] FrameError),
    /// A list breaks its bounds.
    #[error(transparent)]
    List(#[from] ListError),
    /// A signed object does not decode.
    #[error("an object: {0}")]
    Object(#[from] DecodeError),
    /// An answer to another question.
    #[error("the answer is to another question")]
    OtherAnswer,
    /// The answer ends early, or more follows it.
    #[error("the answer has another length than announced")]
    Length,
    /// It speaks for another node than its certificate names.
    #[error("it speaks for another node than it is")]
    OtherNode,
    /// It took this connection, then closed it for a breach of the protocol.
    #[error("it closed the connection, and says that this client broke the protocol")]
    Closed,
}

impl LinkError {
    /// Whether the same request may succeed in a moment, on this or another connection.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Unreachable { reason, .. } => matches!(reason, Unreached::Silent | Unreached::Lost(_)),
            Self::Refused { refusal, .. } => refusal.is_transient(),
            Self::Untrusted { .. } | Self::Misbehaved(_) | Self::Local(_) | Self::Bug(_) => false,
        }
    }

    /// Whether time alone may end it: a node that comes back, a network that does, a limit that others leave.
    #[must_use]
    pub fn may_pass(&self) -> bool {
        match self {
            Self::Unreachable { .. } => true,
            Self::Refused { refusal, .. } => {
                refusal.is_transient() || refusal.is_for_room() || *refusal == Refusal::Limit
            }
            Self::Untrusted { .. } | Self::Misbehaved(_) | Self::Local(_) | Self::Bug(_) => false,
        }
    }

    /// The refusal, if it is one.
    #[must_use]
    pub fn refusal(&self) -> Option<Refusal> {
        match self {
            Self::Refused { refusal, .. } => Some(*refusal),
            _ => None,
        }
    }
}
