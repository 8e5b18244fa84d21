//! What the page asks for to drop files by a file request.
//!
//! ```text
//! POST /request  link(16) ‖ token(32)                                        → bytes left(u64 LE) ‖ drops left(u32 LE) ‖ sealed words
//! POST /record   link(16) ‖ token(32) ‖ drop(16) ‖ number(u32 LE) ‖ object   → id(32), once the object is durable
//! POST /finish   link(16) ‖ token(32) ‖ drop(16) ‖ records(u32 LE) ‖ head    → nothing, once the drop is whole, durably
//! POST /cancel   link(16) ‖ token(32) ‖ drop(16)                             → nothing, once the drop is given up
//! ```
//! Each may be asked again: the same is done once. A record's token is looked at before any of its object is taken in. What has not said yet
//! what it wants takes no place; records have places of their own, so that slow ones hold up no opening.

use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::Response;
use bytes::{Bytes, BytesMut};
use futures::{Stream, StreamExt as _};
use tokio::time::timeout;
use vauban_protocol::id::{DropId, LinkId};
use vauban_protocol::limit::DROP_HEAD_BYTES_MAX;
use vauban_protocol::space::LINK_TOKEN_BYTES;
use vauban_protocol::wire::Refusal;

use super::Page;
use crate::edge::fault::RequestFault;
use crate::edge::verbs::{cancel_drop, finish_drop, keep_record, known_request, opened_request, shown};
use crate::limit::{PAGE_RECORD_BYTES_MAX, PAGE_RECORD_SECONDS_MAX, PAGE_REQUEST_SECONDS_MAX};
use crate::metadata::Beside;

/// Bytes before a record's object, and before a drop's head.
const BEFORE: usize = LinkId::BYTES + LINK_TOKEN_BYTES + DropId::BYTES + size_of::<u32>();

/// What stands before an object or a head.
struct Named {
    request: LinkId,
    token: [u8; LINK_TOKEN_BYTES],
    drop: DropId,
    number: u32,
}

pub(super) async fn request(State(page): State<Arc<Page>>, request: Request) -> Response {
    let started = Instant::now();
    let answered = async {
        let (_place, link, token, rest) = page.question(request).await?;
        if !rest.is_empty() {
            return Err(Refusal::Malformed.into());
        }
        let (known, signed) = opened_request(&page.gateway, link, &token).await?;
        let left = [&known.bytes_left.to_le_bytes()[..], &known.drops_left.to_le_bytes()].concat();
        Ok(Body::from([&left[..], &signed.payload().sealed_words].concat()))
    };
    page.answer("page_request", started, answered.await)
}

pub(super) async fn record(State(page): State<Arc<Page>>, request: Request) -> Response {
    let started = Instant::now();
    let answered = async {
        let reader = page.reader()?;
        let mut body = request.into_body().into_data_stream();
        let mut come = BytesMut::new();
        gather(&mut body, &mut come, BEFORE, PAGE_REQUEST_SECONDS_MAX).await?;
        let named = Named::parse(&come)?;
        let judged = async {
            let _place = page.place()?;
            let known = shown(&page.gateway, named.request, &named.token).await?;
            let record = Arc::clone(&page.records).try_acquire_owned().map_err(|_| Refusal::Unavailable)?;
            Ok::<_, RequestFault>((known, record))
        };
        let (known, _record) = match judged.await {
            Ok(judged) => judged,
            Err(fault) => {
                // A browser that is still sending does not hear why not.
                drain(&mut body).await;
                return Err(fault);
            }
        };
        drop(reader);
        let _reserved = page.share.reserve(PAGE_RECORD_BYTES_MAX).await?;
        gather(&mut body, &mut come, usize::MAX, PAGE_RECORD_SECONDS_MAX).await?;
        let object: Bytes = come.split_off(BEFORE).freeze();
        if object.is_empty() {
            return Err(Refusal::Malformed.into());
        }
        let place = (named.request, named.drop);
        let record = (named.request, named.drop, named.number);
        let (_flight, beside) = Flight::of(&page, record, object.len() as u64)?;
        let chunk = keep_record(&page.gateway, &known, place, named.number, object, beside).await?;
        Ok(Body::from(chunk.0.to_vec()))
    };
    page.answer("page_record", started, answered.await)
}

pub(super) async fn finish(State(page): State<Arc<Page>>, request: Request) -> Response {
    let started = Instant::now();
    let answered = async {
        let reader = page.reader()?;
        let mut body = request.into_body().into_data_stream();
        let mut come = BytesMut::new();
        gather(&mut body, &mut come, BEFORE + DROP_HEAD_BYTES_MAX + 1, PAGE_REQUEST_SECONDS_MAX).await?;
        let named = Named::parse(&come)?;
        let head = come.split_off(BEFORE).freeze();
        if head.len() > DROP_HEAD_BYTES_MAX {
            return Err(Refusal::Malformed.into());
        }
        let _place = page.place()?;
        drop(reader);
        // One that was finished already may be told so, even if the request is over since.
        known_request(&page.gateway, named.request, &named.token).await?;
        finish_drop(&page.gateway, (named.request, named.drop), named.number, head).await?;
        Ok(Body::empty())
    };
    page.answer("page_finish", started, answered.await)
}

pub(super) async fn cancel(State(page): State<Arc<Page>>, request: Request) -> Response {
    let started = Instant::now();
    let answered = async {
        let (_place, request, token, rest) = page.question(request).await?;
        let drop: [u8; DropId::BYTES] = (&*rest).try_into().map_err(|_| Refusal::Malformed)?;
        known_request(&page.gateway, request, &token).await?;
        cancel_drop(&page.gateway, (request, DropId(drop))).await?;
        Ok(Body::empty())
    };
    page.answer("page_cancel", started, answered.await)
}

/// A record on its way to disks: one at a time of each number, so that none is stored beside another that is kept.
struct Flight<'a> {
    page: &'a Page,
    record: (LinkId, DropId, u32),
}

impl<'a> Flight<'a> {
    /// Sets out; what else is under way by the same request.
    fn of(page: &'a Page, record: (LinkId, DropId, u32), bytes: u64) -> Result<(Self, Beside), Refusal> {
        let mut flying = page.flying.lock().unwrap_or_else(PoisonError::into_inner);
        if flying.contains_key(&record) {
            return Err(Refusal::Unavailable);
        }
        let (request, own, _) = record;
        let (first, last) =
            ((request, DropId([0; DropId::BYTES]), 0), (request, DropId([u8::MAX; DropId::BYTES]), u32::MAX));
        let mut beside = Beside::default();
        for ((_, drop, _), bytes) in flying.range(first..=last) {
            beside.bytes = beside.bytes.saturating_add(*bytes);
            if *drop != own && beside.drops.last() != Some(drop) {
                beside.drops.push(*drop);
            }
        }
        flying.insert(record, bytes);
        Ok((Self { page, record }, beside))
    }
}

impl Drop for Flight<'_> {
    fn drop(&mut self) {
        self.page.flying.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.record);
    }
}

impl Named {
    fn parse(bytes: &[u8]) -> Result<Self, Refusal> {
        let (request, rest) = bytes.split_first_chunk::<{ LinkId::BYTES }>().ok_or(Refusal::Malformed)?;
        let (token, rest) = rest.split_first_chunk::<LINK_TOKEN_BYTES>().ok_or(Refusal::Malformed)?;
        let (drop, rest) = rest.split_first_chunk::<{ DropId::BYTES }>().ok_or(Refusal::Malformed)?;
        let number = rest.first_chunk::<4>().ok_or(Refusal::Malformed)?;
        Ok(Self { request: LinkId(*request), token: *token, drop: DropId(*drop), number: u32::from_le_bytes(*number) })
    }
}

/// Takes in until there are `wanted` bytes, or the end: never more than a record, and what stands before it.
async fn gather<E>(
    body: &mut (impl Stream<Item = Result<Bytes, E>> + Unpin),
    come: &mut BytesMut,
    wanted: usize,
    seconds: u64,
) -> Result<(), RequestFault> {
    let gathering = async {
        while come.len() < wanted {
            let Some(piece) = body.next().await else { return Ok(()) };
            let piece = piece.map_err(|_| Refusal::Malformed)?;
            if come.len().saturating_add(piece.len()) > BEFORE + PAGE_RECORD_BYTES_MAX {
                return Err(Refusal::Malformed);
            }
            come.extend_from_slice(&piece);
        }
        Ok(())
    };
    Ok(timeout(Duration::from_secs(seconds), gathering).await.map_err(|_| RequestFault::Slow)??)
}

/// Lets what still comes of a record go by, within its bounds.
async fn drain<E>(body: &mut (impl Stream<Item = Result<Bytes, E>> + Unpin)) {
    let draining = async {
        let mut left = PAGE_RECORD_BYTES_MAX;
        while let Some(Ok(piece)) = body.next().await {
            match left.checked_sub(piece.len()) {
                Some(rest) => left = rest,
                None => return,
            }
        }
    };
    let _ = timeout(Duration::from_secs(PAGE_REQUEST_SECONDS_MAX), draining).await;
}
