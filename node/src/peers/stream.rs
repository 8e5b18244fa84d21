//! One request on one stream, from the calling end.

use bytes::{BufMut as _, Bytes, BytesMut};
use quinn::{Connection, RecvStream};
use tokio::io::AsyncReadExt as _;
use vauban_protocol::limit::HEADER_BYTES_MAX;
use vauban_protocol::wire::{
    BODY_LENGTH_BYTES, HEADER_LENGTH_BYTES, body_length, decode_header, encode_head, header_length,
};

use crate::peers::error::PeerError;
use crate::peers::wire::{PeerRequest, PeerResponse};

/// Sends a request whose body's parts are not copied, and reads the answer; a refusal is an error.
pub(super) async fn exchange(
    connection: &Connection,
    request: &PeerRequest,
    body: &[Bytes],
) -> Result<(PeerResponse, Bytes), PeerError> {
    let (mut send, mut recv) = connection.open_bi().await?;
    let body_bytes = body.iter().map(Bytes::len).sum();
    let mut parts = Vec::with_capacity(1 + body.len());
    parts.push(Bytes::from(encode_head(request, body_bytes)));
    parts.extend_from_slice(body);
    // A node that refuses early stops reading; its answer says why.
    let written = send.write_all_chunks(&mut parts).await;
    let _finished = send.finish();
    match read_answer(&mut recv).await {
        Ok((PeerResponse::Refused(refusal), _)) => Err(refusal.into()),
        Ok(answer) => Ok(answer),
        Err(error) => {
            written?;
            Err(error)
        }
    }
}

/// Reads an answer, its lengths held to their bounds before anything is allocated.
pub(crate) async fn read_answer(recv: &mut RecvStream) -> Result<(PeerResponse, Bytes), PeerError> {
    let mut prefix = [0; HEADER_LENGTH_BYTES];
    recv.read_exact(&mut prefix).await?;
    let mut header = vec![0; header_length(prefix, HEADER_BYTES_MAX)?];
    recv.read_exact(&mut header).await?;
    let answer: PeerResponse = decode_header(&header)?;
    let mut prefix = [0; BODY_LENGTH_BYTES];
    recv.read_exact(&mut prefix).await?;
    let length = body_length(prefix, answer.body_bytes_max())?;
    Ok((answer, read_body(recv, length).await?))
}

/// Reads a body of this length; its memory is written once, by what comes.
async fn read_body(recv: &mut RecvStream, length: usize) -> Result<Bytes, PeerError> {
    let mut body = BytesMut::with_capacity(length);
    while body.len() < length {
        let missing = length.saturating_sub(body.len());
        if recv.read_buf(&mut (&mut body).limit(missing)).await? == 0 {
            return Err(PeerError::Misbehaved("it sends less than it says".to_owned()));
        }
    }
    Ok(body.freeze())
}
