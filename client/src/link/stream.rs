//! One request on one stream: `formats#20` over QUIC; and what a follower is told after its answer (`formats#22`).

use std::future::Future;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use quinn::{Connection, ConnectionError, ReadError, ReadExactError, RecvStream, SendStream, WriteError};
use serde::Serialize;
use serde::de::DeserializeOwned;
use vauban_protocol::limit::{COMMIT_BYTES_MAX, HEADER_BYTES_MAX};
use vauban_protocol::wire::{
    BODY_LENGTH_BYTES, CloseCode, FrameError, HEADER_LENGTH_BYTES, ITEM_LENGTH_BYTES, body_length, decode_header,
    encode_head, header_length, item_length,
};

use crate::limit::STALL_SECONDS_MAX;
use crate::link::{Misbehaviour, Pace};

/// Packets' contents that are taken from a stream at once: waiting for each alone would cost more than copying it.
const PIECES_MAX: usize = 32;

/// How one exchange on a connection failed.
#[derive(Debug)]
pub(super) enum StreamError {
    /// The connection ended.
    Lost(ConnectionError),
    /// The node gave this one stream up.
    Reset,
    /// Nothing moved for too long.
    Stalled,
    /// The node broke the protocol.
    Misbehaved(Misbehaviour),
}

/// The rest of a stream on which items come one by one, for as long as the node tells.
#[derive(Debug)]
pub(super) struct Feed(RecvStream);

/// Sends a header and a body whose parts are not copied, and reads the answer.
pub(super) async fn exchange<Q: Serialize, A: Serialize + DeserializeOwned>(
    connection: &Connection,
    question: &Q,
    body: &[Bytes],
    body_bytes_max: impl FnOnce(&A) -> usize,
) -> Result<(A, Bytes), StreamError> {
    exchange_at(&Pace::default(), connection, question, body, body_bytes_max).await
}

/// The same, no faster than `pace` lets the bodies.
pub(super) async fn exchange_at<Q: Serialize, A: Serialize + DeserializeOwned>(
    pace: &Pace,
    connection: &Connection,
    question: &Q,
    body: &[Bytes],
    body_bytes_max: impl FnOnce(&A) -> usize,
) -> Result<(A, Bytes), StreamError> {
    let (mut send, mut receive) = unstalled(connection.open_bi()).await?;
    match write(&mut send, question, body, pace).await {
        Ok(()) => {}
        // A node that refuses early stops reading; its answer says why.
        Err(StreamError::Reset) => {}
        Err(error) => return Err(error),
    }
    let (answer, length) = read_head(&mut receive, body_bytes_max).await?;
    let body = read_body(&mut receive, length, pace).await?;
    Ok((answer, body))
}

/// Sends a header, and reads the answer's; where `goes_on` says so, items follow it, and it has no body.
pub(super) async fn open_feed<Q: Serialize, A: Serialize + DeserializeOwned>(
    connection: &Connection,
    question: &Q,
    goes_on: impl FnOnce(&A) -> bool,
    body_bytes_max: impl FnOnce(&A) -> usize,
) -> Result<(A, Option<Feed>), StreamError> {
    let (mut send, mut receive) = unstalled(connection.open_bi()).await?;
    let pace = Pace::default();
    write(&mut send, question, &[], &pace).await?;
    let (answer, length) = read_head(&mut receive, body_bytes_max).await?;
    if !goes_on(&answer) {
        read_body(&mut receive, length, &pace).await?;
        return Ok((answer, None));
    }
    Ok((answer, Some(Feed(receive))))
}

impl Feed {
    /// The next item, however long it takes to come; `None` once the node has ended the stream between two of them. A node
    /// that is gone is noticed by its connection. Not to be dropped half-way, if the feed is to be used again.
    pub(super) async fn next(&mut self) -> Result<Option<Bytes>, StreamError> {
        let mut prefix = [0; ITEM_LENGTH_BYTES];
        match self.0.read_exact(&mut prefix).await {
            Ok(()) => {}
            Err(ReadExactError::FinishedEarly(0)) => return Ok(None),
            Err(error) => return Err(error.into()),
        }
        let mut item = vec![0; item_length(prefix, COMMIT_BYTES_MAX)?];
        unstalled(self.0.read_exact(&mut item)).await?;
        Ok(Some(item.into()))
    }
}

async fn write<Q: Serialize>(
    send: &mut SendStream,
    question: &Q,
    body: &[Bytes],
    pace: &Pace,
) -> Result<(), StreamError> {
    let body_bytes = body.iter().map(Bytes::len).sum();
    let mut parts = Vec::with_capacity(1 + body.len());
    parts.push(Bytes::from(encode_head(question, body_bytes)));
    if pace.limits_sending() {
        for piece in pace.pieces(body) {
            pace.sends(piece.len()).await;
            parts.push(piece);
            write_all(send, &mut parts).await?;
            parts.clear();
        }
    } else {
        parts.extend_from_slice(body);
    }
    write_all(send, &mut parts).await?;
    send.finish().map_err(|_| StreamError::Reset)
}

async fn write_all(send: &mut SendStream, parts: &mut [Bytes]) -> Result<(), StreamError> {
    let mut rest = parts;
    while !rest.is_empty() {
        let written = unstalled(send.write_chunks(rest)).await?;
        rest = rest.get_mut(written.chunks..).unwrap_or_default();
    }
    Ok(())
}

async fn read_head<A: Serialize + DeserializeOwned>(
    receive: &mut RecvStream,
    body_bytes_max: impl FnOnce(&A) -> usize,
) -> Result<(A, usize), StreamError> {
    let mut prefix = [0; HEADER_LENGTH_BYTES];
    unstalled(receive.read_exact(&mut prefix)).await?;
    let mut header = vec![0; header_length(prefix, HEADER_BYTES_MAX)?];
    unstalled(receive.read_exact(&mut header)).await?;
    let answer: A = decode_header(&header)?;
    let mut prefix = [0; BODY_LENGTH_BYTES];
    unstalled(receive.read_exact(&mut prefix)).await?;
    let length = body_length(prefix, body_bytes_max(&answer))?;
    Ok((answer, length))
}

async fn read_body(receive: &mut RecvStream, length: usize, pace: &Pace) -> Result<Bytes, StreamError> {
    let mut body = BytesMut::with_capacity(length);
    let mut pieces = [const { Bytes::new() }; PIECES_MAX];
    while let Some(read) = unstalled(receive.read_chunks(&mut pieces)).await? {
        let before = body.len();
        for piece in pieces.iter_mut().take(read).map(std::mem::take) {
            if piece.len() > length - body.len() {
                return Err(StreamError::Misbehaved(Misbehaviour::Length));
            }
            body.extend_from_slice(&piece);
        }
        pace.received(body.len() - before).await;
    }
    if body.len() < length {
        return Err(StreamError::Misbehaved(Misbehaviour::Length));
    }
    Ok(body.freeze())
}

async fn unstalled<T, E>(step: impl Future<Output = Result<T, E>>) -> Result<T, StreamError>
where
    StreamError: From<E>,
{
    let limit = Duration::from_secs(STALL_SECONDS_MAX);
    Ok(tokio::time::timeout(limit, step).await.map_err(|_| StreamError::Stalled)??)
}

/// Whether the node closed the connection with this code.
pub(super) fn is_closed_with(error: &ConnectionError, code: CloseCode) -> bool {
    matches!(error, ConnectionError::ApplicationClosed(close) if close.error_code.into_inner() == code as u64)
}

impl From<ConnectionError> for StreamError {
    fn from(error: ConnectionError) -> Self {
        Self::Lost(error)
    }
}

impl From<WriteError> for StreamError {
    fn from(error: WriteError) -> Self {
        match error {
            WriteError::ConnectionLost(error) => Self::Lost(error),
            WriteError::Stopped(_) | WriteError::ClosedStream | WriteError::ZeroRttRejected => Self::Reset,
        }
    }
}

impl From<ReadError> for StreamError {
    fn from(error: ReadError) -> Self {
        match error {
            ReadError::ConnectionLost(error) => Self::Lost(error),
            ReadError::Reset(_)
            | ReadError::ClosedStream
            | ReadError::IllegalOrderedRead
            | ReadError::ZeroRttRejected => Self::Reset,
        }
    }
}

impl From<ReadExactError> for StreamError {
    fn from(error: ReadExactError) -> Self {
        match error {
            ReadExactError::FinishedEarly(_) => Self::Misbehaved(Misbehaviour::Length),
            ReadExactError::ReadError(error) => error.into(),
        }
    }
}

impl From<FrameError> for StreamError {
    fn from(error: FrameError) -> Self {
        Self::Misbehaved(error.into())
    }
}
