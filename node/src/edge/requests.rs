//! One stream, one request, one answer: read, route, answer, count. A follower is told more after its answer.

use std::time::Instant;

use quinn::{RecvStream, SendStream};
use vauban_protocol::limit::HEADER_BYTES_MAX;
use vauban_protocol::wire::{GuestRequest, Refusal, Request, Response};

use crate::edge::answer::Answer;
use crate::edge::caller::Caller;
use crate::edge::fault::RequestFault;
use crate::edge::gateway::Gateway;
use crate::edge::incoming::{Incoming, Rest};
use crate::edge::memory::Share;
use crate::edge::verbs::{self, Feed};

/// The label of a request whose header was not read.
const UNREAD: &str = "unread";

/// What a request leads to.
enum Reply {
    /// One message.
    Answer(Answer),
    /// A message, and then as many more as there is to tell.
    Feed(Feed),
}

/// Serves one request of an admitted device.
pub(super) async fn serve_device(gateway: &Gateway, caller: &Caller, (send, recv): (SendStream, RecvStream)) {
    let started = Instant::now();
    let mut verb = UNREAD;
    let at_work = caller.working().begin();
    let answered = async {
        let (request, rest) = Incoming::<Request>::read(recv, HEADER_BYTES_MAX).await?.split();
        verb = name(&request);
        route(gateway, caller, request, rest).await
    };
    let answered = answered.await;
    drop(at_work);
    let answered = match answered {
        Ok(Reply::Feed(feed)) => {
            gateway.metrics.request_done(verb, "done", started.elapsed());
            return feed.tell(gateway, caller, send).await;
        }
        Ok(Reply::Answer(answer)) => Ok(answer),
        Err(fault) => Err(fault),
    };
    finish(gateway, verb, started, answered, send).await;
}

/// Serves one request of a guest.
pub(super) async fn serve_guest(gateway: &Gateway, share: &Share, (send, recv): (SendStream, RecvStream)) {
    let started = Instant::now();
    let mut verb = UNREAD;
    let answered = async {
        let (request, rest) = Incoming::<GuestRequest>::read(recv, HEADER_BYTES_MAX).await?.split();
        verb = guest_name(&request);
        route_guest(gateway, share, request, rest).await
    };
    let answered = answered.await;
    finish(gateway, verb, started, answered, send).await;
}

async fn route(gateway: &Gateway, caller: &Caller, request: Request, rest: Rest) -> Result<Reply, RequestFault> {
    let Caller { admitted, share, .. } = caller;
    let bytes_max =
        request.body_bytes_max().ok_or(RequestFault::Bound("a list in the header is longer than allowed"))?;
    let body = rest.body(bytes_max, share).await?;
    gateway.live(admitted)?;
    if gateway.is_superseded() && !matches!(request, Request::Status | Request::Organisation { .. } | Request::Certify)
    {
        // What is applied here is of a log that is no more: to a device that has gone back, it would be a fork.
        return Err(RequestFault::Refused(Refusal::NotInForce));
    }
    if gateway.is_taken_out() && !matches!(request, Request::Status | Request::Organisation { .. }) {
        // It only gives its chunks to those who take its place: devices go to these.
        return Err(RequestFault::Refused(Refusal::Unavailable));
    }
    let answer = match request {
        Request::Status => verbs::status(gateway),
        Request::Organisation { from } => verbs::organisation(gateway, share, from).await,
        Request::Certify => verbs::certify(gateway, body).await,
        Request::CreateSpace => verbs::create_space(gateway, admitted, body).await,
        Request::Spaces => verbs::spaces(gateway, admitted).await,
        Request::Log { space, from } => verbs::log(gateway, caller, space, from).await,
        Request::Outline { space, before, from } => verbs::outline(gateway, caller, space, before, from).await,
        Request::Turns { space, from } => verbs::turns(gateway, caller, space, from).await,
        Request::Commit { space } => verbs::commit(gateway, caller, space, body).await,
        Request::PutChunks { space, chunks } => verbs::put_chunks(gateway, admitted, space, &chunks, body).await,
        Request::HaveChunks { space, ids } => verbs::have_chunks(gateway, admitted, space, ids).await,
        Request::GetChunks { space, ids } => verbs::get_chunks(gateway, admitted, share, space, ids).await,
        Request::OpenInvite => verbs::open_invite(gateway, admitted, body).await,
        Request::Invites => verbs::invites(gateway, caller).await,
        Request::JoinPosts { invite } => verbs::join_posts(gateway, caller, invite).await,
        Request::Seen { space } => verbs::seen(gateway, admitted, space, body).await,
        Request::Seens { space } => verbs::seens(gateway, caller, space).await,
        Request::CheckChunks { space, ids } => verbs::check_chunks(gateway, admitted, space, &ids).await,
        Request::CreateLink => verbs::create_link(gateway, admitted, body).await,
        Request::HoldLink { link, part, ids } => verbs::hold_link(gateway, admitted, link, part, ids).await,
        Request::EndLink => verbs::end_link(gateway, admitted, body).await,
        Request::Links { space } => verbs::links(gateway, caller, space).await,
        Request::CreateFileRequest => verbs::create_file_request(gateway, admitted, body).await,
        Request::FileRequests { space } => verbs::file_requests(gateway, caller, space).await,
        Request::Drops { space, after } => verbs::drops(gateway, admitted, space, after).await,
        Request::DropChunks { space, request, drop, from } => {
            verbs::drop_chunks(gateway, admitted, space, (request, drop), from).await
        }
        Request::TakeDrops => verbs::take_drops(gateway, admitted, body).await,
        Request::Usage { of } => verbs::usage(gateway, admitted, of).await,
        Request::SpacesOf { user, after } => verbs::spaces_of(gateway, admitted, user, after).await,
        Request::NodeStanding { node } => verbs::node_standing(gateway, admitted, node).await,
        Request::Follow { space, from } => {
            drop(body);
            return Ok(Reply::Feed(verbs::follow(gateway, caller, space, from).await?));
        }
    };
    answer.map(Reply::Answer)
}

/// Guests are answered only about an invite or a link that they know; without one, there is nothing here.
async fn route_guest(
    gateway: &Gateway,
    share: &Share,
    request: GuestRequest,
    rest: Rest,
) -> Result<Answer, RequestFault> {
    let bytes_max =
        request.body_bytes_max().ok_or(RequestFault::Bound("a list in the header is longer than allowed"))?;
    let body = rest.body(bytes_max, share).await?;
    match request {
        GuestRequest::Organisation { invite, from } => verbs::guest_organisation(gateway, share, invite, from).await,
        GuestRequest::Invite { invite } => verbs::invite(gateway, share, invite).await,
        GuestRequest::Join { invite } => verbs::join(gateway, invite, body).await,
        GuestRequest::LinkOrganisation { link, from } => verbs::link_organisation(gateway, share, link, from).await,
        GuestRequest::OpenLink { link, token } => verbs::open_link(gateway, share, link, &token).await,
        GuestRequest::LinkChunks { link, token, ids } => verbs::link_chunks(gateway, share, link, &token, ids).await,
    }
}

/// Answers, and counts how it went.
async fn finish(
    gateway: &Gateway,
    verb: &'static str,
    started: Instant,
    answered: Result<Answer, RequestFault>,
    mut send: SendStream,
) {
    let answer = match answered {
        Ok(answer) => answer,
        Err(fault) => {
            tell(verb, &fault);
            let Some(refusal) = fault.refusal() else {
                gateway.metrics.request_done(verb, "gone", started.elapsed());
                return;
            };
            Answer::of(Response::Refused(refusal))
        }
    };
    let outcome = if answer.refusal().is_some() { "refused" } else { "done" };
    gateway.metrics.request_done(verb, outcome, started.elapsed());
    if let Err(fault) = answer.send(&mut send).await {
        tracing::debug!(verb, %fault, "an answer was not taken");
    }
}

fn tell(verb: &'static str, fault: &RequestFault) {
    if fault.is_ours() {
        tracing::error!(verb, %fault, "a request failed");
    } else {
        tracing::debug!(verb, %fault, "a request was not served");
    }
}

fn name(request: &Request) -> &'static str {
    match request {
        Request::Status => "status",
        Request::Organisation { .. } => "organisation",
        Request::Certify => "certify",
        Request::CreateSpace => "create_space",
        Request::Spaces => "spaces",
        Request::Log { .. } => "log",
        Request::Commit { .. } => "commit",
        Request::PutChunks { .. } => "put_chunks",
        Request::HaveChunks { .. } => "have_chunks",
        Request::GetChunks { .. } => "get_chunks",
        Request::OpenInvite => "open_invite",
        Request::Invites => "invites",
        Request::JoinPosts { .. } => "join_posts",
        Request::Follow { .. } => "follow",
        Request::Seen { .. } => "seen",
        Request::Seens { .. } => "seens",
        Request::Outline { .. } => "outline",
        Request::Turns { .. } => "turns",
        Request::Usage { .. } => "usage",
        Request::CheckChunks { .. } => "check_chunks",
        Request::CreateLink => "create_link",
        Request::HoldLink { .. } => "hold_link",
        Request::EndLink => "end_link",
        Request::Links { .. } => "links",
        Request::CreateFileRequest => "create_file_request",
        Request::FileRequests { .. } => "file_requests",
        Request::Drops { .. } => "drops",
        Request::DropChunks { .. } => "drop_chunks",
        Request::TakeDrops => "take_drops",
        Request::SpacesOf { .. } => "spaces_of",
        Request::NodeStanding { .. } => "node_standing",
    }
}

fn guest_name(request: &GuestRequest) -> &'static str {
    match request {
        GuestRequest::Organisation { .. } => "guest_organisation",
        GuestRequest::Invite { .. } => "guest_invite",
        GuestRequest::Join { .. } => "guest_join",
        GuestRequest::LinkOrganisation { .. } => "guest_link_organisation",
        GuestRequest::OpenLink { .. } => "guest_open_link",
        GuestRequest::LinkChunks { .. } => "guest_link_chunks",
    }
}
