//! The one key exchange, and nothing early.

use std::sync::Arc;

use quinn::ConnectionError;
use rustls::crypto::aws_lc_rs;
use rustls::server::ServerSessionMemoryCache;
use rustls::sign::SingleCertAndKey;
use rustls::version::TLS13;
use rustls::{ClientConfig, ClientConnection, NamedGroup, ServerConfig, ServerConnection};
use vauban_protocol::wire::{ALPN_DEVICE, Request, Response, tls_name};

use super::peer::{Peer, endpoint, tls};
use super::site::Site;
use crate::edge::tls::server_config;
use crate::enrolment::{self, Enrolment};
use crate::identity::Identity;

/// Fails if another group is ever added to the node's.
#[tokio::test]
async fn classical_client_refused() {
    let site = Site::start().await;
    let classical = Peer::dial_by(&site, ALPN_DEVICE, aws_lc_rs::kx_group::X25519).await;
    let Err(ConnectionError::ConnectionClosed(close)) = classical else {
        panic!("a classical client got a connection")
    };
    // TLS's alert 40, handshake_failure, as QUIC carries it (RFC 9001, section 4.8).
    assert_eq!(u64::from(close.error_code), 0x100 + 40);
    assert!(Peer::dial(&site, ALPN_DEVICE).await.is_ok());
}

/// A server that takes the library's own groups, classical ones among them, has a handshake with the same client.
#[tokio::test]
async fn control_of_classical_client_refused() {
    let site = Site::start().await;
    let mut server = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_protocol_versions(&[&TLS13])
        .unwrap()
        .with_no_client_auth()
        .with_cert_resolver(Arc::new(SingleCertAndKey::from(enrolment_of(&site).certified())));
    server.alpn_protocols = vec![ALPN_DEVICE.to_vec()];
    let client = tls(&site.authority, ALPN_DEVICE, aws_lc_rs::kx_group::X25519);
    let (_, server) = shaken(&site, &Arc::new(client), Arc::new(server));
    assert_eq!(server.negotiated_key_exchange_group().unwrap().name(), NamedGroup::X25519);
}

#[tokio::test]
async fn x25519mlkem768_is_what_is_negotiated() {
    let site = Site::start().await;
    let enrolment = enrolment_of(&site);
    let server = server_config(enrolment.certified(), enrolment.organisation().tls_authority()).unwrap();
    let client = tls(&site.authority, ALPN_DEVICE, aws_lc_rs::kx_group::X25519MLKEM768);
    let (client, server) = shaken(&site, &Arc::new(client), Arc::new(server));
    let groups = [client.negotiated_key_exchange_group(), server.negotiated_key_exchange_group()];
    for group in groups {
        assert_eq!(group.unwrap().name(), NamedGroup::X25519MLKEM768);
    }
}

/// Fails if the node gives tickets: a client that has one may send early data with its next first packet.
#[tokio::test]
async fn early_data_refused() {
    let site = Site::start().await;
    let mut config = tls(&site.authority, ALPN_DEVICE, aws_lc_rs::kx_group::X25519MLKEM768);
    config.enable_early_data = true;
    let endpoint = endpoint(config);
    let name = tls_name(site.node);
    for _ in 0..2 {
        let connecting = endpoint.connect(site.address, &name).unwrap();
        let connecting = match connecting.into_0rtt() {
            Ok(_) => panic!("the client had what it needs to send early data"),
            Err(connecting) => connecting,
        };
        let connection = connecting.await.unwrap();
        // A ticket would come with or after the handshake: give it the time of a whole exchange.
        let peer = Peer::over(connection, endpoint.clone());
        let device = site.town.admin.device();
        let proof = peer.proof(site.node, device, &site.town.admin);
        peer.hello(device, proof).await;
        assert!(matches!(peer.ask(&Request::Status, &[]).await, Response::Status(_)));
    }
}

/// With a server that gives tickets, and keeps what they are for, the same client sends early data with its next first packet.
#[tokio::test]
async fn control_of_early_data_refused() {
    let site = Site::start().await;
    let enrolment = enrolment_of(&site);
    let mut server = server_config(enrolment.certified(), enrolment.organisation().tls_authority()).unwrap();
    server.max_early_data_size = u32::MAX;
    server.send_tls13_tickets = 2;
    server.session_storage = ServerSessionMemoryCache::new(8);
    let mut client = tls(&site.authority, ALPN_DEVICE, aws_lc_rs::kx_group::X25519MLKEM768);
    client.enable_early_data = true;
    let client = Arc::new(client);
    let (mut first, mut served) = shaken(&site, &client, Arc::new(server));
    pump(&mut first, &mut served);
    let mut again = ClientConnection::new(client, tls_name(site.node).try_into().unwrap()).unwrap();
    assert!(again.early_data().is_some());
}

fn enrolment_of(site: &Site) -> Enrolment {
    let identity = Identity::load(&site.folder.receipt_key()).unwrap();
    enrolment::load(&site.folder, &identity, crate::clock::now()).unwrap()
}

/// Both ends, once they have shaken hands.
fn shaken(site: &Site, client: &Arc<ClientConfig>, server: Arc<ServerConfig>) -> (ClientConnection, ServerConnection) {
    let mut server = ServerConnection::new(server).unwrap();
    let mut client = ClientConnection::new(Arc::clone(client), tls_name(site.node).try_into().unwrap()).unwrap();
    while client.is_handshaking() || server.is_handshaking() {
        pump(&mut client, &mut server);
    }
    (client, server)
}

fn pump(client: &mut ClientConnection, server: &mut ServerConnection) {
    let mut bytes = Vec::new();
    while client.wants_write() {
        client.write_tls(&mut bytes).unwrap();
    }
    let mut rest = bytes.as_slice();
    while !rest.is_empty() {
        server.read_tls(&mut rest).unwrap();
        server.process_new_packets().unwrap();
    }
    let mut bytes = Vec::new();
    while server.wants_write() {
        server.write_tls(&mut bytes).unwrap();
    }
    let mut rest = bytes.as_slice();
    while !rest.is_empty() {
        client.read_tls(&mut rest).unwrap();
        client.process_new_packets().unwrap();
    }
}
