//! A space's log, from the bytes that a node sends to the tree that they mean. Pure: no socket, clock or disk.
//!
//! ```text
//! bytes ─► chain (verified, in place) ─► epochs (opened) ─► ops ─► fold ─► tree of entries, each with its version
//! ```
//! Invariants: what is folded was verified; every client that folds the same commits holds the same tree; a log that forked,
//! went backwards or lost a commit of this device stops everything (invariant 5).

mod chain;
mod checkpoint;
mod entry;
mod epochs;
mod falsehood;
mod fold;
mod map_tree;
mod op;
mod pages;
mod version;

pub use chain::{LogError, Seen, VerifiedCommit, found, verify_next, verify_outline};
pub use checkpoint::{
    Checkpoint, CheckpointError, Roster, Row, RowsError, TreeHasher, VouchedCheckpoint, decode_rows, encode_checkpoint,
    encode_rows, push_row,
};
pub use entry::{EntryId, EntryName, Kind, NameError};
pub use epochs::{Admission, EpochError, EpochSecrets, Epochs, KeysSaid, keys_of, listed};
pub use falsehood::{Falsehood, FalsehoodOf};
pub use fold::{Effect, FOLD_VERSION, Place, Tree, Void, apply};
pub use map_tree::MapTree;
pub use op::{Changes, OPS_PLAIN_BYTES_MAX, Op, OpsBatch, Said, decode_ops, encode_ops, read_ops};
pub use pages::{PageError, decode_page, encode_page, is_paged, page_spans};
pub use version::{ChunkList, ChunkRef, Version};
