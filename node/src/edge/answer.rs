//! An answer on its way out: a header, and body parts that go from the store to the stream without a copy.

use std::time::Duration;

use bytes::Bytes;
use quinn::SendStream;
use serde::Serialize;
use vauban_protocol::wire::{Refusal, Response, encode_head, push_item};

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

    /// An answer whose body is a list: the first of `items`, as many as the answer's bound lets through.
    pub(super) fn list(response: Response, items: &[Bytes]) -> Self {
        let bytes_max = response.body_bytes_max();
        let mut body = Vec::new();
        for item in items {
            if body.len().saturating_add(4).saturating_add(item.len()) > bytes_max {
                break;
            }
            push_item(&mut body, item);
        }
        Self { response, body: vec![body.into()], reserved: None }
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
