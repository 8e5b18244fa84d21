//! The link of an enrolled device: one connection to one trusted node, made anew when it is lost, to that node or another.
//!
//! Any number of requests run at once, each on a stream of its own; when the connection is lost, one of them reconnects and
//! the others wait for it. Every request of the contract may be sent twice with the same effect as once, so a lost answer
//! is asked for again.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use bytes::Bytes;
use futures::stream::{FuturesUnordered, StreamExt as _};
use tokio::sync::Mutex;
use vauban_protocol::chain::Head;
use vauban_protocol::id::NodeId;
use vauban_protocol::label;
use vauban_protocol::organisation::Organisation;
use vauban_protocol::time::Timestamp;
use vauban_protocol::wire::{Admission, CloseCode, Hello, Refusal, Request, Response, exporter_context, proof_message};

use crate::clock;
use crate::keys::Identity;
use crate::limit::{CANDIDATES_MAX, NEXT_ADDRESS_MS, REQUEST_TRIES_MAX, RETRY_WAIT_MS};
use crate::link::dial::{self, Dialled};
use crate::link::stream::{self, StreamError, is_closed_with};
use crate::link::tls::Errand;
use crate::link::{LinkError, Misbehaviour, Pace, TrustedNode, Unreached};
use crate::organisation::tls_certificate_end;

/// A device's way to its organisation's nodes.
pub struct Link {
    identity: Arc<Identity>,
    servers: Vec<String>,
    organisation: RwLock<Arc<Organisation>>,
    live: Mutex<Option<Arc<Live>>>,
    /// The address of a node that could not serve, most recently: it is tried last.
    avoided: RwLock<Option<String>>,
    pace: Pace,
    /// Rounds over all servers that ended with nobody reached.
    rounds_failed: AtomicU64,
}

/// What a node said when it let this device in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Admitted {
    /// The node, its charter judged.
    pub node: TrustedNode,
    /// The address it answers at.
    pub address: String,
    /// The cluster's time at that moment.
    pub cluster_time: Timestamp,
    /// This machine's time at that moment.
    pub local_time: Timestamp,
    /// Where the organisation's chain stood there.
    pub org: Head,
    /// What every voter of the cluster supports.
    pub feature_level: u32,
    /// When the node's X.509 certificate ends.
    pub certificate_end: Option<Timestamp>,
}

/// A node's answer; never a refusal, which is an error.
#[derive(Debug)]
pub struct Answer {
    /// Its header.
    pub response: Response,
    /// What follows.
    pub body: Bytes,
}

/// A connection on which the device has been let in.
pub(super) struct Live {
    pub(super) dialled: Dialled,
    pub(super) admitted: Admitted,
}

impl Link {
    /// Connects to the first of `servers` that answers, is trusted and lets the device in.
    ///
    /// # Errors
    /// That of the last address, but a trusted node's word before silence: a refusal says more than a time-out.
    pub async fn connect(
        identity: Arc<Identity>,
        servers: Vec<String>,
        organisation: Arc<Organisation>,
    ) -> Result<Self, LinkError> {
        let link = Self {
            identity,
            servers,
            organisation: RwLock::new(organisation),
            live: Mutex::new(None),
            avoided: RwLock::new(None),
            pace: Pace::default(),
            rounds_failed: AtomicU64::new(0),
        };
        link.live().await?;
        Ok(link)
    }

    pub(super) fn identity(&self) -> &Identity {
        &self.identity
    }

    /// The organisation, by which nodes are judged.
    pub(super) fn known(&self) -> Arc<Organisation> {
        Arc::clone(&self.organisation.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// How fast content may travel over this link.
    #[must_use]
    pub fn pace(&self) -> &Pace {
        &self.pace
    }

    /// What the node said when it let this device in, most recently.
    ///
    /// # Errors
    /// [`LinkError`] if the connection was lost and cannot be made anew.
    pub async fn admitted(&self) -> Result<Admitted, LinkError> {
        Ok(self.live().await?.admitted.clone())
    }

    /// Judges the node again by a chain that has grown, and every later one by it.
    ///
    /// # Errors
    /// [`LinkError::Untrusted`]; the connection is then closed.
    pub async fn judge_by(&self, organisation: Arc<Organisation>) -> Result<(), LinkError> {
        *self.organisation.write().unwrap_or_else(PoisonError::into_inner) = Arc::clone(&organisation);
        let mut live = self.live.lock().await;
        let Some(current) = live.as_ref() else { return Ok(()) };
        let Err(reason) = current.admitted.node.judge_again(&organisation, clock::now()) else { return Ok(()) };
        let address = current.admitted.address.clone();
        *live = None;
        Err(LinkError::Untrusted { address, reason })
    }

    /// Sends a request, again after a lost connection or a refusal that passes, and answers with what the node says.
    ///
    /// # Errors
    /// [`LinkError`]; a refusal is one, and carries what follows it.
    pub async fn request(&self, request: &Request, body: &[Bytes]) -> Result<Answer, LinkError> {
        let mut wait = Duration::from_millis(RETRY_WAIT_MS);
        let mut tries = 1;
        loop {
            let error = match self.once(request, body).await {
                Ok(answer) => return Ok(answer),
                Err(error) => error,
            };
            if !error.is_transient() || tries >= REQUEST_TRIES_MAX {
                return Err(error);
            }
            if error.refusal().is_some() {
                self.leave_for_another().await;
            }
            tracing::debug!(%error, tries, "the request is sent again");
            tokio::time::sleep(wait).await;
            wait = wait.saturating_mul(2);
            tries += 1;
        }
    }

    async fn once(&self, request: &Request, body: &[Bytes]) -> Result<Answer, LinkError> {
        let _turn = self.pace.turn(request).await;
        let live = self.live().await?;
        let connection = &live.dialled.connection;
        let answered = stream::exchange_at(&self.pace, connection, request, body, Response::body_bytes_max).await;
        let (response, body) = match answered {
            Ok(answer) => answer,
            Err(error) => return Err(self.failed(&live, error).await),
        };
        match response {
            Response::Refused(refusal) => Err(LinkError::Refused { refusal, body }),
            response => Ok(Answer { response, body }),
        }
    }

    /// Gives up the connection to a node that lags, is full or has no leader, if there is another node to go to.
    pub(super) async fn leave_for_another(&self) {
        if self.known().seats().nth(1).is_none() {
            return;
        }
        if let Some(left) = self.live.lock().await.take() {
            let address = left.admitted.address.clone();
            tracing::debug!(%address, "another node is asked");
            *self.avoided.write().unwrap_or_else(PoisonError::into_inner) = Some(address);
        }
    }

    /// Where nodes may be: those of the cluster first, the ones that were reached before first among them.
    fn candidates(&self, organisation: &Organisation) -> Vec<String> {
        let seats: Vec<&String> = organisation.seats().flat_map(|seated| &seated.seat.addresses).collect();
        let avoided = self.avoided.read().unwrap_or_else(PoisonError::into_inner).clone();
        let known = self.servers.iter().filter(|server| seats.contains(server));
        let mut candidates: Vec<String> = Vec::new();
        for address in known.chain(seats.iter().copied()).chain(&self.servers) {
            if !candidates.contains(address) {
                candidates.push(address.clone());
            }
        }
        candidates.truncate(CANDIDATES_MAX);
        candidates.sort_by_key(|address| Some(address) == avoided.as_ref());
        candidates
    }

    /// What the failure of an exchange means; the connection is given up.
    pub(super) async fn failed(&self, live: &Arc<Live>, error: StreamError) -> LinkError {
        let mut current = self.live.lock().await;
        if current.as_ref().is_some_and(|current| Arc::ptr_eq(current, live)) {
            *current = None;
        }
        drop(current);
        stream_error(&live.admitted.address, error)
    }

    /// The connection, made anew if there is none. Requests that wait together dial once: who waited for a round that reached
    /// nobody shares its end, so that a lost node is said after a few rounds, not after a few for each request.
    pub(super) async fn live(&self) -> Result<Arc<Live>, LinkError> {
        let rounds_before = self.rounds_failed.load(Ordering::Acquire);
        let mut live = self.live.lock().await;
        if let Some(current) = live.as_ref().filter(|current| current.dialled.connection.close_reason().is_none()) {
            return Ok(Arc::clone(current));
        }
        if self.rounds_failed.load(Ordering::Acquire) != rounds_before {
            let address = self.servers.first().cloned().unwrap_or_default();
            return Err(LinkError::Unreachable { address, reason: Unreached::Silent });
        }
        let organisation = self.known();
        match enter_any(&self.identity, &self.candidates(&organisation), &organisation).await {
            Ok(entered) => Ok(Arc::clone(live.insert(Arc::new(entered)))),
            Err(error) => {
                *live = None;
                self.rounds_failed.fetch_add(1, Ordering::AcqRel);
                Err(error)
            }
        }
    }
}

/// Connects to the first of `addresses` that answers, is trusted and lets the device in. One that has not answered for a while is
/// still waited for while the next is tried.
pub(super) async fn enter_any(
    identity: &Identity,
    addresses: &[String],
    organisation: &Arc<Organisation>,
) -> Result<Live, LinkError> {
    let mut untried = addresses.iter();
    let mut entering = FuturesUnordered::new();
    let mut telling: Option<LinkError> = None;
    loop {
        let is_last = match untried.next() {
            Some(address) => {
                entering.push(enter(identity, address, organisation));
                false
            }
            None if entering.is_empty() => break,
            None => true,
        };
        let patience = async {
            if is_last {
                std::future::pending::<()>().await;
            }
            tokio::time::sleep(Duration::from_millis(NEXT_ADDRESS_MS)).await;
        };
        tokio::select! {
            Some(entered) = entering.next() => match entered {
                Ok(live) => return Ok(live),
                Err(error) if telling.as_ref().is_none_or(LinkError::is_transient) => telling = Some(error),
                Err(_) => {}
            },
            () = patience => {}
        }
    }
    Err(telling.unwrap_or(LinkError::Unreachable { address: String::new(), reason: Unreached::NoServer }))
}

/// Connects to one address, judges the node, and is let in.
async fn enter(identity: &Identity, address: &str, organisation: &Arc<Organisation>) -> Result<Live, LinkError> {
    let local_time = clock::now();
    let dialled = dial::dial(address, Errand::Device(Arc::clone(organisation), local_time)).await?;
    let node = TrustedNode::judge(&dialled.certificates, organisation, local_time)
        .map_err(|reason| LinkError::Untrusted { address: address.to_owned(), reason })?;
    let admission = prove(identity, address, &dialled, node.node()).await?;
    let certificate_end = dialled.certificates.first().and_then(|own| tls_certificate_end(own));
    let Proven { cluster_time, org, feature_level } = admission;
    let address = address.to_owned();
    let admitted = Admitted { node, address, cluster_time, local_time, org, feature_level, certificate_end };
    Ok(Live { dialled, admitted })
}

/// What a node says to a device that has proven itself.
pub(super) struct Proven {
    cluster_time: Timestamp,
    org: Head,
    feature_level: u32,
}

/// Proves to `node`, over this very connection, who this device is (`formats#21`).
pub(super) async fn prove(
    identity: &Identity,
    address: &str,
    dialled: &Dialled,
    node: NodeId,
) -> Result<Proven, LinkError> {
    let device = identity.device();
    let mut exported = [0; 32];
    dialled
        .connection
        .export_keying_material(&mut exported, label::EXPORTER_DEVICE.as_bytes(), &exporter_context(node, device))
        .map_err(|_| LinkError::Bug("TLS exports nothing"))?;
    let proof = identity.signing().sign(label::SIGN_DEVICE_PROOF, &proof_message(&exported, node, device));
    let hello = Hello { device, proof };
    let (admission, _) = stream::exchange(&dialled.connection, &hello, &[], |_: &Admission| 0)
        .await
        .map_err(|error| stream_error(address, error))?;
    match admission {
        Admission::Refused(refusal) => Err(LinkError::Refused { refusal, body: Bytes::new() }),
        Admission::Admitted { node: said, .. } if said != node => Err(Misbehaviour::OtherNode.into()),
        Admission::Admitted { cluster_time, org, feature_level, .. } => Ok(Proven { cluster_time, org, feature_level }),
    }
}

pub(super) fn stream_error(address: &str, error: StreamError) -> LinkError {
    let unreachable = |reason| LinkError::Unreachable { address: address.to_owned(), reason };
    match error {
        StreamError::Lost(error) if is_closed_with(&error, CloseCode::Revoked) => {
            LinkError::Refused { refusal: Refusal::Revoked, body: Bytes::new() }
        }
        StreamError::Lost(error) if is_closed_with(&error, CloseCode::Refused) => {
            LinkError::Refused { refusal: Refusal::UnknownDevice, body: Bytes::new() }
        }
        StreamError::Lost(error) => dial::lost(address, &error),
        StreamError::Reset => unreachable(Unreached::Lost("stream reset".to_owned())),
        StreamError::Stalled => unreachable(Unreached::Silent),
        StreamError::Misbehaved(misbehaviour) => misbehaviour.into(),
    }
}

impl std::fmt::Debug for Link {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Link").field("servers", &self.servers).finish_non_exhaustive()
    }
}
