//! The calling end: one connection to each node that is called, made when it is needed, by a task of its own.
//!
//! Who calls may stop waiting at any time, as the consensus engine does four times a second; dialling goes on, and the next call
//! finds the connection. After a failure calls fail at once, until a wait that grows has passed.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use quinn::{ClientConfig, Connection, Endpoint, IdleTimeout, TransportConfig, VarInt};
use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use rustls::sign::CertifiedKey;
use tokio::sync::watch;
use tokio::time::{Instant, timeout};
use vauban_protocol::id::{Digest, NodeId};
use vauban_protocol::limit::{CERTIFICATE_BYTES_MAX, CERTIFICATES_BYTES_MAX};
use vauban_protocol::wire::{CloseCode, push_item, split_items, tls_name};

use crate::clock;
use crate::edge::TlsError;
use crate::limit::{
    DATAGRAM_BYTES_MAX, PEER_ADDRESSES_MAX, PEER_CALL_SECONDS_MAX, PEER_DIAL_SECONDS_MAX, PEER_GREETINGS_MAX,
    PEER_IDLE_SECONDS, PEER_KEEP_ALIVE_SECONDS, PEER_WAIT_MILLISECONDS_MAX, PEER_WAIT_MILLISECONDS_MIN,
    WINDOW_SEND_BYTES, WINDOW_STREAM_BYTES, WINDOW_WIDE_BYTES,
};
use crate::peers::error::PeerError;
use crate::peers::known::Known;
use crate::peers::stream::{exchange, within};
use crate::peers::tls;
use crate::peers::trust::{judge, named_key};
use crate::peers::wire::{PeerRequest, PeerResponse};

/// Bytes of the shortest certificate: bounds how many a list of a given length can hold.
const CERTIFICATE_BYTES_MIN: usize = 64;

/// This node's way to the others of its cluster. Cheap to clone.
#[derive(Clone)]
pub struct Peers(Arc<Inner>);

struct Inner {
    endpoint: Endpoint,
    own: Arc<CertifiedKey>,
    authority: Arc<RootCertStore>,
    known: Arc<Known>,
    ways: Mutex<HashMap<NodeId, watch::Sender<Way>>>,
    meetings: AtomicU64,
}

/// The way to one node.
#[derive(Clone, Default)]
enum Way {
    /// Nobody has called it yet.
    #[default]
    Untried,
    /// A connection is being made.
    Dialling,
    /// There was one, at this moment at least.
    Open(Line),
    /// It could not be made; until then it is not tried again.
    Closed { error: PeerError, until: Instant, failures: u32 },
}

/// A connection to a node whose charter was judged.
#[derive(Clone)]
pub(crate) struct Line {
    connection: Connection,
    key: Digest,
    /// Whether the node said, when it was greeted last, that it holds nothing.
    is_blank: Arc<AtomicBool>,
}

impl std::fmt::Debug for Peers {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Peers({})", self.0.known.greeting().node)
    }
}

impl Peers {
    /// Calls from `endpoint`, on which this node is served, too; it shows itself with `own`.
    ///
    /// # Errors
    /// [`TlsError`] if the authority of the chain is none.
    pub fn new(endpoint: Endpoint, own: Arc<CertifiedKey>, known: Arc<Known>) -> Result<Self, TlsError> {
        let mut authority = RootCertStore::empty();
        authority.add(CertificateDer::from(known.organisation().tls_authority().to_vec()))?;
        let authority = Arc::new(authority);
        Ok(Self(Arc::new(Inner {
            endpoint,
            own,
            authority,
            known,
            ways: Mutex::default(),
            meetings: AtomicU64::new(0),
        })))
    }

    /// What this node knows of the organisation.
    #[must_use]
    pub fn known(&self) -> &Arc<Known> {
        &self.0.known
    }

    /// Asks `node`, over the connection that there is or a new one.
    ///
    /// # Errors
    /// [`PeerError`]. Whether the request was carried out is unknown then, but for a refusal.
    pub async fn call(
        &self,
        node: NodeId,
        request: &PeerRequest,
        body: &[Bytes],
    ) -> Result<(PeerResponse, Bytes), PeerError> {
        self.call_within(node, request, body, Duration::from_secs(PEER_CALL_SECONDS_MAX)).await
    }

    /// The same, and gives up once the node has left it without a connection, an answer, or more of one, for this long.
    ///
    /// # Errors
    /// As [`Self::call`]; [`PeerError::Slow`] then.
    pub(crate) async fn call_within(
        &self,
        node: NodeId,
        request: &PeerRequest,
        body: &[Bytes],
        silence: Duration,
    ) -> Result<(PeerResponse, Bytes), PeerError> {
        let asked = async {
            let line = within(silence, self.line(node)).await?;
            exchange(&line.connection, request, body, silence).await
        };
        // Whoever sends a byte now and then is not silent.
        let limit = Duration::from_secs(PEER_CALL_SECONDS_MAX);
        timeout(limit, asked).await.unwrap_or(Err(PeerError::Slow))
    }

    /// A connection to `node`, for a request that is more than one exchange.
    ///
    /// # Errors
    /// [`PeerError`].
    pub(crate) async fn connection(&self, node: NodeId) -> Result<Connection, PeerError> {
        Ok(self.line(node).await?.connection)
    }

    /// Whether a node holds anything.
    ///
    /// # Errors
    /// [`PeerError::Emptied`] if it does not.
    pub(crate) async fn remembers(&self, node: NodeId) -> Result<(), PeerError> {
        let line = self.line(node).await?;
        // It may have received its first entries since it greeted.
        if line.is_blank.load(Ordering::Acquire) {
            let is_blank = self.0.greet(&line.connection, node, line.key).await?;
            line.is_blank.store(is_blank, Ordering::Release);
            if is_blank {
                return Err(PeerError::Emptied);
            }
        }
        Ok(())
    }

    /// How often another node was met: connected with anew, by either end. Who has missed something can then catch up.
    #[must_use]
    pub fn meetings(&self) -> u64 {
        self.0.meetings.load(Ordering::Relaxed)
    }

    /// Another node has come by a connection of its own.
    pub(crate) fn meet(&self) {
        self.0.meetings.fetch_add(1, Ordering::Relaxed);
    }

    /// Closes every connection.
    pub fn close(&self) {
        let ways = std::mem::take(&mut *self.0.ways.lock().unwrap_or_else(PoisonError::into_inner));
        for way in ways.values() {
            if let Way::Open(line) = &*way.borrow() {
                line.connection.close(VarInt::from_u32(CloseCode::Stopping as u32), b"the node stops");
            }
        }
    }

    async fn line(&self, node: NodeId) -> Result<Line, PeerError> {
        let way = self.way(node);
        let mut news = way.subscribe();
        let mut dialled = false;
        loop {
            let now = news.borrow_and_update().clone();
            match now {
                Way::Open(line) if line.connection.close_reason().is_none() => {
                    // A revocation ends what was begun before it, too.
                    return match judge(node, line.key, &self.0.known.organisation(), clock::now()) {
                        Ok(()) => Ok(line),
                        Err(untrusted) => {
                            line.connection.close(VarInt::from_u32(CloseCode::Refused as u32), b"not trusted");
                            Err(untrusted.into())
                        }
                    };
                }
                Way::Closed { error, until, .. } if dialled || Instant::now() < until => return Err(error),
                Way::Dialling => {
                    let gone = |_| PeerError::Unreachable("this node stops".to_owned());
                    news.changed().await.map_err(gone)?;
                }
                Way::Untried | Way::Open(_) | Way::Closed { .. } => {
                    dialled = true;
                    self.start_dialling(node, &way);
                }
            }
        }
    }

    fn way(&self, node: NodeId) -> watch::Sender<Way> {
        let mut ways = self.0.ways.lock().unwrap_or_else(PoisonError::into_inner);
        if !ways.contains_key(&node) {
            let organisation = self.0.known.organisation();
            ways.retain(|node, _| !organisation.addresses(*node).is_empty());
        }
        ways.entry(node).or_default().clone()
    }

    /// Begins to dial, unless somebody has.
    fn start_dialling(&self, node: NodeId, way: &watch::Sender<Way>) {
        let mut failures = 0;
        let begun = way.send_if_modified(|way| {
            match way {
                Way::Dialling => return false,
                Way::Open(line) if line.connection.close_reason().is_none() => return false,
                Way::Closed { failures: before, .. } => failures = *before,
                Way::Untried | Way::Open(_) => {}
            }
            *way = Way::Dialling;
            true
        });
        if begun {
            let (inner, way) = (Arc::clone(&self.0), way.clone());
            tokio::spawn(async move {
                let dialled = inner.dial(node).await;
                way.send_replace(match dialled {
                    Ok(line) => {
                        inner.meetings.fetch_add(1, Ordering::Relaxed);
                        Way::Open(line)
                    }
                    Err(error) => {
                        tracing::debug!(%node, %error, failures, "a node was not reached");
                        let wait = wait_after(failures);
                        Way::Closed { error, until: Instant::now() + wait, failures: failures.saturating_add(1) }
                    }
                });
            });
        }
    }
}

impl Inner {
    /// Connects to the first address that answers, greets, and judges.
    async fn dial(&self, node: NodeId) -> Result<Line, PeerError> {
        let organisation = self.known.organisation();
        let mut last = PeerError::NoAddress;
        for address in organisation.addresses(node) {
            for remote in resolve(address).await {
                let limit = Duration::from_secs(PEER_DIAL_SECONDS_MAX);
                match timeout(limit, self.connect(node, remote)).await.unwrap_or(Err(PeerError::Slow)) {
                    Ok(line) => return Ok(line),
                    Err(error) => last = error,
                }
            }
        }
        Err(last)
    }

    async fn connect(&self, node: NodeId, remote: SocketAddr) -> Result<Line, PeerError> {
        let local = |error: &dyn std::fmt::Display| PeerError::Unreachable(error.to_string());
        let crypto = tls::config(Arc::clone(&self.own), Arc::clone(&self.authority), node);
        let mut config = ClientConfig::new(Arc::new(crypto.map_err(|error| local(&error))?));
        config.transport_config(Arc::new(transport()));
        let connecting = self.endpoint.connect_with(config, remote, &tls_name(node)).map_err(|error| local(&error))?;
        let connection = connecting.await?;
        let certificates = connection.peer_identity().and_then(|peer| peer.downcast::<Vec<CertificateDer<'_>>>().ok());
        let key = named_key(&certificates.unwrap_or_default(), node)?;
        let greeted = self.greet(&connection, node, key).await;
        if greeted.is_err() {
            connection.close(VarInt::from_u32(CloseCode::Refused as u32), b"not trusted");
        }
        Ok(Line { is_blank: Arc::new(AtomicBool::new(greeted?)), connection, key })
    }

    /// Brings both to one position of the chain, judges the node by it, and says whether the node is blank.
    async fn greet(&self, connection: &Connection, node: NodeId, key: Digest) -> Result<bool, PeerError> {
        let silence = Duration::from_secs(PEER_CALL_SECONDS_MAX);
        for _ in 0..PEER_GREETINGS_MAX {
            let greeting = self.known.greeting();
            let (answer, body) = exchange(connection, &PeerRequest::Greet(greeting), &[], silence).await?;
            let PeerResponse::Greeted(theirs) = answer else {
                return Err(PeerError::Misbehaved("another answer than to a greeting".to_owned()));
            };
            if theirs.node != node {
                return Err(PeerError::Misbehaved("it speaks for another node than it is".to_owned()));
            }
            let news = split_items(body, CERTIFICATES_BYTES_MAX / CERTIFICATE_BYTES_MIN, CERTIFICATE_BYTES_MAX)?;
            if !news.is_empty() {
                self.known.extend(&news)?;
                continue;
            }
            let organisation = self.known.organisation();
            if !organisation.passed(theirs.head) {
                return Err(PeerError::OtherChain);
            }
            if theirs.head == organisation.head() {
                judge(node, key, &organisation, clock::now())?;
                return Ok(theirs.blank);
            }
            let known = Arc::clone(&self.known);
            let lacking = tokio::task::spawn_blocking(move || known.after(theirs.head)).await;
            let lacking = lacking.map_err(|error| PeerError::Unreachable(error.to_string()))?;
            let lacking = lacking.map_err(|error| PeerError::Unreachable(error.to_string()))?;
            let mut list = Vec::new();
            lacking.iter().for_each(|certificate| push_item(&mut list, certificate));
            exchange(connection, &PeerRequest::Teach, &[list.into()], silence).await?;
        }
        Err(PeerError::Misbehaved("its chain never comes to ours".to_owned()))
    }
}

/// QUIC towards another node: kept alive, and given up soon, since a leader that is gone must be noticed.
fn transport() -> TransportConfig {
    let mut transport = TransportConfig::default();
    let mut datagrams = quinn::MtuDiscoveryConfig::default();
    datagrams.upper_bound(DATAGRAM_BYTES_MAX);
    transport
        .mtu_discovery_config(Some(datagrams))
        .max_concurrent_bidi_streams(VarInt::from_u32(0))
        .max_concurrent_uni_streams(VarInt::from_u32(0))
        .datagram_receive_buffer_size(None)
        .stream_receive_window(VarInt::from_u32(WINDOW_STREAM_BYTES))
        .receive_window(u32::try_from(WINDOW_WIDE_BYTES).map_or(VarInt::MAX, VarInt::from_u32))
        .send_window(WINDOW_SEND_BYTES)
        .keep_alive_interval(Some(Duration::from_secs(PEER_KEEP_ALIVE_SECONDS)))
        .max_idle_timeout(IdleTimeout::try_from(Duration::from_secs(PEER_IDLE_SECONDS)).ok());
    transport
}

/// The first addresses that the system's resolver gives.
async fn resolve(address: &str) -> Vec<SocketAddr> {
    let limit = Duration::from_secs(PEER_DIAL_SECONDS_MAX);
    match timeout(limit, tokio::net::lookup_host(address)).await {
        Ok(Ok(found)) => found.take(PEER_ADDRESSES_MAX).collect(),
        _ => Vec::new(),
    }
}

/// How long a node is left alone after so many failures before this one.
fn wait_after(failures: u32) -> Duration {
    let factor = 1u64.checked_shl(failures).unwrap_or(u64::MAX);
    Duration::from_millis(PEER_WAIT_MILLISECONDS_MIN.saturating_mul(factor).min(PEER_WAIT_MILLISECONDS_MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_and_stay_short() {
        let waits: Vec<u128> = [0, 1, 2, 63, 64, u32::MAX].map(|failures| wait_after(failures).as_millis()).into();
        assert_eq!(waits[..3], [100, 200, 400]);
        assert!(waits[3..].iter().all(|wait| *wait == u128::from(PEER_WAIT_MILLISECONDS_MAX)));
    }
}
