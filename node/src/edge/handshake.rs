//! From a stranger's first packet to a known device, in steps that consume each other (`formats#21`).
//!
//! ```text
//! Incoming ─ TLS ─► Arrived ─┬─ Device(Unproven) ─ hello ─► (Connection, Admitted)
//!                            ├─ Guest                      knows an invite, has proven nothing
//!                            └─ Node                       has shown a certificate, or is refused (`nodes`)
//! ```
//! The proof is the device's signature over this connection's TLS exporter, with node and device in its context: it is
//! worth nothing on another connection, and nothing to another node. [`Admitted`] says who, never what they may do.

use std::time::Duration;

use quinn::crypto::rustls::HandshakeData;
use quinn::{Connecting, Connection, ConnectionError, SendStream, VarInt};
use tokio::time::timeout;
use vauban_protocol::id::{DeviceId, NodeId, UserId};
use vauban_protocol::label;
use vauban_protocol::limit::{HELLO_BYTES_MAX, HELLO_SECONDS_MAX};
use vauban_protocol::organisation::Organisation;
use vauban_protocol::wire::{
    ALPN_DEVICE, ALPN_GUEST, ALPN_NODE, Admission, CloseCode, Hello, Refusal, exporter_context, proof_message,
};

use crate::edge::answer::send_message;
use crate::edge::fault::RequestFault;
use crate::edge::incoming::Incoming;
use crate::metadata::Metadata;

/// A peer with which TLS is done.
pub(super) enum Arrived {
    /// Says it is an enrolled device.
    Device(Unproven),
    /// Holds an invite.
    Guest(Connection),
    /// Says it is another node.
    Node(Connection),
}

/// A connection whose device has not proven itself yet.
pub(super) struct Unproven(Connection);

/// A device that has proven itself on the connection it came with. Made by [`Unproven::admit`] alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Admitted {
    device: DeviceId,
    user: UserId,
}

/// Why a peer was not admitted.
#[derive(Debug, thiserror::Error)]
pub(super) enum AdmissionFault {
    /// TLS or QUIC failed: an incompatible peer, one without the post-quantum key exchange, or a lost line.
    #[error("no connection: {0}")]
    Connection(#[from] ConnectionError),
    /// It speaks no protocol of ours.
    #[error("no known application protocol")]
    Protocol,
    /// No hello in time.
    #[error("no hello within {HELLO_SECONDS_MAX} s")]
    Slow,
    /// What came is no hello.
    #[error("no hello: {0}")]
    Hello(RequestFault),
    /// The hello does not admit it.
    #[error("{0}")]
    Refused(Refusal),
    /// TLS does not export: a bug.
    #[error("TLS exports nothing")]
    Exporter,
}

impl AdmissionFault {
    /// The reason, as a metric's label.
    pub(super) fn reason(&self) -> &'static str {
        match self {
            Self::Connection(_) | Self::Protocol | Self::Exporter => "tls",
            Self::Slow => "slow",
            Self::Hello(_) => "malformed",
            Self::Refused(Refusal::UnknownDevice) => "unknown_device",
            Self::Refused(Refusal::Revoked) => "revoked",
            Self::Refused(Refusal::Proof) => "proof",
            Self::Refused(_) => "other",
        }
    }
}

/// Finishes TLS, within the time a hello may take.
pub(super) async fn arrive(connecting: Connecting) -> Result<Arrived, AdmissionFault> {
    let limit = Duration::from_secs(HELLO_SECONDS_MAX);
    let connection = timeout(limit, connecting).await.map_err(|_| AdmissionFault::Slow)??;
    let protocol = connection
        .handshake_data()
        .and_then(|data| data.downcast::<HandshakeData>().ok())
        .and_then(|data| data.protocol)
        .ok_or(AdmissionFault::Protocol)?;
    match protocol.as_slice() {
        ALPN_DEVICE => Ok(Arrived::Device(Unproven(connection))),
        ALPN_GUEST => Ok(Arrived::Guest(connection)),
        ALPN_NODE => Ok(Arrived::Node(connection)),
        _ => Err(AdmissionFault::Protocol),
    }
}

impl Unproven {
    /// Reads the hello, verifies the proof against the applied state, and answers. A peer that is not admitted is told
    /// why, where it can be, and its connection is closed.
    pub(super) async fn admit(
        self,
        node: NodeId,
        metadata: &Metadata,
    ) -> Result<(Connection, Admitted), AdmissionFault> {
        let connection = self.0;
        let limit = Duration::from_secs(HELLO_SECONDS_MAX);
        let judged = timeout(limit, judge(&connection, node, metadata)).await.unwrap_or(Err(AdmissionFault::Slow));
        match judged {
            Ok(admitted) => Ok((connection, admitted)),
            Err(fault) => {
                close(&connection, close_code(&fault), &fault.to_string());
                Err(fault)
            }
        }
    }
}

impl Admitted {
    /// The machine.
    pub(super) fn device(&self) -> DeviceId {
        self.device
    }

    /// The person whose machine it is; that never changes.
    pub(super) fn user(&self) -> UserId {
        self.user
    }
}

/// Closes a connection with a code of the contract and a word for people.
pub(super) fn close(connection: &Connection, code: CloseCode, reason: &str) {
    connection.close(VarInt::from_u32(code as u32), reason.as_bytes());
}

async fn judge(connection: &Connection, node: NodeId, metadata: &Metadata) -> Result<Admitted, AdmissionFault> {
    let (mut send, recv) = connection.accept_bi().await?;
    let view = metadata.view();
    let organisation = || view.organisation().ok_or(AdmissionFault::Refused(Refusal::Unavailable));
    let mut current = organisation()?;
    let incoming = Incoming::<Hello>::read(recv, HELLO_BYTES_MAX);
    let (hello, _rest) = incoming.await.map_err(AdmissionFault::Hello)?.split();
    let mut is_level = true;
    if current.device(hello.device).is_none() {
        // Another node may have taken its certificate in, a moment ago.
        is_level = metadata.catch_up().await;
        current = organisation()?;
    }
    let proven = match prove(connection, node, &current, &hello)? {
        Err(Refusal::UnknownDevice) if !is_level => Err(Refusal::Behind),
        // Devices go to the nodes that are left.
        Ok(_) if current.is_seat_removed(node) => Err(Refusal::Unavailable),
        proven => proven,
    };
    match proven {
        Ok(admitted) => {
            let admission = Admission::Admitted {
                node,
                cluster_time: view.cluster_time(),
                org: current.head(),
                feature_level: view.feature_level(),
            };
            answer(&mut send, &admission).await?;
            Ok(admitted)
        }
        Err(refusal) => {
            answer(&mut send, &Admission::Refused(refusal)).await?;
            Err(AdmissionFault::Refused(refusal))
        }
    }
}

/// Whether the hello proves an enrolled device. The signature is looked at before a revocation is told.
fn prove(
    connection: &Connection,
    node: NodeId,
    organisation: &Organisation,
    hello: &Hello,
) -> Result<Result<Admitted, Refusal>, AdmissionFault> {
    let device = hello.device;
    let mut exported = [0; 32];
    connection
        .export_keying_material(&mut exported, label::EXPORTER_DEVICE.as_bytes(), &exporter_context(node, device))
        .map_err(|_| AdmissionFault::Exporter)?;
    let Some(record) = organisation.device(device) else {
        return Ok(Err(Refusal::UnknownDevice));
    };
    let message = proof_message(&exported, node, device);
    let key = &record.keys.ed25519;
    if key.verify(label::SIGN_DEVICE_PROOF, &message, &hello.proof).is_err() {
        return Ok(Err(Refusal::Proof));
    }
    if record.revoked_at.is_some() {
        return Ok(Err(Refusal::Revoked));
    }
    Ok(Ok(Admitted { device, user: record.user }))
}

async fn answer(send: &mut SendStream, admission: &Admission) -> Result<(), AdmissionFault> {
    send_message(send, admission, Vec::new()).await.map_err(AdmissionFault::Hello)
}

fn close_code(fault: &AdmissionFault) -> CloseCode {
    match fault {
        AdmissionFault::Refused(Refusal::Revoked) => CloseCode::Revoked,
        AdmissionFault::Refused(_) | AdmissionFault::Exporter => CloseCode::Refused,
        // It may be this node that slept, or the line: who comes again may be admitted.
        AdmissionFault::Connection(_)
        | AdmissionFault::Slow
        | AdmissionFault::Hello(RequestFault::Slow | RequestFault::Gone(_)) => CloseCode::Done,
        AdmissionFault::Protocol | AdmissionFault::Hello(_) => CloseCode::Protocol,
    }
}
