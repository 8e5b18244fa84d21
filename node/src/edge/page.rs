//! The page that opens links in a browser, and file requests, and what it asks for: HTTP on a listener of its own.
//!
//! ```text
//! GET /          the page, byte for byte as devices have signed its hash
//! POST /open     link(16) ‖ token(32)              → the link's sealed head
//! POST /chunks   link(16) ‖ token(32) ‖ ids(32)…   → for each: length(u32 LE) ‖ object; 0 for one that is not there
//! ```
//! It decides nothing that the guests' verbs do not: the same token, the same pace, the same chunks. What a browser takes is bounded in
//! number and bytes, and one that takes nothing is let go. TLS is the business of a proxy before it. What it asks for to drop files is in [`drops`].

mod drops;

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use bytes::Bytes;
use futures::stream;
use tokio::net::TcpListener;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio::time::timeout;
use vauban_protocol::id::{ChunkId, DropId, LinkId};
use vauban_protocol::page::{LINK_PAGE, link_page_policy};
use vauban_protocol::signed::Signed;
use vauban_protocol::space::{LINK_TOKEN_BYTES, SharedLink};
use vauban_protocol::wire::{ChunkAnswer, Refusal};

use crate::edge::fault::RequestFault;
use crate::edge::gateway::Gateway;
use crate::edge::listen::EdgeError;
use crate::edge::memory::Share;
use crate::edge::verbs::{Objects, link_objects, opened_link};
use crate::limit::{
    PAGE_IDS_MAX, PAGE_PIECE_SECONDS_MAX, PAGE_READERS_MAX, PAGE_RECORDS_MAX, PAGE_REQUEST_BYTES_MAX,
    PAGE_REQUEST_SECONDS_MAX, PAGE_REQUESTS_MAX,
};

/// Says which refusal it was, beyond the status.
const REFUSAL: HeaderName = HeaderName::from_static("x-vauban-refusal");
/// Sealed bytes.
const BYTES: &str = "application/octet-stream";

/// A bound address at which nobody is served yet.
pub struct PageListener {
    listener: TcpListener,
    address: SocketAddr,
}

struct Page {
    gateway: Arc<Gateway>,
    /// All browsers together are one client: they never take all of the node's memory.
    share: Share,
    /// For requests that are still coming in: who shows no token yet takes none of the places.
    readers: Arc<Semaphore>,
    places: Arc<Semaphore>,
    records: Arc<Semaphore>,
    /// Bytes of the records on their way to disks.
    flying: Mutex<BTreeMap<(LinkId, DropId, u32), u64>>,
    headers: HeaderMap,
}

impl PageListener {
    /// Binds the address.
    ///
    /// # Errors
    /// [`EdgeError::Page`].
    pub async fn bind(address: SocketAddr) -> Result<Self, EdgeError> {
        let failed = |source: io::Error| EdgeError::Page { address, source };
        let listener = TcpListener::bind(address).await.map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        Ok(Self { listener, address })
    }

    /// Where a browser of this machine finds it.
    pub(super) fn origin(&self) -> String {
        format!("http://{}", self.address)
    }
}

/// Serves browsers until it is dropped.
pub(super) async fn serve(page: PageListener, gateway: Arc<Gateway>) {
    let PageListener { listener, address } = page;
    tracing::info!(%address, "the page of links listens");
    let share = gateway.memory.share();
    let page = Page {
        gateway,
        share,
        readers: Arc::new(Semaphore::new(PAGE_READERS_MAX)),
        places: Arc::new(Semaphore::new(PAGE_REQUESTS_MAX)),
        records: Arc::new(Semaphore::new(PAGE_RECORDS_MAX)),
        flying: Mutex::default(),
        headers: headers(),
    };
    let router = Router::new()
        .route("/", get(index))
        .route("/open", post(open))
        .route("/chunks", post(chunks))
        .route("/request", post(drops::request))
        .route("/record", post(drops::record))
        .route("/finish", post(drops::finish))
        .route("/cancel", post(drops::cancel))
        .with_state(Arc::new(page));
    if let Err(error) = axum::serve(listener, router).await {
        tracing::error!(%error, "the page of links is served no more");
    }
}

/// What every answer says: nothing of it is kept, framed, guessed at or told to others.
fn headers() -> HeaderMap {
    let mut headers = HeaderMap::new();
    let fixed = [
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::X_FRAME_OPTIONS, "DENY"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::CACHE_CONTROL, "no-store"),
        (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
        (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    ];
    for (name, value) in fixed {
        headers.insert(name, HeaderValue::from_static(value));
    }
    if let Ok(policy) = HeaderValue::from_str(&link_page_policy()) {
        headers.insert(header::CONTENT_SECURITY_POLICY, policy);
    }
    headers
}

async fn index(State(page): State<Arc<Page>>) -> Response {
    (page.headers.clone(), [(header::CONTENT_TYPE, "text/html; charset=utf-8")], LINK_PAGE).into_response()
}

async fn open(State(page): State<Arc<Page>>, request: Request) -> Response {
    let started = Instant::now();
    let answered = async {
        let (_place, link, token, rest) = page.question(request).await?;
        if !rest.is_empty() {
            return Err(Refusal::Malformed.into());
        }
        let record = opened_link(&page.gateway, link, &token).await?;
        let signed: Signed<SharedLink> = Signed::parse(record).map_err(|_| Refusal::UnknownLink)?;
        Ok(Body::from(signed.payload().sealed_head.clone()))
    };
    page.answer("page_open", started, answered.await)
}

async fn chunks(State(page): State<Arc<Page>>, request: Request) -> Response {
    let started = Instant::now();
    let answered = async {
        let (place, link, token, rest) = page.question(request).await?;
        let (ids, torn) = rest.as_chunks::<{ ChunkId::BYTES }>();
        if !torn.is_empty() || ids.is_empty() || ids.len() > PAGE_IDS_MAX {
            return Err(Refusal::Malformed.into());
        }
        let ids = ids.iter().map(|id| ChunkId(*id)).collect();
        let objects = link_objects(&page.gateway, &page.share, link, &token, ids).await?;
        Ok(sent(objects, place))
    };
    page.answer("page_chunks", started, answered.await)
}

impl Page {
    /// For a request that is to be read: bytes alone, no work of the node.
    fn reader(&self) -> Result<OwnedSemaphorePermit, Refusal> {
        Arc::clone(&self.readers).try_acquire_owned().map_err(|_| Refusal::Unavailable)
    }

    /// For a request that has said what it wants.
    fn place(&self) -> Result<OwnedSemaphorePermit, Refusal> {
        Arc::clone(&self.places).try_acquire_owned().map_err(|_| Refusal::Unavailable)
    }

    /// What is asked, all of it, with a place for it, and what follows link and token.
    async fn question(
        &self,
        request: Request,
    ) -> Result<(OwnedSemaphorePermit, LinkId, [u8; LINK_TOKEN_BYTES], Bytes), RequestFault> {
        let reader = self.reader()?;
        let limit = Duration::from_secs(PAGE_REQUEST_SECONDS_MAX);
        let body = timeout(limit, to_bytes(request.into_body(), PAGE_REQUEST_BYTES_MAX)).await;
        let body = body.map_err(|_| RequestFault::Slow)?.map_err(|_| Refusal::Malformed)?;
        let (link, rest) = body.split_first_chunk::<{ LinkId::BYTES }>().ok_or(Refusal::Malformed)?;
        let (token, rest) = rest.split_first_chunk::<LINK_TOKEN_BYTES>().ok_or(Refusal::Malformed)?;
        let place = self.place()?;
        drop(reader);
        Ok((place, LinkId(*link), *token, body.slice_ref(rest)))
    }

    fn answer(&self, verb: &'static str, started: Instant, answered: Result<Body, RequestFault>) -> Response {
        let outcome = if answered.is_ok() { "done" } else { "refused" };
        self.gateway.metrics.request_done(verb, outcome, started.elapsed());
        match answered {
            Ok(body) => (self.headers.clone(), [(header::CONTENT_TYPE, BYTES)], body).into_response(),
            Err(fault) => {
                if fault.is_ours() {
                    tracing::error!(verb, %fault, "a request of the page failed");
                } else {
                    tracing::debug!(verb, %fault, "a request of the page was not served");
                }
                let (status, word) = refused(fault.refusal().unwrap_or(Refusal::Unavailable));
                (status, self.headers.clone(), [(REFUSAL, word)]).into_response()
            }
        }
    }
}

/// How a browser is told.
fn refused(refusal: Refusal) -> (StatusCode, &'static str) {
    match refusal {
        Refusal::LinkToken => (StatusCode::FORBIDDEN, "token"),
        Refusal::UnknownLink => (StatusCode::NOT_FOUND, "unknown"),
        Refusal::LinkExpired => (StatusCode::GONE, "expired"),
        Refusal::LinkEnded => (StatusCode::GONE, "ended"),
        Refusal::LinkBusy => (StatusCode::TOO_MANY_REQUESTS, "busy"),
        Refusal::RequestFull => (StatusCode::INSUFFICIENT_STORAGE, "full"),
        Refusal::Quota { .. } | Refusal::DiskFull => (StatusCode::INSUFFICIENT_STORAGE, "room"),
        Refusal::Malformed | Refusal::Forbidden => (StatusCode::BAD_REQUEST, "malformed"),
        _ => (StatusCode::SERVICE_UNAVAILABLE, "unavailable"),
    }
}

/// The objects on their way: their memory and the request's place are given back once the browser has them, or takes nothing for too long.
fn sent(objects: Objects, place: OwnedSemaphorePermit) -> Body {
    let Objects { chunks, objects, reserved } = objects;
    let mut objects = objects.into_iter();
    let mut parts = Vec::with_capacity(chunks.len().saturating_mul(2));
    for chunk in chunks {
        let length = match chunk {
            ChunkAnswer::Present { object_bytes } => object_bytes,
            ChunkAnswer::Missing | ChunkAnswer::Corrupt | ChunkAnswer::Unheard => 0,
        };
        parts.push(Bytes::copy_from_slice(&length.to_le_bytes()));
        if length > 0 {
            parts.extend(objects.next());
        }
    }
    let (send, receive) = mpsc::channel::<Bytes>(1);
    tokio::spawn(async move {
        for part in parts {
            let taken = timeout(Duration::from_secs(PAGE_PIECE_SECONDS_MAX), send.send(part)).await;
            if !matches!(taken, Ok(Ok(()))) {
                break;
            }
        }
        drop((reserved, place));
    });
    let pieces = stream::unfold(receive, |mut receive| async {
        let piece = receive.recv().await?;
        Some((Ok::<_, Infallible>(piece), receive))
    });
    Body::from_stream(pieces)
}
