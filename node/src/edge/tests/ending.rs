//! How connections end: revoked, or because the node stops.

use vauban_protocol::id::ChunkId;
use vauban_protocol::organisation::Statement;
use vauban_protocol::wire::{ALPN_DEVICE, Admission, ChunkHead, CloseCode, Refusal, Request, Response, encode_head};

use super::peer::{PATIENCE, Peer, answer};
use super::site::Site;
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
