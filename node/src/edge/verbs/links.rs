//! Links: made, completed, ended and listed by members of a space; opened by whoever shows the token, of whom nothing else is known.
//!
//! A guest learns nothing without a link's identifier but that there is none; with it, the organisation's chain, by which it judges
//! this node before it shows the token; with the token, the signed link and the chunks that it is about, and no others.

use std::time::Instant;

use bytes::Bytes;
use vauban_protocol::id::{ChunkId, LinkId, SpaceId};
use vauban_protocol::limit::{LINK_BYTES_MAX, LINKS_BYTES_MAX};
use vauban_protocol::signed::Signed;
use vauban_protocol::space::{LINK_TOKEN_BYTES, LinkEnd, Role, SharedLink, is_token};
use vauban_protocol::wire::{ITEM_LENGTH_BYTES, LinkPhase, Refusal, Response};

use super::get_chunks::{Objects, objects};
use super::organisation::organisation;
use crate::edge::answer::Answer;
use crate::edge::caller::Caller;
use crate::edge::fault::RequestFault;
use crate::edge::gateway::Gateway;
use crate::edge::handshake::Admitted;
use crate::edge::incoming::Body;
use crate::edge::memory::Share;
use crate::edge::verbs::propose::propose;
use crate::metadata::{KnownLink, Proposal};

/// An access token, as it is shown.
type Token = [u8; LINK_TOKEN_BYTES];

/// Makes a link of the asking device.
pub(in crate::edge) async fn create_link(
    gateway: &Gateway,
    admitted: &Admitted,
    mut body: Body,
) -> Result<Answer, RequestFault> {
    let link: Signed<SharedLink> = Signed::parse(body.whole().await?)?;
    if link.payload().device != admitted.device() {
        return Err(Refusal::Forbidden.into());
    }
    gateway.member(admitted, link.payload().space, Role::Writer).await?;
    propose(gateway, Proposal::CreateLink(link.bytes().clone())).await
}

/// Names a part of its chunks.
pub(in crate::edge) async fn hold_link(
    gateway: &Gateway,
    admitted: &Admitted,
    link: LinkId,
    part: u8,
    ids: Vec<ChunkId>,
) -> Result<Answer, RequestFault> {
    let space = known(gateway, link).await?.space;
    gateway.member(admitted, space, Role::Writer).await?;
    propose(gateway, Proposal::HoldLink { link, part, ids }).await
}

/// Ends a link.
pub(in crate::edge) async fn end_link(
    gateway: &Gateway,
    admitted: &Admitted,
    mut body: Body,
) -> Result<Answer, RequestFault> {
    let end: Signed<LinkEnd> = Signed::parse(body.whole().await?)?;
    if end.payload().device != admitted.device() {
        return Err(Refusal::Forbidden.into());
    }
    gateway.member(admitted, end.payload().space, Role::Writer).await?;
    propose(gateway, Proposal::EndLink(end.bytes().clone())).await
}

/// The links of a space, for its members.
pub(in crate::edge) async fn links(gateway: &Gateway, caller: &Caller, space: SpaceId) -> Result<Answer, RequestFault> {
    gateway.member(&caller.admitted, space, Role::Reader).await?;
    let reserved = caller.share.reserve(LINKS_BYTES_MAX).await?;
    let (links, standings) = gateway.read(move |view| view.links(space)).await?.into_iter().unzip();
    Ok(Answer::list(Response::Links { standings }, links, reserved))
}

/// The organisation's chain, for whoever knows a link.
pub(in crate::edge) async fn link_organisation(
    gateway: &Gateway,
    share: &Share,
    link: LinkId,
    from: u64,
) -> Result<Answer, RequestFault> {
    known(gateway, link).await?;
    organisation(gateway, share, from).await
}

/// Opens a link.
pub(in crate::edge) async fn open_link(
    gateway: &Gateway,
    share: &Share,
    link: LinkId,
    token: &Token,
) -> Result<Answer, RequestFault> {
    let reserved = share.reserve(LINK_BYTES_MAX.saturating_add(ITEM_LENGTH_BYTES)).await?;
    let record = opened_link(gateway, link, token).await?;
    Ok(Answer::list(Response::LinkOpened, vec![record], reserved))
}

/// Chunks of a link.
pub(in crate::edge) async fn link_chunks(
    gateway: &Gateway,
    share: &Share,
    link: LinkId,
    token: &Token,
    ids: Vec<ChunkId>,
) -> Result<Answer, RequestFault> {
    let Objects { chunks, objects, reserved } = link_objects(gateway, share, link, token, ids).await?;
    Ok(Answer::objects(Response::Chunks { chunks }, objects, reserved))
}

/// The signed link, and one opening more.
pub(in crate::edge) async fn opened_link(
    gateway: &Gateway,
    link: LinkId,
    token: &Token,
) -> Result<Bytes, RequestFault> {
    let space = shown(gateway, link, token).await?;
    let record = gateway.read(move |view| view.link_record(space, link)).await?.ok_or(Refusal::UnknownLink)?;
    gateway.links.open(link, Instant::now())?;
    gateway.links.count(link, &gateway.metadata);
    Ok(record)
}

/// What there is of chunks of a link. One that it is not about is nobody's business here.
pub(in crate::edge) async fn link_objects(
    gateway: &Gateway,
    share: &Share,
    link: LinkId,
    token: &Token,
    ids: Vec<ChunkId>,
) -> Result<Objects, RequestFault> {
    let space = shown(gateway, link, token).await?;
    let asked = ids.clone();
    if !gateway.read(move |view| view.holds_all(link, &asked)).await? {
        return Err(Refusal::Forbidden.into());
    }
    objects(gateway, share, space, ids).await
}

/// The space of a link that is served, to whoever shows its token.
async fn shown(gateway: &Gateway, link: LinkId, token: &Token) -> Result<SpaceId, RequestFault> {
    let known = known(gateway, link).await?;
    let now = Instant::now();
    gateway.links.may_ask(link, now)?;
    if !is_token(known.token, token) {
        return Err(gateway.links.missed(link, now).into());
    }
    match known.phase {
        LinkPhase::Open => Ok(known.space),
        LinkPhase::Unfinished => Err(Refusal::UnknownLink.into()),
        LinkPhase::Expired => Err(Refusal::LinkExpired.into()),
        LinkPhase::Ended => Err(Refusal::LinkEnded.into()),
    }
}

/// A link that exists.
async fn known(gateway: &Gateway, link: LinkId) -> Result<KnownLink, RequestFault> {
    let find = move |found: Option<KnownLink>| found.filter(|known| known.phase != LinkPhase::Unfinished);
    let first = gateway.read(move |view| view.link(link)).await?;
    if let Some(known) = find(first) {
        return Ok(known);
    }
    // Another node may have taken it in, or its last part, a moment ago.
    let is_level = gateway.metadata.catch_up().await;
    let found = gateway.read(move |view| view.link(link)).await?;
    Ok(found.ok_or(if is_level { Refusal::UnknownLink } else { Refusal::Behind })?)
}
