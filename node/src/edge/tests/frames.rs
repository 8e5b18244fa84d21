//! Messages over their bounds, and bytes that are no message.

use vauban_protocol::id::{ChunkId, SpaceId};
use vauban_protocol::limit::{COMMIT_BYTES_MAX, HEADER_BYTES_MAX, HELLO_BYTES_MAX, IDS_MAX, OBJECT_BYTES_MAX};
use vauban_protocol::wire::{ALPN_DEVICE, ChunkHead, CloseCode, Refusal, Request, Response, encode_head};

use super::peer::{Peer, answer};
use super::site::Site;

const MALFORMED: Response = Response::Refused(Refusal::Malformed);
const SPACE: SpaceId = SpaceId([1; 16]);

#[tokio::test]
async fn a_hello_over_its_limit_closes_the_connection() {
    let site = Site::start().await;
    let peer = Peer::dial(&site, ALPN_DEVICE).await.unwrap();
    let length = u32::try_from(HELLO_BYTES_MAX + 1).unwrap();
    let _stream = peer.send_raw(&length.to_le_bytes()).await;
    peer.closed_with(CloseCode::Protocol).await;
}

#[tokio::test]
async fn bytes_that_are_no_hello_close_the_connection() {
    let site = Site::start().await;
    let peer = Peer::dial(&site, ALPN_DEVICE).await.unwrap();
    let _stream = peer.send_raw(&[2, 0, 0, 0, 0xff, 0xff]).await;
    peer.closed_with(CloseCode::Protocol).await;
}

/// Fails if a length is believed: the node would wait for bytes, or allocate for them, instead of answering.
#[tokio::test]
async fn lengths_over_their_limits_are_refused_at_once() {
    let site = Site::start().await;
    let peer = Peer::enter(&site, &site.town.admin).await;
    let header = u32::try_from(HEADER_BYTES_MAX + 1).unwrap().to_le_bytes().to_vec();
    let commit = encode_head(&Request::Commit { space: SPACE }, COMMIT_BYTES_MAX + 1);
    let bodiless = encode_head(&Request::Status, 1);
    let follow = encode_head(&Request::Follow { space: SPACE, from: 0 }, 1);
    let huge = encode_head(&Request::CreateSpace, usize::MAX);
    let ids = vec![ChunkId([0; 32]); IDS_MAX + 1];
    let list = encode_head(&Request::HaveChunks { space: SPACE, ids }, 0);
    let object_bytes = u32::try_from(OBJECT_BYTES_MAX + 1).unwrap();
    let chunks = vec![ChunkHead { id: ChunkId([0; 32]), object_bytes }];
    let object = encode_head(&Request::PutChunks { space: SPACE, chunks }, OBJECT_BYTES_MAX + 1);
    for message in [header, commit, bodiless, follow, huge, list, object] {
        let (_send, recv) = peer.send_raw(&message).await;
        assert_eq!(answer::<Response>(recv).await.0, MALFORMED);
    }
    assert!(matches!(peer.ask(&Request::Status, &[]).await, Response::Status(_)));
}

#[tokio::test]
async fn a_header_in_another_encoding_is_refused() {
    let site = Site::start().await;
    let peer = Peer::enter(&site, &site.town.admin).await;
    // `Organisation { from: 1 }`, its integer over-long.
    let (_send, recv) = peer.send_raw(&[3, 0, 0, 0, 1, 0x81, 0x00, 0, 0, 0, 0, 0, 0, 0, 0]).await;
    assert_eq!(answer::<Response>(recv).await.0, MALFORMED);
}
