//! Who gets in, and who does not.

use vauban_protocol::wire::{ALPN_DEVICE, ALPN_NODE, Admission, CloseCode, Refusal, Request, Response};

use super::peer::Peer;
use super::site::Site;
use crate::metadata::tests::town::Signer;

const REFUSED: CloseCode = CloseCode::Refused;

#[tokio::test]
async fn a_known_device_is_admitted() {
    let site = Site::start().await;
    let peer = Peer::dial(&site, ALPN_DEVICE).await.unwrap();
    let device = site.town.admin.device();
    let proof = peer.proof(site.node, device, &site.town.admin);
    let Admission::Admitted { node, org, .. } = peer.hello(device, proof).await else { panic!("not admitted") };
    assert_eq!((node, org), (site.node, site.town.organisation.head()));
    let Response::Status(status) = peer.ask(&Request::Status, &[]).await else { panic!("no status") };
    assert_eq!(status.node, site.node);
    assert!(status.disk_free_bytes > 0);
}

#[tokio::test]
async fn an_unknown_device_is_refused() {
    let site = Site::start().await;
    let stranger = Signer::new(200);
    let peer = Peer::dial(&site, ALPN_DEVICE).await.unwrap();
    let proof = peer.proof(site.node, stranger.device(), &stranger);
    let admission = peer.hello(stranger.device(), proof).await;
    assert_eq!(admission, Admission::Refused(Refusal::UnknownDevice));
    peer.closed_with(REFUSED).await;
}

/// Fails if the node takes a device's word for who it is.
#[tokio::test]
async fn another_keys_proof_is_refused() {
    let site = Site::start().await;
    let device = site.town.admin.device();
    let peer = Peer::dial(&site, ALPN_DEVICE).await.unwrap();
    let proof = peer.proof(site.node, device, &Signer::new(200));
    let admission = peer.hello(device, proof).await;
    assert_eq!(admission, Admission::Refused(Refusal::Proof));
    peer.closed_with(REFUSED).await;
}

/// Fails if the proof does not rest on the connection's own exporter.
#[tokio::test]
async fn a_proof_replayed_from_another_connection_is_refused() {
    let site = Site::start().await;
    let device = site.town.admin.device();
    let overheard = Peer::dial(&site, ALPN_DEVICE).await.unwrap();
    let proof = overheard.proof(site.node, device, &site.town.admin);
    let thief = Peer::dial(&site, ALPN_DEVICE).await.unwrap();
    let admission = thief.hello(device, proof.clone()).await;
    assert_eq!(admission, Admission::Refused(Refusal::Proof));
    // The same proof is good where it was made.
    let admission = overheard.hello(device, proof).await;
    assert!(matches!(admission, Admission::Admitted { .. }));
}

/// Fails if the node is not in the proof: a node could else pass a device's proof on to another.
#[tokio::test]
async fn a_proof_for_another_node_is_refused() {
    let site = Site::start().await;
    let device = site.town.admin.device();
    let peer = Peer::dial(&site, ALPN_DEVICE).await.unwrap();
    let elsewhere = vauban_protocol::id::NodeId([7; 16]);
    let proof = peer.proof(elsewhere, device, &site.town.admin);
    let admission = peer.hello(device, proof).await;
    assert_eq!(admission, Admission::Refused(Refusal::Proof));
}

#[tokio::test]
async fn a_silent_peer_is_closed() {
    let site = Site::start().await;
    let peer = Peer::dial(&site, ALPN_DEVICE).await.unwrap();
    peer.closed_with(CloseCode::Done).await;
    let slow = Peer::dial(&site, ALPN_DEVICE).await.unwrap();
    let _stream = slow.send_raw(&[1, 0]).await;
    slow.closed_with(CloseCode::Done).await;
}

#[tokio::test]
async fn who_comes_as_a_node_shows_a_certificate() {
    let site = Site::start().await;
    let peer = Peer::dial(&site, ALPN_NODE).await.unwrap();
    peer.closed_with(REFUSED).await;
}

#[tokio::test]
async fn an_unknown_protocol_has_no_handshake() {
    let site = Site::start().await;
    assert!(Peer::dial(&site, b"vauban-device/2").await.is_err());
}
