//! How a connection becomes one of a known device (`formats#21`).
//!
//! TLS proves the node to the client. The client then opens one stream and sends a [`Hello`]: its signature over this
//! very connection's exporter, with the node and the device in the exporter's context, so that it can be neither
//! replayed nor relayed to another node.

use serde::{Deserialize, Serialize};

use crate::chain::Head;
use crate::id::{DeviceId, NodeId};
use crate::time::Timestamp;
use crate::wire::Refusal;

/// ALPN of an enrolled device.
pub const ALPN_DEVICE: &[u8] = b"vauban-device/1";
/// ALPN between nodes (mutual TLS).
pub const ALPN_NODE: &[u8] = b"vauban-node/1";
/// ALPN of whoever holds an invite or a link.
pub const ALPN_GUEST: &[u8] = b"vauban-guest/1";

/// The first message on a device's connection.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hello {
    /// Who connects.
    pub device: DeviceId,
    /// Ed25519 over the exporter, in context [`crate::label::SIGN_DEVICE_PROOF`].
    pub proof: Vec<u8>,
}

/// The node's answer to a [`Hello`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Admission {
    /// The device is known. What it may do is judged for each request.
    Admitted {
        /// The node that answers.
        node: NodeId,
        /// The cluster's time.
        cluster_time: Timestamp,
        /// The organisation's head that this node has applied.
        org: Head,
        /// The state's feature level: what every voter supports.
        feature_level: u32,
    },
    /// It is not.
    Refused(Refusal),
}

/// Why a connection is closed, as a QUIC application error code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u32)]
pub enum CloseCode {
    /// Nothing more to say.
    Done = 0,
    /// The hello was refused.
    Refused = 1,
    /// The device or its user was revoked.
    Revoked = 2,
    /// The node stops.
    Stopping = 3,
    /// The peer broke the protocol.
    Protocol = 4,
}

/// The exporter's context: binds the proof to both ends.
#[must_use]
pub fn exporter_context(node: NodeId, device: DeviceId) -> Vec<u8> {
    [node.as_ref(), device.as_ref()].concat()
}

/// The bytes a device signs, from the 32 bytes that TLS exported.
#[must_use]
pub fn proof_message(exported: &[u8; 32], node: NodeId, device: DeviceId) -> Vec<u8> {
    [exported.as_slice(), node.as_ref(), device.as_ref()].concat()
}

/// The name in a node's X.509 certificate: derived from its identifier, resolvable nowhere.
#[must_use]
pub fn tls_name(node: NodeId) -> String {
    format!("{}.vauban.internal", node.to_hex())
}
