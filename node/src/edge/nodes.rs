//! Another node on its connection: greetings until both know the same chain, then requests, each by a node whose charter holds at
//! that moment.
//!
//! TLS has verified that the organisation's authority certified the key. A peer that is no node of the organisation is told nothing but
//! the chain, which is its own proof; whoever shows no certificate at all is told nothing.

use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Instant;

use bytes::Bytes;
use quinn::{Connection, RecvStream, SendStream};
use rustls::pki_types::CertificateDer;
use tokio::task::{JoinSet, spawn_blocking};
use tokio::time::timeout;
use vauban_protocol::id::{Digest, NodeId};
use vauban_protocol::limit::{CERTIFICATE_BYTES_MAX, CERTIFICATES_BYTES_MAX, HEADER_BYTES_MAX};
use vauban_protocol::organisation::OrganisationError;
use vauban_protocol::wire::{CloseCode, ITEM_LENGTH_BYTES, item_prefix, split_items};

use crate::chunks::StoreError;
use crate::clock;
use crate::edge::answer::send_message;
use crate::edge::connection::{Left, Signals, report};
use crate::edge::fault::RequestFault;
use crate::edge::gateway::Gateway;
use crate::edge::handshake::close;
use crate::edge::incoming::{Incoming, Rest};
use crate::edge::memory::Share;
use crate::edge::transport::widen_for_node;
use crate::jobs::Upkeep;
use crate::peers::{Greeting, PeerCondition, PeerRefusal, PeerRequest, PeerResponse, PeerStatus, judge, named_key};
use crate::replication::{ChunkRequest, ServeError};

/// The label of a request whose header was not read.
const UNREAD: &str = "unread";

/// A node's end of its connection.
struct Caller {
    connection: Connection,
    /// Who it is, once it has greeted: its name is in its certificate.
    named: OnceLock<(NodeId, Digest)>,
    /// What it said of itself last.
    greeted: Mutex<Option<Greeting>>,
    /// Memory for what is said between the consensus engines.
    share: Share,
    /// Memory for the chunks that it pushes.
    pushed: Share,
}

/// An answer, and the parts of its body.
type Answered = (PeerResponse, Vec<Bytes>);

/// Serves another node until its connection ends.
pub(super) async fn serve(gateway: &Arc<Gateway>, connection: Connection, left: Left, mut signals: Signals) {
    let address = connection.remote_address();
    if certificates(&connection).is_empty() {
        tracing::warn!(%address, "a peer without a certificate came as a node");
        gateway.metrics.admission_refused("certificate");
        close(&connection, CloseCode::Refused, "a node shows a certificate");
        return;
    }
    let caller = Arc::new(Caller {
        connection: connection.clone(),
        named: OnceLock::new(),
        greeted: Mutex::default(),
        share: gateway.consensus.share(),
        pushed: gateway.pushed.share(),
    });
    let _counted = gateway.metrics.connection("node");
    let mut requests = JoinSet::new();
    let mut stopping = std::pin::pin!(async {
        signals.stop.stopped().await;
        // What devices still wait for may come by this connection.
        let _in_time = timeout(signals.grace, left.all()).await;
    });
    loop {
        tokio::select! {
            stream = connection.accept_bi() => {
                let Ok(stream) = stream else { break };
                let (gateway, caller) = (Arc::clone(gateway), Arc::clone(&caller));
                requests.spawn(async move { serve_request(&gateway, &caller, stream).await });
            }
            Some(done) = requests.join_next() => report(done),
            () = &mut stopping => break,
        }
    }
    // What the other node asks for is whole or not done: it asks again, here or elsewhere.
    close(&connection, CloseCode::Stopping, "the node stops");
}

async fn serve_request(gateway: &Gateway, caller: &Caller, (mut send, recv): (SendStream, RecvStream)) {
    let started = Instant::now();
    let mut verb = UNREAD;
    let answered = async {
        let (request, rest) = Incoming::<PeerRequest>::read(recv, HEADER_BYTES_MAX).await?.split();
        verb = request.name();
        route(gateway, caller, request, rest).await
    };
    let (answer, body) = match answered.await {
        Ok(answered) => answered,
        Err(RequestFault::Gone(_)) => {
            gateway.metrics.request_done(verb, "gone", started.elapsed());
            return;
        }
        Err(fault) => {
            tracing::debug!(verb, %fault, "another node's request was not served");
            (PeerResponse::Refused(refusal(&fault)), Vec::new())
        }
    };
    let outcome = if matches!(answer, PeerResponse::Refused(_)) { "refused" } else { "done" };
    gateway.metrics.request_done(verb, outcome, started.elapsed());
    if let Err(fault) = send_message(&mut send, &answer, body).await {
        tracing::debug!(verb, %fault, "an answer was not taken");
    }
}

async fn route(gateway: &Gateway, caller: &Caller, request: PeerRequest, rest: Rest) -> Result<Answered, RequestFault> {
    let bytes_max =
        request.body_bytes_max().ok_or(RequestFault::Bound("a list in the header is longer than allowed"))?;
    if let PeerRequest::Greet(greeting) = request {
        return greet(gateway, caller, greeting).await;
    }
    if let PeerRequest::Snapshot { manifest } = request {
        let node = admitted(gateway, caller)?;
        let (body_bytes, body) = rest.stream(bytes_max).await?;
        let answer = gateway.metadata.receive_snapshot(node, &manifest, body_bytes, body).await?;
        return Ok((PeerResponse::Consensus, vec![answer]));
    }
    if let PeerRequest::Chunks(asked) = request {
        let node = admitted(gateway, caller)?;
        let mut body = rest.body(bytes_max, &caller.pushed).await?;
        let objects = body.whole().await?;
        return chunks(gateway, node, asked, objects).await;
    }
    let mut body = rest.body(bytes_max, &caller.share).await?;
    let bytes = body.whole().await?;
    if request == PeerRequest::Teach {
        return teach(gateway, caller, bytes).await;
    }
    let node = admitted(gateway, caller)?;
    let metadata = &gateway.metadata;
    match request {
        PeerRequest::Append => Ok((PeerResponse::Consensus, vec![metadata.append_for(node, &bytes).await?])),
        PeerRequest::Vote => Ok((PeerResponse::Consensus, vec![metadata.vote_for(node, &bytes).await?])),
        PeerRequest::Propose => {
            let (index, outcomes) = metadata.order_for(&bytes).await?;
            Ok((PeerResponse::Proposed { index }, vec![outcomes]))
        }
        PeerRequest::Status => {
            let (applied, version) = (metadata.view().applied(), env!("CARGO_PKG_VERSION").to_owned());
            Ok((PeerResponse::Status(PeerStatus { applied, version }), Vec::new()))
        }
        PeerRequest::Position => Ok((PeerResponse::Position { index: metadata.position().await? }, Vec::new())),
        PeerRequest::Condition => {
            let layout = metadata.view().layouts().version();
            let condition = PeerCondition::of(&gateway.chunks, &gateway.reserve, layout)?;
            Ok((PeerResponse::Condition(condition), Vec::new()))
        }
        PeerRequest::Upkeep => {
            let stats = gateway.chunks.stats()?;
            Ok((PeerResponse::Upkeep(Upkeep::of(&gateway.jobs, &stats)), Vec::new()))
        }
        PeerRequest::Level => Ok((PeerResponse::Level { supported: metadata.supports() }, Vec::new())),
        // Answered above.
        PeerRequest::Greet(_) | PeerRequest::Teach | PeerRequest::Snapshot { .. } | PeerRequest::Chunks(_) => {
            Err(RequestFault::Crossed)
        }
    }
}

/// Names the node, and answers with this one's own greeting and what the other lacks of the chain.
async fn greet(gateway: &Gateway, caller: &Caller, theirs: Greeting) -> Result<Answered, RequestFault> {
    let Ok(key) = named_key(&certificates(&caller.connection), theirs.node) else {
        return Ok((PeerResponse::Refused(PeerRefusal::NotAdmitted), Vec::new()));
    };
    let (node, _) = *caller.named.get_or_init(|| (theirs.node, key));
    if node != theirs.node {
        return Ok((PeerResponse::Refused(PeerRefusal::NotAdmitted), Vec::new()));
    }
    *caller.greeted.lock().unwrap_or_else(PoisonError::into_inner) = Some(theirs);
    if !gateway.peers.known().greeting().suits(&theirs) {
        tracing::warn!(
            %node,
            "a node of another incarnation of the cluster comes: one of the two was restored from a backup; on the one that was not, \
             run `vauban-node rejoin`"
        );
    }
    if admitted(gateway, caller).is_ok() {
        widen_for_node(&caller.connection);
        gateway.peers.meet();
    }
    let known = Arc::clone(gateway.peers.known());
    let lacking = spawn_blocking(move || known.after(theirs.head)).await;
    let lacking = lacking.map_err(|_| RequestFault::Refused(vauban_protocol::wire::Refusal::Unavailable))??;
    let mut body = Vec::with_capacity(2 * lacking.len());
    for certificate in lacking {
        body.push(Bytes::copy_from_slice(&item_prefix(&certificate)));
        body.push(certificate);
    }
    Ok((PeerResponse::Greeted(gateway.peers.known().greeting()), body))
}

/// Takes certificates in that this node lacks.
async fn teach(gateway: &Gateway, caller: &Caller, list: Bytes) -> Result<Answered, RequestFault> {
    if caller.named.get().is_none() {
        return Ok((PeerResponse::Refused(PeerRefusal::NotAdmitted), Vec::new()));
    }
    let certificates = split_items(list, CERTIFICATES_BYTES_MAX / ITEM_LENGTH_BYTES, CERTIFICATE_BYTES_MAX)?;
    let known = Arc::clone(gateway.peers.known());
    let extended = spawn_blocking(move || known.extend(&certificates)).await;
    let answer = match extended {
        Ok(Ok(head)) => PeerResponse::Taught { head },
        Ok(Err(OrganisationError::NotHead)) => PeerResponse::Refused(PeerRefusal::OtherChain),
        Ok(Err(_)) => PeerResponse::Refused(PeerRefusal::Malformed),
        Err(_) => PeerResponse::Refused(PeerRefusal::Unavailable),
    };
    Ok((answer, Vec::new()))
}

/// Takes, counts or gives chunks.
async fn chunks(
    gateway: &Gateway,
    node: NodeId,
    asked: ChunkRequest,
    objects: Bytes,
) -> Result<Answered, RequestFault> {
    match gateway.replication.serve(node, asked, objects).await {
        Ok((reply, body)) => Ok((PeerResponse::Chunks(reply), body)),
        Err(ServeError::Malformed) => Ok((PeerResponse::Refused(PeerRefusal::Malformed), Vec::new())),
        Err(ServeError::NotPermitted) => Ok((PeerResponse::Refused(PeerRefusal::NotAdmitted), Vec::new())),
        Err(ServeError::Store(error)) => Err(error.into()),
    }
}

/// The node, if it may ask anything now.
fn admitted(gateway: &Gateway, caller: &Caller) -> Result<NodeId, PeerRefusal> {
    let (node, key) = *caller.named.get().ok_or(PeerRefusal::NotAdmitted)?;
    let organisation = gateway.peers.known().organisation();
    judge(node, key, &organisation, clock::now()).map_err(|untrusted| {
        tracing::warn!(%node, address = %caller.connection.remote_address(), %untrusted, "another node is not trusted");
        gateway.metrics.admission_refused("untrusted_node");
        PeerRefusal::NotAdmitted
    })?;
    let greeted = *caller.greeted.lock().unwrap_or_else(PoisonError::into_inner);
    let is_suitable = greeted.is_some_and(|theirs| gateway.peers.known().greeting().suits(&theirs));
    if is_suitable { Ok(node) } else { Err(PeerRefusal::OtherIncarnation) }
}

/// What the peer has shown in TLS, its own certificate first.
fn certificates(connection: &Connection) -> Vec<CertificateDer<'static>> {
    let shown = connection.peer_identity().and_then(|peer| peer.downcast::<Vec<CertificateDer<'static>>>().ok());
    shown.map(|shown| *shown).unwrap_or_default()
}

fn refusal(fault: &RequestFault) -> PeerRefusal {
    match fault {
        RequestFault::Peer(refusal) => *refusal,
        RequestFault::Store(StoreError::DiskFull { .. }) => PeerRefusal::DiskFull,
        RequestFault::Frame(_) | RequestFault::List(_) | RequestFault::Decode(_) | RequestFault::Bound(_) => {
            PeerRefusal::Malformed
        }
        _ => PeerRefusal::Unavailable,
    }
}
