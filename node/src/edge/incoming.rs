//! A message as it comes in: every length is held to its bound before anything is allocated for it (`formats#20`).

use std::time::Duration;

use bytes::{BufMut as _, Bytes, BytesMut};
use quinn::RecvStream;
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::io::AsyncReadExt as _;
use tokio::time::{Instant, timeout, timeout_at};
use vauban_protocol::wire::{BODY_LENGTH_BYTES, HEADER_LENGTH_BYTES, body_length, decode_header, header_length};

use crate::edge::fault::RequestFault;
use crate::edge::memory::{Reservation, Share};
use crate::limit::{BODY_SECONDS_MAX, BODY_SILENCE_SECONDS_MAX, HEADER_SECONDS_MAX};

/// A message's header, and the stream that its body follows on.
pub(super) struct Incoming<T> {
    /// What the peer says.
    pub(super) header: T,
    rest: Rest,
}

/// Everything of a message after its header.
pub(super) struct Rest(RecvStream);

/// A body that is read piece by piece; its memory is reserved until it is dropped.
pub(super) struct Body {
    recv: RecvStream,
    left: usize,
    deadline: Instant,
    _reserved: Reservation,
}

impl<T: Serialize + DeserializeOwned> Incoming<T> {
    /// Reads the header, of at most `header_bytes_max` bytes.
    pub(super) async fn read(mut recv: RecvStream, header_bytes_max: usize) -> Result<Self, RequestFault> {
        let deadline = Instant::now() + Duration::from_secs(HEADER_SECONDS_MAX);
        let mut prefix = [0; HEADER_LENGTH_BYTES];
        prefix.copy_from_slice(&read(&mut recv, HEADER_LENGTH_BYTES, deadline).await?);
        let length = header_length(prefix, header_bytes_max)?;
        let header = decode_header(&read(&mut recv, length, deadline).await?)?;
        Ok(Self { header, rest: Rest(recv) })
    }

    /// The header apart from what follows.
    pub(super) fn split(self) -> (T, Rest) {
        (self.header, self.rest)
    }
}

impl Rest {
    /// The body as a stream, for what never is in memory as a whole, and its length; more than `bytes_max` is refused.
    pub(super) async fn stream(mut self, bytes_max: usize) -> Result<(usize, RecvStream), RequestFault> {
        let deadline = Instant::now() + Duration::from_secs(HEADER_SECONDS_MAX);
        let mut prefix = [0; BODY_LENGTH_BYTES];
        prefix.copy_from_slice(&read(&mut self.0, BODY_LENGTH_BYTES, deadline).await?);
        Ok((body_length(prefix, bytes_max)?, self.0))
    }

    /// The body, once there is memory for it; more than `bytes_max` is refused.
    pub(super) async fn body(mut self, bytes_max: usize, share: &Share) -> Result<Body, RequestFault> {
        let deadline = Instant::now() + Duration::from_secs(HEADER_SECONDS_MAX);
        let mut prefix = [0; BODY_LENGTH_BYTES];
        prefix.copy_from_slice(&read(&mut self.0, BODY_LENGTH_BYTES, deadline).await?);
        let left = body_length(prefix, bytes_max)?;
        let reserved = share.reserve(left).await?;
        let deadline = Instant::now() + Duration::from_secs(BODY_SECONDS_MAX);
        Ok(Body { recv: self.0, left, deadline, _reserved: reserved })
    }
}

impl Body {
    /// Bytes not yet read.
    pub(super) fn left(&self) -> usize {
        self.left
    }

    /// The next `bytes` bytes.
    pub(super) async fn next(&mut self, bytes: usize) -> Result<Bytes, RequestFault> {
        self.left =
            self.left.checked_sub(bytes).ok_or(RequestFault::Bound("the body is shorter than its header says"))?;
        read(&mut self.recv, bytes, self.deadline).await
    }

    /// All that is left.
    pub(super) async fn whole(&mut self) -> Result<Bytes, RequestFault> {
        self.next(self.left).await
    }
}

/// Reads exactly `bytes` bytes before `deadline`, and gives up earlier on a peer that falls silent. Whatever has come is
/// taken at once: waiting for each packet alone would cost more than copying it.
async fn read(recv: &mut RecvStream, bytes: usize, deadline: Instant) -> Result<Bytes, RequestFault> {
    let silence = Duration::from_secs(BODY_SILENCE_SECONDS_MAX);
    let mut whole = BytesMut::with_capacity(bytes);
    while whole.len() < bytes {
        let missing = bytes.saturating_sub(whole.len());
        let mut room = (&mut whole).limit(missing);
        let next = timeout_at(deadline, timeout(silence, recv.read_buf(&mut room)));
        match next.await {
            Ok(Ok(Ok(0))) => {
                return Err(RequestFault::Gone("the stream ends too early".to_owned()));
            }
            Ok(Ok(Ok(_))) => {}
            Ok(Ok(Err(error))) => return Err(RequestFault::Gone(error.to_string())),
            Ok(Err(_)) | Err(_) => return Err(RequestFault::Slow),
        }
    }
    Ok(whole.freeze())
}
