//! `Follow`: who is told what, and what ends it.

use std::time::Duration;

use bytes::Bytes;
use quinn::{RecvStream, SendStream};
use vauban_protocol::id::SpaceId;
use vauban_protocol::limit::{COMMIT_BYTES_MAX, COMMIT_OPS_BYTES_MAX, FOLLOW_BYTES_MAX, HEADER_BYTES_MAX};
use vauban_protocol::organisation::Statement;
use vauban_protocol::signed::Signed;
use vauban_protocol::space::Commit;
use vauban_protocol::wire::{
    CloseCode, Refusal, Request, Response, body_length, decode_header, encode_head, header_length, item_length,
};

use super::peer::{PATIENCE, Peer};
use super::site::{Site, anywhere};
use crate::limit::DEVICE_FOLLOWS_MAX;
use crate::metadata::tests::town::Folder;

/// A stream on which a space is followed.
struct Followed {
    response: Response,
    recv: RecvStream,
    send: SendStream,
}

impl Followed {
    async fn open(peer: &Peer, space: SpaceId, from: u64) -> Self {
        let request = encode_head(&Request::Follow { space, from }, 0);
        let (send, mut recv) = peer.send_raw(&request).await;
        let reading = async {
            let mut prefix = [0; 4];
            recv.read_exact(&mut prefix).await.unwrap();
            let mut header = vec![0; header_length(prefix, HEADER_BYTES_MAX).unwrap()];
            recv.read_exact(&mut header).await.unwrap();
            let mut prefix = [0; 8];
            recv.read_exact(&mut prefix).await.unwrap();
            assert_eq!(body_length(prefix, 0), Ok(0));
            decode_header(&header).unwrap()
        };
        let response = tokio::time::timeout(PATIENCE, reading).await.expect("the node answers");
        Self { response, recv, send }
    }

    /// The next commit; `None` once the stream has ended between two of them.
    async fn next(&mut self) -> Option<Bytes> {
        let reading = async {
            let mut prefix = [0; 4];
            match self.recv.read_exact(&mut prefix).await {
                Err(quinn::ReadExactError::FinishedEarly(0)) => return None,
                other => other.unwrap(),
            }
            let mut item = vec![0; item_length(prefix, COMMIT_BYTES_MAX).unwrap()];
            self.recv.read_exact(&mut item).await.unwrap();
            Some(item.into())
        };
        tokio::time::timeout(PATIENCE, reading).await.expect("a commit, or the end")
    }
}

/// A space of the admin's, on the node.
async fn space(site: &Site, peer: &Peer, nonce: u8) -> Folder {
    let mut folder = Folder::new(&site.town, nonce);
    peer.ask(&Request::CreateSpace, &folder.genesis).await;
    let first = site.town.first_epoch(&folder.space, site.metadata.view().applied());
    put(peer, &mut folder, first).await;
    folder
}

/// Has the node take a commit.
async fn put(peer: &Peer, folder: &mut Folder, commit: Signed<Commit>) -> Bytes {
    let head = folder.take(&commit);
    let request = Request::Commit { space: folder.id };
    assert_eq!(peer.ask(&request, commit.bytes()).await, Response::Committed { head });
    commit.bytes().clone()
}

/// The same with a new commit of so many bytes of ops.
async fn grow(site: &Site, peer: &Peer, folder: &mut Folder, ops_bytes: usize) -> Bytes {
    let mut draft = site.town.draft(&folder.space);
    draft.sealed_ops = vec![7; ops_bytes];
    let commit = site.town.admin.seal(draft);
    put(peer, folder, commit).await
}

#[tokio::test]
async fn what_is_there_comes_first_and_then_what_is_new() {
    let site = Site::start().await;
    let author = Peer::enter(&site, &site.town.admin).await;
    let reader = Peer::enter(&site, &site.town.admin).await;
    let mut folder = space(&site, &author, 1).await;
    let old = grow(&site, &author, &mut folder, 10).await;
    let mut followed = Followed::open(&reader, folder.id, 1).await;
    assert_eq!(followed.response, Response::Following { head: folder.space.head() });
    assert_eq!(followed.next().await.unwrap(), old);
    for bytes in [20, COMMIT_OPS_BYTES_MAX, 30] {
        let new = grow(&site, &author, &mut folder, bytes).await;
        assert_eq!(followed.next().await.unwrap(), new);
    }
    let mut later = Followed::open(&reader, folder.id, folder.space.head().seq).await;
    let last = grow(&site, &author, &mut folder, 40).await;
    assert_eq!(followed.next().await.unwrap(), last);
    assert_eq!(later.next().await.unwrap(), last);
}

/// Fails if a follower hears of another space, or anybody of a space that is not theirs.
#[tokio::test]
async fn nobody_is_told_of_another_space() {
    let mut site = Site::start().await;
    let stranger = site.second_person().await;
    let author = Peer::enter(&site, &site.town.admin).await;
    let (mut one, mut other) = (space(&site, &author, 1).await, space(&site, &author, 2).await);
    let mut followed = Followed::open(&author, one.id, 1).await;
    grow(&site, &author, &mut other, 10).await;
    let own = grow(&site, &author, &mut one, 10).await;
    assert_eq!(followed.next().await.unwrap(), own);

    let stranger = Peer::enter(&site, &stranger).await;
    for space in [one.id, SpaceId([9; 16])] {
        let refused = Followed::open(&stranger, space, 0).await;
        assert_eq!(refused.response, Response::Refused(Refusal::UnknownSpace));
    }
}

#[tokio::test]
async fn who_has_seen_more_than_the_node_is_told_that_it_lags() {
    let site = Site::start().await;
    let peer = Peer::enter(&site, &site.town.admin).await;
    let folder = space(&site, &peer, 1).await;
    let ahead = Followed::open(&peer, folder.id, 2).await;
    assert_eq!(ahead.response, Response::Refused(Refusal::Behind));
}

/// Fails if a follower that takes nothing makes the node hold more than one feed may carry, or loses a commit.
#[tokio::test]
async fn a_follower_that_falls_behind_is_closed_and_follows_again() {
    let site = Site::start().await;
    let peer = Peer::enter(&site, &site.town.admin).await;
    let mut folder = space(&site, &peer, 1).await;
    let mut followed = Followed::open(&peer, folder.id, 1).await;
    let mut commits = Vec::new();
    while commits.iter().map(Bytes::len).sum::<usize>() <= FOLLOW_BYTES_MAX + COMMIT_OPS_BYTES_MAX {
        commits.push(grow(&site, &peer, &mut folder, COMMIT_OPS_BYTES_MAX).await);
    }
    let mut told = Vec::new();
    while let Some(commit) = followed.next().await {
        told.push(commit);
    }
    let bytes: usize = told.iter().map(|commit| commit.len() + 4).sum();
    assert!(bytes <= FOLLOW_BYTES_MAX && told.len() < commits.len(), "{bytes} bytes on one stream");
    let mut again = Followed::open(&peer, folder.id, 1 + told.len() as u64).await;
    while told.len() < commits.len() {
        told.push(again.next().await.expect("the rest"));
    }
    assert_eq!(told, commits);
}

#[tokio::test]
async fn a_revocation_ends_it() {
    let mut site = Site::start().await;
    let peer = Peer::enter(&site, &site.town.admin).await;
    let folder = space(&site, &peer, 1).await;
    let mut followed = Followed::open(&peer, folder.id, 1).await;
    site.certify(Statement::RevokeDevice { device: site.town.admin.device() }).await;
    peer.closed_with(CloseCode::Revoked).await;
    let ended = tokio::time::timeout(PATIENCE, followed.recv.read_chunk(1, true)).await.unwrap();
    assert!(matches!(ended, Err(quinn::ReadError::ConnectionLost(_))), "{ended:?}");
}

/// The grace is longer than this test waits: fails if a follower is waited for.
#[tokio::test]
async fn a_stop_does_not_wait_for_followers() {
    let mut config = anywhere();
    config.network.stop_grace = 10 * PATIENCE;
    let site = Site::start_with(config).await;
    let peer = Peer::enter(&site, &site.town.admin).await;
    let folder = space(&site, &peer, 1).await;
    let followed = Followed::open(&peer, folder.id, 1).await;
    assert!(matches!(followed.response, Response::Following { .. }));
    site.say_stop();
    peer.closed_with(CloseCode::Stopping).await;
    tokio::time::timeout(PATIENCE, site.stopped()).await.unwrap();
}

/// Fails if followers take the places of requests, come without bound, or keep a place after they have left.
#[tokio::test]
async fn followers_of_a_connection_are_bounded() {
    let site = Site::start().await;
    let peer = Peer::enter(&site, &site.town.admin).await;
    let folder = space(&site, &peer, 1).await;
    let mut followers = Vec::new();
    for _ in 0..DEVICE_FOLLOWS_MAX {
        followers.push(Followed::open(&peer, folder.id, 1).await);
    }
    let following = Response::Following { head: folder.space.head() };
    assert!(followers.iter().all(|followed| followed.response == following));
    assert_eq!(Followed::open(&peer, folder.id, 1).await.response, Response::Refused(Refusal::Limit));
    assert!(matches!(peer.ask(&Request::Status, &[]).await, Response::Status(_)));

    let Followed { mut recv, mut send, .. } = followers.pop().unwrap();
    recv.stop(0u32.into()).unwrap();
    send.finish().unwrap();
    let freed = async {
        while Followed::open(&peer, folder.id, 1).await.response != following {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(PATIENCE, freed).await.expect("a follower that left gives its place back");
}
