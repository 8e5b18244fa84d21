//! A peer's connection, from its first packet to its end: what ends it, and what becomes of its requests then.
//!
//! A revocation ends a device's connection at once, requests and all. A stop lets requests under way finish, within the
//! grace that the operator gives; followers are let go at once. A peer that leaves takes its requests with it.

use std::sync::Arc;
use std::time::Duration;

use quinn::{Connection, Incoming as FirstPacket};
use tokio::sync::{OwnedSemaphorePermit, watch};
use tokio::task::JoinSet;
use tokio::time::timeout;
use vauban_protocol::chain::Head;
use vauban_protocol::wire::CloseCode;

use crate::edge::caller::{Caller, Working};
use crate::edge::gateway::Gateway;
use crate::edge::handshake::{AdmissionFault, Admitted, Arrived, arrive, close};
use crate::edge::memory::Share;
use crate::edge::nodes;
use crate::edge::requests::{serve_device, serve_guest};
use crate::edge::stop::Stop;
use crate::edge::transport::{widen_for_device, widen_for_guest};
use crate::limit::{GUEST_SECONDS_MAX, STOP_SILENCE_MILLISECONDS};

/// What a connection listens to, beside its peer.
#[derive(Clone)]
pub(super) struct Signals {
    /// The organisation's head, as it is applied: a new one may revoke this device.
    pub(super) organisation: watch::Receiver<Option<Head>>,
    /// The node stops.
    pub(super) stop: Stop,
    /// How long requests may go on then.
    pub(super) grace: Duration,
}

/// What a connection holds while it lasts: its places among the handshakes and among the connections.
pub(super) struct Places {
    pub(super) handshake: OwnedSemaphorePermit,
    pub(super) connection: OwnedSemaphorePermit,
    /// The guests' places; one is taken once the peer turns out to be a guest.
    pub(super) guests: Arc<tokio::sync::Semaphore>,
    /// The places of other nodes; one is taken in exchange for that of the connection.
    pub(super) nodes: Arc<tokio::sync::Semaphore>,
    /// Told once no device or guest is left.
    pub(super) left: Left,
}

/// Whether devices and guests are gone: at a stop, what they still ask for needs the other nodes.
#[derive(Clone)]
pub(super) struct Left {
    pub(super) connections: Arc<tokio::sync::Semaphore>,
    pub(super) connections_max: usize,
}

impl Left {
    /// Waits until they are.
    pub(super) async fn all(&self) {
        let all = u32::try_from(self.connections_max).unwrap_or(u32::MAX);
        // Fails only once the node is gone.
        let _gone = self.connections.acquire_many(all).await;
    }
}

/// Serves a peer until its connection ends.
pub(super) async fn serve(gateway: Arc<Gateway>, packet: FirstPacket, places: Places, signals: Signals) {
    let address = packet.remote_address();
    let Places { handshake, connection: place, guests, nodes: of_nodes, left } = places;
    match admit(&gateway, packet).await {
        Ok(Peer::Device(connection, admitted)) => {
            drop(handshake);
            tracing::info!(%address, device = %admitted.device(), "device admitted");
            let _counted = gateway.metrics.connection("device");
            device(&gateway, &connection, admitted, signals).await;
        }
        Ok(Peer::Guest(connection)) => {
            drop(handshake);
            let Ok(_place) = guests.try_acquire_owned() else {
                close(&connection, CloseCode::Refused, "too many guests; try again");
                return;
            };
            let _counted = gateway.metrics.connection("guest");
            guest(&gateway, &connection, signals).await;
        }
        Ok(Peer::Node(connection)) => {
            drop(handshake);
            let Ok(_place) = of_nodes.try_acquire_owned() else {
                close(&connection, CloseCode::Refused, "too many nodes; try again");
                return;
            };
            drop(place);
            nodes::serve(&gateway, connection, left, signals).await;
            return;
        }
        Err(fault) => {
            tracing::info!(%address, %fault, "peer not admitted");
            gateway.metrics.admission_refused(fault.reason());
        }
    }
    drop(place);
}

enum Peer {
    Device(Connection, Admitted),
    Guest(Connection),
    Node(Connection),
}

async fn admit(gateway: &Gateway, packet: FirstPacket) -> Result<Peer, AdmissionFault> {
    match arrive(packet.accept()?).await? {
        Arrived::Device(unproven) => {
            let (connection, admitted) = unproven.admit(gateway.identity.node(), &gateway.metadata).await?;
            Ok(Peer::Device(connection, admitted))
        }
        Arrived::Guest(connection) => Ok(Peer::Guest(connection)),
        Arrived::Node(connection) => Ok(Peer::Node(connection)),
    }
}

/// Why a connection ends.
enum End {
    Gone,
    Revoked,
    Stopping,
    /// This node was taken out of the cluster: the device goes to another.
    TakenOut,
    Expired,
}

async fn device(gateway: &Arc<Gateway>, connection: &Connection, admitted: Admitted, mut signals: Signals) {
    let window = gateway.memory.window();
    widen_for_device(connection, &window);
    let caller = Caller::new(admitted, gateway.memory.share(), signals.stop.clone());
    let mut requests = JoinSet::new();
    // Whatever was applied since the hello was judged is looked at first.
    signals.organisation.mark_changed();
    let end = loop {
        tokio::select! {
            stream = connection.accept_bi() => {
                let Ok(stream) = stream else { break End::Gone };
                let (gateway, caller) = (Arc::clone(gateway), caller.clone());
                requests.spawn(async move { serve_device(&gateway, &caller, stream).await });
            }
            Some(done) = requests.join_next() => report(done),
            _ = signals.organisation.changed() => {
                if gateway.live(&admitted).is_err() {
                    break End::Revoked;
                }
                if gateway.is_taken_out() {
                    break End::TakenOut;
                }
            }
            () = signals.stop.stopped() => break End::Stopping,
        }
    };
    finish(connection, end, requests, signals.grace, caller.working()).await;
    tracing::info!(device = %admitted.device(), "device left");
}

async fn guest(gateway: &Arc<Gateway>, connection: &Connection, mut signals: Signals) {
    widen_for_guest(connection);
    let share: Share = gateway.memory.share();
    let mut requests = JoinSet::new();
    let expiry = tokio::time::sleep(Duration::from_secs(GUEST_SECONDS_MAX));
    tokio::pin!(expiry);
    let end = loop {
        tokio::select! {
            stream = connection.accept_bi() => {
                let Ok(stream) = stream else { break End::Gone };
                let (gateway, share) = (Arc::clone(gateway), share.clone());
                requests.spawn(async move { serve_guest(&gateway, &share, stream).await });
            }
            Some(done) = requests.join_next() => report(done),
            () = signals.stop.stopped() => break End::Stopping,
            () = &mut expiry => break End::Expired,
        }
    };
    finish(connection, end, requests, signals.grace, &Working::default()).await;
}

/// Ends a connection; requests that are still under way then are dropped, whose effects are whole or none.
async fn finish(connection: &Connection, end: End, mut requests: JoinSet<()>, grace: Duration, working: &Working) {
    match end {
        End::Gone => {}
        End::Revoked => close(connection, CloseCode::Revoked, "this device has been revoked"),
        End::Expired => close(connection, CloseCode::Done, "come again"),
        End::Stopping | End::TakenOut => {
            let all = async {
                while let Some(done) = requests.join_next().await {
                    report(done);
                }
            };
            let all = timeout(grace, all);
            let in_time = tokio::select! {
                ended = all => ended.is_ok(),
                () = gone(connection, working) => true,
            };
            if !in_time {
                tracing::warn!(open = requests.len(), "requests did not finish before the stop");
            }
            close(connection, CloseCode::Stopping, "the node stops");
        }
    }
}

/// Waits until a peer has fallen silent that owes nothing but acknowledgements: it has left, and its farewell was lost.
async fn gone(connection: &Connection, working: &Working) {
    let heard = || connection.stats().udp_rx.datagrams;
    let mut before = heard();
    loop {
        tokio::time::sleep(Duration::from_millis(STOP_SILENCE_MILLISECONDS)).await;
        let now = heard();
        if now == before && working.is_done() {
            return;
        }
        before = now;
    }
}

pub(super) fn report(done: Result<(), tokio::task::JoinError>) {
    if let Err(error) = done {
        tracing::error!(%error, "a request ended abnormally: a bug, please report it");
    }
}
