//! Bytes of files ⇄ sealed chunks on nodes.
//!
//! ```text
//! Job ─► cut (one pass: read, hash, cut) ─► seal (all cores, found again by tag) ─► window (shuffled) ─► PutChunks ─► receipts
//! Version ─► pages ─► GetChunks (several ahead) ─► open (all cores) ─► bytes, in order
//! ```
//! Invariants: every queue is bounded, and so is what is sealed and not yet stored; no chunk counts as stored before its
//! receipts satisfied the policy (invariant 6); nothing is sent that a majority is known to hold.

mod budget;
mod cut;
mod dedup;
mod fetch;
mod meter;
mod nodes;
mod recall;
mod receipts;
mod seal;
mod source;
mod upload;

pub use budget::{ByteBudget, BytePermit};
pub use cut::{CutSummary, HowToCut, cut_file};
pub use dedup::{Dedup, DedupError, Found};
pub use fetch::{ChunkFault, ChunkStream, FetchError, Opened, chunks_of, every_id, fetch_chunk};
pub use meter::Meter;
pub use nodes::{Nodes, NodesError};
pub use recall::LastCut;
pub use receipts::{ReceiptError, judge_receipts};
pub(crate) use seal::is_large_file;
pub use seal::{InFlight, Job, Outgoing, Sealed, SealedFile, Sealer, Sealing, Skip};
pub use source::Source;
pub use upload::{Stored, UploadError, Uploader, have_chunks};
