//! The one key exchange, and nothing early.

use std::sync::Arc;

use quinn::ConnectionError;
use rustls::crypto::aws_lc_rs;
use rustls::{ClientConnection, NamedGroup, ServerConnection};
use vauban_protocol::wire::{ALPN_DEVICE, Request, Response, tls_name};

use super::peer::{Peer, endpoint, tls};
use super::site::Site;
use crate::edge::tls::server_config;
use crate::enrolment;
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

#[tokio::test]
async fn x25519mlkem768_is_what_is_negotiated() {
    let site = Site::start().await;
    let identity = Identity::load(&site.folder.receipt_key()).unwrap();
    let enrolment = enrolment::load(&site.folder, &identity, crate::clock::now()).unwrap();
    let server = server_config(enrolment.certified(), enrolment.organisation().tls_authority()).unwrap();
    let mut server = ServerConnection::new(Arc::new(server)).unwrap();
    let config = tls(&site.authority, ALPN_DEVICE, aws_lc_rs::kx_group::X25519MLKEM768);
    let name = tls_name(site.node).try_into().unwrap();
    let mut client = ClientConnection::new(Arc::new(config), name).unwrap();
    while client.is_handshaking() || server.is_handshaking() {
        pump(&mut client, &mut server);
    }
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
