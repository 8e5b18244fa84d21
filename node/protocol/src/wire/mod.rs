//! What travels between a client and a node: one QUIC stream a request (`formats#20`, `#21`).

mod admission;
mod frame;
mod refusal;
mod request;
mod response;

pub use admission::{
    ALPN_DEVICE, ALPN_GUEST, ALPN_NODE, Admission, CloseCode, Hello, exporter_context, proof_message, tls_name,
};
pub use frame::{
    BODY_LENGTH_BYTES, FrameError, HEADER_LENGTH_BYTES, ITEM_LENGTH_BYTES, ListError, body_length, decode_header,
    encode_head, header_length, item_length, item_prefix, push_item, split_items,
};
pub use refusal::Refusal;
pub use request::{ChunkHead, GuestRequest, Request};
pub use response::{
    ChunkAnswer, ChunkState, DropPlace, DropSummary, FileRequestStanding, LinkPhase, LinkStanding, NodeStanding,
    NodeStatus, Response, SpaceOf, SpaceSummary,
};
