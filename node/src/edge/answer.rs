//! An answer on its way out: a header, and body parts that go from the store to the stream without a copy.

use std::time::Duration;

use bytes::Bytes;
use quinn::SendStream;
use serde::Serialize;
use vauban_protocol::wire::{ITEM_LENGTH_BYTES, Refusal, Response, encode_head, item_prefix};

use crate::edge::fault::RequestFault;
use crate::edge::memory::Reservation;
use crate::limit::ANSWER_SECONDS_MAX;

/// What a request is answered with.
pub(super) struct Answer {
    response: Response,
    body: Vec<Bytes>,
    reserved: Option<Reservation>,
}

impl Answer {
    /// An answer without a body.
    pub(super) fn of(response: Response) -> Self {
        Self { response, body: Vec::new(), reserved: None }
    }

    /// An answer whose body is these objects, one after the other; `reserved` is their memory.
    pub(super) fn objects(response: Response, body: Vec<Bytes>, reserved: Reservation) -> Self {
        Self { response, body, reserved: Some(reserved) }
    }

    /// An answer whose body is a list: the first of `items`, as many as the answer's bound lets through. `reserved` was there
    /// before they were read.
    pub(super) fn list(response: Response, items: Vec<Bytes>, mut reserved: Reservation) -> Self {
        let bytes_max = response.body_bytes_max();
        let mut body = Vec::with_capacity(items.len().saturating_mul(2));
        let mut body_bytes = 0usize;
        for item in items {
            let bytes = body_bytes.saturating_add(ITEM_LENGTH_BYTES).saturating_add(item.len());
            if bytes > bytes_max {
                break;
            }
            body_bytes = bytes;
            body.push(Bytes::copy_from_slice(&item_prefix(&item)));
            body.push(item);
        }
        reserved.shrink_to(body_bytes);
        Self { response, body, reserved: Some(reserved) }
    }

    /// Whether, and why not, it was done.
    pub(super) fn refusal(&self) -> Option<Refusal> {
        match self.response {
            Response::Refused(refusal) => Some(refusal),
            _ => None,
        }
    }

    /// Sends it, and waits until the peer has all of it: only then its memory is free.
    pub(super) async fn send(self, send: &mut SendStream) -> Result<(), RequestFault> {
        let Self { response, body, reserved } = self;
        let sent = send_message(send, &response, body).await;
        drop(reserved);
        sent
    }
}

/// Sends a message and waits until the peer has all of it.
pub(super) async fn send_message<T: Serialize>(
    send: &mut SendStream,
    header: &T,
    mut body: Vec<Bytes>,
) -> Result<(), RequestFault> {
    let body_bytes = body.iter().map(Bytes::len).sum();
    let sending = async {
        send.write_chunk(encode_head(header, body_bytes).into()).await?;
        send.write_all_chunks(&mut body).await?;
        send.finish().map_err(|error| RequestFault::Gone(error.to_string()))?;
        // Either the peer has it all, or it is gone: both free the memory, and a peer that has it may go at once.
        let _taken = send.stopped().await;
        Ok(())
    };
    tokio::time::timeout(Duration::from_secs(ANSWER_SECONDS_MAX), sending).await.unwrap_or(Err(RequestFault::Slow))
}
