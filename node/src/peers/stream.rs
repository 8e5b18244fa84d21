//! One request on one stream, from the calling end.

use std::future::Future;
use std::time::Duration;

use bytes::{BufMut as _, Bytes, BytesMut};
use quinn::Connection;
use tokio::io::{AsyncRead, AsyncReadExt as _};
use tokio::time::timeout;
use vauban_protocol::limit::HEADER_BYTES_MAX;
use vauban_protocol::wire::{
    BODY_LENGTH_BYTES, HEADER_LENGTH_BYTES, body_length, decode_header, encode_head, header_length,
};

use crate::peers::error::PeerError;
use crate::peers::wire::{PeerRequest, PeerResponse};

/// Sends a request whose body's parts are not copied, and reads the answer; a refusal is an error. No step of it, from one piece of the
/// answer to the next, may take longer than `silence`.
pub(super) async fn exchange(
    connection: &Connection,
    request: &PeerRequest,
    body: &[Bytes],
    silence: Duration,
) -> Result<(PeerResponse, Bytes), PeerError> {
    let (mut send, mut recv) = within(silence, connection.open_bi()).await?;
    let body_bytes = body.iter().map(Bytes::len).sum();
    let mut parts = Vec::with_capacity(1 + body.len());
    parts.push(Bytes::from(encode_head(request, body_bytes)));
    parts.extend_from_slice(body);
    // A node that refuses early stops reading; its answer says why.
    let written = within(silence, send.write_all_chunks(&mut parts)).await;
    let _finished = send.finish();
    match read_answer(&mut recv, silence).await {
        Ok((PeerResponse::Refused(refusal), _)) => Err(refusal.into()),
        Ok(answer) => Ok(answer),
        Err(error) => {
            written?;
            Err(error)
        }
    }
}

/// Reads an answer, its lengths held to their bounds before anything is allocated; gives up on who is silent for so long.
pub(crate) async fn read_answer<R: AsyncRead + Unpin>(
    recv: &mut R,
    silence: Duration,
) -> Result<(PeerResponse, Bytes), PeerError> {
    let mut prefix = [0; HEADER_LENGTH_BYTES];
    within(silence, recv.read_exact(&mut prefix)).await?;
    let mut header = vec![0; header_length(prefix, HEADER_BYTES_MAX)?];
    within(silence, recv.read_exact(&mut header)).await?;
    let answer: PeerResponse = decode_header(&header)?;
    let mut prefix = [0; BODY_LENGTH_BYTES];
    within(silence, recv.read_exact(&mut prefix)).await?;
    let length = body_length(prefix, answer.body_bytes_max())?;
    Ok((answer, read_body(recv, length, silence).await?))
}

/// Reads a body of this length; its memory is written once, by what comes.
async fn read_body<R: AsyncRead + Unpin>(recv: &mut R, length: usize, silence: Duration) -> Result<Bytes, PeerError> {
    let mut body = BytesMut::with_capacity(length);
    while body.len() < length {
        let missing = length.saturating_sub(body.len());
        let mut room = (&mut body).limit(missing);
        if within(silence, recv.read_buf(&mut room)).await? == 0 {
            return Err(PeerError::Misbehaved("it sends less than it says".to_owned()));
        }
    }
    Ok(body.freeze())
}

/// What a step comes to, if that does not take longer than `limit`.
pub(crate) async fn within<T, E: Into<PeerError>>(
    limit: Duration,
    step: impl Future<Output = Result<T, E>>,
) -> Result<T, PeerError> {
    match timeout(limit, step).await {
        Ok(done) => done.map_err(Into::into),
        Err(_) => Err(PeerError::Slow),
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::AsyncWriteExt as _;
    use tokio::time::sleep;

    use super::*;
    use crate::replication::ChunkReply;

    const SILENCE: Duration = Duration::from_secs(1);

    /// Bytes of the body of an answer whose sender waits so long before each.
    async fn answered(pauses: Vec<Duration>) -> Result<usize, PeerError> {
        let (mut here, mut there) = tokio::io::duplex(1024);
        let head = encode_head(&PeerResponse::Chunks(ChunkReply::Chunks { chunks: Vec::new() }), pauses.len());
        let answering = tokio::spawn(async move {
            there.write_all(&head).await.unwrap();
            for pause in pauses {
                sleep(pause).await;
                there.write_all(b"x").await.unwrap();
            }
        });
        let read = read_answer(&mut here, SILENCE).await;
        answering.abort();
        read.map(|(_, body)| body.len())
    }

    /// Fails if a slow line is given up although it brings something, or a node that has fallen silent is waited for.
    #[tokio::test]
    async fn silence_ends_an_answer_and_slowness_does_not() {
        assert_eq!(answered(vec![SILENCE / 4; 6]).await, Ok(6));
        assert_eq!(answered(vec![Duration::ZERO, SILENCE * 60]).await, Err(PeerError::Slow));
        assert_eq!(answered(vec![SILENCE * 60]).await, Err(PeerError::Slow));
    }
}
