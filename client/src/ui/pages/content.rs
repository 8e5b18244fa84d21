//! One file's content, sent to the browser as it is opened and verified.
//!
//! It is never shown in a page of this origin: a file may be a page itself. What fails half-way breaks the transfer off, so that a
//! browser does not take a part for the whole.

use std::io;
use std::sync::Arc;

use askama::Template;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{HeaderValue, header};
use axum::response::Response;
use bytes::Bytes;
use serde::Deserialize;
use tokio::sync::{mpsc, oneshot};

use super::moment::When;
use super::{absent, space_id, tree_path};
use crate::failure::Failure;
use crate::limit::UI_PIECES_MAX;
use crate::log::Kind;
use crate::sync::{ReadFile, find_at, read_at};
use crate::ui::desk::Work;
use crate::ui::refusal::refuse;
use crate::ui::sent::Wanted;
use crate::ui::serve::Shared;

/// What an address asks for.
#[derive(Debug, Deserialize)]
pub(in crate::ui) struct Asked {
    path: String,
    #[serde(default)]
    at: String,
    moment: Option<u64>,
}

/// What is known before the first byte.
struct Head {
    name: String,
    bytes: u64,
}

/// A name in a header: percent-encoded, as RFC 8187 wants it.
#[derive(Template)]
#[template(source = "attachment; filename*=UTF-8''{{ name|urlencode_strict }}", ext = "txt")]
struct Disposition<'a> {
    name: &'a str,
}

pub(in crate::ui) async fn send(
    State(shared): State<Arc<Shared>>,
    Path(space): Path<String>,
    Wanted(asked): Wanted<Asked>,
) -> Response {
    let (begun, head) = oneshot::channel();
    let (pieces, sent) = mpsc::channel::<io::Result<Bytes>>(UI_PIECES_MAX);
    let root = shared.root.clone();
    let reading =
        tokio::spawn(async move { shared.desk.work(move |work| stream(work, &space, &asked, begun, &pieces)).await });
    match head.await {
        Ok(head) => attachment(&head, sent),
        Err(_) => match reading.await {
            Ok(Err(failure)) => refuse(&root, &failure),
            _ => refuse(&root, &Failure::Bug("a file was not begun")),
        },
    }
}

fn attachment(head: &Head, mut sent: mpsc::Receiver<io::Result<Bytes>>) -> Response {
    let body = Body::from_stream(futures::stream::poll_fn(move |cx| sent.poll_recv(cx)));
    let mut response = Response::new(body);
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/octet-stream"));
    headers.insert(header::CONTENT_LENGTH, HeaderValue::from(head.bytes));
    let disposition = Disposition { name: &head.name }.render().unwrap_or_default();
    if let Ok(value) = HeaderValue::from_str(&disposition) {
        headers.insert(header::CONTENT_DISPOSITION, value);
    }
    response
}

fn stream(
    work: &Work,
    space: &str,
    asked: &Asked,
    begun: oneshot::Sender<Head>,
    pieces: &mpsc::Sender<io::Result<Bytes>>,
) -> Result<(), Failure> {
    let path = tree_path(&asked.path)?;
    let space = work.open(space_id(space)?)?.space;
    let shown = When::new(&asked.at, asked.moment).shown(&space)?;
    let child =
        find_at(&space, &path, shown.moment)?.filter(|child| child.kind == Kind::File).ok_or_else(|| absent(&path))?;
    let mut file = read_at(&space, child.entry, shown.moment)?.ok_or_else(|| absent(&path))?;
    if begun.send(Head { name: child.name.as_str().to_owned(), bytes: file.version.bytes }).is_err() {
        return Ok(());
    }
    let result = pour(&mut file, pieces);
    if let Err(failure) = &result {
        let _ = pieces.blocking_send(Err(io::Error::other(failure.to_string())));
    }
    result
}

/// Ends early, without complaint, when nobody takes it any more.
fn pour(file: &mut ReadFile, pieces: &mpsc::Sender<io::Result<Bytes>>) -> Result<(), Failure> {
    while let Some(piece) = file.next_chunk()? {
        if pieces.blocking_send(Ok(Bytes::copy_from_slice(piece.as_ref()))).is_err() {
            break;
        }
    }
    Ok(())
}
