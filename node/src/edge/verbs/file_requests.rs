//! File requests: made, listed and emptied by members of a space; dropped into by whoever shows the token, of whom nothing else is known.
//!
//! Whoever drops learns how much may still come, and what the request's maker says, sealed; of what others dropped, nothing.

use std::time::Instant;

use bytes::Bytes;
use vauban_protocol::id::{ChunkId, DropId, LinkId, SpaceId};
use vauban_protocol::limit::{REQUEST_BYTES_MAX, REQUESTS_BYTES_MAX};
use vauban_protocol::organisation::QuotaOf;
use vauban_protocol::receipt::Receipt;
use vauban_protocol::signed::Signed;
use vauban_protocol::space::{DropsTaken, FileRequest, LINK_TOKEN_BYTES, Role, is_token};
use vauban_protocol::wire::{DropPlace, LinkPhase, Refusal, Response};

use super::propose::propose;
use crate::chunks::VerifiedChunk;
use crate::edge::answer::Answer;
use crate::edge::caller::Caller;
use crate::edge::fault::RequestFault;
use crate::edge::gateway::Gateway;
use crate::edge::handshake::Admitted;
use crate::edge::incoming::Body;
use crate::metadata::{Beside, KnownRequest, Proposal, Record, RecordNow};

/// An access token, as it is shown.
type Token = [u8; LINK_TOKEN_BYTES];

const _: () = assert!(REQUEST_BYTES_MAX <= REQUESTS_BYTES_MAX);

/// Makes a file request of the asking device.
pub(in crate::edge) async fn create_file_request(
    gateway: &Gateway,
    admitted: &Admitted,
    mut body: Body,
) -> Result<Answer, RequestFault> {
    let request: Signed<FileRequest> = Signed::parse(body.whole().await?)?;
    if request.payload().device != admitted.device() {
        return Err(Refusal::Forbidden.into());
    }
    gateway.member(admitted, request.payload().space, Role::Writer).await?;
    propose(gateway, Proposal::CreateFileRequest(request.bytes().clone())).await
}

/// The file requests of a space, for its members.
pub(in crate::edge) async fn file_requests(
    gateway: &Gateway,
    caller: &Caller,
    space: SpaceId,
) -> Result<Answer, RequestFault> {
    gateway.member(&caller.admitted, space, Role::Reader).await?;
    let reserved = caller.share.reserve(REQUESTS_BYTES_MAX).await?;
    let (requests, standings) = gateway.read(move |view| view.file_requests(space)).await?.into_iter().unzip();
    Ok(Answer::list(Response::FileRequests { standings }, requests, reserved))
}

/// What was dropped into a space, for whoever may take it.
pub(in crate::edge) async fn drops(
    gateway: &Gateway,
    admitted: &Admitted,
    space: SpaceId,
    after: Option<DropPlace>,
) -> Result<Answer, RequestFault> {
    gateway.member(admitted, space, Role::Writer).await?;
    Ok(Answer::of(Response::Drops(gateway.read(move |view| view.drops(space, after)).await?)))
}

/// The chunks of a drop, from a record on.
pub(in crate::edge) async fn drop_chunks(
    gateway: &Gateway,
    admitted: &Admitted,
    space: SpaceId,
    drop: (LinkId, DropId),
    from: u32,
) -> Result<Answer, RequestFault> {
    gateway.member(admitted, space, Role::Writer).await?;
    let chunks = gateway.read(move |view| view.drop_chunks(space, drop, from)).await?;
    Ok(Answer::of(Response::DropChunks { chunks: chunks.ok_or(Refusal::UnknownLink)? }))
}

/// Lets go of drops.
pub(in crate::edge) async fn take_drops(
    gateway: &Gateway,
    admitted: &Admitted,
    mut body: Body,
) -> Result<Answer, RequestFault> {
    let taken: Signed<DropsTaken> = Signed::parse(body.whole().await?)?;
    if taken.payload().device != admitted.device() {
        return Err(Refusal::Forbidden.into());
    }
    gateway.member(admitted, taken.payload().space, Role::Writer).await?;
    propose(gateway, Proposal::TakeDrops(taken.bytes().clone())).await
}

/// How much may still come, and the signed request.
pub(in crate::edge) async fn opened_request(
    gateway: &Gateway,
    request: LinkId,
    token: &Token,
) -> Result<(KnownRequest, Signed<FileRequest>), RequestFault> {
    let known = shown(gateway, request, token).await?;
    let space = known.space;
    let record = gateway.read(move |view| view.file_request_record(space, request)).await?;
    let signed = Signed::parse(record.ok_or(Refusal::UnknownLink)?).map_err(|_| Refusal::UnknownLink)?;
    gateway.links.open(request, Instant::now())?;
    Ok((known, signed))
}

/// Stores a record of a drop as its replicas want it, and keeps it; its address. What would be refused is not stored: nothing sweeps it for
/// a day.
pub(in crate::edge) async fn keep_record(
    gateway: &Gateway,
    known: &KnownRequest,
    (request, drop): (LinkId, DropId),
    number: u32,
    object: Bytes,
    beside: Beside,
) -> Result<ChunkId, RequestFault> {
    if gateway.reserve.standing().is_short {
        return Err(Refusal::MetadataFull.into());
    }
    let object_bytes = u32::try_from(object.len()).map_err(|_| Refusal::Malformed)?;
    let hashed = tokio::task::spawn_blocking(move || VerifiedChunk::of(object)).await;
    let verified = hashed.map_err(|_| Refusal::Unavailable)?.map_err(|_| Refusal::Malformed)?;
    let chunk = verified.id();
    match gateway.read(move |view| view.record_now((request, drop), number, object_bytes, &beside)).await? {
        RecordNow::Welcome => judge_quotas(gateway, known, object_bytes).await?,
        RecordNow::Kept(kept) if kept == chunk => return Ok(chunk),
        RecordNow::Kept(_) => return Err(Refusal::Malformed.into()),
        RecordNow::Refused(refusal) => return Err(refusal.into()),
    }
    gateway.metrics.chunks_uploaded(verified.object().len());
    let receipts = gateway.replication.store(known.space, vec![verified]).await?;
    let rests_on = |receipt: &Receipt| receipt.claim.at;
    let stored_at = receipts.iter().map(rests_on).min().ok_or(Refusal::Unavailable)?;
    let record = Record { request, drop, number, chunk, object_bytes, stored_at };
    propose(gateway, Proposal::AddRecord(record)).await?;
    Ok(chunk)
}

/// Refuses early what its record would be refused for.
async fn judge_quotas(gateway: &Gateway, known: &KnownRequest, object_bytes: u32) -> Result<(), RequestFault> {
    let organisation = gateway.organisation()?;
    let maker = organisation.device(known.device).ok_or(Refusal::UnknownDevice)?.user;
    for of in [QuotaOf::Space(known.space), QuotaOf::User(maker)] {
        let Some(bytes_max) = organisation.quota(of) else { continue };
        let used_bytes = gateway.read(move |view| view.usage(of)).await?;
        if used_bytes.saturating_add(object_bytes.into()) > bytes_max {
            return Err(Refusal::Quota { of, used_bytes, bytes_max }.into());
        }
    }
    Ok(())
}

/// Ends a drop whose records all came.
pub(in crate::edge) async fn finish_drop(
    gateway: &Gateway,
    (request, drop): (LinkId, DropId),
    records: u32,
    head: Bytes,
) -> Result<(), RequestFault> {
    propose(gateway, Proposal::FinishDrop { request, drop, records, head }).await?;
    Ok(())
}

/// Gives up a drop.
pub(in crate::edge) async fn cancel_drop(
    gateway: &Gateway,
    (request, drop): (LinkId, DropId),
) -> Result<(), RequestFault> {
    propose(gateway, Proposal::CancelDrop { request, drop }).await?;
    Ok(())
}

/// A file request, to whoever shows its token; whether it takes anything in is for whoever asks.
pub(in crate::edge) async fn known_request(
    gateway: &Gateway,
    request: LinkId,
    token: &Token,
) -> Result<KnownRequest, RequestFault> {
    let first = gateway.read(move |view| view.file_request(request)).await?;
    let known = match first {
        Some(known) => known,
        None => {
            // Another node may have taken it in a moment ago.
            let is_level = gateway.metadata.catch_up().await;
            let found = gateway.read(move |view| view.file_request(request)).await?;
            found.ok_or(if is_level { Refusal::UnknownLink } else { Refusal::Behind })?
        }
    };
    let now = Instant::now();
    gateway.links.may_ask(request, now)?;
    if is_token(known.token, token) { Ok(known) } else { Err(gateway.links.missed(request, now).into()) }
}

/// The same, if anything is taken in.
pub(in crate::edge) async fn shown(
    gateway: &Gateway,
    request: LinkId,
    token: &Token,
) -> Result<KnownRequest, RequestFault> {
    let known = known_request(gateway, request, token).await?;
    match known.standing.phase {
        LinkPhase::Open => Ok(known),
        LinkPhase::Unfinished => Err(Refusal::UnknownLink.into()),
        LinkPhase::Expired => Err(Refusal::LinkExpired.into()),
        LinkPhase::Ended => Err(Refusal::LinkEnded.into()),
    }
}
