//! From an address to a TLS connection, whatever it is for.

use std::net::{SocketAddr, ToSocketAddrs};
use std::sync::Arc;
use std::time::Duration;

use quinn::{ClientConfig, Connection, ConnectionError, Endpoint, VarInt};
use rustls::pki_types::CertificateDer;
use vauban_protocol::wire::CloseCode;

use crate::limit::{ADDRESSES_MAX, CONNECT_SECONDS_MAX};
use crate::link::socket;
use crate::link::stream::is_closed_with;
use crate::link::tls::{self, Errand};
use crate::link::{LinkError, Misbehaviour, Unreached};

/// The name that TLS asks for and never sends: nodes are known by their keys, wherever they stand.
const SERVER_NAME: &str = "vauban.internal";

/// A connection whose peer has proven its TLS key, with the certificates it presented, its own first.
pub(super) struct Dialled {
    pub(super) connection: Connection,
    pub(super) certificates: Vec<CertificateDer<'static>>,
    /// Ends with its connection.
    endpoint: Endpoint,
}

impl Drop for Dialled {
    fn drop(&mut self) {
        let stats = self.connection.stats();
        // Benches read this line.
        tracing::debug!(sent_bytes = stats.udp_tx.bytes, received_bytes = stats.udp_rx.bytes, "a connection is over");
        self.endpoint.close(VarInt::from_u32(CloseCode::Done as u32), b"");
    }
}

/// Connects to `address`: to all that the name stands for at once, and stays with the first that answers.
pub(super) async fn dial(address: &str, errand: Errand) -> Result<Dialled, LinkError> {
    let remotes = resolve(address).await;
    if remotes.is_empty() {
        return Err(LinkError::Unreachable { address: address.to_owned(), reason: Unreached::Name });
    }
    let dials = remotes.into_iter().map(|remote| Box::pin(dial_one(address, remote, errand.clone())));
    let (dialled, _slower) = futures::future::select_ok(dials).await?;
    Ok(dialled)
}

async fn dial_one(address: &str, remote: SocketAddr, errand: Errand) -> Result<Dialled, LinkError> {
    let unreachable = |reason| LinkError::Unreachable { address: address.to_owned(), reason };
    let has_others = errand.has_others();
    let (crypto, verdict) = tls::configuration(errand)?;
    let mut configuration = ClientConfig::new(Arc::new(crypto));
    configuration.transport_config(Arc::new(socket::transport(has_others)));
    let endpoint = socket::endpoint(remote)?;
    let connecting =
        endpoint.connect_with(configuration, remote, SERVER_NAME).map_err(|_| unreachable(Unreached::Name))?;
    let limit = Duration::from_secs(CONNECT_SECONDS_MAX);
    let connection = tokio::time::timeout(limit, connecting)
        .await
        .map_err(|_| unreachable(Unreached::Silent))?
        .map_err(|error| match verdict.broken() {
            Some(reason) => LinkError::Untrusted { address: address.to_owned(), reason },
            None => not_connected(address, &error),
        })?;
    let certificates = connection
        .peer_identity()
        .and_then(|identity| identity.downcast::<Vec<CertificateDer<'static>>>().ok())
        .map(|certificates| *certificates)
        .unwrap_or_default();
    Ok(Dialled { connection, certificates, endpoint })
}

/// What the loss of a connection to `address` means.
pub(super) fn lost(address: &str, error: &ConnectionError) -> LinkError {
    if is_closed_with(error, CloseCode::Protocol) {
        return Misbehaviour::Closed.into();
    }
    let reason = match error {
        ConnectionError::TimedOut => Unreached::Silent,
        other => Unreached::Lost(other.to_string()),
    };
    LinkError::Unreachable { address: address.to_owned(), reason }
}

fn not_connected(address: &str, error: &ConnectionError) -> LinkError {
    match error {
        ConnectionError::TransportError(_)
        | ConnectionError::ConnectionClosed(_)
        | ConnectionError::VersionMismatch => {
            LinkError::Unreachable { address: address.to_owned(), reason: Unreached::Handshake(error.to_string()) }
        }
        other => lost(address, other),
    }
}

/// The first addresses that the system's resolver gives; it is asked on a thread of its own.
async fn resolve(address: &str) -> Vec<SocketAddr> {
    let asked = address.to_owned();
    let asked = tokio::task::spawn_blocking(move || {
        asked.to_socket_addrs().map(|found| found.take(ADDRESSES_MAX).collect()).unwrap_or_default()
    });
    let limit = Duration::from_secs(CONNECT_SECONDS_MAX);
    tokio::time::timeout(limit, asked).await.ok().and_then(Result::ok).unwrap_or_default()
}
