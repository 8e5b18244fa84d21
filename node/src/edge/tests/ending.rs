//! How connections end: revoked, because the node stops, or after it was killed.

use std::net::UdpSocket;
use std::sync::Arc;

use quinn::{ConnectionError, Endpoint, TokioRuntime};
use rustls::crypto::aws_lc_rs::kx_group::X25519MLKEM768;
use tokio::runtime::Runtime;
use vauban_protocol::id::ChunkId;
use vauban_protocol::organisation::Statement;
use vauban_protocol::wire::{
    ALPN_DEVICE, Admission, ChunkHead, CloseCode, Refusal, Request, Response, encode_head, tls_name,
};

use super::peer::{PATIENCE, Peer, answer, endpoint, tls};
use super::site::{Site, anywhere, enrolled};
use crate::clock;
use crate::edge::farewell::endpoint_config;
use crate::edge::tls::quic_config;
use crate::edge::transport::server_config;
use crate::enrolment;
use crate::identity::Identity;
use crate::metadata::tests::town::Folder;

/// Fails if a revocation waits for the device's next connection.
#[tokio::test]
async fn a_revocation_closes_open_connections() {
    let mut site = Site::start().await;
    let device = site.second_person().await;
    let peer = Peer::enter(&site, &device).await;
    let admin = Peer::enter(&site, &site.town.admin).await;
    site.certify(Statement::RevokeDevice { device: device.device() }).await;
    peer.closed_with(CloseCode::Revoked).await;
    let again = Peer::dial(&site, ALPN_DEVICE).await.unwrap();
    let proof = again.proof(site.node, device.device(), &device);
    let admission = again.hello(device.device(), proof).await;
    assert_eq!(admission, Admission::Refused(Refusal::Revoked));
    again.closed_with(CloseCode::Revoked).await;
    assert!(matches!(admin.ask(&Request::Status, &[]).await, Response::Status(_)));
}

/// Fails if a stop cuts off a request that is under way, or waits for a peer that asks nothing.
#[tokio::test]
async fn a_stop_lets_requests_finish() {
    let site = Site::start().await;
    let peer = Peer::enter(&site, &site.town.admin).await;
    let idle = Peer::enter(&site, &site.town.admin).await;
    let folder = Folder::new(&site.town, 1);
    peer.ask(&Request::CreateSpace, &folder.genesis).await;
    let object = vec![1; 10_000];
    let chunks = vec![ChunkHead { id: ChunkId::of(&object), object_bytes: 10_000 }];
    let head = encode_head(&Request::PutChunks { space: folder.id, chunks }, object.len());
    let (first, rest) = object.split_at(5_000);
    let (mut send, recv) = peer.send_raw(&[&head, first].concat()).await;
    // The node answers this only after it has taken the stream before it.
    peer.ask(&Request::Status, &[]).await;
    site.say_stop();
    idle.closed_with(CloseCode::Stopping).await;
    send.write_all(rest).await.unwrap();
    let (stored, _) = answer::<Response>(recv).await;
    assert!(matches!(stored, Response::Stored { .. }));
    peer.closed_with(CloseCode::Stopping).await;
    let address = site.address;
    tokio::time::timeout(PATIENCE, site.stopped()).await.unwrap();
    assert!(std::net::UdpSocket::bind(address).is_ok(), "the port is free again");
}

/// Fails if the peers of a node that was killed must wait for their idle time-out.
#[test]
fn a_killed_run_is_ended_by_the_next() {
    let (_root, folder, _town, authority) = enrolled();
    let identity = Identity::load(&folder.receipt_key()).unwrap();
    let certified = enrolment::load(&folder, &identity, clock::now()).unwrap().certified();
    let listen = |socket: UdpSocket, run: u8| {
        let quic = server_config(quic_config(Arc::clone(&certified), &authority).unwrap(), &anywhere().network);
        let datagrams = endpoint_config(identity.reset_secret(), [run; 32]);
        Endpoint::new(datagrams, Some(quic), socket, Arc::new(TokioRuntime)).unwrap()
    };
    let client = Runtime::new().unwrap();
    let entered = client.enter();
    let dialler = endpoint(tls(&authority, ALPN_DEVICE, X25519MLKEM768));
    drop(entered);

    let first = Runtime::new().unwrap();
    let entered = first.enter();
    let node = listen(UdpSocket::bind("127.0.0.1:0").unwrap(), 1);
    drop(entered);
    let address = node.local_addr().unwrap();
    let entered = client.enter();
    let connecting = dialler.connect(address, &tls_name(identity.node())).unwrap();
    drop(entered);
    let serving = first.spawn(async move { node.accept().await.unwrap().await.unwrap() });
    let connection = client.block_on(connecting).unwrap();
    let served = client.block_on(serving).unwrap();
    // What a kill leaves: no farewell, and the port free.
    first.shutdown_timeout(PATIENCE);
    drop(served);

    let second = Runtime::new().unwrap();
    let entered = second.enter();
    let _node = listen(UdpSocket::bind(address).unwrap(), 2);
    drop(entered);
    let closed = client.block_on(async {
        let (mut send, _recv) = connection.open_bi().await.unwrap();
        send.write_all(&[0; 500]).await.unwrap();
        tokio::time::timeout(PATIENCE, connection.closed()).await.unwrap()
    });
    assert_eq!(closed, ConnectionError::Reset);
}
