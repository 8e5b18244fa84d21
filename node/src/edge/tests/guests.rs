//! What a guest may do: see the chain and its invite, and answer it. Nothing without an invite.

use vauban_protocol::id::InviteId;
use vauban_protocol::time::Timestamp;
use vauban_protocol::wire::{ALPN_GUEST, GuestRequest, Refusal, Request, Response, split_items};

use super::peer::Peer;
use super::site::Site;
use crate::metadata::tests::town::{Signer, Town};

const INVITE: InviteId = InviteId([5; 16]);

async fn ask(peer: &Peer, request: &GuestRequest, body: &[u8]) -> Response {
    peer.exchange(request, body).await.0
}

#[tokio::test]
async fn a_guest_answers_its_invite() {
    let site = Site::start().await;
    let admin = Peer::enter(&site, &site.town.admin).await;
    let invite = site.town.invite(5, Timestamp(u64::MAX));
    let opened = admin.ask(&Request::OpenInvite, invite.bytes()).await;
    assert_eq!(opened, Response::InviteOpened);

    let guest = Peer::dial(&site, ALPN_GUEST).await.unwrap();
    let request = GuestRequest::Organisation { invite: INVITE, from: 0 };
    let (Response::Organisation { head }, chain) = guest.exchange(&request, &[]).await else { panic!("no chain") };
    assert_eq!(head, site.town.organisation.head());
    assert_eq!(split_items(chain, 100, usize::MAX).unwrap(), site.town.chain);
    let request = GuestRequest::Invite { invite: INVITE };
    let (Response::Invites, body) = guest.exchange(&request, &[]).await else { panic!("no invite") };
    assert_eq!(split_items(body, 1, usize::MAX).unwrap(), [invite.bytes().clone()]);

    let post = Town::post(INVITE, &Signer::new(60), [1; 32]);
    let joined = ask(&guest, &GuestRequest::Join { invite: INVITE }, &post).await;
    assert_eq!(joined, Response::Joined);
    let request = Request::JoinPosts { invite: INVITE };
    let (Response::JoinPosts, body) = admin.exchange(&request, &[]).await else { panic!("no posts") };
    assert_eq!(split_items(body, 1, usize::MAX).unwrap(), [post]);
    let (Response::Invites, body) = admin.exchange(&Request::Invites, &[]).await else { panic!("no invites") };
    assert_eq!(split_items(body, 1, usize::MAX).unwrap(), [invite.bytes().clone()]);
}

#[tokio::test]
async fn without_an_invite_there_is_nothing() {
    let site = Site::start().await;
    let guest = Peer::dial(&site, ALPN_GUEST).await.unwrap();
    let post = Town::post(INVITE, &Signer::new(60), [1; 32]);
    let asked: [(GuestRequest, &[u8]); 3] = [
        (GuestRequest::Organisation { invite: INVITE, from: 0 }, &[]),
        (GuestRequest::Invite { invite: INVITE }, &[]),
        (GuestRequest::Join { invite: INVITE }, &post),
    ];
    for (request, body) in asked {
        let response = ask(&guest, &request, body).await;
        assert_eq!(response, Response::Refused(Refusal::UnknownInvite), "{request:?}");
    }
}

/// Fails if posts can be read by whoever knows an invite's identifier.
#[tokio::test]
async fn posts_are_for_those_who_may_finish() {
    let mut site = Site::start().await;
    let device = site.second_person().await;
    let admin = Peer::enter(&site, &site.town.admin).await;
    let invite = site.town.invite(5, Timestamp(u64::MAX));
    admin.ask(&Request::OpenInvite, invite.bytes()).await;
    let other = Peer::enter(&site, &device).await;
    let posts = other.ask(&Request::JoinPosts { invite: INVITE }, &[]).await;
    assert_eq!(posts, Response::Refused(Refusal::UnknownInvite));
    let opened = other.ask(&Request::OpenInvite, invite.bytes()).await;
    assert_eq!(opened, Response::Refused(Refusal::Forbidden));
}
